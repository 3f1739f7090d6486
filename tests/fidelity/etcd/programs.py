"""
Programs for etcd: what Kubernetes asks of it, drawn from a seed, in a form that both sides can carry out.

Revisions and leases count from where a program begins: a program knows nothing of what was stored before it.
"""

from __future__ import annotations

import random
from typing import Any, Final, TypeAlias

Operation: TypeAlias = dict[str, Any]

RESOURCES: Final = ("configmaps", "limitranges", "podtemplates")
NAMES: Final = tuple(f"default/{name}" for name in "abcdef")
LENGTH: Final = 60


def program(seed: int) -> list[Operation]:
    """
    Give the operations of one program.

    Most compares and leases are drawn to be those that hold; the others are what a client with an old view asks.
    """
    dice = random.Random(seed)
    drawing = _Drawing(dice)
    made = [drawing.operation() for _ in range(LENGTH)]
    # A last write of each resource: where its watchers know that they have seen everything.
    last: list[Operation] = [
        {"do": "txn", "compares": [], "writes": [{**drawing.put(name, "default/last"), "lease": 0}]}
        for name in RESOURCES
    ]
    reads: list[Operation] = [
        {"do": what, "resource": resource, "revision": revision}
        for resource in RESOURCES
        for revision in sorted(dice.sample(range(1, LENGTH), 6))
        for what in ("range", "watch")
    ]
    return [*made, *last, *reads]


class _Drawing:
    """Draws operations; it keeps no store, only what was written last and roughly at which revision."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._revision = 0
        self._values = 0
        self._leases: list[int] = []
        self._written: dict[tuple[str, str], int] = {}

    def operation(self) -> Operation:
        """Draw one."""
        drawn = self._dice.random()
        if drawn < 0.75:
            return self._transaction()
        if drawn < 0.83:
            self._leases.append(len(self._leases) + 1)
            return {"do": "grant", "lease": self._leases[-1]}
        if drawn < 0.88:
            return {"do": "revoke", "lease": self._lease()}
        if drawn < 0.92:
            return {"do": "keys", "lease": self._lease()}
        if drawn < 0.96:
            return {"do": "compact", "revision": self._dice.randint(1, self._revision + 2)}
        revision = self._dice.randint(1, self._revision + 2)
        return {"do": "range", "resource": self._dice.choice(RESOURCES), "revision": revision}

    def put(self, resource: str, key: str) -> Operation:
        """Draw a put: its value is one that was never there, as whoever would write the same writes nothing."""
        self._values += 1
        lease = self._lease() if self._dice.random() < 0.25 else 0
        return {"put": self._values, "resource": resource, "key": key, "lease": lease}

    def _lease(self) -> int:
        return self._dice.choice([*self._leases[-3:], len(self._leases) + 5] if self._leases else [5])

    def _transaction(self) -> Operation:
        dice = self._dice
        places = [(dice.choice(RESOURCES), dice.choice(NAMES)) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
        compares = []
        for resource, key in places:
            if dice.random() < 0.6:
                known = self._written.get((resource, key), 0)
                revision = known if dice.random() < 0.7 else dice.randint(0, self._revision + 1)
                compares.append({"resource": resource, "key": key, "revision": revision})
        writes = [self._write(*place) for place in places]
        self._revision += 1
        for place, write in zip(places, writes, strict=True):
            self._written[place] = self._revision if "put" in write else 0
        return {"do": "txn", "compares": compares, "writes": writes}

    def _write(self, resource: str, key: str) -> Operation:
        if self._dice.random() < 0.25:
            return {"delete": True, "resource": resource, "key": key}
        return self.put(resource, key)
