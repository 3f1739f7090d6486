"""Defaults of each kind outside of the core group, by its resource; those that make pods stand in `workloads`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import (
    admissionregistration_v1,
    apiregistration_v1,
    autoscaling_v2,
    flowcontrol_v1,
    meta_v1,
    networking_v1,
    rbac_v1,
    scheduling_v1alpha2,
    storage_v1,
)
from reconcile.api.zeros import empty
from reconcile.components.apiserver.registry.defaults import workloads
from reconcile.components.apiserver.registry.defaults.definitions import definition_defaulted
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.lib.replacing import replace

Default = Callable[[Any], Any]

_RBAC: Final = "rbac.authorization.k8s.io"
_CPU_SHARE: Final = 80
_EVERYTHING: Final = meta_v1.LabelSelector()
_PORT: Final = 443
_SECONDS: Final = 10


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _part(obj: Any, name: str, default: Default) -> Any:
    """Give *obj* with the defaults of one of its parts, if it is there."""
    value = getattr(obj, name)
    return obj if value is None else replace(obj, **{name: default(value)})


def _in_spec(cls: Any, default: Default) -> Default:
    """Give the defaults of an object whose specification, of class *cls*, has some."""
    return lambda obj: replace(obj, spec=default(obj.spec or empty(cls)))


def _autoscaler_spec(spec: autoscaling_v2.HorizontalPodAutoscalerSpec) -> Any:
    return replace(
        spec,
        min_replicas=_or(spec.min_replicas, 1),
        metrics=spec.metrics or (cpu_metric(_CPU_SHARE),),
        behavior=None if spec.behavior is None else _behavior(spec.behavior),
    )


def cpu_metric(share: int) -> autoscaling_v2.MetricSpec:
    """Give the metric that is how much of the processors that it asks for a pod uses, in percent."""
    target = autoscaling_v2.MetricTarget(type="Utilization", average_utilization=share)
    source = autoscaling_v2.ResourceMetricSource(name="cpu", target=target)
    return autoscaling_v2.MetricSpec(type="Resource", resource=source)


def _behavior(behavior: autoscaling_v2.HorizontalPodAutoscalerBehavior) -> Any:
    return replace(
        behavior,
        scale_up=_rules(behavior.scale_up, _UP),
        scale_down=_rules(behavior.scale_down, _DOWN),
    )


def _rules(rules: Any, default: autoscaling_v2.HPAScalingRules) -> autoscaling_v2.HPAScalingRules:
    if rules is None:
        return default
    return autoscaling_v2.HPAScalingRules(
        policies=_or(rules.policies, default.policies),
        select_policy=_or(rules.select_policy, default.select_policy),
        stabilization_window_seconds=_or(rules.stabilization_window_seconds, default.stabilization_window_seconds),
        tolerance=rules.tolerance,
    )


def _scaling(kind: str, value: int) -> autoscaling_v2.HPAScalingPolicy:
    return autoscaling_v2.HPAScalingPolicy(type=kind, value=value, period_seconds=15)


_UP: Final = autoscaling_v2.HPAScalingRules(
    stabilization_window_seconds=0, select_policy="Max", policies=(_scaling("Pods", 4), _scaling("Percent", 100))
)
_DOWN: Final = autoscaling_v2.HPAScalingRules(select_policy="Max", policies=(_scaling("Percent", 100),))


def _policy_spec(spec: networking_v1.NetworkPolicySpec) -> Any:
    types = spec.policy_types or (("Ingress", "Egress") if spec.egress else ("Ingress",))
    return replace(
        spec,
        policy_types=types,
        ingress=each(spec.ingress, _with_protocols),
        egress=each(spec.egress, _with_protocols),
    )


def _with_protocols(rule: Any) -> Any:
    return replace(rule, ports=each(rule.ports, _policy_port))


def _policy_port(port: Any) -> Any:
    return replace(port, protocol=_or(port.protocol, "TCP"))


def _class_spec(spec: networking_v1.IngressClassSpec) -> Any:
    return _part(spec, "parameters", lambda reference: replace(reference, scope=_or(reference.scope, "Cluster")))


def _storage_class(obj: storage_v1.StorageClass) -> Any:
    return replace(
        obj,
        reclaim_policy=_or(obj.reclaim_policy, "Delete"),
        volume_binding_mode=_or(obj.volume_binding_mode, "Immediate"),
    )


def _driver_spec(spec: storage_v1.CSIDriverSpec) -> Any:
    return replace(
        spec,
        attach_required=_or(spec.attach_required, True),  # noqa: FBT003 -- it is the default
        pod_info_on_mount=bool(spec.pod_info_on_mount),
        storage_capacity=bool(spec.storage_capacity),
        fs_group_policy=_or(spec.fs_group_policy, "ReadWriteOnceWithFSType"),
        volume_lifecycle_modes=spec.volume_lifecycle_modes or ("Persistent",),
        requires_republish=bool(spec.requires_republish),
        se_linux_mount=bool(spec.se_linux_mount),
        prevent_pod_scheduling_if_missing=None,
    )


def _binding(obj: Any) -> Any:
    role = obj.role_ref or empty(rbac_v1.RoleRef)
    return replace(
        obj, role_ref=replace(role, api_group=role.api_group or _RBAC), subjects=each(obj.subjects, _subject)
    )


def _subject(subject: rbac_v1.Subject) -> rbac_v1.Subject:
    if subject.api_group or subject.kind not in ("User", "Group"):
        return subject
    return replace(subject, api_group=_RBAC)


def _schema_spec(spec: flowcontrol_v1.FlowSchemaSpec) -> Any:
    return replace(spec, matching_precedence=spec.matching_precedence or 1000)


def _level_spec(spec: flowcontrol_v1.PriorityLevelConfigurationSpec) -> Any:
    return _part(_part(spec, "exempt", _exempt), "limited", _limited)


def _exempt(part: flowcontrol_v1.ExemptPriorityLevelConfiguration) -> Any:
    shares, lent = part.nominal_concurrency_shares, part.lendable_percent
    return replace(part, nominal_concurrency_shares=_or(shares, 0), lendable_percent=_or(lent, 0))


def _limited(part: flowcontrol_v1.LimitedPriorityLevelConfiguration) -> Any:
    response = part.limit_response or empty(flowcontrol_v1.LimitResponse)
    return replace(
        part,
        nominal_concurrency_shares=_or(part.nominal_concurrency_shares, 30),
        lendable_percent=_or(part.lendable_percent, 0),
        limit_response=_part(response, "queuing", _queuing),
    )


def _queuing(part: flowcontrol_v1.QueuingConfiguration) -> Any:
    return replace(
        part,
        hand_size=part.hand_size or 8,
        queues=part.queues or 64,
        queue_length_limit=part.queue_length_limit or 50,
    )


def _hooks(obj: Any) -> Any:
    return replace(obj, webhooks=each(obj.webhooks, _hook))


def _hook(hook: Any) -> Any:
    client = hook.client_config or empty(admissionregistration_v1.WebhookClientConfig)
    changed = replace(
        hook,
        client_config=_part(client, "service", lambda service: replace(service, port=_or(service.port, _PORT))),
        failure_policy=_or(hook.failure_policy, "Fail"),
        match_policy=_or(hook.match_policy, "Equivalent"),
        namespace_selector=_or(hook.namespace_selector, _EVERYTHING),
        object_selector=_or(hook.object_selector, _EVERYTHING),
        timeout_seconds=_or(hook.timeout_seconds, _SECONDS),
        rules=each(hook.rules, _rule),
    )
    if isinstance(changed, admissionregistration_v1.MutatingWebhook):
        return replace(changed, reinvocation_policy=_or(changed.reinvocation_policy, "Never"))
    return changed


def _rule(rule: Any) -> Any:
    return replace(rule, scope=_or(rule.scope, "*"))


def _admission_spec(spec: Any) -> Any:
    return _part(replace(spec, failure_policy=_or(spec.failure_policy, "Fail")), "match_constraints", _matched)


def _bound_spec(spec: Any) -> Any:
    return _part(spec, "match_resources", _matched)


def _matched(matched: admissionregistration_v1.MatchResources) -> Any:
    return replace(
        matched,
        match_policy=_or(matched.match_policy, "Equivalent"),
        namespace_selector=_or(matched.namespace_selector, _EVERYTHING),
        object_selector=_or(matched.object_selector, _EVERYTHING),
        resource_rules=each(matched.resource_rules, _rule),
        exclude_resource_rules=each(matched.exclude_resource_rules, _rule),
    )


def _claim_spec(spec: Any) -> Any:
    return _part(spec, "devices", lambda devices: replace(devices, requests=each(devices.requests, _request)))


def _request(request: Any) -> Any:
    request = _part(request, "exactly", _counted)
    return replace(request, first_available=each(request.first_available, _counted))


def _counted(wanted: Any) -> Any:
    mode = wanted.allocation_mode or "ExactCount"
    return replace(
        wanted,
        allocation_mode=mode,
        count=wanted.count or (1 if mode == "ExactCount" else None),
        tolerations=each(wanted.tolerations, _toleration),
    )


def _toleration(toleration: Any) -> Any:
    return replace(toleration, operator=toleration.operator or "Equal")


def _endpoint_slice(obj: Any) -> Any:
    return replace(obj, ports=each(obj.ports, _slice_port))


def _slice_port(port: Any) -> Any:
    return replace(port, name=_or(port.name, ""), protocol=_or(port.protocol, "TCP"))


def _priority_class(obj: Any) -> Any:
    return replace(obj, preemption_policy=_or(obj.preemption_policy, "PreemptLowerPriority"), value=_or(obj.value, 0))


def _group_spec(spec: scheduling_v1alpha2.PodGroupSpec) -> Any:
    return replace(spec, disruption_mode=_or(spec.disruption_mode, "Pod"))


def _api_service_spec(spec: apiregistration_v1.APIServiceSpec) -> Any:
    return _part(spec, "service", lambda service: replace(service, port=_or(service.port, _PORT)))


GROUPS: Final[Mapping[str, Default]] = {
    "replicasets.apps": workloads.replica_set,
    "deployments.apps": workloads.deployment,
    "daemonsets.apps": workloads.daemon_set,
    "statefulsets.apps": workloads.stateful_set,
    "jobs.batch": workloads.job,
    "customresourcedefinitions.apiextensions.k8s.io": definition_defaulted,
    "cronjobs.batch": workloads.cron_job,
    "horizontalpodautoscalers.autoscaling": _in_spec(autoscaling_v2.HorizontalPodAutoscalerSpec, _autoscaler_spec),
    "networkpolicies.networking.k8s.io": _in_spec(networking_v1.NetworkPolicySpec, _policy_spec),
    "ingressclasses.networking.k8s.io": _in_spec(networking_v1.IngressClassSpec, _class_spec),
    "storageclasses.storage.k8s.io": _storage_class,
    "csidrivers.storage.k8s.io": _in_spec(storage_v1.CSIDriverSpec, _driver_spec),
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "flowschemas.flowcontrol.apiserver.k8s.io": _in_spec(flowcontrol_v1.FlowSchemaSpec, _schema_spec),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": lambda obj: _part(obj, "spec", _level_spec),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _hooks,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _hooks,
    "validatingadmissionpolicies.admissionregistration.k8s.io": _in_spec(
        admissionregistration_v1.ValidatingAdmissionPolicySpec, _admission_spec
    ),
    "mutatingadmissionpolicies.admissionregistration.k8s.io": _in_spec(
        admissionregistration_v1.MutatingAdmissionPolicySpec, _admission_spec
    ),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": lambda obj: _part(obj, "spec", _bound_spec),
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": lambda obj: _part(obj, "spec", _bound_spec),
    "resourceclaims.resource.k8s.io": lambda obj: _part(obj, "spec", _claim_spec),
    "resourceclaimtemplates.resource.k8s.io": lambda obj: _part(
        obj, "spec", lambda spec: _part(spec, "spec", _claim_spec)
    ),
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "podgroups.scheduling.k8s.io": _in_spec(scheduling_v1alpha2.PodGroupSpec, _group_spec),
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "apiservices.apiregistration.k8s.io": lambda obj: _part(obj, "spec", _api_service_spec),
}
