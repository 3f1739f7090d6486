"""
YAML text to plain JSON data, for text that is made within a cluster: what a template renders.

Files of a user's are read by an adapter, with a library; the core has none, and needs none of YAML's rarer parts.

Takes:    the text of one document.
Gives:    plain JSON data, or a BadYaml with the line.
Source:   https://yaml.org/spec/1.2.2/ for the grammar; `yaml_words` for what plain words mean.
Left out: anchors, aliases, tags, merge keys, keys that are no scalars, directives: each is refused by its name. What
          follows the end of the first document is not read.
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.api.yaml_words import BadWord, key_text, word
from reconcile.lib.errors import ReconcileError

DEEPEST: Final = 100

_KEY: Final = re.compile(
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?![\[\]{}#&*!|>%@`"',]|[?-](?:\s|$))(?:[^:#\n]|:(?=[^\s])|(?<=\S)\#)+?)
        [ \t]*:(?=[ \t]|$)""",
    re.VERBOSE,
)
_ITEM: Final = re.compile(r"-(?:[ \t]+|$)")
_BLOCK: Final = re.compile(r"(?P<style>[|>])(?P<head>[-+]?[1-9]?[-+]?)[ \t]*(?:#.*)?$")
_REFUSED: Final = {"&": "an anchor", "*": "an alias", "!": "a tag", "%": "a directive", "@": "'@'", "`": "'`'"}
_PLAIN_IN_FLOW: Final = re.compile(r"(?:[^,\[\]{}:#\n]|:(?=[^\s,\[\]{}])|(?<=\S)#)+")
_ESCAPES: Final = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODES: Final = {"x": 2, "u": 4, "U": 8}


class BadYaml(ReconcileError):  # noqa: N818 -- it reads as what the text is
    """Text that is no YAML, or has in it what is not read here."""


def read(text: str) -> Any:
    """
    Give the plain data of the text's first document; None if it holds nothing.

    Raises:
        BadYaml: it cannot be read; the line and what stands there are shown.
    """
    reading = _Reading(text)
    found = reading.block(-1)
    reading.end()
    return found


class _Reading:
    """A text that is being read, up to a column of a line."""

    def __init__(self, text: str) -> None:
        self._lines = [line.rstrip("\r") for line in text.split("\n")]
        self._row = 0
        self._column = 0
        self._depth = 0
        self._skip()
        if self._rest().startswith("---") and self._column == 0:
            self._column = 3

    def end(self) -> None:
        """Refuse what is left."""
        if self._skip() and not self._rest().startswith(("---", "...")):
            raise self._wrong(f"did not find what {self._rest()[:30]!r} belongs to")

    def block(self, parent: int) -> Any:
        """Read the value that stands next, of something at column *parent*; None if nothing is indented further."""
        if not self._skip() or self._column <= parent or self._at_end():
            return None
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"nested deeper than {DEEPEST} levels")
        rest = self._rest()
        if _ITEM.match(rest):
            found: Any = self._sequence()
        elif _KEY.match(rest):
            found = self._mapping()
        else:
            found = self._scalar(parent)
        self._depth -= 1
        return found

    # Where one is

    def _rest(self) -> str:
        return self._lines[self._row][self._column :] if self._row < len(self._lines) else ""

    def _at_end(self) -> bool:
        return self._column == 0 and self._rest().startswith(("---", "..."))

    def _skip(self) -> bool:
        """Go to what comes next, past white space and comments; tell whether there is anything."""
        while self._row < len(self._lines):
            rest = self._rest()
            bare = rest.lstrip(" \t")
            column = self._column + len(rest) - len(bare)
            apart = column == 0 or self._lines[self._row][column - 1] in " \t"
            if bare and not (bare.startswith("#") and apart):
                if "\t" in self._lines[self._row][:column] and not self._lines[self._row][:column].strip():
                    raise self._wrong("found a tab where it is indented; YAML is indented with spaces")
                self._column = column
                return True
            self._row, self._column = self._row + 1, 0
        return False

    def _same_line(self) -> bool:
        """Go to what comes next in this line; tell whether there is anything."""
        row = self._row
        return self._skip() and self._row == row

    def _wrong(self, said: str) -> BadYaml:
        return BadYaml(f"line {min(self._row, len(self._lines) - 1) + 1}: not YAML: {said}")

    # Collections

    def _sequence(self) -> list[Any]:
        column, found = self._column, []
        while self._skip() and self._column == column and not self._at_end():
            match = _ITEM.match(self._rest())
            if match is None:
                break
            self._column += match.end()
            found.append(self.block(column))
        if self._skip() and self._column > column and not self._at_end():
            raise self._wrong(f"did not find expected '-' indicator before {self._rest()[:30]!r}")
        return found

    def _mapping(self) -> dict[str, Any]:
        column = self._column
        found: dict[str, Any] = {}
        while self._skip() and self._column == column and not self._at_end():
            match = _KEY.match(self._rest())
            if match is None:
                break
            key = self._key(match[0][:-1].rstrip(" \t"))
            self._column += match.end()
            found[key] = self._valued(column)
        if self._skip() and self._column > column and not self._at_end():
            raise self._wrong(f"did not find expected key before {self._rest()[:30]!r}")
        return found

    def _key(self, text: str) -> str:
        if text == "<<":
            raise self._wrong("merge keys are not read here")
        if text[:1] in ('"', "'"):
            keep = self._row, self._column
            key = self._quoted(text[0])
            self._row, self._column = keep
            return key
        key_of = key_text(self._word(text))
        if key_of is None:
            raise self._wrong("a key that is null")
        return key_of

    def _valued(self, column: int) -> Any:
        """Read the value of a key at *column*."""
        if not self._same_line():
            self._skip()
            if self._row < len(self._lines) and self._column == column and _ITEM.match(self._rest()):
                return self.block(column - 1)  # a list may stand under its key without indentation
            return self.block(column)
        rest = self._rest()
        if _ITEM.match(rest) or (_KEY.match(rest) and rest[0] not in "\"'"):
            raise self._wrong(f"mapping values are not allowed in this context: {rest[:30]!r}")
        return self._scalar(column)

    # Scalars

    def _scalar(self, parent: int) -> Any:
        rest = self._rest()
        first = rest[0]
        if first in _REFUSED:
            raise self._wrong(f"{_REFUSED[first]} is not read here: {rest[:30]!r}")
        if first in "\"'":
            found: Any = self._quoted(first)
            return self._whole(found)
        if first in "[{":
            return self._whole(self._flow())
        block = _BLOCK.match(rest)
        if block is not None:
            return self._literal(block["style"], block["head"], parent)
        return self._plain(parent)

    def _whole(self, found: Any) -> Any:
        if self._same_line():
            raise self._wrong(f"unexpected {self._rest()[:30]!r} after a value")
        return found

    def _word(self, text: str) -> Any:
        try:
            return word(text)
        except BadWord as error:
            raise self._wrong(str(error)) from None

    def _plain(self, parent: int) -> Any:
        """Read a plain word, which goes on in lines that are indented further than *parent*."""
        text = self._line_of_words()
        row, breaks = self._row, 0
        while row + 1 < len(self._lines):
            row += 1
            line = self._lines[row]
            bare = line.strip(" \t")
            if not bare:
                breaks += 1
                continue
            column = len(line) - len(line.lstrip(" "))
            if column <= parent or bare.startswith("#") or (column == 0 and bare.startswith(("---", "..."))):
                break
            self._row, self._column = row, column
            if _KEY.match(bare):
                raise self._wrong(f"mapping values are not allowed in this context: {bare[:30]!r}")
            text += ("\n" * breaks or " ") + self._line_of_words()
            breaks = 0
        self._row, self._column = self._row + 1, 0
        return self._word(text)

    def _line_of_words(self) -> str:
        return re.split(r"[ \t]#", self._rest(), maxsplit=1)[0].rstrip(" \t")

    def _literal(self, style: str, head: str, parent: int) -> str:
        """Read a block scalar: | or >."""
        digits = head.strip("+-")
        indent = max(parent, 0) + int(digits) if digits else 0
        self._row, self._column = self._row + 1, 0
        lines: list[str] = []
        while self._row < len(self._lines):
            line = self._lines[self._row]
            bare = line.lstrip(" ")
            column = len(line) - len(bare)
            if bare:
                indent = indent or max(column, parent + 1)
                if column < indent:
                    break
            lines.append(line[indent:] if bare else "")
            self._row += 1
        unended = self._row >= len(self._lines) and bool(lines and lines[-1])
        while lines and not lines[-1] and "+" not in head:
            lines.pop()
        text = "\n".join(lines) if style == "|" else _folded(lines)
        return text if "-" in head or unended or not lines else text + "\n"

    def _quoted(self, quote: str) -> str:
        """Read text in quotation marks; a line's end within it is a space."""
        self._column += 1
        found: list[str] = []
        while True:
            rest = self._rest()
            if not rest:
                found = [*_unblanked(found), self._line_break()]
                continue
            first = rest[0]
            self._column += 1
            if first != quote:
                found.append(self._escaped() if first == "\\" and quote == '"' else first)
            elif quote == "'" and rest[1:2] == "'":
                found.append("'")
                self._column += 1
            else:
                return "".join(found)

    def _line_break(self) -> str:
        breaks = 0
        while True:
            self._row, self._column = self._row + 1, 0
            if self._row >= len(self._lines):
                raise self._wrong("found unexpected end of stream while scanning a quoted scalar")
            line = self._lines[self._row]
            if line.strip(" \t"):
                self._column = len(line) - len(line.lstrip(" \t"))
                return "\n" * breaks or " "
            breaks += 1

    def _escaped(self) -> str:
        rest = self._rest()
        if not rest:
            self._line_break()
            return ""
        sort = rest[0]
        self._column += 1
        if sort in _CODES:
            digits = rest[1 : 1 + _CODES[sort]]
            if not re.fullmatch(f"[0-9a-fA-F]{{{_CODES[sort]}}}", digits):
                raise self._wrong(f"did not find expected hexdecimal number in \\{rest[:9]}")
            self._column += len(digits)
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:  # noqa: PLR2004 -- what is no character
                raise self._wrong(f"found invalid Unicode character escape code \\{sort}{digits}")
            return chr(code)
        if sort not in _ESCAPES:
            raise self._wrong(f"found unknown escape character \\{sort}")
        return _ESCAPES[sort]

    def _flow(self) -> Any:
        """Read what stands in brackets or braces."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"nested deeper than {DEEPEST} levels")
        opened = self._rest()[0]
        self._column += 1
        items: list[Any] = []
        fields: dict[str, Any] = {}
        close = "]" if opened == "[" else "}"
        while True:
            if not self._skip():
                raise self._wrong(f"did not find expected ',' or {close!r}")
            if self._rest()[0] == close:
                self._column += 1
                self._depth -= 1
                return items if opened == "[" else fields
            entry = self._in_flow()
            if opened == "{":
                self._skip()
                key = key_text(entry) if not isinstance(entry, (dict, list)) else None
                if key is None:
                    raise self._wrong("a key that is no scalar")
                fields[key] = None
                if self._rest()[:1] == ":":
                    self._column += 1
                    self._skip()
                    fields[key] = None if self._rest()[:1] in (",", close) else self._in_flow()
            else:
                items.append(entry)
            self._skip()
            if self._rest()[:1] == ",":
                self._column += 1
            elif self._rest()[:1] != close:
                raise self._wrong(f"did not find expected ',' or {close!r}")

    def _in_flow(self) -> Any:
        first = self._rest()[:1]
        if first in ("[", "{"):
            return self._flow()
        if first in ('"', "'"):
            return self._quoted(first)
        match = _PLAIN_IN_FLOW.match(self._rest())
        if match is None or first in _REFUSED:
            raise self._wrong(f"unexpected {self._rest()[:30]!r} in a flow collection")
        self._column += match.end()
        return self._word(match[0].strip(" \t"))


def _unblanked(found: list[str]) -> list[str]:
    """Take the white space away that stands before the end of a line."""
    while found and found[-1] in (" ", "\t"):
        found = found[:-1]
    return found


def _folded(lines: list[str]) -> str:
    """Join the lines of a folded block scalar: one break is a space, unless it is beside a line that is indented."""
    text, breaks, before = "", 0, ""
    for place, line in enumerate(lines):
        if not line:
            breaks += 1
            continue
        if place:
            kept = line[0] in " \t" or before[:1] in (" ", "\t") or not before
            text += "\n" * (breaks + 1 if kept and before else breaks) or " "
        text += line
        breaks, before = 0, line
    return text + "\n" * breaks
