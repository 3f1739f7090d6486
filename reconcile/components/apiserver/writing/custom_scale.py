"""
Custom resources: how many of an object there are to be, at the paths that its definition names.

Source:   apiextensions-apiserver: the scale subresource.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api import autoscaling_v1, meta_v1
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.reading.custom import asked_version, plain
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry.structural.paths import value_at
from reconcile.components.apiserver.state import CONVERTED, Ask, Plan
from reconcile.components.apiserver.writing import updating
from reconcile.components.apiserver.writing.applying import warned
from reconcile.components.apiserver.writing.custom import current, read, updated
from reconcile.components.apiserver.writing.patched import not_strategic, patched
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response

_UNAPPLIED: Final = (
    "failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to"
    " proper version: request to convert CR to an invalid group/version: autoscaling/v1"
)


def scale(ask: Ask) -> Plan:
    """Answer with an object's scale."""
    return Response(200, scale_of(ask, current(ask)))


def update_scale(ask: Ask) -> Plan:
    """Plan to change how many of it there are to be."""
    return _scaled(ask, ask.request.body)


def patch_scale(ask: Ask) -> Plan:
    """Plan to patch an object's scale."""
    old = current(ask)
    if ask.request.patch_type == "apply":
        # Upstream takes the Scale for an object of the definition's group.
        raise Refusal(statuses.unexplained(_UNAPPLIED))
    if ask.request.patch_type == "strategic":
        raise not_strategic()
    made, warnings = patched(ask, scale_of(ask, old))
    return warned(_scaled(ask, made), warnings)


def scale_of(ask: Ask, obj: CustomObject) -> autoscaling_v1.Scale:
    """Give an object's Scale, read at the paths that its definition names."""
    paths = asked_version(ask).scale
    assert paths is not None, "it was found when the request was routed"
    return scale_at(obj, paths)


def scale_at(obj: CustomObject, paths: tuple[str, str, str]) -> autoscaling_v1.Scale:
    """Give an object's Scale: how many there are to be, how many there are, and what selects them, by their paths."""
    data, metadata = plain(obj), obj.metadata
    assert metadata is not None, "a stored object has metadata"
    wanted, there, selector = (value_at(data, path) if path else None for path in paths)
    return autoscaling_v1.Scale(
        metadata=meta_v1.ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            creation_timestamp=metadata.creation_timestamp,
        ),
        spec=autoscaling_v1.ScaleSpec(replicas=wanted if isinstance(wanted, int) and wanted else None),
        status=autoscaling_v1.ScaleStatus(
            replicas=there if isinstance(there, int) else 0,
            selector=selector if isinstance(selector, str) and selector else None,
        ),
    )


def _scaled(ask: Ask, body: Any) -> Plan:
    if not isinstance(body, autoscaling_v1.Scale):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type Scale)"))
    old, paths = current(ask), asked_version(ask).scale
    metadata, given = old.metadata, body.metadata or meta_v1.ObjectMeta()
    assert metadata is not None and paths is not None, "it was found, and has a scale"  # noqa: PT018
    name = metadata.name or ""
    if given.name and given.name != name:
        said = f"the name of the object ({given.name}) does not match the name on the URL ({name})"
        raise Refusal(statuses.bad_request(said))
    updating.check_uid(ask, given.uid, metadata.uid)
    if given.resource_version not in updating.ANY_VERSION and given.resource_version != metadata.resource_version:
        raise Refusal(statuses.conflict(ask.request.resource, name))
    replicas = (body.spec.replicas if body.spec is not None else None) or 0
    inner = attrs.evolve(ask, request=attrs.evolve(ask.request, subresource=""))
    data = _with_value(plain(old), paths[0].lstrip(".").split("."), replicas)
    plan = updated(inner, read(inner, data).obj, old)
    if isinstance(plan, Response):
        return replace(plan, body=scale_of(ask, plan.body))
    if plan.version == CONVERTED:
        return replace(plan, body=scale_of(ask, plan.body))
    return replace(plan, scale=True) if plan.key else plan


def _with_value(data: Any, path: list[str], value: Any) -> dict[str, Any]:
    found = dict(data) if isinstance(data, Mapping) else {}
    found[path[0]] = value if len(path) == 1 else _with_value(found.get(path[0]), path[1:], value)
    return found
