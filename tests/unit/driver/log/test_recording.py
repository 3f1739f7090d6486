import json

import pytest

from reconcile.api import meta_v1
from reconcile.cluster import Cluster, Topology
from reconcile.driver import Shuffled, run, settle
from reconcile.driver.client import create, delete, get, scale
from reconcile.driver.log.patches import differing_fields
from reconcile.driver.log.recording import Recorder, packed, within
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import from_json, state_digest
from reconcile.effects import Answer
from reconcile.events import (
    Advance,
    ClusterEvent,
    Compact,
    CutWatch,
    Disconnect,
    Execute,
    Reconnect,
    StartHost,
    StopHost,
    StopProcess,
    Submit,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.requests import Request
from tests.unit.driver.lab import SEED, configmap, deployment, recorded, running

DETAILS = ("steps", "changes")


def boot(nodes=1):
    return Cluster.boot(Topology(nodes=nodes, proxy=False), seed=SEED)


def contents(lines):
    return [json.loads(line) for line in lines]


def played(recorder, lines):
    """End the recording and play it; give the cluster that both came to."""
    end = recorder.end()
    again = replay(lines)
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == state_digest(end)
    return end


# The same as without a log --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detail", DETAILS)
def test_a_recorded_run_is_the_run(detail):
    events = (Submit(request=create(deployment(2))),)
    recorder, lines = recorded(2, detail=detail)
    settled = recorder.settle(events)
    plain = settle(boot(2), events)
    assert (settled.settled, settled.steps, settled.effects) == (plain.settled, plain.steps, plain.effects)
    assert state_digest(settled.cluster) == state_digest(plain.cluster)

    later = recorder.run((Submit(request=scale("deployments", "web", 3)),), until=plain.cluster.now + MINUTE)
    alike = run(plain.cluster, (Submit(request=scale("deployments", "web", 3)),), until=plain.cluster.now + MINUTE)
    assert (later.steps, later.effects, later.idle) == (alike.steps, alike.effects, alike.idle)
    assert state_digest(played(recorder, lines)) == state_digest(alike.cluster)


@pytest.mark.parametrize("detail", DETAILS)
def test_a_run_under_a_policy_is_recorded_choice_by_choice(detail):
    recorder, lines = recorded(detail=detail)
    done = recorder.run(steps=250, until=boot().now + MINUTE, policy=Shuffled.of(4))
    plain = run(boot(), steps=250, until=boot().now + MINUTE, policy=Shuffled.of(4))
    assert (done.steps, done.effects, done.idle) == (plain.steps, plain.effects, plain.idle)
    assert state_digest(played(recorder, lines)) == state_digest(plain.cluster)
    assert sum("event" in content for content in contents(lines)) == plain.steps


@pytest.mark.parametrize("detail", DETAILS)
def test_every_kind_of_event_between_is_played_again(detail):
    recorder, lines = recorded(2, detail=detail)
    recorder.settle()
    recorder.apply(deployment(2))
    recorder.run(steps=20)
    recorder.step(Disconnect("node-2"))
    recorder.run(until=recorder.cluster.now + 3 * SECOND)
    recorder.step(Reconnect("node-2"))
    recorder.step(CutWatch("kubelet/node-2", "pods"))
    recorder.run(steps=30, until=recorder.cluster.now + SECOND, policy=Shuffled.of(1))
    recorder.step(Compact(recorder.cluster.store.revision))
    recorder.settle((StopHost("node-2"),), quiet=0)
    recorder.step(StartHost("node-2"))
    recorder.settle((StopProcess("kube-scheduler/node-1"),))
    assert recorder.ask(get("deployments", "web")).ok
    assert running(played(recorder, lines)) == 2


def test_what_a_client_asks_is_recorded():
    recorder, lines = recorded()
    recorder.settle()
    assert recorder.ask(get("nodes", "node-1")).ok
    assert recorder.ask(get("nodes", "node-9")).code == 404
    assert recorder.apply(configmap(red="1")).code == 201
    assert recorder.apply(configmap(red="2")).code == 200
    options = meta_v1.DeleteOptions(grace_period_seconds=0)
    assert recorder.ask(delete("configmaps", "colours", options=options)).ok
    submitted = [content["event"] for content in contents(lines) if "event" in content]
    verbs = [event["request"]["verb"] for event in submitted]
    assert verbs == ["get", "get", "get", "create", "get", "patch", "delete"]
    assert played(recorder, lines).get("configmaps", "colours") is None


def test_an_ask_leaves_other_answers_to_who_waits_for_them():
    recorder, lines = recorded()
    recorder.settle()
    recorder.step(Submit(request=get("nodes", "node-1"), tag="mine"))
    assert recorder.ask(get("nodes", "node-1")).ok
    done = recorder.run()
    assert [effect.tag for effect in done.effects if isinstance(effect, Answer)] == ["mine"]
    played(recorder, lines)


def test_what_is_refused_leaves_no_line():
    recorder, lines = recorded()
    recorder.settle()
    written = len(lines)
    digest = state_digest(recorder.cluster)
    unwritable = Request(verb="create", resource="configmaps", namespace="default", body=3)
    for event in (Execute(123456), StopHost("node-9"), Advance(0), Submit(request=unwritable)):
        with pytest.raises(ReconcileError):
            recorder.step(event)
    assert len(lines) == written
    assert state_digest(recorder.cluster) == digest
    recorder.settle((Submit(request=create(configmap())),))
    played(recorder, lines)


# What is written ------------------------------------------------------------------------------------------------------


def test_the_header_says_from_what_the_run_is_booted():
    lines = []
    Recorder(Cluster.boot(Topology(nodes=2, masters=2, lock="endpoints"), seed=12345), lines.append, detail="steps")
    (header,) = contents(lines)
    assert header["topology"] == {"nodes": 2, "masters": 2, "lock": "endpoints"}
    assert (header["seed"], header["detail"], header["controllers"]) == (12345, "steps", [])


def test_a_log_begins_with_a_boot():
    with pytest.raises(ReconcileError, match="a log begins with a boot; this cluster has taken 1 steps already"):
        Recorder(run(boot(), steps=1).cluster, lambda _: None)


def test_without_changes_a_log_is_the_same_but_for_them():
    logs = {}
    for detail in DETAILS:
        recorder, lines = recorded(detail=detail)
        recorder.settle((Submit(request=create(deployment(1))),))
        recorder.end()
        logs[detail] = contents(lines)
    assert len(logs["steps"]) == len(logs["changes"])
    assert any("changes" in content for content in logs["changes"])
    for short, long in zip(logs["steps"], logs["changes"], strict=True):
        rows = differing_fields(
            {key: value for key, value in short.items() if key != "check"},
            {key: value for key, value in long.items() if key not in ("check", "changes")},
        )
        assert rows in ([], [("detail", "steps", "changes")])


def test_the_objects_at_the_end_can_be_put_together_from_the_changes():
    recorder, lines = recorded()
    recorder.settle((Submit(request=create(deployment(2))),))
    recorder.settle((Submit(request=scale("deployments", "web", 1)),))
    end = played(recorder, lines)
    keys = {}
    for content in contents(lines):
        for _, revision, resource, key, what in content.get("changes", ()):
            keys[resource, key] = None if what is None else revision
    stored = {
        (resource, key): int(obj.metadata.resource_version)
        for resource, table in end.store.tables.items()
        for key, obj in table.items()
        if obj.metadata.resource_version != "1"  # there from the beginning: the access rules
    }
    assert {place: revision for place, revision in keys.items() if revision is not None} == stored


def test_checkpoints_come_about_every_so_many_steps():
    recorder, lines = recorded(detail="steps", checkpoint=50)
    for _ in range(6):
        recorder.run(steps=25, until=boot().now + MINUTE)
    end = played(recorder, lines)
    places = [content["checkpoint"]["steps"] for content in contents(lines) if "checkpoint" in content]
    assert places == [50, 100, 150]
    assert contents(lines)[-1]["end"] == {
        "steps": end.steps,
        "now": str(end.now),
        "revision": end.store.revision,
        "digest": state_digest(end),
    }


def test_events_are_read_again_as_they_were():
    recorder, lines = recorded()
    event = Submit(request=create(deployment(2)), tag="t", client="c")
    recorder.step(event)
    (content,) = [content for content in contents(lines) if "event" in content]
    assert from_json(content["event"], ClusterEvent) == event


def test_two_recordings_of_one_run_are_the_same_bytes():
    logs = []
    for _ in range(2):
        recorder, lines = recorded(2, checkpoint=100)
        recorder.settle((Submit(request=create(deployment(2))),))
        recorder.end()
        logs.append(b"".join(lines))
    assert logs[0] == logs[1]


# Parts ----------------------------------------------------------------------------------------------------------------


def test_time_beyond_until_is_left_out_of_what_is_offered():
    assert within((Execute(1), Advance(10)), 10) == (Execute(1), Advance(10))
    assert within((Execute(1), Advance(11)), 10) == (Execute(1),)
    assert within((Execute(1), Advance(11)), None) == (Execute(1),)
    assert within((), 10) == ()


def test_marks_are_four_digits_each():
    from array import array

    assert packed(array("H", [0, 1, 0xFFFF, 0xAB])) == "00000001ffff00ab"
