"""
Room: how much of what a driver has is left in each segment of its topology, as far as its provisioner knows.

Volumes that have been made, and of which the watch has not told yet, are remembered: two claims do not get the same
room.

Source:   the GetCapacity and CreateVolume of a CSI driver, which knows its own volumes.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.components.controllers.progress import Progress, Work
from reconcile.components.controllers.runtime import Views
from reconcile.lib.instant import Instant
from reconcile.model.drivers import Driver
from reconcile.model.pods.volumes import VOLUMES, size_of
from reconcile.store import Change

_ROOM: Final = "room"


def observe(progress: Progress, change: Change, _: Views, __: Instant) -> Progress:
    """Forget the room that was set aside for a volume once the watch tells of the volume."""
    if change.resource != VOLUMES or not progress.works:
        return progress
    return forgotten(progress, change.key)


def forgotten(progress: Progress, name: str) -> Progress:
    """Give the progress without the room that was set aside for a volume."""
    for work in [work for work in progress.works if work[:2] == (_ROOM, name)]:
        progress = progress.done(work)
    return progress


def set_aside(progress: Progress, driver: Driver, name: str, segment: str, size: Quantity) -> Progress:
    """Remember that a volume, about to be written, takes room."""
    work = (_ROOM, name, driver.name, segment, str(size.nanos))
    return Progress(forgotten(progress, name).works.set(work, Work(0)))


def left_in(driver: Driver, views: Views, progress: Progress | None = None) -> dict[str, Quantity]:
    """Give how much is left in each segment; what *progress* remembers is taken too."""
    taken = dict.fromkeys(driver.capacity, 0)
    volumes = views.table(VOLUMES)
    for volume in volumes.values():
        source = volume.spec.csi
        if source is not None and source.driver == driver.name:
            segment = driver.segment_of(_labels_of(volume))
            taken[segment] = taken.get(segment, 0) + size_of(volume).nanos
    for work in progress.works if progress is not None else ():
        if work[0] == _ROOM and work[2] == driver.name and work[1] not in volumes:
            taken[work[3]] = taken.get(work[3], 0) + int(work[4])
    left = {}
    for segment, text in driver.capacity.items():
        whole = Quantity.parse(text)
        left[segment] = Quantity.of(nanos=max(whole.nanos - taken[segment], 0), form=whole.form)
    return left


def segment_for(driver: Driver, found: Any, node: Any, left: dict[str, Quantity], size: Quantity) -> str | None:
    """
    Give the segment in which a volume of a class is made; None if there is no room for it.

    It is that of the *node*; without one, the first that the class allows and that has room.
    """
    if node is not None or not driver.reach:
        segment = driver.segment_of((node.metadata.labels if node is not None else None) or {})
        return segment if segment in left and left[segment] >= size else None
    for segment in sorted(left):
        if left[segment] >= size and _is_allowed(found, driver.labels_of(segment)):
            return segment
    return None


def _is_allowed(found: Any, labels: dict[str, str]) -> bool:
    terms = found.allowed_topologies
    return not terms or any(
        all(labels.get(each.key) in each.values for each in term.match_label_expressions or ()) for term in terms
    )


def _labels_of(volume: Any) -> dict[str, str]:
    """Give the labels of which a volume's node affinity asks for one value."""
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None or len(affinity.required.node_selector_terms) != 1:
        return {}
    rows = affinity.required.node_selector_terms[0].match_expressions or ()
    return {row.key: row.values[0] for row in rows if row.operator == "In" and len(row.values or ()) == 1}
