"""
The DaemonSet controller: one pod on every node that takes it.

Source:   pkg/controller/daemon.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import RESYNC, Controller, Source, keys_of_itself, service_account
from reconcile.components.controllers.workloads.daemonset import sync
from reconcile.components.controllers.workloads.daemonset.memory import begin, observe
from reconcile.components.controllers.workloads.daemonset.seeing import (
    CLAIMANT,
    node_keys,
    pod_keys,
    revision_keys,
)

WORKERS: Final = 2


def controller(*, consistent: bool = True) -> Controller:
    """Give the controller; *consistent*: it waits until its caches show what it wrote."""
    return Controller(
        name="daemonset",
        sources=(
            Source(CLAIMANT.resource, keys_of_itself),
            Source("pods", pod_keys),
            Source("nodes", node_keys, observed=False),
            Source("controllerrevisions.apps", revision_keys, observed=False),
        ),
        reconcile=sync.Reconciler(consistent=consistent),
        memory=begin,
        observe=observe,
        workers=WORKERS,
        resync=RESYNC,
        component="daemonset-controller",
        user=service_account("daemon-set-controller"),
        awaits=(CLAIMANT.resource,),
    )


CONTROLLER: Final = controller()
