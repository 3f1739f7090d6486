"""
Pace: how a served cluster's time goes with the clock on the wall.

`N` is N times as fast. `max` leaps to the next timer as soon as nothing is left to do, until the cluster is at rest;
at rest it goes as the clock does, so that heartbeats come when they are due. `manual` stands still until it is told.
"""

from __future__ import annotations

import time
from typing import Final

from reconcile.driver.live import Live
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant

_SLICE: Final = 2_000  # steps that are taken before requests get their turn


class Pace:
    """
    Moves one cluster's time.

    Args:
        live: the cluster.
        speed: a number, `max` or `manual`.
    """

    def __init__(self, live: Live, speed: str) -> None:
        self._live = live
        self._rate = _rate(speed)
        self._leaps = speed == "max"
        self._wall = time.monotonic_ns()

    def move(self) -> bool:
        """Move on a little; tell whether there is more to do at once."""
        live = self._live
        if not live.play(_SLICE):
            return True
        at = live.next_timer()
        if self._leaps and live.busy and at is not None:
            self._wall = time.monotonic_ns()
            live.advance(at)
            return True
        if not self._rate:
            return False
        target = self._target()
        if at is not None and at <= target:
            self._spend(at)
            live.advance(at)
            return True
        self._spend(target)
        live.advance(target)
        return False

    def _target(self) -> Instant:
        return self._live.now + int((time.monotonic_ns() - self._wall) * self._rate)

    def _spend(self, to: Instant) -> None:
        self._wall += int((to - self._live.now) / self._rate)


def _rate(speed: str) -> float:
    if speed in ("max", "manual"):
        return 1.0 if speed == "max" else 0.0
    try:
        rate = float(speed)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ReconcileError(f"speed: {speed!r} is neither a positive number nor max nor manual")
    return rate
