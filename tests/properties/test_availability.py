"""
Stories of a highly available cluster, each told in many ways: how it boots, is joined by a fourth master, loses one
master, its quorum, a whole zone, or everything but a snapshot. When that happens, to whom, and under which load is
drawn; each ends in what is declared.
"""

from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.client import asked
from reconcile.driver.operating.joining import Joiner
from reconcile.driver.operating.members import member_list
from reconcile.driver.run import collector_paused, settle
from reconcile.events import (
    Disconnect,
    MoveLeader,
    Reconnect,
    RestoreSnapshot,
    SaveSnapshot,
    SetBackends,
    StartHost,
    StopHost,
)
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.balancers import Balancer
from reconcile.properties import ALWAYS
from reconcile.testing.fuzzing import Declare, Resize, Schedule, Strike, Wait, Wander, Withdraw, play
from reconcile.testing.game import Game
from reconcile.testing.moves import Join
from reconcile.testing.repairing import repairs
from reconcile.testing.writing import scenario_of

MASTERS = ("node-1", "node-2", "node-3")
TOPOLOGIES = {
    "straight": Topology(nodes=4, masters=3, members=3),
    "balanced": Topology(nodes=4, masters=3, members=3, balancer=Balancer()),
    "zones": Topology(nodes=7, masters=5, members=5),
}
BUMP = 1_000_000_000
"""As etcd's documentation proposes it; without it revisions come twice, and resourceVersions no longer grow."""

ZONE = ("node-1", "node-2", "node-6")
"""Two of five masters, and a worker."""

# A soak plays as many as its profile says; everybody else a few.
RUNS = settings.default.max_examples if settings.default.max_examples > 1000 else settings.default.max_examples // 100
COUNTED = settings(
    max_examples=max(RUNS, 2),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

MOMENTS = st.sampled_from((0, 300 * MILLISECOND, SECOND, 3 * SECOND, 20 * SECOND, 70 * SECOND))
WAITS = MOMENTS.map(Wait)
LOADS = st.integers(1, 6)
UNRULY = st.sampled_from(("drop", "repeat", "cut", "lag", "kill", "halt", "compact"))
MISHAPS = st.builds(Strike, UNRULY, st.integers(0, 40)) | st.builds(Wander, st.integers(1, 30), st.integers(0, 99))
LESSER = st.lists(MISHAPS | WAITS, max_size=3).map(tuple)


def web(replicas):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


@cache
def booted(name):
    settled = settle(Cluster.boot(TOPOLOGIES[name], seed=1))
    assert settled.settled, settled.moving
    return settled.cluster


def judged(name, load, moves):
    """Play *moves* where so many pods are declared, and repair what they leave broken."""
    schedule = Schedule((web(load),), moves)
    with collector_paused():
        verdict = play(booted(name), schedule)
    if verdict.problems:
        said = "\n".join([*verdict.problems, *verdict.happened])
        pytest.fail(f"{said}\n\n{scenario_of(TOPOLOGIES[name], 1, schedule)}")


def comes_to(game, voters, load, gone=()):
    """
    Repair all but the hosts that are *gone*, and leave it alone: so many pods are ready, these hosts' members vote, and
    all nodes are ready.
    """
    for event in repairs(game.machine):
        if getattr(event, "host", "") not in gone:
            game.happen(event)
    problems = [*game.refused, *game.rest()]
    cluster = game.machine.closed()
    found = {each.host for each in member_list(cluster) if each.part == "voter" and each.role != "down"}
    problems += [] if found == set(voters) else [f"these vote: {sorted(found)}"]
    ready = cluster.get("deployments", "web").status.ready_replicas
    problems += [] if ready == load else [f"{ready} of {load} pods are ready"]
    nodes = [node.metadata.name for node in cluster.objects("nodes") if node.status.conditions[-1].status != "True"]
    problems += [f"{name} is not ready" for name in nodes]
    assert not problems, "\n".join([*problems, *game.happened])


@COUNTED
@given(
    st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 400), st.sampled_from(MASTERS), WAITS), max_size=2), LOADS
)
def test_three_masters_boot(seed, failures, load):
    game = Game(Cluster.boot(TOPOLOGIES["straight"], seed=seed), ALWAYS)
    with collector_paused():
        for steps, host, off in failures:
            for move in (Wander(steps, seed), StopHost(host), off, StartHost(host)):
                game.move(move)
        for move in (Wait(30 * SECOND), Declare(web(load))):
            game.move(move)
        comes_to(game, MASTERS, load)


@COUNTED
@given(st.data())
def test_a_fourth_master_joins(data):
    game = Game(booted("balanced"), ALWAYS)
    load = data.draw(LOADS)
    # Between which two of its steps who fails; the new one itself not before its kubelet has registered it.
    places = st.tuples(st.integers(1, 7), st.sampled_from((*MASTERS, "node-9")), MOMENTS)
    failures = {place: (host, off) for place, host, off in data.draw(st.lists(places, max_size=1))}
    done = [0]

    def happen(event):
        game.happen(event)
        done[0] += 1
        host, off = failures.pop(done[0], ("", 0))
        if host in game.machine.closed().hosts and host:
            for move in (StopHost(host), Wait(off), StartHost(host)):
                game.move(move)

    def wait(time):
        game.move(Wait(time))

    with collector_paused():
        for move in (Declare(web(load)), *data.draw(LESSER)):
            game.move(move)
        joiner = Joiner(game.machine.closed, happen, wait, lambda request: asked(game.machine, request))
        joiner.join("node-9", control_plane=True)
        comes_to(game, (*MASTERS, "node-9"), load)


@pytest.mark.parametrize("name", ["straight", "balanced"])
@COUNTED
@given(st.data())
def test_a_master_is_lost_and_comes_back(name, data):
    host, load, after = data.draw(st.sampled_from(MASTERS)), data.draw(LOADS), data.draw(LOADS)
    lose, back = data.draw(st.sampled_from(((StopHost, StartHost), (Disconnect, Reconnect))))
    before, since = data.draw(LESSER), data.draw(LESSER)
    moves = (*before, lose(host), data.draw(WAITS), Resize("deployments", "web", after), *since, back(host))
    judged(name, load, (*moves, data.draw(WAITS)))


@COUNTED
@given(st.data())
def test_the_quorum_is_lost_and_comes_back(data):
    first, second, left = data.draw(st.permutations(MASTERS))
    moves = [*data.draw(LESSER), StopHost(first), data.draw(WAITS), StopHost(second), data.draw(WAITS)]
    # What is declared meanwhile waits, or is never heard of.
    moves += [Wander(data.draw(st.integers(0, 60)), data.draw(st.integers(0, 99)))]
    moves += [StartHost(host) for host in data.draw(st.permutations((first, second)))]
    moves += [data.draw(WAITS), Resize("deployments", "web", data.draw(LOADS)), MoveLeader(left)]
    judged("straight", data.draw(LOADS), tuple(moves))


@COUNTED
@given(st.data())
def test_a_zone_is_lost_and_comes_back(data):
    order = data.draw(st.permutations(ZONE))
    load, lose = data.draw(LOADS), data.draw(st.sampled_from((StopHost, Disconnect)))
    back = StartHost if lose is StopHost else Reconnect
    moves = [*data.draw(LESSER), *map(lose, order), data.draw(WAITS), Resize("deployments", "web", data.draw(LOADS))]
    moves += [*data.draw(LESSER), *map(back, data.draw(st.permutations(ZONE)))]
    judged("zones", load, tuple(moves))


@pytest.mark.parametrize("name", ["straight", "balanced"])
@COUNTED
@given(st.data())
def test_a_cluster_is_recovered_from_a_snapshot_on_new_machines(name, data):
    # What was promised since the snapshot is lost with it.
    game = Game(booted(name), ALWAYS, promises=())
    load, later, after = data.draw(LOADS), data.draw(LOADS), data.draw(LOADS)
    news = data.draw(st.permutations(("node-7", "node-8", "node-9")))[: data.draw(st.integers(1, 3))]
    with collector_paused():
        moves = [Declare(web(load)), *data.draw(LESSER), Wait(20 * SECOND)]
        moves += [SaveSnapshot("night", data.draw(st.sampled_from(MASTERS))), *data.draw(LESSER)]
        moves += [Resize("deployments", "web", later), data.draw(WAITS)]
        moves += [each for host in data.draw(st.permutations(MASTERS)) for each in (StopHost(host), data.draw(WAITS))]
        moves += [Join(news[0]), data.draw(WAITS), RestoreSnapshot("night", (news[0],), BUMP)]
        moves += [SetBackends((news[0],))] if name == "balanced" else []
        for move in moves:
            game.move(move)
        for host in news:
            for move in (Join(host, control_plane=True), data.draw(WAITS)):
                game.move(move)
        for host in MASTERS:
            game.move(Withdraw("nodes", host))
        cluster = game.machine.closed()
        assert cluster.get("deployments", "web").spec.replicas == load, game.happened
        game.move(Resize("deployments", "web", after))
        comes_to(game, news, after, gone=MASTERS)
