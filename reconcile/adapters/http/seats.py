"""Seats: requests of a served cluster that wait until priority and fairness lets them in."""

from __future__ import annotations

import asyncio
from typing import Final

from reconcile.components.apiserver import rest
from reconcile.driver.serving.fairness import Gate, Seat
from reconcile.driver.serving.live import Live
from reconcile.store import Reads

_QUEUED: Final = 15.0  # seconds that a request waits in its queue: a quarter of what it may take


class Seats:
    """The seats of one served cluster, and who waits for one."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.patience = _QUEUED
        self._waiting: dict[Seat, asyncio.Future[None]] = {}
        self._store: Reads | None = None

    async def take(self, live: Live, http: rest.HttpRequest) -> Seat | None:
        """Wait until a request may be served; None if too many others are before it."""
        belongs = live.belongs(http)
        self._store = live.machine.store
        if belongs is None:
            return Seat("")
        seat = self.gate.arrive(belongs, self._store)
        if seat is None or seat.served:
            return seat
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[seat] = future
        try:
            await asyncio.wait((future,), timeout=self.patience)
        except asyncio.CancelledError:
            self.leave(seat)
            raise
        finally:
            del self._waiting[seat]
        if future.done():
            return seat
        self.leave(seat)
        return None

    def leave(self, seat: Seat) -> None:
        """Let a request that is served no more, or does not wait any more, make room for others."""
        if not seat.level or self._store is None:
            return
        begun = self.gate.leave(seat, self._store)
        seat.level = ""
        for each in begun:
            future = self._waiting.get(each)
            if future is None:
                self.leave(each)
            elif not future.done():
                future.set_result(None)


def too_many() -> rest.HttpResponse:
    """Give the answer to a request that is turned away."""
    kind = ("Content-Type", "text/plain; charset=utf-8")
    headers = (kind, ("Retry-After", "1"), ("X-Content-Type-Options", "nosniff"))
    return rest.HttpResponse(code=429, headers=headers, body=b"Too many requests, please try again later.\n")
