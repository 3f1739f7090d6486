"""
Completion indexes: which of an Indexed Job's are done, as intervals, and which index a pod has.

Takes:    texts such as `0-2,4` of a Job's status and policies; pods.
Gives:    intervals, ascending and with a gap between any two; indexes.
Source:   pkg/controller/job/indexed_job_utils.go.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

Intervals: TypeAlias = tuple[tuple[int, int], ...]
"""(first, last) of each run of indexes, both included."""

COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
UNKNOWN: Final = -1

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


def parsed(text: str | None, completions: int) -> Intervals:
    """Read *text*; what lies beyond the *completions* is cut off, and what is no interval left out."""
    found: list[tuple[int, int]] = []
    for part in (text or "").split(",") if text else ():
        ends = part.split("-")
        if not all(_INTEGER.fullmatch(end) for end in ends[:2]):
            continue
        first = int(ends[0])
        if first >= completions:
            break
        last = min(int(ends[1]), completions - 1) if len(ends) > 1 else first
        if found and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def written(intervals: Intervals) -> str:
    """Write *intervals* as a status has them: two neighbours with a comma, three and more with a hyphen."""
    return ",".join([str(one) if one == last else f"{one}{_between(one, last)}{last}" for one, last in intervals])


def _between(first: int, last: int) -> str:
    return "," if last == first + 1 else "-"


def total(intervals: Intervals) -> int:
    """Count the indexes."""
    return sum([last - first + 1 for first, last in intervals])


def has(intervals: Intervals, index: int) -> bool:
    """Tell whether *index* is among them."""
    return any(first <= index <= last for first, last in intervals)


def merged(one: Intervals, other: Intervals) -> Intervals:
    """Give the indexes of both."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((*one, *other)):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def including(intervals: Intervals, indexes: Iterable[int]) -> Intervals:
    """Give *intervals* with some *indexes* more."""
    return merged(intervals, tuple([(index, index) for index in indexes]))


def common(one: Intervals, other: Intervals) -> int:
    """Count the indexes that are in both."""
    count, mine, theirs = 0, 0, 0
    while mine < len(one) and theirs < len(other):
        count += max(min(one[mine][1], other[theirs][1]) - max(one[mine][0], other[theirs][0]) + 1, 0)
        if one[mine][1] <= other[theirs][1]:
            mine += 1
        else:
            theirs += 1
    return count


def missing(intervals: Intervals, count: int, completions: int) -> tuple[int, ...]:
    """Give the first *count* indexes below *completions* that are not among *intervals*."""
    found: list[int] = []
    candidate = 0
    for first, last in (*intervals, (completions, completions)):
        while candidate < min(first, completions) and len(found) < count:
            found.append(candidate)
            candidate += 1
        candidate = max(candidate, last + 1)
    return tuple(found)


def index_of(pod: Any) -> int:
    """Give the pod's completion index; `UNKNOWN` if it has none."""
    text = (pod.metadata.annotations or {}).get(COMPLETION_INDEX)
    if text is None or not _INTEGER.fullmatch(text):
        return UNKNOWN
    return max(int(text), UNKNOWN)


def indexes_of(pods: Iterable[Any]) -> tuple[int, ...]:
    """Give the completion indexes of *pods*, ascending, each once."""
    return tuple(sorted({index for index in map(index_of, pods) if index != UNKNOWN}))
