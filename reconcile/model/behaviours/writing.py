"""
Writing: the log of a container, line by line, at the instants at which it writes them.

Takes:    a Behaviour, from when to when the container ran.
Gives:    the lines, each with its instant; what is left of them and of its message for a status.
Source:   the words of a behaviours document.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from operator import itemgetter
from typing import Final

from reconcile.lib.instant import HOUR, SECOND, Instant
from reconcile.model.behaviours.behaviour import Behaviour
from reconcile.model.behaviours.curves import NANO

_DAY: Final = 24 * HOUR
MOST: Final = 10_000
"""How many times of a line that comes again and again are kept: a log is rotated."""
_MESSAGE: Final = 4096
_TAIL, _TAIL_LINES = 2048, 80
"""How much of a termination message and of a log's end the kubelet looks at: letters, lines."""


def last_words(behaviour: Behaviour, began: Instant, ended: Instant) -> tuple[str, str]:
    """Give what a container that has ended wrote to its termination message path, and the last of its log."""
    lines = written(behaviour, began, ended)
    return behaviour.message[:_MESSAGE], "".join([f"{line}\n" for _, line in lines[-_TAIL_LINES:]])[-_TAIL:]


def written(behaviour: Behaviour, began: Instant, ended: Instant) -> list[tuple[Instant, str]]:
    """Give the lines that a container has written that began to run then, and has run until *ended*."""
    found = [(began, line) for line in behaviour.logs]
    for line in behaviour.writes:
        if line.served:
            continue
        first = began + line.after
        if first > ended:
            continue
        last = (ended - first) // line.every if line.every else 0
        found += [(first + turn * line.every, line.text) for turn in range(max(0, last + 1 - MOST), last + 1)]
    return sorted(found, key=itemgetter(0))


def served(
    behaviour: Behaviour, began: Instant, ended: Instant, rate: Callable[[Instant], int]
) -> list[tuple[Instant, str]]:
    """
    Give the lines that a container has written for requests, the last of them.

    Args:
        behaviour: what it does.
        began: since when it runs.
        ended: up to when it has run.
        rate: gives the requests a second at an instant, in billionths.
    """
    lines = [line.text for line in behaviour.writes if line.served]
    if not lines:
        return []
    start = began + max((ended - began) // _DAY - 1, 0) * _DAY  # of what is older nothing is left
    times = [*range(start, ended, SECOND), ended]
    sums, before = [0], rate(start)
    for low, high in pairwise(times):
        after = rate(high)
        sums.append(sums[-1] + (before + after) * (high - low) // (2 * SECOND))
        before = after
    found: list[tuple[Instant, str]] = []
    for place in range(len(times) - 2, -1, -1):
        low, more = sums[place], sums[place + 1] - sums[place]
        for request in range((low + more) // NANO, low // NANO, -1):
            if len(found) >= MOST:
                return found[::-1]
            at = times[place] + (request * NANO - low) * (times[place + 1] - times[place]) // more
            found += [(at, line) for line in reversed(lines)]
    return found[::-1]
