"""
Plain JSON data as text, as Go prints and writes it.

Takes:    plain JSON data.
Gives:    text.
Source:   Go's fmt and encoding/json.
Left out: a float that Go prints with an exponent and Python without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def shown(value: Any) -> str:
    """Give plain JSON data as Go prints it with %v: `map[a:1 b:[x y]]`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"map[{' '.join([f'{key}:{shown(value[key])}' for key in sorted(value)])}]"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(shown, value))}]"
    return str(value)


def written(value: Any) -> str:
    """Give plain JSON data as Go writes it: no spaces, and nothing in it that a page of HTML could take for its own."""
    found = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        found = found.replace(letter, f"\\u{ord(letter):04x}")
    return found
