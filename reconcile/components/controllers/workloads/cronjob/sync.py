"""
Run a CronJob's Jobs at their times, and clear away those that are done.

Takes:    Ask: a CronJob's key, and the answers to what the look called for.
Gives:    Outcome.
Source:   pkg/controller/cronjob/cronjob_controllerv2.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.batch_v1 import CronJobStatus, Job
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import NOT_FOUND, message_of
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.components.controllers.workloads.cronjob import times
from reconcile.components.controllers.workloads.cronjob.memory import CRON_JOBS, Look, Memory
from reconcile.components.controllers.workloads.job.memory import JOBS, outcome_of
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.owners import is_controlled_by, owner_reference
from reconcile.model.requests import Request
from reconcile.model.text import schedules
from reconcile.model.text.schedules import Schedule

SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"

_CONFLICT: Final = 409


def reconcile(ask: Ask) -> Outcome:
    """Bring the CronJob with the asked key up to its schedule."""
    if ask.answers:
        look = ask.memory.looks.get(ask.key, None)
        return Outcome() if look is None else _gone_on(ask, look)
    cron = ask.views.get(CRON_JOBS, ask.key)
    if cron is None:
        return Outcome()
    if ask.key in ask.memory.moved:
        memory, schedule = Memory(ask.memory.looks, ask.memory.moved.remove(ask.key)), times.schedule_of(cron)
        wait = None if schedule is None else times.wait(cron, schedule, ask.now)
        return Outcome(memory=memory, after=wait, after_is_periodic=True)
    owned = ask.views.table(JOBS).under("owner", cron.metadata.uid)
    jobs = tuple([job for job in owned if is_controlled_by(job, cron)])
    return _begun(ask, Look(cron=cron, status=cron.status or CronJobStatus(), jobs=jobs))


def _gone_on(ask: Ask, look: Look) -> Outcome:
    match look.stage:
        case "clean":
            return _checking(ask, _deleted(ask, look))
        case "check":
            return _on_checked(ask, look)
        case "find":
            return _on_found(ask, look)
        case "replace":
            return _on_replaced(ask, look)
        case "create":
            return _on_created(ask, look)
        case "adopt":
            return _on_existing(ask, look)
        case _:
            return _on_saved(ask, look)


def _called(ask: Ask, look: Look, stage: str, calls: list[Request]) -> Outcome:
    kept = replace(look, stage=stage, records=())
    memory = Memory(ask.memory.looks.set(ask.key, kept), ask.memory.moved)
    return Outcome(calls=tuple(calls), records=look.records, memory=memory, again=True)


def _recorded(look: Look, type: Any, reason: str, message: str) -> Look:
    return replace(look, records=(*look.records, Record(look.cron, type, reason, message)))


def _on_job(verb: Any, namespace: str | None, name: str | None) -> Request:
    body = meta_v1.DeleteOptions(propagation_policy="Background") if verb == "delete" else None
    return Request(verb=verb, resource=JOBS, namespace=namespace or "", name=name or "", body=body)


# What is done ---------------------------------------------------------------------------------------------------------


def _begun(ask: Ask, look: Look) -> Outcome:
    """Delete the Jobs that are too many to be kept for their history."""
    spec = look.cron.spec
    old = [*_beyond(look.jobs, "Complete", spec.successful_jobs_history_limit)]
    old += _beyond(look.jobs, "Failed", spec.failed_jobs_history_limit)
    if not old:
        return _checking(ask, look)
    return _called(ask, look, "clean", [_on_job("delete", job.metadata.namespace, job.metadata.name) for job in old])


def _beyond(jobs: tuple[Any, ...], outcome: str, limit: int | None) -> list[Any]:
    """Give the Jobs that ended so beyond the *limit* latest."""
    ended = sorted([job for job in jobs if outcome_of(job) == outcome], key=_age)
    return [] if limit is None else ended[: max(len(ended) - limit, 0)]


def _age(job: Any) -> tuple[bool, Instant, str]:
    started = job.status.start_time if job.status else None
    return started is None, 0 if started is None else started.instant, job.metadata.name


def _deleted(ask: Ask, look: Look) -> Look:
    """Take the answers to deletions of Jobs in."""
    for request, response in ask.answers:
        if not response.ok:
            look = _recorded(look, "Warning", "FailedDelete", f"Deleted job: {message_of(response)}")
            continue
        look = replace(look, status=_without(look.status, request.name), dirty=True)
        look = _recorded(look, "Normal", "SuccessfulDelete", f"Deleted job {request.name}")
    return look


def _without(status: CronJobStatus, name: str) -> CronJobStatus:
    active = tuple([one for one in status.active or () if one.name != name])
    return replace(status, active=active or None)


def _checking(ask: Ask, look: Look) -> Outcome:
    """Ask the API server of Jobs that are not where the status and the cache expect them."""
    active = {one.uid: one for one in look.status.active or ()}
    calls = []
    if any(not outcome_of(job) and job.metadata.uid not in active for job in look.jobs):
        metadata = look.cron.metadata
        calls.append(Request(verb="get", resource=CRON_JOBS, namespace=metadata.namespace, name=metadata.name))
    present = [job.metadata.uid for job in look.jobs]
    calls += [_on_job("get", one.namespace, one.name) for uid, one in active.items() if uid not in present]
    return _called(ask, look, "check", calls) if calls else _scheduled(ask, _updated(look))


def _on_checked(ask: Ask, look: Look) -> Outcome:
    for request, response in ask.answers:
        if not response.ok and (request.resource == CRON_JOBS or response.code != NOT_FOUND):
            return _saving(ask, replace(look, error=message_of(response)))
    for request, response in ask.answers:
        if request.resource == CRON_JOBS:
            look = _with_unexpected(look, response.body)
    look = _updated(look)
    for request, response in ask.answers:
        if request.resource == JOBS and not response.ok:
            look = _recorded(look, "Normal", "MissingJob", f"Active job went missing: {request.name}")
            look = replace(look, status=_without(look.status, request.name), dirty=True)
    return _scheduled(ask, look)


def _with_unexpected(look: Look, fresh: Any) -> Look:
    """Say which Jobs the status does not know, not even as the API server has it."""
    known = [one.uid for one in (fresh.status.active if fresh.status else None) or ()]
    strange = [job for job in look.jobs if not outcome_of(job) and job.metadata.uid not in known]
    if not strange:
        return replace(look, cron=fresh, status=fresh.status or CronJobStatus())
    ours = [one.uid for one in look.status.active or ()]
    for job in strange:
        if job.metadata.uid not in ours:
            message = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
            look = _recorded(look, "Warning", "UnexpectedJob", message)
    return look


def _updated(look: Look) -> Look:
    """Take the Jobs that ended off the active ones, and note when the last one succeeded."""
    for job in look.jobs:
        outcome, uid = outcome_of(job), job.metadata.uid
        if not outcome:
            continue
        if any(one.uid == uid for one in look.status.active or ()):
            message = f"Saw completed job: {job.metadata.name}, condition: {outcome}"
            look = _recorded(look, "Normal", "SawCompletedJob", message)
            look = replace(look, status=_without(look.status, job.metadata.name), dirty=True)
        ended, known = job.status.completion_time, look.status.last_successful_time
        if outcome == "Complete" and ended is not None and (known is None or ended > known):
            look = replace(look, status=replace(look.status, last_successful_time=ended), dirty=True)
    return look


# What is to be done ---------------------------------------------------------------------------------------------------


def _scheduled(ask: Ask, look: Look) -> Outcome:
    """Judge whether a time has come that is to be run."""
    cron, now = look.cron, ask.now
    spec = cron.spec
    if cron.metadata.deletion_timestamp is not None:
        return _saving(ask, look)
    if spec.time_zone is not None and schedules.zone_faults(spec.time_zone):
        message = f'invalid timeZone: "{spec.time_zone}": {schedules.zone_faults(spec.time_zone)[-1]}'
        return _saving(ask, _recorded(look, "Warning", "UnknownTimeZone", message))
    if spec.suspend:
        return _saving(ask, look)
    if "TZ" in spec.schedule:
        look = _recorded(look, "Warning", "UnsupportedSchedule", _unsupported(spec.schedule))
    schedule = times.schedule_of(cron)
    if schedule is None:
        message = f'unparseable schedule: "{spec.schedule}" : {schedules.schedule_fault(spec.schedule)}'
        return _saving(ask, _recorded(look, "Warning", "UnparseableSchedule", message))
    found = times.times(replace(cron, status=look.status), schedule, now, in_time=True)
    if found.is_none:
        message = f"invalid schedule: {spec.schedule} : {times.NO_SCHEDULE}"
        return _saving(ask, _recorded(look, "Warning", "InvalidSchedule", message))
    return _due(ask, look, schedule, found)


def _unsupported(schedule: str) -> str:
    return (
        f'CRON_TZ or TZ used in schedule "{schedule}" is not officially supported, see'
        " https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
    )


def _due(ask: Ask, look: Look, schedule: Schedule, found: times.Times) -> Outcome:
    cron, status, now = look.cron, look.status, ask.now
    spec, last = cron.spec, found.last
    if last is None:
        return _waiting(ask, look, schedule)
    if found.missed > times.MANY:
        message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        look = _recorded(look, "Warning", "TooManyMissedTimes", message)
    limit = spec.starting_deadline_seconds
    if limit is not None and last + limit * SECOND < now:
        message = f"Missed scheduled time to start a job: {times.in_words(last)}"
        return _waiting(ask, _recorded(look, "Warning", "MissSchedule", message), schedule)
    name, active = times.job_name(cron, last), status.active or ()
    ran = status.last_schedule_time is not None and status.last_schedule_time.instant == last
    if ran or any(one.name == name for one in active):
        return _waiting(ask, look, schedule)
    if spec.concurrency_policy == "Forbid" and active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return _waiting(ask, _recorded(look, "Normal", "JobAlreadyActive", message), schedule)
    look = replace(look, scheduled=last)
    if spec.concurrency_policy == "Replace" and active:
        return _called(ask, look, "find", [_on_job("get", one.namespace, one.name) for one in active])
    return _creating(ask, look)


def _waiting(ask: Ask, look: Look, schedule: Schedule) -> Outcome:
    cron = replace(look.cron, status=look.status)
    return _saving(ask, replace(look, after=times.wait(cron, schedule, ask.now)))


def _on_found(ask: Ask, look: Look) -> Outcome:
    for _, response in ask.answers:
        if not response.ok:
            look = _recorded(look, "Warning", "FailedGet", f"Get job: {message_of(response)}")
            return _saving(ask, replace(look, error=message_of(response)))
    return _called(
        ask, look, "replace", [_on_job("delete", request.namespace, request.name) for request, _ in ask.answers]
    )


def _on_replaced(ask: Ask, look: Look) -> Outcome:
    look = _deleted(ask, look)
    for request, response in ask.answers:
        if not response.ok:
            return _saving(ask, replace(look, error=f"could not replace job {request.namespace}/{request.name}"))
    return _creating(ask, look)


def _creating(ask: Ask, look: Look) -> Outcome:
    cron, template = look.cron, look.cron.spec.job_template
    of_template = template.metadata or meta_v1.ObjectMeta()
    namespace = cron.metadata.namespace
    annotations = Map(of_template.annotations or {}).set(SCHEDULED_AT, times.in_zone(cron, look.scheduled))
    metadata = meta_v1.ObjectMeta(
        name=times.job_name(cron, look.scheduled),
        namespace=namespace,
        labels=of_template.labels,
        annotations=annotations,
        owner_references=(owner_reference(cron),),
    )
    body = Job(metadata=metadata, spec=template.spec)
    return _called(ask, look, "create", [Request(verb="create", resource=JOBS, namespace=namespace, body=body)])


def _on_created(ask: Ask, look: Look) -> Outcome:
    request, response = ask.answers[0]
    if response.ok:
        said = f"Created job {response.body.metadata.name}"
        return _running(ask, _recorded(look, "Normal", "SuccessfulCreate", said), response.body)
    if response.code == _CONFLICT and response.reason == "AlreadyExists":
        return _called(ask, look, "adopt", [_on_job("get", request.namespace, request.body.metadata.name)])
    message = message_of(response)
    details = response.body.details
    if not any(cause.reason == "NamespaceTerminating" for cause in (details.causes if details else None) or ()):
        look = _recorded(look, "Warning", "FailedCreate", f"Error creating job: {message}")
    return _saving(ask, replace(look, error=message))


def _on_existing(ask: Ask, look: Look) -> Outcome:
    """Take the Job in that is there already; it is ours if we created it and could not say so."""
    response = ask.answers[0][1]
    if not response.ok:
        return _saving(ask, replace(look, error=message_of(response)))
    job = response.body
    if not is_controlled_by(job, look.cron) or job.metadata.uid in [one.uid for one in look.status.active or ()]:
        return _saving(ask, look)
    return _running(ask, look, job)


def _running(ask: Ask, look: Look, job: Any) -> Outcome:
    metadata = job.metadata
    reference = core_v1.ObjectReference(
        api_version="batch/v1",
        kind="Job",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    active = (*(look.status.active or ()), reference)
    status = replace(look.status, active=active, last_schedule_time=Time.at(look.scheduled))
    look = replace(look, status=status, dirty=True)
    schedule = times.schedule_of(look.cron)
    return _saving(ask, look) if schedule is None else _waiting(ask, look, schedule)


# The status -----------------------------------------------------------------------------------------------------------


def _saving(ask: Ask, look: Look) -> Outcome:
    """Write the status if it is another one; be done."""
    if not look.dirty:
        return _done(ask, look)
    metadata = look.cron.metadata
    request = Request(
        verb="update",
        resource=CRON_JOBS,
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=replace(look.cron, status=look.status),
    )
    return _called(ask, look, "save", [request])


def _on_saved(ask: Ask, look: Look) -> Outcome:
    response = ask.answers[0][1]
    return _done(ask, look if response.ok else replace(look, error=message_of(response)))


def _done(ask: Ask, look: Look) -> Outcome:
    looks = ask.memory.looks
    memory = Memory(looks.remove(ask.key) if ask.key in looks else looks, ask.memory.moved)
    return Outcome(records=look.records, memory=memory, error=look.error, after=look.after, after_is_periodic=True)
