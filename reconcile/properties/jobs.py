"""
What Jobs and CronJobs promise, whatever is late, lost or stopped on the way.

What has been given another specification meanwhile is left out: for a while both its old and its new one hold.

Takes:    a cluster.
Gives:    a sentence for each violation.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/: job, cron-jobs.
Left out: nothing known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.model.owners import controller_of
from reconcile.properties.property import Property

_SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def _within_parallelism(cluster: Cluster) -> Iterator[str]:
    """A Job has no more pods at a time than its parallelism."""
    for key, job in _unchanged(cluster, "jobs.batch"):
        active = cluster.store.table("pods").count("standing", (job.metadata.uid, "active"))
        if active > job.spec.parallelism:
            yield f"{key} has {active} active pods, and a parallelism of {job.spec.parallelism}"


def _within_completions(cluster: Cluster) -> Iterator[str]:
    """A Job has no more pods that succeeded, or still may, than its completions."""
    for key, job in _unchanged(cluster, "jobs.batch"):
        pods = cluster.store.table("pods")
        active = pods.count("standing", (job.metadata.uid, "active"))
        succeeded = [pod for pod in pods.under("owner", job.metadata.uid) if pod.status.phase == "Succeeded"]
        if job.spec.completions is not None and active + len(succeeded) > job.spec.completions:
            found = f"{active} active and {len(succeeded)} succeeded pods"
            yield f"{key} has {found} for {job.spec.completions} completions"


def _never_two_at_once(cluster: Cluster) -> Iterator[str]:
    """A CronJob that forbids concurrency never has two Jobs that have not ended."""
    for key, cron in _unchanged(cluster, "cronjobs.batch"):
        if cron.spec.concurrency_policy != "Forbid":
            continue
        jobs = cluster.store.table("jobs.batch").under("owner", cron.metadata.uid)
        running = [job.metadata.name for job in jobs if not _has_ended(job)]
        if len(running) > 1:
            yield f"{key} runs {' and '.join(sorted(running))} at once"


def _once_for_each_time(cluster: Cluster) -> Iterator[str]:
    """A CronJob makes one Job for each of its times."""
    history = cluster.store.history("jobs.batch")
    made: Counter[tuple[str, str]] = Counter()
    for change in history.between(history.start, history.end):
        owner = None if change.new is None or change.old is not None else controller_of(change.new)
        if owner is not None and owner.kind == "CronJob":
            made[owner.uid, (change.new.metadata.annotations or {}).get(_SCHEDULED_AT, "")] += 1
    crons = {cron.metadata.uid: key for key, cron in cluster.store.table("cronjobs.batch").items()}
    for (uid, time), count in sorted(made.items()):
        if count > 1:
            yield f"{crons.get(uid, uid)} made {count} Jobs for {time}"


def _unchanged(cluster: Cluster, resource: str) -> Iterator[tuple[str, Any]]:
    for key, obj in cluster.store.table(resource).items():
        if obj.metadata.generation == 1:
            yield key, obj


def _has_ended(job: Any) -> bool:
    conditions = (job.status.conditions if job.status else None) or ()
    return any(each.type in ("Complete", "Failed") and each.status == "True" for each in conditions)


JOBS: Final[tuple[Property, ...]] = (
    Property("no more pods than parallelism", _within_parallelism),
    Property("no more than completions", _within_completions),
    Property("never two at once under Forbid", _never_two_at_once),
    Property("one Job for each time", _once_for_each_time),
)
