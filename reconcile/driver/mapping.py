"""
Mapping: which resource an object belongs to, among Kubernetes' own and what a cluster's definitions establish.

Takes:    an API object, CustomResourceDefinitions.
Gives:    its Resource.
Source:   kubectl's RESTMapping.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.api.kinds import Resource, resource_of
from reconcile.api.shapes import CustomObject
from reconcile.lib.errors import ReconcileError
from reconcile.model import definitions
from reconcile.model.definitions import Definition
from reconcile.store import Reads


class NotServed(ReconcileError):  # noqa: N818 -- it reads as what it is
    """No resource has the kind of an object."""


def mapped(obj: Any, crds: Iterable[Definition] = ()) -> Resource:
    """
    Give the resource that an object belongs to.

    Raises:
        NotServed: no resource has its kind, in kubectl's words.
    """
    if not isinstance(obj, CustomObject):
        return resource_of(obj)
    version, kind = obj.api_version or "", obj.kind or ""
    found = definitions.resource_for(crds, version, kind)
    if found is None:
        raise NotServed(unserved(version, kind))
    return found


def unserved(version: str, kind: str) -> str:
    """Say as kubectl does that no resource has this kind."""
    return f'no matches for kind "{kind}" in version "{version}"'


def established(store: Reads) -> tuple[Definition, ...]:
    """Give the definitions in a store whose resources are served."""
    return tuple([crd for crd in store.table(definitions.DEFINITIONS).values() if definitions.is_established(crd)])
