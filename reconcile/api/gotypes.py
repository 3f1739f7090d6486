"""
Go's types behind the API: what each field is called, holds, and is numbered by in protobuf.

A class here has one name and plain fields; upstream's are structs of Go, some of whose fields are embedded in others
and many of whose texts have types of their own. Errors of decoding name those types, and protobuf follows them.

Source:   the published types of k8s.io/api and its siblings, as schemas/generate_golang.py reads them.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, Literal

import attrs

from reconcile.api._golang import NAMED, STRUCTS
from reconcile.lib.quick import quick

Sort = Literal[
    "string", "bool", "int32", "int64", "float64", "bytes", "slice", "map", "pointer", "struct", "message",
    "time", "microtime", "quantity", "int-or-string", "raw", "schema-or-list", "schema-or-bool", "schema-or-texts",
]  # fmt: skip

# Types that read and write themselves.
_OWN: Final[dict[str, Sort]] = {
    "meta_v1.Time": "time",
    "meta_v1.MicroTime": "microtime",
    "resource.Quantity": "quantity",
    "intstr.IntOrString": "int-or-string",
    "runtime.RawExtension": "raw",
    "meta_v1.FieldsV1": "raw",
    "apiextensions_v1.JSON": "raw",
    "apiextensions_v1.JSONSchemaPropsOrArray": "schema-or-list",
    "apiextensions_v1.JSONSchemaPropsOrBool": "schema-or-bool",
    "apiextensions_v1.JSONSchemaPropsOrStringArray": "schema-or-texts",
}
_PLAIN: Final[dict[str, Sort]] = {
    "string": "string",
    "types.UID": "string",
    "bool": "bool",
    "int": "int64",
    "int32": "int32",
    "int64": "int64",
    "uint8": "int32",
    "float64": "float64",
    "[]byte": "bytes",
}
_PACKAGE: Final = re.compile(r"\w+_(v\d+)\.")
SCHEMA: Final = "apiextensions_v1.JSONSchemaProps"


@quick
@attrs.frozen(weakref_slot=False)
class Go:
    """
    A type of Go.

    Args:
        sort: what kind of type it is.
        shown: what Go calls it: `[]v1.Container`.
        name: of a struct, as the tables know it.
        of: what a slice, a map or a pointer holds; of a message, what it repeats.
    """

    sort: Sort
    shown: str
    name: str = ""
    of: Go | None = None

    @property
    def held(self) -> Go:
        """What it holds; of what holds nothing an error."""
        assert self.of is not None, self.shown
        return self.of


@quick
@attrs.frozen(weakref_slot=False)
class GoField:
    """A field of a struct: its JSON name (of an embedded one Go's), number in protobuf (0 for none) and type."""

    json: str
    number: int
    type: Go
    omitempty: bool
    embedded: bool


def knows(name: str) -> bool:
    """Tell whether there is a struct of this name: core_v1.Pod."""
    return bool(STRUCTS.get(name))


def struct(name: str) -> Go:
    """Give the type of the struct *name*."""
    return typed(name)


@cache
def fields(name: str) -> tuple[GoField, ...]:
    """Give the fields of the struct *name*, in Go's order."""
    found = []
    for row in STRUCTS.get(name, "").split(";"):
        if row:
            key, number, shape = row.split(" ")
            found.append(GoField(key.rstrip("!?"), int(number), typed(shape), key.endswith("?"), key.endswith("!")))
    return tuple(found)


@cache
def json_fields(name: str) -> dict[str, tuple[tuple[str, ...], GoField]]:
    """Give what JSON may say of the struct *name*: by name the embedded structs on the way to the field, and it."""
    found: dict[str, tuple[tuple[str, ...], GoField]] = {}
    for field in fields(name):
        if field.embedded:
            inner = field.type.of if field.type.sort == "pointer" else field.type
            assert inner is not None, field.json
            for key, (way, deeper) in json_fields(inner.name).items():
                found.setdefault(key, ((field.json, *way), deeper))
        else:
            found[field.json] = ((), field)
    return found


@lru_cache(maxsize=4096)
def typed(shape: str) -> Go:
    """Give the type that Go's *shape* says, with the names of the tables: `map[string]core_v1.Container`."""
    shown = _PACKAGE.sub(r"\1.", shape).replace("[]byte", "[]uint8")
    if shape in _OWN:
        return Go(_OWN[shape], shown, shape)
    if shape in _PLAIN:
        return Go(_PLAIN[shape], shown)
    if shape.startswith("*"):
        return Go("pointer", shown, of=typed(shape[1:]))
    if shape.startswith("[]"):
        return Go("slice", shown, of=typed(shape[2:]))
    if shape.startswith("map["):
        return Go("map", shown, of=typed(shape[shape.index("]") + 1 :]))
    named = NAMED.get(shape)
    if named is None:
        return Go("struct", shown, shape)
    inner = typed(named.removeprefix("message "))
    return attrs.evolve(inner, shown=shown, sort="message" if named.startswith("message ") else inner.sort)
