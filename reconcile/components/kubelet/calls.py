"""Calls about pods: a status that is written, a pod that is removed."""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1, meta_v1
from reconcile.effects import Call
from reconcile.lib.replacing import copier
from reconcile.model.requests import Request


def delete(api: Any, tag: tuple[Any, ...]) -> Call:
    """Give the call that removes a pod of the API at once, if it is still the same one."""
    options = meta_v1.DeleteOptions(grace_period_seconds=0, preconditions=meta_v1.Preconditions(uid=api.metadata.uid))
    metadata = api.metadata
    return Call(
        Request(
            verb="delete", resource="pods", namespace=metadata.namespace or "", name=metadata.name or "", body=options
        ),
        tag,
    )


def update(api: Any, status: core_v1.PodStatus, uid: str) -> Call:
    """Give the call that writes a pod's status, whatever else of it has changed."""
    metadata = api.metadata
    unversioned = copier(meta_v1.ObjectMeta, "resource_version")(metadata, None)
    body = core_v1.Pod(metadata=unversioned, spec=api.spec, status=status)
    request = Request(
        verb="update",
        resource="pods",
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=body,
    )
    return Call(request, ("status", uid))
