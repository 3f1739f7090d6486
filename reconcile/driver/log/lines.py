"""
What the lines of a log must look like, member by member, before anything is made of them.

A checksum tells that a line is as it was written; not that what wrote it was a Recorder.

Takes:    the plain JSON of a line.
Gives:    what is wrong with it, in words, with the value.
Source:   schemas/log.json.
Left out: the event of a line and the topology of a header, which are read by reconcile.driver.wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Shape: TypeAlias = Callable[[Any], bool]

_HEXADECIMAL: Final = re.compile("[0-9a-f]*")
_DIGEST: Final = re.compile("sha256:[0-9a-f]{64}")
_INSTANT: Final = re.compile("0|-?[1-9][0-9]{0,19}")
_DETAILS: Final = ("steps", "changes")
_MARK: Final = 4  # letters
_LONGEST: Final = 100

_ALWAYS: Final = ("line", "check")
_OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "log": ("modules",),
    "event": ("changes", "explanations"),
    "run": ("changes", "explanations"),
}
_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "log": ("reconcile", "kubernetes", "seed", "topology", "controllers", "detail"),
    "event": ("marks",),
    "run": ("marks",),
    "checkpoint": (),
    "end": (),
}
_PLACE: Final = ("steps", "now", "revision", "digest")


def misshapen(content: dict[str, Any], form: int) -> str:
    """
    Say what is wrong with a line that is as it was written; empty if nothing is.

    Args:
        content: the line.
        form: the log's format.
    """
    kinds = [kind for kind in _MEMBERS if kind in content]
    if len(kinds) != 1:
        return f"it is none of {', '.join(_MEMBERS)}: it has {', '.join(content)}"
    kind = kinds[0]
    optional = _OPTIONAL.get(kind, ())
    problem = _members(kind, content, (kind, *_MEMBERS[kind], *_ALWAYS), optional)
    if problem:
        return problem
    match kind:
        case "log":
            return _header(content)
        case "event" | "run":
            return _played(kind, content, form)
        case _:
            return _place(kind, content[kind], form)


def shown(value: Any) -> str:
    """Give *value* as it is shown in an error."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _members(what: str, content: dict[str, Any], wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> str:
    for name in wanted:
        if name not in content:
            return f"{what} has no {name}: it has {', '.join(content) or 'nothing'}"
    for name, value in content.items():
        if name not in wanted and name not in optional:
            return f"{what} has {name}, {shown(value)}, which no line has there"
    return ""


def _header(content: dict[str, Any]) -> str:
    for name, wanted, fits in (
        ("reconcile", "text", _is_text),
        ("kubernetes", "text", _is_text),
        ("seed", "an integer, or the text of one", _is_seed),
        ("topology", "an object", lambda value: isinstance(value, dict)),
        ("controllers", "a list of names", lambda value: isinstance(value, list) and all(map(_is_text, value))),
        ("detail", " or ".join(_DETAILS), lambda value: value in _DETAILS),
        ("modules", "a list of names", lambda value: isinstance(value, list) and all(map(_is_text, value))),
    ):
        if name in content and not fits(content[name]):
            return f"{name} is {shown(content[name])}, which is not {wanted}"
    return ""


def _played(kind: str, content: dict[str, Any], form: int) -> str:
    own = content[kind]
    if not isinstance(own, dict):
        return f"{kind} is {shown(own)}, which is no object"
    steps = 1
    if kind == "run":
        problem = _members("run", own, ("steps", "now")) or _numbers("run", own, form, steps=1)
        if problem:
            return problem
        steps = own["steps"]
    marks, changes = content["marks"], content.get("changes", [[0, 1, "", "", None]])
    if not isinstance(marks, str) or len(marks) != _MARK * steps or _HEXADECIMAL.fullmatch(marks) is None:
        return f"marks is {shown(marks)}, which is not four hexadecimal digits for each of {steps} steps"
    for name, rows in (("changes", changes), ("explanations", content.get("explanations", [None]))):
        if not isinstance(rows, list) or not rows:
            return f"{name} is {shown(rows)}, which is not a list of rows"
    for place, row in enumerate(changes):
        if not _is_change(row):
            wanted = "a row of step, revision, resource, key, and an object or null"
            return f"changes[{place}] is {shown(row)}, which is not {wanted}"
    for place, row in enumerate(content.get("explanations", ())):
        if not _is_explanation(row):
            return f"explanations[{place}] is {shown(row)}, which is not a row of step, pod and an object"
    return ""


def _place(kind: str, place: Any, form: int) -> str:
    if not isinstance(place, dict):
        return f"{kind} is {shown(place)}, which is no object"
    problem = _members(kind, place, _PLACE) or _numbers(kind, place, form, steps=0, revision=0)
    digest = place.get("digest")
    if problem or (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        return problem
    return f"{kind}.digest is {shown(digest)}, which is not sha256: and 64 hexadecimal digits"


def _numbers(what: str, content: dict[str, Any], form: int, **least: int) -> str:
    """Check the instant of a line, and its counts, each of which is at least what is given."""
    for name, lowest in least.items():
        if content[name].__class__ is not int or content[name] < lowest:
            return f"{what}.{name} is {shown(content[name])}, which is not an integer of {lowest} or more"
    now = content["now"]
    if form == 1 and now.__class__ is not int:
        return f"{what}.now is {shown(now)}, which is not an integer of nanoseconds"
    if form != 1 and not (isinstance(now, str) and _INSTANT.fullmatch(now)):
        return f"{what}.now is {shown(now)}, which is not the text of an integer of nanoseconds"
    return ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_seed(value: Any) -> bool:
    return value.__class__ is int or (isinstance(value, str) and _INSTANT.fullmatch(value) is not None)


def _is_change(row: Any) -> bool:
    if not isinstance(row, list) or [type(cell) for cell in row[:-1]] != [int, int, str, str]:
        return False
    return row[0] >= 0 and row[1] >= 1 and (row[4] is None or isinstance(row[4], dict))


def _is_explanation(row: Any) -> bool:
    if not isinstance(row, list) or [type(cell) for cell in row] != [int, str, dict]:
        return False
    return bool(row[0] >= 0)
