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
from reconcile.model import selectors


@attrs.frozen(kw_only=True)
class Kind:
    """
    One of the two.

    Args:
        resource: its key.
        kind: as owner references name it.
        api_version: likewise.
        selects: tells whether one of its objects selects these labels; an empty selector selects nothing.
        condition: the class of its conditions.
        status: the class of its status.
        counts_terminating: its status has terminatingReplicas.
    """

    resource: str
    kind: str
    api_version: str
    selects: Callable[[Any, Mapping[str, str] | None], bool]
    condition: Callable[..., Any]
    status: Callable[..., Any]
    counts_terminating: bool


def _replica_set_selects(owner: Any, labels: Mapping[str, str] | None) -> bool:
    selector = owner.spec.selector
    return bool(selector.match_labels or selector.match_expressions) and selectors.matches(selector, labels)


def _replication_controller_selects(owner: Any, labels: Mapping[str, str] | None) -> bool:
    return bool(owner.spec.selector) and selectors.matches_all(owner.spec.selector, labels)


REPLICA_SET: Final = Kind(
    resource="replicasets.apps",
    kind="ReplicaSet",
    api_version="apps/v1",
    selects=_replica_set_selects,
    condition=apps_v1.ReplicaSetCondition,
    status=apps_v1.ReplicaSetStatus,
    counts_terminating=True,
)
REPLICATION_CONTROLLER: Final = Kind(
    resource="replicationcontrollers",
    kind="ReplicationController",
    api_version="v1",
    selects=_replication_controller_selects,
    condition=core_v1.ReplicationControllerCondition,
    status=core_v1.ReplicationControllerStatus,
    counts_terminating=False,
)
