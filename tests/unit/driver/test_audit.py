"""The audit: what is written down of requests, as the policy says."""

import json

import pytest

from reconcile import Cluster, Submit, Topology, settle, step
from reconcile.adapters.http.audit import Auditor
from reconcile.api.scalars import freeze
from reconcile.components.apiserver import rest
from reconcile.driver.client import as_object, create, watch
from reconcile.driver.serving.live import Live
from reconcile.driver.serving.readying import ready
from reconcile.driver.wire import from_json, to_json, topology_from_json, topology_to_json
from reconcile.effects import Audit
from reconcile.events import StopProcess
from reconcile.lib.errors import ReconcileError

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}


def policy(*rules, **more):
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}


def audited(policy, event, **options):
    cluster = settle(Cluster.boot(Topology(nodes=1, audit=policy, **options), seed=2)).cluster
    return [effect for effect in settle(cluster, (event,)).effects if isinstance(effect, Audit)]


MINE = {"resources": [{"resources": ["configmaps"]}], "users": ["kubernetes-admin"]}


@pytest.mark.parametrize(
    ("level", "parts"),
    [
        ("None", None),
        ("Metadata", ()),
        ("Request", ("requestObject",)),
        ("RequestResponse", ("requestObject", "responseObject")),
    ],
)
def test_how_much_is_written_down(level, parts):
    found = audited(policy({"level": level, **MINE}), Submit(request=create(CONFIG), client="me", tag="1"))
    if parts is None:
        assert found == []
        return
    received, complete = (effect.event for effect in found)
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    assert received["auditID"] == complete["auditID"]
    assert complete["requestURI"] == "/api/v1/namespaces/default/configmaps"
    assert (complete["verb"], complete["user"]["username"]) == ("create", "kubernetes-admin")
    assert dict(complete["objectRef"]) == {
        "resource": "configmaps",
        "namespace": "default",
        "name": "c",
        "apiVersion": "v1",
    }
    assert complete["responseStatus"]["code"] == 201
    assert complete["annotations"]["authorization.k8s.io/decision"] == "allow"
    assert tuple(key for key in ("requestObject", "responseObject") if key in complete) == parts
    assert all((effect.client, effect.tag) == ("me", "1") for effect in found)
    assert from_json(to_json(found[1]), Audit) == found[1]


def test_stages_that_are_left_out():
    mine = {"level": "Metadata", "omitStages": ["ResponseComplete"], **MINE}
    event = Submit(request=create(CONFIG), client="me", tag="1")
    assert audited(policy(mine, omitStages=["RequestReceived"]), event) == []


def test_a_watch_is_started_and_completed():
    topology = Topology(nodes=1, audit=policy({"level": "Metadata", **MINE}))
    assert topology_from_json(topology_to_json(topology)) == topology
    cluster = settle(Cluster.boot(topology, seed=2)).cluster
    done = settle(cluster, (Submit(request=watch("configmaps"), client="me", tag="1"),))
    assert [each.event["stage"] for each in done.effects if isinstance(each, Audit)] == [
        "RequestReceived",
        "ResponseStarted",
    ]
    (ended,) = step(done.cluster, StopProcess("watch/me:1"))[1]
    assert ended.event["stage"] == "ResponseComplete"


def test_what_plugins_note():
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}},
    }
    pod = as_object(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "n"},
            "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "c"}]},
        }
    )
    rules = policy({"level": "Metadata", "resources": [{"resources": ["pods"]}], "namespaces": ["n"]})
    cluster = settle(Cluster.boot(Topology(nodes=1, audit=rules), seed=2)).cluster
    cluster = settle(cluster, (Submit(request=create(namespace)),)).cluster
    effects = settle(cluster, (Submit(request=create(pod, namespace="n")),)).effects
    last = [effect.event for effect in effects if isinstance(effect, Audit)][-1]
    assert last["responseStatus"]["reason"] == "Forbidden"
    assert last["annotations"]["pod-security.kubernetes.io/enforce-policy"] == "baseline:latest"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "Policy"}, "expected a Policy of audit.k8s.io/v1"),
        (policy(), "rules: expected a list with at least one rule"),
        (policy({"level": "All"}), "rules[0].level: 'All' is none of None, Metadata, Request, RequestResponse"),
        (policy({"level": "None", "user": ["x"]}), "rules[0].user: unknown field"),
        (policy({"level": "None", "omitStages": ["x"]}), "rules[0].omitStages: 'x' is none of RequestReceived"),
        (
            policy({"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["y"]}),
            "rules[0].nonResourceURLs: rules cannot",
        ),
    ],
)
def test_what_is_no_policy(given, said):
    with pytest.raises(ReconcileError) as raised:
        Topology(audit=given)
    assert str(raised.value).startswith(f"audit policy: {said}")


def test_the_log_of_a_served_cluster():
    rules = policy(
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "Request", "resources": [{"resources": ["configmaps"]}]},
        {"level": "Metadata", "nonResourceURLs": ["/ver*"]},
    )
    topology = Topology(nodes=1, masters=1, managed_fields=True, audit=freeze(rules))
    live = ready(Live(Cluster.boot(topology, seed=2)))
    lines = []
    auditor = Auditor(lines.append)
    admin = ("kubernetes-admin", ("system:masters",))
    body = json.dumps(CONFIG).encode()
    headers = (("content-type", "application/json"), ("user-agent", "me/1"), ("audit-id", "id-1"))
    http = rest.HttpRequest(
        method="POST",
        path="/api/v1/namespaces/default/configmaps",
        query=(("fieldManager", "me"),),
        headers=headers,
        body=body,
        certificate=admin,
        source="10.0.0.1",
    )
    ticket = live.take(http)
    auditor.took(live, ticket.tag, http)
    live.play(1000)
    for effect in live.effects():
        if isinstance(effect, Audit):
            auditor.write(effect)
    version = rest.HttpRequest(method="GET", path="/version", headers=headers, certificate=admin)
    auditor.answered(live, version, live.take(version))
    bad = rest.HttpRequest(
        method="POST", path="/api/v1/namespaces/default/configmaps", headers=headers, body=b"{", certificate=admin
    )
    auditor.answered(live, bad, live.take(bad))
    for_me = (*headers, ("impersonate-user", "me"), ("impersonate-group", "system:masters"))
    other = rest.HttpRequest(
        method="GET", path="/api/v1/namespaces/default/configmaps/c", headers=for_me, certificate=admin
    )
    ticket = live.take(other)
    auditor.took(live, ticket.tag, other)
    live.play(1000)
    auditor.write(next(effect for effect in live.effects() if isinstance(effect, Audit)))
    impersonated = json.loads(lines.pop())
    assert impersonated["user"]["username"] == "kubernetes-admin"
    assert impersonated["impersonatedUser"]["username"] == "me"
    events = [json.loads(line) for line in lines]
    mine = [event for event in events if event.get("userAgent") == "me/1"]
    path = "/api/v1/namespaces/default/configmaps"
    assert [(event["stage"], event["requestURI"]) for event in mine] == [
        (stage, uri)
        for uri in (f"{path}?fieldManager=me", "/version", path)
        for stage in ("RequestReceived", "ResponseComplete")
    ]
    assert {event["auditID"] for event in mine} == {"id-1"}
    assert mine[1]["sourceIPs"] == ["10.0.0.1"]
    assert mine[1]["requestObject"]["data"] == {"a": "1"}
    assert (mine[5]["responseStatus"]["code"], mine[5]["responseStatus"]["status"]) == (400, "Failure")
