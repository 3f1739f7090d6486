"""Calls about pods: a status that is written, a pod that is removed."""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1, meta_v1
from reconcile.components.kubelet.state import LocalPod
from reconcile.effects import Call
from reconcile.model.patches.ofstatus import StatusPatch
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


def patch(pod: LocalPod, status: core_v1.PodStatus) -> Call:
    """Give the call that makes a pod's status what it is to be: what others say in it stays."""
    api: Any = pod.api
    metadata = api.metadata
    old = api.status
    if pod.written is not None and old is not pod.written and int(metadata.resource_version or 0) < pod.version:
        old = pod.written  # the watch has not shown it yet
    request = Request(
        verb="patch",
        resource="pods",
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=StatusPatch(metadata.uid, old, status),
        patch_type="strategic",
    )
    return Call(request, ("status", pod.uid))
