"""
JSON merge patch, RFC 7386.

Source:   RFC 7386; its pseudo-code is the whole of it.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """Give *target* with *patch* merged in: null removes, an object merges, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def difference(old: Any, new: Any) -> Any:
    """
    Give the smallest merge patch that makes *new* of *old*, two JSON objects.

    A value null in *new* cannot be told from an absent one: that is the format's own limit.
    """
    patch: dict[str, Any] = {}
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            patch[key] = difference(before, after)
        else:
            patch[key] = after
    return patch
