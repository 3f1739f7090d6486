"""
DER: the distinguished encoding of ASN.1, as far as certificates need it.

Takes:    octets; or what is to be encoded.
Gives:    values by their tag; octets.
Source:   ITU-T X.690.
Left out: tags above 30, lengths without end: neither occurs in certificates.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from reconcile.lib.errors import ReconcileError

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

_LONG: Final = 0x80
_WIDE: Final = 0x1F


class Value(NamedTuple):
    """One value: its tag, what it holds, and all of it as it is encoded."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> tuple[Value, ...]:
        """Give the values that this one is made of; ReconcileError if it is not made of values."""
        return values(self.content)


def values(data: bytes) -> tuple[Value, ...]:
    """
    Read the values of which *data* is the encoding, one after the other.

    Raises:
        ReconcileError: it is no DER.
    """
    found, at = [], 0
    while at < len(data):
        value = _value(data, at)
        found.append(value)
        at += len(value.whole)
    return tuple(found)


def oid(value: bytes) -> str:
    """Give the object identifier that *value* holds: `2.5.4.3`."""
    numbers, number = [], 0
    for octet in value:
        number = number << 7 | octet & 0x7F
        if not octet & _LONG:
            numbers.append(number)
            number = 0
    first = numbers[0] if numbers else 0
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *numbers[1:])))


def written(tag: int, *parts: bytes) -> bytes:
    """Encode what is made of *parts*."""
    content = b"".join(parts)
    length = len(content)
    if length < _LONG:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(octets))) + octets + content


def integer(number: int) -> bytes:
    """Encode a whole number that is not negative."""
    return written(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def identifier(text: str) -> bytes:
    """Encode an object identifier."""
    numbers = [int(each) for each in text.split(".")]
    octets = b""
    for number in (numbers[0] * 40 + numbers[1], *numbers[2:]):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | _LONG)
        octets += bytes(reversed(groups))
    return written(OID, octets)


def bits(*set_bits: int) -> bytes:
    """Encode a string of named bits, of which these are set, without the zeros at its end."""
    size = max(set_bits, default=-1) + 1
    octets = bytearray((size + 7) // 8)
    for bit in set_bits:
        octets[bit // 8] |= _LONG >> bit % 8
    return written(BIT_STRING, bytes((-size % 8,)), bytes(octets))


def _value(data: bytes, at: int) -> Value:
    if at + 2 > len(data):
        raise ReconcileError(f"DER: it ends at octet {at}, within a value")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & _WIDE == _WIDE:
        raise ReconcileError(f"DER: octet {at}: a tag above 30")
    if length & _LONG:
        size = length & ~_LONG
        length = int.from_bytes(data[start : start + size], "big")
        start += size
        if not size:
            raise ReconcileError(f"DER: octet {at + 1}: a length without end")
    if start + length > len(data):
        raise ReconcileError(f"DER: octet {at}: a value of {length} octets, of which {len(data) - start} are there")
    return Value(tag, data[start : start + length], data[at : start + length])
