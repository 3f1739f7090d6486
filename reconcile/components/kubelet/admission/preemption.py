"""
Preemption: a pod that is critical to its system is taken although there is no room: others end for it.

Takes:    a pod that was bound to this node and does not fit.
Gives:    Record, and the end of pods.
Source:   the kubelet's preemption package.
Left out: nothing known.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from reconcile.components.kubelet.admission import admission
from reconcile.components.kubelet.admission.admission import NANO, is_critical, requests_of
from reconcile.components.kubelet.pod import ending
from reconcile.components.kubelet.state import LocalPod, State, Trouble, with_seldom
from reconcile.effects import Effect, Record
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model.pods.qos import qos_class

_SAID: Final = "Preempted in order to admit critical pod"
_WHY: Final = "Pod was preempted by Kubelet to accommodate a critical pod."
_CLASSES: Final = ("BestEffort", "Burstable", "Guaranteed")
_FAILED: Final = "Unexpected error while attempting to recover from admission failure: preemption: "

Needs = dict[str, int]


def make_room(  # noqa: PLR0917 -- what `pods` knows of it, in its order
    state: State, uid: str, wanted: Any, asked: dict[str, int], now: Instant, out: list[Effect]
) -> tuple[State, tuple[str, str] | None]:
    """End other pods for a critical one, which then waits until they are gone; or say why it may not run either way."""
    victims, why = chosen(state, wanted, asked)
    if why is not None:
        return state, why
    trouble = state.seldom.trouble or Trouble()
    critical = trouble.critical.set(uid, wanted)
    return preempted(with_seldom(state, trouble=replace(trouble, critical=critical)), victims, now, out), None


def chosen(state: State, wanted: Any, asked: dict[str, int]) -> tuple[list[LocalPod], tuple[str, str] | None]:
    """Choose whom to end for a critical pod that has *asked* for so much; or say why it may not have it either way."""
    other = admission.unsuited(state, wanted)
    if other is not None:
        return [], other
    pods = sorted(state.pods.values(), key=lambda pod: pod.key)
    going = [pod for pod in pods if pod.life == "ending"]
    needs = _less({name: short for name, short, _ in admission.shortages(state, asked)}, going)
    running = [pod for pod in pods if pod.life in {"running", "restarting"} and not is_critical(pod)]
    victims = _victims(running, needs)
    if victims is None:
        left = _less(needs, running).items()
        unmet = "".join([f"(res: {name}, q: {_shown(name, amount)}), " for name, amount in left])
        why = f"error finding a set of pods to preempt: no set of running pods found to reclaim resources: [{unmet}]"
        said = f"{_FAILED}{why}"
        return [], ("UnexpectedAdmissionError", said)
    return victims, None


def preempted(state: State, victims: list[LocalPod], now: Instant, out: list[Effect]) -> State:
    """End those that were chosen."""
    for pod in victims:
        out.append(Record(pod.pod, "Warning", "Preempting", _SAID))
        state = ending.kill(state, pod, ("Preempting", _SAID, _WHY), now, out, grace=ending.grace_of(pod.pod))
    return state


def _victims(pods: list[LocalPod], needs: Needs) -> list[LocalPod] | None:
    """Choose whom to end: of each class only what those below it cannot free."""
    best, burst, guaranteed = [[pod for pod in pods if qos_class(pod.pod.spec) == each] for each in _CLASSES]
    if _less(needs, pods):
        return None
    first = _closest(guaranteed, _less(needs, [*best, *burst]))
    second = _closest(burst, _less(needs, [*best, *first]))
    third = _closest(best, _less(needs, [*second, *first]))
    return [*third, *second, *first]


def _closest(pods: list[LocalPod], needs: Needs) -> list[LocalPod]:
    chosen: list[LocalPod] = []
    left = list(pods)
    while needs:
        pod = min(left, key=lambda pod: (_distance(pod, needs), *_size(pod)))
        left.remove(pod)
        chosen.append(pod)
        needs = _less(needs, [pod])
    return chosen


def _distance(pod: LocalPod, needs: Needs) -> Fraction:
    has = _asked(pod)
    return sum(
        (Fraction(max(amount - has.get(name, 0), 0), amount) ** 2 for name, amount in needs.items()), Fraction(0)
    )


def _size(pod: LocalPod) -> tuple[int, int]:
    has = _asked(pod)
    return has.get("memory", 0), has.get("cpu", 0)


def _less(needs: Needs, pods: list[LocalPod]) -> Needs:
    rows = [(name, amount - sum([_asked(pod).get(name, 0) for pod in pods])) for name, amount in needs.items()]
    return {name: amount for name, amount in rows if amount > 0}


def _asked(pod: LocalPod) -> dict[str, int]:
    return {"pods": NANO, **requests_of(pod.pod.spec)}


def _shown(name: str, amount: int) -> int:
    return -(-amount // (NANO // 1000 if name == "cpu" else NANO))
