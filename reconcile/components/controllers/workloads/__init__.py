"""
Controllers of workloads: those that make and replace pods.

Source:   https://kubernetes.io/docs/concepts/workloads/controllers/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import Controller
from reconcile.components.controllers.workloads import (
    cronjob,
    deployment,
    job,
    replicaset,
    replicationcontroller,
    ttlafterfinished,
)

CONTROLLERS: Final[tuple[Controller, ...]] = (
    deployment.CONTROLLER,
    replicaset.CONTROLLER,
    replicationcontroller.CONTROLLER,
    job.CONTROLLER,
    job.ORPHANS,
    cronjob.CONTROLLER,
    ttlafterfinished.CONTROLLER,
)
