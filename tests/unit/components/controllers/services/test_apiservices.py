"""Who serves a group beside the API server: whether it can be reached, and what hangs on that."""

import pytest

from reconcile import Cluster, Topology, settle
from reconcile.driver.client import ask, create
from reconcile.driver.run import run
from reconcile.lib.instant import SECOND
from reconcile.model import measured
from reconcile.model.conditions import find
from reconcile.model.requests import Request

NAME = "v1.shop.example.com"


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster


def api_service(name=NAME, *, group="shop.example.com", version="v1", port=443):
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "shop", "namespace": "default", "port": port},
        },
    }


def service(port=443, **spec):
    ports = [{"name": "https", "port": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"selector": {"app": "shop"}, "ports": ports, **spec},
    }


def pod():
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop", "namespace": "default", "labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "shop", "image": "shop"}]},
    }


def made(cluster, *bodies):
    for body in bodies:
        cluster, response = ask(cluster, create(body))
        assert response.ok, response.body.message
        cluster = settle(cluster).cluster
    return cluster


def said(cluster, name=NAME):
    found = find(cluster.get(measured.API_SERVICES, name).status.conditions, "Available")
    return found.status, found.reason, found.message


def test_it_is_available_once_somebody_is_ready_behind_its_service(booted):
    cluster = made(booted, api_service())
    assert said(cluster) == ("False", "ServiceNotFound", 'service/shop in "default" is not present')
    cluster = made(cluster, service())
    lacks = 'endpointslices for service/shop in "default" have no addresses with port name "https"'
    assert said(cluster) == ("False", "MissingEndpoints", lacks)
    cluster = made(cluster, pod())
    assert said(cluster) == ("True", "Passed", "all checks passed")
    cluster, _ = ask(cluster, Request(verb="delete", resource="services", namespace="default", name="shop"))
    assert said(settle(cluster).cluster)[1] == "ServiceNotFound"


def test_a_port_that_is_not_there(booted):
    cluster = made(booted, service(), pod(), api_service(port=8443))
    assert said(cluster) == ("False", "ServicePortError", 'service/shop in "default" is not listening on port 8443')


def test_a_service_without_slices(booted):
    cluster = made(booted, service(selector=None), api_service())
    assert said(cluster)[1:] == ("EndpointsNotFound", 'cannot find endpointslices for service/shop in "default"')


def test_what_is_measured_is_answered_for():
    cluster = settle(Cluster.boot(Topology(nodes=1, metrics=True), seed=1)).cluster
    assert said(cluster, "v1beta1.metrics.k8s.io") == ("True", "Passed", "all checks passed")


def test_a_namespace_does_not_go_while_nobody_knows_what_is_in_it(booted):
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "space"}}
    cluster = made(booted, space, api_service())
    cluster, _ = ask(cluster, Request(verb="delete", resource="namespaces", name="space"))
    cluster = run(cluster, until=cluster.now + 60 * SECOND).cluster
    found = find(cluster.get("namespaces", "space").status.conditions, "NamespaceDeletionDiscoveryFailure")
    assert (found.status, found.reason) == ("True", "DiscoveryFailed")
    assert found.message == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "shop.example.com/v1: stale GroupVersion discovery: shop.example.com/v1"
    )
    cluster, _ = ask(cluster, Request(verb="delete", resource=measured.API_SERVICES, name=NAME))
    cluster = run(cluster, until=cluster.now + 120 * SECOND).cluster
    assert cluster.get("namespaces", "space") is None


def test_one_of_the_api_server_itself_is_available(booted):
    body = api_service()
    del body["spec"]["service"], body["spec"]["insecureSkipTLSVerify"]
    assert said(made(booted, body)) == ("True", "Local", "Local APIServices are always available")
