"""
JSON patch: operations on a document, one after the other, all of them or none.

Lenient where upstream is: what an object lacks may be replaced, an index may count from the end or begin with zeros, a
path's first segment may be anything.

Takes:    plain JSON data, and operations as plain JSON data.
Gives:    plain JSON data; what is not changed is the same object.
Source:   RFC 6902; evanphx/json-patch v4, which the API server patches with.
Left out: numbers are compared by value, not by how they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from reconcile.model.patches.refusing import Unpatchable

MOST_OPERATIONS: Final = 10_000
MOST_COPIED: Final = 3 * 1024 * 1024  # bytes of JSON, all copies of a patch together

_ESCAPE: Final = re.compile("~[01]")
_INDEX: Final = re.compile("[+-]?[0-9]+")

Operation = Mapping[str, Any]


def applied(document: Any, operations: Sequence[Any]) -> Any:
    """
    Give *document* after *operations*.

    Raises:
        Unpatchable: there are too many, or one of them cannot be carried out.
    """
    if len(operations) > MOST_OPERATIONS:
        said = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise Unpatchable(said, "too large")
    copied = 0
    for given in operations:
        operation = {} if given is None else given
        kind = operation.get("op")
        carry_out = _KINDS.get(kind) if isinstance(kind, str) else None
        if kind == "copy":
            copied += len(json.dumps(_source(document, operation), separators=(",", ":"), ensure_ascii=False).encode())
            if copied > MOST_COPIED:
                said = f"the sum of the copied values is {copied} bytes, {MOST_COPIED} are the most"
                raise Unpatchable(said, "inapplicable")
        if carry_out is None:
            raise _inapplicable(f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")
        document = carry_out(document, operation)
    return document


def _add(document: Any, operation: Operation) -> Any:
    return _changed(
        document, _path(operation, "path"), "add", lambda parent, key: _with(parent, key, _value(operation))
    )


def _remove(document: Any, operation: Operation) -> Any:
    return _changed(document, _path(operation, "path"), "remove", _without)


def _replace(document: Any, operation: Operation) -> Any:
    path, value = _path(operation, "path"), _value(operation)
    if path == "":
        if not isinstance(value, (dict, list)):
            raise _inapplicable("replace operation value must be object or array")
        return value
    return _changed(document, path, "replace", lambda parent, key: _replaced(parent, key, value))


def _move(document: Any, operation: Operation) -> Any:
    origin = _path(operation, "from")
    value = _found(document, origin, "move")
    without = _changed(document, origin, "move", _without)
    return _changed(without, _path(operation, "path"), "move", lambda parent, key: _with(parent, key, value))


def _copy(document: Any, operation: Operation) -> Any:
    value = _source(document, operation)
    return _changed(document, _path(operation, "path"), "copy", lambda parent, key: _with(parent, key, value))


def _test(document: Any, operation: Operation) -> Any:
    path = _path(operation, "path")
    found = document if path == "" else _found(document, path, "test")
    if not _same(found, _value(operation)):
        raise _inapplicable(f"testing value {path} failed")
    return document


_KINDS: Final[Mapping[str, Callable[[Any, Operation], Any]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _source(document: Any, operation: Operation) -> Any:
    return _found(document, _path(operation, "from"), "copy")


def _path(operation: Operation, name: str) -> str:
    found = operation.get(name)
    if not isinstance(found, str):
        raise _inapplicable(f"{operation.get('op')} operation failed to decode {name}")
    return found


def _value(operation: Operation) -> Any:
    # What is not there is null, as in an object.
    return operation.get("value")


def _segments(path: str) -> list[str]:
    return [_ESCAPE.sub(lambda found: "~" if found[0] == "~0" else "/", part) for part in path.split("/")[1:]]


def _found(document: Any, path: str, verb: str) -> Any:
    """Give what *path* leads to; null for what an object lacks."""
    segments = _segments(path)
    if not segments:
        raise _missing(verb, path)
    *before, last = segments
    for segment in before:
        document = _entry(document, segment, path, verb)
    if not isinstance(document, (dict, list)):
        raise _missing(verb, path)
    if isinstance(document, dict):
        return document.get(last)
    return document[_index(last, len(document))]


def _entry(parent: Any, segment: str, path: str, verb: str) -> Any:
    """Give the object or the array below *parent* on the way along *path*."""
    if isinstance(parent, dict):
        found = parent.get(segment)
    elif isinstance(parent, list) and _INDEX.fullmatch(segment) and -len(parent) <= int(segment) < len(parent):
        found = parent[int(segment)]
    else:
        found = None
    if not isinstance(found, (dict, list)):
        raise _missing(verb, path)
    return found


def _changed(document: Any, path: str, verb: str, change: Callable[[Any, str], Any]) -> Any:
    """Give *document* with *change* made to the object or array that the last segment of *path* is in."""
    segments = _segments(path)
    if not segments or not isinstance(document, (dict, list)):
        raise _missing(verb, path)
    return _changed_at(document, segments, path, verb, change)


def _changed_at(parent: Any, segments: list[str], path: str, verb: str, change: Callable[[Any, str], Any]) -> Any:
    first, *rest = segments
    if not rest:
        return change(parent, first)
    below = _changed_at(_entry(parent, first, path, verb), rest, path, verb, change)
    if isinstance(parent, dict):
        return {**parent, first: below}
    index = int(first) % len(parent)
    return [*parent[:index], below, *parent[index + 1 :]]


def _with(parent: Any, key: str, value: Any) -> Any:
    if isinstance(parent, dict):
        return {**parent, key: value}
    if key == "-":
        return [*parent, value]
    index = _index(key, len(parent) + 1)
    return [*parent[:index], value, *parent[index:]]


def _without(parent: Any, key: str) -> Any:
    if isinstance(parent, dict):
        if key not in parent:
            raise _inapplicable(f"Unable to remove nonexistent key: {key}")
        return {name: value for name, value in parent.items() if name != key}
    index = _index(key, len(parent))
    return [*parent[:index], *parent[index + 1 :]]


def _replaced(parent: Any, key: str, value: Any) -> Any:
    if isinstance(parent, dict):
        return {**parent, key: value}
    index = _index(key, len(parent))
    return [*parent[:index], value, *parent[index + 1 :]]


def _index(text: str, size: int) -> int:
    """Give the index that *text* names in an array of *size*; a negative one counts from the end."""
    if not _INDEX.fullmatch(text):
        raise _inapplicable(f"value was not a proper array index: '{text}'")
    index = int(text)
    if not -size <= index < size:
        raise _inapplicable(f"Unable to access invalid index: {index}")
    return index % size


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _missing(verb: str, path: str) -> Unpatchable:
    return _inapplicable(f'{verb} operation does not apply: doc is missing path: "{path}"')


def _inapplicable(reason: str) -> Unpatchable:
    return Unpatchable(reason, "inapplicable")
