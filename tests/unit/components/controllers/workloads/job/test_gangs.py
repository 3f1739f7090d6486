"""Gangs: a Job whose pods run side by side has a Workload and a PodGroup, where WorkloadWithJob is on."""

import pytest

from reconcile.components.controllers.workloads.hashing import fnv_of
from reconcile.components.controllers.workloads.job.gangs import group_name
from reconcile.driver import client
from tests.unit.components.controllers.real import Real, conditions, job

GATES = ("GenericWorkload", "GangScheduling", "WorkloadWithJob")
TOGETHER = {"completions": 3, "parallelism": 3, "completionMode": "Indexed"}


@pytest.fixture
def real():
    return Real(*GATES)


def test_names_are_upstreams():
    assert f"train-{fnv_of('(types.UID)9998183b-1118-470e-9d30-8439d5c6241e')}" == "train-688fc6dbd7"
    assert group_name("train-688fc6dbd7", "train-pgt-0") == "train-688fc6dbd7-train-pgt-0-788c9b75ff"


@pytest.mark.parametrize(("workload", "template"), [(300, 10), (10, 300), (300, 300), (126, 300)])
def test_of_names_that_are_too_long_the_longer_one_gives_way(workload, template):
    first, second, _ = group_name("w" * workload, "t" * template).split("-")
    assert len(group_name("w" * workload, "t" * template)) == 253
    assert len(first) == 10 if workload == 10 else len(first) > 100
    assert len(second) == 10 if template == 10 else len(second) > 100


def test_its_pods_name_a_group_of_its_own(real):
    real.create(job("work", **TOGETHER))
    real.run(5)
    found = real.get("jobs", "work")
    (workload,), (group,) = real.all("workloads"), real.all("podgroups")
    assert workload["spec"] == {
        "controllerRef": {"apiGroup": "batch", "kind": "Job", "name": "work"},
        "podGroupTemplates": [{"name": "work-pgt-0", "schedulingPolicy": {"gang": {"minCount": 3}}}],
    }
    assert [(each["kind"], each.get("controller")) for each in group["metadata"]["ownerReferences"]] == [
        ("Job", True),
        ("Workload", None),
    ]
    name = group["metadata"]["name"]
    pods = real.all("pods")
    assert [pod["spec"]["schedulingGroup"] for pod in pods] == [{"podGroupName": name}] * 3
    assert all(pod["spec"]["nodeName"] for pod in pods)
    assert conditions(group) == [("PodGroupScheduled", "True", "Scheduled")]
    assert ("WorkloadCreated", f"Created Workload {workload['metadata']['name']} for Job work") in real.events("Job")
    refused = client.asked(real.machine, client.patch("jobs", "work", {"spec": {"parallelism": 2}}))
    why = f'cannot change parallelism for a Job referencing gang-scheduled PodGroup "{name}"'
    assert (refused.code, refused.body.message) == (403, f'jobs.batch "work" is forbidden: {why}')
    assert found["spec"]["parallelism"] == 3
    real.delete("jobs", "work")
    real.run(60)
    assert [real.all(kind) for kind in ("pods", "workloads", "podgroups")] == [[], [], []]


def test_pods_for_which_there_is_no_room_wait_together(real):
    body = job("work", **TOGETHER)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "3"}}
    real.create(body)
    real.run(5)
    assert not any("nodeName" in pod["spec"] for pod in real.all("pods"))
    assert [conditions(group) for group in real.all("podgroups")] == [[("PodGroupScheduled", "False", "Unschedulable")]]


@pytest.mark.parametrize(
    "spec",
    [
        {"completions": 3, "parallelism": 3},
        {"completions": 3, "parallelism": 2, "completionMode": "Indexed"},
        {"completions": 1, "parallelism": 1, "completionMode": "Indexed"},
    ],
)
def test_other_jobs_have_none(real, spec):
    real.create(job("done", **spec))
    real.run(5)
    assert real.all("pods")
    assert (real.all("workloads"), real.all("podgroups")) == ([], [])


def test_without_the_gate_no_job_has_one():
    real = Real("GenericWorkload")
    real.create(job("done", **TOGETHER))
    real.run(5)
    assert (len(real.all("pods")), real.all("workloads")) == (3, [])


def test_somebody_elses_workload_is_left_alone(real):
    template = {"name": "mine", "schedulingPolicy": {"basic": {}}}
    real.create(
        {
            "apiVersion": "scheduling.k8s.io/v1alpha2",
            "kind": "Workload",
            "metadata": {"name": "mine"},
            "spec": {
                "controllerRef": {"apiGroup": "batch", "kind": "Job", "name": "work"},
                "podGroupTemplates": [template],
            },
        }
    )
    real.create(job("work", **TOGETHER))
    real.run(5)
    assert (len(real.all("workloads")), real.all("podgroups")) == (1, [])
    assert not any("schedulingGroup" in pod["spec"] for pod in real.all("pods"))
