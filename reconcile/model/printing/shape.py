"""Shape: which columns a table shows of a kind, and what stands in them; how parts of objects are written in cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from reconcile.lib.instant import Instant
from reconcile.model.printing.columns import Column

NONE = "<none>"
UNSET = "<unset>"

Cells: TypeAlias = tuple[object, ...]
Fill: TypeAlias = Callable[[Any, Instant], Cells]
"""Gives the cells of all columns of an object at an instant: numbers and truths as such, the rest as text."""


@attrs.frozen
class Shape:
    """
    How objects of one resource are shown.

    Args:
        columns: what is shown.
        cells: what stands there. There may be more cells than columns (upstream's own IPAddress has one more).
        blank: what JSON says where there is nothing.
    """

    columns: tuple[Column, ...]
    cells: Fill
    blank: str | None = ""

    def headings(self, *, wide: bool) -> tuple[str, ...]:
        """Give the headings of a table as kubectl writes them."""
        return tuple([column.name.upper() for column in self.columns if wide or not column.priority])

    def row(self, obj: Any, now: Instant, *, wide: bool) -> tuple[str, ...]:
        """Give the cells of a table's row as kubectl writes them."""
        pairs = zip(self.columns, self.cells(obj, now), strict=False)
        return tuple([_text(cell) for column, cell in pairs if wide or not column.priority])

    def typed(self, obj: Any, now: Instant) -> list[str | float | bool | None]:
        """Give the cells of a row as JSON."""
        return [
            self.blank if cell is None else cell if isinstance(cell, (str, int, float)) else _text(cell)
            for cell in self.cells(obj, now)
        ]


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def listed(parts: Iterable[object], empty: str = NONE) -> str:
    """Join *parts* with commas; *empty* if there are none."""
    return ",".join([str(part) for part in parts]) or empty


def first_of(parts: list[str], most: int = 3) -> str:
    """Join the first *most* parts with commas, and count the rest: `a,b,c + 2 more...`."""
    shown = ",".join(parts[:most])
    return f"{shown} + {len(parts) - most} more..." if len(parts) > most else shown


def pairs_text(pairs: Mapping[str, str] | None) -> str:
    """Give labels as `a=1,b=2`, by key."""
    return listed([f"{key}={value}" for key, value in sorted((pairs or {}).items())])


def selector_text(selector: Any, empty: str = NONE) -> str:
    """Give a LabelSelector as kubectl writes it, by key: `app=web,!old,tier in (a,b)`; *empty* if it says nothing."""
    if selector is None:
        return empty
    parts = [(key, f"{key}={value}") for key, value in (selector.match_labels or {}).items()]
    for need in selector.match_expressions or ():
        values = ",".join(sorted(need.values or ()))
        text = {
            "In": f"{need.key} in ({values})",
            "NotIn": f"{need.key} notin ({values})",
            "Exists": need.key,
            "DoesNotExist": f"!{need.key}",
        }.get(need.operator, need.key)
        parts.append((need.key, text))
    return listed([text for _, text in sorted(parts, key=lambda part: part[0])], empty)


def templated(template: Any) -> tuple[str, str]:
    """Give the names and the images of a pod template's containers."""
    containers = template.spec.containers if template is not None and template.spec is not None else ()
    return listed([each.name for each in containers], ""), listed([each.image or "" for each in containers], "")


def number(value: int | None) -> int:
    """Give a count that a status leaves out as 0."""
    return value or 0
