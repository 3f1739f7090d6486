"""
Back-off: how long a Job's pods that failed wait for those that replace them.

Takes:    pods that finished, counts of failures.
Gives:    counts, durations.
Source:   pkg/controller/job/backoff_utils.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.model import conditions

FIRST: Final[Duration] = 10 * SECOND
LONGEST: Final[Duration] = 10 * MINUTE

FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
IGNORED: Final = "batch.kubernetes.io/job-index-ignored-failure-count"
_LARGEST: Final = 2**31 - 1


@quick
@attrs.frozen(weakref_slot=False)
class Failures:
    """How many pods failed since the last one that succeeded, and when the last one did."""

    count: int = 0
    last: Instant = 0


def after(old: Failures, succeeded: tuple[Any, ...], failed: tuple[Any, ...]) -> Failures:
    """Give the failures when these pods, which were not counted before, have finished."""
    ends = sorted([finished_at(pod) for pod in failed])
    if not succeeded:
        return Failures(old.count + len(ends), ends[-1]) if ends else old
    last = max([finished_at(pod) for pod in succeeded])
    later = [end for end in ends if end > last]
    return Failures(len(later), later[-1]) if later else Failures()


def remaining(failures: Failures, now: Instant) -> Duration:
    """Give how long the next pod has to wait."""
    if not failures.count:
        return 0
    # Beyond 2^6 every back-off is the longest one.
    wait = min(FIRST << min(failures.count - 1, 6), LONGEST)
    return max(wait - (now - failures.last), 0)


def remaining_of_index(last_failed: Any, now: Instant) -> Duration:
    """Give how long an index whose last pod is *last_failed* has to wait; None for one without a failure."""
    if last_failed is None:
        return 0
    return remaining(Failures(sum(counts_of(last_failed)) + 1, finished_at(last_failed)), now)


def counts_of(pod: Any) -> tuple[int, int]:
    """Give how many failures of its index came before *pod*: those that count, and those that were ignored."""
    annotations = pod.metadata.annotations or {}
    return _count(annotations.get(FAILURES)), _count(annotations.get(IGNORED))


def _count(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit():
        return 0
    count = int(text)
    return count if count <= _LARGEST else 0


def finished_at(pod: Any) -> Instant:
    """Give when *pod* finished: its last container, else its readiness, else its deletion, else its creation."""
    ended = _containers_ended(pod)
    if ended is not None:
        return ended
    metadata, status = pod.metadata, pod.status
    ready = conditions.find(status.conditions if status else None, "Ready")
    if ready is not None and ready.status == "False" and ready.last_transition_time is not None:
        return int(ready.last_transition_time.instant)
    if metadata.deletion_timestamp is not None:
        return int(metadata.deletion_timestamp.instant) - (metadata.deletion_grace_period_seconds or 0) * SECOND
    return int(metadata.creation_timestamp.instant) if metadata.creation_timestamp else 0


def _containers_ended(pod: Any) -> Instant | None:
    """Give when the last ordinary container or sidecar ended; None if one has not, or it is not known."""
    status = pod.status
    if status is None:
        return None
    sidecars = [each.name for each in pod.spec.init_containers or () if each.restart_policy == "Always"]
    said = [each for each in status.init_container_statuses or () if each.name in sidecars]
    ends: list[Instant] = []
    for container in (*(status.container_statuses or ()), *said):
        ended = container.state.terminated if container.state else None
        if ended is None or ended.finished_at is None:
            return None
        ends.append(ended.finished_at.instant)
    return max(ends, default=None)
