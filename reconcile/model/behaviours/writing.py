"""
Writing: the log of a container, line by line, at the instants at which it writes them.

Takes:    a Behaviour, from when to when the container ran.
Gives:    the lines, each with its instant; what is left of them and of its message for a status.
Source:   the words of a behaviours document.
Left out: nothing known.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from reconcile.lib.instant import Instant
from reconcile.model.behaviours.behaviour import Behaviour

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
        first = began + line.after
        if first > ended:
            continue
        last = (ended - first) // line.every if line.every else 0
        found += [(first + turn * line.every, line.text) for turn in range(max(0, last + 1 - MOST), last + 1)]
    return sorted(found, key=itemgetter(0))
