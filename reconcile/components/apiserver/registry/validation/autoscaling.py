"""Validation of autoscaling: horizontal pod autoscalers, their metrics and their behaviour."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import autoscaling_v2
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.core.resources import is_extended, is_native
from reconcile.components.apiserver.registry.validation.metadata import at_least_zero
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty, given, named, positive
from reconcile.model.text import names

_POLICIES: Final = ("Percent", "Pods")
_SELECTIONS: Final = ("Disabled", "Max", "Min")
_SOURCES: Final = ("ContainerResource", "External", "Object", "Pods", "Resource")
_TARGETS: Final = ("Utilization", "Value", "AverageValue")
_STANDARD: Final = ("cpu", "memory", "ephemeral-storage")
_LONGEST_PERIOD: Final = 1800
_LONGEST_WINDOW: Final = 3600
_ONLY: Final = "must populate the given metric source only"
_NEEDED: Final = "must populate information for the given metric source"
_NOT_BELOW_ONE: Final = "must be greater than or equal to 1"


def autoscaler_causes(obj: autoscaling_v2.HorizontalPodAutoscaler) -> Causes:
    """Say what is wrong with an autoscaler."""
    return tuple(_spec_causes(given(obj.spec, autoscaling_v2.HorizontalPodAutoscalerSpec), None))


def autoscaler_update_causes(
    new: autoscaling_v2.HorizontalPodAutoscaler, old: autoscaling_v2.HorizontalPodAutoscaler
) -> Causes:
    """Say what is wrong with an update of an autoscaler; what was tolerated before still is."""
    spec = given(new.spec, autoscaling_v2.HorizontalPodAutoscalerSpec)
    return tuple(_spec_causes(spec, given(old.spec, autoscaling_v2.HorizontalPodAutoscalerSpec)))


def _spec_causes(
    spec: autoscaling_v2.HorizontalPodAutoscalerSpec, before: autoscaling_v2.HorizontalPodAutoscalerSpec | None
) -> list[Cause]:
    least, most, found = spec.min_replicas, spec.max_replicas, list[Cause]()
    lowest = 0 if before is not None and before.min_replicas == 0 else 1
    if least is not None and least < lowest:
        found.append(wrong("spec.minReplicas", least, f"must be greater than or equal to {lowest}"))
    if not most:
        found.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        found.append(wrong("spec.maxReplicas", most, _NOT_BELOW_ONE))
    if least is not None and (most or 0) < least:
        found.append(wrong("spec.maxReplicas", most or 0, "must be greater than or equal to `minReplicas`"))
    target = given(spec.scale_target_ref, autoscaling_v2.CrossVersionObjectReference)
    had = None if before is None else before.scale_target_ref
    # What names the same kind as before is not asked for its group again.
    tolerated = had is not None and (had.api_version, had.kind) == (target.api_version, target.kind)
    found += _reference_causes("spec.scaleTargetRef", target, core=True, any_version=tolerated)
    metrics = spec.metrics or ()
    for place, metric in enumerate(metrics):
        found += _metric_causes(f"spec.metrics[{place}]", metric)
    if least == 0 and not any(metric.type in ("Object", "External") for metric in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        found.append(forbidden("spec.metrics", why))
    if spec.behavior is not None:
        found += _rules_causes("spec.behavior.scaleUp", spec.behavior.scale_up)
        found += _rules_causes("spec.behavior.scaleDown", spec.behavior.scale_down)
    return found


def _reference_causes(
    field: str, reference: autoscaling_v2.CrossVersionObjectReference, *, core: bool, any_version: bool = False
) -> list[Cause]:
    found = named(f"{field}.kind", reference.kind, names.path_segment_faults)
    found += named(f"{field}.name", reference.name, names.path_segment_faults)
    return found if any_version else found + _version_causes(f"{field}.apiVersion", reference, core=core)


def _version_causes(field: str, reference: autoscaling_v2.CrossVersionObjectReference, *, core: bool) -> list[Cause]:
    """Say that an API version is none, or names no group though the kind is none of the core group."""
    version = reference.api_version or ""
    if version.count("/") > 1:
        return [wrong(field, version, f"unexpected GroupVersion string: {version}")]
    group = version.rpartition("/")[0]
    if group or not core or reference.kind == "ReplicationController":
        return []
    return [wrong(field, version, "apiVersion must specify API group")]


def _rules_causes(field: str, rules: autoscaling_v2.HPAScalingRules | None) -> list[Cause]:
    if rules is None:
        return []
    found: list[Cause] = []
    window = rules.stabilization_window_seconds
    if window is not None and window < 0:
        found.append(wrong(f"{field}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > _LONGEST_WINDOW:
        why = f"must be less than or equal to {_LONGEST_WINDOW}"
        found.append(wrong(f"{field}.stabilizationWindowSeconds", window, why))
    if rules.select_policy is not None:
        found += chosen(f"{field}.selectPolicy", rules.select_policy, _SELECTIONS)
    if not rules.policies:
        found.append(required(f"{field}.policies", "must specify at least one Policy"))
    for place, policy in enumerate(rules.policies or ()):
        at = f"{field}.policies[{place}]"
        found += chosen(f"{at}.type", policy.type, _POLICIES)
        found += positive(f"{at}.value", policy.value)
        found += positive(f"{at}.periodSeconds", policy.period_seconds)
        if policy.period_seconds > _LONGEST_PERIOD:
            why = f"must be less than or equal to {_LONGEST_PERIOD}"
            found.append(wrong(f"{at}.periodSeconds", policy.period_seconds, why))
    if rules.tolerance is not None and rules.tolerance.nanos < 0:
        found.append(wrong(f"{field}.tolerance", rules.tolerance, "must be greater than or equal to 0"))
    return found


def _metric_causes(field: str, metric: autoscaling_v2.MetricSpec) -> list[Cause]:
    found: list[Cause] = []
    if not metric.type:
        found.append(required(f"{field}.type", "must specify a metric source type"))
    found += chosen(f"{field}.type", metric.type, _SOURCES)
    sources: tuple[tuple[str, str, Any, Any], ...] = (
        ("Object", "object", metric.object, _object_causes),
        ("External", "external", metric.external, _external_causes),
        ("Pods", "pods", metric.pods, _pods_causes),
        ("Resource", "resource", metric.resource, _resource_causes),
        ("ContainerResource", "containerResource", metric.container_resource, _container_causes),
    )
    present = [(kind, name, source, ask) for kind, name, source, ask in sources if source is not None]
    for _, name, source, ask in present[:1]:
        found += ask(f"{field}.{name}", source)
    wanted = next((name for kind, name, *_ in sources if kind == metric.type), None)
    if wanted is None:
        found += chosen(f"{field}.type", metric.type, _SOURCES)
    elif wanted not in [name for _, name, *_ in present]:
        found.append(required(f"{field}.{wanted}", _NEEDED))
    if len(present) != 1:
        found += [forbidden(f"{field}.{name}", _ONLY) for _, name, *_ in present if name != wanted]
    return found


def _object_causes(field: str, source: autoscaling_v2.ObjectMetricSource) -> list[Cause]:
    target = given(source.target, autoscaling_v2.MetricTarget)
    described = given(source.described_object, autoscaling_v2.CrossVersionObjectReference)
    found = _reference_causes(f"{field}.describedObject", described, core=False)
    found += _identifier_causes(f"{field}.metric", source.metric)
    found += _target_causes(f"{field}.target", target)
    if target.value is None and target.average_value is None:
        found.append(required(f"{field}.target.averageValue", "must set either a target value or averageValue"))
    return found


def _external_causes(field: str, source: autoscaling_v2.ExternalMetricSource) -> list[Cause]:
    target = given(source.target, autoscaling_v2.MetricTarget)
    found = _identifier_causes(f"{field}.metric", source.metric) + _target_causes(f"{field}.target", target)
    if target.value is None and target.average_value is None:
        why = "must set either a target value for metric or a per-pod target"
        found.append(required(f"{field}.target.averageValue", why))
    if target.value is not None and target.average_value is not None:
        why = "may not set both a target value for metric and a per-pod target"
        found.append(forbidden(f"{field}.target.value", why))
    return found


def _pods_causes(field: str, source: autoscaling_v2.PodsMetricSource) -> list[Cause]:
    target = given(source.target, autoscaling_v2.MetricTarget)
    found = _identifier_causes(f"{field}.metric", source.metric) + _target_causes(f"{field}.target", target)
    if target.average_value is None:
        found.append(required(f"{field}.target.averageValue", "must specify a positive target averageValue"))
    return found


def _resource_causes(field: str, source: autoscaling_v2.ResourceMetricSource) -> list[Cause]:
    found = [] if source.name else [required(f"{field}.name", "must specify a resource name")]
    return found + _usage_causes(f"{field}.target", given(source.target, autoscaling_v2.MetricTarget))


def _container_causes(field: str, source: autoscaling_v2.ContainerResourceMetricSource) -> list[Cause]:
    found: list[Cause] = []
    name = source.name
    if not name:
        found.append(required(f"{field}.name", "must specify a resource name"))
    else:
        found += faulty(f"{field}.name", name, names.qualified_faults(name))
        if "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
            found.append(wrong(f"{field}.name", name, "must be a standard resource for containers"))
        elif "/" in name and not is_native(name) and not is_extended(name):
            found.append(wrong(f"{field}.name", name, "doesn't follow extended resource name standard"))
    found += named(f"{field}.container", source.container, names.label_faults, "must specify a container")
    return found + _usage_causes(f"{field}.target", given(source.target, autoscaling_v2.MetricTarget))


def _usage_causes(field: str, target: autoscaling_v2.MetricTarget) -> list[Cause]:
    found = _target_causes(field, target)
    if target.average_utilization is None and target.average_value is None:
        why = "must set either a target raw value or a target utilization"
        found.append(required(f"{field}.averageUtilization", why))
    if target.average_utilization is not None and target.average_value is not None:
        why = "may not set both a target raw value and a target utilization"
        found.append(forbidden(f"{field}.averageValue", why))
    return found


def _target_causes(field: str, target: autoscaling_v2.MetricTarget) -> list[Cause]:
    found: list[Cause] = []
    if not target.type:
        found.append(required(f"{field}.type", "must specify a metric target type"))
    if target.type not in _TARGETS:
        found.append(wrong(f"{field}.type", target.type or "", "must be either Utilization, Value, or AverageValue"))
    amounts: tuple[tuple[str, Quantity | None], ...] = (
        ("value", target.value),
        ("averageValue", target.average_value),
    )
    for name, amount in amounts:
        if amount is not None and amount.nanos <= 0:
            found.append(wrong(f"{field}.{name}", amount, "must be positive"))
    share = target.average_utilization
    if share is not None and share < 1:
        found.append(wrong(f"{field}.averageUtilization", share, "must be greater than 0"))
    return found


def _identifier_causes(field: str, metric: autoscaling_v2.MetricIdentifier | None) -> list[Cause]:
    name = metric.name if metric is not None else ""
    return named(f"{field}.name", name, names.path_segment_faults, "must specify a metric name")


def autoscaler_status_causes(obj: autoscaling_v2.HorizontalPodAutoscaler) -> Causes:
    """Say what is wrong with the status of an autoscaler."""
    status = given(obj.status, autoscaling_v2.HorizontalPodAutoscalerStatus)
    return (
        *at_least_zero("status.currentReplicas", status.current_replicas),
        *at_least_zero("status.desiredReplicas", status.desired_replicas),
    )
