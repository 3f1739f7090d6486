"""
Shapes: how JSON of a type is owned and merged, field by field.

A scalar, an atomic list and an atomic map are one field each. Any other map has a field for each of its entries; a list
that is a set has one for each value, a list that is a map one for each item, known by its keys.

Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, Literal

import attrs

from reconcile.api.kinds import list_rules
from reconcile.api.scalars import Base64, Int32, Int64, Json
from reconcile.api.shapes import CustomObject, fields_of, within
from reconcile.api.zeros import is_atomic, zeros_of
from reconcile.lib.mapping import Map

_KEY_DEFAULTS: Final = {"protocol": "TCP"}

Scalar = Literal["numeric", "string", "boolean", "untyped"]


@attrs.frozen(eq=False)
class Shape:
    """
    How values of one type are owned.

    Args:
        kind: what a value is; `free` if that shows in the value alone.
        atomic: whether it is one field.
        fields: of a map: the shape of each named field, made when it is asked for.
        element: of a map's other entries, of a list's items.
        keys: of a list that is a map: the names of its items' keys; empty for a list that is a set.
        key_defaults: what a key is that an item does not say.
        scalar: of a scalar: what it may be.
        declared: of a map: whether it has no other entries than its fields.
    """

    kind: Literal["scalar", "map", "list", "free"]
    atomic: bool = False
    fields: Mapping[str, Callable[[], Shape]] = attrs.field(factory=dict)
    element: Callable[[], Shape] | None = None
    keys: tuple[str, ...] = ()
    key_defaults: Mapping[str, Any] = attrs.field(factory=dict)
    scalar: Scalar = "untyped"
    declared: bool = False

    def of(self, name: str) -> Shape:
        """Give the shape of a map's entry."""
        found = self.fields.get(name) or self.element
        return FREE if found is None else found()

    def names(self, element: str) -> bool:
        """Tell whether an element of a path is a field that this shape names."""
        return element.startswith("f:") and element[2:] in self.fields

    def below(self, element: str) -> Shape:
        """Give the shape of what an element of a path leads to."""
        if element.startswith("f:"):
            return self.of(element[2:])
        return FREE if self.element is None else self.element()


SCALAR: Final = Shape("scalar")
_NUMERIC: Final = Shape("scalar", scalar="numeric")
_STRING: Final = Shape("scalar", scalar="string")
_SCALARS: Final[Mapping[Any, Shape]] = {
    Int32: _NUMERIC,
    Int64: _NUMERIC,
    float: _NUMERIC,
    str: _STRING,
    Base64: _STRING,
    bool: Shape("scalar", scalar="boolean"),
}
ATOMIC: Final = Shape("free", atomic=True)
FREE: Final = Shape("free")
_FREE_MAP: Final = Shape("map", element=lambda: FREE)
_FREE_LIST: Final = Shape("list", atomic=True)


def settled(shape: Shape, value: Any) -> Shape:
    """Give the shape of *value*: of a free one what it turns out to be."""
    if shape.kind != "free" or shape.atomic:
        return shape
    if isinstance(value, Mapping):
        return _FREE_MAP
    return _FREE_LIST if isinstance(value, (list, tuple)) else SCALAR


def item_element(shape: Shape, item: Any) -> str:
    """Give the element of a path that leads to an item of a list that is a set or a map."""
    if not shape.keys:
        return "v:" + _text(item)
    given = item if isinstance(item, Mapping) else {}
    keys = {}
    for key in sorted(shape.keys):
        value = given.get(key)
        if value is None:
            value = shape.key_defaults.get(key)
        if value is not None:
            keys[key] = value
    return "k:" + _text(keys)


@cache
def shape_of(cls: type) -> Shape:
    """Give the shape of objects of an API class."""
    if cls is CustomObject:
        return _FREE_MAP
    rules = list_rules(cls)
    fields: dict[str, Callable[[], Shape]] = {}
    for field in fields_of(cls):
        rule = rules.get(field.json)
        fields[field.json] = _later(
            field.type, "" if rule is None else rule.type, () if rule is None else rule.map_keys
        )
    return Shape("map", atomic=is_atomic(cls), fields=fields, declared=True)


def _later(shape: Any, rule: str, keys: tuple[str, ...]) -> Callable[[], Shape]:
    return lambda: _made(shape, rule, keys)


@lru_cache(maxsize=8192)
def _made(shape: Any, rule: str, keys: tuple[str, ...]) -> Shape:
    if shape == Json:
        return ATOMIC
    inner = within(shape, tuple)
    if inner is not None:
        if rule not in ("map", "set"):
            return Shape("list", atomic=True, element=_later(inner, "", ()))
        defaults = {**_zeros_of_keys(inner, keys), **{key: text for key, text in _KEY_DEFAULTS.items() if key in keys}}
        return Shape("list", element=_later(inner, "", ()), keys=keys, key_defaults=defaults)
    inner = within(shape, Map)
    if inner is not None:
        if rule == "atomic":
            return Shape("map", atomic=True, element=_later(inner, "", ()))
        return _FREE_MAP if inner == Json else Shape("map", element=_later(inner, "", ()))
    if hasattr(shape, "JSON_NAMES"):
        # The field may say otherwise than the type that is read there.
        return attrs.evolve(shape_of(shape), atomic=rule == "atomic") if rule else shape_of(shape)
    return _SCALARS.get(shape, SCALAR)


def _zeros_of_keys(inner: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """Give what an item's keys are where it does not say: a text that has to be there is empty."""
    zeros = zeros_of(inner) if hasattr(inner, "JSON_NAMES") else {}
    return {key: zeros[key] for key in keys if zeros.get(key) == ""}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
