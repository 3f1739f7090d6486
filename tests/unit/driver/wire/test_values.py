import enum
import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.driver.wire import plain
from reconcile.lib.dice import Dice
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: int
    right: str


@dataclass(frozen=True)
class Point:
    x: int


@attrs.frozen
class Thing:
    name: str
    _hidden: int = 0
    cached: Any = attrs.field(default=None, eq=False)


POD = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web"), spec=core_v1.PodSpec(containers=()))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ((1, "a", (True, 1.5)), [1, "a", [True, 1.5]]),
        (Map({"b": 1, "a": (2,)}), {"a": [2], "b": 1}),
        (Map({"is": 1}), {"is": "Map", "rows": [["is", 1]]}),
        ({2: "b", 1: "a"}, {"is": "Map", "rows": [[1, "a"], [2, "b"]]}),
        (frozenset({"b", "a"}), {"is": "set", "rows": ["a", "b"]}),
        (Table.of([("b", 2), ("a", 1)]), {"rows": [["a", 1], ["b", 2]]}),
        (Sequence().append("x"), {"is": "Sequence", "start": 0, "items": ["x"]}),
        (
            Timers().set("b", 2).set("a", 1, periodic=True).set("c", 1).cancel("c"),
            {"is": "Timers", "timers": [[1, "a", True], [2, "b", False]]},
        ),
        (Dice(7, "x", 3), {"is": "Dice", "seed": 7, "stream": "x", "count": 3}),
        (Quantity.parse("1500m"), "1500m"),
        (Time.at(0), "1970-01-01T00:00:00Z"),
        (MicroTime.at(1000), "1970-01-01T00:00:00.000001Z"),
        (b"\x01\xff", {"is": "bytes", "hex": "01ff"}),
        (Thing("a", 3, object()), {"is": "Thing", "name": "a", "hidden": 3}),
        (Colour.RED, {"is": "Colour", "name": "RED"}),
        (Pair(1, "x"), {"is": "Pair", "left": 1, "right": "x"}),
        (Point(3), {"is": "Point", "x": 3}),
        (canonical, {"is": "function", "name": "reconcile.lib.digest.canonical"}),
        (Thing, {"is": "function", "name": f"{__name__}.Thing"}),
        (
            functools.partial(canonical, 1),
            {"is": "partial", "of": [{"is": "function", "name": "reconcile.lib.digest.canonical"}, [1], {}]},
        ),
        (
            Map({"pod": POD}),
            {
                "pod": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "web"},
                    "spec": {"containers": []},
                }
            },
        ),
    ],
)
def test_plain(value, wanted):
    assert plain(value) == wanted
    canonical(plain(value))


def test_what_a_state_must_not_hold_is_refused():
    with pytest.raises(ReconcileError, match=r"builtins\.object has no form in JSON"):
        plain((object(),))
