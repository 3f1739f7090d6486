"""
Feature gates: what of Kubernetes 1.36 is switched on and off, of that which can be switched here.

Source:   pkg/features/kube_features.go; client-go's features/known_features.go.
Left out: every gate that is not in the table: it is as it is by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COORDINATED_LEADER_ELECTION: Final = "CoordinatedLeaderElection"
GANG_SCHEDULING: Final = "GangScheduling"
GENERIC_WORKLOAD: Final = "GenericWorkload"
HPA_SCALE_TO_ZERO: Final = "HPAScaleToZero"
HPA_TOLERANCE: Final = "HPAConfigurableTolerance"
MAX_UNAVAILABLE_STATEFUL_SET: Final = "MaxUnavailableStatefulSet"
CONSISTENT_DAEMON_SET: Final = "StaleControllerConsistencyDaemonSet"
CONSISTENT_JOB: Final = "StaleControllerConsistencyJob"
CONSISTENT_REPLICA_SET: Final = "StaleControllerConsistencyReplicaSet"
CONSISTENT_STATEFUL_SET: Final = "StaleControllerConsistencyStatefulSet"
WATCH_LIST_CLIENT: Final = "WatchListClient"
WORKLOAD_WITH_JOB: Final = "WorkloadWithJob"

DEFAULTS: Final[dict[str, bool]] = {
    COORDINATED_LEADER_ELECTION: False,
    GANG_SCHEDULING: False,
    GENERIC_WORKLOAD: False,
    HPA_SCALE_TO_ZERO: False,
    HPA_TOLERANCE: True,
    MAX_UNAVAILABLE_STATEFUL_SET: False,
    CONSISTENT_DAEMON_SET: True,
    CONSISTENT_JOB: True,
    CONSISTENT_REPLICA_SET: True,
    CONSISTENT_STATEFUL_SET: True,
    WATCH_LIST_CLIENT: True,
    WORKLOAD_WITH_JOB: False,
}
"""Each gate, and whether it is on where nothing else is said."""

DEPENDENCIES: Final[dict[str, tuple[str, ...]]] = {
    GANG_SCHEDULING: (GENERIC_WORKLOAD,),
    WORKLOAD_WITH_JOB: (GENERIC_WORKLOAD,),
}
"""Which gates have to be on for one to be on."""


def is_on(given: Mapping[str, bool], name: str) -> bool:
    """Tell whether the gate *name* is on, of which *given* may say otherwise than its default."""
    return given.get(name, DEFAULTS[name])


def lacking(given: Mapping[str, bool]) -> list[tuple[str, str]]:
    """Give each gate that is on though one that it depends on is off, with that one."""
    return [
        (name, needed)
        for name, others in DEPENDENCIES.items()
        for needed in others
        if is_on(given, name) and not is_on(given, needed)
    ]
