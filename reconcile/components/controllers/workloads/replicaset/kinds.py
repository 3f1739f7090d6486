"""
What sets a ReplicaSet and a ReplicationController apart; all else is one implementation.

Source:   pkg/controller/replication, whose adapter makes a ReplicaSet of a ReplicationController and back.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from reconcile.api import apps_v1, core_v1
from reconcile.components.controllers.workloads.claims import Claimant, selects_by_label_selector
from reconcile.lib.quick import quick
from reconcile.model import selectors


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Kind:
    """
    One of the two.

    Args:
        claimant: how it owns pods.
        condition: the class of its conditions.
        status: the class of its status.
        counts_terminating: its status has terminatingReplicas.
    """

    claimant: Claimant
    condition: Callable[..., Any]
    status: Callable[..., Any]
    counts_terminating: bool


def _selects_by_pairs(owner: Any, labels: Mapping[str, str] | None) -> bool:
    return bool(owner.spec.selector) and selectors.matches_all(owner.spec.selector, labels)


REPLICA_SET: Final = Kind(
    claimant=Claimant(
        resource="replicasets.apps", kind="ReplicaSet", api_version="apps/v1", selects=selects_by_label_selector
    ),
    condition=apps_v1.ReplicaSetCondition,
    status=apps_v1.ReplicaSetStatus,
    counts_terminating=True,
)
REPLICATION_CONTROLLER: Final = Kind(
    claimant=Claimant(
        resource="replicationcontrollers", kind="ReplicationController", api_version="v1", selects=_selects_by_pairs
    ),
    condition=core_v1.ReplicationControllerCondition,
    status=core_v1.ReplicationControllerStatus,
    counts_terminating=False,
)
