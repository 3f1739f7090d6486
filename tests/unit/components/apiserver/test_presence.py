"""API servers say that they are there, and who of them is behind the Service kubernetes."""

import pytest

from reconcile import Cluster, Topology, run, settle
from reconcile.components.apiserver import presence
from reconcile.driver.client import asked
from reconcile.driver.machine import Machine
from reconcile.events import StartHost, StopHost
from reconcile.lib.instant import HOUR, SECOND
from reconcile.model.requests import Request, User

LEASES = "leases.coordination.k8s.io"


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=3, masters=2, managed_fields=True))).cluster


def addresses(cluster):
    endpoints = cluster.get("endpoints", "kubernetes")
    (slice_,) = [each for each in cluster.objects("endpointslices") if each.metadata.name == "kubernetes"]
    found = [each.ip for each in endpoints.subsets[0].addresses]
    assert [each.addresses for each in slice_.endpoints] == [(each,) for each in found]
    assert (endpoints.subsets[0].ports[0].port, slice_.ports[0].port) == (6443, 6443)
    return found


def leases(cluster):
    return [
        each for each in cluster.objects(LEASES, namespace="kube-system") if each.metadata.name[:10] == "apiserver-"
    ]


def test_each_has_a_lease_and_an_address(booted):
    ips = [status.host.ip for status in booted.hosts.values()][:2]
    assert addresses(booted) == sorted(ips)
    found = {each.metadata.labels["kubernetes.io/hostname"]: each for each in leases(booted)}
    assert sorted(found) == ["node-1", "node-2"]
    lease = found["node-1"]
    assert lease.metadata.name == presence.lease_name("node-1")
    assert lease.spec.holder_identity.startswith(f"{lease.metadata.name}_")
    assert lease.spec.lease_duration_seconds == 3600
    later = run(booted, until=booted.now + 11 * SECOND).cluster
    assert leases(later)[0].spec.renew_time.instant > leases(booted)[0].spec.renew_time.instant
    assert later.get("endpoints", "kubernetes") == booted.get("endpoints", "kubernetes")


def test_who_is_gone_is_not_behind_the_service(booted):
    ips = [status.host.ip for status in booted.hosts.values()]
    cluster = run(booted, (StopHost("node-2"),), until=booted.now + 30 * SECOND).cluster
    assert addresses(cluster) == [ips[0]]
    assert len(leases(cluster)) == 2
    back = run(cluster, (StartHost("node-2"),), until=cluster.now + 60 * SECOND).cluster
    assert addresses(back) == sorted(ips[:2])


def test_a_lease_goes_an_hour_after_its_server(booted):
    cluster = run(booted, (StopHost("node-2"),), until=booted.now + HOUR + 30 * SECOND).cluster
    assert [each.metadata.labels["kubernetes.io/hostname"] for each in leases(cluster)] == ["node-1"]


def test_nobody_pays_for_it_where_no_client_looks():
    cluster = settle(Cluster.boot(Topology(nodes=1))).cluster
    assert leases(cluster) == []
    assert cluster.get("endpoints", "kubernetes") is None


def test_no_client_asks_for_it(booted):
    request = Request(
        verb="update", resource=LEASES, namespace="kube-system", name="node-9", subresource=presence.PRESENT
    )
    somebody = User(name="somebody", groups=("system:authenticated",))
    assert asked(Machine(booted), request, user=somebody).code == 403
    assert asked(Machine(booted), request).code == 404
