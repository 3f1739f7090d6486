"""
What is measured of a cluster, as APIs of their own: the groups, their versions and their resources.

They are served beside those of the API server, which passes a request on to who measures. An APIService says so.

Takes:    the names of APIServices.
Gives:    Resources, as discovery shows them.
Source:   https://github.com/kubernetes-sigs/metrics-server; k8s.io/metrics: custom_metrics, external_metrics.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconcile.api import meta_v1
from reconcile.api.apiregistration_v1 import (
    APIService,
    APIServiceCondition,
    APIServiceSpec,
    APIServiceStatus,
    ServiceReference,
)
from reconcile.api.kinds import CUSTOM, Resource
from reconcile.api.scalars import Time
from reconcile.lib.instant import Instant
from reconcile.model import conditions

API_SERVICES: Final = "apiservices.apiregistration.k8s.io"
USED: Final = "metrics.k8s.io"
CUSTOM_METRICS: Final = "custom.metrics.k8s.io"
EXTERNAL: Final = "external.metrics.k8s.io"
SUFFIX: Final = USED
"""The end of the key of everything that is measured."""

VERSIONS: Final = {USED: "v1beta1", CUSTOM_METRICS: "v1beta2", EXTERNAL: "v1beta1"}

_SERVERS: Final = {USED: "metrics-server", CUSTOM_METRICS: "custom-metrics", EXTERNAL: "custom-metrics"}


def group_of(key: str) -> str:
    """Give the group of what is measured by this key, such as `pods.metrics.k8s.io`; empty if it is none of them."""
    return next((group for group in (CUSTOM_METRICS, EXTERNAL, USED) if key.endswith(f".{group}")), "")


def api_service(group: str, start: Instant) -> APIService:
    """Give the APIService by which a group is served, as it is once it is found to be."""
    version = VERSIONS[group]
    return APIService(
        metadata=meta_v1.ObjectMeta(name=f"{version}.{group}"),
        spec=APIServiceSpec(
            group=group,
            group_priority_minimum=100,
            insecure_skip_tls_verify=True,
            service=ServiceReference(name=_SERVERS[group], namespace="kube-system", port=443),
            version=version,
            version_priority=100,
        ),
        status=APIServiceStatus(
            conditions=(
                APIServiceCondition(
                    type="Available",
                    status="True",
                    reason="Passed",
                    message="all checks passed",
                    last_transition_time=Time.at(start),
                ),
            )
        ),
    )


def is_answered(found: APIService) -> bool:
    """Tell whether the cluster itself answers for an APIService, as it said from power-on; no service is behind it."""
    group = found.spec.group if found.spec is not None else None
    if group not in VERSIONS or found.metadata is None or found.metadata.name != f"{VERSIONS[group]}.{group}":
        return False
    return conditions.is_true(found.status.conditions if found.status is not None else None, "Available")


def unavailable(found: Iterable[APIService]) -> tuple[str, ...]:
    """Give the versions of groups of which nobody answers, `metrics.k8s.io/v1beta1`, sorted."""
    return tuple(
        sorted(
            [
                f"{each.spec.group}/{each.spec.version}"
                for each in found
                if each.spec is not None
                and each.spec.service is not None
                and not conditions.is_true(each.status.conditions if each.status is not None else None, "Available")
            ]
        )
    )


def resources(names: Iterable[str]) -> tuple[Resource, ...]:
    """Give the resources of those groups of which there is an APIService of one of these *names*."""
    found = [group for group, version in VERSIONS.items() if f"{version}.{group}" in names]
    return tuple([resource for group in found for resource in _RESOURCES[group]])


def resource_of(group: str, plural: str, verb: str) -> Resource:
    """Give what a path within the group of custom or external metrics leads to."""
    kind = "ExternalMetricValue" if group == EXTERNAL else "MetricValue"
    return _resource(group, plural, kind, namespaced=True, verbs=(verb,))


def _resource(group: str, plural: str, kind: str, *, namespaced: bool, verbs: tuple[str, ...]) -> Resource:
    return Resource(
        group=group,
        version=VERSIONS[group],
        plural=plural,
        singular="",
        short_names=(),
        kind=kind,
        namespaced=namespaced,
        subresources=(),
        verbs=verbs,
        categories=(),
        module=CUSTOM,
        list_kind=f"{kind}List",
    )


_LISTED: Final = ("get", "list")
_RESOURCES: Final = {
    USED: (
        _resource(USED, "nodes", "NodeMetrics", namespaced=False, verbs=_LISTED),
        _resource(USED, "pods", "PodMetrics", namespaced=True, verbs=_LISTED),
    ),
    CUSTOM_METRICS: (
        _resource(CUSTOM_METRICS, "pods/requests_per_second", "MetricValue", namespaced=True, verbs=("get",)),
        _resource(CUSTOM_METRICS, "services/requests_per_second", "MetricValue", namespaced=True, verbs=("get",)),
    ),
    EXTERNAL: (_resource(EXTERNAL, "externalmetrics", "ExternalMetricValue", namespaced=True, verbs=("get",)),),
}
