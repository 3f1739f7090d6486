"""
What is given for a value by hand: a plain dict where a Map is meant, a list where a tuple is.

Such a dict or list would make a value that can change and has no hash. It is taken for what is meant; anything else is
left as it is, for who checks the value to refuse.
"""

from __future__ import annotations

from typing import Any

from reconcile.lib.mapping import Map


def as_map(value: Any) -> Any:
    """Give a plain dict with text keys as a Map."""
    return Map(value) if value.__class__ is dict and all(isinstance(key, str) for key in value) else value


def as_tuple(value: Any) -> Any:
    """Give a list as a tuple."""
    return tuple(value) if value.__class__ is list else value
