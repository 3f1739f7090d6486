"""
Formats: what a text must look like that a schema calls `ipv4`, `date-time`, `uuid`, ...

Source:   https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ (validation);
          the string formats of kube-openapi.
Left out: the checks of numbers within isbn, isbn10, isbn13 and creditcard are made; bidi and punycode of idn are not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_interface
from typing import Final

from reconcile.lib.cel import CelError
from reconcile.lib.cel.standard import timestamp
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.lib.regexp import compiled
from reconcile.model.text import names

_LETTER: Final = "[^\\W_]"  # of any script, or a digit
_HOSTNAME: Final = re.compile(
    rf"{_LETTER}(-?{_LETTER}{{0,62}})?|({_LETTER}((-|{_LETTER}){{0,61}}{_LETTER})?\.)+[^\W\d_]{{2,63}}"
)
_EMAIL: Final = re.compile(
    r"[^@\s<>()\[\]\\,;:\"]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\"[^\"]+\"@[A-Za-z0-9.-]+"
)
_URI: Final = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:|/)[^\s\x00-\x1f\x7f]*")
_DURATION: Final = re.compile(
    r"\s*(\d+)\s*(?:ns|nano|us|µs|μs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|week|wk)s?\s*"
)
_SHADE: Final = r"(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])"
_UUID: Final = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s-?[0-9a-f]{12}"
_PATTERNS: Final = {
    "mac": r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|(?:[0-9a-f]{2}[:-]){7}[0-9a-f]{2}",
    "uuid": r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}",
    "uuid3": _UUID % ("3", "[0-9a-f]{4}"),
    "uuid4": _UUID % ("4", "[89ab][0-9a-f]{3}"),
    "uuid5": _UUID % ("5", "[89ab][0-9a-f]{3}"),
    "ssn": r"\d{3}[- ]?\d{2}[- ]?\d{4}",
    "hexcolor": r"#?(?:[0-9a-f]{3}|[0-9a-f]{6})",
    "rgbcolor": rf"rgb\(\s*{_SHADE}\s*(?:,\s*{_SHADE}\s*){{2}}\)",
    "bsonobjectid": r"[0-9a-f]{24}",
}
_MATCHERS: Final = {name: re.compile(pattern, re.IGNORECASE | re.ASCII) for name, pattern in _PATTERNS.items()}


def fits(name: str, text: str) -> bool:
    """Tell whether *text* has a format; a format that nobody knows is had by all."""
    bare = name.replace("-", "")
    check = _CHECKS.get(bare)
    if check is not None:
        return check(text)
    matcher = _MATCHERS.get(bare)
    return True if matcher is None else matcher.fullmatch(text) is not None


def known(name: str) -> bool:
    """Tell whether a format of texts has this name."""
    bare = name.replace("-", "")
    return bare in _CHECKS or bare in _MATCHERS


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            found = ip_address(text)
        except ValueError:
            return False
        return version in (0, found.version) and "%" not in text

    return check


def _cidr(text: str) -> bool:
    try:
        ip_interface(text)
    except ValueError:
        return False
    return re.fullmatch(r".*/(0|[1-9]\d*)", text) is not None


def _time(text: str) -> bool:
    try:
        timestamp(text)
    except CelError:
        return False
    return True


def _date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None and _time(text + "T00:00:00Z")


def _byte(text: str) -> bool:
    if not text or len(text) % 4:
        return False
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ReconcileError:
        return _DURATION.fullmatch(text) is not None
    return True


def _regexp(text: str) -> bool:
    try:
        compiled(text)
    except ReconcileError:
        return False
    return True


def _isbn(length: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        digits = text.replace("-", "").replace(" ", "")
        if length in (0, 10) and re.fullmatch(r"\d{9}[\dX]", digits, re.ASCII):
            values = [10 if letter == "X" else int(letter) for letter in digits]
            return sum((place + 1) * value for place, value in enumerate(values)) % 11 == 0
        if length in (0, 13) and re.fullmatch(r"\d{13}", digits, re.ASCII):
            return sum((3 if place % 2 else 1) * int(letter) for place, letter in enumerate(digits)) % 10 == 0
        return False

    return check


def _card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not re.fullmatch(
        r"(4\d{12}(\d{3})?|5[1-5]\d{14}|6(011|5\d\d)\d{12}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11}|35\d{14})", digits
    ):
        return False
    doubled = [int(letter) * (1 + place % 2) for place, letter in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004 -- Luhn's


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "ipv4": _address(4),
    "ipv6": _address(6),
    "ip": _address(0),
    "cidr": _cidr,
    "datetime": _time,
    "date": _date,
    "byte": _byte,
    "duration": _duration,
    "regexp": _regexp,
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.fullmatch(text) is not None,  # noqa: PLR2004 -- RFC 1034
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "password": lambda _: True,
    "isbn": _isbn(0),
    "isbn10": _isbn(10),
    "isbn13": _isbn(13),
    "creditcard": _card,
    "k8sshortname": lambda text: not names.label_faults(text),
    "k8slongname": lambda text: not names.subdomain_faults(text),
}
