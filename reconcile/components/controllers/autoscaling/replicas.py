"""
How many replicas a metric asks for: its value over its target, times the pods that count.

Pods whose metric is missing, and pods that are not ready yet, are taken for what makes the change smaller: as idle when
there are to be more, as at their target when there are to be fewer.

Takes:    pods, what was measured of them, a target.
Gives:    numbers of replicas, and what the metric is now; Unknown if it cannot be told.
Source:   pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go.
Left out: nothing known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.model import amounts
from reconcile.model.conditions import find

# As kube-controller-manager has it: --horizontal-pod-autoscaler-tolerance, -cpu-initialization-period,
# -initial-readiness-delay.
TOLERANCE: Final = 0.1
CPU_INITIALIZATION: Final[Duration] = 5 * MINUTE
READINESS_DELAY: Final[Duration] = 30 * SECOND

_MOST: Final = (1 << 31) - 1
_LARGEST: Final = (1 << 63) - 1
_SMALLEST: Final = -1 << 63
_WHOLE: Final = 100  # percent
_NO_PODS: Final = "no pods returned by selector while calculating replica count"
_NOT_RECEIVED: Final = "did not receive metrics for targeted pods (pods might be unready)"


class Unknown(Exception):  # noqa: N818 -- no fault, but an answer
    """How many replicas a metric asks for cannot be told; its text says why, in upstream's words."""

    def __init__(self, why: str, wrapped: str = "") -> None:
        """*why* is what the autoscaler says; *wrapped* what is said where several metrics are, if that is more."""
        super().__init__(why)
        self.wrapped = wrapped or why


@quick
@attrs.frozen(weakref_slot=False)
class Measured:
    """What was measured of a pod: thousandths, at an instant, over the window before it."""

    value: int
    at: Instant
    window: Duration


@quick
@attrs.frozen(weakref_slot=False)
class Tolerances:
    """
    How far a metric may be from its target before there are fewer or more replicas, and for how long a pod starts.

    Args:
        down, up: as a share of the target.
        initialization: for so long after its start a pod's use of processors counts only while it is ready.
        delay: for so long after its start a pod that is not ready may never have been.
    """

    down: float = TOLERANCE
    up: float = TOLERANCE
    initialization: Duration = CPU_INITIALIZATION
    delay: Duration = READINESS_DELAY

    def cover(self, ratio: float) -> bool:
        """Tell whether a metric of *ratio* times its target is near enough to it."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def by_utilization(  # noqa: PLR0917 -- what upstream's rule goes by
    pods: Sequence[Any],
    measured: Mapping[str, Measured],
    resource: str,
    target: int,
    current: int,
    tolerances: Tolerances,
    container: str,
    now: Instant,
) -> tuple[int, int, int]:
    """
    Judge how much of what they ask for pods use.

    Args:
        pods: all that the target's selector selects.
        measured: by the pod's name.
        resource: cpu, memory, ...
        target: in percent of what is asked for.
        current: how many replicas there are to be now.
        tolerances: how far from the target is near enough.
        container: whose use alone counts; empty for all.
        now: the instant.

    Returns:
        How many replicas, the utilization in percent, the average use in thousandths.

    Raises:
        Unknown: nothing was measured that counts, or a pod does not say how much it asks for.
    """
    groups = _grouped(pods, measured, resource, tolerances, now)
    asked = {pod.metadata.name: _asked(pod, container, resource) for pod in pods}
    ratio, utilization, average = _utilization(groups.measured, asked, target)
    larger = max(_WHOLE, target)
    missing = {name: asked[name] * larger // _WHOLE for name in groups.missing}

    def again(values: dict[str, int]) -> float:
        return _utilization(values, asked, target)[0]

    return _judged(groups, ratio, current, tolerances, missing, again), utilization, average


def by_value(  # noqa: PLR0917 -- likewise
    pods: Sequence[Any],
    measured: Mapping[str, Measured],
    resource: str,
    target: int,
    current: int,
    tolerances: Tolerances,
    now: Instant,
) -> tuple[int, int]:
    """
    Judge what was measured of pods against an average, in thousandths both.

    Returns:
        How many replicas, and the average.

    Raises:
        Unknown: nothing was measured that counts.
    """
    groups = _grouped(pods, measured, resource, tolerances, now)

    def again(values: dict[str, int]) -> float:
        return _average(values) / target

    average = _average(groups.measured)
    missing = dict.fromkeys(groups.missing, target)
    return _judged(groups, average / target, current, tolerances, missing, again), average


def by_total(pods: Sequence[Any], value: int, target: int, current: int, tolerances: Tolerances) -> int:
    """
    Judge one value of all pods together against its target; of no replicas, without tolerance.

    Raises:
        Unknown: there are no pods.
    """
    ratio = value / target
    if current == 0:
        return min(math.ceil(ratio), _MOST)
    if tolerances.cover(ratio):
        return current
    if not pods:
        raise Unknown(f"unable to calculate ready pods: {_NO_PODS}")
    ready = [pod for pod in pods if pod.status is not None and pod.status.phase == "Running" and _is_ready(pod)]
    return min(math.ceil(ratio * len(ready)), _MOST)


def by_share(value: int, target: int, there: int, tolerances: Tolerances) -> tuple[int, int]:
    """
    Judge one value of all pods together against what each is to have of it.

    Args:
        value: in thousandths.
        target: for each pod, likewise.
        there: how many pods there are, as the scale's status says.
        tolerances: how far from the target is near enough.

    Returns:
        How many replicas, and what each has now.
    """
    if there == 0:
        # In Go a division by zero is infinite, and no integer: what comes out is the smallest.
        return min(math.ceil(value / target), _MOST), _SMALLEST
    near = tolerances.cover(value / (target * there))
    wanted = there if near else min(math.ceil(value / target), _MOST)
    return wanted, min(math.ceil(value / there), _LARGEST)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class _Groups:
    """The pods that count, by name: what was measured, those that are not ready, those of which nothing is known."""

    ready: int
    measured: dict[str, int]
    unready: tuple[str, ...]
    missing: tuple[str, ...]


def _grouped(
    pods: Sequence[Any], measured: Mapping[str, Measured], resource: str, tolerances: Tolerances, now: Instant
) -> _Groups:
    if not pods:
        raise Unknown(_NO_PODS)
    ready, ignored, unready, missing = 0, set[str](), list[str](), list[str]()
    for pod in pods:
        name, phase = pod.metadata.name, pod.status.phase if pod.status else ""
        if pod.metadata.deletion_timestamp is not None or phase == "Failed":
            ignored.add(name)
        elif phase == "Pending":
            unready.append(name)
        elif name not in measured:
            missing.append(name)
        elif resource == "cpu" and _starts(pod, measured[name], tolerances, now):
            unready.append(name)
        else:
            ready += 1
    left_out = {*ignored, *unready}
    kept = {name: each.value for name, each in measured.items() if name not in left_out}
    if not kept:
        raise Unknown(_NOT_RECEIVED)
    return _Groups(ready=ready, measured=kept, unready=tuple(unready), missing=tuple(missing))


def _starts(pod: Any, measured: Measured, tolerances: Tolerances, now: Instant) -> bool:
    """Tell whether a pod's use of processors is that of its start, which says nothing of its load."""
    condition, started = find(pod.status.conditions, "Ready"), pod.status.start_time
    if condition is None or started is None:
        return True
    since = condition.last_transition_time.instant if condition.last_transition_time else 0
    if started.instant + tolerances.initialization > now:
        return bool(condition.status == "False" or measured.at < since + measured.window)
    return bool(condition.status == "False" and started.instant + tolerances.delay > since)


def _judged(  # noqa: PLR0917 -- likewise
    groups: _Groups,
    ratio: float,
    current: int,
    tolerances: Tolerances,
    missing: dict[str, int],
    again: Callable[[dict[str, int]], float],
) -> int:
    """Give how many replicas *ratio* asks for, or *current* if that would be too small a change or the wrong one."""
    more_come = bool(groups.unready) and ratio > 1.0
    if not more_come and not missing:
        return current if tolerances.cover(ratio) else math.ceil(ratio * groups.ready)
    values = dict(groups.measured)
    if ratio < 1.0:
        values |= missing
    elif ratio > 1.0:
        values |= dict.fromkeys(missing, 0)
    if more_come:
        values |= dict.fromkeys(groups.unready, 0)
    new = again(values)
    if tolerances.cover(new) or (ratio < 1.0 < new) or (ratio > 1.0 > new):
        return current
    wanted = math.ceil(new * len(values))
    if (new < 1.0 and wanted > current) or (new > 1.0 and wanted < current):
        return current
    return wanted


def _utilization(values: Mapping[str, int], asked: Mapping[str, int], target: int) -> tuple[float, int, int]:
    known = [name for name in values if name in asked]
    used, wanted = sum([values[name] for name in known]), sum([asked[name] for name in known])
    if wanted == 0:
        raise Unknown("no metrics returned matched known pods")
    utilization = used * _WHOLE // wanted
    return utilization / target, utilization, used // len(known)


def _average(values: Mapping[str, int]) -> int:
    total, count = sum(values.values()), len(values)
    return -(-total // count) if total < 0 else total // count


def _is_ready(pod: Any) -> bool:
    condition = find(pod.status.conditions, "Ready")
    return condition is not None and condition.status == "True"


def _asked(pod: Any, container: str, resource: str) -> int:
    """Give how much of *resource* a pod asks for, or one container of it, in thousandths."""
    spec, name = pod.spec, pod.metadata.name
    of_pod = spec.resources.requests if spec.resources is not None else None
    if of_pod and not container:
        quantity = amounts.of_pod(spec, "requests").get(resource)
        if quantity is None:
            raise Unknown(f"missing pod-level request for {resource} in Pod {name}")
        return int(quantity.milli)
    total: int = 0
    beside = [each for each in spec.init_containers or () if each.restart_policy == "Always"]
    for each in (*spec.containers, *beside):
        if container and each.name != container:
            continue
        quantity = ((each.resources.requests if each.resources else None) or {}).get(resource)
        if quantity is None:
            raise Unknown(f"missing request for {resource} in container {each.name} of Pod {name}")
        total += int(quantity.milli)
        if container:
            return int(total)
    if container:
        raise Unknown(f"container {container} not found in Pod {name}")
    return total
