"""
What an autoscaler's metrics ask for: the request for each, and what its answer comes to.

Takes:    metric specs, the answers of the metrics APIs, the target's pods.
Gives:    requests; Proposal for each metric.
Source:   pkg/controller/podautoscaler/horizontal.go: computeReplicasForMetric; metrics/client.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import autoscaling_v2 as v2
from reconcile.api import kinds
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import NOT_FOUND, message_of
from reconcile.components.controllers.autoscaling.replicas import (
    Measured,
    Tolerances,
    Unknown,
    by_share,
    by_total,
    by_utilization,
    by_value,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant, parse_duration
from reconcile.lib.quick import quick
from reconcile.model import selectors
from reconcile.model.requests import Request, Response

RESOURCE_METRICS: Final = "metrics.k8s.io"
CUSTOM_METRICS: Final = "custom.metrics.k8s.io"
EXTERNAL_METRICS: Final = "external.metrics.k8s.io"

_WINDOW: Final[Duration] = MINUTE  # of a custom metric that does not say
_MILLI: Final = 1_000_000  # billionths
_UNSERVED: Final = "the server could not find the requested resource"
_REASONS: Final = {
    "Object": "FailedGetObjectMetric",
    "Pods": "FailedGetPodsMetric",
    "Resource": "FailedGetResourceMetric",
    "ContainerResource": "FailedGetContainerResourceMetric",
    "External": "FailedGetExternalMetric",
}


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Target:
    """
    What is autoscaled, as a metric is judged by it.

    Args:
        namespace: its.
        wanted: replicas, as its scale's spec says.
        there: replicas, as its scale's status says.
        pods: that its selector selects.
        tolerances: how far a metric may be from its target.
        now: the instant.
    """

    namespace: str
    wanted: int
    there: int
    pods: tuple[Any, ...]
    tolerances: Tolerances
    now: Instant


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Proposal:
    """
    What a metric comes to.

    Args:
        replicas: that it asks for.
        name: of the metric, in words.
        status: of it.
        reason: why it cannot be told how many, as a condition's reason; empty if it can.
        message: the same in words.
        error: the same as what asked for it passes it on.
    """

    replicas: int = 0
    name: str = ""
    status: v2.MetricStatus
    reason: str = ""
    message: str = ""
    error: str = ""


def request_for(spec: v2.MetricSpec, namespace: str, selector: str) -> Request:
    """
    Give the request for the values of a metric.

    Args:
        spec: the metric.
        namespace: its autoscaler's.
        selector: of the target's pods, as text.
    """
    match spec.type:
        case "Pods":
            assert spec.pods is not None
            return _custom("pods", "*", spec.pods.metric, namespace, selector)
        case "Object":
            assert spec.object is not None
            about = spec.object.described_object
            plural, name = _plural(about), about.name
            if plural == "namespaces":
                return _custom(plural, namespace, spec.object.metric, "", "")
            return _custom(plural, name, spec.object.metric, namespace, "")
        case "External":
            assert spec.external is not None
            metric = spec.external.metric
            resource = f"{metric.name}.{EXTERNAL_METRICS}"
            return Request(verb="list", resource=resource, namespace=namespace, label_selector=_text(metric.selector))
        case _:
            resource = f"pods.{RESOURCE_METRICS}"
            return Request(verb="list", resource=resource, namespace=namespace, label_selector=selector)


def _custom(plural: str, name: str, metric: v2.MetricIdentifier, namespace: str, selector: str) -> Request:
    return Request(
        verb="get",
        resource=f"{plural}.{CUSTOM_METRICS}",
        namespace=namespace,
        name=name,
        subresource=metric.name,
        label_selector=selector,
        field_selector=_text(metric.selector),  # metricLabelSelector: what of a metric is selected, not of its objects
    )


def _plural(about: v2.CrossVersionObjectReference) -> str:
    """Give the plural of a kind; of one that is not Kubernetes' own, as a definition would call it."""
    try:
        return kinds.resource_for(about.api_version or "v1", about.kind).plural
    except ReconcileError:
        return f"{about.kind.lower()}s"


def _text(selector: Any) -> str:
    return "" if selector is None else selectors.text_of(selectors.requirements_of(selector))


def proposed(spec: v2.MetricSpec, response: Response, request: Request, target: Target) -> Proposal:
    """Judge what was answered to the request for a metric."""
    try:
        match spec.type:
            case "Resource" | "ContainerResource":
                return _of_resource(spec, response, request, target)
            case "Pods":
                return _of_pods(spec, response, target)
            case "Object":
                return _of_object(spec, response, target)
            case _:
                return _of_external(spec, response, request, target)
    except Unknown as unknown:
        said, wrapped = str(unknown), unknown.wrapped
    return Proposal(
        status=v2.MetricStatus(type=""), reason=_REASONS[spec.type], message=said, error=f"{_failed(spec)}: {wrapped}"
    )


def _failed(spec: v2.MetricSpec) -> str:
    match spec.type:
        case "Resource":
            return f"failed to get {spec.resource.name} resource metric value"  # type: ignore[union-attr]
        case "ContainerResource":
            return f"failed to get {spec.container_resource.container} container metric value"  # type: ignore[union-attr]
        case "External":
            return f"failed to get {spec.external.metric.name} external metric value"  # type: ignore[union-attr]
        case _:
            return f"failed to get {spec.type.lower()} metric value"


# What pods use --------------------------------------------------------------------------------------------------------


def _of_resource(spec: v2.MetricSpec, response: Response, request: Request, target: Target) -> Proposal:
    of_container = spec.type == "ContainerResource"
    source: Any = spec.container_resource if of_container else spec.resource
    name, container = source.name, source.container if of_container else ""
    aim = source.target
    if aim.average_value is None and aim.average_utilization is None:
        said = "neither an average utilization target nor an average value (usage) target was set"
        raise Unknown(f"invalid resource metric source: {said}")
    what = "usage" if aim.average_value is not None else "utilization"
    try:
        measured = _used(response, request, name, container)
        if aim.average_value is not None:
            replicas, average = by_value(
                target.pods, measured, name, aim.average_value.milli, target.wanted, target.tolerances, target.now
            )
            current = v2.MetricValueStatus(average_value=_amount(name, average))
            said = f"{name} resource"
        else:
            replicas, utilization, average = by_utilization(
                *(target.pods, measured, name, aim.average_utilization, target.wanted, target.tolerances),
                *(container, target.now),
            )
            current = v2.MetricValueStatus(average_utilization=utilization, average_value=_amount(name, average))
            said = f"{name} {'container ' if of_container else ''}resource utilization (percentage of request)"
    except Unknown as unknown:
        raise Unknown(f"failed to get {name} {what}: {unknown}") from None
    if of_container:
        of = v2.ContainerResourceMetricStatus(name=name, container=container, current=current)
        status = v2.MetricStatus(type=spec.type, container_resource=of)
    else:
        status = v2.MetricStatus(type=spec.type, resource=v2.ResourceMetricStatus(name=name, current=current))
    return Proposal(replicas=replicas, name=said, status=status)


def _used(response: Response, request: Request, resource: str, container: str) -> dict[str, Measured]:
    """Read how much of *resource* pods use, by name; a pod of which that is not said of every container is left out."""
    if not response.ok:
        said = f"unable to fetch metrics from resource metrics API: {_refused(response, request)}"
        raise Unknown(f"unable to get metrics for resource {resource}: {said}")
    if not response.body.items:
        said = "no metrics returned from resource metrics API"
        raise Unknown(f"unable to get metrics for resource {resource}: {said}")
    found = {}
    for item in response.body.items:
        rows = [row for row in item.body["containers"] if not container or row["name"] == container]
        texts = [row["usage"].get(resource) for row in rows]
        if rows and None not in texts:
            value = sum([Quantity.parse(text).milli for text in texts])
            at, window = Time.parse(item.body["timestamp"]).instant, parse_duration(item.body["window"])
            found[item.metadata.name] = Measured(value, at, window)
    return found


def _amount(resource: str, milli: int) -> Quantity:
    return Quantity.of(nanos=milli * _MILLI, form="BinarySI" if resource == "memory" else "DecimalSI")


def _plain(milli: int) -> Quantity:
    return Quantity.of(nanos=milli * _MILLI)


def _refused(response: Response, request: Request) -> str:
    """Give a refusal as a client says it, which knows what it asked for where nothing is served."""
    said = message_of(response)
    return f"{said} (get {request.resource})" if response.code == NOT_FOUND and said == _UNSERVED else said


# What else is measured ------------------------------------------------------------------------------------------------


def _of_pods(spec: v2.MetricSpec, response: Response, target: Target) -> Proposal:
    source: Any = spec.pods
    metric = source.metric
    try:
        found = _custom_values(response)
    except Unknown as unknown:
        raise Unknown(f"unable to get metric {metric.name}: {unknown}") from None
    measured = {row["describedObject"]["name"]: _measured(row) for row in found}
    replicas, average = by_value(
        target.pods, measured, "", source.target.average_value.milli, target.wanted, target.tolerances, target.now
    )
    current = v2.MetricValueStatus(average_value=_plain(average))
    of = v2.PodsMetricStatus(metric=metric, current=current)
    return Proposal(
        replicas=replicas, name=f"pods metric {metric.name}", status=v2.MetricStatus(type=spec.type, pods=of)
    )


def _measured(row: Any) -> Measured:
    seconds = row.get("windowSeconds")
    window = _WINDOW if seconds is None else seconds * SECOND
    return Measured(Quantity.parse(row["value"]).milli, Time.parse(row["timestamp"]).instant, window)


def _custom_values(response: Response) -> list[Any]:
    if not response.ok:
        said = message_of(response)
        if response.code == NOT_FOUND and said == _UNSERVED:
            said = f"no custom metrics API ({CUSTOM_METRICS}) registered"
        raise Unknown(f"unable to fetch metrics from custom metrics API: {said}")
    if not response.body.items:
        raise Unknown("no metrics returned from custom metrics API")
    return [item.body for item in response.body.items]


def _of_object(spec: v2.MetricSpec, response: Response, target: Target) -> Proposal:
    source: Any = spec.object
    metric, about, aim = source.metric, source.described_object, source.target
    try:
        value = Quantity.parse(_custom_values(response)[0]["value"]).milli
    except Unknown as unknown:
        # Upstream gives its text's parts in another order than it names them.
        said = f"unable to get metric {metric.name}: {about.kind} on {target.namespace} {about.name}/{unknown}"
        shared = aim.type == "AverageValue"
        raise Unknown(said, f"failed to get {metric.name} object metric: {said}" if shared else "") from None
    if aim.type == "Value" and aim.value is not None:
        replicas = by_total(target.pods, value, aim.value.milli, target.wanted, target.tolerances)
        current = v2.MetricValueStatus(value=_plain(value))
        name = f"{about.kind} metric {metric.name}"
    elif aim.type == "AverageValue" and aim.average_value is not None:
        replicas, each = by_share(value, aim.average_value.milli, target.there, target.tolerances)
        current = v2.MetricValueStatus(average_value=_plain(each))
        name = f"external metric {metric.name}({_shown(metric.selector)})"
    else:
        raise Unknown("invalid object metric source: neither a value target nor an average value target was set")
    of = v2.ObjectMetricStatus(metric=metric, described_object=about, current=current)
    return Proposal(replicas=replicas, name=name, status=v2.MetricStatus(type=spec.type, object=of))


def _of_external(spec: v2.MetricSpec, response: Response, request: Request, target: Target) -> Proposal:
    source: Any = spec.external
    metric, aim = source.metric, source.target
    try:
        value = _external_value(response, request)
    except Unknown as unknown:
        shown = f"{target.namespace}/{metric.name}/{_shown(metric.selector)}"
        what = f"{metric.name} external metric" if aim.average_value is not None else f"external metric {metric.name}"
        said = f"unable to get external metric {shown}: {unknown}"
        raise Unknown(said, f"failed to get {what}: {said}") from None
    if aim.average_value is not None:
        replicas, each = by_share(value, aim.average_value.milli, target.there, target.tolerances)
        current = v2.MetricValueStatus(average_value=_plain(each))
    elif aim.value is not None:
        try:
            replicas = by_total(target.pods, value, aim.value.milli, target.wanted, target.tolerances)
        except Unknown as unknown:
            raise Unknown(str(unknown), f"failed to get external metric {metric.name}: {unknown}") from None
        current = v2.MetricValueStatus(value=_plain(value))
    else:
        raise Unknown("invalid external metric source: neither a value target nor an average value target was set")
    of = v2.ExternalMetricStatus(metric=metric, current=current)
    name = f"external metric {metric.name}({_shown(metric.selector)})"
    return Proposal(replicas=replicas, name=name, status=v2.MetricStatus(type=spec.type, external=of))


def _external_value(response: Response, request: Request) -> int:
    if not response.ok:
        raise Unknown(f"unable to fetch metrics from external metrics API: {_refused(response, request)}")
    if not response.body.items:
        raise Unknown("no metrics returned from external metrics API")
    return sum([Quantity.parse(item.body["value"]).milli for item in response.body.items])


def _shown(selector: Any) -> str:
    """Write a LabelSelector as Go prints one with %+v."""
    if selector is None:
        return "nil"
    labels = "".join([f"{key}: {value}," for key, value in sorted((selector.match_labels or {}).items())])
    rows = [
        f"LabelSelectorRequirement{{Key:{each.key},Operator:{each.operator},Values:[{' '.join(each.values or ())}],}},"
        for each in selector.match_expressions or ()
    ]
    expressions = f"[]LabelSelectorRequirement{{{''.join(rows)}}}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:{expressions},}}"
