"""
The StatefulSet controller: pods that have names, an order and claims of their own.

Source:   pkg/controller/statefulset.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import RESYNC, Controller, Source, keys_of_itself, service_account
from reconcile.components.controllers.workloads.sittings import Memory
from reconcile.components.controllers.workloads.statefulset import sync
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMANT, pod_keys

WORKERS: Final = 5


def controller(*, consistent: bool = True, max_unavailable: bool = False) -> Controller:
    """
    Give the controller.

    Args:
        consistent: whether it waits until its caches show what it wrote: StaleControllerConsistencyStatefulSet.
        max_unavailable: whether updateStrategy.rollingUpdate.maxUnavailable counts: MaxUnavailableStatefulSet.
    """
    return Controller(
        name="statefulset",
        sources=(
            Source(CLAIMANT.resource, keys_of_itself),
            Source("pods", pod_keys, observed=False),
            Source("persistentvolumeclaims", sync.no_keys, observed=False),
            Source("controllerrevisions.apps", sync.no_keys, observed=False),
        ),
        reconcile=sync.Reconciler(consistent=consistent, max_unavailable=max_unavailable),
        memory=Memory,
        observe=sync.observe,
        workers=WORKERS,
        resync=RESYNC,
        component="statefulset-controller",
        user=service_account("statefulset-controller"),
        awaits=(CLAIMANT.resource,),
    )


CONTROLLER: Final = controller()
