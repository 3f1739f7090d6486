"""
A world for members of Raft: a network that loses, repeats and reorders, disks that are late, hosts that crash.

One seed, one schedule. What is promised is asserted wherever it could break: at most one leader of a term, logs that
agree where they meet, entries applied alike everywhere, leaders who have all that was applied, reads that see all that
was acknowledged before they were asked.
"""

import random

import attrs

from reconcile.components.etcd import raft
from reconcile.lib.dice import Dice

NAMES = ("a", "b", "c", "d", "e")


@attrs.define
class Host:
    """A member's host: its state while it runs, its disk, what is on its way to the disk, its application."""

    name: str
    disk: raft.Disk
    state: raft.State | None = None
    writing: list = attrs.Factory(list)
    applied: tuple = ()  # what the application has, by index
    timer: int | None = None
    lives: int = 0


@attrs.define
class Read:
    """A read that is under way: which writes were acknowledged, and how far reads had seen, when it was asked."""

    host: str
    acknowledged: int
    life: int


class World:
    """Some members and all that is between them."""

    def __init__(self, seed, voters=3, spare=1, timing=None):
        self.chance = random.Random(seed)
        self.seed, self.now = seed, 0
        self.timing = timing or raft.Timing(kept=5, entries=3, inflight=4)
        names = NAMES[: voters + spare]
        self.hosts = {}
        for place, name in enumerate(names):
            disk = raft.founded(names[:voters], (None,)) if place < voters else raft.Disk()
            self.hosts[name] = Host(name, disk)
        self.network = []
        self.cut = set()
        self.proposals = 0
        self.acknowledged = {}  # data -> index
        self.applied = {}  # index -> entry
        self.committed = {}  # index -> the first term in which it was known to be committed
        self.seen = 0  # the furthest index that a read or a write has shown to a client
        self.leaders = {}  # term -> name
        self.votes = {}  # (voter, term) -> for whom
        self.reads = {}
        self.answered = 0
        for name in names:
            self.start(name)

    # what happens

    def start(self, name):
        host = self.hosts[name]
        if host.state is not None:
            return
        host.lives += 1
        host.timer, host.applied = None, ()
        host.state, effects = raft.begin(
            name, host.disk, Dice(self.seed, f"{name}/{host.lives}"), self.now, self.timing
        )
        self.carry_out(host, effects)

    def crash(self, name, keep=0):
        """End *name*; of what is on its way to its disk, the first *keep* writes get there."""
        host = self.hosts[name]
        for order in host.writing[:keep]:
            host.disk = raft.written(host.disk, order)
        host.state, host.timer = None, None
        host.writing = []

    def tell(self, name, event):
        host = self.hosts[name]
        if host.state is None:
            return
        before = host.state
        host.state, effects = raft.step(host.state, event, self.now)
        self.carry_out(host, effects)
        self.check(host, before)

    def carry_out(self, host, effects):
        for effect in effects:
            match effect:
                case raft.Send(message):
                    self.network.append(message)
                    if isinstance(message, raft.Vote) and message.granted and not message.pre:
                        known = self.votes.setdefault((message.sender, message.term), message.to)
                        assert known == message.to, f"{message.sender} votes twice in term {message.term}"
                case raft.Persist():
                    host.writing.append(effect)
                case raft.WakeAt(at):
                    host.timer = at
                case raft.Apply(entries):
                    self.apply(host, entries)
                case raft.Restore(snapshot):
                    host.applied = snapshot.data or ()
                    self.check_prefix(host)
                case raft.Readable(tag, index):
                    self.answer(host, tag, index)

    def apply(self, host, entries):
        for entry in entries:
            assert entry.index == len(host.applied) + 1, "entries are applied in their order, each once"
            known = self.applied.setdefault(entry.index, entry)
            self.committed[entry.index] = min(host.state.term, self.committed.get(entry.index, host.state.term))
            assert known == entry, f"{host.name} applies {entry}, another member {known}"
            host.applied = (*host.applied, entry.data)
            if isinstance(entry.data, tuple) and entry.data[0] == host.name:
                # Whoever proposed it to this member has its answer.
                self.acknowledged[entry.data] = entry.index
                self.seen = max(self.seen, entry.index)

    def check_prefix(self, host):
        for place, data in list(enumerate(host.applied, 1))[1:]:
            assert self.applied[place].data == data, f"{host.name} restores what was not applied at {place}"

    def answer(self, host, tag, index):
        read = self.reads.pop(tag, None)
        if read is None or read.life != host.lives:
            return
        assert len(host.applied) >= index, "a read is answered from what is applied"
        assert len(host.applied) >= read.acknowledged, f"a read at {host.name} misses what was acknowledged before it"
        self.seen = max(self.seen, len(host.applied))
        self.answered += 1

    # what is promised

    def check(self, host, before):
        state = host.state
        if state.role == "leader":
            known = self.leaders.setdefault(state.term, host.name)
            assert known == host.name, f"{known} and {host.name} lead in term {state.term}"
            if before.role != "leader":
                for index, entry in self.applied.items():
                    if index > state.log.offset and self.committed[index] < state.term:
                        assert state.log.term_at(index) == entry.term, f"leader {host.name} lacks {entry}"
        assert state.term >= before.term, "terms only grow"
        assert state.commit >= before.commit, "what is committed stays committed"
        if state.term == before.term and before.vote:
            assert state.vote == before.vote, "one vote in a term"

    def check_logs(self):
        logs = [host.state.log for host in self.hosts.values() if host.state is not None]
        for one in logs:
            for other in logs:
                agree = False
                for index in range(min(one.last, other.last), max(one.offset, other.offset), -1):
                    mine, its = one.between(index, index)[0], other.between(index, index)[0]
                    agree = agree or mine.term == its.term
                    assert not agree or mine == its, f"logs agree at a later index, and differ at {index}"

    # schedules

    def deliver(self, place, *, keep=False):
        message = self.network[place] if keep else self.network.pop(place)
        if frozenset((message.sender, message.to)) not in self.cut:
            self.tell(message.to, raft.Received(message))

    def sync(self, name):
        host = self.hosts[name]
        if host.writing:
            order = host.writing.pop(0)
            host.disk = raft.written(host.disk, order)
            self.tell(name, raft.Persisted(order.number))

    def tick(self):
        due = [host for host in self.hosts.values() if host.timer is not None]
        if due:
            host = min(due, key=lambda each: (each.timer, each.name))
            self.now = max(self.now, host.timer)
            host.timer = None
            self.tell(host.name, raft.Elapsed())

    def propose(self, name):
        self.proposals += 1
        self.tell(name, raft.Proposed((name, self.proposals)))

    def read(self, name):
        host = self.hosts[name]
        if host.state is not None:
            tag = (name, len(self.reads), self.now, self.proposals, self.chance.random())
            self.reads[tag] = Read(name, self.seen, host.lives)
            self.tell(name, raft.ReadAsked(tag))

    def compact(self, name):
        host = self.hosts[name]
        if host.state is not None and host.state.applied == len(host.applied) > 0:
            self.tell(name, raft.Compacted(len(host.applied), host.applied))

    def change(self, name):
        kind = self.chance.choice(("add", "learner", "promote", "remove"))
        self.tell(name, raft.Proposed(raft.Change(kind, self.chance.choice(sorted(self.hosts)))))

    def act(self, faults=True):
        """Let one thing happen, by chance."""
        chance, names = self.chance, sorted(self.hosts)
        name = chance.choice(names)
        roll = chance.random()
        if roll < 0.50 and self.network:
            place = 0 if chance.random() < 0.7 else chance.randrange(len(self.network))
            self.deliver(place, keep=faults and chance.random() < 0.03)
        elif roll < 0.72:
            self.sync(name)
        elif roll < 0.80:
            self.tick()
        elif roll < 0.86:
            self.propose(name)
        elif roll < 0.90:
            self.read(name)
        elif roll < 0.92:
            self.compact(name)
        elif not faults:
            self.tick()
        elif roll < 0.94 and self.network:
            self.network.pop(chance.randrange(len(self.network)))
        elif roll < 0.946:
            self.crash(name, chance.randrange(3))
        elif roll < 0.97:
            self.start(name)
        elif roll < 0.975:
            one, other = chance.sample(names, 2)
            self.cut.add(frozenset((one, other)))
        elif roll < 0.99:
            self.cut.clear()
        elif roll < 0.994:
            self.tell(name, raft.TransferAsked(chance.choice(names)))
        else:
            self.change(name)

    def heal(self, rounds=240):
        """Mend everything; whoever then leads brings all to one log."""
        self.cut.clear()
        for name in self.hosts:
            self.start(name)
        for turn in range(rounds):
            while self.network:
                self.deliver(0)
            for name, host in self.hosts.items():
                while host.writing:
                    self.sync(name)
            if not self.network:
                self.tick()
            if turn % 80 == 60:
                for name in sorted(self.hosts):
                    self.propose(name)

    def check_end(self):
        """Once healed, the members that belong to the cluster have all that was acknowledged."""
        leader = max(self.leaders)
        leading = self.hosts[self.leaders[leader]].state
        assert leading.role == "leader", (
            f"nobody leads: {[(h.name, h.state.role, h.state.term) for h in self.hosts.values()]}"
        )
        everyone = leading.membership.everyone
        ends = {self.hosts[name].applied for name in everyone}
        assert len(ends) == 1, {name: len(self.hosts[name].applied) for name in everyone}
        (end,) = ends
        for data, index in self.acknowledged.items():
            assert end[index - 1] == data, f"{data} was acknowledged, and is lost"


def played(seed, actions=1000):
    """Play the schedule of *seed* to its healed end."""
    world = World(seed, voters=5 if seed % 6 == 0 else 3, spare=seed % 2)
    for count in range(actions):
        world.act()
        if count % 50 == 0:
            world.check_logs()
    world.heal()
    world.check_logs()
    world.check_end()
    return world
