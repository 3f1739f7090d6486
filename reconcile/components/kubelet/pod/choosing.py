"""
Choosing: which of a pod's containers are to be started, and whether it has run its course.

Source:   kuberuntime's computePodActions; the container restart rules.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.kubelet.state import UNDER_WAY, Container, LocalPod, restart_policy

_SERVING: Final = ("main", "sidecar")


def restarts(pod: LocalPod, container: Container) -> bool:
    """Tell whether a container that has exited is to be started again."""
    if container.kind == "sidecar":
        return True
    if container.kind == "ephemeral":
        return False
    spec = container.spec
    if spec.restart_policy_rules and rule_for(container):
        return True
    policy = spec.restart_policy or restart_policy(pod.pod)
    if policy == "Always" and container.kind == "main":
        return True
    return policy != "Never" and container.code != 0


def rule_for(container: Container) -> str:
    """Give what the restart rules of a container that has exited say: Restart, RestartAllContainers or nothing."""
    for rule in container.spec.restart_policy_rules or ():
        codes = rule.exit_codes
        if codes is not None and (container.code in (codes.values or ())) == (codes.operator == "In"):
            return str(rule.action)
    return ""


def may_restart_all(containers: tuple[Container, ...]) -> bool:
    """Tell whether there is a restart rule by which all of these containers are started again."""
    for container in containers:
        for rule in container.spec.restart_policy_rules or ():
            if rule.action == "RestartAllContainers":
                return True
    return False


def calls_for_all(pod: LocalPod) -> bool:
    """Tell whether a container has ended in a way that means that all of its pod are to be started again."""
    return any(kept.stage == "exited" and rule_for(kept) == "RestartAllContainers" for kept in pod.containers)


def added(pod: LocalPod) -> tuple[Container, ...]:
    """Give the ephemeral containers that are to be started: they wait for no other, and are never started again."""
    return tuple([kept for kept in pod.containers if kept.kind == "ephemeral" and kept.stage == "new"])


def startable(pod: LocalPod) -> tuple[tuple[Container, ...], bool]:
    """Give the containers that are to be started if nothing holds them back, and whether initialisation is over."""
    if not pod.initialised:
        restarted: list[Container] = []
        for container in pod.containers:
            stage = container.stage
            if container.kind == "main":
                break
            if stage == "new":
                return tuple(restarted) or (container,), False
            if container.kind == "sidecar":
                if stage == "exited":
                    restarted.append(container)
                elif not container.started:
                    return tuple(restarted), False
            elif stage != "exited":
                return tuple(restarted), False
            elif container.code:
                return (*restarted, container) if restarts(pod, container) else tuple(restarted), False
        if restarted:  # a sidecar that ended must be there again before anything else begins
            return tuple(restarted), False
    return tuple(
        [
            container
            for container in pod.containers
            if container.kind in _SERVING
            and (container.stage == "new" or (container.stage == "exited" and restarts(pod, container)))
        ]
    ), True


def under_way(pod: LocalPod) -> bool:
    """Tell whether the runtime is just bringing one of the pod's containers up."""
    for container in pod.containers:  # noqa: SIM110 -- asked at every step: a generator costs as much as the answer
        if container.stage in UNDER_WAY:
            return True
    return False


def finished(pod: LocalPod) -> bool:
    """Tell whether the pod has run its course: no container that counts will run again."""
    for container in pod.containers:
        if container.kind == "main":
            if container.stage != "exited" or restarts(pod, container):
                return False
        elif not pod.initialised and container.kind == "init" and container.stage == "exited" and container.code:
            return not restarts(pod, container)
    return True
