"""
CSI drivers: the controllers that a storage system's vendor runs: its provisioner, attacher and resizer, simulated.

What they do to storage takes as long, and fails as often, as the topology's `Driver` says; what they do to the API is
what the sidecars of kubernetes-csi do. Without a driver in the topology there is none of them.

Takes:    changes of claims, volumes, classes, VolumeAttachments.
Gives:    PersistentVolumes; the status of claims and VolumeAttachments; CSIDrivers and CSIStorageCapacities of drivers
          whose room has an end; event records.
Source:   github.com/kubernetes-csi: external-provisioner, external-attacher, external-resizer.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from functools import partial
from typing import Final

from reconcile.components.controllers.progress import Progress
from reconcile.components.controllers.runtime import Controller, Source
from reconcile.components.controllers.volumes.drivers import attaching, provisioning, publishing, resizing, room
from reconcile.components.controllers.volumes.drivers.naming import ATTACHMENTS
from reconcile.model.drivers import Driver
from reconcile.model.pods.volumes import CLAIMS, CLASSES, VOLUMES

PROVISIONER: Final = "csi-provisioner"
ATTACHER: Final = "csi-attacher"
RESIZER: Final = "csi-resizer"
PUBLISHER: Final = "csi-capacity"


def controllers_of(drivers: tuple[Driver, ...]) -> tuple[Controller, ...]:
    """Give the controllers that *drivers* have beside them; none if there is no driver."""
    if not drivers:
        return ()
    limited = tuple([driver for driver in drivers if driver.capacity])
    provisioner = Controller(
        name=PROVISIONER,
        sources=(
            Source(CLAIMS, provisioning.keys_of_claim),
            Source(VOLUMES, provisioning.keys_of_volume),
            Source(CLASSES, provisioning.keys_of_class),
            Source("nodes", provisioning.no_keys),
        ),
        reconcile=partial(provisioning.reconcile, drivers),
        memory=Progress,
        observe=room.observe if limited else None,
        awaits=(CLAIMS, VOLUMES),
    )
    attacher = Controller(
        name=ATTACHER,
        sources=(Source(ATTACHMENTS, attaching.keys_of_attachment),),
        reconcile=partial(attaching.reconcile, drivers),
        memory=Progress,
        awaits=(ATTACHMENTS,),
    )
    resizer = Controller(
        name=RESIZER,
        sources=(Source(CLAIMS, resizing.keys_of_claim), Source(VOLUMES, resizing.keys_of_volume)),
        reconcile=partial(resizing.reconcile, drivers),
        memory=Progress,
        awaits=(CLAIMS,),
    )
    return provisioner, attacher, resizer, *((_publisher(limited),) if limited else ())


def _publisher(drivers: tuple[Driver, ...]) -> Controller:
    """Give the controller that says how much room drivers have left."""
    return Controller(
        name=PUBLISHER,
        sources=(
            Source("namespaces", partial(publishing.keys_of_namespace, drivers)),
            Source(CLASSES, partial(publishing.keys_of_class, drivers)),
            Source(VOLUMES, partial(publishing.keys_of_volume, drivers)),
            Source(publishing.CAPACITIES, partial(publishing.keys_of_capacity, drivers)),
        ),
        reconcile=partial(publishing.reconcile, drivers),
    )
