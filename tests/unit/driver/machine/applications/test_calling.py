"""Whether pods get answers of the services that they need: by the rules of their hosts, over the network."""

import pytest

from reconcile import Behaviours, Cluster, Submit, Topology, apply, run, settle, step
from reconcile.driver.client import delete
from reconcile.events import CutLink, Disconnect, HoldWatch, MendLink
from reconcile.lib.instant import SECOND

IMAGES = {
    "app": "pull 100ms, start 50ms, needs db",
    "client": "pull 100ms, start 50ms, stop 0s, exit 3 without db",
    "db": "pull 100ms, start 50ms",
}


def pod(name, host, probe=False):
    container = {"name": "c", "image": name}
    if probe:
        container["readinessProbe"] = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 2}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-{host}", "labels": {"app": name}},
        "spec": {"nodeName": host, "containers": [container]},
    }


def service(**spec):
    spec = {"selector": {"app": "db"}, "ports": [{"port": 5432}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": spec}


@pytest.fixture(scope="module")
def standing():
    """Give a cluster of three hosts with what is applied to it, twenty seconds later."""

    def made(*manifests):
        topology = Topology(nodes=3, behaviours=Behaviours.parse({"images": IMAGES}))
        cluster = settle(Cluster.boot(topology, seed=1)).cluster
        for manifest in manifests:
            cluster, response = apply(cluster, manifest)
            assert response.ok, response.body.message
        return after(cluster, 20)

    return made


def after(cluster, seconds):
    return run(cluster, until=cluster.now + seconds * SECOND).cluster


def done(cluster, event):
    cluster, _ = step(cluster, event)
    return cluster


def ready(cluster, name="app-node-3"):
    return next(each.status for each in cluster.get("pods", name).status.conditions if each.type == "Ready")


@pytest.mark.parametrize("spec", [{}, {"clusterIP": "None"}])
def test_a_link_that_is_cut_keeps_a_pod_from_what_it_needs(standing, spec):
    cluster = standing(service(**spec), pod("db", "node-2"), pod("app", "node-3", probe=True))
    assert ready(cluster) == "True"
    cut = after(done(cluster, CutLink("node-2", "node-3")), 6)
    assert ready(cut) == "False"
    assert ready(cut, "db-node-2") == "True"
    assert ready(after(done(cut, MendLink("node-2", "node-3")), 6)) == "True"


def test_a_proxy_that_lags_keeps_a_pod_from_what_it_needs(standing):
    cluster = standing(service(), pod("db", "node-2"), pod("app", "node-3", probe=True))
    cluster = done(cluster, HoldWatch("kube-proxy/node-3", "endpointslices.discovery.k8s.io"))
    cluster = done(cluster, Submit(delete("pods", "db-node-2")))
    cluster, response = apply(cluster, pod("db", "node-1"))
    assert response.ok
    cluster = after(cluster, 40)
    (slice_,) = cluster.store.table("endpointslices.discovery.k8s.io").under("service", ("default", "db"))
    assert [each.node_name for each in slice_.endpoints] == ["node-1"]
    assert ready(cluster) == "False"


def test_who_asks_a_host_that_is_cut_off_ends_for_want_of_an_answer(standing):
    cluster = standing(service(), pod("db", "node-2"), pod("client", "node-3"))
    assert cluster.get("pods", "client-node-3").status.container_statuses[0].restart_count == 0
    cluster = after(done(cluster, Disconnect("node-2")), 15)
    assert cluster.get("pods", "client-node-3").status.container_statuses[0].restart_count > 0


def test_without_the_service_or_a_pod_behind_it_there_is_no_answer(standing):
    cluster = standing(pod("app", "node-3", probe=True))
    assert ready(cluster) == "False"
    cluster, _ = apply(cluster, service())
    assert ready(after(cluster, 10)) == "False"
    cluster, _ = apply(cluster, pod("db", "node-2"))
    assert ready(after(cluster, 15)) == "True"
