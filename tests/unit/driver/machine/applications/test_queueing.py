"""Queues of work that the pods of a Job share."""

import pytest

from reconcile import Behaviours, Cluster, ReconcileError, Submit, Topology, apply, run, settle, step
from reconcile.api import meta_v1
from reconcile.driver.client import delete
from reconcile.events import StopHost
from reconcile.lib.instant import SECOND

IMAGES = {
    "worker": "pull 100ms, start 100ms, works off papers each 4s",
    "one": "pull 100ms, start 100ms, works one of papers each 4s",
    "flaky": "pull 100ms, start 100ms, works off papers each 4s, exit 1 after 6s",
}


def job(image, **spec):
    container = {"name": "c", "image": image}
    template = {"spec": {"restartPolicy": spec.pop("restart", "Never"), "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {**spec, "template": template},
    }


def cluster_of(items, manifest, nodes=2):
    behaviours = Behaviours.parse({"images": IMAGES, "queues": {"papers": items}})
    cluster = settle(Cluster.boot(Topology(nodes=nodes, behaviours=behaviours, heartbeats=False), seed=1)).cluster
    cluster, response = apply(cluster, manifest)
    assert response.ok, response.body.message
    return cluster


def took(cluster):
    """How many seconds the Job took."""
    status = cluster.get("jobs.batch", "work").status
    return (status.completion_time.instant - status.start_time.instant) // SECOND


def after(cluster, seconds):
    return run(cluster, until=cluster.now + seconds * SECOND).cluster


def queue(cluster):
    found = cluster.programs.queues["papers"]
    return found.done, len(found.held)


@pytest.mark.parametrize(("parallelism", "rounds"), [(1, 6), (3, 2), (4, 2)])
def test_the_pods_of_a_job_share_a_queue_and_end_when_it_is_empty(parallelism, rounds):
    cluster = settle(cluster_of(6, job("worker", parallelism=parallelism))).cluster
    status = cluster.get("jobs.batch", "work").status
    assert (status.succeeded, status.failed) == (parallelism, None)
    assert queue(cluster) == (6, 0)
    assert 4 * rounds <= took(cluster) <= 4 * rounds + 4


def test_who_takes_one_item_ends_with_it():
    cluster = settle(cluster_of(3, job("one", parallelism=1, completions=3))).cluster
    assert queue(cluster) == (3, 0)
    assert took(cluster) >= 12


def test_an_empty_queue_ends_whoever_looks_into_it():
    cluster = settle(cluster_of(0, job("worker", parallelism=2))).cluster
    assert cluster.get("jobs.batch", "work").status.succeeded == 2


def test_the_item_of_one_that_fails_is_taken_by_another():
    cluster = cluster_of(4, job("flaky", parallelism=1, backoffLimit=6))
    cluster = settle(cluster).cluster
    status = cluster.get("jobs.batch", "work").status
    assert queue(cluster) == (4, 0)
    assert status.succeeded == 1
    assert status.failed == 3  # each does one, and fails over the next; the last one finds none


def test_the_item_of_a_pod_that_goes_comes_back_and_who_has_none_waits_for_it():
    cluster = after(cluster_of(2, job("worker", parallelism=2)), 3)
    assert queue(cluster) == (0, 2)
    now = meta_v1.DeleteOptions(grace_period_seconds=0)
    pods = sorted(key for key in cluster.store.table("pods") if key.startswith("default/work"))
    cluster, _ = step(cluster, Submit(delete("pods", pods[0].partition("/")[2], options=now)))
    cluster = settle(cluster).cluster
    assert queue(cluster) == (2, 0)


def test_the_item_of_a_host_that_is_off_comes_back():
    cluster = after(cluster_of(2, job("worker", parallelism=2), nodes=3), 3)
    hosts = sorted({pod.spec.node_name for pod in cluster.store.table("pods").under("namespace", "default")})
    assert len(hosts) == 2
    cluster, _ = step(cluster, StopHost(hosts[1]))
    cluster = after(cluster, 20)
    assert queue(cluster) == (2, 0)


def test_a_queue_that_nobody_filled_is_refused():
    with pytest.raises(
        ReconcileError, match=r"images.'a'.: 'works off papers each 1s': there is no queue of this name"
    ):
        Behaviours.parse({"images": {"a": "works off papers each 1s"}})
    for queues in ({"papers": -1}, {"papers": "3"}, {"Papers": 1}, [1]):
        with pytest.raises(ReconcileError, match="queues"):
            Behaviours.parse({"queues": queues})
