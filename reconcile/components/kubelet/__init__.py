"""The kubelet: owns the life of the containers on its host."""

from reconcile.components.kubelet.component import State, begin, step, watches

__all__ = ["State", "begin", "step", "watches"]
