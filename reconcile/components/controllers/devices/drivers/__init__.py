"""
Device drivers: what a vendor runs beside a cluster: it publishes its devices, and makes them ready to be bound.

What they do on nodes, preparing claims, is done beside the kubelets: `components/kubelet/volume/preparing.py`. Without
a driver in the topology there is none of them.

Takes:    changes of nodes, ResourceSlices, ResourceClaims.
Gives:    ResourceSlices; conditions of devices in the status of ResourceClaims.
Source:   k8s.io/dynamic-resource-allocation/resourceslice, kubeletplugin.
Left out: see docs/limits.md, "Devices".
"""

from __future__ import annotations

from functools import partial
from typing import Final

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.controllers.devices.drivers import binding, publishing
from reconcile.components.controllers.progress import Progress
from reconcile.components.controllers.runtime import Controller, Source, service_account
from reconcile.model.devices import PLUGIN, DeviceDriver

PUBLISHER: Final = "dra-publisher"
BINDER: Final = "dra-binder"
_GROUP: Final = ("resource.k8s.io",)
_RULES: Final = (
    PolicyRule(verbs=("create", "update", "patch", "delete"), api_groups=_GROUP, resources=("resourceslices",)),
    PolicyRule(
        verbs=("update", "patch"),
        api_groups=_GROUP,
        resources=("resourceclaims/status", "resourceclaims/driver", "resourceclaims/binding"),
    ),
)


def controllers_of(drivers: tuple[DeviceDriver, ...]) -> tuple[Controller, ...]:
    """Give the controllers that *drivers* have beside them; none if there is no driver."""
    if not drivers:
        return ()
    publisher = Controller(
        name=PUBLISHER,
        sources=(
            Source("nodes", partial(publishing.keys_of_node, drivers)),
            Source(publishing.SLICES, partial(publishing.keys_of_slice, drivers)),
        ),
        reconcile=partial(publishing.reconcile, drivers),
        user=service_account(PLUGIN),
        rules=_RULES,
    )
    binder = Controller(
        name=BINDER,
        sources=(Source(binding.CLAIMS, binding.keys_of_claim),),
        reconcile=partial(binding.reconcile, drivers),
        memory=Progress,
        awaits=(binding.CLAIMS,),
        user=service_account(PLUGIN),
        rules=_RULES,
    )
    return publisher, binder


__all__ = ["controllers_of"]
