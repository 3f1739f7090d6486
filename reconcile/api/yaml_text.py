"""
Plain JSON data as YAML text, as the API server writes it.

Keys are sorted, lists stand under their key without indentation, text is plain where it would be read as text again.

Takes:    plain JSON data.
Gives:    YAML text.
Source:   sigs.k8s.io/yaml and the emitter of go.yaml.in/yaml/v2.
Left out: nothing known.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

from reconcile.api import yaml_words
from reconcile.lib.errors import ReconcileError

_INDICATORS: Final = frozenset("#,[]{}&*!|>'\"%@`")
_UNSAFE: Final = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_WIDTH: Final = 80
_NO_COLUMN: Final = 1 << 30
_SHORT: Final = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\xa0": "\\_", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def written(value: Any) -> str:
    """Write *value* as one document."""
    lines: list[str] = []
    if isinstance(value, (dict, list)) and value:
        _block(lines, value, 0)
        return "\n".join(lines) + "\n"
    return f"{_inline(value, 0, 0)}\n"


def _block(lines: list[str], value: Any, indent: int) -> None:
    pad = " " * indent
    if isinstance(value, list):
        for entry in value:
            if isinstance(entry, (dict, list)) and entry:
                start = len(lines)
                _block(lines, entry, indent + 2)
                lines[start] = f"{pad}- {lines[start][indent + 2 :]}"
            else:
                lines.append(f"{pad}- {_inline(entry, indent, indent + 2)}")
        return
    for key in sorted(value, key=_natural):
        entry, shown = value[key], _text(key, 0, _NO_COLUMN)
        if isinstance(entry, dict) and entry:
            lines.append(f"{pad}{shown}:")
            _block(lines, entry, indent + 2)
        elif isinstance(entry, list) and entry:
            lines.append(f"{pad}{shown}:")
            _block(lines, entry, indent)
        else:
            lines.append(f"{pad}{shown}: {_inline(entry, indent, indent + len(shown) + 2)}")


def _natural(key: str) -> tuple[tuple[int, int, str], ...]:
    """Order keys as upstream does: digits by their number, letters after whatever is none."""
    parts = []
    for match in re.finditer(r"[0-9]+|.", key, re.DOTALL):
        part = match[0]
        if part[0].isdigit() and part.isascii():
            parts.append((1, int(part[:18]), part))
        else:
            parts.append((2 if part.isalpha() else 0, 0, part))
    return tuple(parts)


def _inline(value: Any, indent: int, column: int) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, indent, column)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return json.dumps(value)


def _text(text: str, indent: int, column: int) -> str:
    """Write text that begins at *column*; a key, which has no column, stays on its line."""
    is_key = column == _NO_COLUMN
    if _UNSAFE.search(text):
        return _double(text, indent, column)
    if "\n" in text:
        return _double(text, indent, column) if is_key or not _literal(text) else _block_text(text, indent)
    if not _means_text(text):
        return _double(text, indent, column)
    plain = _plain(text)
    shown = text if plain else "'" + text.replace("'", "''") + "'"
    return shown if is_key or column + len(shown) <= _WIDTH else _folded(shown, indent, column, plain=plain)


def _folded(shown: str, indent: int, column: int, *, plain: bool) -> str:
    """Break lines at single spaces that come after the 80th column."""
    out: list[str] = []
    last = len(shown) - (1 if plain else 2)
    for at, char in enumerate(shown):
        single = char == " " and shown[at - 1 : at] != " " and shown[at + 1 : at + 2] != " "
        if single and column > _WIDTH and (plain or 1 < at < last):
            out.append("\n" + " " * (indent + 2))
            column = indent + 2
        else:
            out.append(char)
            column += 1
    return "".join(out)


def _literal(text: str) -> bool:
    """Tell whether text of several lines can stand in a block."""
    return " \n" not in text and not text.endswith(" ") and bool(text.strip())


def _block_text(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") or text == "\n" else ""
    pad = " " * (indent + 2)
    lines = [pad + line if line else "" for line in text.removesuffix("\n").split("\n")]
    return "\n".join([f"|{hint}{chomp}", *lines])


@lru_cache(maxsize=4096)
def _means_text(text: str) -> bool:
    """Tell whether a plain word would be read as text."""
    if _BASE_60.fullmatch(text) or _DATE.fullmatch(text):
        return False
    if text in ("<<", "="):
        return True
    try:
        return isinstance(yaml_words.word(text), str)
    except ReconcileError:
        return False


def _plain(text: str) -> bool:
    if not text or text != text.strip() or text.startswith(("---", "...")):
        return False
    if text[0] in _INDICATORS or (text[0] in "-?:" and (len(text) == 1 or text[1] == " ")):
        return False
    return ": " not in text and " #" not in text and not text.endswith(":")


def _double(text: str, indent: int, column: int) -> str:
    out, spaces = ['"'], False
    column += 1
    for at, char in enumerate(text):
        shown = _escaped(char)
        if char == " " and not spaces and column > _WIDTH and column < _NO_COLUMN and 0 < at < len(text) - 1:
            shown = "\n" + " " * (indent + 2) + ("\\" if text[at + 1] == " " else "")
            column = indent + 2
        else:
            column += len(shown)
        spaces = char == " "
        out.append(shown)
    return "".join([*out, '"'])


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if not _UNSAFE.match(char):
        return char
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004 -- what two digits can say
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004 -- what four digits can say
