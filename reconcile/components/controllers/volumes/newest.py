"""
What a controller knows newest: its informers' caches, and before them what it has written itself and not yet heard of.

Without it a controller that binds would decide from a cache in which its own last write is missing, and give one claim
two volumes.

Source:   pkg/controller/volume/persistentvolume: the caches of volumes and claims, which its own writes go into.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Views
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response, joined
from reconcile.store import Change

_NOTHING: Final[Table[tuple[str, str], Any]] = Table()


@quick
@attrs.frozen(weakref_slot=False)
class Newest:
    """Objects as this controller last wrote them, by (resource, key), until its watch has told of that."""

    written: Table[tuple[str, str], Any] = _NOTHING

    def noted(self, request: Request, response: Response) -> Newest:
        """Give it with the object that an answer brought."""
        if request.verb == "delete":
            return self
        key = (request.resource, joined(request.namespace, request.name))
        return Newest(self.written.set(key, response.body))

    def noting(self, kind: str, key: str, obj: Any) -> Newest:
        """Give it with something else to remember, of a *kind* that is no resource, until it is forgotten."""
        return Newest(self.written.set((kind, key), obj))

    def forgetting(self, kind: str, key: str) -> Newest:
        """Give it without what was to be remembered."""
        return Newest(self.written.remove((kind, key))) if (kind, key) in self.written else self


def observe(newest: Newest, change: Change, _: Views, __: Instant) -> Newest:
    """Forget what was written once the watch tells of it, or of something later."""
    if not newest.written:
        return newest
    key = (change.resource, change.key)
    known = newest.written.get(key)
    if known is None or change.revision < int(known.metadata.resource_version or 0):
        return newest
    return Newest(newest.written.remove(key))


@quick
@attrs.frozen(weakref_slot=False)
class World:
    """
    What a decision goes by.

    Args:
        views: the informers' caches.
        newest: what was written since.
        asked: the API server has just been asked for an object that seemed to be missing.
        gone: and it has none.
        refused: why the pod that empties a volume could not be made; empty if it was not refused.
        tried: such a pod has just been made or deleted.
    """

    views: Views
    newest: Newest
    asked: bool = False
    gone: bool = False
    refused: str = ""
    tried: bool = False

    def get(self, resource: str, key: str) -> Any:
        """Give an object as it is known newest, or None."""
        known = self.newest.written.get((resource, key)) if self.newest.written else None
        return self.views.get(resource, key) if known is None else known

    def of(self, resource: str, keys: tuple[str, ...]) -> list[Any]:
        """Give the objects at *keys* as they are known newest, and all others of the resource that were written."""
        known = [key for kind, key in self.newest.written if kind == resource] if self.newest.written else []
        found = [self.get(resource, key) for key in dict.fromkeys((*keys, *known))]
        return [each for each in found if each is not None]
