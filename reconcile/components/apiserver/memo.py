"""
Same: a key that stands for one object, not for its value.

A pod's specification that comes from a template is the template's own object, for each of the template's pods. What
was found out about it (its defaults, its faults) is remembered under that object, so that ten thousand pods of one
template are checked once. What is remembered is a pure function of the value: forgetting it, or another process not
having it, changes no answer.
"""

from __future__ import annotations

from typing import Any


class Same:
    """Equal to another Same if both hold the same object; it keeps the object alive as long as it is remembered."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return object.__hash__(self.value)
