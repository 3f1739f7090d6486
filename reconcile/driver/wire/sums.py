"""
The checksum of any value, over JSON in one fixed form.

The form is made for speed: an object is the list of its fields, and what is large and often shared (an API object, its
specification) stands as a checksum of its own, made once. Strings are ASCII with escapes, keys sorted, integers exact,
floats the shortest text that gives them back: so it is the same on every machine and every Python.

Takes:    values.
Gives:    `sha256:` and 64 hexadecimal digits.
Source:   as reconcile.driver.wire.values, which writes the same things at length.
Left out: two functions of the same dotted name cannot be told apart.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable
from hashlib import blake2b, sha256
from json import JSONEncoder
from operator import attrgetter
from typing import Any, Final, TypeAlias

from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.driver.wire.values import FUNCTIONS, Same, dotted, names_of
from reconcile.lib.errors import ReconcileError
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers

Way: TypeAlias = Callable[[Any], Any]

_BYTES: Final = 16  # of the checksum of a part
_SHARED: Final = "Spec"  # what ends so is kept when the status or the metadata beside it change


class Summer:
    """
    Sums values up, and remembers the checksums of their parts.

    Args:
        known: checksums that another one has remembered (its `seen`).
    """

    __slots__ = ("_encode", "_known", "_parts", "_views", "_ways", "seen")

    def __init__(self, known: dict[Same, Any]) -> None:
        self._known = known
        self._views: dict[Same, Any] = {}
        self.seen: dict[Same, Any] = {}
        self._encode = JSONEncoder(
            check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=self._broken_up
        ).encode
        # The parts of API objects, most of what there is: their names and what takes their fields.
        self._parts: dict[type, tuple[str, Way]] = {}
        self._ways: dict[type, Way] = {
            Table: self._table,
            Sequence: lambda value: {"Sequence": (value.start, value.between(value.start, value.end))},
            Timers: lambda value: {"Timers": [(timer.at, timer.key, timer.periodic) for timer in value]},
            Quantity: attrgetter("text"),
            Time: attrgetter("instant"),
            MicroTime: attrgetter("instant"),
            bytes: lambda value: {"bytes": value.hex()},
            frozenset: self._set,
            set: self._set,
            functools.partial: lambda value: {"partial": (value.func, value.args, value.keywords)},
            types.MethodType: lambda value: {"method": (value.__func__, value.__self__)},
        }

    def sum(self, value: Any) -> str:
        """
        Give the checksum of *value*.

        Raises:
            ReconcileError: something in it has no form in JSON.
        """
        return "sha256:" + sha256(self._text(value)).hexdigest()

    def write(self, value: Any) -> Any:
        """Give *value* as it is: the encoder breaks it up when it comes to it."""
        return value

    def rows(self, table: Any) -> Any:
        """Give *table* as it is."""
        return table

    def shared_rows(self, table: Any) -> Any:
        """Give the checksum of a table that is the same one in many clusters, as those of access rules are."""
        return _shared_part(Same(table))

    def part(self, value: Any) -> str:
        """Give the checksum of *value* as it stands within a larger one."""
        return self._part(value)

    def apart(self, value: Any, views: dict[Same, Any]) -> Any:
        """Give the checksum of *value*, in which each table of *views* is written as what it stands for there."""
        key = Same(value)
        found = self._known.get(key)
        if found is None or found[0] != views:
            self._views = views
            found = (views, self._part(value))
            self._views = {}
        self.seen[key] = found
        return found[1]

    def _text(self, value: Any) -> bytes:
        try:
            return self._encode(value).encode("ascii")
        except (TypeError, ValueError, RecursionError) as error:
            raise ReconcileError(f"a state holds something that has no form in JSON: {error}") from None

    def _part(self, value: Any) -> str:
        return blake2b(self._text(value), digest_size=_BYTES).hexdigest()

    def _broken_up(self, value: Any) -> Any:
        cls = value.__class__
        part = self._parts.get(cls)
        if part is not None:
            return (part[0], *part[1](value))
        way = self._ways.get(cls)
        if way is None:
            way = self._ways[cls] = self._way(cls)
        return way(value)

    def _way(self, cls: Any) -> Way:
        name = cls.__name__
        if issubclass(cls, enum.Enum):
            return lambda value: {name: value.name}
        if issubclass(cls, FUNCTIONS):
            return dotted
        names = names_of(cls)
        own = _getter(names)
        if not cls.__module__.startswith("reconcile.api."):
            return lambda value: {name: own(value)}
        if "metadata" in names or name.endswith(_SHARED):
            return self._remembered(name, own)
        self._parts[cls] = (name, own)
        return lambda value: (name, *own(value))

    def _remembered(self, name: str, own: Way) -> Way:
        def checksum(obj: Any) -> str:
            key = Same(obj)
            found = self.seen.get(key)
            if found is None:
                found = self._known.get(key)
                if found is None:
                    found = self._part((name, *own(obj)))
                self.seen[key] = found
            return str(found)

        return checksum

    def _table(self, value: Any) -> Any:
        if self._views:
            known = self._views.get(Same(value))
            if known is not None:
                return known
        return {"rows": list(value.items())}

    def _set(self, value: Any) -> Any:
        return {"set": sorted(map(self._encode, value))}


@functools.lru_cache(maxsize=256)
def _shared_part(key: Same) -> str:
    return Summer({}).part(key.obj)


def _getter(names: tuple[str, ...]) -> Way:
    """Give what takes the fields of an object, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _: ()
    one = attrgetter(names[0])
    return lambda value: (one(value),)
