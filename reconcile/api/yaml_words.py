"""
Words: what a scalar of YAML means.

A plain word is what YAML 1.1 makes of it (yes, on and y are true; 010 is 8;
1_000 is 1000), except that dates stay text and base-60 numbers do not exist;
1.0 is the integer 1, because that is how it is written to the server.

Takes:    a scalar's text, and its tag.
Gives:    text, a number, a truth or None.
Source:   the resolver of go.yaml.in/yaml/v2, which sigs.k8s.io/yaml reads with.
Left out: a decimal number beyond 64 bits is refused, where upstream rounds it to a double.
"""

import base64
import binascii
import math
import re
from typing import Any, Final

from reconcile.api.text import LARGEST, SMALLEST
from reconcile.lib.errors import ReconcileError

TAGS: Final = "tag:yaml.org,2002:"

_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SPELT: Final[dict[str, Any]] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}


class BadWord(ReconcileError):  # noqa: N818 -- it reads as what the word is
    """A scalar that JSON has no value for; where it stands is for whoever reads to say."""


def scalar(text: str, tag: str | None, *, plain: bool) -> Any:
    """
    Return text, a number, a truth or None.

    Args:
        text: the scalar, its escapes resolved.
        tag: as it was written, in full; None if it has none. One that is not YAML's own says nothing, so it is text.
        plain: whether it was written without quotes.

    Raises:
        BadWord: there is no such value.
    """
    if tag is None or tag == "!":
        return word(text) if plain and (text or tag is None) else text
    name = tag.removeprefix(TAGS) if tag.startswith(TAGS) else ""
    if name == "binary":
        return _binary(text)
    if name not in _SPELT:
        return text
    found = word(text)
    if not isinstance(found, _SPELT[name]) or (isinstance(found, bool) and name != "bool"):
        raise BadWord(f"{text!r} is no {name}")
    return found


def word(text: str) -> Any:
    """Return what a plain word means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NO_NUMBER.fullmatch(text):
        raise BadWord(f"JSON knows no such number: {text}")
    # A number that begins with a point may not have underscores in it.
    digits = text if text[0] == "." else text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        found = _integer(digits)
        if found is not None:
            return found
    if not _FLOAT.fullmatch(digits) or (text[0] in "+-" and len(digits) == 1):
        return text
    number = float(digits)
    # Go takes what no double can hold for text.
    return whole(number) if math.isfinite(number) else text


def whole(number: float) -> int | float:
    """Return a double as Go writes it: a whole one below 1e21 without point and exponent."""
    return int(number) if number.is_integer() and abs(number) < 1e21 else number  # noqa: PLR2004


def key_text(found: Any) -> str | None:
    """Return what a key becomes that is no text; None if it cannot be one."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return None if found is None else str(found)


def _integer(digits: str) -> int | None:
    """Return an integer of whichever base its prefix names; None if it is one that Go does not take for a number."""
    body = digits.lstrip("+-").lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(body[:2], 8 if body[0] == "0" and len(body) > 1 else 10)
    short = len(body) <= 66  # noqa: PLR2004 -- 64 binary digits and a prefix: more digits are never built
    found = int(body.removeprefix("0o").removeprefix("0x").removeprefix("0b"), base) if short else LARGEST + 1
    found = -found if digits[0] == "-" else found
    if SMALLEST <= found <= LARGEST:
        return found
    if body[:2] in ("0x", "0b", "0o"):
        return None
    raise BadWord(f"a number beyond 64 bits: {digits[:40]}")


def _binary(text: str) -> str:
    """Return the text that base64 encodes; what is not UTF-8 in it is lost, as in Go's JSON."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise BadWord("!!binary that is not base64") from None
