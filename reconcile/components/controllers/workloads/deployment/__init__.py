"""
The Deployment controller: one ReplicaSet for each pod template, and rollouts from one to the next.

Source:   pkg/controller/deployment.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import RESYNC, Controller, Source, keys_of_itself, service_account
from reconcile.components.controllers.workloads.deployment import sync

WORKERS: Final = 5
RETRIES: Final = 15

CONTROLLER: Final = Controller(
    name="deployment",
    sources=(
        Source("deployments.apps", keys_of_itself),
        Source("replicasets.apps", sync.replica_set_keys),
        Source("pods", sync.pod_keys, observed=False),
    ),
    reconcile=sync.reconcile,
    memory=sync.Memory,
    observe=sync.observe,
    workers=WORKERS,
    retries=RETRIES,
    resync=RESYNC,
    component="deployment-controller",
    user=service_account("deployment-controller"),
)
