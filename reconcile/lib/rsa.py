"""
RSA: keys that are a function of a text, and signatures that anybody can check with the public half.

Takes:    the text that a key is drawn from; what is to be signed.
Gives:    keys; signatures, always the same ones for the same key and message.
Source:   RFC 8017, RSASSA-PKCS1-v1_5 with SHA-256; FIPS 186-5 for what primes have to be.
Left out: secrecy. Who knows the text knows the key, and how long a signature takes tells of it.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from hashlib import sha256, shake_256
from math import gcd, prod
from typing import Final

import attrs

_BITS: Final = 2048
_BYTES: Final = _BITS // 8
_EXPONENT: Final = 65_537
_SMALL: Final = 2_000
_WITNESSES: Final = (2, 3, 5, 7, 11, 13, 17, 19)
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")  # the DER of its name


@attrs.frozen
class Key:
    """
    A private key.

    Args:
        p: one prime.
        q: the other.
    """

    p: int
    q: int

    @property
    def modulus(self) -> int:
        """The public modulus."""
        return self.p * self.q

    @property
    def exponent(self) -> int:
        """The public exponent."""
        return _EXPONENT

    @cached_property
    def der(self) -> bytes:
        """The public key as SubjectPublicKeyInfo."""
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        public = _sequence(_integer(self.modulus) + _integer(self.exponent))
        return _sequence(algorithm + _tagged(3, b"\0" + public))

    def sign(self, message: bytes) -> bytes:
        """Give the signature of *message*."""
        padded = int.from_bytes(_padded(message), "big")
        p, q = self.p, self.q
        one = pow(padded, pow(_EXPONENT, -1, p - 1), p)
        two = pow(padded, pow(_EXPONENT, -1, q - 1), q)
        return (two + q * ((one - two) * pow(q, -1, p) % p)).to_bytes(_BYTES, "big")

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's of *message*."""
        number = int.from_bytes(signature, "big")
        if len(signature) != _BYTES or number >= self.modulus:
            return False
        return pow(number, _EXPONENT, self.modulus).to_bytes(_BYTES, "big") == _padded(message)


@lru_cache(maxsize=64)
def key_of(text: str) -> Key:
    """Give the key that is drawn from *text*; the first time that costs half a second."""
    p, q = _prime(f"{text}/p"), _prime(f"{text}/q")
    return Key(max(p, q), min(p, q))


def _prime(text: str) -> int:
    """Give the first fit prime from where *text* leads, of half the bits, its two highest being set."""
    size = _BYTES // 2
    number = int.from_bytes(shake_256(text.encode()).digest(size), "big") | 3 << (8 * size - 2) | 1
    small = prod(_small_primes())
    while gcd(number, small) != 1 or not _is_prime(number) or gcd(number - 1, _EXPONENT) != 1:
        number += 2
    return number


def _is_prime(number: int) -> bool:
    """Tell whether a number is prime: of numbers as large as these, one in far more than 2**100 is told wrongly."""
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    return tuple([each for each in range(3, _SMALL, 2) if all(each % other for other in range(3, each, 2))])


def _padded(message: bytes) -> bytes:
    said = _SHA256 + sha256(message).digest()
    return b"\0\1" + b"\xff" * (_BYTES - len(said) - 3) + b"\0" + said


def _sequence(content: bytes) -> bytes:
    return _tagged(0x30, content)


def _integer(value: int) -> bytes:
    return _tagged(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 -- DER's own
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
