"""
Templates: which ReplicaSet is a Deployment's present one, and how a new one is made and named.

Source:   pkg/controller/deployment/util: EqualIgnoreHash; pkg/controller: ComputeHash.
Left out: the hash is another function of the template than upstream's, see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

import attrs

from reconcile.api import apps_v1, convert, meta_v1
from reconcile.components.controllers.workloads.claims import Claimant, reference_to
from reconcile.components.controllers.workloads.hashing import hash_of
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

HASH_LABEL: Final = "pod-template-hash"

_NO_METADATA: Final = meta_v1.ObjectMeta()
_COMPARED: Final = ("labels", "annotations")


def same_template(one: Any, other: Any) -> bool:
    """Tell whether two pod templates are the same but for the hash in their labels."""
    is_same_spec = one.spec is other.spec or one.spec == other.spec
    if not is_same_spec:
        return False
    mine, theirs = one.metadata or _NO_METADATA, other.metadata or _NO_METADATA
    if mine is theirs:
        return True
    if (mine.annotations or None) != (theirs.annotations or None) or _rest(mine) != _rest(theirs):
        return False
    if mine.labels is theirs.labels:
        return True
    return {**(mine.labels or {}), HASH_LABEL: ""} == {**(theirs.labels or {}), HASH_LABEL: ""}


def template_hash(template: Any, collisions: int | None) -> str:
    """Give the hash of a pod template; another one for each count of collisions."""
    return hash_of({"collisionCount": collisions, "template": convert.dump(template)})


def new_replica_set(claimant: Claimant, deployment: Any, annotations: Map[str] | None, replicas: int) -> Any:
    """Make the ReplicaSet of the Deployment's present template; its pods' spec is the template's own object."""
    metadata, spec = deployment.metadata, deployment.spec
    collisions = deployment.status.collision_count if deployment.status else None
    hashed = template_hash(spec.template, collisions)
    of_template = spec.template.metadata or _NO_METADATA
    labels = Map({**(of_template.labels or {}), HASH_LABEL: hashed})
    pairs = Map({**(spec.selector.match_labels or {}), HASH_LABEL: hashed})
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(
            name=f"{metadata.name}-{hashed}",
            namespace=metadata.namespace,
            labels=labels,
            annotations=annotations,
            owner_references=(reference_to(claimant, deployment),),
        ),
        spec=apps_v1.ReplicaSetSpec(
            replicas=replicas,
            min_ready_seconds=spec.min_ready_seconds,
            selector=replace(spec.selector, match_labels=pairs),
            template=replace(spec.template, metadata=replace(of_template, labels=labels)),
        ),
    )


_rest = attrgetter(*[field.name for field in attrs.fields(meta_v1.ObjectMeta) if field.name not in _COMPARED])
