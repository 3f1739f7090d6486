"""One plain JSON value as what an API field holds; bool is no number, and every width is held to."""

import base64
import binascii
import math
from typing import Any, TypeGuard

from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.api.text import LARGEST, SMALLEST
from reconcile.lib.errors import ReconcileError


class NotThis(ReconcileError):  # noqa: N818 -- it reads as what the value is
    """The value is not of the type that was asked for; nothing more can be said about it."""


def int32(value: Any) -> int:
    """Return *value* if it is an integer of 32 bits."""
    if value.__class__ is int and -0x80000000 <= value <= 0x7FFFFFFF:  # noqa: PLR2004 -- the width
        return value
    raise NotThis


def is_integer(value: Any) -> TypeGuard[int]:
    """Tell whether *value* is an integer that 64 bits can hold, with a sign or without."""
    return value.__class__ is int and SMALLEST <= value <= LARGEST


def int64(value: Any) -> int:
    """Return *value* if it is an integer of 64 bits."""
    if value.__class__ is int and -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:  # noqa: PLR2004 -- the width
        return value
    raise NotThis


def double(value: Any) -> float:
    """Return *value* if it is a number that JSON can write; an integer has at most 64 bits."""
    if is_integer(value) or (value.__class__ is float and math.isfinite(value)):
        return value
    raise NotThis


def base64_text(value: Any) -> str:
    """Return *value* if it is base64, in the one form that Go would write it in."""
    if value.__class__ is not str:
        raise NotThis
    try:
        # Go reads over line breaks, and writes none.
        found = base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotThis from error
    return base64.b64encode(found).decode("ascii")


def quantity(value: Any) -> Quantity:
    """Return the quantity that a string or a number names."""
    if value.__class__ is str:
        return Quantity.parse(value.strip())
    if is_integer(value) or (value.__class__ is float and math.isfinite(value)):
        return Quantity.parse(repr(value))
    raise NotThis


def time(value: Any) -> Time:
    """Return the time that a string names."""
    if value.__class__ is str:
        return Time.parse(value)
    raise NotThis


def micro_time(value: Any) -> MicroTime:
    """Return the time that a string names, with its microseconds."""
    if value.__class__ is str:
        return MicroTime.parse(value)
    raise NotThis
