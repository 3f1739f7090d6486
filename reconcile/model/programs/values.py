"""
Values: whether a text is one of a flag's type, and what is said if it is not.

Source:   spf13/pflag's and Go's strconv, net and time errors, as the programs show them.
Left out: types that are lists or maps of texts take any; of a quantity, a level and a port range only the form is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from reconcile.api.scalars import Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.programs.options import FALSE, TRUE

_WHOLE: Final = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PORTS: Final = re.compile(r"(\d+)(?:([-+])(\d+))?")
_LAST_PORT: Final = 65_535


def fault(kind: str, text: str) -> str:
    """Say what is wrong with *text* as a value of the type *kind*; empty if nothing is."""
    check = _CHECKS.get(kind)
    return "" if check is None else check(text)


def _truth(text: str) -> str:
    return "" if text in TRUE or text in FALSE else f'strconv.ParseBool: parsing "{text}": invalid syntax'


def _whole(bits: int, *, signed: bool = True) -> Callable[[str], str]:
    name = "ParseInt" if signed else "ParseUint"
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)

    def check(text: str) -> str:
        if not _WHOLE.fullmatch(text) or (not signed and text[0] in "+-"):
            return f'strconv.{name}: parsing "{text}": invalid syntax'
        return "" if low <= _number(text) < high else f'strconv.{name}: parsing "{text}": value out of range'

    return check


def _number(text: str) -> int:
    digits = text.lstrip("+-")
    old_octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return int(text.replace("0", "0o", 1) if old_octal else text, 0)


def _decimal(text: str) -> str:
    return "" if _DECIMAL.fullmatch(text) else f'strconv.ParseFloat: parsing "{text}": invalid syntax'


def _duration(text: str) -> str:
    try:
        parse_duration(text.removeprefix("+"))
    except ReconcileError:
        return f'time: invalid duration "{text}"'
    return ""


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        return f'failed to parse IP: "{text}"'
    return ""


def _quantity(text: str) -> str:
    try:
        Quantity.parse(text)
    except ReconcileError:
        return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    return ""


def _ports(text: str) -> str:
    match = _PORTS.fullmatch(text)
    if match is None:
        return f'strconv.Atoi: parsing "{text}": invalid syntax'
    low, high = ports_of(text)
    if high < low:
        return f"end port cannot be less than start port: {text}"
    return "" if high <= _LAST_PORT else f"the port range cannot be greater than {_LAST_PORT}: {text}"


def ports_of(text: str) -> tuple[int, int]:
    """Give the first and last port of a range: `30000-32767`, `30000+10`, `30000`."""
    match = _PORTS.fullmatch(text)
    assert match is not None, "a program with another would have ended"
    low, sign, high = int(match[1]), match[2], match[3]
    if sign is None:
        return low, low
    return low, low + int(high) if sign == "+" else int(high)


_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "bool": _truth,
    "int": _whole(64),
    "int32": _whole(32),
    "int64": _whole(64),
    "uint": _whole(64, signed=False),
    "float": _decimal,
    "float32": _decimal,
    "duration": _duration,
    "ip": _address,
    "quantity": _quantity,
    "portRange": _ports,
}
