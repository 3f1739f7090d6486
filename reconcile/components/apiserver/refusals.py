"""Refusals: how a verb deep in its work says no, and the causes of an invalid object with upstream's words."""

from __future__ import annotations

from typing import Any

from reconcile.api import internals, meta_v1
from reconcile.api.golang import quoted
from reconcile.model import statuses
from reconcile.model.requests import Response

Cause = meta_v1.StatusCause
Causes = tuple[Cause, ...]


class Refusal(Exception):  # noqa: N818 -- it is the answer to a request, caught by `plan`
    """The request is refused with this Status."""

    def __init__(self, status: meta_v1.Status) -> None:
        super().__init__(status.message)
        self.response = Response(status.code or 500, status)


def refuse_invalid(kind: str, api_version: str, name: str, causes: Causes) -> None:
    """Refuse an object that has causes to be; nothing if there are none."""
    if causes:
        # However an Event is asked for, to the API server it is the core group's.
        group = "" if kind == "Event" else api_version.rpartition("/")[0]
        raise Refusal(statuses.invalid(group, kind, name, causes))


def required(field: str, detail: str = "") -> Cause:
    """Say that a value is missing."""
    return _cause("FieldValueRequired", field, "Required value", detail)


def forbidden(field: str, detail: str) -> Cause:
    """Say that a value may not be there."""
    return _cause("FieldValueForbidden", field, "Forbidden", detail)


def wrong(field: str, value: Any, detail: str) -> Cause:
    """Say that a value is not what it must be."""
    return _cause("FieldValueInvalid", field, f"Invalid value: {_shown(value)}", detail)


def unfit(field: str, detail: str) -> Cause:
    """Say that a value which is not shown is not what it must be."""
    return _cause("FieldValueInvalid", field, "Invalid value", detail)


def duplicate(field: str, value: Any, detail: str = "") -> Cause:
    """Say that a value is there twice."""
    return _cause("FieldValueDuplicate", field, f"Duplicate value: {_shown(value)}", detail)


def not_found(field: str, value: Any, detail: str = "") -> Cause:
    """Say that what a value names is not there."""
    return _cause("FieldValueNotFound", field, f"Not found: {_shown(value)}", detail)


def not_supported(field: str, value: Any, supported: tuple[str, ...]) -> Cause:
    """Say that a value is none of those that there are."""
    listed = ", ".join([quoted(known) for known in supported])
    return _cause("FieldValueNotSupported", field, f"Unsupported value: {_shown(value)}", f"supported values: {listed}")


def too_long(field: str, most: int) -> Cause:
    """Say that a value has too many bytes."""
    return _cause("FieldValueTooLong", field, "Too long", f"may not be more than {most} byte{'s'[: most != 1]}")


def too_many(field: str, count: int, most: int) -> Cause:
    """Say that a list has too many entries."""
    return _cause("FieldValueTooMany", field, f"Too many: {count}", f"must have at most {most} item{'s'[: most != 1]}")


def _cause(reason: str, field: str, said: str, detail: str) -> Cause:
    return Cause(reason=reason, message=f"{said}: {detail}" if detail else said, field=field)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (int, float)):
        return str(value)
    return internals.text(value)
