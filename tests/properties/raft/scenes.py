"""
Scenes: schedules of Raft by hand, for what chance seldom brings about.

In each, what Raft promises holds; a mutant for which it is there breaks it.
"""

from reconcile.components.etcd import raft
from tests.properties.raft.world import World

LONG = 500


def stage(spare=0, entries=1):
    """Give three voters, of which a leads and all have heard so."""
    world = World(0, voters=3, spare=spare, timing=raft.Timing(kept=2, entries=entries, inflight=4))
    world.do_hurry("a")
    quiet(world)
    return world


def quiet(world, done=lambda: False):
    """Let what is under way arrive and be written, one thing after the other, until all is *done*."""
    for _ in range(LONG):
        if done():
            return
        writing = [name for name, host in sorted(world.hosts.items()) if host.writing]
        if writing:
            world.sync(writing[0])
        elif world.network:
            world.deliver(0)
        else:
            return
    raise AssertionError("they talk without end")


def elect(world, name):
    """Let *name* be elected; what it then says is lost."""
    for _ in range(3):  # who lags behind in terms learns of them first
        world.do_hurry(name)
        quiet(world, lambda: world.hosts[name].state.role == "leader")
    assert world.hosts[name].state.role == "leader", f"{name} is not elected"
    world.sync(name)
    world.network.clear()


def log_of(world, name):
    return world.hosts[name].state.log


def an_entry_of_an_earlier_term_is_on_most():
    """Figure 8 of the paper: what is of an earlier term may be overwritten though more than half have it."""
    world = stage()
    world.do_isolate("a")
    world.propose("a")
    world.sync("a")
    world.network.clear()
    world.crash("a")
    world.do_mend("")
    elect(world, "c")
    world.crash("c")
    world.start("a")
    elect(world, "a")
    world.do_isolate("c")
    beat(world, "a")
    quiet(world, lambda: world.hosts["a"].state.progress["b"].match == 3)
    assert log_of(world, "b").last == 3
    world.network.clear()
    world.crash("a")
    world.do_mend("")
    world.start("c")
    elect(world, "c")


def beat(world, name):
    """Let a leader's next heartbeats be due."""
    world.now = max(world.now, world.hosts[name].state.beat)
    world.tell(name, raft.Elapsed())


def an_answer_to_an_older_round_is_late():
    """A leader of the past is asked for a read, and then hears an answer to heartbeats before it."""
    world = stage()
    world.read("a")
    world.deliver(0)
    (late,) = [message for message in world.network if isinstance(message, raft.HeartbeatReply)]
    world.network.clear()
    world.do_isolate("a")
    world.do_hurry("b")
    quiet(world)
    world.propose("b")
    quiet(world)
    world.read("a")
    world.do_mend("")
    world.network[:] = [late]
    world.deliver(0)


def a_leader_is_asked_before_it_has_committed_anything():
    """What the leader before it has acknowledged is in the new leader's log; that it is committed, it does not know."""
    world = stage()
    world.propose("a")
    quiet(world, lambda: bool(world.acknowledged))
    world.network.clear()
    world.do_isolate("a")
    elect(world, "b")
    world.read("b")
    while world.network:
        world.deliver(0)
    quiet(world)


def a_tail_that_does_not_fit_is_as_long():
    """A leader of the past has as many entries as the one of now has before its own; they are others."""
    world = stage()
    world.do_isolate("a")
    world.propose("a")
    world.propose("a")
    while world.hosts["a"].writing:
        world.sync("a")
    world.network.clear()
    world.do_hurry("b")
    quiet(world)
    world.propose("b")
    quiet(world)
    world.crash("b")
    world.start("b")
    elect(world, "c")
    world.do_mend("")
    beat(world, "c")
    quiet(world)
    assert world.hosts["a"].applied == world.hosts["c"].applied


def a_snapshot_comes_again_late():
    """A follower was sent a snapshot, and has gone on; the message comes once more."""
    world = stage()
    world.crash("c")
    for _ in range(4):
        world.propose("a")
        quiet(world)
    world.compact("a")
    quiet(world)
    world.start("c")
    beat(world, "a")
    quiet(world, lambda: any(isinstance(message, raft.InstallSnapshot) for message in world.network))
    (again,) = [message for message in world.network if isinstance(message, raft.InstallSnapshot)]
    quiet(world)
    world.propose("a")
    quiet(world)
    world.network.append(again)
    quiet(world)


def a_laggard_learns_of_a_change_by_a_snapshot():
    """A member joins while another is away; the log that tells of it is forgotten."""
    world = stage(spare=1)
    world.crash("c")
    world.tell("a", raft.Proposed(raft.Change("add", "d")))
    quiet(world)
    for _ in range(4):
        world.propose("a")
        quiet(world)
    world.compact("a")
    quiet(world)
    world.start("c")
    beat(world, "a")
    quiet(world)
    assert world.hosts["c"].state.membership.voters == ("a", "b", "c", "d")


def two_members_join_at_once():
    """Two of the old three do not know yet that the others, now three of five, need them no more."""
    world = stage(spare=2, entries=4)
    world.do_isolate("c")
    for name in ("d", "e"):
        world.tell("a", raft.Proposed(raft.Change("add", name)))
    quiet(world, lambda: world.hosts["a"].state.applied > 2)
    for _ in range(LONG):
        # From now on b is not told anything; what it has said arrives.
        world.network[:] = [message for message in world.network if message.to != "b"]
        quiet(world, lambda: any(message.to == "b" for message in world.network))
    world.do_isolate("b")
    beat(world, "a")
    quiet(world)
    world.propose("a")
    quiet(world)
    world.cut = {pair for pair in world.cut if pair != frozenset("bc")}
    world.do_hurry("b")
    quiet(world)
    world.do_hurry("b")
    quiet(world)


def who_has_the_second_change_knows_of_the_first():
    """A voter starts again while the others, now three of five, go on without it and the one that it can talk to."""
    world = stage(spare=2, entries=4)
    world.do_isolate("c")
    for name in ("d", "e"):
        world.tell("a", raft.Proposed(raft.Change("add", name)))
        quiet(world)
    world.do_isolate("b")
    world.crash("b")
    world.start("b")
    world.propose("a")
    quiet(world)
    assert world.acknowledged
    world.cut.discard(frozenset("bc"))
    for _ in range(2):
        world.do_hurry("b")
        quiet(world)


def only_a_learner_has_it():
    """A leader is cut off with a learner, and the other two voters elect another."""
    world = stage(spare=1)
    world.tell("a", raft.Proposed(raft.Change("learner", "d")))
    quiet(world)
    assert world.hosts["d"].state.membership.learners == ("d",)
    world.cut |= {frozenset("ab"), frozenset("ac")}
    world.propose("a")
    quiet(world)
    elect(world, "b")


def a_leader_leaves():
    """A leader removes itself: what it has acknowledged stays, and one of those that are left leads."""
    world = stage()
    world.propose("a")
    world.tell("a", raft.Proposed(raft.Change("remove", "a")))
    quiet(world)
    assert world.hosts["a"].state.role == "follower"
    assert {world.hosts[name].state.membership.voters for name in "abc"} == {("b", "c")}
    elect(world, "c")
    assert len(world.acknowledged) == 1


SCENES = {
    scene.__name__: scene
    for scene in (
        an_entry_of_an_earlier_term_is_on_most,
        an_answer_to_an_older_round_is_late,
        a_leader_is_asked_before_it_has_committed_anything,
        a_tail_that_does_not_fit_is_as_long,
        a_snapshot_comes_again_late,
        a_laggard_learns_of_a_change_by_a_snapshot,
        two_members_join_at_once,
        who_has_the_second_change_knows_of_the_first,
        only_a_learner_has_it,
        a_leader_leaves,
    )
}
