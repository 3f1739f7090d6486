"""
Consistency: a controller does not look again before its caches show what it wrote last.

A look at caches older than the controller's own writes would do once more what is done already: make pods twice, count
wrongly, be refused. So for each key its last writes are noted, by resource, and a look begins only if the cache of each
is as new.

Takes:    requests and their answers.
Gives:    the next notes; why a look has to wait.
Source:   KEP-5647 (stale controllers); pkg/controller/util/consistency.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Key, Views
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response

_WRITES: Final = ("create", "update", "patch")


@quick
@attrs.frozen(weakref_slot=False)
class Writes:
    """The newest resource version that was written for an object, which has this *uid*, of each resource."""

    uid: str
    versions: Map[int]


def wrote(known: Table[Key, Writes], key: Key, uid: str, request: Request, response: Response) -> Table[Key, Writes]:
    """Note that something was written for the object of this *key* and *uid*, if it was; what was deleted has none."""
    if not response.ok or request.verb not in _WRITES:
        return known
    version = int(response.body.metadata.resource_version)
    before = known.get(key, None)
    versions: Map[int] = Map() if before is None or before.uid != uid else before.versions
    if versions.get(request.resource, 0) >= version:
        return known
    return known.set(key, Writes(uid, versions.set(request.resource, version)))


def behind(known: Table[Key, Writes], key: Key, views: Views) -> str:
    """Say which cache is older than what was written for the object of this *key*; empty if none is."""
    written = known.get(key, None)
    if written is None:
        return ""
    for resource, version in written.versions.items():
        read: Any = views.revision(resource)
        if read < version:
            return f"read version: {read} is not as new as written version: {version} for group resource {resource}"
    return ""
