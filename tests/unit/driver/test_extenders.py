"""Extenders of a cluster's scheduler: asked outside, as webhooks are, and written down."""

import pytest

from reconcile import Cluster, Topology, apply, replay, settle, step
from reconcile.driver.log.recording import Recorder
from reconcile.driver.wire import from_json, state_digest, to_json
from reconcile.effects import CallWebhook
from reconcile.events import ClusterEvent, StopProcess, WebhookAnswered
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

URL = "http://extender.example.com"
FILTER = f"{URL}/filter"
SCHEDULER = "kube-scheduler/node-1"
CONFIGURATION = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "extenders": [{"urlPrefix": URL, "filterVerb": "filter", "nodeCacheCapable": True}],
}


def pod(name="web"):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "tolerations": [{"operator": "Exists"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def topology(**changes):
    return Topology(nodes=3, scheduler=CONFIGURATION, **{"webhooks": True, **changes})


def last(args):
    return {"NodeNames": args["NodeNames"][-1:]}


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(topology(), seed=3)).cluster


def node_of(cluster, name="web"):
    return cluster.get("pods", name).spec.node_name


def told(cluster, name="web"):
    (condition,) = [one for one in cluster.get("pods", name).status.conditions if one.type == "PodScheduled"]
    return condition.message


def asking(cluster, *names):
    """Submit pods, and go on until an extender is to be asked."""
    for name in names:
        cluster, response = apply(cluster, pod(name))
        assert response.ok
    done = settle(cluster, quiet=0, limit=0)
    return done.cluster, [each for each in done.effects if isinstance(each, CallWebhook)]


def test_a_pod_goes_where_the_extender_says(booted):
    cluster, response = apply(booted, pod())
    assert response.ok
    done = settle(cluster, webhooks={FILTER: last}).cluster
    assert node_of(done) == "node-3"


def test_nothing_is_scheduled_while_an_extender_is_asked(booted):
    cluster, calls = asking(booted, "one", "two")
    assert [call.review["Pod"]["metadata"]["name"] for call in calls] == ["one"]
    assert node_of(cluster, "one") is None
    assert node_of(cluster, "two") is None
    (call,) = calls
    assert from_json(to_json(call), CallWebhook) == call
    event = from_json(to_json(WebhookAnswered(call.call, last(call.review))), ClusterEvent)
    digest = state_digest(cluster)
    cluster, _ = step(cluster, event)
    assert state_digest(cluster) != digest
    with pytest.raises(ReconcileError, match="no request waits for the webhook call"):
        step(cluster, event)
    done = settle(cluster, webhooks={FILTER: last}).cluster
    assert node_of(done, "one") == "node-3"


def test_nobody_answers_in_time(booted):
    cluster, response = apply(booted, pod())
    assert response.ok
    done = settle(cluster, limit=6 * SECOND).cluster
    said = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert told(done) == f'Post "{FILTER}": {said}'


def test_without_webhooks_nobody_is_reached():
    cluster = settle(Cluster.boot(topology(webhooks=False), seed=3)).cluster
    cluster, response = apply(cluster, pod())
    assert response.ok
    done = settle(cluster, limit=SECOND).cluster
    assert told(done) == f'Post "{FILTER}": dial tcp extender.example.com: connect: connection refused'


def test_a_scheduler_that_stops_loses_what_it_has_asked(booted):
    cluster, (call,) = asking(booted, "web")
    assert cluster.suspended
    cluster, _ = step(cluster, StopProcess(SCHEDULER))
    assert not cluster.suspended
    with pytest.raises(ReconcileError, match="no request waits"):
        step(cluster, WebhookAnswered(call.call, last(call.review)))
    done = settle(cluster, webhooks={FILTER: last}).cluster
    assert node_of(done) == "node-3"


def test_a_log_needs_no_extender():
    lines = []
    recorder = Recorder(Cluster.boot(topology(), seed=5), lines.append, webhooks={FILTER: last})
    recorder.settle()
    recorder.apply(pod())
    recorder.settle()
    cluster = recorder.end()
    assert node_of(cluster) == "node-3"
    again = replay([line.encode() for line in lines])
    assert state_digest(again.cluster) == state_digest(cluster)
