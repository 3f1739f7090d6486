"""
Mounting: a pod that names what its volumes are made of waits until that is there, and says what is missing.

Each object is asked for by name, and only for a pod that names it. What is missing is asked for again, later each time;
a pod whose volumes need nothing is not touched here.

Takes:    answers to its reads, the timer `mount`.
Gives:    Call, SetTimer, CancelTimer, Record.
Source:   the kubelet's volume manager, and nestedpendingoperations for the back-off; getPullSecretsForPod.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.awaited import Mounting
from reconcile.components.kubelet.container import credentials
from reconcile.components.kubelet.node import nodes
from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.components.kubelet.volume import asking, following, growing, holding, volumes
from reconcile.effects import Call, CancelTimer, Effect, SetTimer
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import CLAIMS
from reconcile.model.requests import Response

CLAIMS_AGAIN: Final = 10 * SECOND
"""How long after it found a claim that cannot be used the kubelet looks at the pod again."""


def awaits(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Tell whether a pod waits for what its volumes are made of, or for its pull secrets; at first, ask for them."""
    known = state.seldom.mounting.get(pod.uid)
    if known is None:
        asked = () if pod.static else volumes.named_by(pod)
        if not asked and not volumes.needs_driver(pod):
            follows = state.seldom.follows and pod.uid not in state.seldom.following
            return (following.begin(state, pod, {}, now, out) if follows else state), False
        state = _asked(state, pod, Mounting(), asked, out, now=now)
        known = state.seldom.mounting[pod.uid]
    if known.done:
        spec: Any = pod.pod.spec
        if spec.image_pull_secrets:
            state = credentials.read(state, pod, known.found, now, out)
        if state.seldom.follows:
            state = following.begin(state, pod, known.found, now, out)
        if state.seldom.drivers:
            state = growing.begin(state, pod, known.found, now, out)
        return with_seldom(state, mounting=state.seldom.mounting.remove(pod.uid)), False
    return state, True


def answered(
    state: State, pod: LocalPod, answer: dict[str, Response], now: Instant, out: list[Effect]
) -> tuple[State, bool]:
    """Take the answer about one object in; tell whether the pod has all that it waited for."""
    known = state.seldom.mounting.get(pod.uid)
    if known is None or known.done or not set(known.asked).issuperset(answer):
        return state, False
    known = replace(known, found=known.found.merge(answer))
    if len(known.found) < len(known.asked):
        return _keep(state, pod, known), False
    state = _asked(state, pod, known, volumes.named_further(known.found), out, now=now)
    return state, state.seldom.mounting[pod.uid].done


def again(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Ask anew for all that the pod names; tell whether it has it."""
    known = state.seldom.mounting.get(pod.uid)
    if known is None or known.done or pod.life != "running":
        return state, False
    state = _asked(state, pod, replace(known, asked=(), found=Map()), volumes.named_by(pod), out, now=now)
    return state, state.seldom.mounting[pod.uid].done


def dropped(state: State, pod: LocalPod, out: list[Effect]) -> State:
    """Wait for nothing more, and follow nothing: the pod ends."""
    state = following.released(state, pod, out)
    seldom = state.seldom
    if pod.uid in seldom.secrets:
        out.append(CancelTimer((credentials.RESOURCE, pod.uid)))
        state = with_seldom(state, secrets=seldom.secrets.remove(pod.uid))
    if pod.uid not in seldom.mounting:
        return state
    out.append(CancelTimer(("mount", pod.uid)))
    return with_seldom(state, mounting=seldom.mounting.remove(pod.uid))


def _asked(
    state: State, pod: LocalPod, known: Mounting, wanted: tuple[str, ...], out: list[Effect], *, now: Instant
) -> State:
    """Ask for what is not known yet of *wanted*; if that is nothing, judge what is."""
    new = tuple([key for key in wanted if key not in known.asked])
    if new:
        out += [Call(asking.request_of(pod, key), ("mount", pod.uid, key)) for key in new]
        return _keep(state, pod, replace(known, asked=(*known.asked, *new)))
    if any(key.startswith(CLAIMS) for key in known.asked):
        state, is_more = holding.held(state, pod, volumes.attachable(known.found))
        if is_more:
            state = nodes.changed(state, now, out)
    return _keep(state, pod, _judged(state, pod, known, now, out))


def _judged(state: State, pod: LocalPod, known: Mounting, now: Instant, out: list[Effect]) -> Mounting:
    faults = volumes.faults_of(state, pod, known.found, known.failures)
    if not faults:
        return replace(known, done=True)
    out += asking.told(pod, faults)
    failures = known.failures
    for fault in faults:
        if fault.operation:
            failures = failures.set(fault.tried, failures.get(fault.tried, 0) + 1)
    delay = asking.next_delay(known.delay)
    wait = CLAIMS_AGAIN if all(fault.of_claim for fault in faults) else delay
    out.append(SetTimer(("mount", pod.uid), now + wait))
    return replace(known, delay=delay, failures=failures)


def _keep(state: State, pod: LocalPod, known: Mounting) -> State:
    return with_seldom(state, mounting=state.seldom.mounting.set(pod.uid, known))
