"""
Patching: an update whose body says only what changes.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import applying, creating, updating
from reconcile.components.apiserver.writing.applying import warned
from reconcile.components.apiserver.writing.patched import patched
from reconcile.lib.replacing import replace
from reconcile.model import owners
from reconcile.model.patches.ofstatus import StatusPatch


def patch(ask: Ask) -> Plan:
    """Plan a patch of an object, all but its status."""
    if ask.request.patch_type == "apply":
        return applying.apply(ask)
    old = found(ask)
    made, warnings = patched(ask, old)
    made, twice = _once_owned(made)
    return _warning((*warnings, *twice), lambda: updating.updated(ask, creating.named_body(ask, made), old))


def patch_status(ask: Ask) -> Plan:
    """Plan a patch of an object's status."""
    if ask.request.patch_type == "apply":
        return applying.apply_status(ask)
    old, body = found(ask), ask.request.body
    if (
        body.__class__ is StatusPatch
        and (old.status is body.old or old.status == body.old)
        and (body.uid == old.metadata.uid or not body.uid)
    ):
        return updating.status_told(ask, body.new, old)
    made, warnings = patched(ask, old)
    return _warning(warnings, lambda: updating.status_updated(ask, creating.named_body(ask, made), old))


def _once_owned(obj: Any) -> tuple[Any, tuple[str, ...]]:
    """Give a patched object without owner references that it has twice, and the warning of it."""
    metadata = obj.metadata
    once, twice = owners.without_repeats((metadata.owner_references if metadata is not None else None) or ())
    if not twice:
        return obj, ()
    return replace(obj, metadata=replace(metadata, owner_references=once)), (f"{_TWICE}{', '.join(twice)}",)


_TWICE: Final = (
    ".metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups owner"
    " references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s)"
    " observed: "
)


def _warning(warnings: tuple[str, ...], planned: Callable[[], Plan]) -> Plan:
    """Give a plan with warnings in its answer, whatever comes of it."""
    if not warnings:
        return planned()
    try:
        return warned(planned(), warnings)
    except Refusal as refusal:
        refusal.response = replace(refusal.response, warnings=(*warnings, *refusal.response.warnings))
        raise
