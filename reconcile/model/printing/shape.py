"""Shape: which columns `kubectl get` shows of a kind, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from reconcile.lib.instant import Instant

NONE = "<none>"
UNSET = "<unset>"

Cells: TypeAlias = tuple[object, ...]


@attrs.frozen
class Shape:
    """
    How objects of one resource are shown.

    Args:
        columns: their headings; one that begins with `*` is shown only in a wide table.
        cells: gives the cells of all columns of an object at an instant.
    """

    columns: tuple[str, ...]
    cells: Callable[[Any, Instant], Cells]

    def headings(self, *, wide: bool) -> tuple[str, ...]:
        """Give the headings of a table."""
        return tuple([column.removeprefix("*") for column in self.columns if wide or column[0] != "*"])

    def row(self, obj: Any, now: Instant, *, wide: bool) -> tuple[str, ...]:
        """Give the cells of a table's row."""
        pairs = zip(self.columns, self.cells(obj, now), strict=True)
        return tuple([str(cell) for column, cell in pairs if wide or column[0] != "*"])


def listed(parts: Iterable[object], empty: str = NONE) -> str:
    """Join *parts* with commas; *empty* if there are none."""
    return ",".join([str(part) for part in parts]) or empty


def first_of(parts: list[str], most: int = 3) -> str:
    """Join the first *most* parts with commas, and count the rest: `a,b,c + 2 more...`."""
    shown = ",".join(parts[:most])
    return f"{shown} + {len(parts) - most} more..." if len(parts) > most else shown


def pairs_text(pairs: Mapping[str, str] | None) -> str:
    """Give labels as `a=1,b=2`."""
    return listed([f"{key}={value}" for key, value in (pairs or {}).items()])


def selector_text(selector: Any) -> str:
    """Give a LabelSelector as kubectl writes it: `app=web,tier in (a,b),!old`."""
    if selector is None:
        return NONE
    parts = [f"{key}={value}" for key, value in (selector.match_labels or {}).items()]
    for need in selector.match_expressions or ():
        values = ",".join(sorted(need.values or ()))
        parts.append(
            {
                "In": f"{need.key} in ({values})",
                "NotIn": f"{need.key} notin ({values})",
                "Exists": need.key,
                "DoesNotExist": f"!{need.key}",
            }.get(need.operator, need.key)
        )
    return listed(parts)


def templated(template: Any) -> tuple[str, str]:
    """Give the names and the images of a pod template's containers."""
    containers = template.spec.containers if template is not None and template.spec is not None else ()
    return listed([each.name for each in containers], ""), listed([each.image or "" for each in containers], "")


def number(value: int | None) -> int:
    """Give a count that a status leaves out as 0."""
    return value or 0
