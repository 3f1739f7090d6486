"""
VolumeZone: a volume whose labels name a zone or a region is reached from nodes there.

Source:   the scheduler plugin VolumeZone.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.census import OpenCensus
from reconcile.components.scheduler.cache.storage import DELAYED, class_of
from reconcile.components.scheduler.cache.traits import Mounts
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.framework.verdicts import Refusal

ELSEWHERE: Final = Refusal("VolumeZone", ("node(s) had no available volume zone",), final=True)

# The labels, and under what other name a node may have each.
_LABELS: Final = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}


def barred(mounts: Mounts, views: Views) -> str | None:
    """Say what is wrong with the pod's claims, wherever it goes; None if nothing is."""
    for key in mounts.claims:
        claim = views.claims.get(key, None)
        if key in mounts.ephemeral or claim is None:
            continue
        if claim.spec.volume_name:
            if claim.spec.volume_name not in views.volumes:
                return f'persistentvolume "{claim.spec.volume_name}" not found'
            continue
        name = class_of(claim)
        if not name:
            return "PersistentVolumeClaim had no pv name and storageClass name"
        found = views.classes.get(name, None)
        if found is None:
            return f'storageclass.storage.k8s.io "{name}" not found'
        if found.volume_binding_mode != DELAYED:
            return "PersistentVolume had no name"
    return None


def refused(mounts: Mounts, left: int, views: Views, census: OpenCensus) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused; those that say nothing of where they are are not."""
    wanted = _wanted(mounts, views)
    if not wanted:
        return []
    placed = 0
    for label in _LABELS:
        placed |= census.topology(label).having
    near = -1
    for label, values in wanted:
        own, other = census.topology(label), census.topology(_LABELS[label])
        here = 0
        for value in values:
            here |= own.domains.get(value, 0) | (other.domains.get(value, 0) & ~own.having)
        near &= here
    return [(ELSEWHERE, left & placed & ~near)]


def _wanted(mounts: Mounts, views: Views) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for key in mounts.claims:
        claim = views.claims.get(key, None)
        if key in mounts.ephemeral or claim is None or not claim.spec.volume_name:
            continue
        volume = views.volumes.get(claim.spec.volume_name, None)
        labels = (volume.metadata.labels if volume is not None else None) or {}
        for label in _LABELS:
            zones = labels.get(label)
            if zones is not None and all(zones.split("__")):
                found.append((label, tuple([zone.strip() for zone in zones.split("__")])))
    return found
