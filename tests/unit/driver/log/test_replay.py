from functools import cache
from importlib import import_module

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.components import COMPONENTS
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.components.scheduler import steps as scheduling
from reconcile.driver import Shuffled, run
from reconcile.driver.client import create, scale
from reconcile.driver.log.chain import LogError, Writer, read_lines
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import Divergence, replay
from reconcile.driver.wire import state_digest
from reconcile.effects import Call, SetTimer
from reconcile.events import StopHost, Submit
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from tests.unit.driver.lab import SEED, deployment, recorded, running

SCALE = Submit(request=scale("deployments", "web", 3))


@cache
def story(detail="changes", checkpoint=0):
    """Record a run with events in between; give its lines and its end."""
    recorder, lines = recorded(2, detail=detail, checkpoint=checkpoint)
    recorder.settle((Submit(request=create(deployment(2))),))
    recorder.run(until=recorder.cluster.now + 3 * SECOND + 5)
    recorder.settle((SCALE,))
    recorder.run((StopHost("node-2"),), until=recorder.cluster.now + 20 * SECOND)
    end = recorder.end()
    return tuple(lines), end


@cache
def shuffled():
    """Record a run under a policy."""
    recorder, lines = recorded()
    recorder.run(
        (Submit(request=create(deployment(1))),),
        steps=200,
        until=recorder.cluster.now + 30 * SECOND,
        policy=Shuffled.of(2),
    )
    end = recorder.end()
    return tuple(lines), end


# The same again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [story, lambda: story("steps"), lambda: story("steps", 100), shuffled])
def test_a_log_is_played_again_to_its_end(log):
    lines, end = log()
    again = replay(lines)
    assert again.identical
    assert again.divergence is None
    assert state_digest(again.cluster) == state_digest(end)
    assert replay(iter(lines)).identical


def test_a_replay_tells_the_events_that_it_played():
    again = replay(story()[0])
    steps = [step for step, _ in again.events]
    assert [type(event).__name__ for _, event in again.events] == ["Submit", "Submit", "StopHost"]
    assert again.events[1][1] == SCALE
    assert steps[0] == 0
    assert steps == sorted(steps)


@pytest.mark.parametrize("log", [story, lambda: story("steps", 100), shuffled])
@settings(max_examples=6)
@given(part=st.fractions(0, 1))
@example(part=0)
@example(part=1)
def test_a_replay_stops_after_as_many_steps_as_it_is_told(log, part):
    lines, end = log()
    until = int(end.steps * part)
    there = replay(lines, until=until)
    assert there.identical, there.divergence
    assert there.cluster.steps == until
    assert state_digest(replay(lines, until=until).cluster) == state_digest(there.cluster)


def test_where_it_stops_the_cluster_is_what_it_was():
    lines, _ = story()
    live = Cluster.boot(Topology(nodes=2, proxy=False), seed=SEED)
    live = run(live, (Submit(request=create(deployment(2))),), steps=150, until=live.now + 60 * SECOND).cluster
    assert state_digest(replay(lines, until=150).cluster) == state_digest(live)


@pytest.mark.parametrize("log", [story, lambda: story("steps", 100), shuffled])
@settings(max_examples=8)
@given(part=st.fractions(0, 1), aside=st.integers(-1, 1))
@example(part=0, aside=-1)
@example(part=1, aside=1)
def test_a_replay_stops_before_time_moves_beyond_an_instant(log, part, aside):
    lines, end = log()
    begin = end.topology.start
    at = begin + int((end.now - begin) * part) + aside
    there = replay(lines, at=at)
    assert there.identical, there.divergence
    assert there.cluster.now <= max(at, begin)
    if at < end.now and there.cluster.steps < end.steps:
        assert replay(lines, until=there.cluster.steps + 1).cluster.now > at


def test_what_an_instant_has_is_played_in_full():
    lines, end = story()
    there = replay(lines, at=end.now)
    assert state_digest(there.cluster) == state_digest(end)
    assert replay(lines, at=end.now - 1).cluster.steps < end.steps


# Another behaviour ----------------------------------------------------------------------------------------------------


def elsewhere(state, event):
    """Schedule as the scheduler does, but bind everything to the other node."""
    state, effects = scheduling.step(state, event)
    return state, tuple([_moved(effect) for effect in effects])


def _moved(effect):
    if not isinstance(effect, Call) or effect.request.subresource != "binding":
        return effect
    body = effect.request.body
    other = {"node-1": "node-2", "node-2": "node-1"}[body.target.name]
    return Call(replace(effect.request, body=replace(body, target=replace(body.target, name=other))), effect.tag)


HEARD = COMPONENTS["kubelet"].step


def later(state, event):
    """Do what the kubelet does, but take a moment longer for everything that it waits for."""
    state, effects = HEARD(state, event)
    return state, tuple([_delayed(effect) if isinstance(effect, SetTimer) else effect for effect in effects])


def _delayed(timer):
    return attrs.evolve(timer, at=timer.at + 1)


@pytest.fixture
def mutate(monkeypatch):
    """Let a component take another step, or begin, than it did."""

    def change(kind="kube-scheduler", **how):
        monkeypatch.setitem(COMPONENTS, kind, attrs.evolve(COMPONENTS[kind], **how))

    return change


def test_a_replay_that_differs_shows_the_fields(mutate):
    lines, end = story()
    mutate(step=elsewhere)
    found = replay(lines)
    assert not found.identical
    divergence = found.divergence
    (row, *_) = [row for row in divergence.differences if row[0].endswith(": spec.nodeName")]
    field, was, now = row
    assert field.startswith("pods default/web-")
    assert {was, now} == {"node-1", "node-2"}
    assert str(divergence).startswith(f"the replay diverges at line {divergence.line}, step {divergence.step}:\n")
    assert f"  {field}: recorded {was!r}, replayed {now!r}" in str(divergence)
    assert 0 < divergence.step < end.steps


@pytest.mark.parametrize(
    ("detail", "kind", "how"),
    [("changes", "kube-scheduler", elsewhere), ("changes", "kubelet", later), ("steps", "kubelet", later)],
)
def test_it_stops_just_before_the_first_step_that_differs(mutate, detail, kind, how):
    lines, _ = story(detail)
    mutate(kind, step=how)
    found = replay(lines)
    step = found.divergence.step
    assert found.cluster.steps == step
    before = replay(lines, until=step)
    assert before.identical
    assert state_digest(before.cluster) == state_digest(found.cluster)
    after = replay(lines, until=step + 1)
    assert after.divergence is not None
    assert after.divergence.step == step


def test_what_differs_in_time_shows_in_the_marks(mutate):
    lines, _ = story("steps")
    mutate("kubelet", step=later)
    found = replay(lines).divergence
    ((field, was, now),) = found.differences
    assert field == "mark"
    assert was != now
    assert len(was) == len(now) == 4


def test_what_differs_in_fields_alone_shows_without_changes_in_the_digest(mutate):
    (long, _), (short, _) = story("changes", 100), story("steps", 100)
    mutate(step=elsewhere)
    exact, found = replay(long).divergence, replay(short).divergence
    assert "digest" in [field for field, *_ in found.differences] or found.step >= exact.step
    assert found.line >= exact.line


def test_a_state_that_differs_unseen_is_found_at_the_next_checkpoint(mutate):
    begin = COMPONENTS["kube-scheduler"].begin
    lines, _ = story("steps", 100)
    mutate(begin=lambda setting: begin(attrs.evolve(setting, dice=setting.dice.named("other"))))
    found = replay(lines).divergence
    assert found.step == -1
    assert b'"checkpoint"' in lines[found.line - 1]
    ((field, was, now),) = found.differences
    assert field == "digest"
    assert was != now
    assert str(found).startswith(f"the replay diverges at line {found.line}:\n  digest: recorded 'sha256:")


def test_a_run_under_a_policy_diverges_at_its_first_step_that_differs(mutate):
    lines, end = shuffled()
    mutate("kubelet", step=lambda state, _: (state, ()))
    found = replay(lines)
    assert not found.identical
    assert found.cluster.steps == found.divergence.step < end.steps


def rewritten(change):
    """Give the story's log, written anew with its changes as *change* makes them."""
    written = []
    writer = Writer(lambda line: written.append(line.encode()))
    for line in read_lines(story()[0]):
        content = {key: value for key, value in line.content.items() if key not in ("line", "check")}
        if "changes" in content:
            content["changes"] = change(content["changes"])
        writer.line(content)
    return written


def _first_status(changes):
    return next((row for row in changes if row[2] == "pods" and row[4] and "status" in row[4]), None)


def test_a_change_that_comes_at_another_step_is_shown_where_one_of_the_two_has_it():
    found = {}

    def delayed(changes):
        row = _first_status(changes)
        if row is None or found:
            return changes
        found["row"] = list(row)
        return [[each[0] + 1, *each[1:]] if each is row else each for each in changes]

    divergence = replay(rewritten(delayed)).divergence
    step, *named = found["row"][:4]
    assert (divergence.step, divergence.differences) == (step, (("change", None, named),))


def test_a_field_that_went_is_told_from_one_that_was_left_alone():
    def emptied(changes):
        row = _first_status(changes)
        return [[*row[:4], row[4] | {"gone": None}] if each is row else each for each in changes]

    ((field, was, now),) = replay(rewritten(emptied)).divergence.differences
    assert field.startswith("pods ")
    assert was == now | {"gone": None}


def test_an_event_that_is_refused_says_why(monkeypatch):
    lines, _ = story()
    monkeypatch.setattr(import_module("reconcile.driver.step"), "_known_host", _unknown)
    found = replay(lines).divergence
    assert found.differences == (("event", "stop host node-2", "refused: no such host"),)


def _unknown(machine, name):
    from reconcile.lib.errors import ReconcileError

    raise ReconcileError("no such host")


def test_a_divergence_reads_as_a_sentence():
    divergence = Divergence(3, 17, (("pods default/web: spec.nodeName", "node-1", None),))
    assert str(divergence) == (
        "the replay diverges at line 3, step 17:\n  pods default/web: spec.nodeName: recorded 'node-1', replayed None"
    )


# The user's own controllers -------------------------------------------------------------------------------------------


def painted(ask):
    """Give every ConfigMap a colour."""
    found = ask.views.get("configmaps", ask.key)
    if found is None or (found.data or {}).get("colour") == "red":
        return Outcome()
    body = replace(found, data=(found.data or Map()).set("colour", "red"))
    request = Request(
        verb="update",
        resource="configmaps",
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        body=body,
    )
    return Outcome(calls=(request,))


PAINTER = Controller(name="painter", sources=(Source("configmaps", keys_of_itself),), reconcile=painted)


def test_a_run_with_the_users_own_controllers_is_played_with_them():
    lines = []
    cluster = Cluster.boot(Topology(nodes=1, proxy=False), seed=SEED, controllers=(PAINTER,))
    recorder = Recorder(cluster, lambda line: lines.append(line.encode()))
    recorder.settle()
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "door"}}
    recorder.settle((Submit(request=create(manifest)),))
    end = recorder.end()
    assert end.get("configmaps", "door").data["colour"] == "red"
    again = replay(lines, controllers=(PAINTER,))
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == state_digest(end)
    with pytest.raises(LogError, match=r"line 1: .* painter, .* give --controllers MODULE:NAME"):
        replay(lines)
    calm = attrs.evolve(PAINTER, reconcile=lambda _: Outcome())
    assert not replay(lines, controllers=(calm,)).identical


def test_the_story_is_one_worth_telling():
    assert running(story()[1]) == 3
