"""
The CronJob controller: a Job each time that a schedule says so.

Source:   pkg/controller/cronjob.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.runtime import Controller, Source, keys_of_itself, service_account
from reconcile.components.controllers.workloads.cronjob.memory import CRON_JOBS, Memory, job_keys, observe
from reconcile.components.controllers.workloads.cronjob.sync import reconcile
from reconcile.components.controllers.workloads.job.memory import JOBS

WORKERS: Final = 5

CONTROLLER: Final = Controller(
    name="cronjob",
    sources=(Source(CRON_JOBS, keys_of_itself), Source(JOBS, job_keys, observed=False)),
    reconcile=reconcile,
    memory=Memory,
    observe=observe,
    workers=WORKERS,
    component="cronjob-controller",
    user=service_account("cronjob-controller"),
    awaits=(CRON_JOBS,),
)
