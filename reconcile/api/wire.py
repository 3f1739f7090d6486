"""
The wire of protocol buffers: a message's bytes as its numbered fields.

Takes:    bytes, or what is to be written.
Gives:    fields: number, wire type, and an integer or bytes; Malformed for what is none, and no other exception;
          or bytes.
Source:   https://protobuf.dev/programming-guides/encoding/
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

VARINT, FIXED64, BYTES, START, END, FIXED32 = range(6)
MASK: Final = (1 << 64) - 1


class Malformed(ReconcileError):  # noqa: N818 -- it reads as what the bytes are
    """Bytes that are no such message."""


def parts(content: memoryview, name: str) -> Sequence[tuple[int, int, Any]]:
    """Split a message into its fields: number, wire type, and an integer or bytes."""
    found: list[tuple[int, int, Any]] = []
    at, end = 0, len(content)
    while at < end:
        tag, at = varint_at(content, at)
        number, wire = (tag >> 3) & 0xFFFFFFFF, tag & 7
        if wire == END:
            raise Malformed(f"proto: {name}: wiretype end group for non-group")
        if not 0 < number < 1 << 31:
            raise Malformed(f"proto: {name}: illegal tag {number} (wire type {wire})")
        value: Any = None
        if wire == VARINT:
            value, at = varint_at(content, at)
        elif wire == BYTES:
            length, at = varint_at(content, at)
            if length >> 63:
                raise Malformed("proto: negative length found during unmarshaling")
            value, at = content[at : at + length], at + length
        elif wire in (FIXED64, FIXED32):
            width = 8 if wire == FIXED64 else 4
            value, at = content[at : at + width], at + width
        elif wire == START:
            at = _after_group(content, at)
        else:
            raise Malformed(f"proto: illegal wireType {wire}")
        if at > end:
            raise Malformed("unexpected EOF")
        if wire != START:
            found.append((number, wire, value))
    return found


def _after_group(content: memoryview, at: int) -> int:
    depth = 1
    while depth:
        tag, at = varint_at(content, at)
        wire = tag & 7
        if wire == VARINT:
            _, at = varint_at(content, at)
        elif wire == BYTES:
            length, at = varint_at(content, at)
            at += length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        elif wire in (START, END):
            depth += 1 if wire == START else -1
        else:
            raise Malformed(f"proto: illegal wireType {wire}")
        if at > len(content):
            raise Malformed("unexpected EOF")
    return at


def varint_at(content: memoryview, at: int) -> tuple[int, int]:
    """Give the number that begins at a place, and where it ends."""
    value = shift = 0
    while True:
        if shift >= 64:  # noqa: PLR2004 -- the width
            raise Malformed("proto: integer overflow")
        if at >= len(content):
            raise Malformed("unexpected EOF")
        octet = content[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:  # noqa: PLR2004 -- the last of them
            return value & MASK, at
        shift += 7


def text(number: int, value: str) -> bytes:
    """Write a field that holds text."""
    return part(number, value.encode("utf-8", "replace"))


def part(number: int, content: bytes) -> bytes:
    """Write a field that holds bytes, or a message."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Write a number: seven bits a byte, the lowest first."""
    value &= MASK
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 -- seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
