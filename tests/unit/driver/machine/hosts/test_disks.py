"""What a kubelet leaves on its host's disk."""

import pytest

from reconcile.driver import run, step
from reconcile.driver.client import apply
from reconcile.events import Freeze, StartHost, StartProcess, StopHost, StopProcess
from reconcile.lib.instant import SECOND
from tests.unit.driver.lab import booted

KUBELET = "kubelet/node-1"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "1"}}}]},
}


def cluster_with_a_pod():
    cluster, response = apply(booted(), POD)
    assert response.ok, response.body
    return run(cluster, until=cluster.now + 10 * SECOND).cluster


def kept(cluster):
    found = cluster.hosts["node-1"].kept
    return [] if found is None else [row.containers["web"].requests["cpu"].text for row in found.allocations.values()]


@pytest.mark.parametrize(
    ("ends", "begins"),
    [
        ((StopProcess(KUBELET),), StartProcess(KUBELET)),
        ((Freeze(KUBELET), StopProcess(KUBELET)), StartProcess(KUBELET)),
        ((StopHost("node-1"),), StartHost("node-1")),
    ],
)
def test_what_pods_were_given_outlives_it(ends, begins):
    cluster = cluster_with_a_pod()
    assert kept(cluster) == []
    for event in ends:
        cluster, _ = step(cluster, event)
    assert kept(cluster) == ["1"]
    cluster, _ = step(cluster, begins)
    cluster, _ = step(cluster, ends[-1])
    assert kept(cluster) == ["1"], "also if it ends before it has begun"
