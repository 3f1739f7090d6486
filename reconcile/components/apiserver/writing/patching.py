"""
Patching: an update whose body says only what changes.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply; RFC 7386.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api import convert
from reconcile.api.scalars import MicroTime, Quantity, Time, freeze, thaw
from reconcile.api.shapes import fields_of
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import creating, managing, updating
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace
from reconcile.model import patches, statuses

_IDENTITY: Final = ("apiVersion", "kind")


def patch(ask: Ask) -> Plan:
    """Plan a patch of an object, all but its status."""
    if ask.request.patch_type == "apply":
        return _apply(ask)
    old = found(ask)
    made, warnings = patched(ask.request.body, old)
    return warned(updating.updated(ask, creating.named_body(ask, made), old), warnings)


def patch_status(ask: Ask) -> Plan:
    """Plan a patch of an object's status."""
    old = found(ask)
    made, warnings = patched(ask.request.body, old)
    return warned(updating.status_updated(ask, creating.named_body(ask, made), old), warnings)


def _apply(ask: Ask) -> Plan:
    """Plan a server-side apply."""
    old = ask.store.get(ask.request.resource, ask.key)
    cls = ask.resource.object_class
    config = thaw(freeze(ask.request.body))
    new, managed = managing.applied(ask, config, old, cls)
    try:
        made: convert.Loaded[Any] = convert.load(new, cls=cls, unknown="Warn", absent="zero")
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    body = creating.named_body(ask, made.object)
    plan = creating.created(ask, body, managed) if old is None else updating.updated(ask, body, old, managed)
    return warned(plan, made.warnings)


def warned(plan: Plan, warnings: tuple[str, ...]) -> Plan:
    """Give *plan* with *warnings* in its answer."""
    if not warnings:
        return plan
    return replace(plan, warnings=(*warnings, *plan.warnings))


def patched(patch: Any, old: Any) -> tuple[Any, tuple[str, ...]]:
    """Give *old* with a merge patch made to it, and a warning of each field that it lacks; 400 if that is no object."""
    if not isinstance(patch, Mapping):
        raise Refusal(statuses.bad_request("a merge patch is a JSON object"))
    try:
        plain = thaw(freeze(patch))
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    fields = {field.json: field for field in fields_of(old.__class__)}
    # A field that the patch does not name keeps its very object; what an object cannot do without is there to be read.
    wanted = [field for name, field in fields.items() if name in plain or field.required or name in _IDENTITY]
    written = {field.json: _written(getattr(old, field.name)) for field in wanted}
    merged = patches.merge({name: value for name, value in written.items() if value is not None}, plain)
    try:
        made = convert.load(merged, cls=old.__class__, unknown="Warn")
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    kept = {field.name: getattr(old, field.name) for name, field in fields.items() if name not in plain}
    return replace(made.object, **kept), made.warnings


def _written(value: Any) -> Any:
    if isinstance(value, Time | MicroTime | Quantity):
        return str(value)
    if attrs.has(value.__class__):
        return convert.dump(value)
    if isinstance(value, tuple):
        return [_written(entry) for entry in value]
    return _thawed(value)


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_thawed(entry) for entry in value]
    return value
