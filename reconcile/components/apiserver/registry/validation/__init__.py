"""
Validation: what keeps an object from being stored, as causes with Kubernetes' own field paths, reasons and words.

`object_causes` looks at an object alone, `change_causes` at what an update may not change.

Source:   Kubernetes' validation of core, apps, batch, discovery, coordination and scheduling.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.registry.validation.core.pods import new_pod_causes, pod_spec_causes
from reconcile.components.apiserver.registry.validation.core.services import service_addresses_causes
from reconcile.components.apiserver.registry.validation.kinds import change_causes, object_causes
from reconcile.components.apiserver.registry.validation.metadata import metadata_causes, metadata_change_causes

__all__ = [
    "change_causes",
    "metadata_causes",
    "metadata_change_causes",
    "new_pod_causes",
    "object_causes",
    "pod_spec_causes",
    "service_addresses_causes",
]
