"""
Scenarios: a story of a cluster as a text file, with what each command prints.

Datadriven form, as etcd's raft has it: a comment, a command (perhaps with a document below it), `----`, the output, an
empty line. A command that has nothing to say prints `ok`; a refusal is output. After each command every always-property
is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from reconcile.api import convert
from reconcile.api.kinds import resource_named
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components import kubeproxy
from reconcile.driver import client
from reconcile.driver.choices import choices
from reconcile.driver.describe import method_of, path_of
from reconcile.driver.machine import Machine
from reconcile.driver.run import play, play_until_settled, still_moving
from reconcile.driver.step import apply_event
from reconcile.events import (
    CutWatch,
    Deliver,
    Disconnect,
    DropCall,
    Execute,
    Reconnect,
    Return,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
)
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, duration_text, parse_duration
from reconcile.model.behaviours import Behaviours
from reconcile.model.printing import table
from reconcile.model.requests import Request
from reconcile.properties import violations

RULE: Final = "----"
_LIMIT: Final = 10 * MINUTE
_QUIET_RESOURCES: Final = ("events", "leases.coordination.k8s.io")


@attrs.frozen
class Block:
    """One command of a scenario: the comment above it, the command with its document, and what it printed."""

    comment: tuple[str, ...]
    command: str
    document: str
    output: str = ""

    @property
    def words(self) -> list[str]:
        """What follows the command's name."""
        return self.command.split()[1:]

    def text(self) -> str:
        """Give the block as it stands in a file."""
        return "\n".join([*self.comment, self.command, *([self.document] if self.document else []), RULE, self.output])


def read(text: str) -> tuple[Block, ...]:
    """
    Read a scenario file.

    Raises:
        ReconcileError: a command has no `----` after it; its line is shown.
    """
    blocks: list[Block] = []
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        start = place
        while place < len(lines) and lines[place].startswith("#"):
            place += 1
        comment, command_at = tuple(lines[start:place]), place
        try:
            rule = lines.index(RULE, command_at)
        except ValueError:
            raise ReconcileError(f"line {command_at + 1}: {lines[command_at]!r} has no {RULE} after it") from None
        place = rule + 1
        while place < len(lines) and lines[place].strip():
            place += 1
        document = "\n".join(lines[command_at + 1 : rule])
        blocks.append(Block(comment, lines[command_at], document, "\n".join(lines[rule + 1 : place])))
    return tuple(blocks)


class Scenario:
    """
    A cluster that commands are played on, first-in first-out.

    Args:
        documents: reads the YAML below a command into plain JSON documents (an adapter's work).
    """

    def __init__(self, documents: Callable[[str], tuple[Any, ...]]) -> None:
        self._documents = documents
        self._machine = Machine(Cluster.boot(Topology(nodes=1)))
        self._expected = ""
        self._machine.trace = []

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._machine.closed()

    def play(self, block: Block) -> str:
        """Play one command and give what it prints; a violated property is part of that."""
        verb = block.command.split()[0]
        command = _COMMANDS.get(verb)
        if command is None:
            return f"error: no command {verb!r}; there are {', '.join(sorted(_COMMANDS))}"
        try:
            output = "\n".join(command(self, block))
        except ReconcileError as error:
            output = f"error: {error}"
        expected, self._expected = self._expected, self._expected if verb == "expect" else ""
        broken = violations(self.cluster)
        unexpected = [sentence for sentence in broken if not (expected and sentence.startswith(expected))]
        if unexpected:
            output = "\n".join([output, *[f"VIOLATION {sentence}" for sentence in unexpected]])
        if expected and verb != "expect" and not broken:
            output += f"\nVIOLATION of {expected!r} was expected and did not come"
        return output or "ok"

    def load(self, block: Block) -> Iterator[str]:
        """Load nodes=3 masters=1 seed=7 lock=leases settle=yes, with image behaviours below: boot a cluster."""
        options = dict(word.split("=", 1) for word in block.words)
        behaviours = Behaviours.default()
        for plain in self._documents(block.document):
            behaviours = Behaviours.parse(plain)
        topology = Topology(
            nodes=int(options.get("nodes", "1")),
            masters=int(options.get("masters", "1")),
            lock=options.get("lock", "leases"),  # type: ignore[arg-type]  # Topology checks it and says what is wrong
            behaviours=behaviours,
        )
        self._machine = Machine(Cluster.boot(topology, seed=int(options.get("seed", "0"))))
        if options.get("settle", "yes") == "yes":
            yield from self.settle(Block((), "settle", ""))
        self._machine.trace = []

    def apply(self, block: Block) -> Iterator[str]:
        """apply, with manifests below: what `kubectl apply` does, and says."""
        for plain in self._documents(block.document):
            wanted = client.as_object(plain)
            kind = resource_named(wanted.kind.lower())
            name = f"{kind.singular}{'.' + kind.group if kind.group else ''}/{wanted.metadata.name}"
            response = client.applied(self._machine, wanted)
            if response.ok:
                yield f"{name} {'created' if response.code == _CREATED else 'configured'}"
            else:
                yield f"{response.code} {response.body.reason}: {response.body.message}"

    def delete(self, block: Block) -> Iterator[str]:
        """Delete pods NAME [NAMESPACE]: send the request and wait for the answer."""
        word, name, *rest = block.words
        yield from self._ask(client.delete(word, name, namespace=rest[0] if rest else "default"))

    def scale(self, block: Block) -> Iterator[str]:
        """Scale deployments NAME REPLICAS: what `kubectl scale` does."""
        word, name, replicas = block.words
        yield from self._ask(client.scale(word, name, int(replicas)))

    def _ask(self, request: Request) -> Iterator[str]:
        response = client.asked(self._machine, request)
        if not response.ok:
            yield f"{response.code} {response.body.reason}: {response.body.message}"

    def advance(self, block: Block) -> Iterator[str]:
        """Advance 10s: let that much time go by, with all that happens in it."""
        play(self._machine, None, self._machine.now + parse_duration(block.words[0]))
        yield from ()

    def settle(self, block: Block) -> Iterator[str]:
        """Settle [LIMIT]: run until only periodic timers are left."""
        limit = parse_duration(block.words[0]) if block.words else _LIMIT
        machine = self._machine
        if not play_until_settled(machine, machine.now + limit, None):
            yield "not settled"
            yield from still_moving(self.cluster)

    def deliver(self, block: Block) -> Iterator[str]:
        """Deliver PROCESS WATCH [COUNT]: deliver the next changes of one watch, out of turn."""
        process, watch, *rest = block.words
        apply_event(self._machine, Deliver(process, watch, int(rest[0]) if rest else 0))
        yield from ()

    def drop(self, block: Block) -> Iterator[str]:
        """Drop TEXT: lose the first call or answer under way whose description has this text."""
        text = " ".join(block.words)
        for choice in choices(self.cluster):
            if isinstance(choice, Execute | Return):
                said = self._described(choice)
                if text in said:
                    apply_event(self._machine, DropCall(choice.call))
                    yield f"dropped {said}"
                    return
        yield f"error: nothing under way has {text!r}"

    def crash(self, block: Block) -> Iterator[str]:
        """Crash HOST or crash COMPONENT/HOST."""
        (name,) = block.words
        apply_event(self._machine, StopProcess(name) if "/" in name else StopHost(name))
        yield from ()

    def restart(self, block: Block) -> Iterator[str]:
        """Restart HOST (powered off or cut off) or restart kubelet/HOST."""
        (name,) = block.words
        host = self.cluster.hosts.get(name)
        if "/" in name:
            apply_event(self._machine, StartProcess(name))
        elif host is not None and not host.connected:
            apply_event(self._machine, Reconnect(name))
        else:
            apply_event(self._machine, StartHost(name))
        yield from ()

    def cut(self, block: Block) -> Iterator[str]:
        """Cut HOST (from the network) or cut PROCESS WATCH (so that it lists again)."""
        apply_event(
            self._machine,
            Disconnect(block.words[0]) if len(block.words) == 1 else CutWatch(block.words[0], block.words[1]),
        )
        yield from ()

    def show(self, block: Block) -> Iterator[str]:
        """Show pods [NAMESPACE] [.FIELD...]: a table, as kubectl get prints it, or fields of each object."""
        word, *rest = block.words
        cluster, resource = self.cluster, resource_named(word)
        fields = [path for path in rest if path.startswith(".")]
        named = [name for name in rest if not name.startswith(".")]
        namespace = (named[0] if named else "default") if resource.namespaced else ""
        objects = cluster.objects(word, namespace=namespace)
        if fields:
            for obj in objects:
                plain = convert.dump(obj)
                yield "  ".join(str(_at(plain, path.lstrip("."))) for path in fields)
        else:
            yield table(resource.key, objects, cluster.now) if objects else "No resources found"

    def send(self, block: Block) -> Iterator[str]:
        """Send HOST IP:PORT [TIMES]: send packets from a host through its packet filter; count where they arrive."""
        name, target, *rest = block.words
        address, _, port = target.partition(":")
        host = self.cluster.hosts[name]
        if host.rules is None:
            yield f"{name} has no packet filter rules"
            return
        dice, found = Dice(self.cluster.seed, "send"), Counter[str]()
        for _ in range(int(rest[0]) if rest else 1):
            packet = kubeproxy.Packet(source=host.host.ip, destination=address, port=int(port))
            verdict, dice = kubeproxy.route(host.rules, packet, dice)
            found[f"{verdict.action} {verdict.destination}:{verdict.port}"] += 1
        for where, count in sorted(found.items()):
            yield f"{count} {where}"

    def log(self, block: Block) -> Iterator[str]:
        """
        Log [TEXT]: the requests that were carried out since the last log, but reads, events and heartbeats; only with
        TEXT.
        """
        trace, self._machine.trace = self._machine.trace or [], []
        wanted = " ".join(block.words)
        for at, item, response in trace:
            request = item.request
            if request.verb in ("get", "list") or request.resource in _QUIET_RESOURCES:
                continue
            since = duration_text((at - self.cluster.topology.start) // 1_000_000 * 1_000_000)
            line = f"{since} {item.user.name} {method_of(request)} {path_of(request)} {response.code}"
            if wanted in line:
                yield line

    def expect(self, block: Block) -> Iterator[str]:
        """Expect violation NAME: the next command breaks this property."""
        if block.words[:1] != ["violation"]:
            raise ReconcileError(f"expect {block.words!r}: only `expect violation NAME` is known")
        self._expected = " ".join(block.words[1:])
        yield from ()

    def _described(self, choice: Execute | Return) -> str:
        item: Any = self.cluster.pending[choice.call]
        what = "call" if isinstance(choice, Execute) else "answer to"
        return f"{what} {method_of(item.request)} {path_of(item.request)} of {item.process or 'a client'}"


_CREATED: Final = 201
_COMMANDS: Final[dict[str, Callable[..., Iterator[str]]]] = {
    name: getattr(Scenario, name)
    for name in (
        "load",
        "apply",
        "delete",
        "scale",
        "advance",
        "settle",
        "deliver",
        "drop",
        "crash",
        "restart",
        "cut",
        "show",
        "send",
        "log",
        "expect",
    )
}


def _at(plain: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(plain, list):
            plain = plain[int(part)] if part.isdigit() and int(part) < len(plain) else None
        else:
            plain = plain.get(part) if isinstance(plain, dict) else None
        if plain is None:
            return "-"
    return plain
