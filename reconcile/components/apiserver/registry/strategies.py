"""
Strategies: how the API server treats each resource where resources differ, as data.

Source:   the registry strategies of Kubernetes: PrepareForCreate, AllowCreateOnUpdate and the like.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import apps_v1, autoscaling_v2, batch_v1, core_v1, policy_v1, storage_v1

# Whose metadata.generation counts changes of the specification.
GENERATIONS: Final = frozenset(
    {
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "replicasets.apps",
        "deployments.apps",
        "daemonsets.apps",
        "statefulsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "endpointslices.discovery.k8s.io",
        "ingresses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "ingressclasses.networking.k8s.io",
        "poddisruptionbudgets.policy",
        "priorityclasses.scheduling.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "resourceslices.resource.k8s.io",
        "deviceclasses.resource.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    }
)

# An update that names no resourceVersion is refused for these; for all others it overwrites what is there.
CONDITIONAL: Final = frozenset(
    {
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "poddisruptionbudgets.policy",
        "csinodes.storage.k8s.io",
        "csidrivers.storage.k8s.io",
        "csistoragecapacities.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "runtimeclasses.node.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    }
)

# Whose names are made by the server if their authors say none.
NAMED_BY_SERVER: Final = frozenset({"limitranges"})

# Of these a name that is to be generated is taken as it was begun.
UNSUFFIXED: Final = frozenset({"ipaddresses.networking.k8s.io"})

# Whose labels are those of their template, if they say none.
LABELED_BY_TEMPLATE: Final = frozenset({"replicationcontrollers"})

# An update of one of these that is not there creates it.
CREATED_BY_UPDATE: Final = frozenset(
    {
        "endpoints",
        "events",
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "limitranges",
        "services",
        "runtimeclasses.node.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    }
)

# Deleting one of these answers with the object; deleting any other with a Status.
RETURNED_WHEN_DELETED: Final = frozenset(
    {
        "pods",
        "podtemplates",
        "services",
        "serviceaccounts",
        "persistentvolumes",
        "persistentvolumeclaims",
        "resourcequotas",
        "storageclasses.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "csidrivers.storage.k8s.io",
        "volumeattributesclasses.storage.k8s.io",
        "namespaces",
        "deviceclasses.resource.k8s.io",
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
        "resourceslices.resource.k8s.io",
    }
)

# Under which name etcd has what is not stored under its plural.
STORED_AS: Final[Mapping[str, str]] = {
    "replicationcontrollers": "controllers",
    "endpoints": "services/endpoints",
    "nodes": "minions",
    "services": "services/specs",
    "ingresses.networking.k8s.io": "ingress",
}

# Whose dependents are orphaned if the one who deletes says nothing.
ORPHANING: Final = frozenset({"replicationcontrollers", "jobs.batch"})

# What the garbage collector knows nothing of.
UNCOLLECTED: Final = frozenset({"events", "events.events.k8s.io"})

# What a new object's status is, whatever its author wrote; a Pod's is made where its specification is.
FIRST_STATUS: Final[Mapping[str, Any]] = {
    "namespaces": core_v1.NamespaceStatus(phase="Active"),
    "replicationcontrollers": core_v1.ReplicationControllerStatus(replicas=0),
    "replicasets.apps": apps_v1.ReplicaSetStatus(replicas=0),
    "deployments.apps": apps_v1.DeploymentStatus(),
    "daemonsets.apps": apps_v1.DaemonSetStatus(
        current_number_scheduled=0, desired_number_scheduled=0, number_misscheduled=0, number_ready=0
    ),
    "statefulsets.apps": apps_v1.StatefulSetStatus(replicas=0, available_replicas=0),
    "jobs.batch": batch_v1.JobStatus(),
    "cronjobs.batch": batch_v1.CronJobStatus(),
    "services": core_v1.ServiceStatus(load_balancer=core_v1.LoadBalancerStatus()),
    "persistentvolumes": core_v1.PersistentVolumeStatus(phase="Pending"),
    "persistentvolumeclaims": core_v1.PersistentVolumeClaimStatus(phase="Pending"),
    "resourcequotas": core_v1.ResourceQuotaStatus(),
    "poddisruptionbudgets.policy": policy_v1.PodDisruptionBudgetStatus(
        current_healthy=0, desired_healthy=0, disruptions_allowed=0, expected_pods=0
    ),
}

# A status that says nothing, where it cannot do without some numbers.
NO_STATUS: Final[Mapping[str, Any]] = {
    **{
        resource: FIRST_STATUS[resource]
        for resource in ("replicationcontrollers", "replicasets.apps", "daemonsets.apps", "statefulsets.apps")
    },
    "horizontalpodautoscalers.autoscaling": autoscaling_v2.HorizontalPodAutoscalerStatus(desired_replicas=0),
    "volumeattachments.storage.k8s.io": storage_v1.VolumeAttachmentStatus(attached=False),
}

# Whose first status is taken as it comes: a kubelet registers its node with one.
STATUS_KEPT: Final = frozenset({"nodes"})

# Whose labels a write to `status` cannot change.
LABELS_KEPT_BY_STATUS: Final = frozenset({"deployments.apps"})

# Whose metadata a write to `status` cannot change at all.
METADATA_KEPT_BY_STATUS: Final = frozenset(
    {
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "servicecidrs.networking.k8s.io",
        "resourceclaims.resource.k8s.io",
        "podgroups.scheduling.k8s.io",
        "volumeattachments.storage.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
    }
)

# Whose metadata a write to any other part of them cannot change.
METADATA_KEPT_BY_PARTS: Final = frozenset({"pods"})

# Of these a changed annotation counts as a new generation too.
ANNOTATIONS_COUNT: Final = frozenset({"deployments.apps"})

# The field that says how many, of what has a Scale; and the resource's kind of selector.
SCALABLE: Final = frozenset({"deployments.apps", "replicasets.apps", "replicationcontrollers", "statefulsets.apps"})
