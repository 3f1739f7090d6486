"""
The ReplicationController controller: the ReplicaSet's, for objects of an older form.

Source:   pkg/controller/replication.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import (
    RESYNC,
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
)
from reconcile.components.controllers.workloads.claims import owner_keys
from reconcile.components.controllers.workloads.replicaset import sync
from reconcile.components.controllers.workloads.replicaset.kinds import REPLICATION_CONTROLLER
from reconcile.components.controllers.workloads.replicaset.memory import Memory, observe
from reconcile.components.controllers.workloads.replicaset.status import matters
from reconcile.lib.instant import Instant
from reconcile.store import Change

WORKERS: Final = 5


def _reconcile(ask: Ask) -> Outcome:
    return sync.reconcile(REPLICATION_CONTROLLER, ask, consistent=False)


def _observe(memory: Memory, change: Change, views: Views, _: Instant) -> Memory:
    return observe(REPLICATION_CONTROLLER.claimant, memory, change, views)


def _pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    keys = owner_keys(REPLICATION_CONTROLLER.claimant, change, views)
    # Few pods have such an owner, so that is asked first.
    if keys and change.old is not None and change.new is not None and not matters(change.old, change.new):
        return ()
    return keys


CONTROLLER: Final = Controller(
    name="replicationcontroller",
    sources=(Source("replicationcontrollers", keys_of_itself), Source("pods", _pod_keys)),
    reconcile=_reconcile,
    memory=Memory,
    observe=_observe,
    workers=WORKERS,
    resync=RESYNC,
    component="replication-controller",
)
