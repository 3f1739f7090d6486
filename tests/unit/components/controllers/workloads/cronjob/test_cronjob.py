"""CronJobs in a whole cluster, minute by minute; it begins a little after midnight of 2026-01-01."""

import pytest

from reconcile.components.controllers.workloads.cronjob import sync
from reconcile.lib.replacing import replace
from tests.unit.components.controllers.real import Real, job


def cron(image, schedule="* * * * *", **spec):
    template = {"metadata": {"labels": {"app": "tick"}}, "spec": job(image)["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


def run(body, seconds):
    real = Real()
    real.create(body)
    real.run(seconds)
    return real


def scheduled(real):
    return [each["metadata"]["annotations"][sync.SCHEDULED_AT] for each in real.all("jobs")]


def test_a_job_each_minute():
    real = run(cron("done"), 130)
    assert real.broken == []
    assert len(real.all("jobs")) == 2
    first = real.all("jobs")[0]["metadata"]
    assert first["labels"]["app"] == "tick"
    assert first["ownerReferences"][0]["kind"] == "CronJob"
    at = first["annotations"][sync.SCHEDULED_AT]
    assert at.endswith(":00Z")
    status = real.get("cronjobs", "tick")["status"]
    assert "active" not in status
    assert status["lastScheduleTime"] == scheduled(real)[-1]
    assert status["lastSuccessfulTime"] > status["lastScheduleTime"]
    name = first["name"]
    assert real.events("CronJob")[:2] == [
        ("SuccessfulCreate", f"Created job {name}"),
        ("SawCompletedJob", f"Saw completed job: {name}, condition: Complete"),
    ]


def test_the_clocks_of_a_zone():
    real = run(cron("done", "0 6 * * *", timeZone="Asia/Kolkata"), 1900)
    assert scheduled(real) == ["2026-01-01T06:00:00+05:30"]


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
def test_what_becomes_of_one_that_still_runs(policy, jobs):
    real = run(cron("work", concurrencyPolicy=policy), 190)
    assert real.broken == []
    assert len(real.all("jobs")) == jobs
    reasons = {reason for reason, _ in real.events("CronJob")}
    assert ("JobAlreadyActive" in reasons) is (policy == "Forbid")
    assert ("SuccessfulDelete" in reasons) is (policy == "Replace")


@pytest.mark.parametrize(("image", "kept"), [("done", 2), ("fail", 1)])
def test_what_is_kept(image, kept):
    body = cron(image, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1)
    body["spec"]["jobTemplate"]["spec"]["backoffLimit"] = 0
    real = run(body, 400)
    assert len(real.all("jobs")) in (kept, kept + 1)  # one may be running


def test_suspended_and_too_late():
    real = run(cron("done", suspend=True, startingDeadlineSeconds=10), 200)
    assert real.all("jobs") == []
    real.run(30 - (real.machine.now // 10**9) % 60 % 30)
    real.patch("cronjobs", "tick", {"spec": {"suspend": False}})
    real.run(1)
    assert real.all("jobs") == []


def test_many_times_were_missed():
    real = run(cron("done", suspend=True), 2)
    real.run(3 * 3600)
    real.patch("cronjobs", "tick", {"spec": {"suspend": False}})
    real.run(5)
    assert len(real.all("jobs")) == 1
    assert "TooManyMissedTimes" in {reason for reason, _ in real.events("CronJob")}


def test_another_schedule_waits_for_its_own_time():
    real = run(cron("done", "0 0 1 1 *"), 100)
    real.patch("cronjobs", "tick", {"spec": {"schedule": "* * * * *"}})
    real.run(1)
    assert real.all("jobs") == []
    real.run(61)
    assert len(real.all("jobs")) == 1


def test_no_time_at_all():
    real = run(cron("done", "0 0 31 2 *"), 5)
    said = "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
    assert ("InvalidSchedule", said) in real.events("CronJob")


def test_its_promises_are_looked_at(monkeypatch):
    due = sync._due
    allowed = lambda cron: replace(cron, spec=replace(cron.spec, concurrency_policy="Allow"))  # noqa: E731
    monkeypatch.setattr(sync, "_due", lambda ask, look, *rest: due(ask, replace(look, cron=allowed(look.cron)), *rest))
    real = run(cron("work", concurrencyPolicy="Forbid"), 130)
    assert real.broken[0].startswith("never two at once under Forbid: default/tick runs tick-")


def test_one_job_for_each_time_is_looked_at(monkeypatch):
    monkeypatch.setattr(sync, "_running", lambda ask, look, job: sync._done(ask, look))
    real = run(cron("done", successfulJobsHistoryLimit=0), 70)
    real.patch("cronjobs", "tick", {"metadata": {"labels": {"touched": "yes"}}})
    real.run(2)
    assert real.broken[0].startswith("one Job for each time: default/tick made 2 Jobs for 2026-01-01T00:0")
