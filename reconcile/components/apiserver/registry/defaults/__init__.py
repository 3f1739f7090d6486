"""
Defaults: what an object says if its author left it out.

`defaulted(resource, obj)` gives the object itself if nothing is missing, so that what is equal stays the same object.

Source:   Kubernetes' versioned defaults of core/v1, apps/v1, batch/v1, discovery/v1 and scheduling/v1.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.registry.defaults.kinds import defaulted
from reconcile.components.apiserver.registry.defaults.pods import pod_spec_defaulted, template_spec_defaulted

__all__ = ["defaulted", "pod_spec_defaulted", "template_spec_defaulted"]
