"""
The ReplicaSet controller, and all of the ReplicationController's but its name.

Source:   pkg/controller/replicaset.
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
from reconcile.components.controllers.workloads.replicaset.kinds import REPLICA_SET
from reconcile.components.controllers.workloads.replicaset.memory import Memory, observe
from reconcile.components.controllers.workloads.replicaset.status import matters
from reconcile.lib.instant import Instant
from reconcile.store import Change

WORKERS: Final = 5


def _reconcile(ask: Ask) -> Outcome:
    return sync.reconcile(REPLICA_SET, ask)


def _reconcile_whatever_is_seen(ask: Ask) -> Outcome:
    return sync.reconcile(REPLICA_SET, ask, consistent=False)


def _observe(memory: Memory, change: Change, views: Views, _: Instant) -> Memory:
    return observe(REPLICA_SET.claimant, memory, change, views)


def _pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    if change.old is not None and change.new is not None and not matters(change.old, change.new):
        return ()
    return owner_keys(REPLICA_SET.claimant, change, views)


def controller(*, consistent: bool = True) -> Controller:
    """Give the controller; *consistent*: it makes no more pods before it sees those that it made."""
    return Controller(
        name="replicaset",
        sources=(Source("replicasets.apps", keys_of_itself), Source("pods", _pod_keys)),
        reconcile=_reconcile if consistent else _reconcile_whatever_is_seen,
        memory=Memory,
        observe=_observe,
        workers=WORKERS,
        resync=RESYNC,
        component="replicaset-controller",
    )


CONTROLLER: Final = controller()
