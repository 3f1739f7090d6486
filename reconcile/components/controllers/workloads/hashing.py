"""
Hashes in names: what tells the templates of one owner apart.

Takes:    plain JSON.
Gives:    a word of letters and digits that makes no words.
Source:   pkg/controller: ComputeHash; apimachinery's SafeEncodeString.
Left out: the hash is another function than upstream's, see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.lib.digest import digest

# Kubernetes' alphabet for generated names, as its SafeEncodeString indexes it by character code.
_SAFE: Final = "bcdfghjklmnpqrstvwxz2456789"
_FNV_BASIS: Final = 2166136261
_FNV_PRIME: Final = 16777619


def hash_of(content: Any) -> str:
    """Give the hash of plain JSON, up to ten characters."""
    number = int(digest(content).removeprefix("sha256:")[:8], 16)
    return _encoded(number)


def fnv_of(text: str) -> str:
    """Give the hash of a text as upstream has it: FNV-1a of 32 bits, in the same alphabet."""
    number = _FNV_BASIS
    for byte in text.encode():
        number = ((number ^ byte) * _FNV_PRIME) % (1 << 32)
    return _encoded(number)


def _encoded(number: int) -> str:
    return "".join([_SAFE[ord(digit) % len(_SAFE)] for digit in str(number)])
