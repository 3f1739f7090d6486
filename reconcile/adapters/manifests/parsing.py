"""
Parsing: the text of one YAML document to plain data, and to the places of what is in it.

libyaml reads where it is there, as it is some ten times as fast; else the same
in Python does. Both take and refuse the same: the Python one was taught where
libyaml, and Go's port of it, allow tabs; and what is wrong is always told in
its words.

Takes:    the text of a document.
Gives:    plain data, what to warn of, and a tree of places.
Source:   sigs.k8s.io/yaml: mappings, merge keys, aliases; libyaml: the grammar.
Left out: what sets libyaml apart from Go's port of it: in a flow collection
          [a:] is a mapping, not text. Without libyaml, a tab right after a tag,
          and a question mark within a word of a flow collection, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs
import yaml

from reconcile.adapters.manifests.places import ManifestError, Spot
from reconcile.api.yaml_words import TAGS, BadWord, key_text, scalar, word

T = TypeVar("T")

MOST_VALUES: Final = 250_000  # of one document whose text is shorter than that
DEEPEST: Final = 200

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BREAKS: Final = "\r\n\x85\u2028\u2029"
_OPEN: Final = object()  # an anchored value that is being read


class Malformed(ManifestError):  # noqa: N818 -- it reads as what the document is
    """A document that is no YAML; whoever knows file and document says so."""


@attrs.frozen
class Document:
    """
    What one document held.

    Args:
        content: the plain data; None where there is nothing but comments.
        warnings: what to warn of: a line from 1, and why.
    """

    content: Any
    warnings: tuple[tuple[int, str], ...] = ()


def parse(text: str) -> Document:
    """
    Return the plain data of a document; a key that is there twice has its last value, with a warning.

    Raises:
        Malformed: with the line, from 1.
    """
    return _either(text, lambda events: _Reading(events, most=max(MOST_VALUES, len(text))).document())


def spots(text: str) -> Spot | None:
    """Return the places of a document that `parse` could read, or JSON; None if it cannot be told."""
    try:
        return _either(text, _first_spot)
    except ManifestError:
        return None


def _either(text: str, read: Callable[[_Events], T]) -> T:
    try:
        if _Quick is not None:
            try:
                return read(_Events(_Quick(text)))
            except (yaml.YAMLError, UnicodeEncodeError):
                pass  # said below, in the words and with the places that it has everywhere
        return read(_Events(_Plain(text)))
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        raise Malformed(f"not YAML: character {int(error.character):#06x}", "", 0, line) from None
    except RecursionError:
        raise Malformed(f"nested deeper than {DEEPEST} levels", "") from None


def _malformed(error: yaml.MarkedYAMLError) -> Malformed:
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem)
    hint = "; YAML is indented with spaces, not tabs" if "'\\t'" in problem or "a tab" in problem else ""
    begun = error.context_mark.line + 1 if error.context and error.context_mark else 0
    since = f" {error.context} that begins in line {begun}" if mark and begun and begun <= mark.line else ""
    return Malformed(f"not YAML: {error.problem or error.context}{since}{hint}", "", 0, mark.line + 1 if mark else 0)


class _Plain(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML up to its events, with tabs where libyaml allows them: before a comment, after a word, between words."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip white space and comments; a tab is none where a line's indentation still counts."""
        while True:
            self._skip_blanks(" \t" if self.flow_level or not self.allow_simple_key else " ")
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        """Take the white space within a plain scalar, folding lines."""
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = self.prefix(length)
        self.forward(length)
        if self.peek() not in _BREAKS:
            return [blanks] if blanks else []
        line_break = self.scan_line_break()  # type: ignore[no-untyped-call]
        self.allow_simple_key = True
        breaks: list[str] = []
        while not self._at_separator():
            self._skip_blanks(" ")
            if self.peek() == "\t":
                if self.column < indent:
                    problem = "found a tab character that violates indentation"
                    raise yaml.scanner.ScannerError(
                        "while scanning a plain scalar", start_mark, problem, self.get_mark()
                    )
                self.forward()
            elif self.peek() in _BREAKS:
                breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
            else:
                folded = [line_break] if line_break != "\n" else [] if breaks else [" "]
                return [*folded, *breaks]
        return None

    def scan_block_scalar_indicators(self, start_mark: Any) -> Any:
        """Read what follows | or >, with blanks of either sort behind it."""
        length = 0
        while self.peek(length) in "+-0123456789":
            length += 1
        if self.peek(length) == "\t":
            head = self.prefix(length)
            digits, signs = head.strip("+-"), head.strip("0123456789")
            if len(digits) <= 1 and len(signs) <= 1 and digits != "0":
                self.forward(length)
                return (signs == "+") if signs else None, int(digits) if digits else None
        return super().scan_block_scalar_indicators(start_mark)

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """Skip the rest of a block scalar's header."""
        self._skip_blanks(" \t")
        super().scan_block_scalar_ignored_line(start_mark)

    def _skip_blanks(self, blanks: str) -> None:
        while self.peek() in blanks:
            self.forward()

    def _at_separator(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in "\0 \t" + _BREAKS


_Quick: Any = getattr(getattr(yaml, "cyaml", None), "CParser", None)
"""libyaml, if PyYAML was built with it."""


class _Events:
    """The events of a parser, one after the other."""

    def __init__(self, parser: Any) -> None:
        self.next: Callable[[], Any] = parser.get_event

    def begin(self) -> bool:
        """Go to where the first value begins; tell whether there is one."""
        self.next()
        return self.next().__class__ is not yaml.StreamEndEvent


# Data -----------------------------------------------------------------------------------------------------------------


class _Reading:
    """One document as it is turned into plain data. What is anchored is one value wherever it is meant."""

    def __init__(self, events: _Events, most: int) -> None:
        self._events = events
        self._next = events.next
        self._most = most
        self._values = 0
        self._depth = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._plain: dict[str, Any] = {}
        self._warnings: list[tuple[int, str]] = []

    def document(self) -> Document:
        """Return the first document; what follows it is warned of, as kubectl does not read that."""
        if not self._events.begin():
            return Document(None)
        found = self._value(self._next())
        end = self._next()
        line = end.end_mark.line + 1
        try:
            more = self._next().__class__ is not yaml.StreamEndEvent
        except yaml.YAMLError:
            more = True
        if more:
            self._warnings.append((line, "what follows the end of the document is not read"))
        return Document(found, tuple(self._warnings))

    def _value(self, event: Any) -> Any:
        self._values += 1
        sort = event.__class__
        if sort is yaml.ScalarEvent and event.anchor is None:
            return self._scalar(event)
        if self._values > self._most:
            raise self._bomb(event)
        if sort is yaml.AliasEvent:
            return self._alias(event)
        if event.anchor is None:
            return self._whole(event)
        before = self._values
        self._anchors[event.anchor] = (_OPEN, 0)
        found = self._whole(event)
        self._anchors[event.anchor] = (found, self._values - before)
        return found

    def _whole(self, event: Any) -> Any:
        sort = event.__class__
        if sort is yaml.ScalarEvent:
            return self._scalar(event)
        if self._depth >= DEEPEST:
            raise _wrong(f"nested deeper than {DEEPEST} levels", event)
        self._depth += 1
        found = self._mapping() if sort is yaml.MappingStartEvent else self._sequence()
        self._depth -= 1
        return found

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _wrong(f"not YAML: found undefined alias {event.anchor!r}", event)
        found, values = self._anchors[event.anchor]
        if found is _OPEN:
            raise _wrong("an alias that holds itself", event)
        self._values += values
        if self._values > self._most:
            raise self._bomb(event)
        return found

    def _sequence(self) -> list[Any]:
        found: list[Any] = []
        while True:
            event = self._next()
            if event.__class__ is yaml.SequenceEndEvent:
                return found
            found.append(self._value(event))

    def _mapping(self) -> dict[str, Any]:
        """Return a mapping; of what is there twice, or is there and merged into it by <<, the last one counts."""
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while True:
            event = self._next()
            if event.__class__ is yaml.MappingEndEvent:
                return found
            if event.__class__ is yaml.ScalarEvent and event.value == "<<" and _merges(event):
                for each in reversed(self._merged(self._next())):
                    found |= each
                continue
            key = self._key(event)
            line = event.start_mark.line + 1
            if key in lines:
                self._warnings.append((line, f'duplicate key "{key}", first in line {lines[key]}: the last one counts'))
            lines[key] = line
            found[key] = self._value(self._next())

    def _merged(self, event: Any) -> list[dict[str, Any]]:
        """Return what << merges: mappings, of which the first one counts most."""
        found = self._value(event)
        # An alias may mean a mapping, but no list of them.
        entries = found if isinstance(found, list) and event.__class__ is not yaml.AliasEvent else [found]
        if not all(isinstance(entry, dict) for entry in entries):
            raise _wrong("<< merges mappings only", event)
        return entries

    def _key(self, event: Any) -> str:
        """Return a key as text."""
        found = self._value(event)
        if found.__class__ is str:
            return str(found)
        if isinstance(found, dict | list):
            raise _wrong("a key that is a list or a mapping", event)
        text = key_text(found)
        if text is None:
            raise _wrong("a key that is null", event)
        return text

    def _scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        if not text.isascii() and _SURROGATE.search(text):
            raise _wrong("an escape that is no character: half of a surrogate pair", event)
        try:
            if tag is not None:
                return scalar(text, tag, plain=event.implicit[0])
            if not event.implicit[0]:
                return text
            known = self._plain
            if text in known:
                return known[text]
            found = known[text] = word(text)
        except BadWord as error:
            raise _wrong(str(error), event) from None
        return found

    def _bomb(self, event: Any) -> Malformed:
        return _wrong(f"more than {self._most:,} values, through aliases of aliases perhaps", event)


def _merges(event: Any) -> bool:
    return bool(event.implicit[0]) if event.tag in (None, "!") else event.tag == f"{TAGS}merge"


def _wrong(reason: str, event: Any) -> Malformed:
    return Malformed(reason, "", 0, event.start_mark.line + 1)


# Places ---------------------------------------------------------------------------------------------------------------


def _first_spot(events: _Events) -> Spot | None:
    return _spot(events, events.next(), {}) if events.begin() else None


def _spot(events: _Events, event: Any, anchors: dict[str, Spot]) -> Spot:
    line = event.start_mark.line + 1
    match event:
        case yaml.AliasEvent():
            known = anchors.get(str(event.anchor), Spot(line))
            return attrs.evolve(known, line=line)
        case yaml.SequenceStartEvent():
            items = []
            while (below := events.next()).__class__ is not yaml.SequenceEndEvent:
                items.append(_spot(events, below, anchors))
            found = Spot(line, items=tuple(items))
        case yaml.MappingStartEvent():
            fields = []
            while (key := events.next()).__class__ is not yaml.MappingEndEvent:
                _spot(events, key, anchors)
                name = key.value if isinstance(key, yaml.ScalarEvent) else ""
                fields.append((name, key.start_mark.line + 1, _spot(events, events.next(), anchors)))
            found = Spot(line, fields=tuple(fields))
        case _:
            found = Spot(line)
    if event.anchor is not None:
        anchors[event.anchor] = found
    return found
