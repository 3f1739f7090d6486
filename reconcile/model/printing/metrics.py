"""Metrics of a HorizontalPodAutoscaler, as the column Targets shows them: what is measured, over what is wanted."""

from __future__ import annotations

from typing import Any, Final

from reconcile.model.printing.ages import UNKNOWN
from reconcile.model.printing.shape import NONE

_MOST: Final = 2


def metrics_text(specs: tuple[Any, ...], statuses: tuple[Any, ...]) -> str:
    """Give the first two metrics with their current values, and count the rest."""
    found = [_metric(spec, statuses[place] if place < len(statuses) else None) for place, spec in enumerate(specs)]
    shown = ", ".join(found[:_MOST]) or NONE
    return f"{shown} + {len(found) - _MOST} more..." if len(found) > _MOST else shown


def _metric(spec: Any, status: Any) -> str:
    match spec.type:
        case "External" | "Object":
            part = spec.type.lower()
            target, current = _target(spec, part), _current(status, part)
            if target.average_value is not None:
                return f"{_value(current, 'average_value')}/{target.average_value} (avg)"
            return f"{_value(current, 'value')}/{target.value}"
        case "Pods":
            return f"{_value(_current(status, 'pods'), 'average_value')}/{spec.pods.target.average_value}"
        case "Resource" | "ContainerResource":
            part = "resource" if spec.type == "Resource" else "container_resource"
            return _resource(getattr(spec, part), _current(status, part))
        case _:
            return "<unknown type>"


def _resource(source: Any, current: Any) -> str:
    target = source.target
    if target.average_value is not None:
        return f"{source.name}: {_value(current, 'average_value')}/{target.average_value}"
    used = getattr(current, "average_utilization", None)
    wanted = "<auto>" if target.average_utilization is None else f"{target.average_utilization}%"
    return f"{source.name}: {UNKNOWN if used is None else f'{used}%'}/{wanted}"


def _target(spec: Any, part: str) -> Any:
    return getattr(spec, part).target


def _current(status: Any, part: str) -> Any:
    """Give the current value of one kind of metric; None if its status is of another or none."""
    found = getattr(status, part, None)
    return None if found is None else found.current


def _value(current: Any, name: str) -> Any:
    found = getattr(current, name, None)
    return UNKNOWN if found is None else found
