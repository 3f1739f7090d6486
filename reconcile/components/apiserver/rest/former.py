"""
Former: versions that the API server knows, but serves no more or never by default.

Upstream reads an object of such a version as one of its kind, and then refuses it, since it is not of the path's
version; what is of no version that it knows it refuses for that.

Source:   the kinds that each version of k8s.io/api registers.
Left out: kinds that are only lists, options or results.
"""

from __future__ import annotations

from typing import Final

_APPS: Final = "Deployment StatefulSet ControllerRevision Scale"
_ROLES: Final = "Role RoleBinding ClusterRole ClusterRoleBinding"
_FLOWS: Final = "FlowSchema PriorityLevelConfiguration"
_DEVICES: Final = "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"
_POLICIES: Final = (
    "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
)
_REVIEWS: Final = "SelfSubjectRulesReview SelfSubjectAccessReview SubjectAccessReview LocalSubjectAccessReview"
_KINDS: Final = {
    "admissionregistration.k8s.io/v1alpha1": _POLICIES,
    "admissionregistration.k8s.io/v1beta1": (
        f"ValidatingWebhookConfiguration MutatingWebhookConfiguration {_POLICIES}"
    ),
    "apps/v1beta1": _APPS,
    "apps/v1beta2": f"{_APPS} DaemonSet ReplicaSet",
    "authentication.k8s.io/v1alpha1": "SelfSubjectReview",
    "authentication.k8s.io/v1beta1": "SelfSubjectReview TokenReview",
    "authorization.k8s.io/v1beta1": _REVIEWS,
    "batch/v1beta1": "CronJob",
    "certificates.k8s.io/v1beta1": "CertificateSigningRequest",
    "coordination.k8s.io/v1beta1": "Lease",
    "discovery.k8s.io/v1beta1": "EndpointSlice",
    "events.k8s.io/v1beta1": "Event",
    "extensions/v1beta1": "Deployment DaemonSet ReplicaSet Scale Ingress NetworkPolicy",
    "flowcontrol.apiserver.k8s.io/v1beta1": _FLOWS,
    "flowcontrol.apiserver.k8s.io/v1beta2": _FLOWS,
    "flowcontrol.apiserver.k8s.io/v1beta3": _FLOWS,
    "networking.k8s.io/v1beta1": "Ingress IngressClass IPAddress ServiceCIDR",
    "node.k8s.io/v1alpha1": "RuntimeClass",
    "node.k8s.io/v1beta1": "RuntimeClass",
    "policy/v1beta1": "PodDisruptionBudget Eviction",
    "rbac.authorization.k8s.io/v1alpha1": _ROLES,
    "rbac.authorization.k8s.io/v1beta1": _ROLES,
    "resource.k8s.io/v1beta1": _DEVICES,
    "resource.k8s.io/v1beta2": _DEVICES,
    "scheduling.k8s.io/v1beta1": "PriorityClass",
    "storage.k8s.io/v1alpha1": "VolumeAttachment CSIStorageCapacity VolumeAttributesClass",
    "storage.k8s.io/v1beta1": (
        "StorageClass VolumeAttachment CSIDriver CSINode CSIStorageCapacity VolumeAttributesClass"
    ),
}


def is_former(api_version: str, kind: str) -> bool:
    """Tell whether upstream's scheme knows *kind* in a version in which nothing is served."""
    return kind in _KINDS.get(api_version, "").split()
