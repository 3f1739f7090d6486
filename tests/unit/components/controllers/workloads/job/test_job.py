"""Jobs, from their creation to their end, in a whole cluster."""

from itertools import pairwise

import pytest

from reconcile.components.controllers.workloads.job import scaling
from tests.unit.components.controllers.real import INDEX, Real, conditions, job

COMPLETE = [("SuccessCriteriaMet", "True", "CompletionsReached"), ("Complete", "True", "CompletionsReached")]


def failed(reason):
    return [("FailureTarget", "True", reason), ("Failed", "True", reason)]


def run(body, seconds=30):
    real = Real()
    real.create(body)
    real.run(seconds)
    assert real.broken == []
    return real, real.get("jobs", "work")


def test_it_runs_as_often_as_declared():
    real, found = run(job("done", completions=5, parallelism=2))
    status = found["status"]
    assert conditions(found) == COMPLETE
    assert (status["succeeded"], status["ready"], status["terminating"]) == (5, 0, 0)
    assert "active" not in status
    assert "failed" not in status
    assert status["completionTime"] > status["startTime"]
    pods = real.all("pods")
    assert len(pods) == 5
    assert not any("finalizers" in pod["metadata"] for pod in pods)
    assert real.events("Job")[-1] == ("Completed", "Job completed")


def test_pods_wait_to_be_counted():
    real, _ = run(job("work"), seconds=2)
    assert [pod["metadata"]["finalizers"] for pod in real.all("pods")] == [["batch.kubernetes.io/job-tracking"]]


def test_failed_pods_back_off_twice_as_long_each_time():
    real, found = run(job("fail", backoffLimit=3), seconds=100)
    assert conditions(found) == failed("BackoffLimitExceeded")
    assert found["status"]["failed"] == 4
    made = sorted(pod["metadata"]["creationTimestamp"] for pod in real.all("pods"))
    seconds = [int(at[14:16]) * 60 + int(at[17:19]) for at in made]
    waits = [later - sooner for sooner, later in pairwise(seconds)]
    assert [10 <= waits[0] <= 12, 20 <= waits[1] <= 22, 40 <= waits[2] <= 42] == [True] * 3
    assert ("BackoffLimitExceeded", "Job has reached the specified backoff limit") in real.events("Job")


def test_indexed_pods_know_their_index():
    real, found = run(job("done", completions=3, parallelism=3, completionMode="Indexed"))
    assert found["status"]["completedIndexes"] == "0-2"
    pods = sorted(real.all("pods"), key=lambda pod: pod["metadata"]["name"])
    assert [pod["metadata"]["labels"][INDEX] for pod in pods] == ["0", "1", "2"]
    assert [pod["metadata"]["annotations"][INDEX] for pod in pods] == ["0", "1", "2"]
    assert [pod["spec"]["hostname"] for pod in pods] == ["work-0", "work-1", "work-2"]
    field = {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": field}}
    assert pods[0]["spec"]["containers"][0]["env"] == [variable]


def test_an_index_may_fail_by_itself():
    body = job("first", completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=1)
    real, found = run(body, seconds=60)
    assert conditions(found) == failed("FailedIndexes")
    assert (found["status"]["completedIndexes"], found["status"]["failedIndexes"]) == ("1,2", "0")
    counts = [pod["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] for pod in real.all("pods")]
    assert sorted(counts) == ["0", "0", "0", "1"]


def test_too_many_failed_indexes():
    body = job(
        "fail", completions=3, parallelism=1, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=0
    )
    _, found = run(body)
    assert conditions(found) == failed("MaxFailedIndexesExceeded")


@pytest.mark.parametrize(
    ("action", "ended", "count"),
    [
        ("FailJob", failed("PodFailurePolicy"), 1),
        ("Count", failed("BackoffLimitExceeded"), 1),
        ("Ignore", [], None),
    ],
)
def test_what_a_failure_means(action, ended, count):
    rule = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
    _, found = run(job("fail42", backoffLimit=0, podFailurePolicy={"rules": [rule]}))
    assert conditions(found) == ended
    assert found["status"].get("failed") == count


def test_why_a_failure_fails_the_job():
    rule = {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [1], "containerName": "c"}}
    real, found = run(job("fail42", podFailurePolicy={"rules": [rule]}))
    name = real.all("pods")[0]["metadata"]["name"]
    said = f"Container c for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    assert found["status"]["conditions"][-1]["message"] == said


def test_success_by_policy():
    policy = {"rules": [{"succeededIndexes": "1", "succeededCount": 1}]}
    _, found = run(job("done", completions=3, parallelism=2, completionMode="Indexed", successPolicy=policy))
    assert conditions(found) == [("SuccessCriteriaMet", "True", "SuccessPolicy"), ("Complete", "True", "SuccessPolicy")]
    assert found["status"]["conditions"][0]["message"] == "Matched rules at index 0"


def test_it_is_suspended_and_resumed():
    real, found = run(job("work", suspend=True, parallelism=2, completions=2), seconds=3)
    assert conditions(found) == [("Suspended", "True", "JobSuspended")]
    assert "startTime" not in found["status"]
    assert real.all("pods") == []
    real.patch("jobs", "work", {"spec": {"suspend": False}})
    real.run(3)
    found = real.get("jobs", "work")
    assert conditions(found) == [("Suspended", "False", "JobResumed")]
    assert found["status"]["active"] == 2
    real.patch("jobs", "work", {"spec": {"suspend": True}})
    real.run(10)
    assert real.all("pods") == []
    assert [reason for reason, _ in real.events("Job")].count("SuccessfulDelete") == 2


def test_its_deadline():
    real, found = run(job("work", activeDeadlineSeconds=5), seconds=15)
    assert conditions(found) == failed("DeadlineExceeded")
    assert all(pod["status"]["phase"] == "Failed" for pod in real.all("pods"))


def test_more_and_fewer_at_a_time():
    real, _ = run(job("work", parallelism=1, completions=9), seconds=3)
    real.patch("jobs", "work", {"spec": {"parallelism": 4}})
    real.run(3)
    assert real.get("jobs", "work")["status"]["active"] == 4
    real.patch("jobs", "work", {"spec": {"parallelism": 1}})
    real.run(5)
    assert real.get("jobs", "work")["status"]["active"] == 1


def test_it_may_grow_and_shrink_where_it_is_indexed():
    real, _ = run(job("work", parallelism=2, completions=2, completionMode="Indexed"), seconds=3)
    real.patch("jobs", "work", {"spec": {"parallelism": 3, "completions": 3}})
    real.run(3)
    assert sorted(pod["metadata"]["labels"][INDEX] for pod in real.all("pods")) == ["0", "1", "2"]
    real.patch("jobs", "work", {"spec": {"parallelism": 1, "completions": 1}})
    real.run(5)
    assert [pod["metadata"]["labels"][INDEX] for pod in real.all("pods")] == ["0"]


@pytest.mark.parametrize(("policy", "at_once"), [("TerminatingOrFailed", 2), ("Failed", 1)])
def test_when_a_pod_is_replaced(policy, at_once):
    real, _ = run(job("linger", podReplacementPolicy=policy), seconds=3)
    real.delete("pods", real.all("pods")[0]["metadata"]["name"])
    real.run(15)
    assert len(real.all("pods")) == at_once
    real.run(30)
    assert real.get("jobs", "work")["status"]["failed"] == 1


def test_another_manages_it():
    real, found = run(job("done", managedBy="example.com/other"), seconds=5)
    assert real.all("pods") == []
    assert not found.get("status")


def test_a_job_that_is_deleted_takes_its_pods_along():
    real, _ = run(job("work", parallelism=2), seconds=3)
    real.delete("jobs", "work")
    real.run(10)
    assert (real.get("jobs", "work"), real.all("pods")) == (None, [])


def test_containers_that_restart_count():
    _, found = run(job("fail", restart="OnFailure", backoffLimit=1), seconds=60)
    assert conditions(found) == failed("BackoffLimitExceeded")


def test_a_finished_job_goes_when_its_time_is_over():
    real, found = run(job("done", ttlSecondsAfterFinished=20), seconds=10)
    assert conditions(found) == COMPLETE
    real.run(20)
    assert (real.get("jobs", "work"), real.all("pods")) == (None, [])


def test_its_promises_are_looked_at(monkeypatch):
    wanted = scaling._wanted
    monkeypatch.setattr(scaling, "_wanted", lambda desk: wanted(desk) + 1)
    real = Real()
    real.create(job("done", completions=2, parallelism=2))
    real.run(5)
    assert real.broken[:2] == [
        "no more pods than parallelism: default/work has 3 active pods, and a parallelism of 2",
        "no more than completions: default/work has 3 active and 0 succeeded pods for 2 completions",
    ]
