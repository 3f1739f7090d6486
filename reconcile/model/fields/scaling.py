"""
Scaling: who owns the number of replicas, seen from the Scale of an object and from the object itself.

A Scale has managed fields of its own for as long as one request takes: those of the object that own its replicas, and
nothing else. What a write to the Scale makes of them goes back into the object's.

Source:   apimachinery's managedfields.ScaleHandler.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.model.fields import sets
from reconcile.model.fields.managers import Managed, Owned

SCALE: Final = "autoscaling/v1"
REPLICAS: Final = ("f:spec", "f:replicas")
_OWNED: Final = sets.of(REPLICAS)


def of_scale(managed: Managed, version: str) -> Managed:
    """Give who owns the replicas of an object of API *version*, as of its Scale."""
    return {
        _as_of_scale(identity): Owned(_OWNED, SCALE, owned.time)
        for identity, owned in managed.items()
        if owned.version == version and sets.has(owned.fields, REPLICAS)
    }


def of_object(managed: Managed, scale: Managed, version: str) -> Managed:
    """Give who owns what of an object, once *scale* owns its Scale; *managed* is who owned it before."""
    found: Managed = {}
    left = dict(scale)
    for identity, owned in managed.items():
        if owned.version != version:
            continue
        if not sets.has(owned.fields, REPLICAS):
            found[identity] = owned
        elif identity in left:
            found[identity] = owned
            del left[identity]
        else:
            # An update is known by its version too, and the Scale's is another: it counts as taken, and comes again.
            fields = sets.difference(owned.fields, _OWNED)
            if fields:
                found[identity] = attrs.evolve(owned, fields=fields)
    for identity, owned in left.items():
        if sets.has(owned.fields, REPLICAS):
            before = managed.get(identity)
            found[identity] = Owned(_OWNED, version, None if before is None else before.time)
    return found


def _as_of_scale(identity: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    manager, operation, version, subresource = identity
    return (manager, operation, version and SCALE, subresource)
