"""
Quantity: how much of something, as Kubernetes writes it: 100m, 1.5Gi, 1e3.

A quantity is a whole number of billionths, exactly; nothing here is a float.
It keeps the text that upstream would print: a text that upstream takes for
canonical is kept as it came, any other is brought into canonical form. Two
quantities are equal if their values are, whatever their texts.

Like upstream, this takes text without a digit for nothing at all: "M" is 0.
Decimal amounts have no upper bound; binary ones are capped at 2^63-1.

Source:   apimachinery pkg/api/resource.
Left out: an exponent beyond a thousand or a text of more letters is refused,
          where upstream would spend memory on it or wrap around.
"""

import re
from functools import lru_cache
from typing import Any, Literal

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick

Form = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

NANO = 1_000_000_000
LARGEST = (1 << 63) - 1
_FURTHEST = 1_000

_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_OF = {exponent: suffix for suffix, exponent in _SUFFIXES.items()}
_BINARY_OF = {0: "", **{exponent // 10: suffix for suffix, exponent in _BINARY.items()}}
_TEXT = re.compile(r"([+-]?)([0-9]*)(?:(\.)([0-9]*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")


@quick
@attrs.frozen(eq=False, repr=False, weakref_slot=False)
class Quantity:
    """An exact amount, with its canonical text."""

    nanos: int
    form: Form
    text: str

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """
        Return the quantity that *text* names; what is finer than a billionth is rounded away from zero.

        Raises:
            ReconcileError: the text is no quantity.
        """
        return _parse(text)

    @classmethod
    def of(cls, *, nanos: int, form: Form = "DecimalSI") -> "Quantity":
        """Return a quantity of *nanos* billionths that prints in *form* where that loses nothing."""
        return cls(nanos, form, _canonical(nanos, form))

    @property
    def whole(self) -> int:
        """The amount in ones, rounded away from zero."""
        return _away(self.nanos, NANO)

    @property
    def milli(self) -> int:
        """The amount in thousandths, rounded away from zero."""
        return _away(self.nanos, NANO // 1000)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Quantity({self.text!r})"

    def __add__(self, other: Any) -> "Quantity":
        if not isinstance(other, Quantity):
            return NotImplemented
        return Quantity.of(nanos=self.nanos + other.nanos, form=self.form if self.nanos else other.form)

    def __sub__(self, other: Any) -> "Quantity":
        if not isinstance(other, Quantity):
            return NotImplemented
        return Quantity.of(nanos=self.nanos - other.nanos, form=self.form if self.nanos else other.form)

    def __neg__(self) -> "Quantity":
        return Quantity.of(nanos=-self.nanos, form=self.form)

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __eq__(self, other: object) -> bool:
        return self.nanos == other.nanos if isinstance(other, Quantity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __lt__(self, other: Any) -> bool:
        return self.nanos < other.nanos if isinstance(other, Quantity) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self.nanos <= other.nanos if isinstance(other, Quantity) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self.nanos > other.nanos if isinstance(other, Quantity) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self.nanos >= other.nanos if isinstance(other, Quantity) else NotImplemented


@lru_cache(maxsize=4096)
def _parse(text: str) -> Quantity:
    if len(text) > _FURTHEST:
        raise ReconcileError(f"a quantity has at most {_FURTHEST} letters: {text[:40]!r}...")
    match = _TEXT.fullmatch(text)
    if match is None or not text:
        raise ReconcileError(f"not a quantity, such as 100m, 1.5Gi or 1e3: {text!r}")
    sign, digits, fraction, suffix = match[1], match[2].lstrip("0"), match[4] or "", match[5] or ""
    form, exponent = _interpret(suffix, text)
    value = int((digits + fraction) or "0")
    places = len(fraction)
    if form == "BinarySI":
        nanos = _away((value << exponent) * NANO, 10**places)
    else:
        shift = exponent - places + 9
        nanos = value * 10**shift if shift >= 0 else _away(value, 10**-shift)
    if form == "BinarySI" and nanos > LARGEST * NANO:
        nanos = LARGEST * NANO
    if form == "BinarySI" and 0 < nanos < NANO:
        form = "DecimalSI"
    if sign == "-":
        nanos = -nanos
    kept = _kept(digits or "0", fraction, exponent, form)
    return Quantity(nanos, form, text if kept and nanos else _canonical(nanos, form))


def _interpret(suffix: str, text: str) -> tuple[Form, int]:
    """Return the form that *suffix* stands for and its exponent, of two or of ten."""
    if suffix in _BINARY:
        return "BinarySI", _BINARY[suffix]
    if suffix in _SUFFIXES:
        return "DecimalSI", _SUFFIXES[suffix]
    digits = suffix[1:].lstrip("+-").lstrip("0") or "0"
    if len(digits) > 4 or int(digits) > _FURTHEST:  # noqa: PLR2004 -- so that no int of many digits is built
        raise ReconcileError(f"a quantity's exponent is at most {_FURTHEST}: {text!r}")
    return "DecimalExponent", -int(digits) if suffix[1] == "-" else int(digits)


def _kept(digits: str, fraction: str, exponent: int, form: Form) -> bool:
    """Tell whether upstream keeps the text as it came, which it does whenever its quick look finds it canonical."""
    shifted = digits + fraction
    if form == "BinarySI":
        room = 15 - len(digits) - exponent * 3 // 10 - 1
        return not fraction and room >= 0 and int(digits) % 8 != 0 and int(digits) << exponent <= LARGEST
    scale = exponent - len(fraction)
    quick = len(shifted) <= 18 and scale >= -9  # noqa: PLR2004 -- what is sure to fit 64 bits, and nano
    return quick and scale % 3 == 0 and not shifted.endswith("000") and not shifted.startswith("0")


def _canonical(nanos: int, form: Form) -> str:
    """Return the text with the largest exponent that needs no fraction and loses nothing."""
    if nanos == 0:
        return "0"
    whole, rest = divmod(nanos, NANO)
    if form == "BinarySI" and not rest and abs(whole) >= 1024:  # noqa: PLR2004 -- below it, upstream writes DecimalSI
        power = 0
        while power < 6 and whole % 1024 == 0:  # noqa: PLR2004 -- Ei is the largest suffix
            whole //= 1024
            power += 1
        return f"{whole}{_BINARY_OF[power]}"
    exponent = -9
    while nanos % 1000 == 0:
        nanos //= 1000
        exponent += 3
    if form != "DecimalExponent" and exponent in _DECIMAL_OF:
        return f"{nanos}{_DECIMAL_OF[exponent]}"
    return f"{nanos}e{exponent}" if exponent else str(nanos)


def _away(value: int, unit: int) -> int:
    """Return *value* in whole units, rounded away from zero."""
    return -(-value // unit) if value >= 0 else value // unit
