"""Driver: a storage system outside the cluster, with the controllers that its vendor runs beside it."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.lib.instant import SECOND, Duration

_USUAL: Final = SECOND


@attrs.frozen(kw_only=True)
class Driver:
    """
    A CSI driver: what its storage does for StorageClasses whose provisioner it is, and how long that takes.

    Args:
        name: as StorageClasses, volumes and VolumeAttachments name it: `csi.example.com`.
        provision: how long it takes to make a volume, or to delete one, nanoseconds.
        failures: how often in a row that fails first, for each claim.
        attach: how long it takes to attach a volume to a node, or to detach it, nanoseconds.
        expand: how long it takes to let a volume grow, or to change its attributes, nanoseconds.
        file_systems: whether a file system is grown on the node, when a pod next mounts it, and not at once.
        reach: the node label within whose one value a volume can be reached, such as `topology.kubernetes.io/zone`;
            empty: from anywhere.
    """

    name: str
    provision: Duration = _USUAL
    failures: int = 0
    attach: Duration = _USUAL
    expand: Duration = _USUAL
    file_systems: bool = False
    reach: str = ""
