"""
Hypothesis strategies for plain JSON data that a schema describes.

Only what Kubernetes' schemas use is understood: types, properties, required,
items, additionalProperties, enum, format and $ref. What is drawn is canonical:
an API object that is made of it is written back as the same data.
"""

import base64
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time

__all__ = ["Schemas", "largest", "objects"]

# Documents of JSON Schema by their $id.
Schemas = Mapping[str, Any]

_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
_JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=5,
)
_INSTANTS = st.integers(-62_167_219_200, 253_402_300_799)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_QUANTITIES = st.builds(
    Quantity.of,
    nanos=st.integers(-(10**30), 10**30) | st.integers(-(10**6), 10**6).map(lambda n: n << 30),
    form=st.sampled_from(("DecimalSI", "BinarySI", "DecimalExponent")),
).map(lambda quantity: Quantity.parse(quantity.text).text)

# Definitions that stand for something which the schema does not say.
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Quantity": _QUANTITIES,
    "IntOrString": _INT32 | _WORDS,
    "Time": _INSTANTS.map(lambda seconds: Time.at(seconds * 10**9).text),
    "MicroTime": st.tuples(_INSTANTS, st.integers(0, 999_999)).map(
        lambda drawn: MicroTime.at(drawn[0] * 10**9 + drawn[1] * 1000).text
    ),
    "RawExtension": st.dictionaries(_WORDS, _JSON, max_size=2),
    "FieldsV1": st.dictionaries(_WORDS, _JSON, max_size=2),
    "Patch": st.dictionaries(_WORDS, _JSON, max_size=2),
    "CustomResourceSubresourceStatus": st.dictionaries(_WORDS, _JSON, max_size=2),
    "BasicSchedulingPolicy": st.builds(dict),  # it has no fields
}
_PLAIN: dict[tuple[str, str | None], st.SearchStrategy[Any]] = {
    ("string", None): _WORDS,
    ("string", "byte"): st.binary(max_size=6).map(lambda octets: base64.b64encode(octets).decode("ascii")),
    ("boolean", None): st.booleans(),
    ("integer", "int32"): _INT32,
    ("integer", "int64"): _INT64,
    ("integer", None): _INT64,
    ("number", None): st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    ("number", "double"): st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
}


@st.composite
def objects(draw: st.DrawFn, schemas: Schemas, ref: str, *, depth: int = 6) -> Any:
    """
    Draw data that the definition *ref* ("<$id>#/$defs/<name>") describes, nested at most about *depth* levels.

    Optional fields are there or not; the deeper, the fewer.
    """
    return _drawn(draw, schemas, {"$ref": ref}, "", depth)


def largest(schemas: Schemas, ref: str, *, depth: int = 6) -> Any:
    """Return data of the definition *ref* in which every field is there, nested at most *depth* levels."""
    return _drawn(_first, schemas, {"$ref": ref}, "", depth, whole=True)


# What stands for a scalar where nothing is drawn.
_FIRST: dict[str, Any] = {
    "Quantity": "1500m",
    "IntOrString": "http",
    "Time": "2026-01-01T00:00:00Z",
    "MicroTime": "2026-01-01T00:00:00.000001Z",
    "BasicSchedulingPolicy": {},
}


def _first(strategy: st.SearchStrategy[Any]) -> Any:
    for name, scalar in _SCALARS.items():
        if scalar is strategy:
            return _FIRST.get(name, {"a": [1]})
    values = {"string": "text", "boolean": True, "integer": 7, "number": 1.5}
    for (kind, shape), plain in _PLAIN.items():
        if plain is strategy:
            return "YQ==" if shape == "byte" else values[kind]
    return {"any": "json"}


def _drawn(draw: Any, schemas: Schemas, schema: Any, base: str, depth: int, *, whole: bool = False) -> Any:
    if "$ref" in schema:
        home, _, name = schema["$ref"].partition("#/$defs/")
        base = _joined(base, home)
        if name in _SCALARS:
            return draw(_SCALARS[name])
        return _drawn(draw, schemas, schemas[base]["$defs"][name], base, depth, whole=whole)
    if schema.get("enum"):
        return schema["enum"][0]
    kind = _kind(schema)
    if kind is None:
        return draw(_JSON)
    if kind == "array":
        size = _size(draw, depth, whole=whole)
        return [_drawn(draw, schemas, schema["items"], base, depth - 1, whole=whole) for _ in range(size)]
    if kind != "object":
        return draw(_PLAIN[kind, schema.get("format")])
    if "properties" in schema:
        return _fields(draw, schemas, schema, base, depth, whole=whole)
    values = schema.get("additionalProperties")
    if not values:
        return draw(_SCALARS["RawExtension"])
    keys = ["key"] if whole else draw(st.lists(_WORDS, max_size=_size(draw, depth, whole=False), unique=True))
    return {key: _drawn(draw, schemas, values, base, depth - 1, whole=whole) for key in keys}


def _fields(draw: Any, schemas: Schemas, schema: Any, base: str, depth: int, *, whole: bool) -> dict[str, Any]:
    properties = schema["properties"]
    required = schema.get("required", ())
    optional = [name for name in properties if name not in required]
    chosen: list[str] = []
    if depth > 0 and whole:
        chosen = optional
    elif depth > 0 and optional:
        chosen = draw(st.lists(st.sampled_from(optional), max_size=min(depth, 4), unique=True))
    return {
        name: _drawn(draw, schemas, properties[name], base, depth - 1, whole=whole)
        for name in properties
        if name in required or name in chosen
    }


def _size(draw: Any, depth: int, *, whole: bool) -> int:
    if depth <= 0:
        return 0
    return 1 if whole else int(draw(st.integers(0, 2)))


def _kind(schema: Any) -> str | None:
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return next((kind for kind in named if kind not in (None, "null")), None)


def _joined(base: str, home: str) -> str:
    """Return the $id that a relative reference means: ../meta/v1.json from .../core/v1.json."""
    if not home or "://" in home:
        return home or base
    folders = base.split("/")[:-1]
    while home.startswith("../"):
        home, folders = home[3:], folders[:-1]
    return "/".join([*folders, home])
