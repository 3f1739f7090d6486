"""
Pace: how a served cluster's time goes with the clock on the wall.

`N` is N times as fast. `max` leaps to the next timer as soon as nothing is left to do, until the cluster is at rest, or
half an hour of its time has gone by since somebody wrote something: a container that crashes again and again never
comes to rest. Then it goes as the clock does, so that heartbeats come when they are due. `manual` stands still until it
is told, and what can happen at an instant happens. `held` lets nothing happen at all that nobody chooses.

Who goes round in a circle at one instant would never let time move. So it does after a while by the clock on the wall,
a longer while each time: a real cluster's limits make it pay with time as well.
"""

from __future__ import annotations

import time
from typing import Final

from reconcile.driver.run import LIMIT
from reconcile.driver.serving.live import Live
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant

_SLICE: Final = 2_000  # steps that are taken before requests get their turn
_LONGEST: Final = 60 * SECOND  # between two goes at a circle


class Pace:
    """
    Moves one cluster's time.

    Args:
        live: the cluster.
        speed: a number, `max`, `manual` or `held`.
    """

    def __init__(self, live: Live, speed: str) -> None:
        self._live = live
        self.speed = speed
        self._rate = _rate(speed)
        self._leaps = speed == "max"
        self.holds = speed == "held"
        """Whether nothing happens by itself, not even at this instant."""
        self._wall = time.monotonic_ns()
        self._leaps_until = live.now + LIMIT
        self.waits = False
        """Whether somebody outside is waited for: then time goes no faster than the clock on the wall."""
        self._pause = SECOND
        self._held = 0  # until when time stands still, for a circle; 0 if there is none

    def change(self, speed: str) -> None:
        """Go on at another speed; ReconcileError if it is none."""
        self._rate = _rate(speed)
        self.speed, self._leaps, self.holds = speed, speed == "max", speed == "held"
        self._wall = time.monotonic_ns()

    def stir(self) -> None:
        """Let there be leaps again: somebody has written something."""
        self._leaps_until = self._live.now + LIMIT

    def move(self) -> bool:
        """Move on a little; tell whether there is more to do at once."""
        live = self._live
        if self.holds:
            return False
        if self._held:
            return self._hold()
        if not live.play(_SLICE):
            return True
        if live.circle:
            self._held = time.monotonic_ns() + self._pause
            return False
        at = live.next_timer()
        if self._leaps and not self.waits and live.busy and at is not None and at <= self._leaps_until:
            self._wall = time.monotonic_ns()
            live.advance(at)
            return True
        self._pause = SECOND
        if not self._rate:
            return False
        target = self._target()
        if at is not None and at <= target:
            self._spend(at)
            live.advance(at)
            return True
        # A cluster at rest is left alone: its time catches up when somebody asks.
        return False

    def catch_up(self) -> None:
        """Let a cluster at rest have the time that it is by the clock on the wall, as far as no timer is due."""
        if self.holds or self._held or not self._rate or not self._live.play(_SLICE) or self._live.circle:
            return
        at, target = self._live.next_timer(), self._target()
        if target > self._live.now and (at is None or at > target):
            self._spend(target)
            self._live.advance(target)

    def _hold(self) -> bool:
        now = time.monotonic_ns()
        if now < self._held or not self._rate:
            return False
        self._held, self._wall = 0, now
        self._pause = min(2 * self._pause, _LONGEST)
        self._live.pass_over()
        return True

    def _target(self) -> Instant:
        rate = min(self._rate, 1.0) if self.waits else self._rate
        return self._live.now + max(int((time.monotonic_ns() - self._wall) * rate), 0)

    def _spend(self, to: Instant) -> None:
        rate = min(self._rate, 1.0) if self.waits else self._rate
        self._wall += int((to - self._live.now) / rate)


def _rate(speed: str) -> float:
    if speed in ("max", "manual", "held"):
        return 1.0 if speed == "max" else 0.0
    try:
        rate = float(speed)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ReconcileError(f"speed: {speed!r} is no positive number, and none of max, manual, held")
    return rate
