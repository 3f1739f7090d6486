"""
Events, effects, requests and responses as plain JSON, and back.

An event or effect is an object that names its class: {"event": "Execute", "call": 12}. What is as it would be without
being said is left out. Tuples are arrays. Instants and durations are nanoseconds in text, since many readers of JSON
round numbers beyond 2**53; as integers they are read too, exactly.

Takes:    values of events, effects, model/requests.py, model/hosts.py; plain JSON.
Gives:    plain JSON; the same values.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api.faults import Fault, InvalidObject
from reconcile.driver.wire.bodies import (
    answer_from_json,
    answer_to_json,
    below,
    body_from_json,
    body_to_json,
    expected_of,
    free_from_json,
    free_to_json,
    list_from_json,
    list_to_json,
    object_from_json,
    object_to_json,
    wrong,
)
from reconcile.driver.wire.numbers import integer_from_json
from reconcile.driver.wire.shapes import (
    choices_of,
    entry_of,
    fields_of,
    is_api_class,
    is_wide,
    item_of,
    may_be_null,
    row_of,
    tag_of,
    words_of,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.behaviours import Behaviours
from reconcile.model.requests import List
from reconcile.store import Change
from reconcile.store.indexes import indexes_of

Writer: TypeAlias = Callable[[Any, str], Any]
Reader: TypeAlias = Callable[[Any, str], Any]


def to_json(value: Any) -> dict[str, Any]:
    """
    Give an event, an effect, a request, a response, a user or a host as plain JSON.

    Raises:
        InvalidObject: something in it has no form in JSON; its path and the value are shown.
    """
    written: dict[str, Any] = _writer(value.__class__)(value, "")
    return written


def from_json(content: Any, what: Any) -> Any:
    """
    Give what plain JSON says.

    Args:
        content: as `to_json` gives it; a field that may be left out has its default then.
        what: the class that it is, or the union of those that it may be (`ClusterEvent`, `OutsideEffect`, `Request`).

    Raises:
        InvalidObject: it is none of these; path, expectation and value are shown.
    """
    return _reader(what)(content, "")


# Writing --------------------------------------------------------------------------------------------------------------


@cache
def _writer(shape: Any) -> Writer:
    choices = choices_of(shape)
    if len(choices) > 1:
        return lambda value, path: _writer(value.__class__)(value, path)
    shape = choices[0]
    if (item := item_of(shape)) is not None:
        return free_to_json if item is Any else _tuple_writer(_writer(item))
    if (entry := entry_of(shape)) is not None:
        return _map_writer(_writer(entry))
    if (row := row_of(shape)) is not None:
        return _rows_writer(_writer(row))
    if is_api_class(shape):
        return lambda value, path: object_to_json(value, shape, path)
    if shape is List:
        return list_to_json
    if shape is Behaviours:
        return behaviours_to_json
    if attrs.has(shape):
        return _class_writer(shape)
    if is_wide(shape):
        return lambda value, _: str(value)
    if shape is str or shape is int or shape is bool or words_of(shape):
        return lambda value, _: value
    raise wrong("", "expected a value that has a form in JSON", str(shape))


def _tuple_writer(write: Writer) -> Writer:
    return lambda value, path: [write(entry, f"{path}[{place}]") for place, entry in enumerate(value)]


def _map_writer(write: Writer) -> Writer:
    return lambda value, path: {key: write(entry, below(path, key)) for key, entry in value.items()}


def _rows_writer(write: Writer) -> Writer:
    return lambda value, path: [[key, write(row, f"{path}[{key}]")] for key, row in value.items()]


def _class_writer(cls: type) -> Writer:
    tag, name = tag_of(cls)
    plan: list[tuple[str, str, Any, Writer | None, str]] = []

    def write(value: Any, path: str) -> dict[str, Any]:
        if not plan:
            for field in fields_of(cls):
                special = field.shape if isinstance(field.shape, str) else ""
                plan.append((field.name, field.json, field.default, None if special else _writer(field.shape), special))
        written: dict[str, Any] = {tag: name} if tag else {}
        for own, json, default, below_it, special in plan:
            part = getattr(value, own)
            if part is default or (part.__class__ is default.__class__ and part == default):
                continue
            if below_it is not None:
                written[json] = None if part is None else below_it(part, below(path, json))
            else:
                written[json] = _special_to_json(special, part, value, below(path, json))
        return written

    return write


def _special_to_json(special: str, part: Any, owner: Any, path: str) -> Any:
    match special:
        case "body":
            return body_to_json(part, owner, path)
        case "answer":
            return answer_to_json(part, owner.code, path)
        case "free":
            return free_to_json(part, path)
        case "view":
            expected = expected_of(_viewed(owner.watch, owner.changes))
            return [[key, object_to_json(obj, expected, f"{path}[{key}]")] for key, obj in part.items()]
        case _:
            return object_to_json(part, expected_of(owner.resource) if isinstance(owner, Change) else None, path)


# Reading --------------------------------------------------------------------------------------------------------------


@cache
def _reader(shape: Any) -> Reader:
    choices = choices_of(shape)
    if len(choices) > 1:
        return _union_reader(choices)
    read = _plain_reader(choices[0])
    if may_be_null(shape):
        return lambda content, path: None if content is None else read(content, path)
    return read


def _plain_reader(shape: Any) -> Reader:
    if (item := item_of(shape)) is not None:
        return _tuple_reader(item)
    if (entry := entry_of(shape)) is not None:
        return _map_reader(entry)
    if (row := row_of(shape)) is not None:
        read_row = _reader(row)
        return lambda content, path: Table.of(_rows(content, path, read_row))
    if is_api_class(shape):
        return _api_reader(shape)
    if shape is List:
        return list_from_json
    if shape is Behaviours:
        return behaviours_from_json
    if words := words_of(shape):
        return _word_reader(words)
    if is_wide(shape):
        return integer_from_json
    if shape in _SCALARS:
        return _scalar_reader(shape)
    if attrs.has(shape):
        return _class_reader(shape)
    raise wrong("", "expected a type that has a form in JSON", str(shape))


_SCALARS: Final[dict[Any, str]] = {str: "a string", int: "an integer", bool: "true or false"}


def _scalar_reader(shape: Any) -> Reader:
    expectation = f"expected {_SCALARS[shape]}"

    def read(content: Any, path: str) -> Any:
        if content.__class__ is not shape:
            raise wrong(path, expectation, content)
        return content

    return read


def _word_reader(words: tuple[str, ...]) -> Reader:
    def read(content: Any, path: str) -> Any:
        if not isinstance(content, str) or content not in words:
            raise wrong(path, f"expected one of {', '.join(words)}", content)
        return content

    return read


def _api_reader(cls: type) -> Reader:
    def read(content: Any, path: str) -> Any:
        found = object_from_json(content, cls, path)
        if not isinstance(found, cls):
            raise wrong(path, f"expected a {cls.__name__}", content if found is None else content.get("kind", content))
        return found

    return read


def _tuple_reader(item: Any) -> Reader:
    read_item = None if item is Any else _reader(item)

    def read(content: Any, path: str) -> Any:
        if not isinstance(content, list):
            raise wrong(path, "expected a list", content)
        if read_item is None:
            return free_from_json(content, path)
        return tuple([read_item(entry, f"{path}[{place}]") for place, entry in enumerate(content)])

    return read


def _map_reader(entry: Any) -> Reader:
    read_entry = _reader(entry)

    def read(content: Any, path: str) -> Any:
        if not isinstance(content, dict):
            raise wrong(path, "expected an object", content)
        return Map([(key, read_entry(value, below(path, key))) for key, value in content.items()])

    return read


def _rows(content: Any, path: str, read: Reader) -> list[tuple[str, Any]]:
    """Read the rows of a table: its keys are text."""
    if not isinstance(content, list):
        raise wrong(path, "expected a list", content)
    rows = []
    for place, row in enumerate(content):
        if not isinstance(row, list) or len(row) != 2 or not isinstance(row[0], str):  # noqa: PLR2004 -- key and value
            raise wrong(f"{path}[{place}]", "expected a key and a value", row)
        rows.append((row[0], read(row[1], f"{path}[{row[0]}]")))
    return rows


def _union_reader(classes: tuple[Any, ...]) -> Reader:
    named = {tag_of(cls): _reader(cls) for cls in classes}
    tags = sorted({tag for tag, _ in named})

    def read(content: Any, path: str) -> Any:
        if not isinstance(content, dict):
            raise wrong(path, "expected an object", content)
        tag = next((tag for tag in tags if tag in content), tags[0])
        name = content.get(tag)
        known = named.get((tag, name)) if isinstance(name, str) else None
        if known is None:
            names = ", ".join([name for its, name in named if its == tag])
            if tag not in content:
                raise InvalidObject((Fault(below(path, tag), f"required, one of {names}", None, "missing"),))
            raise wrong(below(path, tag), f"expected one of {names}", name)
        return known(content, path)

    return read


def _class_reader(cls: Any) -> Reader:
    tag, name = tag_of(cls)

    def read(content: Any, path: str) -> Any:
        if not isinstance(content, dict):
            raise wrong(path, "expected an object", content)
        if tag and content.get(tag) != name:
            raise wrong(below(path, tag), f"expected {name}", content.get(tag))
        fields = fields_of(cls)
        unknown = content.keys() - {field.json for field in fields} - {tag}
        if unknown:
            first = min(unknown)
            raise InvalidObject((Fault(below(path, first), "a known field", content[first], "unknown"),))
        values: dict[str, Any] = {}
        special = []
        for field in fields:
            if isinstance(field.shape, str):
                special.append(field)
            if field.json not in content:
                if field.required:
                    raise InvalidObject((Fault(below(path, field.json), "required", None, "missing"),))
                values[field.name] = field.default
            elif not isinstance(field.shape, str):
                value = _reader(field.shape)(content[field.json], below(path, field.json))
                values[field.name] = _filed(value, field.default) if isinstance(value, Table) else value
        for field in special:
            if field.json in content:
                part = content[field.json]
                values[field.name] = _special_from_json(field.shape, part, values, below(path, field.json))
        return cls(**values)

    return read


def _filed(table: Table[str, Any], empty: Any) -> Table[str, Any]:
    """Give the rows of *table* with the indexes that the field's default has."""
    for key, row in table.items():
        empty = empty.set(key, row)
    filed: Table[str, Any] = empty
    return filed


def _special_from_json(special: str, part: Any, values: dict[str, Any], path: str) -> Any:
    match special:
        case "body":
            return body_from_json(part, values["verb"], values["resource"], values["subresource"], path)
        case "answer":
            return answer_from_json(part, values["code"], path)
        case "free":
            return free_from_json(part, path)
        case "view":
            return _view_from_json(part, values, path)
        case _:
            return object_from_json(part, expected_of(values["resource"]) if "resource" in values else None, path)


def _view_from_json(content: Any, values: dict[str, Any], path: str) -> Any:
    resource = _viewed(values["watch"], values["changes"])
    expected = expected_of(resource)
    rows = _rows(content, path, lambda row, where: object_from_json(row, expected, where))
    try:
        return Table.of(rows, indexes_of(resource))
    except AttributeError as error:  # an index asks for what stored objects have
        raise wrong(path, f"expected objects of {resource} as they are stored ({error})", content) from None


def _viewed(watch: str, changes: tuple[Change, ...]) -> str:
    """Give the resource that a `Watched` is about; a watch without changes is usually named after it."""
    return changes[0].resource if changes else watch


# Behaviours -----------------------------------------------------------------------------------------------------------


def behaviours_to_json(behaviours: Behaviours, path: str) -> Any:
    """Write behaviours as their document, which is laid over a default; exactly, field by field, if these are not."""
    document = behaviours.document
    if Behaviours.parse(document) == behaviours:
        return document
    return {"exactly": _class_writer(Behaviours)(behaviours, below(path, "exactly"))}


def behaviours_from_json(content: Any, path: str) -> Behaviours:
    """Read behaviours in either form."""
    if isinstance(content, dict) and content.keys() == {"exactly"}:
        exactly: Behaviours = _class_reader(Behaviours)(content["exactly"], below(path, "exactly"))
        return exactly
    try:
        return Behaviours.parse(content)
    except ReconcileError as error:
        raise wrong(path, f"expected behaviours ({error})", content) from None
