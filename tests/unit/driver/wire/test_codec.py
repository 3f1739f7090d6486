import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings

from reconcile.api import core_v1, meta_v1
from reconcile.api.convert import InvalidObject, loads_json
from reconcile.cluster.topology import Topology
from reconcile.driver.wire import from_json, to_json
from reconcile.effects import Answer, Effect, Install, Order, OutsideEffect, StartContainer
from reconcile.events import Advance, ClusterEvent, Deliver, Execute, Fire, Hears, Submit
from reconcile.lib.digest import canonical
from reconcile.lib.mapping import Map
from reconcile.model.hosts import Host
from reconcile.model.requests import List, Request, Response, User
from reconcile.testing.vocabulary import values

FOLDER = Path(__file__).parents[4] / "schemas" / "kubernetes"
SCHEMAS = {
    document["$id"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json")))
}
CLASSES = (*get_args(ClusterEvent), *get_args(Hears), *get_args(Effect), *get_args(OutsideEffect))
POD = core_v1.Pod(
    metadata=meta_v1.ObjectMeta(name="web", namespace="default"),
    spec=core_v1.PodSpec(containers=(core_v1.Container(name="web"),)),
)


@pytest.mark.parametrize("cls", [*CLASSES, Request, Response, User, Host, Topology], ids=lambda cls: cls.__name__)
def test_what_is_written_is_read_again(cls):
    @settings(max_examples=settings.default.max_examples // 3)
    @given(values(cls, SCHEMAS))
    def survives(value):
        content = to_json(value)
        assert from_json(content, cls) == value
        assert from_json(loads_json(canonical(content)), cls) == value

    survives()


def test_an_event_names_its_class():
    assert to_json(Execute(12)) == {"event": "Execute", "call": 12}
    assert to_json(Fire("kubelet/node-1", ("lease", 3, None))) == {
        "event": "Fire",
        "process": "kubelet/node-1",
        "key": ["lease", 3, None],
    }


def test_what_is_as_usual_is_left_out():
    assert to_json(Deliver("kubelet/node-1", "pods")) == {
        "event": "Deliver",
        "process": "kubelet/node-1",
        "watch": "pods",
    }
    assert to_json(Submit(request=Request(verb="list", resource="pods"))) == {
        "event": "Submit",
        "request": {"verb": "list", "resource": "pods"},
    }


def test_names_are_camel_case_with_kubernetes_capitals():
    order = StartContainer("u", "c", "i", 0, "default/web", environment=Map({"A": "b"}))
    assert to_json(Order("node-1", order))["order"]["environment"] == {"A": "b"}
    assert to_json(Host(name="n", ip="1.2.3.4", pod_cidr="10.0.0.0/24", clock_skew=1)) == {
        "name": "n",
        "ip": "1.2.3.4",
        "podCIDR": "10.0.0.0/24",
        "clockSkew": "1",
    }
    assert to_json(Request(verb="list", resource="pods", continue_="x", resource_version="3")) == {
        "verb": "list",
        "resource": "pods",
        "continue": "x",
        "resourceVersion": "3",
    }


def test_a_list_is_written_as_kubernetes_does():
    response = Response(200, List(resource="pods", items=(POD,), resource_version="7", remaining=2))
    assert to_json(response)["body"] == {
        "apiVersion": "v1",
        "kind": "PodList",
        "metadata": {"resourceVersion": "7", "remainingItemCount": 2},
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"containers": [{"name": "web"}]},
            }
        ],
    }


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"apiVersion": "v1", "kind": "Binding", "target": {"name": "node-1"}}, core_v1.Binding),
        ({"target": {"name": "node-1"}}, core_v1.Binding),
    ],
)
def test_a_body_is_what_its_place_says(body, wanted):
    content = {"verb": "create", "resource": "pods", "name": "web", "subresource": "binding", "body": body}
    assert type(from_json(content, Request).body) is wanted


def test_a_body_without_a_kind_is_the_resources():
    content = {"verb": "create", "resource": "configmaps", "body": {"metadata": {"name": "x"}}}
    assert type(from_json(content, Request).body) is core_v1.ConfigMap
    content = {"verb": "delete", "resource": "pods", "name": "web", "body": {"gracePeriodSeconds": 0}}
    assert from_json(content, Request).body.grace_period_seconds == 0


def test_a_patch_is_plain_json_and_cannot_change():
    content = {"verb": "patch", "resource": "pods", "name": "web", "body": {"a": [1, {"b": None}]}}
    request = from_json(content, Request)
    assert request.body == Map({"a": (1, Map({"b": None}))})
    assert to_json(request) == content


@pytest.mark.parametrize(
    ("content", "what", "path", "message"),
    [
        (3, ClusterEvent, "", "expected an object, found 3"),
        ({}, ClusterEvent, "event", "event: required, one of Submit"),
        ({"event": "Nope"}, ClusterEvent, "event", 'found "Nope"'),
        ({"event": ["Execute"]}, ClusterEvent, "event", 'found ["Execute"]'),
        ({"event": "Execute"}, ClusterEvent, "call", "call: required"),
        ({"event": "Execute", "call": True}, ClusterEvent, "call", "call: expected an integer, found true"),
        ({"event": "Execute", "call": 1.0}, ClusterEvent, "call", "call: expected an integer, found 1.0"),
        ({"event": "Execute", "call": None}, ClusterEvent, "call", "call: expected an integer, found null"),
        ({"event": "Execute", "call": 1, "cal": 2}, ClusterEvent, "cal", 'unknown field "cal"'),
        ({"event": "Begin", "process": 1}, ClusterEvent, "process", "process: expected a string, found 1"),
        ({"event": "Fire", "process": "a", "key": "b"}, ClusterEvent, "key", 'key: expected a list, found "b"'),
        ({"effect": "Answer"}, ClusterEvent, "event", "event: required"),
        ({"verb": "read", "resource": "pods"}, Request, "verb", "verb: expected one of create, get, list"),
        ({"verb": "get", "resource": "pods", "dryRun": "yes"}, Request, "dryRun", "expected true or false"),
        ({"verb": "create", "resource": "pods", "body": []}, Request, "body", "body: expected an object, found []"),
        (
            {"verb": "create", "resource": "pods", "body": {"spec": {"containers": [{"image": 3}]}}},
            Request,
            "body.spec.containers[0].image",
            "body.spec.containers[0].image: expected a string, found 3; body.spec.containers[0].name: required",
        ),
        (
            {"verb": "create", "resource": "pods", "body": {"apiVersion": "v1", "kind": "Pod", "specs": {}}},
            Request,
            "body.specs",
            'unknown field "body.specs"',
        ),
        (
            {"verb": "create", "resource": "pods", "body": {"is": "core_v1.Nope", "value": {}}},
            Request,
            "body.is",
            'body.is: expected the class of an API object, such as core_v1.Taint, found "core_v1.Nope"',
        ),
        (
            {"verb": "create", "resource": "pods", "body": {"is": "scalars.freeze", "value": {}}},
            Request,
            "body.is",
            "expected the class of an API object",
        ),
        ({"code": 200, "body": {"kind": "PodList", "apiVersion": "v1", "items": 3}}, Response, "body.items", "a list"),
        ({"code": 200, "warnings": [1]}, Response, "warnings[0]", "warnings[0]: expected a string, found 1"),
        ({"name": "a", "groups": "b"}, User, "groups", 'groups: expected a list, found "b"'),
        (
            {"event": "Submit", "request": {"verb": "get"}},
            ClusterEvent,
            "request.resource",
            "request.resource: required",
        ),
    ],
)
def test_what_is_wrong_is_shown_with_its_place(content, what, path, message):
    with pytest.raises(InvalidObject) as caught:
        from_json(content, what)
    assert message in str(caught.value)
    assert caught.value.faults[0].path == path


def test_what_has_no_form_in_json_is_refused():
    with pytest.raises(InvalidObject, match=r"key: expected what JSON can hold .*found \"\(b'x',\)\""):
        to_json(Fire("a", (b"x",)))
    with pytest.raises(InvalidObject, match=r"request\.body: expected an API object"):
        to_json(Submit(request=Request(verb="create", resource="pods", body=3)))
    wrong = core_v1.Pod(kind="Service", spec=POD.spec)
    with pytest.raises(InvalidObject, match="body: expected the apiVersion and kind of Pod"):
        to_json(Request(verb="create", resource="pods", body=wrong))


def test_an_answer_to_a_refused_request_is_a_status():
    answer = Answer("kubectl", "1", Response(404, meta_v1.Status(code=404, reason="NotFound", kind=None)))
    assert from_json(to_json(answer), OutsideEffect) == answer


def test_every_class_can_be_told_from_its_name():
    names = [cls.__name__ for cls in CLASSES]
    assert len(set(names)) == len(set(CLASSES))
    assert Advance in CLASSES
    assert Install in CLASSES
