"""
Expected: of how many pods a budget speaks, and how many of them are to be healthy.

A share, and what may be unavailable, is of all pods that the controllers of a budget's pods are to have. Those of
Kubernetes' own stand in the caches; what else has a scale is asked for it.

Takes:    a budget, the pods that it covers, the caches, the scales that were asked for.
Gives:    the requests for scales; the counts, or why they cannot be known.
Source:   pkg/controller/disruption: getExpectedPodCount and its finders; apimachinery's intstr.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.kinds import Resource, resource_for
from reconcile.components.controllers.runtime import Views
from reconcile.lib.errors import ReconcileError
from reconcile.model import definitions
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request, Response

_DEPLOYMENTS: Final = "deployments.apps"
_REPLICA_SETS: Final = "replicasets.apps"
# kind -> (the groups in which upstream knows it, its resource)
_KNOWN: Final = {
    "ReplicationController": (("",), "replicationcontrollers"),
    "ReplicaSet": (("apps", "extensions"), _REPLICA_SETS),
    "StatefulSet": (("apps",), "statefulsets.apps"),
}
SCALED: Final = (_DEPLOYMENTS, *[resource for _, resource in _KNOWN.values()])
"""What has its scale read from the caches."""


@attrs.frozen
class Expected:
    """
    What a budget demands.

    Args:
        count: of how many pods it speaks.
        desired: how many of them are to be healthy.
        unmanaged: whether it covers pods that nobody controls, where that matters.
        why: why this cannot be known; empty if it is.
    """

    count: int = 0
    desired: int = 0
    unmanaged: bool = False
    why: str = ""


def scales_to_ask(budget: Any, pods: tuple[Any, ...], views: Views) -> tuple[Request, ...]:
    """Give a get for the scale of each controller of *pods* that the caches do not tell of."""
    if not _needs_scales(budget):
        return ()
    requests: dict[str, Request] = {}
    for pod in pods:
        reference = controller_of(pod)
        if reference is None or reference.uid in requests or _cached(reference, pod, views) is not None:
            continue
        found = _resource(reference, views)
        if isinstance(found, Resource) and "scale" in found.subresources:
            requests[reference.uid] = _get(found, pod, reference.name)
    return tuple(requests.values())


def expected(
    budget: Any, pods: tuple[Any, ...], views: Views, scales: tuple[tuple[Request, Response], ...]
) -> Expected:
    """Give what a budget demands of *pods*, with the answers to `scales_to_ask`."""
    spec = budget.spec
    if not _needs_scales(budget):
        least = None if spec is None else spec.min_available
        return Expected() if least is None else Expected(len(pods), least)
    found = _all_scales(pods, views, scales)
    if isinstance(found, str):
        return Expected(why=found)
    count, unmanaged = sum(found.values()), any(controller_of(pod) is None for pod in pods)
    if spec.max_unavailable is not None:
        return Expected(count, max(0, count - _scaled(spec.max_unavailable, count)), unmanaged)
    return Expected(count, _scaled(spec.min_available, count), unmanaged)


def _needs_scales(budget: Any) -> bool:
    spec = budget.spec
    return spec is not None and (spec.max_unavailable is not None or isinstance(spec.min_available, str))


def _scaled(value: int | str, count: int) -> int:
    """Give a number as it is, and a share of *count* rounded up."""
    return value if isinstance(value, int) else -(-int(value.removesuffix("%")) * count // 100)


def _all_scales(
    pods: tuple[Any, ...], views: Views, scales: tuple[tuple[Request, Response], ...]
) -> dict[str, int] | str:
    """Give the scale of each controller of *pods* by its uid; or say why one of them cannot be known."""
    answers = {(request.resource, request.namespace, request.name): response for request, response in scales}
    found: dict[str, int] = {}
    for pod in pods:
        reference = controller_of(pod)
        if reference is None or reference.uid in found:
            continue
        scale = _cached(reference, pod, views) or _asked(reference, pod, views, answers)
        if isinstance(scale, str):
            return scale
        uid, replicas = scale
        found[uid] = replicas
    return found


def _cached(reference: Any, pod: Any, views: Views) -> tuple[str, int] | None:
    """Give (uid, scale) of a pod's controller, of a ReplicaSet that of its Deployment; None if no cache tells."""
    groups, resource = _KNOWN.get(reference.kind, ((), ""))
    if _group(reference) not in groups:
        return None
    namespace = pod.metadata.namespace
    owner = views.get(resource, f"{namespace}/{reference.name}")
    if owner is None or owner.metadata.uid != reference.uid:
        return None
    above = controller_of(owner) if resource == _REPLICA_SETS else None
    if above is None or above.kind != "Deployment":
        return owner.metadata.uid, _replicas(owner)
    if _group(above) not in ("apps", "extensions"):
        return None
    deployment = views.get(_DEPLOYMENTS, f"{namespace}/{above.name}")
    if deployment is None or deployment.metadata.uid != above.uid:
        return None
    return deployment.metadata.uid, _replicas(deployment)


def _asked(
    reference: Any, pod: Any, views: Views, answers: dict[tuple[str, str, str], Response]
) -> tuple[str, int] | str:
    """Give (uid, scale) of a pod's controller as its scale says; or why that is not known."""
    resource = _resource(reference, views)
    if isinstance(resource, str):
        return resource
    if "scale" not in resource.subresources:
        return f"{resource.key} does not implement the scale subresource"
    request = _get(resource, pod, reference.name)
    response = answers.get((request.resource, request.namespace, request.name))
    if response is not None and not response.ok and response.reason != "NotFound":
        return str(response.body.message)
    if response is None or not response.ok or response.body.metadata.uid != reference.uid:
        return f'found no controllers for pod "{pod.metadata.name}"'
    spec = response.body.spec
    return reference.uid, (spec.replicas if spec is not None else None) or 0


def _resource(reference: Any, views: Views) -> Resource | str:
    """Give the resource that an owner reference means; or say that nobody knows it."""
    crds = views.table(definitions.DEFINITIONS).values()
    established = [crd for crd in crds if definitions.is_established(crd)]
    custom = definitions.resource_for(established, reference.api_version, reference.kind)
    if custom is not None:
        return custom
    try:
        return resource_for(reference.api_version, reference.kind)
    except ReconcileError:
        return f'no matches for kind "{reference.kind}" in version "{reference.api_version}"'


def _get(resource: Resource, pod: Any, name: str) -> Request:
    namespace = pod.metadata.namespace if resource.namespaced else ""
    return Request(
        verb="get", resource=resource.key, version=resource.version, namespace=namespace, name=name, subresource="scale"
    )


def _group(reference: Any) -> str:
    group, slash, _ = reference.api_version.partition("/")
    return group if slash else ""


def _replicas(owner: Any) -> int:
    replicas = owner.spec.replicas
    return 1 if replicas is None else int(replicas)
