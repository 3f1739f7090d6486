"""Whatever comes, a step happens or is refused by name and leaves no trace; what comes first is among the choices."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.cluster.pending import Draining, Listing, Message, Replied, Sent, Starting
from reconcile.driver import Shuffled, choices, run
from reconcile.driver.client import create
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.step import apply_event
from reconcile.driver.wire import state_digest
from reconcile.events import (
    Begin,
    Carry,
    ClusterEvent,
    Compact,
    CutWatch,
    Deliver,
    Disconnect,
    DropCall,
    DropOrder,
    Execute,
    Fire,
    HoldWatch,
    Reconnect,
    ReleaseWatch,
    RepeatCall,
    ReportIn,
    Return,
    RuntimeReport,
    SkipChanges,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Submit,
    Work,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE
from reconcile.model.requests import Request
from reconcile.testing.vocabulary import values
from tests.unit.driver.lab import booted, deployed, deployment, submitted

FOLDER = Path(__file__).parents[2] / "schemas" / "kubernetes"
SCHEMAS = {
    document["$id"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json")))
}
FEW = settings(max_examples=max(settings.default.max_examples // 4, 5), suppress_health_check=list(HealthCheck))
ANY = values(ClusterEvent, SCHEMAS)
REPORTS = values(RuntimeReport, SCHEMAS)
REQUESTS = values(Request, SCHEMAS)


def near(cluster):
    """Draw events that could happen in a cluster, or nearly."""
    host = st.sampled_from(list(cluster.hosts))
    process = st.sampled_from([*cluster.processes, "kubelet/node-1", "kubelet/node-2", "kube-scheduler/node-1"])
    number = st.sampled_from([*cluster.pending, 0])
    watch = st.sampled_from(list(cluster.cursors) or [("kubelet/node-1", "pods")])
    counted = st.tuples(watch, st.integers(-1, 3)).map(lambda drawn: (*drawn[0], drawn[1]))
    drawn = [host.map(kind) for kind in (StopHost, StartHost, Disconnect, Reconnect)]
    drawn += [process.map(kind) for kind in (StopProcess, StartProcess, Begin)]
    drawn += [number.map(kind) for kind in (Execute, Return, Carry, DropCall, DropOrder, RepeatCall)]
    drawn += [counted.map(lambda parts, kind=kind: kind(*parts)) for kind in (Deliver, SkipChanges)]
    return st.one_of(
        *drawn,
        *[watch.map(lambda parts, kind=kind: kind(*parts)) for kind in (CutWatch, HoldWatch, ReleaseWatch)],
        st.integers(-1, cluster.store.revision + 1).map(Compact),
        st.sampled_from(choices(cluster)),
    )


OUTSIDE = st.tuples(st.sampled_from(("node-1", "node-2")), REPORTS).map(lambda drawn: ReportIn(*drawn))
SUBMITTED = REQUESTS.map(lambda request: Submit(request=request))


@FEW
@given(st.data())
def test_an_event_happens_or_is_refused_and_leaves_no_trace(data):
    machine = Machine(deployed(2))
    for _ in range(5):
        before = machine.closed()
        event = data.draw(st.one_of(near(before), ANY, OUTSIDE, SUBMITTED))
        try:
            apply_event(machine, event)
        except ReconcileError:
            assert (machine.steps, state_digest(machine.closed())) == (before.steps, state_digest(before))
        else:
            assert machine.steps == before.steps + 1
        for _ in range(data.draw(st.integers(0, 20))):
            next_step(machine)


def first(cluster):
    """Say as an event what first-in first-out lets happen next: None for a ticket of a watch, or if nothing is left."""
    timer = cluster.timers.first()
    if timer is not None and timer.at <= cluster.now:
        return Fire(timer.key[0], timer.key[2])
    for serial, item in cluster.pending.items():
        match item:
            case Sent():
                return Execute(serial)
            case Replied():
                return Return(serial)
            case Message():
                return Carry(serial)
            case Starting():
                return Begin(item.process)
            case Draining() | Listing():
                return None
    return next((Work(turn.process, turn.queue) for turn in cluster.turns.values()), None)


def does_nothing(before, after):
    """Tell whether all that happened is that something was put aside."""
    parts = ("store", "states", "processes", "cursors", "elections", "recorders", "hosts")
    return all(getattr(before, part) is getattr(after, part) for part in parts)


@FEW
@given(st.integers(0, 2**32), st.integers(0, 300), st.data())
def test_what_comes_first_is_among_the_choices(seed, steps, data):
    cluster, _ = submitted(booted(2), create(deployment(2)))
    machine = Machine(run(cluster, steps=steps, until=cluster.now + MINUTE, policy=Shuffled.of(seed)).cluster)
    for _ in range(5):
        before = machine.closed()
        offered, event = choices(before), first(before)
        if not next_step(machine):
            break
        after = machine.closed()
        if event in offered:
            done = Machine(before)
            apply_event(done, event)
            assert state_digest(done.closed()) == state_digest(after)
        elif event is None:
            told = [key for key, cursor in after.cursors.items() if before.cursors.get(key) is not cursor]
            assert len(told) <= 1
            assert all(any((each.process, each.watch) == key for each in _delivered(offered)) for key in told)
        else:
            assert does_nothing(before, after), event
        if data.draw(st.booleans()):
            fault = data.draw(near(machine.closed()))
            try:
                apply_event(machine, fault)
            except ReconcileError:
                continue


def _delivered(offered):
    return [choice for choice in offered if isinstance(choice, Deliver)]
