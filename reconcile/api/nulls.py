"""
Nulls: what upstream writes as null where nothing is said, though it need not be there.

Source:   the published Go types: lists and pointers without `omitempty`, times that are no pointers.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SINCE: Final = ("lastTransitionTime",)
_PROBED: Final = ("lastProbeTime", "lastTransitionTime")
_UPDATED: Final = ("lastUpdateTime", "lastTransitionTime")

NULLS: Final[Mapping[str, tuple[str, ...]]] = {
    "apiextensions_v1.CustomResourceDefinitionCondition": _SINCE,
    "apiextensions_v1.CustomResourceDefinitionStatus": ("conditions", "storedVersions"),
    "apiregistration_v1.APIServiceCondition": _SINCE,
    "apps_v1.DaemonSetCondition": _SINCE,
    "apps_v1.DeploymentCondition": _UPDATED,
    "apps_v1.ReplicaSetCondition": _SINCE,
    "apps_v1.StatefulSetCondition": _SINCE,
    "authentication_v1.TokenRequestSpec": ("audiences", "expirationSeconds", "boundObjectRef"),
    "authentication_v1.TokenRequestStatus": ("expirationTimestamp",),
    "autoscaling_v2.HorizontalPodAutoscalerCondition": _SINCE,
    "autoscaling_v2.HorizontalPodAutoscalerStatus": ("currentMetrics",),
    "batch_v1.JobCondition": _PROBED,
    "certificates_v1.CertificateSigningRequestCondition": _UPDATED,
    "core_v1.AzureFilePersistentVolumeSource": ("secretNamespace",),
    "core_v1.ContainerImage": ("names",),
    "core_v1.ContainerStateRunning": ("startedAt",),
    "core_v1.ContainerStateTerminated": ("startedAt", "finishedAt"),
    "core_v1.Event": ("firstTimestamp", "lastTimestamp", "eventTime"),
    "core_v1.EventSeries": ("lastObservedTime",),
    "core_v1.GRPCAction": ("service",),
    "core_v1.NamespaceCondition": _SINCE,
    "core_v1.NodeCondition": ("lastHeartbeatTime", "lastTransitionTime"),
    "core_v1.PersistentVolumeClaimCondition": _PROBED,
    "core_v1.PodCondition": _PROBED,
    "core_v1.ProjectedVolumeSource": ("sources",),
    "core_v1.ReplicationControllerCondition": _SINCE,
    "core_v1.TypedLocalObjectReference": ("apiGroup",),
    "core_v1.TypedObjectReference": ("apiGroup",),
    "discovery_v1.EndpointSlice": ("endpoints", "ports"),
    "events_v1.Event": ("deprecatedFirstTimestamp", "deprecatedLastTimestamp"),
    "flowcontrol_v1.FlowSchemaCondition": _SINCE,
    "flowcontrol_v1.LimitedPriorityLevelConfiguration": ("nominalConcurrencyShares",),
    "flowcontrol_v1.PriorityLevelConfigurationCondition": _SINCE,
    "flowcontrol_v1.ResourcePolicyRule": ("namespaces",),
    "networking_v1.IngressClassParametersReference": ("scope",),
    "rbac_v1.ClusterRole": ("rules",),
    "rbac_v1.Role": ("rules",),
    "resource_v1.AllocatedDeviceStatus": ("conditions",),
    "resource_v1.CapacityRequestPolicy": ("default",),
    "resource_v1.DeviceClaim": ("requests",),
    "scheduling_v1alpha2.PodGroupSpec": ("podGroupTemplateRef",),
    "scheduling_v1alpha2.PodGroupTemplate": ("schedulingConstraints",),
    "scheduling_v1alpha2.PodGroupTemplateReference": ("workload",),
    "storage_v1.CSINodeDriver": ("topologyKeys",),
    "storage_v1.VolumeError": ("time",),
}
"""By class: those fields, by their names in JSON."""
