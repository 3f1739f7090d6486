"""
Shutdown: a host that is about to shut down has its pods ended before, group by group, those of low priority first.

Takes:    HostShutsDown, the timer `shutdown`.
Gives:    Record, SetTimer, the Node's status, and the end of pods.
Source:   the kubelet's nodeshutdown package;
          https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/
Left out: the host's power: it stays on until somebody turns it off.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.node import nodes
from reconcile.components.kubelet.pod import ending
from reconcile.components.kubelet.state import LocalPod, State, Trouble, with_seldom
from reconcile.effects import CancelTimer, Effect, Record, SetTimer
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import settings_of

_SAID: Final = "Pod was terminated in response to imminent node shutdown."
_CALM: Final = Trouble()


def begin(state: State, now: Instant, out: list[Effect]) -> State:
    """Begin to end the pods, if the kubelet is set up to."""
    groups = settings_of(state.host.kubelet).shutdown
    known = state.seldom.trouble or _CALM
    if not groups or known.shuts_down:
        return state
    out.append(Record(nodes.about(state), "Normal", "Shutdown", "Shutdown manager detected shutdown event"))
    state = with_seldom(state, trouble=replace(known, shuts_down=True, stays_up=False, groups=groups, group=()))
    return _next(nodes.report(state, now, out), now, out)


def cancelled(state: State, now: Instant, out: list[Effect]) -> State:
    """Take in that the host stays up: what was begun is gone through with, then the Node is ready again."""
    known = state.seldom.trouble
    if known is None or not known.shuts_down:
        return state
    state = with_seldom(state, trouble=replace(known, stays_up=True))
    return state if known.groups or known.group else _over(state, now, out)


def due(state: State, now: Instant, out: list[Effect]) -> State:
    """Go on with the next group if the last one has ended, or its time is over."""
    known = state.seldom.trouble
    if known is None or not known.group:
        return state
    alive = [uid for uid in known.group if (pod := state.pods.get(uid, None)) is not None and pod.life == "ending"]
    if alive and now < known.until:
        out.append(SetTimer(("shutdown",), known.until))
        return state
    return _next(state, now, out)


def _next(state: State, now: Instant, out: list[Effect]) -> State:
    known = state.seldom.trouble
    assert known is not None, "a shutdown is under way"
    all_groups = settings_of(state.host.kubelet).shutdown
    groups = known.groups
    while groups:
        (priority, grace), groups = groups[0], groups[1:]
        pods = [
            pod
            for pod in state.pods.values()
            if pod.life in {"running", "restarting"} and _group(pod, all_groups) == priority
        ]
        if not pods:
            continue
        trouble = replace(known, groups=groups, group=tuple([pod.uid for pod in pods]), until=now + grace)
        out.append(SetTimer(("shutdown",), now + grace))
        state = with_seldom(state, trouble=trouble)
        for pod in pods:
            spec: Any = pod.pod.spec
            own = spec.termination_grace_period_seconds
            time = grace if own is None else min(grace, int(own) * SECOND)
            state = ending.kill(state, pod, ("Terminated", _SAID, _SAID), now, out, grace=time)
        return state
    out.append(CancelTimer(("shutdown",)))
    state = with_seldom(state, trouble=replace(known, groups=(), group=()))
    return _over(state, now, out) if known.stays_up else state


def _over(state: State, now: Instant, out: list[Effect]) -> State:
    known = state.seldom.trouble
    assert known is not None, "a shutdown was under way"
    out.append(Record(nodes.about(state), "Normal", "Shutdown", "Shutdown manager detected shutdown cancellation"))
    return nodes.report(with_seldom(state, trouble=replace(known, shuts_down=False, stays_up=False)), now, out)


def _group(pod: LocalPod, groups: tuple[tuple[int, Duration], ...]) -> int:
    """Give the priority of the group that a pod is in: the highest that is not above its own, else the lowest."""
    spec: Any = pod.pod.spec
    below = [priority for priority, _ in groups if priority <= (spec.priority or 0)]
    return below[-1] if below else groups[0][0]
