"""
The columns of a custom resource's table: its name, and what its definition adds.

Takes:    additionalPrinterColumns, an object, the instant at which one looks.
Gives:    cells: text, numbers, truth; None where there is nothing.
Source:   apiextensions-apiserver's table convertor.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import convert
from reconcile.api.apiextensions_v1 import CustomResourceColumnDefinition
from reconcile.api.scalars import Time
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.model.printing import columns as built_in
from reconcile.model.printing.ages import human_duration
from reconcile.model.printing.columns import NAME, Column
from reconcile.model.printing.shape import Shape
from reconcile.model.text.jsonpath import found_by

AGE: Final = CustomResourceColumnDefinition(
    name="Age", type="date", json_path=".metadata.creationTimestamp", description=built_in.AGE.description
)
SCALE: Final = (
    CustomResourceColumnDefinition(
        name="Desired", type="integer", json_path=".spec.replicas", description="Number of desired replicas"
    ),
    CustomResourceColumnDefinition(
        name="Available", type="integer", json_path=".status.replicas", description="Number of actual replicas"
    ),
    AGE,
)
"""The columns of a custom object's Scale."""
"""The one column beside the name where a definition adds none."""


def shape_with(columns: tuple[CustomResourceColumnDefinition, ...]) -> Shape:
    """Say how objects are shown whose definition adds *columns*: one of a priority only in a wide table."""
    said = [
        Column(each.name, each.type, each.description or _describing(each), each.priority or 0, each.format or "")
        for each in columns or (AGE,)
    ]
    return Shape((NAME, *said), lambda obj, now: cells(obj, columns, now), blank=None)


def _describing(column: CustomResourceColumnDefinition) -> str:
    return f"Custom resource definition column (in JSONPath format): {column.json_path}"


def cells(obj: Any, columns: tuple[CustomResourceColumnDefinition, ...], now: Instant) -> tuple[Any, ...]:
    """Give the cells of an object's row, its name first."""
    data = convert.dump(obj)
    return (obj.metadata.name, *[_cell(column, data, now) for column in columns or (AGE,)])


def _cell(column: CustomResourceColumnDefinition, data: Any, now: Instant) -> Any:
    found = found_by(column.json_path, data)
    if not found:
        return None
    value = found[0]
    match column.type:
        case "integer":
            whole = isinstance(value, (int, float)) and not isinstance(value, bool)
            return int(value) if whole else None
        case "number":
            return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return _age(value, now)
        case _:
            # A path may lead to several values: the first one is shown.
            return _text(value)


def _age(value: Any, now: Instant) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return human_duration(now - Time.parse(value).instant)
    except ReconcileError:
        return "<invalid>"


def _text(value: Any) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case Mapping() | list() | tuple():
            return canonical(value)
        case _:
            return str(value)
