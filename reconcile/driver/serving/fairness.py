"""
Fairness: how many requests of each priority level are served at once, which of them wait, and which are turned away.

In a cluster a request takes no time unless it waits for a webhook, or for time that stands still; so the limits bite
where many clients ask a served cluster at once. What the cluster's own processes ask is not counted.

Takes:    where a request belongs; when it is done.
Gives:    whether it may go on, has to wait, or is turned away; who may go on next.
Source:   https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from typing import Any, Final

import attrs

from reconcile.components.apiserver.fairness.classifying import Classified
from reconcile.components.apiserver.fairness.suggested import LEVELS
from reconcile.store import Reads

SEATS: Final = 600
"""How many requests are served at once: --max-requests-inflight and --max-mutating-requests-inflight together."""


@attrs.define(eq=False)
class Seat:
    """
    A request that is served, or waits to be.

    Args:
        level: the name of its priority level.
        queue: in which of the level's queues it waits, or has waited; -1 for none.
        served: whether it is served.
    """

    level: str
    queue: int = -1
    served: bool = False


@attrs.define
class _Level:
    served: int = 0
    queues: dict[int, deque[Seat]] = attrs.field(factory=dict)
    last: int = -1


class Gate:
    """
    Lets requests in; it belongs to one served cluster.

    Args:
        seats: how many are served at once, of all levels together.
    """

    def __init__(self, seats: int = SEATS) -> None:
        self.seats = seats
        self._levels: dict[str, _Level] = {}

    def arrive(self, belongs: Classified, store: Reads) -> Seat | None:
        """Give a request its seat, on which it is served or waits; None if it is turned away."""
        spec, name = belongs.level.spec, belongs.level.metadata.name
        level = self._levels.setdefault(name, _Level())
        free = not any(level.queues.values()) and level.served < self.limit(belongs.level, store)
        if free or spec.type == "Exempt":
            level.served += 1
            return Seat(name, served=True)
        response = spec.limited.limit_response if spec.limited is not None else None
        queuing = response.queuing if response is not None and response.type == "Queue" else None
        if queuing is None:
            return None
        number = _shortest(level, _hand(belongs, queuing))
        queue = level.queues.setdefault(number, deque())
        if len(queue) >= (queuing.queue_length_limit or 0):
            return None
        seat = Seat(name, number)
        queue.append(seat)
        return seat

    def leave(self, seat: Seat, store: Reads) -> list[Seat]:
        """Take a request's seat from it; give those that wait and are served from now on."""
        level = self._levels[seat.level]
        if not seat.served:
            queue = level.queues.get(seat.queue)
            if queue is not None and seat in queue:
                queue.remove(seat)
            return []
        level.served -= 1
        found = store.get(LEVELS, seat.level)
        limit = self.seats if found is None else self.limit(found, store)
        begun = []
        while level.served < limit and (waiting := _next(level)) is not None:
            waiting.served = True
            level.served += 1
            begun.append(waiting)
        return begun

    def limit(self, level: Any, store: Reads) -> int:
        """Give how many requests of a level are served at once: its share of all, rounded up."""
        every = sum(_shares(each) for each in store.table(LEVELS).values())
        return -(-self.seats * _shares(level) // every) if every else 0


def _shares(level: Any) -> int:
    spec = level.spec
    part = spec.exempt if spec.type == "Exempt" else spec.limited
    return (part.nominal_concurrency_shares if part is not None else 0) or 0


def _hand(belongs: Classified, queuing: Any) -> list[int]:
    """Give the queues that a flow may wait in: some of all, dealt by what the flow is."""
    left = list(range(max(queuing.queues or 1, 1)))
    drawn = int.from_bytes(sha256(f"{belongs.schema.metadata.name}\0{belongs.flow}".encode()).digest(), "big")
    hand = []
    for _ in range(min(max(queuing.hand_size or 1, 1), len(left))):
        drawn, place = divmod(drawn, len(left))
        hand.append(left.pop(place))
    return hand


def _shortest(level: _Level, hand: list[int]) -> int:
    return min(hand, key=lambda number: len(level.queues.get(number, ())))


def _next(level: _Level) -> Seat | None:
    """Take the first that waits out of the next queue in turn."""
    waiting = sorted(number for number, queue in level.queues.items() if queue)
    if not waiting:
        return None
    number = next((each for each in waiting if each > level.last), waiting[0])
    level.last = number
    return level.queues[number].popleft()
