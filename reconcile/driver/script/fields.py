"""
Fields of a script: what stands where, and what is wrong with it.

Takes:    plain JSON data, and the path that leads to it.
Gives:    texts and targets, or a `ScriptError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from reconcile.api.kinds import resource_named
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, parse_duration


class ScriptError(ReconcileError):
    """
    A script that cannot be understood.

    Args:
        path: leads to the place: keys and list indexes from the top, and last, within an API object, its field's path.
        problem: what is wrong there.
    """

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        super().__init__(f"{path_text(path)}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


@attrs.frozen
class Target:
    """What a command is about: one object, by the words of kubectl."""

    word: str
    name: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.word}/{self.name}"


def target_at(value: Any, path: tuple[str | int, ...], namespace: str, subresource: str = "") -> Target:
    """
    Read what a command is about, `deployment/web`.

    Raises:
        ScriptError: it has another form, is of no known kind, or does not have the *subresource*.
    """
    word, slash, name = text_at(value, path).partition("/")
    if not (word and slash and name) or "/" in name:
        raise ScriptError(path, f"{value!r} is not of the form deployment/web")
    try:
        found = resource_named(word)
    except ReconcileError as error:
        raise ScriptError(path, str(error)) from None
    if subresource and subresource not in found.subresources:
        raise ScriptError(path, f"{found.plural} cannot be scaled: {value!r}")
    return Target(word, name, namespace)


def text_at(value: Any, path: tuple[str | int, ...]) -> str:
    """Give *value*, which must be text, and not empty."""
    if not isinstance(value, str) or not value:
        raise ScriptError(path, f"must be text, not {value!r}")
    return value


def duration_at(value: Any, path: tuple[str | int, ...]) -> Duration:
    """Read a duration such as 1m30s."""
    if not isinstance(value, str):
        raise ScriptError(path, f"must be a duration such as 300ms, 2s or 1m30s, not {value!r}")
    try:
        return parse_duration(value)
    except ReconcileError as error:
        raise ScriptError(path, str(error)) from None


def only(value: Any, known: tuple[str, ...], path: tuple[str | int, ...]) -> None:
    """Refuse what is no mapping, or has a field that is not *known*."""
    if not isinstance(value, Mapping):
        raise ScriptError(path, f"must be a mapping, not {value!r}")
    for key in value:
        if key not in known:
            raise ScriptError((*path, str(key)), f"there is no such field; known: {', '.join(known)}")


def path_text(path: tuple[str | int, ...]) -> str:
    """Give a path as text: `commands[2].containers.web`."""
    text = "".join([f"[{part}]" if isinstance(part, int) else f".{part}" for part in path])
    return text.removeprefix(".")
