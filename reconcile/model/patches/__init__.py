"""
Patches: what a client wants changed, made to plain JSON data.

`merge` is RFC 7386, `json` RFC 6902, `strategic` Kubernetes' own, which merges lists by keys.
"""

from reconcile.model.patches.merge import difference, merge
from reconcile.model.patches.refusing import Unpatchable

__all__ = ["Unpatchable", "difference", "merge"]
