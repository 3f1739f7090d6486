import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.components import COMPONENTS
from reconcile.cluster.founding import founding
from reconcile.driver import Shuffled, choices, run, settle, step
from reconcile.driver.client import create, delete, scale
from reconcile.driver.client import watch as watching_of
from reconcile.driver.wire import state_digest
from reconcile.events import (
    Compact,
    CutWatch,
    Deliver,
    Disconnect,
    HoldWatch,
    Reconnect,
    ReleaseWatch,
    StopProcess,
    Submit,
    Watched,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.requests import key_of
from reconcile.store import PARTITIONS
from tests.unit.driver.lab import booted, configmap, deployed, deployment, executed, submitted

MANAGER = "kube-controller-manager/node-1"


@pytest.fixture
def heard(monkeypatch):
    """Note every Watched that a kind of process hears from now on."""
    notes = []

    def listen(kind):
        whole = COMPONENTS[kind]

        def hear(state, event):
            if isinstance(event, Watched):
                notes.append(event)
            return whole.step(state, event)

        monkeypatch.setitem(COMPONENTS, kind, attrs.evolve(whole, step=hear))
        return notes

    return listen


def changed(cluster, names, verb=create):
    for name in names:
        request = create(deployment(0, name=name)) if verb is create else delete("deployments", name)
        cluster, call = submitted(cluster, request)
        cluster = executed(cluster, call)
    return cluster


def seen(notes, watch):
    return [
        (change.key.rpartition("/")[2], change.old is not None, change.new is not None)
        for event in notes
        if event.watch == watch
        for change in event.changes
    ]


def test_changes_come_in_their_order_whatever_is_delivered_at_a_time(heard):
    cluster = changed(booted(), "abcde")
    notes = heard("kube-controller-manager")
    for sizes in ((5,), (1, 1, 1, 1, 1), (2, 3), (4, 1)):
        notes.clear()
        after = cluster
        for size in sizes:
            after, _ = step(after, Deliver(MANAGER, "deployments.apps", size))
        assert [len(event.changes) for event in notes] == list(sizes)
        assert seen(notes, "deployments.apps") == [(name, False, True) for name in "abcde"]
        assert [len(event.view) for event in notes] == [sum(sizes[: place + 1]) for place in range(len(sizes))]


def test_a_watch_that_was_cut_is_told_what_differs(heard):
    cluster = settle(changed(booted(), "abc")).cluster
    notes = heard("kube-controller-manager")
    cluster = changed(changed(cluster, "de"), "ad", verb=delete)
    cluster, _ = step(cluster, CutWatch(MANAGER, "deployments.apps"))
    assert cluster.lag(MANAGER, "deployments.apps") == -1
    cluster, _ = step(cluster, Deliver(MANAGER, "deployments.apps"))
    assert seen(notes, "deployments.apps") == [("a", True, False), ("e", False, True)]
    assert cluster.lag(MANAGER, "deployments.apps") == 0


def test_a_watch_that_fell_behind_a_compaction_is_told_what_differs(heard):
    cluster = settle(changed(booted(), "abc")).cluster
    notes = heard("kube-controller-manager")
    cluster = changed(cluster, "defghijklmnopqrstuvwxyz")
    cluster = changed(cluster, "abdefghijklmnopqrstuvwxy", verb=delete)
    cluster, _ = step(cluster, Compact(cluster.store.revision))
    assert cluster.store.history("deployments.apps").start > cluster.cursors[MANAGER, "deployments.apps"].position
    cluster, _ = step(cluster, Deliver(MANAGER, "deployments.apps", 1))
    assert seen(notes, "deployments.apps") == [("a", True, False), ("b", True, False), ("z", False, True)]
    assert sorted(notes[-1].view) == ["default/c", "default/z"]


def test_a_relist_that_finds_nothing_says_how_new_the_cache_is(heard):
    cluster = settle(changed(booted(), "abc")).cluster
    notes = heard("kube-controller-manager")
    cluster, _ = step(cluster, CutWatch(MANAGER, "deployments.apps"))
    cluster, _ = step(cluster, Deliver(MANAGER, "deployments.apps"))
    (told,) = notes
    assert (told.watch, told.changes, told.revision) == ("deployments.apps", (), cluster.store.revision)
    assert cluster.lag(MANAGER, "deployments.apps") == 0


def test_a_watch_of_a_partition_hears_what_enters_and_leaves_it(heard):
    notes = heard("kubelet")
    cluster = settle(booted(2), (Submit(request=create(deployment(4))),)).cluster
    first = {}
    for event in notes:
        for change in event.changes if event.watch == "pods" else ():
            first.setdefault(change.key, change)
    pods = cluster.objects("pods", namespace="default")
    assert len(pods) == 4
    for pod in pods:
        # When it was created it had no node: the kubelet hears of it when it is bound, and then it is new to it.
        change = first[key_of(pod)]
        assert change.old is None
        assert change.new.spec.node_name == pod.spec.node_name


def test_a_cut_partition_is_told_only_of_its_own(heard):
    cluster = deployed(2)
    notes = heard("kubelet")
    mine = [pod for pod in cluster.objects("pods", namespace="default") if pod.spec.node_name == "node-2"]
    cluster, _ = step(cluster, Disconnect("node-2"))
    cluster = settle(cluster, (Submit(request=scale("deployments", "web", 0)),), limit=30 * SECOND, quiet=0).cluster
    notes.clear()
    cluster, _ = step(cluster, Reconnect("node-2"))
    cluster, _ = step(cluster, CutWatch("kubelet/node-2", "pods"))
    cluster, _ = step(cluster, Deliver("kubelet/node-2", "pods"))
    changes = [change for event in notes for change in event.changes]
    assert {change.key for change in changes} == {key_of(pod) for pod in mine}
    assert all((change.new or change.old).spec.node_name == "node-2" for change in changes)


def test_a_watch_of_an_empty_resource_hears_that_it_is_in_step(heard):
    notes = heard("kube-controller-manager")
    settle(Cluster.boot(Topology(nodes=1)))
    first = {}
    for event in notes:
        first.setdefault(event.watch, event)
    assert first["replicationcontrollers"].changes == ()
    assert len(first["nodes"].changes) in (0, 1)


def test_whoever_is_told_after_a_process_that_ends_is_told_all_the_same():
    watching = tuple([Submit(watching_of("configmaps"), tag=tag) for tag in "abc"])
    cluster = run(run(booted(), watching).cluster, (Submit(create(configmap())),), steps=2).cluster
    for _ in range(12):
        for gone in "abc":
            after = run(cluster, (StopProcess(f"watch/kubectl:{gone}"),)).cluster
            assert [after.lag(*key) for key in after.cursors if key[1] == "watch"] == [0, 0], gone
        cluster = run(cluster, steps=1).cluster


# A watch that is held back -------------------------------------------------------------------------------------------


def test_a_watch_that_is_held_lags_while_all_else_goes_on(heard):
    notes = heard("kube-controller-manager")
    cluster, _ = step(booted(), HoldWatch(MANAGER, "deployments.apps"))
    cluster = settle(changed(cluster, "ab")).cluster
    assert seen(notes, "deployments.apps") == []
    assert cluster.lag(MANAGER, "deployments.apps") == 2
    assert not [choice for choice in choices(cluster) if isinstance(choice, Deliver)]
    assert cluster.objects("replicasets") == ()
    cluster, _ = step(cluster, ReleaseWatch(MANAGER, "deployments.apps"))
    cluster = settle(cluster).cluster
    assert seen(notes, "deployments.apps")[:2] == [("a", False, True), ("b", False, True)]
    assert cluster.lag(MANAGER, "deployments.apps") == 0
    assert len(cluster.objects("replicasets")) == 2


def test_a_watch_that_is_held_and_cut_lists_when_it_is_released(heard):
    notes = heard("kube-controller-manager")
    cluster = changed(settle(booted(), (HoldWatch(MANAGER, "deployments.apps"),)).cluster, "ab")
    cluster = settle(cluster, (CutWatch(MANAGER, "deployments.apps"), Compact(cluster.store.revision))).cluster
    assert (cluster.lag(MANAGER, "deployments.apps"), seen(notes, "deployments.apps")) == (-1, [])
    settle(cluster, (ReleaseWatch(MANAGER, "deployments.apps"),))
    assert seen(notes, "deployments.apps")[:2] == [("a", False, True), ("b", False, True)]


def test_a_new_life_begins_with_watches_that_are_not_held():
    cluster = settle(booted(), (HoldWatch(MANAGER, "deployments.apps"), StopProcess(MANAGER))).cluster
    assert not [key for key, cursor in cluster.cursors.items() if cursor.held]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            HoldWatch(MANAGER, "deployments.apps"),
            "deployments.apps of .* is held back already",
        ),
        (ReleaseWatch(MANAGER, "pods"), "pods of kube-controller-manager/node-1 is not held back"),
        (Deliver(MANAGER, "deployments.apps"), "is held back: release it first"),
        (HoldWatch(MANAGER, "spells"), "has no watch 'spells'"),
        (HoldWatch("kubelet/node-9", "pods"), "there is no process 'kubelet/node-9' running"),
    ],
)
def test_what_cannot_be_held_or_released_is_refused(event, message):
    cluster, _ = step(booted(), HoldWatch(MANAGER, "deployments.apps"))
    with pytest.raises(ReconcileError, match=message):
        step(changed(cluster, "a"), event)


def test_that_a_watch_is_held_decides_the_future():
    held, _ = step(booted(), HoldWatch(MANAGER, "pods"))
    assert state_digest(held) != state_digest(attrs.evolve(booted(), steps=held.steps))
    free, _ = step(held, ReleaseWatch(MANAGER, "pods"))
    assert state_digest(settle(free).cluster) != state_digest(held)


# The cache is what was told -------------------------------------------------------------------------------------------


def naive(history, position):
    """Put together what a cache must hold that has been told everything up to a position."""
    objects = {}
    for change in history.between(0, position):
        if change.new is None:
            objects.pop(change.key, None)
        else:
            objects[change.key] = change.new
    return objects


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 500))
def test_every_cache_holds_what_its_watch_was_told(seed, length):
    events = [
        Submit(request=create(deployment(2))),
        Submit(request=create(configmap())),
        Submit(request=delete("cm", "x")),
    ]
    cluster = run(
        booted(2), tuple(events), steps=length, until=booted(2).now + MINUTE, policy=Shuffled.of(seed)
    ).cluster
    for (process, watch), cursor in cluster.cursors.items():
        if cursor.view is None:
            continue
        if cursor.partition:
            index = PARTITIONS[cursor.resource].name
            cached = {key: cursor.view[key] for key in cursor.view.keys_under(index, cursor.partition)}
        else:
            cached = dict(cursor.view.items())
        history = cluster.store.history(cursor.channel)
        assert history.start == 0, "the story is short enough to be remembered whole"
        told = dict(founding(cluster.topology, ()).table(cursor.resource).items())
        told |= naive(history, cursor.position)
        if cursor.partition:
            own = PARTITIONS[cursor.resource].values
            told = {key: obj for key, obj in told.items() if cursor.partition in own(obj)}
        assert cached == told, (process, watch)
