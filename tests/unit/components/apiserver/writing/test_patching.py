"""What a kubelet patches of a status: it says what differs, and leaves alone what others have said."""

import pytest

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.driver.wire.bodies import body_from_json, body_to_json
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.patches import ofstatus
from reconcile.model.patches.ofstatus import StatusPatch
from reconcile.model.requests import Request

SECOND = 10**9


def condition(type, status="True", at=1, **more):
    return core_v1.PodCondition(type=type, status=status, last_transition_time=Time.at(at * SECOND), **more)


OLD = core_v1.PodStatus(
    phase="Pending",
    qos_class="BestEffort",
    reason="Slow",
    pod_ips=(core_v1.PodIP(ip="10.0.0.1"),),
    conditions=(condition("PodScheduled"), condition("Ready", "False", reason="No"), condition("Old")),
)
NEW = core_v1.PodStatus(
    phase="Running",
    qos_class="BestEffort",
    pod_ip="10.0.0.2",
    pod_ips=(core_v1.PodIP(ip="10.0.0.2"),),
    conditions=(condition("Ready", at=2), condition("Initialized", at=2), condition("PodScheduled")),
    container_statuses=(
        core_v1.ContainerStatus(
            name="web",
            image="web:1",
            image_id="sha256:1",
            ready=True,
            restart_count=0,
            state=core_v1.ContainerState(running=core_v1.ContainerStateRunning(started_at=Time.at(SECOND))),
            last_state=core_v1.ContainerState(),
        ),
    ),
)


@pytest.fixture
def patch(server, pod):
    server.made("pods", pod)
    name = "web"
    uid = server("get", "pods", "default", name).body.metadata.uid

    def ask(body):
        return server("patch", "pods", "default", name, body, subresource="status", patch_type="strategic")

    assert ask(StatusPatch(uid, server("get", "pods", "default", name).body.status, OLD)).body.status == OLD
    return ask, uid, server, name


def test_what_is_as_the_sender_knows_it_becomes_what_it_says(patch):
    ask, uid, _, _ = patch
    assert ask(StatusPatch(uid, OLD, NEW)).body.status is NEW


def test_the_same_comes_of_it_as_of_the_text_that_it_stands_for(patch):
    ask, uid, _, _ = patch
    text = ofstatus.written(StatusPatch(uid, OLD, NEW))
    assert ask(text).body.status == NEW


def test_what_others_have_said_meanwhile_stays(patch):
    ask, uid, server, name = patch
    pod = server("get", "pods", "default", name).body
    others = replace(OLD, nominated_node_name="node-2", conditions=(*OLD.conditions, condition("Mine")))
    labels = replace(pod.metadata, labels=Map({"a": "b"}), resource_version=None)
    server("update", "pods", "default", name, replace(pod, metadata=labels))
    server("update", "pods", "default", name, replace(pod, metadata=labels, status=others), subresource="status")
    found = ask(StatusPatch(uid, OLD, NEW)).body
    assert found.metadata.labels == {"a": "b"}
    assert {row.type: row.status for row in found.status.conditions} == {
        "PodScheduled": "True",
        "Ready": "True",
        "Initialized": "True",
        "Mine": "True",
    }
    assert (found.status.phase, found.status.nominated_node_name, found.status.reason) == ("Running", "node-2", None)
    assert found.status.pod_ips == NEW.pod_ips


def test_it_is_not_for_another_pod_of_the_name(patch):
    ask, _, server, name = patch
    response = ask(StatusPatch("another", OLD, NEW))
    assert (response.code, response.reason) == (422, "Invalid")
    assert "metadata.uid: Invalid value" in response.body.message
    assert server("get", "pods", "default", name).body.status == OLD


def test_its_text_says_what_differs():
    assert ofstatus.written(StatusPatch("u", OLD, replace(OLD, phase="Running", reason=None))) == {
        "metadata": {"uid": "u"},
        "status": {"phase": "Running", "reason": None},
    }
    assert ofstatus.written(StatusPatch("u", OLD, OLD)) == {"metadata": {"uid": "u"}}
    assert ofstatus.written(StatusPatch("", OLD, replace(OLD, conditions=OLD.conditions[1:])))["status"] == {
        "$setElementOrder/conditions": [{"type": "Ready"}, {"type": "Old"}],
        "conditions": [{"$patch": "delete", "type": "PodScheduled"}],
    }
    assert ofstatus.written(StatusPatch("", None, core_v1.PodStatus(phase="Failed"))) == {"status": {"phase": "Failed"}}


def test_it_can_be_written_down_and_read_again():
    request = Request(verb="patch", resource="pods", subresource="status", body=StatusPatch("u", OLD, NEW))
    content = body_to_json(request.body, request, "body")
    assert body_from_json(content, "patch", "pods", "status", "body") == request.body


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("json", "{", (400, "unexpected end of JSON input")),
        ("merge", "{", (400, "Invalid JSON Patch")),
        ("merge", "7", (400, "Invalid JSON Patch")),
        ("merge", "[]", (422, "couldn't get version/kind; json parse error: json: cannot unmarshal array")),
    ],
)
def test_who_ignores_unknown_fields_hears_otherwise_of_what_is_no_patch(server, pod, kind, body, said):
    server.made("pods", pod)
    others = {"patch_type": kind, "field_validation": "Ignore"}
    response = server("patch", "pods", "default", "web", body, **others)
    assert (response.code, said[1] in response.body.message) == (said[0], True)


def test_what_a_patch_is_warned_of_is_said_of_one_that_is_refused(server, pod):
    server.made("pods", pod)
    body = {"metadata": {"labels": {"-": "x"}, "bogus": 1}}
    response = server("patch", "pods", "default", "web", body)
    assert (response.code, response.warnings) == (422, ('unknown field "metadata.bogus"',))


def test_the_servers_part_of_metadata_is_looked_at_as_often_as_upstream_does(server, pod):
    server.made("pods", pod)
    body = {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}
    response = server("patch", "pods", "default", "web", body, warned=True)
    fields = [cause.field for cause in response.body.details.causes]
    assert fields == ["metadata.deletionTimestamp", "metadata.deletionTimestamp"]
