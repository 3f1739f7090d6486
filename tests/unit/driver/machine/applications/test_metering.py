"""What a metrics server says, as old as its last look, and what that does to containers and pods."""

import json

import pytest

from reconcile import Behaviours, Cluster, Topology, settle
from reconcile.components.apiserver import rest
from reconcile.driver.machine import Machine
from reconcile.driver.serving.exchange import exchanged
from reconcile.driver.step import apply_event
from reconcile.events import Disconnect
from tests.unit.components.controllers.real import Real

IMAGES = {
    "web": "pull 100ms, start 50ms, cpu 100m + 10m per request, memory 64Mi, metric queue 2",
    "greedy": "pull 100ms, start 50ms, memory 64Mi..1088Mi over 64s",
    "growing": "pull 100ms, start 50ms, memory 64Mi + 10Mi per request",
    "app": "pull 100ms, start 50ms, needs db",
    "db": "pull 100ms, start 50ms, ready after 20s",
}
LOAD = {"default/web": "30"}


def rested(**fields):
    behaviours = Behaviours.parse({"images": IMAGES, "load": LOAD, "external": {"jobs": "5"}})
    topology = Topology(**{"nodes": 2, "behaviours": behaviours, "metrics": True, **fields})
    real = Real()
    real.machine = Machine(settle(Cluster.boot(topology, seed=1)).cluster)
    return real


def pod(name, image="web", limits=None, probe=False):
    container = {"name": "c", "image": image, "resources": {"limits": limits or {}}}
    if probe:
        container["readinessProbe"] = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    labels = {"app": image}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container]},
    }


def service(name):
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def get(real, path, user=("admin", ("system:masters",)), **query):
    http = rest.HttpRequest(method="GET", path=path, query=tuple(query.items()), certificate=user)
    response = exchanged(real.machine, http)
    return response.code, json.loads(response.body)


PODS = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default"


def test_a_pod_is_there_once_it_was_looked_at():
    real = rested()
    begun = real.machine.cluster.topology.start
    real.create(service("web"))
    real.create(pod("one"))
    real.run(2)
    assert get(real, PODS)[1]["items"] == []
    assert get(real, f"{PODS}/one")[1]["message"] == 'podmetrics.metrics.k8s.io "one" not found'
    real.run(40)
    code, found = get(real, f"{PODS}/one")
    assert (code, found["kind"], found["window"]) == (200, "PodMetrics", "15s")
    # 100m, and 10m for each of 30 requests, all of which come to it.
    assert found["containers"] == [{"name": "c", "usage": {"cpu": "400m", "memory": "64Mi"}}]
    assert found["metadata"]["labels"] == {"app": "web"}
    seen = real.machine.now - (real.machine.now - begun) % (15 * 10**9)
    assert found["timestamp"].endswith(f"{seen // 10**9 % 60:02}Z")


def test_a_limit_holds_and_requests_are_shared():
    real = rested()
    real.create(service("web"))
    real.create(pod("one", limits={"cpu": "150m"}))
    real.create(pod("two"))
    real.run(60)
    found = {each["metadata"]["name"]: each["containers"][0]["usage"]["cpu"] for each in get(real, PODS)[1]["items"]}
    assert found == {"one": "150m", "two": "250m"}
    some = get(real, PODS, labelSelector="app=none")[1]["items"]
    assert some == []
    custom = get(real, f"{CUSTOM}/pods/*/requests_per_second")[1]["items"]
    assert [each["value"] for each in custom] == ["15", "15"]
    assert get(real, f"{CUSTOM}/pods/one/queue")[1]["items"][0]["value"] == "2"
    assert get(real, f"{CUSTOM}/services/web/requests_per_second")[1]["items"][0]["value"] == "30"
    assert get(real, f"{CUSTOM}/services/web/queue")[1]["items"][0]["value"] == "4"  # two of each pod behind it
    assert get(real, f"{CUSTOM}/services/web/other")[0] == 404


def test_nodes_and_a_host_that_is_not_reached():
    real = rested()
    code, found = get(real, "/apis/metrics.k8s.io/v1beta1/nodes")
    assert code == 200
    assert [each["metadata"]["name"] for each in found["items"]] == ["node-1", "node-2"]
    apply_event(real.machine, Disconnect("node-2"))
    found = get(real, "/apis/metrics.k8s.io/v1beta1/nodes")[1]
    assert [each["metadata"]["name"] for each in found["items"]] == ["node-1"]
    assert get(real, "/apis/metrics.k8s.io/v1beta1/nodes/node-2")[1]["message"] == (
        'nodemetrics.metrics.k8s.io "node-2" not found'
    )


def test_what_is_outside():
    real = rested()
    path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/"
    assert get(real, f"{path}jobs")[1]["items"][0]["value"] == "5"
    assert get(real, f"{path}jobs", labelSelector="a=b")[1]["items"] == []
    assert get(real, f"{path}none")[1]["items"] == []


def test_series_have_labels_that_selectors_choose_among():
    images = {"web": "pull 100ms, start 50ms, metric inflight{path=cart} 2, metric inflight{path=pay,tier=gold} 3"}
    external = {"waiting{region=us}": "7", "waiting{region=eu}": "5", "waiting": "1"}
    behaviours = Behaviours.parse({"images": images, "external": external, "queues": {"papers": 9}})
    real = rested(behaviours=behaviours)
    real.create(service("web"))
    for name in ("one", "two"):
        real.create(pod(name))
    real.run(60)

    def values(path, **options):
        code, answer = get(real, path, **options)
        assert code == 200, answer
        return {
            str(each["metricLabels"] if "metricLabels" in each else each["describedObject"]["name"]): each["value"]
            for each in answer["items"]
        }

    outside = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/"
    every = {"{}": "1", "{'region': 'eu'}": "5", "{'region': 'us'}": "7"}
    assert values(f"{outside}waiting") == every
    assert sorted(values(f"{outside}waiting", labelSelector="region").values()) == ["5", "7"]
    assert values(f"{outside}waiting", labelSelector="region=eu") == {"{'region': 'eu'}": "5"}
    assert values(f"{outside}queue_items", labelSelector="queue=papers") == {"{'queue': 'papers'}": "9"}
    assert values(f"{CUSTOM}/pods/*/inflight") == {"one": "5", "two": "5"}
    assert values(f"{CUSTOM}/pods/*/inflight", metricLabelSelector="path=pay") == {"one": "3", "two": "3"}
    assert values(f"{CUSTOM}/services/web/inflight", metricLabelSelector="path in (cart,pay)") == {"web": "10"}
    (one,) = get(real, f"{CUSTOM}/pods/one/inflight", metricLabelSelector="path=pay,tier!=x")[1]["items"]
    row = {"key": "tier", "operator": "NotIn", "values": ["x"]}
    assert one["metric"]["selector"] == {"matchLabels": {"path": "pay"}, "matchExpressions": [row]}
    assert get(real, f"{CUSTOM}/pods/one/inflight", metricLabelSelector="path=none")[0] == 404


def test_it_is_discovered_and_authorised_as_other_groups_are():
    real = rested()
    groups = [each["name"] for each in get(real, "/apis")[1]["groups"]]
    assert groups[-3:] == ["metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"]
    names = [each["name"] for each in get(real, "/apis/metrics.k8s.io/v1beta1")[1]["resources"]]
    assert names == ["nodes", "pods"]
    assert get(real, PODS, user=("nobody", ()))[0] == 403
    assert get(real, f"{CUSTOM}/pods/*/queue", user=("nobody", ()))[0] == 403
    services = get(real, "/apis/apiregistration.k8s.io/v1/apiservices")[1]["items"]
    assert [each["metadata"]["name"] for each in services] == [
        "v1beta1.external.metrics.k8s.io",
        "v1beta1.metrics.k8s.io",
        "v1beta2.custom.metrics.k8s.io",
    ]


@pytest.mark.parametrize("path", [PODS, f"{CUSTOM}/pods/*/queue"])
def test_without_a_metrics_server_nothing_is_served(path):
    real = rested(metrics=False)
    http = rest.HttpRequest(method="GET", path=path, certificate=("admin", ("system:masters",)))
    assert exchanged(real.machine, http).code == 404
    assert "metrics.k8s.io" not in [each["name"] for each in get(real, "/apis")[1]["groups"]]


def test_more_memory_than_the_limit_ends_a_container():
    real = rested()
    real.create(pod("one", "greedy", {"memory": "256Mi"}))
    real.run(15)
    status = real.get("pods", "one")["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    ended = status["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    lasted = [int(ended[at][17:19]) for at in ("startedAt", "finishedAt")]
    assert (lasted[1] - lasted[0]) % 60 in (12, 13)  # 192Mi more, 16Mi a second
    free = rested()
    free.create(pod("one", "greedy"))
    free.run(90)
    assert free.get("pods", "one")["status"]["containerStatuses"][0]["restartCount"] == 0


def test_ready_only_while_what_it_needs_is():
    real = rested()
    for name in ("db", "app"):
        real.create(service(name))
        real.create(pod(name, name, probe=True))
    real.run(10)
    assert ready(real, "app") == "False"
    real.run(25)
    assert (ready(real, "db"), ready(real, "app")) == ("True", "True")
    real.delete("pods", "db")
    real.run(40)
    assert ready(real, "app") == "False"


def ready(real, name):
    return next(each["status"] for each in real.get("pods", name)["status"]["conditions"] if each["type"] == "Ready")


def test_requests_make_memory_short_and_what_is_lost_ends_who_needs_it():
    images = {**IMAGES, "client": "pull 100ms, start 50ms, exit 3 without db"}
    behaviours = Behaviours.parse({"images": images, "load": {"default/growing": "0..20 over 100s"}})
    real = rested(behaviours=behaviours)
    real.create(service("growing"))
    real.create(service("db"))
    real.create(pod("db", image="db", probe=True))
    real.create(pod("growing", image="growing", limits={"memory": "128Mi"}))
    real.create(pod("client", image="client"))

    def container(name):
        (found,) = real.get("pods", name)["status"]["containerStatuses"]
        return found

    real.run(25)
    assert container("client")["lastState"]["terminated"]["exitCode"] == 3  # the database is ready after twenty seconds
    assert (container("growing")["restartCount"], container("growing").get("lastState")) == (0, {})
    real.run(60)
    assert "running" in container("client")["state"]
    assert container("growing")["lastState"]["terminated"]["reason"] == "OOMKilled"
