"""
ECDSA on the curve P-256 with SHA-256, and the number that must never be chosen twice taken from what is signed.

It is slow and tells its key to whoever can measure it: for keys that protect nothing.

Takes:    a key, what is to be signed.
Gives:    a signature: two numbers.
Source:   SEC 1 and SEC 2; RFC 6979.
Left out: other curves and digests.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

Point = tuple[int, int]

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE: Final[Point] = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def public(key: int) -> Point:
    """Give the public key of *key*, a number from 1 to ORDER - 1."""
    point = _times(key, _BASE)
    assert point is not None, "no multiple below the order is zero"
    return point


def signed(key: int, message: bytes) -> Point:
    """Give the signature (r, s) of *message*."""
    digest = sha256(message).digest()
    said = int.from_bytes(digest, "big") % ORDER
    for number in _numbers(key, digest):
        point = _times(number, _BASE)
        r = 0 if point is None else point[0] % ORDER
        s = pow(number, -1, ORDER) * (said + r * key) % ORDER
        if r and s:
            return r, s
    raise AssertionError("there is always a next number")


def verifies(point: Point, message: bytes, signature: Point) -> bool:
    """Tell whether *signature* is that of *message* by who has the public key *point*."""
    r, s = signature
    on_curve = (point[1] ** 2 - point[0] ** 3 + 3 * point[0] - _B) % _P == 0
    if not on_curve or not (0 < r < ORDER and 0 < s < ORDER):
        return False
    said, inverse = int.from_bytes(sha256(message).digest(), "big"), pow(s, -1, ORDER)
    found = _sum(_times(said * inverse % ORDER, _BASE), _times(r * inverse % ORDER, point))
    return found is not None and found[0] % ORDER == r


def _numbers(key: int, digest: bytes) -> Iterator[int]:
    """Give the numbers that RFC 6979, section 3.2, derives from a key and a digest."""
    seed = key.to_bytes(32, "big") + (int.from_bytes(digest, "big") % ORDER).to_bytes(32, "big")
    v, k = b"\x01" * 32, b"\x00" * 32
    for mark in (b"\x00", b"\x01"):
        k = hmac.new(k, v + mark + seed, sha256).digest()
        v = hmac.new(k, v, sha256).digest()
    while True:
        v = hmac.new(k, v, sha256).digest()
        number = int.from_bytes(v, "big")
        if 0 < number < ORDER:
            yield number
        k = hmac.new(k, v + b"\x00", sha256).digest()
        v = hmac.new(k, v, sha256).digest()


def _sum(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and (one[1] + other[1]) % _P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, _P) % _P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P) % _P
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _times(number: int, point: Point) -> Point | None:
    found: Point | None = None
    power: Point | None = point
    while number:
        if number & 1:
            found = _sum(found, power)
        power = _sum(power, power)
        number >>= 1
    return found
