"""
YAML: bodies that come in it, as the JSON that they are read as.

PyYAML is an extra: without it a body in YAML is refused, which is said. It is asked for when the first one comes.

Source:   sigs.k8s.io/yaml and the words of its errors.
Left out: without libyaml's parser, the words of a syntax error are those of the one in Python.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any, Final

import attrs

from reconcile.api import yaml_words
from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick

_MOST: Final = 250_000  # values of one document whose text is shorter than that
_DEEPEST: Final = 200
_OPEN: Final = object()
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,300}")


class YamlFault(ReconcileError):  # noqa: N818 -- it reads as what the text is
    """Text that is no YAML, with upstream's words."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class YamlRead:
    """The plain data of a document; *repeated* names the keys that came twice, each with its line."""

    data: Any
    repeated: tuple[str, ...] = ()


def read(text: str) -> YamlRead:
    """
    Read the first document of *text*; of a key that comes twice the last value counts.

    Raises:
        YamlFault: with upstream's words.
    """
    yaml = _library()
    if yaml is None:
        raise YamlFault("yaml: this server reads no YAML: install reconcile[cli]")
    loader = getattr(yaml, "CLoader", yaml.Loader)
    try:
        events = _Events(yaml, loader(text))
        reading = _Reading(events, max(_MOST, len(text)))
        data = reading.document()
    except yaml.MarkedYAMLError as error:
        raise YamlFault(_said(yaml, error, text)) from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise YamlFault("yaml: control characters are not allowed") from None
    except RecursionError:
        raise YamlFault("yaml: exceeded max depth") from None
    return YamlRead(data=data, repeated=tuple(reading.repeated))


@cache
def _library() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError:
        return None


def _said(yaml: Any, error: Any, text: str) -> str:
    """Say what libyaml says, with the line that Go's port of it names: it counts them from 0, a scanner's from 1."""
    scans = isinstance(error, yaml.scanner.ScannerError)
    lines = [_line(mark, text) for mark in (error.problem_mark, error.context_mark) if mark is not None]
    line = next((each for each in lines if each), 0)
    where = f"line {line + scans}: " if line else ""
    return f"yaml: {where}{error.problem or error.context}"


def _line(mark: Any, text: str) -> int:
    """Give a mark's line; the end of a text is on a line of its own."""
    line: int = mark.line
    return line + (mark.column > 0 and line == text.count("\n") and mark.column >= len(text) - text.rfind("\n") - 1)


class _Events:
    """The events of a parser, and the library that they are of."""

    def __init__(self, yaml: Any, parser: Any) -> None:
        self.yaml = yaml
        self.next = parser.get_event


class _Reading:
    """One document on its way to plain data."""

    def __init__(self, events: _Events, most: int) -> None:
        self._yaml = events.yaml
        self._next = events.next
        self._most = most
        self._values = 0
        self._depth = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self.repeated: list[str] = []

    def document(self) -> Any:
        """Give the first document; None if there is none."""
        self._next()
        if isinstance(self._next(), self._yaml.StreamEndEvent):
            return None
        return self._value(self._next())

    def _value(self, event: Any) -> Any:
        self._values += 1
        self._bound()
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event.anchor)
        before = self._values
        if event.anchor is not None:
            self._anchors[event.anchor] = (_OPEN, 0)
        found = self._whole(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (found, self._values - before)
        return found

    def _bound(self) -> None:
        if self._values > self._most:
            raise YamlFault("yaml: document contains excessive aliasing")

    def _alias(self, anchor: str) -> Any:
        if anchor not in self._anchors:
            raise YamlFault(f"yaml: unknown anchor '{anchor}' referenced")
        found, values = self._anchors[anchor]
        if found is _OPEN:
            raise YamlFault(f"yaml: anchor '{anchor}' value contains itself")
        self._values += values
        self._bound()
        return found

    def _whole(self, event: Any) -> Any:
        if isinstance(event, self._yaml.ScalarEvent):
            return self._scalar(event)
        if self._depth >= _DEEPEST:
            raise YamlFault("yaml: exceeded max depth")
        self._depth += 1
        found = self._mapping() if isinstance(event, self._yaml.MappingStartEvent) else self._sequence()
        self._depth -= 1
        return found

    def _scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        try:
            if tag is not None:
                return yaml_words.scalar(text, tag, plain=event.implicit[0])
            return yaml_words.word(text) if event.implicit[0] else text
        except yaml_words.BadWord:
            if tag is None and _WHOLE.fullmatch(text):
                return float(text)  # beyond 64 bits
            short = (tag or "").replace(yaml_words.TAGS, "!!")
            raise YamlFault(f"yaml: cannot decode !!str `{text}` as a {short or '!!float'}") from None

    def _sequence(self) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            found.append(self._value(event))
        return found

    def _mapping(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own: set[str] = set()
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            if getattr(event, "value", None) == "<<" and event.implicit[0] and event.tag in (None, "!"):
                for entry in reversed(self._merged(self._next())):
                    found |= entry
                continue
            key = self._key(self._value(event))
            if key in own:
                self.repeated.append(f'line {event.start_mark.line + 1}: key "{key}" already set in map')
            own.add(key)
            found[key] = self._value(self._next())
        return found

    def _merged(self, event: Any) -> list[dict[str, Any]]:
        found = self._value(event)
        entries = found if isinstance(found, list) else [found]
        if not all(isinstance(entry, dict) for entry in entries):
            raise YamlFault("yaml: map merge requires map or sequence of maps as the value")
        return entries

    @staticmethod
    def _key(found: Any) -> str:
        text = found if isinstance(found, str) else None
        if text is None and not isinstance(found, (dict, list)):
            text = yaml_words.key_text(found)
        if text is None:
            raise YamlFault("yaml: invalid map key: " + ("null" if found is None else "a collection"))
        return text
