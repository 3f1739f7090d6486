"""Golden transcripts of Raft: what members say, write and apply, in the order in which it happens."""

from pathlib import Path

import attrs
import pytest

from reconcile.components.etcd import raft
from reconcile.testing.blocks import read
from tests.properties.raft.world import World

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.txt"))


class Stage(World):
    """A world without chance: what is under way arrives in the order in which it was sent, and all is said."""

    def __init__(self, voters, spare):
        self.said = []
        super().__init__(0, voters, spare, raft.Timing(kept=2, entries=8, inflight=4))

    def carry_out(self, host, effects):
        for effect in effects:
            line = worded(effect)
            if line:
                self.said.append(f"{host.name}: {line}")
        super().carry_out(host, effects)

    def check(self, host, before):
        super().check(host, before)
        if host.state.role != before.role:
            self.said.append(f"{host.name}: is {host.state.role} in term {host.state.term}")

    def play(self, command):
        verb, *words = command.split()
        self.said = []
        getattr(self, f"play_{verb}")(*words)
        return "\n".join(self.said) or "ok"

    def play_stand(self, name):
        self.do_hurry(name)

    def play_settle(self):
        """Let everything arrive and be written, until nothing is under way."""
        for _ in range(200):
            writing = [name for name in sorted(self.hosts) if self.hosts[name].writing]
            if writing:
                self.sync(writing[0])
            elif self.network:
                self.deliver(0)
            else:
                return
        raise AssertionError("they talk without end")

    def play_arrive(self):
        self.deliver(0)

    def play_write(self, name):
        self.sync(name)

    def play_beat(self, name):
        host = self.hosts[name]
        self.now = max(self.now, host.state.beat)
        self.tell(name, raft.Elapsed())

    def play_propose(self, name):
        self.propose(name)

    def play_read(self, name):
        host = self.hosts[name]
        tag = f"read-{len(self.reads) + self.answered + 1}"
        self.ask(tag, host, "read")
        self.tell(name, raft.ReadAsked(tag))

    def play_crash(self, name):
        self.crash(name)

    def play_start(self, name):
        self.start(name)

    def play_cut(self, name):
        self.do_isolate(name)

    def play_mend(self):
        self.do_mend("")

    def play_lose(self):
        self.network.clear()

    def play_transfer(self, name, to):
        self.tell(name, raft.TransferAsked(to))

    def play_compact(self, name):
        self.compact(name)

    def play_change(self, name, kind, member):
        self.tell(name, raft.Proposed(raft.Change(kind, member)))

    def play_show(self):
        for name, host in sorted(self.hosts.items()):
            state = host.state
            if state is None:
                self.said.append(f"{name}  down")
                continue
            terms = " ".join([str(each.term) for each in state.log.entries])
            who = f"voters {' '.join(state.membership.voters)}"
            who += f" learners {' '.join(state.membership.learners)}" if state.membership.learners else ""
            self.said.append(
                f"{name}  {state.role} of {state.leader or 'nobody'} term {state.term} "
                f"log {state.log.offset}+[{terms}] commit {state.commit} applied {state.applied} {who}"
            )


def worded(effect):
    match effect:
        case raft.Send(message):
            return f"to {message.to}, {type(message).__name__}{about(message)}"
        case raft.Persist(term=term, vote=vote, snapshot=snapshot, entries=entries):
            parts = [f"term {term}", f"vote {vote}" if vote else "", f"entries {span(entries)}" if entries else ""]
            parts.append(f"snapshot to {snapshot.index}" if snapshot else "")
            return f"writes {', '.join([part for part in parts if part])}"
        case raft.Apply(entries):
            return f"applies {span(entries)}"
        case raft.Restore(snapshot):
            return f"restores a snapshot to {snapshot.index}"
        case raft.Readable(tag, index):
            return f"answers {tag} as of {index}"
        case raft.Dropped(what, why):
            return f"drops {what}: {why}"
        case _:
            return ""


def about(message):
    """Give what a message says, beside from whom and to whom it is."""
    left = {name: value for name, value in attrs.asdict(message, recurse=False).items() if name not in ("sender", "to")}
    parts = []
    for name, value in left.items():
        if name == "entries":
            parts += [f"entries {span(value)}"] if value else []
        elif name == "snapshot":
            parts.append(f"snapshot to {value.index}")
        elif value is True:
            parts.append(name)
        elif value not in (False, 0, ""):
            parts.append(f"{name} {value}")
    return f" {', '.join(parts)}" if parts else ""


def span(entries):
    terms = " ".join([f"{each.index}/{each.term}" for each in entries])
    return f"[{terms}]"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_transcript(path, request):
    stage, played = None, []
    for block in read(path.read_text()):
        verb, *words = block.command.split()
        if verb == "members":
            stage, output = Stage(*map(int, words)), "ok"
        else:
            output = stage.play(block.command)
        played.append(attrs.evolve(block, output=output).text())
    text = "\n\n".join(played) + "\n"
    if request.config.getoption("--rewrite"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} tells another story; pytest --rewrite writes it anew"


def test_there_are_transcripts():
    assert len(FILES) >= 7
