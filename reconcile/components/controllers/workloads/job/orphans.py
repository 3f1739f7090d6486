"""
Let go of pods that wait to be counted by a Job that is gone, or that has ended.

Takes:    Ask: a pod's key.
Gives:    the patch that removes its finalizer.
Source:   pkg/controller/job/job_controller.go: syncOrphanPod.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.controllers.answers import is_done, message_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.workloads.job import memory
from reconcile.components.controllers.workloads.job.memory import JOBS
from reconcile.components.controllers.workloads.job.scaling import released
from reconcile.model.owners import controller_of
from reconcile.store import Change


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give a pod that waits to be counted, if nobody will count it; it costs the others nothing."""
    pod = change.new
    if pod is None or not pod.metadata.finalizers:
        return ()
    if not memory.is_tracked(pod) or not _is_orphan(pod, views):
        return ()
    # One whose Job is gone is let go when it is deleted itself, as it will be.
    return (change.key,) if pod.metadata.deletion_timestamp is not None or controller_of(pod) is None else ()


def keys_of_job(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the pods of a Job that is gone, or has ended."""
    if change.new is not None and not memory.is_finished(change.new):
        return ()
    pods, job = views.table("pods"), change.new or change.old
    return tuple([key for key in pods.keys_under("owner", job.metadata.uid) if memory.is_tracked(pods[key])])


def _is_orphan(pod: Any, views: Views) -> bool:
    """Tell whether the pod has no controller, or a Job as such that is gone or has ended."""
    reference = controller_of(pod)
    if reference is None:
        return True
    if reference.kind != "Job" or reference.api_version != "batch/v1":
        return False
    job = views.get(JOBS, f"{pod.metadata.namespace}/{reference.name}")
    if job is None or job.metadata.uid != reference.uid:
        return True
    return job.spec.managed_by in (None, "kubernetes.io/job-controller") and memory.is_finished(job)


def reconcile(ask: Ask) -> Outcome:
    """Remove the finalizer of one pod, if nobody will count it."""
    if ask.answers:
        answer = ask.answers[0][1]
        return Outcome() if is_done(answer) else Outcome(error=message_of(answer))
    pod = ask.views.get("pods", ask.key)
    if pod is None or not memory.is_tracked(pod) or not _is_orphan(pod, ask.views):
        return Outcome()
    return Outcome(calls=(released(pod),), again=True)
