"""Names as an application looks them up: its hosts file, its search list, the cluster's DNS."""

import pytest

from reconcile import Cluster, Topology, apply, settle
from reconcile.components.applications import Application, Failed, Listen, Log, Received, Reply, Returned, Send
from reconcile.events import Started


def stepped(place, event):
    """Say who it is, and greet whom it is told to, or say who has been greeted."""
    match event:
        case Started():
            asked = [Send(name, 80, "hello", (name,)) for name in place.environment.get("ASK", "").split()]
            return place, (Listen(80), Log(f"{place.hostname} {place.environment['HOSTNAME']}"), *asked)
        case Received():
            return place, (Reply(event.connection, place.name),)
        case Returned(_, (name,), body):
            return place, (Log(f"{name}: {body}"),)
        case Failed(_, (name,), why):
            return place, (Log(f"{name}: {why}"),)
    return place, ()


greeter = Application(name="greeter", begin=lambda place: place, step=stepped)


def pod(name, *asked, app="client", **spec):
    env = [{"name": "ASK", "value": " ".join(asked)}]
    made = {"containers": [{"name": "c", "image": "greeter:1", "env": env}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": made}


def service(name, app="db", **spec):
    made = {"selector": {"app": app}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": made}


@pytest.fixture(scope="module")
def booted():
    topology = Topology(nodes=1, heartbeats=False, behaviours={"images": {"greeter:*": "component greeter"}})
    cluster = settle(Cluster.boot(topology, seed=3, controllers=(greeter,))).cluster
    outer = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outer"}}
    for manifest in (
        service("db", clusterIP="None"),
        service("front"),
        {**outer, "spec": {"type": "ExternalName", "externalName": "front.default.svc.cluster.local"}},
        pod("db-0", app="db", hostname="db-0", subdomain="db"),
    ):
        cluster, response = apply(cluster, manifest)
        assert response.ok
    return settle(cluster).cluster


def said(cluster, manifest):
    cluster, response = apply(cluster, manifest)
    assert response.ok, response.body.message
    cluster = settle(cluster).cluster
    return cluster.written(manifest["metadata"]["name"], "c")


def none(name, server="10.96.0.10"):
    return f"{name}: dial tcp: lookup {name} on {server}:53: no such host"


def test_pods_and_services_are_found_by_their_names(booted):
    names = ("db-0.db", "db", "front", "front.default", "db-0.db.default.svc.cluster.local.", "outer", "me")
    found = said(booted, pod("me", *names, app="me"))
    assert found[0] == "me me"
    assert sorted(found[1:]) == sorted([*[f"{name}: db-0" for name in names[:-1]], "me: me"])


def test_a_pod_is_found_by_its_address(booted):
    ip = booted.get("pods", "db-0").status.pod_ip
    dashed = ip.replace(".", "-")
    names = (f"{dashed}.default.pod", f"{dashed}.front", f"{dashed}.db", f"{dashed}.nowhere.pod")
    found = said(booted, pod("me", *names))
    assert set(found[1:]) == {*[f"{name}: db-0" for name in names[:2]], *map(none, names[2:])}


def test_an_alias_comes_before_the_dns(booted):
    ip = booted.get("pods", "db-0").status.pod_ip
    found = said(booted, pod("me", "front", "store.example", hostAliases=[{"ip": ip, "hostnames": ["store.example"]}]))
    assert set(found[1:]) == {"front: db-0", "store.example: db-0"}


def test_on_its_hosts_network_a_pod_does_not_know_the_clusters_names(booted):
    assert said(booted, pod("me", "db", hostNetwork=True)) == ("node-1 node-1", none("db", "127.0.0.1"))
    with_dns = pod("you", "db", hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")
    assert said(booted, with_dns)[1:] == ("db: db-0",)


def test_a_pod_says_itself_how_it_looks_names_up(booted):
    config = {"nameservers": ["10.96.0.10"], "searches": ["default.svc.cluster.local"]}
    found = said(booted, pod("me", "db", "db.default", dnsPolicy="None", dnsConfig=config))
    assert set(found[1:]) == {"db: db-0", none("db.default")}
    elsewhere = {**config, "nameservers": ["192.0.2.1"]}
    assert said(booted, pod("you", "db", dnsPolicy="None", dnsConfig=elsewhere))[1:] == (none("db", "192.0.2.1"),)


def test_its_own_name_may_be_whole(booted):
    made = pod("me", hostname="x", subdomain="db", setHostnameAsFQDN=True)
    assert said(booted, made)[0] == "x.db.default.svc.cluster.local x.db.default.svc.cluster.local"
