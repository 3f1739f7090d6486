"""
ImageLocality: a node that has the pod's images already is better, the more so the bigger they are.

Source:   the scheduler plugin ImageLocality.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.cache.nodes import Fleet
from reconcile.components.scheduler.cache.wishes import Wishes

BEST: Final = 100

_MEBI: Final = 1024 * 1024
_SMALL_IMAGE: Final = 23 * _MEBI
_LARGE_IMAGE: Final = 1000 * _MEBI


def present(wishes: Wishes, fleet: Fleet, slot: int) -> int:
    """Tell which of the pod's containers have their image on the node: bit n for the nth."""
    images = 0
    for place, name in enumerate(wishes.images):
        image = fleet.images.get(name, None)
        if image is not None and image.nodes >> slot & 1:
            images |= 1 << place
    return images


def locality(images: int, wishes: Wishes, fleet: Fleet) -> int:
    """Score the images that are there: 0 to `BEST`."""
    # An image counts by its size and by how many nodes have it, so that pods do not crowd the one node that does.
    nodes = len(fleet.rooms)
    total = 0
    for place, name in enumerate(wishes.images):
        image = fleet.images.get(name, None)
        if images >> place & 1 and image is not None:
            total += image.size * image.nodes.bit_count() // nodes
    largest = _LARGE_IMAGE * len(wishes.images)
    total = min(max(total, _SMALL_IMAGE), largest)
    return BEST * (total - _SMALL_IMAGE) // (largest - _SMALL_IMAGE)
