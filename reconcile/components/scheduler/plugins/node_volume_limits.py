"""
NodeVolumeLimits: a node can have only so many volumes of a CSI driver.

Source:   the scheduler plugin NodeVolumeLimits.
Left out: in-tree volumes that would be translated to a CSI driver's.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.storage import class_of
from reconcile.components.scheduler.cache.traits import Mounts
from reconcile.components.scheduler.cache.views import Views
from reconcile.components.scheduler.framework.verdicts import Refusal

TOO_MANY: Final = Refusal("NodeVolumeLimits", ("node(s) exceed max volume count",), final=False)


def refused(mounts: Mounts, nodes: Nodes, left: int, views: Views) -> list[tuple[Refusal, int]]:
    """Tell which of the nodes *left* are refused: only those of which a CSINode says a limit are looked at."""
    wanted = attachable((mounts,), views)
    if not wanted:
        return []
    full = 0
    for name, csi_node in views.csi_nodes.items():
        slot = nodes.fleet.slots.get(name, None)
        if slot is not None and left >> slot & 1 and exceeds(wanted, nodes.mounts.get(slot, ()), csi_node, views):
            full |= 1 << slot
    return [(TOO_MANY, full)]


def exceeds(wanted: dict[str, str], there: tuple[Mounts, ...], csi_node: Any, views: Views) -> bool:
    """Tell whether with *wanted* a node would have more volumes of some driver than it can."""
    limits = _limits(csi_node)
    if not limits:
        return False
    attached = attachable(there, views)
    counts = Counter(attached.values())
    counts.update(
        [driver for volume, driver in _attached(csi_node.metadata.name, views).items() if volume not in attached]
    )
    asked = Counter([driver for volume, driver in wanted.items() if volume not in attached])
    return any(driver in limits and counts[driver] + count > limits[driver] for driver, count in asked.items())


def attachable(mounts: tuple[Mounts, ...], views: Views) -> dict[str, str]:
    """Give the volumes of CSI drivers among *mounts*: a name of its own -> the driver."""
    found: dict[str, str] = {}
    for each in mounts:
        for key in each.claims:
            claim = views.claims.get(key, None)
            if claim is None:
                continue
            driver, handle = _driver(key, claim, views)
            if driver and handle:
                found[f"{driver}/{handle}"] = driver
    return found


def _driver(key: str, claim: Any, views: Views) -> tuple[str, str]:
    volume = views.volumes.get(claim.spec.volume_name, None) if claim.spec.volume_name else None
    if volume is not None:
        csi = volume.spec.csi
        return ("", "") if csi is None else (csi.driver, csi.volume_handle)
    found = views.classes.get(class_of(claim), None)
    return ("", "") if found is None else (found.provisioner, f"-{key}")


def _limits(csi_node: Any) -> dict[str, int]:
    return {
        driver.name: driver.allocatable.count
        for driver in csi_node.spec.drivers or ()
        if driver.allocatable is not None and driver.allocatable.count is not None
    }


def _attached(node: str, views: Views) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in views.attachments.values():
        volume = each.spec.source.persistent_volume_name
        if each.spec.node_name != node or not each.spec.attacher or volume not in views.volumes:
            continue
        csi = views.volumes[volume].spec.csi
        if csi is not None:
            found[f"{each.spec.attacher}/{csi.volume_handle}"] = each.spec.attacher
    return found
