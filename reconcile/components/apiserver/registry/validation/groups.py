"""Which questions validation asks of each kind outside of the core group: of a new object, and of an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.components.apiserver.refusals import Causes
from reconcile.components.apiserver.registry.validation import (
    admission_policies,
    apps,
    autoscaling,
    batch,
    claims,
    coordination,
    definitions,
    discovery,
    flowcontrol,
    ingresses,
    networking,
    pod_groups,
    policy,
    rbac,
    registrations,
    scheduling,
    slices,
    storage,
    webhooks,
)

Creation = Callable[[Any], Causes]
Change = Callable[[Any, Any], Causes]


def _as_new(ask: Creation) -> Change:
    """Ask of an update what is asked of a new object."""
    return lambda new, _: ask(new)


def _and(ask: Creation, change: Change) -> Change:
    """Ask of an update what is asked of a new object, and what changed."""
    return lambda new, old: (*ask(new), *change(new, old))


RULES: Final[Mapping[str, tuple[Creation, Change]]] = {
    "customresourcedefinitions.apiextensions.k8s.io": (
        definitions.causes,
        _and(definitions.causes, definitions.change_causes),
    ),
    "deployments.apps": (apps.deployment_causes, apps.deployment_update_causes),
    "replicasets.apps": (apps.replica_set_causes, apps.replica_set_update_causes),
    "daemonsets.apps": (apps.daemon_set_causes, apps.daemon_set_update_causes),
    "statefulsets.apps": (apps.stateful_set_causes, apps.stateful_set_update_causes),
    "controllerrevisions.apps": (apps.revision_causes, apps.revision_update_causes),
    "jobs.batch": (batch.job_causes, batch.job_update_causes),
    "cronjobs.batch": (batch.cron_job_causes, batch.cron_job_update_causes),
    "horizontalpodautoscalers.autoscaling": (autoscaling.autoscaler_causes, autoscaling.autoscaler_update_causes),
    "networkpolicies.networking.k8s.io": (networking.policy_causes, networking.policy_update_causes),
    "ingresses.networking.k8s.io": (ingresses.ingress_causes, ingresses.ingress_update_causes),
    "ingressclasses.networking.k8s.io": (ingresses.class_causes, ingresses.class_update_causes),
    "ipaddresses.networking.k8s.io": (
        networking.address_causes,
        _and(networking.address_causes, networking.address_update_causes),
    ),
    "servicecidrs.networking.k8s.io": (networking.cidr_causes, networking.cidr_update_causes),
    "poddisruptionbudgets.policy": (policy.budget_causes, _as_new(policy.budget_causes)),
    "roles.rbac.authorization.k8s.io": (rbac.role_causes, _as_new(rbac.role_causes)),
    "clusterroles.rbac.authorization.k8s.io": (rbac.cluster_role_causes, _as_new(rbac.cluster_role_causes)),
    "rolebindings.rbac.authorization.k8s.io": (
        rbac.binding_causes,
        _and(rbac.binding_causes, rbac.binding_change_causes),
    ),
    "clusterrolebindings.rbac.authorization.k8s.io": (
        rbac.cluster_binding_causes,
        _and(rbac.cluster_binding_causes, rbac.binding_change_causes),
    ),
    "storageclasses.storage.k8s.io": (storage.class_causes, _and(storage.class_causes, storage.class_update_causes)),
    "volumeattachments.storage.k8s.io": (storage.attachment_causes, storage.attachment_update_causes),
    "csinodes.storage.k8s.io": (storage.csi_node_causes, storage.csi_node_update_causes),
    "csidrivers.storage.k8s.io": (storage.csi_driver_causes, storage.csi_driver_update_causes),
    "csistoragecapacities.storage.k8s.io": (
        storage.capacity_causes,
        _and(storage.capacity_causes, storage.capacity_update_causes),
    ),
    "volumeattributesclasses.storage.k8s.io": (storage.attributes_causes, storage.attributes_update_causes),
    "priorityclasses.scheduling.k8s.io": (scheduling.priority_class_causes, scheduling.priority_class_update_causes),
    "podgroups.scheduling.k8s.io": (pod_groups.group_causes, pod_groups.group_update_causes),
    "workloads.scheduling.k8s.io": (pod_groups.workload_causes, pod_groups.workload_update_causes),
    "runtimeclasses.node.k8s.io": (
        scheduling.runtime_class_causes,
        _and(scheduling.runtime_class_causes, scheduling.runtime_class_update_causes),
    ),
    "leases.coordination.k8s.io": (coordination.lease_causes, _as_new(coordination.lease_causes)),
    "leasecandidates.coordination.k8s.io": (
        coordination.candidate_causes,
        _and(coordination.candidate_causes, coordination.candidate_change_causes),
    ),
    "endpointslices.discovery.k8s.io": (discovery.slice_causes, discovery.slice_update_causes),
    "flowschemas.flowcontrol.apiserver.k8s.io": (flowcontrol.schema_causes, _as_new(flowcontrol.schema_causes)),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": (
        flowcontrol.level_causes,
        _as_new(flowcontrol.level_causes),
    ),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": (
        webhooks.configuration_causes,
        webhooks.configuration_update_causes,
    ),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": (
        webhooks.configuration_causes,
        webhooks.configuration_update_causes,
    ),
    "validatingadmissionpolicies.admissionregistration.k8s.io": (
        admission_policies.validating_causes,
        _as_new(admission_policies.validating_causes),
    ),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": (
        admission_policies.validating_binding_causes,
        _as_new(admission_policies.validating_binding_causes),
    ),
    "mutatingadmissionpolicies.admissionregistration.k8s.io": (
        admission_policies.mutating_causes,
        _as_new(admission_policies.mutating_causes),
    ),
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": (
        admission_policies.mutating_binding_causes,
        _as_new(admission_policies.mutating_binding_causes),
    ),
    "resourceclaims.resource.k8s.io": (claims.claim_causes, claims.claim_update_causes),
    "resourceclaimtemplates.resource.k8s.io": (
        claims.template_causes,
        _and(claims.template_causes, claims.template_update_causes),
    ),
    "deviceclasses.resource.k8s.io": (claims.class_causes, claims.class_update_causes),
    "resourceslices.resource.k8s.io": (slices.slice_causes, slices.slice_update_causes),
    "certificatesigningrequests.certificates.k8s.io": (
        registrations.signing_request_causes,
        _as_new(registrations.signing_request_causes),
    ),
    "apiservices.apiregistration.k8s.io": (
        registrations.api_service_causes,
        _as_new(registrations.api_service_causes),
    ),
}
