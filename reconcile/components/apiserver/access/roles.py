"""
Roles: what each of Kubernetes' own identities may do, as data.

Source:   the bootstrap policy of RBAC: the cluster roles system:kube-scheduler, system:kube-controller-manager,
          system:node, system:node-proxier and system:controller:*.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Final

# Each rule: verbs, resources; a resource is its key and, after a slash, its subresource. `*` is all.
Rule = tuple[tuple[str, ...], tuple[str, ...]]

_READ: Final = ("get", "list")
_EVENTS: Final[Rule] = (("create", "update", "patch"), ("events", "events.events.k8s.io"))
_REVIEWS: Final[Rule] = (
    ("create",),
    ("tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"),
)

# Who leads under which lock: may create any, and get and update the one of this name.
LOCKS: Final = {
    "system:kube-scheduler": "kube-scheduler",
    "system:kube-controller-manager": "kube-controller-manager",
}
LOCK_RESOURCES: Final = ("leases.coordination.k8s.io", "endpoints")

SCHEDULER: Final[tuple[Rule, ...]] = (
    _EVENTS,
    _REVIEWS,
    (_READ, ("nodes", "namespaces", "services", "replicationcontrollers", "replicasets.apps", "statefulsets.apps")),
    (("get", "list", "delete"), ("pods",)),
    (("create",), ("bindings", "pods/binding")),
    (("patch", "update"), ("pods/status",)),
    (_READ, ("poddisruptionbudgets.policy", "storageclasses.storage.k8s.io", "csinodes.storage.k8s.io")),
    (_READ, ("csidrivers.storage.k8s.io", "csistoragecapacities.storage.k8s.io", "volumeattachments.storage.k8s.io")),
    (("get", "list", "patch", "update"), ("persistentvolumeclaims", "persistentvolumes")),
    (_READ, ("deviceclasses.resource.k8s.io", "resourceslices.resource.k8s.io")),
    (("get", "list", "patch", "update"), ("resourceclaims.resource.k8s.io",)),
    (("patch", "update"), ("resourceclaims.resource.k8s.io/status",)),
)

NODE: Final[tuple[Rule, ...]] = (
    _EVENTS,
    _REVIEWS,
    (_READ, ("services", "pods", "nodes", "secrets", "configmaps")),
    (("create", "update", "patch"), ("nodes",)),
    (("update", "patch"), ("nodes/status", "pods/status")),
    (("create", "delete"), ("pods",)),
    (("create",), ("pods/eviction", "serviceaccounts/token")),
    (("get",), ("persistentvolumeclaims", "persistentvolumes", "endpoints", "volumeattachments.storage.k8s.io")),
    (("get", "update", "patch"), ("persistentvolumeclaims/status",)),
    (("get", "create", "update", "patch", "delete"), ("leases.coordination.k8s.io", "csinodes.storage.k8s.io")),
    (_READ, ("csidrivers.storage.k8s.io", "runtimeclasses.node.k8s.io")),
    (("get", "list", "create"), ("certificatesigningrequests.certificates.k8s.io",)),
    (("get", "list", "create", "update", "patch", "delete", "deletecollection"), ("resourceslices.resource.k8s.io",)),
    (("get",), ("resourceclaims.resource.k8s.io",)),
)

PROXY: Final[tuple[Rule, ...]] = (
    _EVENTS,
    (("list",), ("services", "endpoints", "endpointslices.discovery.k8s.io", "servicecidrs.networking.k8s.io")),
    (_READ, ("nodes",)),
)

_ALL_READ: Final[Rule] = (("list",), ("*",))

_MANAGER: Final[tuple[Rule, ...]] = (
    _EVENTS,
    _REVIEWS,
    _ALL_READ,
    (("create", "get", "update"), ("secrets", "serviceaccounts")),
    (("delete",), ("secrets",)),
    (("get",), ("configmaps", "namespaces")),
    (("create",), ("serviceaccounts/token",)),
)

_SET: Final = ("get", "list", "update")
_PODS: Final[Rule] = (("list", "patch", "create", "delete"), ("pods",))

# The roles system:controller:<name>, for the service account of that name in kube-system.
CONTROLLERS: Final[dict[str, tuple[Rule, ...]]] = {
    "cronjob-controller": (
        (_SET, ("cronjobs.batch",)),
        ((*_SET, "create", "delete", "patch"), ("jobs.batch",)),
        (("update",), ("cronjobs.batch/status", "cronjobs.batch/finalizers")),
        (("list", "delete"), ("pods",)),
        _EVENTS,
    ),
    "daemon-set-controller": (
        (_READ, ("daemonsets.apps",)),
        (("update",), ("daemonsets.apps/status", "daemonsets.apps/finalizers")),
        (("list",), ("nodes",)),
        _PODS,
        (("create",), ("pods/binding",)),
        ((*_SET, "create", "delete", "patch"), ("controllerrevisions.apps",)),
        _EVENTS,
    ),
    "deployment-controller": (
        (_SET, ("deployments.apps", "pods")),
        (("update",), ("deployments.apps/status", "deployments.apps/finalizers")),
        ((*_SET, "create", "patch", "delete"), ("replicasets.apps",)),
        _EVENTS,
    ),
    "disruption-controller": (
        (_READ, ("deployments.apps", "replicasets.apps", "replicationcontrollers", "statefulsets.apps")),
        (_READ, ("poddisruptionbudgets.policy",)),
        (("update",), ("poddisruptionbudgets.policy/status",)),
        (("patch", "update"), ("pods/status",)),
        (("get",), ("*/scale",)),
        _EVENTS,
    ),
    "endpoint-controller": (
        (_READ, ("services", "pods")),
        ((*_SET, "create", "delete"), ("endpoints",)),
        (("create",), ("endpoints/restricted",)),
        _EVENTS,
    ),
    "endpointslice-controller": (
        (_READ, ("services", "pods", "nodes")),
        (("update",), ("services/finalizers",)),
        ((*_SET, "create", "delete"), ("endpointslices.discovery.k8s.io",)),
        _EVENTS,
    ),
    "endpointslicemirroring-controller": (
        (_READ, ("services", "endpoints")),
        (("update",), ("services/finalizers", "endpoints/finalizers")),
        ((*_SET, "create", "delete"), ("endpointslices.discovery.k8s.io",)),
        _EVENTS,
    ),
    "generic-garbage-collector": (((*_SET, "patch", "delete"), ("*",)), _EVENTS),
    "horizontal-pod-autoscaler": (
        (_READ, ("horizontalpodautoscalers.autoscaling",)),
        (("update",), ("horizontalpodautoscalers.autoscaling/status",)),
        (("get", "update"), ("*/scale",)),
        (("list",), ("pods",)),
        _EVENTS,
    ),
    "job-controller": (
        ((*_SET, "patch"), ("jobs.batch",)),
        (("update",), ("jobs.batch/status", "jobs.batch/finalizers")),
        _PODS,
        _EVENTS,
    ),
    "namespace-controller": (
        (("get", "list", "delete", "deletecollection"), ("*",)),
        (("update",), ("namespaces/finalize", "namespaces/status")),
    ),
    "node-controller": (
        ((*_SET, "delete", "patch"), ("nodes",)),
        (("patch", "update"), ("nodes/status", "pods/status")),
        (("list", "get", "delete"), ("pods",)),
        _EVENTS,
    ),
    "pod-garbage-collector": (
        (("list", "delete"), ("pods",)),
        (_READ, ("nodes",)),
        (("patch",), ("pods/status",)),
    ),
    "replicaset-controller": (
        (_SET, ("replicasets.apps",)),
        (("update",), ("replicasets.apps/status", "replicasets.apps/finalizers")),
        _PODS,
        _EVENTS,
    ),
    "replication-controller": (
        (_SET, ("replicationcontrollers",)),
        (("update",), ("replicationcontrollers/status", "replicationcontrollers/finalizers")),
        _PODS,
        _EVENTS,
    ),
    "resourcequota-controller": (_ALL_READ, (("update",), ("resourcequotas/status",)), _EVENTS),
    "service-account-controller": ((("create",), ("serviceaccounts",)), _EVENTS),
    "service-cidrs-controller": (
        ((*_SET, "patch"), ("servicecidrs.networking.k8s.io",)),
        (("patch", "update"), ("servicecidrs.networking.k8s.io/status", "servicecidrs.networking.k8s.io/finalizers")),
        (_READ, ("ipaddresses.networking.k8s.io",)),
        _EVENTS,
    ),
    "statefulset-controller": (
        (_READ, ("statefulsets.apps",)),
        (("update",), ("statefulsets.apps/status", "statefulsets.apps/finalizers", "pods/finalizers")),
        ((*_SET, "create", "delete", "patch"), ("pods", "controllerrevisions.apps")),
        ((*_SET, "create", "delete"), ("persistentvolumeclaims",)),
        _EVENTS,
    ),
    "ttl-after-finished-controller": ((("get", "list", "delete"), ("jobs.batch",)), _EVENTS),
    "root-ca-cert-publisher": ((("create", "update"), ("configmaps",)), _EVENTS),
}

# kube-controller-manager without service accounts of its controllers' own does everything as itself.
CONTROLLER_MANAGER: Final[tuple[Rule, ...]] = (
    *_MANAGER,
    *[rule for name in sorted(CONTROLLERS) for rule in CONTROLLERS[name]],
)

# What everybody who is authenticated may do.
EVERYONE: Final[tuple[Rule, ...]] = (
    (
        ("create",),
        (
            "selfsubjectaccessreviews.authorization.k8s.io",
            "selfsubjectrulesreviews.authorization.k8s.io",
            "selfsubjectreviews.authentication.k8s.io",
        ),
    ),
)
