"""
Validation: what keeps an object from being stored, as causes with Kubernetes' own field paths, reasons and words.

`object_causes` looks at a new object, `update_causes` at an update: the object, and what of it may not change;
`status_causes` at a status that is written.

Source:   Kubernetes' validation of each of its API groups.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.registry.validation.asking import object_causes, update_causes
from reconcile.components.apiserver.registry.validation.core.pods import new_pod_causes, pod_spec_causes
from reconcile.components.apiserver.registry.validation.core.services import service_addresses_causes
from reconcile.components.apiserver.registry.validation.metadata import (
    metadata_causes,
    metadata_change_causes,
    server_causes,
)
from reconcile.components.apiserver.registry.validation.statuses import status_causes

__all__ = [
    "metadata_causes",
    "metadata_change_causes",
    "new_pod_causes",
    "object_causes",
    "pod_spec_causes",
    "server_causes",
    "service_addresses_causes",
    "status_causes",
    "update_causes",
]
