"""
VolumeRestrictions: what only one pod, or one node, can have at a time.

Source:   the scheduler plugin VolumeRestrictions.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.nodes import Nodes, slots_in
from reconcile.components.scheduler.cache.traits import Mounts
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.framework.verdicts import Refusal

_TAKEN: Final = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)
IN_USE: Final = Refusal(
    "VolumeRestrictions",
    (_TAKEN,),
    final=False,
)
NO_DISK: Final = Refusal("VolumeRestrictions", ("node(s) had no available disk",), final=False)


def missing(mounts: Mounts, views: Views) -> str | None:
    """Say which claim there is not; None if all are there. Those of ephemeral volumes are not asked for here."""
    for key in mounts.claims:
        if key not in mounts.ephemeral and key not in views.claims:
            return f'persistentvolumeclaim "{key.partition("/")[2]}" not found'
    return None


def refused(mounts: Mounts, nodes: Nodes, left: int, views: Views) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused."""
    no_disk = 0
    if mounts.disks:
        for slot in slots_in(left):
            if conflicts(mounts, nodes.mounts.get(slot, ())):
                no_disk |= 1 << slot
    taken = any(key in nodes.claims for key in exclusive(mounts, views))
    return [(NO_DISK, no_disk), (IN_USE, left & ~no_disk if taken else 0)]


def exclusive(mounts: Mounts, views: Views) -> tuple[str, ...]:
    """Give the claims that only one pod can have at a time."""
    return tuple(
        [
            key
            for key in mounts.claims
            if key not in mounts.ephemeral and "ReadWriteOncePod" in (views.claims[key].spec.access_modes or ())
        ]
    )


def conflicts(mounts: Mounts, there: tuple[Mounts, ...]) -> bool:
    """Tell whether a disk that is asked for is had by a pod there, and not both only read it."""
    for disk, reads in mounts.disks:
        for other in there:
            for taken, read in other.disks:
                if taken == disk and not (reads and read):
                    return True
    return False
