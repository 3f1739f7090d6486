"""
HorizontalPodAutoscalers in two versions: what autoscaling/v1 cannot say, it keeps in annotations.

Source:   the conversions of pkg/apis/autoscaling/v1.
Left out: nothing known.
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.api import autoscaling_v1, autoscaling_v2, convert
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

V1: Final = "autoscaling/v1"

_ALPHA: Final = "autoscaling.alpha.kubernetes.io"
_METRICS: Final = f"{_ALPHA}/metrics"
_STATUSES: Final = f"{_ALPHA}/current-metrics"
_BEHAVIOR: Final = f"{_ALPHA}/behavior"
_CONDITIONS: Final = f"{_ALPHA}/conditions"
_KEPT: Final = (
    *(_METRICS, _STATUSES, _BEHAVIOR, _CONDITIONS),
    *(f"{_ALPHA}/scale-up-tolerance", f"{_ALPHA}/scale-down-tolerance"),
)
_CPU_SHARE: Final = 80
# What v1 has of each kind of source: its own name, and the way to it in v2. {} is `target` or `current`.
_SOURCES: Final = {
    "object": (
        ("target", "describedObject"),
        ("metricName", "metric.name"),
        ("{}Value", "{}.value"),
        ("selector", "metric.selector"),
        ("averageValue", "{}.averageValue"),
    ),
    "pods": (("metricName", "metric.name"), ("{}AverageValue", "{}.averageValue"), ("selector", "metric.selector")),
    "resource": (
        ("name", "name"),
        ("{}AverageUtilization", "{}.averageUtilization"),
        ("{}AverageValue", "{}.averageValue"),
    ),
    "containerResource": (
        ("name", "name"),
        ("{}AverageUtilization", "{}.averageUtilization"),
        ("{}AverageValue", "{}.averageValue"),
        ("container", "container"),
    ),
    "external": (
        ("metricName", "metric.name"),
        ("metricSelector", "metric.selector"),
        ("{}Value", "{}.value"),
        ("{}AverageValue", "{}.averageValue"),
    ),
}
_CONDITION: Final = ("type", "status", "lastTransitionTime", "reason", "message")
_REFERENCE: Final = ("kind", "name", "apiVersion")
_RULES: Final = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_POLICY: Final = ("type", "value", "periodSeconds")


def as_v1(obj: autoscaling_v2.HorizontalPodAutoscaler) -> autoscaling_v1.HorizontalPodAutoscaler:
    """Give an autoscaler as autoscaling/v1 has it."""
    spec, status = obj.spec, obj.status
    metrics = [convert.dump(metric) for metric in spec.metrics or ()]
    kept = {key: value for key, value in (_annotations(obj) or {}).items() if key not in _KEPT}
    others = [metric for metric in metrics if _cpu_share(metric) is None]
    if others:
        kept[_METRICS] = _text([_metric_v1(metric, "target") for metric in others])
    current = [convert.dump(metric) for metric in (status.current_metrics if status is not None else None) or ()]
    if current:
        kept[_STATUSES] = _text([_metric_v1(metric, "current") for metric in current])
    if spec.behavior is not None:
        kept[_BEHAVIOR] = _text(_behavior_v1(convert.dump(spec.behavior)))
    conditions = [convert.dump(one) for one in (status.conditions if status is not None else None) or ()]
    if conditions:
        kept[_CONDITIONS] = _text([{name: one[name] for name in _CONDITION if name in one} for one in conditions])
    shares = [share for share in map(_cpu_share, metrics) if share is not None]
    return autoscaling_v1.HorizontalPodAutoscaler(
        api_version=V1,
        kind="HorizontalPodAutoscaler",
        metadata=None if obj.metadata is None else replace(obj.metadata, annotations=Map(kept) if kept else None),
        spec=autoscaling_v1.HorizontalPodAutoscalerSpec(
            max_replicas=spec.max_replicas,
            min_replicas=spec.min_replicas,
            scale_target_ref=convert.load(
                convert.dump(spec.scale_target_ref), cls=autoscaling_v1.CrossVersionObjectReference, absent="zero"
            ).object,
            target_cpu_utilization_percentage=shares[0] if shares else None,
        ),
        status=_status_v1(status, current),
    )


def _annotations(obj: Any) -> Any:
    return obj.metadata.annotations if obj.metadata is not None else None


def _status_v1(status: Any, current: list[Any]) -> autoscaling_v1.HorizontalPodAutoscalerStatus:
    used = [
        metric["resource"]["current"].get("averageUtilization")
        for metric in current
        if metric.get("type") == "Resource" and metric.get("resource", {}).get("name") == "cpu"
    ]
    return autoscaling_v1.HorizontalPodAutoscalerStatus(
        current_replicas=(status.current_replicas if status is not None else None) or 0,
        desired_replicas=(status.desired_replicas if status is not None else None) or 0,
        last_scale_time=status.last_scale_time if status is not None else None,
        observed_generation=status.observed_generation if status is not None else None,
        current_cpu_utilization_percentage=next((share for share in reversed(used) if share is not None), None),
    )


def _cpu_share(metric: Any) -> int | None:
    """Give how much of the processors a metric wants used, in percent, if that is what it says."""
    source = metric.get("resource") if metric.get("type") == "Resource" else None
    if source is None or source.get("name") != "cpu":
        return None
    share: int | None = source.get("target", {}).get("averageUtilization")
    return share


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _metric_v1(metric: Any, what: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": metric.get("type", "")}
    for name, rows in _SOURCES.items():
        source = metric.get(name)
        if source is None:
            continue
        made: dict[str, Any] = {}
        for own, path in rows:
            value = source
            for step in path.format(what).split("."):
                value = value.get(step) if value is not None else None
            if own == "target":
                value = {key: value[key] for key in _REFERENCE if key in (value or {})}
            if value is not None:
                made[own.format(what)] = value
            elif own in ("{}Value", "{}AverageValue") and _has_to(name, own, what):
                made[own.format(what)] = "0"
        found[name] = made
    return found


def _has_to(source: str, own: str, what: str) -> bool:
    """Tell whether v1 has an amount where v2 may have none."""
    if own == "{}Value":
        return source == "object" or what == "current"
    return source == "pods" or (what == "current" and source in ("resource", "containerResource"))


def _behavior_v1(behavior: Any) -> dict[str, Any]:
    """Give the behaviour with Go's names, as what is not meant to be written is written."""
    found: dict[str, Any] = {}
    for name in ("scaleUp", "scaleDown"):
        rules = behavior.get(name)
        found[_named(name)] = rules and {_named(part): _rule_v1(rules.get(part)) for part in _RULES}
    return found


def _rule_v1(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{_named(key): policy.get(key) for key in _POLICY} for policy in value]


def _named(name: str) -> str:
    return name[:1].upper() + name[1:]


def as_v2(obj: autoscaling_v1.HorizontalPodAutoscaler) -> autoscaling_v2.HorizontalPodAutoscaler:
    """Give an autoscaler as autoscaling/v2 has it, with what its annotations say; one that is none says nothing."""
    spec, status, said = obj.spec, obj.status, _annotations(obj) or {}
    metrics = [_metric_v2(metric, "target") for metric in _read(said.get(_METRICS), list)]
    share = spec.target_cpu_utilization_percentage
    if share is not None or not metrics:
        target = {"type": "Utilization", "averageUtilization": _CPU_SHARE if share is None else share}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    behavior = _read(said.get(_BEHAVIOR), dict)
    plain: dict[str, Any] = {
        "scaleTargetRef": convert.dump(spec.scale_target_ref),
        "maxReplicas": spec.max_replicas,
        "metrics": metrics,
        **({} if spec.min_replicas is None else {"minReplicas": spec.min_replicas}),
        **({"behavior": _behavior_v2(behavior)} if behavior else {}),
    }
    now = None if status is None else convert.dump(status)
    if now is not None:
        used = now.pop("currentCPUUtilizationPercentage", None)
        current = [_metric_v2(metric, "current") for metric in _read(said.get(_STATUSES), list)]
        if used is not None and not current:
            current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}]
        conditions = _read(said.get(_CONDITIONS), list)
        now |= {name: value for name, value in (("currentMetrics", current), ("conditions", conditions)) if value}
    kept = {key: value for key, value in said.items() if key not in _KEPT}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": plain}
    try:
        made: Any = convert.load({**body, **({} if now is None else {"status": now})}, absent="zero").object
    except ReconcileError:
        # An annotation that is JSON but no metric is dropped with the others.
        plain["metrics"] = metrics[-1:]
        made = convert.load(body, absent="zero").object
    metadata = obj.metadata
    if metadata is not None and said:
        metadata = replace(metadata, annotations=Map(kept) if kept else None)
    changed: autoscaling_v2.HorizontalPodAutoscaler = replace(made, metadata=metadata)
    return changed


def _read(text: str | None, kind: type[Any]) -> Any:
    try:
        found = json.loads(text or "")
    except ValueError:
        return kind()
    return found if isinstance(found, kind) else kind()


def _metric_v2(metric: Any, what: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": metric.get("type", "")}
    for name, rows in _SOURCES.items():
        source = metric.get(name)
        if source is None:
            continue
        made: dict[str, Any] = {}
        for own, path in rows:
            value = source.get(own.format(what))
            if value is None:
                continue
            *ahead, last = path.format(what).split(".")
            inner = made
            for step in ahead:
                inner = inner.setdefault(step, {})
            inner[last] = value
        if what == "target":
            made["target"] = _target_v2(name, made.get("target", {}))
        found[name] = made
    return found


def _target_v2(source: str, target: dict[str, Any]) -> dict[str, Any]:
    """Give the target of a metric with its type, which v1 does not say."""
    if source in ("resource", "containerResource"):
        return {**target, "type": "Utilization" if "averageUtilization" in target else "AverageValue"}
    if source == "external":
        return {**target, "type": "Value" if "value" in target else "AverageValue"}
    if "averageValue" not in target:
        return {**target, "type": "Value"}
    # v1 has to say an amount of an object; none is that which v2 did not say.
    return {name: value for name, value in target.items() if (name, value) != ("value", "0")} | {"type": "AverageValue"}


def _behavior_v2(behavior: Any) -> dict[str, Any]:
    """Give the behaviour with the API's names; Go reads names whatever their case."""
    lowered = {"scaleup": "scaleUp", "scaledown": "scaleDown"}
    lowered |= {name.lower(): name for name in (*_RULES, *_POLICY)}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        return {lowered.get(key.lower(), key): renamed(entry) for key, entry in value.items() if entry is not None}

    found: dict[str, Any] = renamed(behavior)
    return found
