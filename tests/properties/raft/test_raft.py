"""
Raft under chance: whatever is lost, late, repeated or crashes, what is promised holds; and each promise can be broken.

A seed is a schedule. Many more are played by `python -m tests.properties.raft.soak 100000`.
"""

from functools import partial

import pytest
from hypothesis import settings

from reconcile.components.etcd import raft
from tests.properties.raft.mutants import CAUGHT, mutated
from tests.properties.raft.scenes import SCENES
from tests.properties.raft.world import KINDS, World, played

LENGTH = 400
SHORT = 200
SCHEDULES = 10 * settings.default.max_examples  # 2,000 with the profile ci


@pytest.mark.parametrize("first", range(0, SCHEDULES, 100))
def test_any_schedule_keeps_what_is_promised(first):
    for seed in range(first, first + 100):
        played(seed, SHORT)


def test_schedules_come_to_what_they_are_to_test():
    worlds = [played(seed, LENGTH) for seed in (*range(30), 59)]
    assert max(len(world.leaders) for world in worlds) >= 4
    assert sum(world.answered for world in worlds) >= 50
    assert sum(len(world.acknowledged) for world in worlds) >= 200
    members = {each for world in worlds for each in world.memberships.values()}
    assert any(each.learners for each in members)
    assert {len(each.voters) for each in members} >= {2, 3, 4}
    assert any(host.state.log.snapshot.index > 1 for world in worlds for host in world.hosts.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_the_same_each_time_it_is_played(kind):
    seed = tuple(KINDS).index(kind)
    one, other = played(seed, LENGTH), played(seed, LENGTH)
    assert [host.state for host in one.hosts.values()] == [host.state for host in other.hosts.values()]


@pytest.mark.parametrize(("mutant", "seed"), CAUGHT, ids=lambda each: getattr(each, "__name__", str(each)))
def test_a_broken_rule_is_found(mutant, seed):
    plays = [SCENES[seed]] if isinstance(seed, str) else [partial(played, seed + more, LENGTH) for more in range(200)]
    with mutated(mutant):
        caught = next(filter(breaks, plays), None)
    assert caught, f"not found in {len(plays)} schedules from {seed} on"
    caught()


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_a_scene_keeps_what_is_promised(scene):
    scene()


def breaks(play):
    try:
        play()
    except AssertionError:
        return True
    return False


def test_there_are_mutants_enough():
    assert len({mutant for mutant, _ in CAUGHT}) >= 15


def test_a_lone_voter_needs_nobody():
    world = World(0, voters=1, spare=0)
    world.settle()
    world.propose("a")
    world.read("a")
    while world.hosts["a"].writing:
        world.sync("a")
    assert world.hosts["a"].applied[-1] == ("a", 1)
    assert world.answered == 1
    assert world.hosts["a"].state.membership == raft.Membership(("a",))
