"""
What Jobs and CronJobs promise, whatever is late, lost or stopped on the way.

What has been given another specification meanwhile is left out: for a while both its old and its new one hold.

Takes:    a cluster, or a passage.
Gives:    a sentence for each violation.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/: job, cron-jobs.
Left out: a Job whose parallelism was changed is judged no more. Under Replace, too, there is at most one that does not
          end already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.lib.mapping import Map
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.properties.property import Passage, Promise, Property
from reconcile.store import Change, Store

_JOBS: Final = "jobs.batch"
_CRONS: Final = "cronjobs.batch"
_ENDED: Final = ("Succeeded", "Failed")
_SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_TRACKING: Final = "batch.kubernetes.io/job-tracking"


def _within_parallelism(cluster: Cluster) -> Iterator[str]:
    """A Job has no more pods at a time than its parallelism."""
    for key, job in _unchanged(cluster, _JOBS):
        yield from _too_many(cluster.store, key, job)


def _too_many(store: Store, key: str, job: Any) -> Iterator[str]:
    pods, uid, most = store.table("pods"), job.metadata.uid, job.spec.parallelism
    active = pods.count("standing", (uid, "active"))
    if active > most:
        yield f"{key} has {active} active pods, and a parallelism of {most}"
    if job.spec.pod_replacement_policy == "Failed":
        going = pods.count("standing", (uid, "terminating"))
        if active + going > most:
            yield f"{key} has {active} active pods and {going} that end, and replaces failed ones only: of {most}"


def _within_completions(cluster: Cluster) -> Iterator[str]:
    """A Job has no more pods that succeeded, or still may, than its completions."""
    for key, job in _unchanged(cluster, _JOBS):
        yield from _too_successful(cluster.store, key, job)


def _too_successful(store: Store, key: str, job: Any) -> Iterator[str]:
    pods, wanted = store.table("pods"), job.spec.completions
    if wanted is None:
        return
    active = pods.count("standing", (job.metadata.uid, "active"))
    succeeded = [pod for pod in pods.under("owner", job.metadata.uid) if pod.status.phase == "Succeeded"]
    if active + len(succeeded) > wanted:
        yield f"{key} has {active} active and {len(succeeded)} succeeded pods for {wanted} completions"


def _never_two_at_once(cluster: Cluster) -> Iterator[str]:
    """A CronJob that forbids concurrency never has two Jobs that have not ended."""
    for key, cron in _unchanged(cluster, _CRONS):
        yield from _at_once(cluster.store, key, cron)


def _at_once(store: Store, key: str, cron: Any) -> Iterator[str]:
    if cron.spec.concurrency_policy == "Allow":
        return
    jobs = store.table(_JOBS).under("owner", cron.metadata.uid)
    running = [job.metadata.name for job in jobs if not _has_ended(job) and job.metadata.deletion_timestamp is None]
    if len(running) > 1:
        yield f"{key} runs {' and '.join(sorted(running))} at once"


def _once_for_each_time(cluster: Cluster) -> Iterator[str]:
    """A CronJob makes one Job for each of its times."""
    history = cluster.store.history(_JOBS)
    made: Counter[tuple[str, str]] = Counter()
    for change in history.between(history.start, history.end):
        time = _time_of(change)
        if time is not None:
            made[time] += 1
    crons = {cron.metadata.uid: key for key, cron in cluster.store.table(_CRONS).items()}
    for (uid, at), count in sorted(made.items()):
        if count > 1:
            yield f"{crons.get(uid, uid)} made {count} Jobs for {at}"


def _time_of(change: Change) -> tuple[str, str] | None:
    """Give the CronJob's uid and the time for which a change makes a Job; None if it makes none."""
    if change.resource != _JOBS or change.new is None or change.old is not None:
        return None
    owner = controller_of(change.new)
    if owner is None or owner.kind != "CronJob":
        return None
    return owner.uid, (change.new.metadata.annotations or {}).get(_SCHEDULED_AT, "")


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
"""
Of one cluster, in which nothing has failed.

They are none of `ALWAYS`: a controller-manager that dies leaves calls under way, its successor does not know of them,
and a call that is carried out twice makes two pods, since their names are drawn. So it is in Kubernetes. As promises
along a run (`JOB_PROMISES`) they are followed until something fails.
"""


# Along a run ----------------------------------------------------------------------------------------------------------


def _follow_pods(of: Callable[[Store, str, Any], Iterator[str]]) -> Callable[[None, Passage], tuple[None, list[str]]]:
    def follow(_: None, passage: Passage) -> tuple[None, list[str]]:
        store, said = passage.after.store, list[str]()
        for change in passage.changes:
            owner = controller_of(change.new) if change.resource == "pods" and change.new is not None else None
            if owner is None or owner.kind != "Job" or (change.old is not None and not _counts_anew(change)):
                continue
            key = joined(change.new.metadata.namespace, owner.name)
            job = store.get(_JOBS, key)
            if job is not None and job.metadata.uid == owner.uid and job.metadata.generation == 1:
                said += of(store, key, job)
        return None, said

    return follow


def _counts_anew(change: Change) -> bool:
    old, new = change.old.status, change.new.status
    return bool(old is not new and new is not None and (old is None or old.phase != new.phase))


def _follow_crons(_: None, passage: Passage) -> tuple[None, list[str]]:
    store, said = passage.after.store, list[str]()
    for change in passage.changes:
        time = _time_of(change)
        owner = None if time is None else controller_of(change.new)
        if owner is None:
            continue
        key = joined(change.new.metadata.namespace, owner.name)
        cron = store.get(_CRONS, key)
        if cron is not None and cron.metadata.uid == owner.uid and cron.metadata.generation == 1:
            said += _at_once(store, key, cron)
    return None, said


def _begin_times(_: Cluster) -> Map[str]:
    return Map()


def _follow_times(made: Map[str], passage: Passage) -> tuple[Map[str], list[str]]:
    """Keep for which times of each CronJob there was a Job; they go by the CronJob's uid and the time."""
    said: list[str] = []
    for change in passage.changes:
        time = _time_of(change)
        if time is None:
            continue
        word = " ".join(time)
        if word in made:
            said.append(f"Job {change.key} is the second of {time[1]}, after {made[word]}")
        made = made.set(word, change.key)
    return made, said


def _begin_indexes(_: Cluster) -> Map[frozenset[str]]:
    return Map()


def _follow_indexes(done: Map[frozenset[str]], passage: Passage) -> tuple[Map[frozenset[str]], list[str]]:
    """Keep which indexes of each Job, by its uid, have succeeded."""
    said: list[str] = []
    for change in passage.changes:
        pod: Any = change.new if change.resource == "pods" else None
        owner = controller_of(pod) if pod is not None and _succeeds(change) else None
        index = None if owner is None else (pod.metadata.annotations or {}).get(_INDEX)
        if owner is None or owner.kind != "Job" or index is None:
            continue
        known = done.get(owner.uid, frozenset())
        if index in known:
            said.append(f"index {index} of Job {owner.name} succeeds once more in pod {change.key}")
        done = done.set(owner.uid, known | {index})
    return done, said


def _succeeds(change: Change) -> bool:
    old, new = change.old, change.new
    # One that is being deleted may have been replaced by then, unless its Job replaces failed pods only.
    if new.status is None or new.status.phase != "Succeeded" or new.metadata.deletion_timestamp is not None:
        return False
    return old is None or old.status is None or old.status.phase != "Succeeded"


def _follow_counts(_: None, passage: Passage) -> tuple[None, list[str]]:
    """A Job that has ended stays as it ended, and what was counted is never taken back."""
    said: list[str] = []
    for change in passage.changes:
        old, new = change.old, change.new
        if change.resource != _JOBS or old is None or new is None or old.status is new.status:
            continue
        if old.metadata.uid != new.metadata.uid or old.status is None or new.status is None:
            continue
        if _has_ended(old) and not _has_ended(new):
            said.append(f"Job {change.key} had ended and goes on")
        before, after = old.status.succeeded or 0, new.status.succeeded or 0
        if after < before and new.spec.completions == old.spec.completions:
            said.append(f"Job {change.key} had counted {before} that succeeded, counts {after}")
    return None, said


JOB_PROMISES: Final[tuple[Promise, ...]] = (
    Promise("no more pods than parallelism", ("pods",), _follow_pods(_too_many)),
    Promise("no more than completions", ("pods",), _follow_pods(_too_successful)),
    Promise("each index succeeds once", ("pods",), _follow_indexes, _begin_indexes),
    Promise("what a Job has counted stays", (_JOBS,), _follow_counts, lasts="always"),
    Promise("never two at once under Forbid", (_JOBS,), _follow_crons),
    Promise("one Job for each time", (_JOBS,), _follow_times, _begin_times),
)
"""What Jobs and CronJobs promise along a run."""


# At rest --------------------------------------------------------------------------------------------------------------


def tracked(cluster: Cluster) -> Iterator[str]:
    """Say which pods of a cluster at rest have ended, and are still held back to be counted."""
    for key, pod in cluster.store.table("pods").items():
        if pod.status.phase in _ENDED and _TRACKING in (pod.metadata.finalizers or ()):
            yield f"pod {key} has ended, and its Job has not let go of it"
