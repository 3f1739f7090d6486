"""Jobs end as declared in whatever order things happen."""

import pytest

from reconcile import Behaviours, Cluster, Submit, Topology, run, settle
from reconcile.driver import client
from reconcile.driver.policies import Shuffled
from reconcile.properties import broken
from reconcile.properties.jobs import JOBS

TOPOLOGY = Topology(nodes=2, behaviours=Behaviours.parse({"images": {"part": "start 1s, exit 0 after 2s"}}))
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "parts", "namespace": "default"},
    "spec": {
        "completions": 4,
        "parallelism": 2,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "part"}]}},
    },
}


@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
@pytest.mark.parametrize("seed", range(4))
def test_no_order_counts_a_pod_twice_or_never(seed, mode):
    booted = settle(Cluster.boot(TOPOLOGY, seed=3)).cluster
    body = {**JOB, "spec": {**JOB["spec"], "completionMode": mode}}
    asked = (Submit(request=client.create(body), tag="job"),)
    wandered = run(booted, asked, steps=1500, policy=Shuffled.of(seed))
    assert broken(wandered.cluster, JOBS) == ()
    end = settle(wandered.cluster)
    job = end.cluster.store.get("jobs.batch", "default/parts")
    assert end.settled, end.moving
    assert [each.type for each in job.status.conditions] == ["SuccessCriteriaMet", "Complete"]
    assert job.status.succeeded == 4
    assert len(end.cluster.objects("pods", namespace="default")) == 4
    assert broken(end.cluster, JOBS) == ()
