"""Ranges of cluster IPs are ready when somebody has looked at them, and stay while services need them."""

import pytest

from reconcile import Cluster, Topology, run, settle
from reconcile.driver.client import ask
from reconcile.lib.instant import SECOND
from reconcile.model.conditions import find
from reconcile.model.requests import Request

RANGES = "servicecidrs.networking.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1, managed_fields=True, service_cidr="10.96.0.0/28,fd00::/108"))).cluster


def asked(cluster, verb, resource, name="", *, body=None, namespace=""):
    request = Request(verb=verb, resource=resource, namespace=namespace, name=name, body=body)
    cluster, response = ask(cluster, request)
    assert response.ok, response.body.message
    return settle(cluster).cluster


def cidr(name, *ranges):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": list(ranges)},
    }


def service(name, address):
    spec = {"clusterIP": address, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def said(cluster, name):
    found = cluster.get(RANGES, name)
    ready = found and find(found.status.conditions, "Ready")
    return ready and (ready.status, ready.reason)


def test_the_first_range_is_of_both_families_and_is_guarded(booted):
    found = booted.get(RANGES, "kubernetes")
    assert found.spec.cidrs == ("10.96.0.0/28", "fd00::/108")
    assert found.metadata.finalizers == (FINALIZER,)
    assert find(found.status.conditions, "Ready").message == "Kubernetes Service CIDR is ready"
    managers = {(each.manager, each.operation, each.subresource) for each in found.metadata.managed_fields}
    assert ("service-cidr-controller", "Apply", "status") in managers
    assert booted.get("services", "kubernetes").spec.cluster_ip == "10.96.0.1"


def test_a_range_that_is_made_can_be_used_and_stays_while_it_is(booted):
    cluster = asked(booted, "create", RANGES, body=cidr("more", "10.200.0.0/24"))
    assert said(cluster, "more") == ("True", "")
    cluster = asked(cluster, "create", "services", body=service("s", "10.200.0.9"), namespace="default")
    cluster = asked(cluster, "delete", RANGES, "more")
    assert said(cluster, "more") == ("False", "Terminating")
    cluster = asked(cluster, "delete", "services", "s", namespace="default")
    assert cluster.get(RANGES, "more") is None


def test_it_goes_no_sooner_than_ten_seconds_after_it_was_asked_to(booted):
    cluster = asked(booted, "create", RANGES, body=cidr("more", "10.200.0.0/24"))
    cluster, response = ask(cluster, Request(verb="delete", resource=RANGES, name="more"))
    assert response.ok
    assert run(cluster, until=cluster.now + 8 * SECOND).cluster.get(RANGES, "more") is not None
    assert run(cluster, until=cluster.now + 12 * SECOND).cluster.get(RANGES, "more") is None


@pytest.mark.parametrize("other", ["10.200.0.0/24", "10.200.0.0/16"])
def test_it_may_go_when_another_takes_over(booted, other):
    cluster = asked(booted, "create", RANGES, body=cidr("more", "10.200.0.0/24"))
    cluster = asked(cluster, "create", "services", body=service("s", "10.200.0.9"), namespace="default")
    cluster = asked(cluster, "delete", RANGES, "more")
    assert said(cluster, "more") == ("False", "Terminating")
    cluster = asked(cluster, "create", RANGES, body=cidr("most", other))
    assert cluster.get(RANGES, "more") is None
    assert cluster.get("services", "s").spec.cluster_ip == "10.200.0.9"
