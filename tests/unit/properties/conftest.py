"""A cluster of two hosts in which a Deployment runs, and a way to write past everything that guards its store."""

import attrs
import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver import client
from reconcile.driver.run import settle
from reconcile.lib.replacing import replace
from reconcile.properties import Passage
from reconcile.store import Committed, Put, Txn, commit

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "100m"}}}],
            },
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


@pytest.fixture(scope="session")
def cluster():
    booted = settle(Cluster.boot(Topology(nodes=2, masters=2), seed=1)).cluster
    for manifest in (WEB, SERVICE):
        booted, response = client.apply(booted, manifest)
        assert response.ok, response
    return settle(booted).cluster


@pytest.fixture(scope="session")
def pod(cluster):
    return cluster.objects("pods", namespace="default")[0]


@pytest.fixture(scope="session")
def written():
    def write(cluster, resource, key, obj):
        done = commit(cluster.store, Txn((), (Put(resource, key, obj),)))
        assert isinstance(done, Committed)
        after = attrs.evolve(cluster, store=done.store)
        return Passage(cluster, after, done.changes)

    return write


@pytest.fixture(scope="session")
def rewritten(written):
    """Write an object that is there with another spec, status or metadata; give the passage."""

    def write(cluster, resource, obj, **parts):
        metadata = obj.metadata
        key = f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
        return written(cluster, resource, key, replace(obj, **parts))

    return write
