"""
The Job controller: pods that run to their end, as often as declared.

`ORPHANS` is the part of it that lets go of pods whose Job is gone or has ended: they would wait to be counted for ever.

Source:   pkg/controller/job.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import partial
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
    service_account,
)
from reconcile.components.controllers.workloads.job import orphans, sync
from reconcile.components.controllers.workloads.job.memory import JOBS, Memory, observe, pod_keys
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.replacing import replace
from reconcile.model.pods.grouping import GROUPS, WORKLOADS
from reconcile.store import Change

WORKERS: Final = 5


def _reconcile(ask: Ask) -> Outcome:
    return sync.reconcile(ask)


def _reconcile_stale(ask: Ask) -> Outcome:
    return sync.reconcile(ask, consistent=False)


CONTROLLER: Final = Controller(
    name="job",
    sources=(Source(JOBS, keys_of_itself), Source("pods", pod_keys)),
    reconcile=_reconcile,
    memory=Memory,
    observe=observe,
    workers=WORKERS,
    resync=RESYNC,
    back_off=(SECOND, MINUTE),
    component="job-controller",
    user=service_account("job-controller"),
    awaits=(JOBS,),
)

STALE: Final = replace(CONTROLLER, reconcile=_reconcile_stale)
"""The same controller without the gate StaleControllerConsistencyJob: it does not wait for its caches."""


def controller(*, consistent: bool, grouped: bool) -> Controller:
    """
    Give the controller as feature gates have it.

    Args:
        consistent: it waits for its caches.
        grouped: Jobs may have their pods scheduled together.
    """
    if not grouped:
        return CONTROLLER if consistent else STALE
    sources = tuple([Source(resource, _nobody, observed=False) for resource in (WORKLOADS, GROUPS)])
    reconciling = partial(sync.reconcile, consistent=consistent, grouped=True)
    return replace(CONTROLLER, reconcile=reconciling, sources=(*CONTROLLER.sources, *sources))


def _nobody(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


ORPHANS: Final = Controller(
    name="job-orphans",
    sources=(Source("pods", orphans.keys_of_pod), Source(JOBS, orphans.keys_of_job)),
    reconcile=orphans.reconcile,
    workers=WORKERS,
    back_off=(SECOND, MINUTE),
    user=service_account("job-controller"),
)
