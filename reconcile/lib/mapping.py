"""
Map: an immutable, hashable mapping from text to values, in one order.

A Map iterates by key, in the order of Unicode code points, however it was
built: two equal maps print, serialise and iterate alike. Reading is a plain
dict's reading, at the same speed; what would change it is refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

V = TypeVar("V")
W = TypeVar("W")

_TEXT = frozenset({str})


class Map(dict[str, V]):
    """An immutable mapping with text keys, ordered by key, equal and hashable by content."""

    __slots__ = ()

    def __init__(self, source: "Mapping[str, V] | Iterable[tuple[str, V]]" = (), /) -> None:
        """
        Take the entries of *source*, a mapping or pairs; of equal keys the last one counts.

        Raises:
            TypeError: a key is not text, or this Map was built before.
        """
        if self:
            _refuse(self)
        entries = source if source.__class__ is dict else dict(source)
        keys = sorted(entries) if _TEXT.issuperset(map(type, entries)) else None
        if keys is None:
            raise TypeError(f"a Map's keys are text: {list(entries)!r}")
        super().__init__(zip(keys, map(entries.__getitem__, keys), strict=True))

    @classmethod
    def of(cls, source: "Mapping[str, W] | Iterable[tuple[str, W]]" = ()) -> "Map[W]":
        """Return *source* as a Map: itself if it is one already."""
        return source if isinstance(source, Map) else Map(source)

    def set(self, key: str, value: V) -> "Map[V]":
        """Return this map with *key* bound to *value*: itself if it is so already."""
        if key in self and self[key] is value:
            return self
        return Map({**self, key: value})

    def remove(self, key: str) -> "Map[V]":
        """Return this map without *key*: itself if it has no such key."""
        if key not in self:
            return self
        return Map({name: value for name, value in self.items() if name != key})

    def merge(self, other: "Mapping[str, V] | Iterable[tuple[str, V]]") -> "Map[V]":
        """Return this map with the entries of *other* added; of equal keys, those of *other* count."""
        added = dict(other)
        return Map({**self, **added}) if added else self

    def copy(self) -> "Map[V]":
        """Return this map: there is nothing that could set a copy apart."""
        return self

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"Map({dict.__repr__(self)})"

    def __or__(self, other: Any) -> Any:
        return self.merge(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return Map(other).merge(self) if isinstance(other, Mapping) else NotImplemented

    def __copy__(self) -> "Map[V]":
        return self

    def __deepcopy__(self, memo: Any) -> "Map[V]":
        return self

    def __reduce__(self) -> "tuple[type[Map[V]], tuple[dict[str, V]]]":
        return Map, (dict(self),)

    def __reduce_ex__(self, protocol: Any) -> "tuple[type[Map[V]], tuple[dict[str, V]]]":
        return self.__reduce__()

    def __setitem__(self, key: str, value: V) -> NoReturn:
        _refuse(self)

    def __delitem__(self, key: str) -> NoReturn:
        _refuse(self)

    def __ior__(self, other: Any) -> NoReturn:
        _refuse(self)

    def clear(self) -> NoReturn:
        """Refuse: a Map never changes."""
        _refuse(self)

    def pop(self, *_: Any) -> NoReturn:
        """Refuse: a Map never changes."""
        _refuse(self)

    def popitem(self) -> NoReturn:
        """Refuse: a Map never changes."""
        _refuse(self)

    def setdefault(self, *_: Any) -> NoReturn:
        """Refuse: a Map never changes."""
        _refuse(self)

    def update(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: a Map never changes."""
        _refuse(self)

    @classmethod
    def fromkeys(cls, keys: Iterable[str], value: Any = None) -> "Map[Any]":  # type: ignore[override]
        """Return a Map that binds each of *keys* to *value*."""
        return Map((key, value) for key in keys)


def _refuse(refused: Map[Any]) -> NoReturn:
    raise TypeError(f"a Map never changes: use set, remove or merge to make another of {refused!r}")
