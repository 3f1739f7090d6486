"""
Digest: canonical JSON, the checksum of a value, and the running checksum of a log.

Two values have the same digest if and only if they are the same JSON, on every machine and every Python.

Takes:    plain JSON: dict (and Map), list, tuple, str, int, float, bool, None.
Source:   RFC 8785, JSON Canonicalization Scheme; ECMAScript's Number::toString for floats.
Left out: an integer beyond 2**53 is written exactly, with all its digits; RFC 8785 would first round it to a double,
          and would so give one text to different seeds, and to different instants in nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b, sha256
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Any, Final

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map

_ENCODE: Final = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode

# Beyond these powers of ten ECMAScript writes a number with an exponent.
_LARGEST: Final = 21
_SMALLEST: Final = -6


def canonical(value: Any) -> str:
    """
    Give the canonical JSON text of *value*.

    Raises:
        ReconcileError: something in *value* is no JSON (its path is shown), or it is nested too deep.
    """
    try:
        text = _ENCODE(value)
        # One measure tells of both exceptions: it refuses a lone surrogate, and it needs four bytes for each character
        # above U+FFFF, the only ones that UTF-16 sorts otherwise than their code points.
        if _is_simple(value) and (text.isascii() or len(text.encode("utf-16-le")) == 2 * len(text)):
            return text
    except (TypeError, ValueError, RecursionError):
        pass  # what is no JSON, or has thousands of digits: what writes by itself knows where
    try:
        return _written(value, "")
    except RecursionError:
        raise ReconcileError("nested too deep to be written as JSON") from None


def digest(value: Any) -> str:
    """Give the checksum of *value*, `sha256:` and 64 hexadecimal digits; raises as `canonical` does."""
    return "sha256:" + sha256(canonical(value).encode()).hexdigest()


@attrs.frozen
class Chain:
    """
    The running checksum of a log: each line's covers all lines before it, so none can be changed, lost, added or moved.

    Args:
        text: 16 hexadecimal digits.
    """

    text: str = "0" * 16

    def add(self, line: bytes) -> Chain:
        """Give the chain after one more line."""
        return Chain(blake2b(self.text.encode() + line, digest_size=8).hexdigest())

    def __str__(self) -> str:
        return self.text


def _is_simple(value: Any) -> bool:
    """
    Tell whether json's own encoder writes *value* canonically, but for what `canonical` looks at in the text.

    It does not if there is a float in it (whose text differs), a key that is not text (which it would turn into one),
    or any subclass (which may write itself). *value* is finite, for it was written already.
    """
    if value.__class__ not in (dict, Map, list, tuple):
        return value.__class__ in (str, int, bool, None.__class__)
    containers: list[Any] = [value]
    for container in containers:
        cls = container.__class__
        if cls is dict or cls is Map:
            for key in container:
                if key.__class__ is not str:
                    return False
            entries = container.values()
        else:
            entries = container
        for entry in entries:
            cls = entry.__class__
            if cls is str or cls is int or cls is bool or entry is None:
                continue
            if cls is not dict and cls is not Map and cls is not tuple and cls is not list:
                return False
            containers.append(entry)
    return True


def _written(value: Any, path: str) -> str:
    if isinstance(value, str):
        return _string(value, path)
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _number(value, path)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ReconcileError(f"{path or 'at the root'}: a JSON object's keys are text, not {key!r}")
        members = [
            f"{_string(key, path)}:{_written(value[key], f'{path}.{key}' if path else key)}"
            for key in sorted(value, key=_utf16)
        ]
        return "{" + ",".join(members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_written(entry, f"{path}[{place}]") for place, entry in enumerate(value)]) + "]"
    raise ReconcileError(f"{path or 'at the root'}: not JSON: {value!r}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _string(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ReconcileError(f"{path or 'at the root'}: a lone surrogate is no text: {text!r}") from None
    return encode_basestring(text)


def _integer(value: int) -> str:
    # A decimal has no limit of digits; int's is there against slow conversions, and may be set by the environment.
    return str(Decimal(value)) if value.bit_length() > _LONG else int.__repr__(value)


_LONG: Final = 2048

_DIGITS: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?")


def _number(value: float, path: str) -> str:
    """Write a double as ECMAScript does: the shortest digits that give it back, which are Python's too."""
    found = _DIGITS.fullmatch(float.__repr__(value))
    if found is None:
        raise ReconcileError(f"{path or 'at the root'}: JSON knows no such number: {value!r}")
    sign, whole, fraction, exponent = found.groups(default="")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))  # the value is 0.digits * 10**point
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    if len(digits) <= point <= _LARGEST:
        return sign + digits.ljust(point, "0")
    if 0 < point <= _LARGEST:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if _SMALLEST < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{sign}{mantissa}e{point - 1:+d}"
