"""Webhooks: who is asked, what they answer, and what becomes of the request that waits for them."""

import pytest

from reconcile import Cluster, Request, Submit, Topology, ask, replay, settle, step
from reconcile.driver.client import as_object
from reconcile.driver.client import create as create_any
from reconcile.driver.log.recording import Recorder
from reconcile.driver.webhooks import admitted
from reconcile.driver.wire import from_json, state_digest, to_json
from reconcile.effects import Answer, CallWebhook
from reconcile.events import ClusterEvent, Execute, StopProcess, WebhookAnswered
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

URL = "https://hook.example.com/admit"
OTHER = "https://other.example.com/admit"
GROUP = "admissionregistration.k8s.io"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1, webhooks=True), seed=3)).cluster


def hook(name="h.example.com", url=URL, **changes):
    return {
        "name": name,
        "clientConfig": {"url": url},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **changes,
    }


def configuration(kind, *hooks, name="c"):
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(hooks),
    }


def create(body, namespace="", **more):
    obj = as_object(body)
    plural = {
        "ConfigMap": "configmaps",
        "MutatingWebhookConfiguration": f"mutatingwebhookconfigurations.{GROUP}",
        "ValidatingWebhookConfiguration": f"validatingwebhookconfigurations.{GROUP}",
    }[obj.kind]
    return Request(verb="create", resource=plural, namespace=namespace, body=obj, **more)


def with_hooks(cluster, *configurations):
    for each in configurations:
        cluster, response = ask(cluster, create(each))
        assert response.ok, response.body.message
    return cluster


def config(**labels):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": labels}, "data": {"a": "1"}}


def writing(cluster, webhooks, body=None, **more):
    cluster, response = ask(cluster, create(body or config(), "default", **more), webhooks=webhooks)
    return cluster, response


def labelling(key, value="yes"):
    path = f"/metadata/labels/{key}"
    return lambda review: admitted(review, patch=[{"op": "add", "path": path, "value": value}])


def test_a_webhook_changes_what_is_written(booted):
    seen = []

    def mark(review):
        seen.append(review)
        return labelling("marked")(review) if "labels" in review["request"]["object"]["metadata"] else admitted(review)

    cluster = with_hooks(booted, configuration("Mutating", hook()))
    cluster, response = writing(cluster, {URL: mark}, config(x="y"))
    assert response.code == 201
    assert dict(response.body.metadata.labels) == {"marked": "yes", "x": "y"}
    (review,) = seen
    asked = review["request"]
    assert (review["apiVersion"], review["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert asked["kind"] == asked["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert asked["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (asked["operation"], asked["namespace"], asked["name"]) == ("CREATE", "default", "c")
    assert asked["userInfo"] == {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
    assert (asked["oldObject"], asked["dryRun"]) == (None, False)
    assert asked["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}
    assert "uid" not in asked["object"]["metadata"]
    assert "resourceVersion" not in asked["object"]["metadata"]


def test_what_a_webhook_denies(booted):
    cluster = with_hooks(booted, configuration("Validating", hook()))
    no = {URL: lambda review: admitted(review, allowed=False, message="no", code=403, warnings=["careful"])}
    cluster, response = writing(cluster, no)
    assert response.code == 403
    assert response.body.message == 'admission webhook "h.example.com" denied the request: no'
    assert response.warnings == ("careful",)
    assert writing(cluster, {URL: admitted})[1].ok


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: {}, "failed to call webhook: Object 'Kind' is missing in the answer"),
        (
            lambda review: {**admitted(review), "response": None},
            "received invalid webhook response: webhook response was absent",
        ),
        (
            lambda review: {**admitted(review), "response": {"uid": "x", "allowed": True}},
            'received invalid webhook response: expected response.uid="',
        ),
        (
            lambda review: admitted(review, patch=[{"op": "remove", "path": "/data"}]),
            "received invalid webhook response: validating webhook may not return response.patch",
        ),
    ],
)
def test_what_is_no_answer(booted, answer, said):
    cluster = with_hooks(booted, configuration("Validating", hook()))
    response = writing(cluster, {URL: answer})[1]
    assert response.code == 500
    assert response.body.message.startswith(f'Internal error occurred: failed calling webhook "h.example.com": {said}')
    lenient = with_hooks(booted, configuration("Validating", hook(failurePolicy="Ignore")))
    assert writing(lenient, {URL: answer})[1].ok


def test_nobody_answers_in_time(booted):
    cluster = with_hooks(booted, configuration("Validating", hook(timeoutSeconds=3)))
    before = cluster.now
    done = settle(cluster, (Submit(request=create(config(), "default"), client="me", tag="1"),))
    (response,) = [effect.response for effect in done.effects if isinstance(effect, Answer)]
    said = f'failed to call webhook: Post "{URL}?timeout=3s": context deadline exceeded'
    assert response.body.message == f'Internal error occurred: failed calling webhook "h.example.com": {said}'
    assert done.cluster.now - before >= 3 * SECOND
    assert done.settled


def test_nobody_is_reached(booted):
    service = {"service": {"namespace": "default", "name": "hook", "path": "/admit"}}
    cluster = with_hooks(booted, configuration("Validating", hook(clientConfig=service)))
    response = writing(cluster, {})[1]
    said = 'Post "https://hook.default.svc:443/admit?timeout=10s": service "hook" not found'
    assert said in response.body.message
    assert writing(cluster, {"default/hook": admitted})[1].ok


def test_a_topology_without_webhooks_calls_none():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=3)).cluster
    cluster = with_hooks(cluster, configuration("Validating", hook()))
    response = writing(cluster, None)[1]
    said = "dial tcp: lookup hook.example.com: no such host"
    assert response.body.message.endswith(f'failed to call webhook: Post "{URL}?timeout=10s": {said}')


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"rules": [{**RULE, "operations": ["UPDATE"]}]}, False),
        ({"rules": [{**RULE, "resources": ["configmaps/status"]}]}, False),
        ({"rules": [{**RULE, "resources": ["*/*"]}]}, True),
        ({"rules": [{**RULE, "scope": "Cluster"}]}, False),
        ({"objectSelector": {"matchLabels": {"x": "y"}}}, True),
        ({"objectSelector": {"matchLabels": {"x": "z"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}, False),
        ({"matchConditions": [{"name": "m", "expression": "object.data.a == '1'"}]}, True),
        ({"matchConditions": [{"name": "m", "expression": "request.operation == 'DELETE'"}]}, False),
    ],
)
def test_who_is_asked(booted, changes, asked):
    cluster = with_hooks(booted, configuration("Validating", hook(**changes)))
    no = {URL: lambda review: admitted(review, allowed=False)}
    response = writing(cluster, no, config(x="y"))[1]
    assert response.ok != asked
    if asked:
        assert response.code == 400
        assert response.body.message.endswith("denied the request without explanation")


def test_a_condition_that_cannot_be_told(booted):
    broken = {"matchConditions": [{"name": "m", "expression": "object.data.none == '1'"}]}
    cluster = with_hooks(booted, configuration("Validating", hook(**broken)))
    response = writing(cluster, {})[1]
    assert response.code == 403
    assert "no such key: none" in response.body.message
    lenient = with_hooks(booted, configuration("Validating", hook(failurePolicy="Ignore", **broken)))
    assert writing(lenient, {})[1].ok


@pytest.mark.parametrize(("policy", "calls"), [("Never", 1), ("IfNeeded", 2)])
def test_who_is_asked_again(booted, policy, calls):
    seen = []

    def first(review):
        seen.append(review["request"]["uid"])
        return admitted(review)

    cluster = with_hooks(
        booted,
        configuration("Mutating", hook(reinvocationPolicy=policy), name="a"),
        configuration("Mutating", hook(url=OTHER), name="b"),
    )
    response = writing(cluster, {URL: first, OTHER: labelling("late")}, config(x="y"))[1]
    assert response.ok
    assert len(seen) == len(set(seen)) == calls


def test_what_only_tries_is_not_asked_of_those_with_side_effects(booted):
    cluster = with_hooks(booted, configuration("Validating", hook(sideEffects="None")))
    assert writing(cluster, {URL: admitted}, dry_run=True)[1].ok


def test_those_that_judge_are_asked_at_once(booted):
    cluster = with_hooks(
        booted, configuration("Validating", hook("a.example.com"), hook("b.example.com", OTHER, timeoutSeconds=1))
    )
    cluster, effects = step(cluster, Submit(request=create(config(), "default"), client="me", tag="1"))
    while not effects:
        (serial, *_) = cluster.pending.keys()
        cluster, effects = step(cluster, Execute(serial))
    assert [effect.url for effect in effects if isinstance(effect, CallWebhook)] == [URL, OTHER]
    assert [len(each.waits) for each in cluster.suspended] == [2]
    for call in effects:
        assert from_json(to_json(call), CallWebhook) == call
        event = WebhookAnswered(call.call, admitted(call.review))
        event = from_json(to_json(event), ClusterEvent)
        digest = state_digest(cluster)
        cluster, _ = step(cluster, event)
        assert state_digest(cluster) != digest
    assert not cluster.suspended
    with pytest.raises(ReconcileError, match="no request waits for the webhook call"):
        step(cluster, event)
    assert settle(cluster).cluster.get("configmaps", "c") is not None


def test_a_server_that_stops_loses_what_waits_in_it(booted):
    cluster = with_hooks(booted, configuration("Validating", hook()))
    cluster, _ = step(cluster, Submit(request=create(config(), "default"), client="me", tag="1"))
    done = settle(cluster, quiet=0, limit=0)
    assert done.cluster.suspended
    after, _ = step(done.cluster, StopProcess("kube-apiserver/node-1"))
    assert not after.suspended
    answers = [effect for effect in settle(after).effects if isinstance(effect, Answer)]
    assert [effect.response.code for effect in answers] == [500]


def test_a_log_needs_no_webhook():
    lines = []
    recorder = Recorder(
        Cluster.boot(Topology(nodes=1, webhooks=True), seed=5),
        lines.append,
        webhooks={URL: labelling("marked"), OTHER: admitted},
    )
    recorder.settle()
    recorder.ask(create(configuration("Mutating", hook())))
    recorder.ask(create(configuration("Validating", hook(url=OTHER))))
    assert recorder.ask(create(config(x="y"), "default")).ok
    cluster = recorder.end()
    assert cluster.get("configmaps", "c").metadata.labels["marked"] == "yes"
    again = replay([line.encode() for line in lines])
    assert state_digest(again.cluster) == state_digest(cluster)


def test_what_goes_to_a_subresource_is_shown(booted):
    rule = {**RULE, "resources": ["pods/binding"]}
    cluster = with_hooks(booted, configuration("Validating", hook(rules=[rule], failurePolicy="Ignore")))
    seen = []

    def note(review):
        seen.append(review["request"])
        return admitted(review)

    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "c"}]},
    }
    done = settle(cluster, (Submit(request=create_any(pod)),), webhooks={URL: note})
    assert done.cluster.get("pods", "p").spec.node_name == "node-1"
    (asked,) = seen
    assert asked["kind"] == {"group": "", "version": "v1", "kind": "Binding"}
    assert (asked["subResource"], asked["operation"]) == ("binding", "CREATE")
    assert asked["object"]["target"]["name"] == "node-1"


@pytest.mark.parametrize(("policy", "version"), [("Exact", None), ("Equivalent", "v2")])
def test_a_rule_of_another_version(booted, policy, version):
    rule = {
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v2"],
        "operations": ["*"],
        "resources": ["horizontalpodautoscalers"],
    }
    cluster = with_hooks(booted, configuration("Mutating", hook(rules=[rule], matchPolicy=policy)))
    seen = []

    def note(review):
        seen.append(review["request"])
        return admitted(review, patch=[{"op": "replace", "path": "/spec/maxReplicas", "value": 7}])

    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}},
    }
    request = Request(
        verb="create",
        resource="horizontalpodautoscalers.autoscaling",
        namespace="default",
        body=as_object(scaler),
        version="v1",
    )
    cluster, response = ask(cluster, request, webhooks={URL: note})
    assert response.ok, response.body
    stored = cluster.get("horizontalpodautoscalers", "h")
    assert stored.spec.max_replicas == (3 if version is None else 7)
    assert [asked["kind"]["version"] for asked in seen] == ([] if version is None else ["v2"])
    assert [asked["requestKind"]["version"] for asked in seen] == ([] if version is None else ["v1"])
