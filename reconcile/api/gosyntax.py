"""
What is wrong with text that should be JSON, in Go's words, and JSON with its numbers as they are written.

Takes:    bytes.
Gives:    the error, or plain data in which a number is its literal and an object the list of its pairs.
Source:   Go's encoding/json: its scanner's states and the words of its syntax errors.
Left out: nothing known.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

DEEPEST: Final = 10_000
_SPACES: Final = re.compile(rb"[ \t\r\n]*")
_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ENDED: Final = "unexpected end of JSON input"
_PRINTED: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 39: "\\'", 34: '"'}
_UNPRINTABLE: Final = (*range(0x20), *range(0x7F, 0xA1), 0xAD)
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_UNPAIRED: Final = re.compile("[\ud800-\udfff]")


class SyntaxFault(ReconcileError):  # noqa: N818 -- it reads as what the text is
    """Text that is no JSON, with Go's words."""


class Literal(str):
    """A number as it is written."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object: its keys and values in the order in which they stand, also those that come twice."""

    __slots__ = ()


def pairs_of(content: bytes) -> Any:
    """
    Read JSON with its numbers and repeated keys as they stand; bytes that are no UTF-8 become U+FFFD each.

    Raises:
        SyntaxFault: it is none.
    """
    try:
        return _whole(_DECODER.decode(text_of(content)))
    except (ValueError, RecursionError):
        check(content)
        raise SyntaxFault("exceeded max depth") from None


def text_of(content: bytes) -> str:
    """Decode UTF-8 as Go does: of what is none each byte is a U+FFFD."""
    return _ESCAPED.sub("\ufffd", content.decode("utf-8", "surrogateescape"))


def check(content: bytes) -> None:
    """Raise SyntaxFault, with Go's words, if *content* is not one JSON value."""
    at = _past_value(content)
    at = _past_spaces(content, at)
    if at < len(content):
        raise _invalid(content, at, "after top-level value")


def _past_value(content: bytes) -> int:
    """Give where the first value ends. Lists and objects that are open wait in a stack: nothing recurses."""
    stack: list[bytes] = []
    at = _past_spaces(content, 0)
    while True:
        found = content[at : at + 1]
        if found == b"{":
            _deeper(stack, found)
            at = _past_spaces(content, at + 1)
            if content[at : at + 1] != b"}":
                at = _past_key(content, at)
                continue
        elif found == b"[":
            _deeper(stack, found)
            at = _past_spaces(content, at + 1)
            if content[at : at + 1] != b"]":
                continue
        else:
            at = _past_scalar(content, at)
            stack.append(b"")
        at, stack[-1:] = at + bool(stack[-1]), []
        # A value has ended: what is open goes on or ends as well.
        while stack:
            at = _past_spaces(content, at)
            mark, closes = content[at : at + 1], b"}" if stack[-1] == b"{" else b"]"
            if mark == closes:
                stack.pop()
                at += 1
            elif mark == b",":
                at = _past_spaces(content, at + 1)
                at = _past_key(content, at) if stack[-1] == b"{" else at
                break
            else:
                raise _invalid(content, at, "after object key:value pair" if closes == b"}" else "after array element")
        else:
            return at


def _deeper(stack: list[bytes], found: bytes) -> None:
    if len(stack) >= DEEPEST:
        raise SyntaxFault("exceeded max depth")
    stack.append(found)


def _past_key(content: bytes, at: int) -> int:
    if content[at : at + 1] != b'"':
        raise _invalid(content, at, "looking for beginning of object key string")
    at = _past_spaces(content, _past_string(content, at))
    if content[at : at + 1] != b":":
        raise _invalid(content, at, "after object key")
    return _past_spaces(content, at + 1)


def _past_scalar(content: bytes, at: int) -> int:
    first = content[at : at + 1]
    if first == b'"':
        return _past_string(content, at)
    for word in (b"true", b"false", b"null"):
        if first == word[:1]:
            for index, letter in enumerate(word):
                if content[at + index : at + index + 1] != bytes([letter]):
                    raise _invalid(content, at + index, f"in literal {word.decode()} (expecting '{chr(letter)}')")
            return at + len(word)
    if first == b"-" or first.isdigit():
        return _past_number(content, at)
    raise _invalid(content, at, "looking for beginning of value")


def _past_number(content: bytes, at: int) -> int:
    start = at + (content[at : at + 1] == b"-")
    if not content[start : start + 1].isdigit():
        raise _invalid(content, start, "in numeric literal")
    match = _NUMBER.match(content, at)
    assert match is not None, "it begins as a number does"
    end = match.end()
    mark = content[end : end + 1]
    if mark == b"." and b"." not in match[0] and b"e" not in match[0].lower():
        raise _invalid(content, end + 1, "after decimal point in numeric literal")
    if mark in (b"e", b"E") and b"e" not in match[0].lower():
        signed = content[end + 1 : end + 2] in (b"+", b"-")
        raise _invalid(content, end + 1 + signed, "in exponent of numeric literal")
    return end


def _past_string(content: bytes, at: int) -> int:
    match = _STRING.match(content, at)
    if match is not None:
        return match.end()
    at += 1
    while at < len(content):
        octet = content[at]
        if octet == 0x5C:  # noqa: PLR2004 -- a backslash
            letter = content[at + 1 : at + 2]
            if letter == b"u":
                for index in range(at + 2, at + 6):
                    if content[index : index + 1] not in _HEXADECIMAL:
                        raise _invalid(content, index, "in \\u hexadecimal character escape")
                at += 4
            elif letter not in _LETTERS:
                raise _invalid(content, at + 1, "in string escape code")
            at += 2
        elif octet < 0x20:  # noqa: PLR2004 -- the first letter that needs no escape
            raise _invalid(content, at, "in string literal")
        else:
            at += 1
    raise SyntaxFault(_ENDED)


_HEXADECIMAL: Final = tuple(bytes([octet]) for octet in b"0123456789abcdefABCDEF")
_LETTERS: Final = tuple(bytes([octet]) for octet in b'"\\/bfnrt')


def _past_spaces(content: bytes, at: int) -> int:
    match = _SPACES.match(content, at)
    return match.end() if match is not None else at


def _invalid(content: bytes, at: int, where: str) -> SyntaxFault:
    if at >= len(content):
        return SyntaxFault(_ENDED)
    octet = content[at]
    shown = _PRINTED.get(octet)
    if shown is None and octet == 0x5C:  # noqa: PLR2004 -- a backslash
        shown = "\\\\"
    if shown is None and octet in _UNPRINTABLE:
        shown = f"\\x{octet:02x}" if octet < 0x80 else f"\\u{octet:04x}"  # noqa: PLR2004 -- beyond ASCII it is a rune
    return SyntaxFault(f"invalid character '{shown or chr(octet)}' {where}")


def _whole(value: Any) -> Any:
    """Replace unpaired surrogates, which an escape can name."""
    if isinstance(value, Pairs):
        return Pairs([(_whole(key), _whole(entry)) for key, entry in value])
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    if value.__class__ is str and _UNPAIRED.search(value):
        return _UNPAIRED.sub("\ufffd", value)
    return value


def _refuse(token: str) -> Any:
    raise ValueError(token)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=Literal, parse_float=Literal, parse_constant=_refuse
)
