"""
Scaling: the Scale of what has one: how many of it there are to be.

Source:   the scale storage of the workloads.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any

from reconcile.api import autoscaling_v1, meta_v1
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal, refuse_invalid, wrong
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import applying, creating, managing, updating
from reconcile.components.apiserver.writing.patched import patched
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import selectors, statuses
from reconcile.model.fields.managers import Managed
from reconcile.model.requests import Response


def scale(ask: Ask) -> Plan:
    """Answer with an object's scale."""
    return Response(200, scale_of(found(ask)))


def update_scale(ask: Ask) -> Plan:
    """Plan to change how many of it there are to be."""
    body = ask.request.body
    if not isinstance(body, autoscaling_v1.Scale):
        raise Refusal(statuses.bad_request(creating.misplaced(body, "Scale", "autoscaling")))
    return _updated(ask, body, found(ask))


def patch_scale(ask: Ask) -> Plan:
    """Plan to patch an object's scale."""
    old = found(ask)
    shown = scale_of(old)
    if ask.request.patch_type == "apply":
        made, owners, warnings = applying.applied_scale(ask, shown, managing.of_scale(ask, old))
        return applying.warned(_scaled(ask, made, old, owners), warnings)
    made, warnings = patched(ask, shown)
    return applying.warned(_updated(ask, made, old), warnings)


def _updated(ask: Ask, body: autoscaling_v1.Scale, old: Any) -> Plan:
    owners: Managed = {}
    if ask.state.managed_fields:
        owners = managing.after_scale(ask, body, scale_of(old), managing.of_scale(ask, old))
    return _scaled(ask, body, old, owners)


def scale_of(obj: Any) -> autoscaling_v1.Scale:
    """Give an object's Scale: how many there are to be, how many there are, and what selects them."""
    metadata, spec, status = obj.metadata, obj.spec, obj.status
    selector = spec.selector
    if selector is None:
        text = ""
    elif isinstance(selector, Map):
        text = ",".join([f"{key}={value}" for key, value in selector.items()])
    else:
        text = selectors.text_of(selectors.requirements_of(selector))
    return autoscaling_v1.Scale(
        metadata=meta_v1.ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            creation_timestamp=metadata.creation_timestamp,
        ),
        spec=autoscaling_v1.ScaleSpec(replicas=spec.replicas or None),
        status=autoscaling_v1.ScaleStatus(replicas=(status.replicas if status is not None else 0) or 0, selector=text),
    )


def _scaled(ask: Ask, body: autoscaling_v1.Scale, old: Any, owners: Managed) -> Plan:
    given = body.metadata or meta_v1.ObjectMeta()
    metadata, name = old.metadata, old.metadata.name
    creating.check_place(ask, body, name)
    replicas = (body.spec.replicas if body.spec is not None else None) or 0
    if replicas < 0:
        cause = wrong("spec.replicas", replicas, "must be greater than or equal to 0")
        refuse_invalid("Scale", "autoscaling/v1", name, (cause,))
    updating.check_uid(ask, given.uid, metadata.uid)
    if given.resource_version not in updating.ANY_VERSION and given.resource_version != metadata.resource_version:
        raise Refusal(statuses.conflict(ask.request.resource, name))
    new = replace(old, spec=replace(old.spec, replicas=replicas))
    managed = managing.with_scale(ask, old, owners)
    if new is not old:
        new = replace(new, metadata=replace(metadata, generation=(metadata.generation or 0) + 1))
    if managed is not metadata.managed_fields:
        new = replace(new, metadata=replace(new.metadata, managed_fields=managed))
    plan = updating.stored(ask, new, old)
    if isinstance(plan, Response):
        return Response(plan.code, scale_of(plan.body))
    return replace(plan, scale=True) if plan.key else replace(plan, body=scale_of(plan.body))
