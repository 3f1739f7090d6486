"""
Controllers of workloads: those that make and replace pods.

Source:   https://kubernetes.io/docs/concepts/workloads/controllers/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import Controller
from reconcile.components.controllers.workloads import (
    cronjob,
    daemonset,
    deployment,
    job,
    replicaset,
    replicationcontroller,
    statefulset,
    ttlafterfinished,
)
from reconcile.lib.mapping import Map
from reconcile.model import gates

CONTROLLERS: Final[tuple[Controller, ...]] = (
    deployment.CONTROLLER,
    replicaset.CONTROLLER,
    replicationcontroller.CONTROLLER,
    job.CONTROLLER,
    job.ORPHANS,
    cronjob.CONTROLLER,
    ttlafterfinished.CONTROLLER,
    statefulset.CONTROLLER,
    daemonset.CONTROLLER,
)


def switched(given: Map[bool]) -> dict[str, Controller]:
    """Give, by name, those controllers of workloads that are otherwise where feature gates are."""
    return {
        "replicaset": replicaset.controller(consistent=gates.is_on(given, gates.CONSISTENT_REPLICA_SET)),
        "statefulset": statefulset.controller(
            consistent=gates.is_on(given, gates.CONSISTENT_STATEFUL_SET),
            max_unavailable=gates.is_on(given, gates.MAX_UNAVAILABLE_STATEFUL_SET),
        ),
        "job": job.controller(
            consistent=gates.is_on(given, gates.CONSISTENT_JOB), grouped=gates.is_on(given, gates.WORKLOAD_WITH_JOB)
        ),
        "daemonset": daemonset.controller(consistent=gates.is_on(given, gates.CONSISTENT_DAEMON_SET)),
    }
