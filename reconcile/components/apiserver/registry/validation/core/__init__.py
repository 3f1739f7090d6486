"""
Validation of the core group: pods and what is in them, volumes, services, nodes, quotas and the small kinds.

Source:   Kubernetes' validation of the core group, with every feature gate at its default.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.components.apiserver.refusals import Causes
from reconcile.components.apiserver.registry.validation.core import (
    claims,
    controllers,
    endpoints,
    nodes,
    persistent_volumes,
    pod_changes,
    pods,
    quotas,
    services,
    small,
)

OBJECTS: Final[Mapping[str, Callable[[Any], Causes]]] = {
    "configmaps": small.config_map_causes,
    "endpoints": endpoints.endpoints_causes,
    "events": small.event_causes,
    "limitranges": quotas.limits_causes,
    "namespaces": small.namespace_causes,
    "nodes": nodes.node_causes,
    "persistentvolumeclaims": claims.claim_causes,
    "persistentvolumes": persistent_volumes.volume_causes,
    "pods": pods.pod_causes,
    "podtemplates": controllers.pod_template_causes,
    "replicationcontrollers": controllers.replication_controller_causes,
    "resourcequotas": quotas.quota_causes,
    "secrets": small.secret_causes,
    "services": services.service_causes,
}
"""What is wrong with an object, by its resource."""

CHANGES: Final[Mapping[str, Callable[[Any, Any], Causes]]] = {
    "configmaps": small.content_change_causes,
    "nodes": nodes.node_change_causes,
    "persistentvolumeclaims": claims.claim_change_causes,
    "persistentvolumes": persistent_volumes.volume_change_causes,
    "pods": pod_changes.pod_change_causes,
    "resourcequotas": quotas.quota_change_causes,
    "secrets": small.content_change_causes,
    "services": services.service_change_causes,
}
"""What of an object may not change, by its resource."""
