"""
Statuses: what is wrong with a status that a client writes.

`status_causes(resource, new, old)` says it, beside what is wrong with the metadata.

Source:   the ValidateUpdate of each kind's status strategy.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.registry.validation.statuses.kinds import status_causes

__all__ = ["status_causes"]
