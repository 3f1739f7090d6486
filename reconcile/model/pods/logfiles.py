"""
Log files: which lines of a container are in the newest file of its log, as its kubelet rotates it.

Takes:    lines with their times, and how the kubelet is configured.
Gives:    the lines that can be read.
Source:   the kubelet's containerLogManager; the CRI's log format, `TIME stdout F LINE`.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.lib.instant import Duration, Instant

_BEFORE: Final = len("2026-01-01T00:00:00.000000001Z stdout F ") + 1  # what a file has beside a line's own bytes


def newest(
    rows: list[tuple[Instant, str]], began: Instant, ended: Instant, *, most: int, every: Duration
) -> list[tuple[Instant, str]]:
    """
    Give the lines of the newest file.

    Args:
        rows: (instant, line), in order.
        began: when the container was started.
        ended: up to when its kubelet looks after its log.
        most: so many bytes a file has at least when it is put away; below 0 none ever is.
        every: how often the kubelet looks.
    """
    if most < 0:
        return rows
    first, size, look = 0, 0, began + every
    for place, (at, line) in enumerate(rows):
        if look <= at:
            if size >= most:
                first, size = place, 0
            look += ((at - look) // every + 1) * every
        size += len(line.encode()) + _BEFORE
    return [] if size >= most and look <= ended else rows[first:]
