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
from reconcile.properties.linearizability import Operation, linearized

NAMES = ("a", "b", "c", "d", "e", "f")

# How often each thing happens, of a thousand times, by the kind of schedule.
KINDS = {
    "common": {
        "deliver": 560,
        "sync": 240,
        "tick": 20,
        "propose": 60,
        "read": 40,
        "compact": 20,
        "lose": 10,
        "crash": 6,
        "start": 20,
        "cut": 5,
        "mend": 15,
        "hurry": 6,
        "transfer": 4,
        "change": 8,
    },
    # Leaders come and go before what they append is known to all.
    "stormy": {
        "deliver": 520,
        "sync": 240,
        "tick": 10,
        "hurry": 30,
        "propose": 50,
        "read": 10,
        "crash": 20,
        "start": 40,
        "isolate": 15,
        "mend": 25,
        "lose": 2,
    },
    # Members that sleep and believe that nothing has happened; learners; changes of who belongs to the cluster.
    "drowsy": {
        "deliver": 560,
        "sync": 240,
        "tick": 20,
        "hurry": 14,
        "propose": 40,
        "read": 40,
        "pause": 10,
        "resume": 20,
        "isolate": 4,
        "mend": 15,
        "transfer": 3,
        "change": 24,
        "crash": 4,
        "start": 16,
    },
}
PATIENCE = 5000
ACTIONS = tuple(sorted({action for odds in KINDS.values() for action in odds}))


def log(state, question):
    """What clients see of the log: they append to it, and read it."""
    if question == "read":
        return state, state
    state = state if question[1] in state else (*state, question[1])
    return state, len(state)


def appended(applied):
    """Give what clients have appended, each once: who asks twice, since a message came twice, has appended it once."""
    return tuple(dict.fromkeys(data for data in applied if isinstance(data, tuple) and len(data) == 2))


def leaves_one_alone(state, event):
    """
    Tell whether a leader is asked to remove itself from a cluster of two.

    If the other does not hear that this is committed, it needs the vote of who has left, which nothing promises.
    """
    asked = event.message if isinstance(event, raft.Received) else event
    change = asked.data if isinstance(asked, raft.Proposed | raft.Propose) else None
    leaves = isinstance(change, raft.Change) and (change.kind, change.member) == ("remove", state.name)
    return leaves and state.role == "leader" and len(state.membership.voters) == 2


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

    def __init__(self, seed, voters=3, spare=1, timing=None, kind="common"):
        self.chance = random.Random(seed)
        self.seed, self.now = seed, 0
        self.odds = [KINDS[kind].get(action, 0) for action in ACTIONS]
        # One entry in a message: a leader may bring over what is of an earlier term, and not what it has added itself.
        self.timing = timing or raft.Timing(kept=5, entries=1 if kind == "stormy" else 3, inflight=4)
        names = NAMES[: voters + spare]
        self.hosts = {}
        for place, name in enumerate(names):
            disk = raft.founded(names[:voters], (None,)) if place < voters else raft.Disk()
            self.hosts[name] = Host(name, disk)
        self.network = []
        self.cut = set()
        self.paused = set()
        self.proposals = 0
        self.acknowledged = {}  # data -> index
        self.applied = {}  # index -> entry
        self.committed = {}  # index -> the first term in which it was known to be committed
        self.seen = 0  # the furthest index that a read or a write has shown to a client
        self.leaders = {}  # term -> name
        self.memberships = {}  # index -> who belongs to the cluster once all up to it is applied
        self.votes = {}  # (voter, term) -> for whom
        self.reads = {}
        self.answered = 0
        self.moment = 0  # counts what happened, for the history
        self.history = {}  # what clients asked and were answered: data or tag -> Operation
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
        known = self.votes.get((name, host.state.term))
        assert known in (None, host.state.vote), f"{name} has forgotten that it voted for {known}"
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
        if host.state is None or name in self.paused or leaves_one_alone(host.state, event):
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
                self.reply(entry.data, host.lives, len(appended(host.applied)))
                self.seen = max(self.seen, entry.index)

    def ask(self, key, host, question):
        self.moment += 1
        self.history[key] = Operation(self.moment, question, client=f"{host.name}/{host.lives}")

    def reply(self, key, lives, answer):
        """Give a client its answer, if it has none, and who was asked still lives."""
        self.moment += 1
        asked = self.history[key]
        if asked.answered is None and asked.client.endswith(f"/{lives}"):
            self.history[key] = attrs.evolve(asked, answered=self.moment, answer=answer)

    def check_history(self):
        """What clients saw could have happened one thing after the other."""
        end = appended(self.hosts[self.leaders[max(self.leaders)]].applied)
        places = {data: place for place, data in enumerate(end, 1)}
        told = []
        for asked in self.history.values():
            if asked.answered is None and asked.question[0] == "append" and asked.question[1] in places:
                # The log in the end tells what its client was not told.
                told.append(attrs.evolve(asked, answered=self.moment + 1, answer=places[asked.question[1]]))
            elif asked.answered is not None:
                told.append(asked)
        assert linearized(told, log, ()) is not None, "the history is not linearizable"

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
        self.reply(tag, host.lives, appended(host.applied))

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
        known = self.memberships.setdefault(state.applied, state.membership)
        assert known == state.membership, f"{host.name} takes others for members than whoever else has applied as much"
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
        if self.network[place].to in self.paused:
            self.network.append(self.network.pop(place))  # it waits in the host's buffers
            return
        message = self.network[place] if keep else self.network.pop(place)
        if frozenset((message.sender, message.to)) not in self.cut:
            self.tell(message.to, raft.Received(message))

    def sync(self, name):
        host = self.hosts[name]
        if host.writing and name not in self.paused:
            order = host.writing.pop(0)
            host.disk = raft.written(host.disk, order)
            self.tell(name, raft.Persisted(order.number))

    def tick(self):
        due = [host for host in self.hosts.values() if host.timer is not None and host.name not in self.paused]
        if due:
            host = min(due, key=lambda each: (each.timer, each.name))
            self.now = max(self.now, host.timer)
            host.timer = None
            self.tell(host.name, raft.Elapsed())

    def propose(self, name):
        self.proposals += 1
        data = (name, self.proposals)
        self.ask(data, self.hosts[name], ("append", data))
        self.tell(name, raft.Proposed(data))

    def read(self, name):
        host = self.hosts[name]
        if host.state is not None and name not in self.paused:
            tag = (name, len(self.reads), self.now, self.proposals, self.chance.random())
            self.reads[tag] = Read(name, self.seen, host.lives)
            self.ask(tag, host, "read")
            self.tell(name, raft.ReadAsked(tag))

    def compact(self, name):
        host = self.hosts[name]
        if host.state is not None and host.state.applied == len(host.applied) > 0:
            self.tell(name, raft.Compacted(len(host.applied), host.applied))

    def change(self, name):
        kind = self.chance.choice(("add", "learner", "promote", "remove"))
        self.tell(name, raft.Proposed(raft.Change(kind, self.chance.choice(sorted(self.hosts)))))

    def act(self):
        """Let one thing happen, by chance."""
        name = self.chance.choice(sorted(self.hosts))
        (what,) = self.chance.choices(ACTIONS, self.odds)
        getattr(self, f"do_{what}")(name)

    def settle(self):
        """Let all that is under way arrive and be written, so that a leader is found."""
        while not self.leaders:
            self.tick()
            while self.network or any(host.writing for host in self.hosts.values()):
                if self.network:
                    self.deliver(0)
                for name in self.hosts:
                    self.sync(name)

    def do_deliver(self, _):
        if not self.network:
            self.tick()
        else:
            place = 0 if self.chance.random() < 0.7 else self.chance.randrange(len(self.network))
            self.deliver(place, keep=self.chance.random() < 0.03)

    def do_lose(self, _):
        if self.network:
            self.network.pop(self.chance.randrange(len(self.network)))

    def do_crash(self, name):
        self.crash(name, self.chance.randrange(3))

    def do_tick(self, _):
        self.tick()

    def do_hurry(self, name):
        """Let the timer of *name* run out, as if the others' clocks stood still."""
        host = self.hosts[name]
        if host.state is not None and host.state.role != "leader" and name not in self.paused:
            self.now = max(self.now, host.state.deadline)
            host.timer = None
            self.tell(name, raft.Elapsed())

    def do_cut(self, _):
        self.cut.add(frozenset(self.chance.sample(sorted(self.hosts), 2)))

    def do_isolate(self, name):
        self.cut |= {frozenset((name, other)) for other in self.hosts if other != name}

    def do_mend(self, _):
        self.cut.clear()

    def do_pause(self, name):
        self.paused.add(name)

    def do_resume(self, name):
        """Let *name* go on; whoever was waiting for it asks it at once."""
        if name in self.paused:
            self.paused.discard(name)
            self.read(name)

    def do_transfer(self, name):
        self.tell(name, raft.TransferAsked(self.chance.choice(sorted(self.hosts))))

    def do_sync(self, name):
        """Let a member's oldest write be on its disk; rather one that has any than *name*."""
        writing = [host.name for host in self.hosts.values() if host.writing and host.name not in self.paused]
        self.sync(name if not writing else self.chance.choice(writing))

    def do_propose(self, name):
        """Ask the leader more often than another: who asks one that knows no leader gets nothing."""
        leading = [host.name for host in self.hosts.values() if host.state and host.state.role == "leader"]
        self.propose(self.chance.choice([name, *leading]))

    do_read = read
    do_compact, do_start, do_change = compact, start, change

    def heal(self, rounds=240):
        """Mend everything; whoever then leads brings all to one log, and takes what is proposed from then on."""
        self.cut.clear()
        self.paused.clear()
        for name in self.hosts:
            self.start(name)
        for turn in range(rounds):
            for _ in range(PATIENCE):
                if not self.network:
                    break
                self.deliver(0)
            assert not self.network, "they talk without end"
            for name, host in self.hosts.items():
                while host.writing:
                    self.sync(name)
            if not self.network:
                self.tick()
            if turn > 60 and self.is_whole():  # by then whoever was removed, and forgot it, has stood for election
                break
            if turn % 20 == 10:
                for name in sorted(self.hosts):
                    self.propose(name)

    def is_whole(self):
        """Tell whether somebody leads, and all that belong to the cluster have the same, of the last proposals too."""
        if self.network or any(host.writing for host in self.hosts.values()):
            return False
        leading = [host for host in self.hosts.values() if host.state.role == "leader"]
        if len(leading) != 1:
            return False
        (leader,) = leading
        ends = {self.hosts[name].applied for name in leader.state.membership.everyone}
        news = range(self.proposals - len(self.hosts) + 1, self.proposals + 1)
        return len(ends) == 1 and any(number in news for _, number in appended(ends.pop()))

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
    """Play the schedule of *seed* to its healed end; one in three is of each kind."""
    kind = tuple(KINDS)[seed % len(KINDS)]
    world = World(seed, voters=5 if seed % 4 == 0 else 3, spare=seed // 2 % 2, kind=kind)
    world.settle()
    for count in range(actions):
        world.act()
        if count % 50 == 0:
            world.check_logs()
    world.heal()
    world.check_logs()
    world.check_end()
    world.check_history()
    return world
