"""
Patching: an update whose body says only what changes.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import applying, creating, updating
from reconcile.components.apiserver.writing.applying import warned
from reconcile.components.apiserver.writing.patched import patched
from reconcile.model.patches.ofstatus import StatusPatch


def patch(ask: Ask) -> Plan:
    """Plan a patch of an object, all but its status."""
    if ask.request.patch_type == "apply":
        return applying.apply(ask)
    old = found(ask)
    made, warnings = patched(ask, old)
    return warned(updating.updated(ask, creating.named_body(ask, made), old), warnings)


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
    return warned(updating.status_updated(ask, creating.named_body(ask, made), old), warnings)
