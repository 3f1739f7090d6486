"""
Failures: which keys a controller cannot reconcile, and why: what the API server forbids it, above all.

Takes:    a cluster.
Gives:    sentences, none if every controller has done what it had to do.
Source:   kube-controller-manager's log, where upstream says the same.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Cluster
from reconcile.components import controllers


def failures(cluster: Cluster) -> tuple[str, ...]:
    """Say of each key whose last reconcile failed which it is, how often in a row it failed, and why."""
    said: list[str] = []
    for name, state in cluster.states.items():
        if not isinstance(state, controllers.State):
            continue
        for controller, key, failure in controllers.failing(state):
            times = "" if failure.times == 1 else f" ({failure.times} times in a row)"
            said.append(f"{name}: {controller} fails at {_text(key)}{times}: {failure.why}")
    return tuple(said)


def _text(key: controllers.Key) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
