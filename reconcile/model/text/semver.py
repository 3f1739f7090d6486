"""
Semantic versions: `1.36.0`, `1.36.0-alpha.1`, `1.36.0+build`.

Source:   semver.org; github.com/blang/semver, with which Kubernetes reads them.
Left out: numbers above 64 bits.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any, Final

import attrs

_SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?",
    re.ASCII,
)


@total_ordering
@attrs.frozen(eq=False)
class Version:
    """A semantic version; build metadata do not count."""

    numbers: tuple[int, int, int]
    before: tuple[str, ...] = ()
    cel_type = "kubernetes.Semver"

    def _rank(self) -> Any:
        parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.before]
        return self.numbers, not self.before, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._rank() == other._rank()

    def __lt__(self, other: Version) -> bool:
        return bool(self._rank() < other._rank())

    def __hash__(self) -> int:
        return hash(self.numbers)


ZERO: Final = Version((0, 0, 0))


def parsed(text: str, *, tolerant: bool = False) -> Version | None:
    """
    Give the version that *text* is; None if it is none.

    Args:
        text: such as `1.36.0`.
        tolerant: a `v` before it, missing numbers at its end and zeros before a number are no fault.
    """
    found = _SEMVER.fullmatch(normalised(text) if tolerant else text)
    if found is None:
        return None
    before = tuple(found[4].split(".")) if found[4] else ()
    return Version((int(found[1]), int(found[2]), int(found[3])), before)


def normalised(text: str) -> str:
    """Give *text* as a whole version, if it can be one."""
    text = text.removeprefix("v")
    head, mark, rest = re.match(r"([^-+]*)([-+]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # it takes every text
    numbers = [part.lstrip("0") or "0" if part.isdigit() else part for part in head.split(".")]
    numbers += ["0"] * (3 - len(numbers))
    return ".".join(numbers) + mark + rest
