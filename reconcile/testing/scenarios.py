"""
Scenarios: a story of a cluster as a text file, with what each command prints.

Datadriven form, as etcd's raft has it: a comment, a command (perhaps with a document below it), `----`, the output, an
empty line. A command that has nothing to say prints `ok`; a refusal is output. Every always-property is checked after
each step, or of a command that does not go step by step (`settle`) after it.

A scenario is a schedule with questions between its moves: both are played in a `Game`, `judge` ends both, and
`scenario_of` writes one from the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconcile.api import convert
from reconcile.api.kinds import resource_of
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components.controllers import Controller
from reconcile.driver import client
from reconcile.driver.choices import choices
from reconcile.driver.operating.etcdctl import member_table
from reconcile.driver.run import play_until_settled, settle, still_moving
from reconcile.driver.script.errands import VERBS, errand_of
from reconcile.driver.telling.circles import Circles
from reconcile.driver.telling.describe import called, describe, method_of, path_of
from reconcile.driver.wire import from_json
from reconcile.effects import Answer
from reconcile.events import (
    ClusterEvent,
    CutWatch,
    DelayCall,
    Deliver,
    Disconnect,
    DropCall,
    Execute,
    Freeze,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    RemoveManifest,
    ResetCall,
    Return,
    SetBackends,
    ShutDown,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Strain,
    Thaw,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, duration_text, parse_duration
from reconcile.model.requests import joined
from reconcile.properties import ALWAYS, PAST, Past, Property, violations
from reconcile.testing import membership
from reconcile.testing.blocks import Block
from reconcile.testing.faulting import drifting, held, joining, killing, linked, set_clock
from reconcile.testing.game import Game
from reconcile.testing.lookout import Broken
from reconcile.testing.moves import Adopt, Lag, Strike, Wait, Wander
from reconcile.testing.strikes import KINDS, UNWATCHED
from reconcile.testing.views import arrivals_of, containers_of, lines_of, shown, written
from reconcile.testing.wording import (
    COMMANDS,
    duration_in,
    number_in,
    option_of,
    reached,
    refusal_of,
    topology_in,
)

VIOLATION: Final = "VIOLATION"
"""Begins each line that says what is wrong."""

_LIMIT: Final = 10 * MINUTE
_OWN: Final = "controllers="


class Scenario:
    """
    A cluster that commands are played on, first-in first-out.

    Args:
        documents: reads the YAML below a command into plain JSON documents (an adapter's work).
        controllers: the user's own, which every cluster is booted with.
        find: gives the controllers, applications and properties that a file names, `module:name` (an adapter's work);
            they come after the others.
        past: what `judge` does not compare.
    """

    def __init__(
        self,
        documents: Callable[[str], tuple[Any, ...]],
        *,
        controllers: tuple[Controller, ...] = (),
        find: Callable[[str], tuple[Any, ...]] | None = None,
        past: tuple[Past, ...] = PAST,
    ) -> None:
        self._documents = documents
        self._controllers = controllers
        self._find = find
        self._own: tuple[Property, ...] = ()
        self._past = past
        self._expected = ""
        self._begin(Cluster.boot(Topology(nodes=1), controllers=controllers))

    def _begin(self, cluster: Cluster) -> None:
        self._game = Game(cluster, (*ALWAYS, *self._own), self._past)
        self._machine = self._game.machine
        self._machine.trace = []

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._machine.closed()

    def play(self, block: Block) -> str:
        """Play one command and give what it prints; what is wrong, as a `VIOLATION`, is part of that."""
        verb = block.command.split()[0]
        lines: list[str] = []
        broken: list[str] = []
        try:
            for line in _command(verb, block.words)(self, block):
                lines.append(line)  # noqa: PERF402 -- what was said before the play broke is kept
        except ReconcileError as error:
            lines.append(f"error: {error}")
        except Broken as said:
            broken += said.problems
        broken += [sentence for sentence in violations(self.cluster, (*ALWAYS, *self._own)) if sentence not in broken]
        expected, self._expected = self._expected, self._expected if verb == "expect" else ""
        lines += [f"{VIOLATION} {each}" for each in broken if not (expected and each.startswith(expected))]
        if expected and verb != "expect" and not broken:
            lines.append(f"{VIOLATION} of {expected!r} was expected and did not come")
        return "\n".join(lines) or "ok"

    def load(self, block: Block) -> Iterator[str]:
        """
        Load seed=7 settle=yes nodes=3 masters=1 balancer=round-robin controllers=module:name: boot a cluster.

        What `controllers` names are controllers, applications, or properties that are to hold from then on. The other
        words are fields of a topology; below may stand the others, and its behaviours: `images`, `containers`,
        `sandbox`, `load`, `external`.
        """
        own = [word for word in block.words if word.startswith(_OWN)]
        words = dict([option_of(word) for word in block.words if word not in own])
        named = [each for word in own for each in self._named(word[len(_OWN) :])]
        self._own = tuple([each for each in named if isinstance(each, Property)])
        controllers = (*self._controllers, *[each for each in named if not isinstance(each, Property)])
        seed, settles = words.pop("seed", 0), words.pop("settle", "yes")
        topology = topology_in(words, self._documents(block.document))
        boot = Cluster.boot(topology, seed=number_in(seed), controllers=controllers)
        settled = settle(boot) if settles == "yes" else None
        self._begin(boot if settled is None else settled.cluster)
        if settled is not None and not settled.settled:
            yield from ("not settled", *settled.moving)

    def _named(self, word: str) -> tuple[Any, ...]:
        if self._find is None:
            raise ReconcileError(f"{_OWN}{word}: whoever plays this scenario finds no controllers by name")
        return self._find(word)

    def apply(self, block: Block) -> Iterator[str]:
        """apply, with manifests below: what `kubectl apply` does, and says."""
        for plain in self._documents(block.document):
            wanted = client.as_object(plain)
            response = reached(self._game.declare(plain))
            kind = resource_of(wanted)
            name = f"{kind.singular}{'.' + kind.group if kind.group else ''}/{wanted.metadata.name}"
            if response.ok:
                yield f"{name} {'created' if response.code == _CREATED else 'configured'}"
            else:
                yield from refusal_of(response)

    def delete(self, block: Block) -> Iterator[str]:
        """Delete pods NAME [NAMESPACE] [--cascade=orphan|foreground]: what `kubectl delete --wait=false` does."""
        words = [word for word in block.words if not word.startswith(_CASCADE)]
        ways = [word.removeprefix(_CASCADE) for word in block.words if word not in words]
        if len(words) not in _NAMED or len(ways) > 1 or not {*ways} <= {"background", "orphan", "foreground"}:
            raise ReconcileError(f"{block.command!r}: {' '.join(str(Scenario.delete.__doc__).split())}")
        name, namespace = words[1], (*words[2:], "default")[0]
        yield from refusal_of(reached(self._game.delete(words[0], name, namespace, ways[0] if ways else "")))

    def adopt(self, block: Block) -> Iterator[str]:
        """Adopt configmaps NAME OWNER-KIND OWNER [NAMESPACE]: give an object one more owner, not its controller."""
        word, name, owner_kind, owner, *rest = block.words
        answer = self._game.adopt(Adopt(word, name, owner_kind, owner, (*rest, "default")[0]))
        yield from ("nobody to adopt, or by",) if answer is None else refusal_of(answer)

    def scale(self, block: Block) -> Iterator[str]:
        """Scale deployments NAME REPLICAS [NAMESPACE]: what `kubectl scale` does."""
        word, name, replicas, *rest = block.words
        yield from refusal_of(reached(self._game.scale(word, name, number_in(replicas), *rest)))

    def errand(self, block: Block) -> Iterator[str]:
        """Do what the command of kubectl does that has these words; of `patch`, the JSON merge patch stands below."""
        verb, *words = block.command.split()
        if verb in {"set", "rollout"} and words:
            verb = f"{verb} {words.pop(0)}"
        if verb not in VERBS:
            raise ReconcileError(f"no command {verb!r}; there are {', '.join(VERBS)}")
        documents = self._documents(block.document)
        if len(documents) != (verb == "patch"):
            raise ReconcileError(f"{block.command!r}: documents stand below: {len(documents)}; only patch takes one")
        said = self._game.converse(errand_of(verb, tuple(words), body=documents[0] if documents else None))
        if said is None:
            raise ReconcileError("no API server can be reached")
        yield from said.lines
        yield from refusal_of(said.response)
        if said.problem:
            yield f"error: {said.problem}"

    def advance(self, block: Block) -> Iterator[str]:
        """Advance 10s: let that much time go by, with all that happens in it."""
        self._game.move(Wait(duration_in(block, block.words[0])))
        yield from ()

    def wander(self, block: Block) -> Iterator[str]:
        """Wander STEPS SEED: let so many steps happen, each picked by chance among all that could happen next."""
        steps, seed = map(number_in, block.words)
        self._game.move(Wander(steps, seed))
        yield from ()

    def settle(self, block: Block) -> Iterator[str]:
        """Settle [LIMIT]: run until only periodic timers are left."""
        limit = parse_duration(block.words[0]) if block.words else _LIMIT
        machine = self._machine
        circles = Circles()
        settled = play_until_settled(machine, machine.now + limit, None, circles=circles)
        self._game.begin_anew()
        if not settled:
            yield "not settled"
            yield from still_moving(self.cluster, circles.found)

    def step(self, block: Block) -> Iterator[str]:
        """step, with events below (schemas/events.json): let each happen, whatever it is."""
        for plain in self._documents(block.document):
            self._game.happen(from_json(plain, ClusterEvent))
        yield from ()

    def strike(self, block: Block) -> Iterator[str]:
        """Strike drop|repeat|cut|lag|kill|halt|compact|reset|delay|delete [NUMBER]: break the NUMBERth that could."""
        what, *rest = block.words
        if what not in (*KINDS, "delete"):
            raise ReconcileError(f"strike {what!r}: there are {', '.join(sorted((*KINDS, 'delete')))}")
        before = len(self._game.happened)
        self._game.move(Strike(what, number_in(rest[0]) if rest else 0))  # type: ignore[arg-type]  # just checked
        yield from self._game.happened[before:] or (f"nothing to {what}",)

    def lag(self, block: Block) -> Iterator[str]:
        """Lag NUMBER 10s: let the NUMBERth watch of what its own process is just writing stay behind for so long."""
        number, time = block.words
        before = len(self._game.happened)
        self._game.move(Lag(number_in(number), duration_in(block, time)))
        yield from self._game.happened[before:] or ("nothing to lag",)

    def repair(self, block: Block) -> Iterator[str]:  # noqa: ARG002 -- every command takes its block
        """Repair: start and connect what is not, release what is held back."""
        before = len(self._game.happened)
        self._game.repair()
        yield from self._game.happened[before:]

    def judge(self, block: Block) -> Iterator[str]:  # noqa: ARG002 -- every command takes its block
        """Judge: repair, and let the cluster rest; it must be clean, and as if what is declared was never disturbed."""
        problems = self._game.verdict()
        if problems:
            raise Broken(problems)
        yield from ()

    def deliver(self, block: Block) -> Iterator[str]:
        """Deliver PROCESS WATCH [COUNT]: deliver the next changes of one watch, out of turn."""
        process, watch, *rest = block.words
        self._game.happen(Deliver(process, watch, number_in(rest[0]) if rest else 0))
        yield from ()

    def drop(self, block: Block) -> Iterator[str]:
        """Drop TEXT: lose the first call or answer under way whose description has this text."""
        call, said = self._under_way(block.words)
        self._game.happen(DropCall(call))
        yield f"dropped {said}"

    def execute(self, block: Block) -> Iterator[str]:
        """Execute TEXT: let the first call under way whose description has this text be carried out, out of turn."""
        call, said = self._under_way(block.words, Execute)
        self._game.happen(Execute(call))
        yield f"executed {said}"

    def reset(self, block: Block) -> Iterator[str]:
        """Reset TEXT: reset the stream of the first call or answer under way whose description has this text."""
        call, said = self._under_way(block.words)
        self._game.happen(ResetCall(call))
        yield f"reset {said}"

    def delay(self, block: Block) -> Iterator[str]:
        """Delay 5s TEXT: let the first call or answer under way whose description has this text be so late."""
        time, *words = block.words
        call, said = self._under_way(words)
        self._game.happen(DelayCall(call, duration_in(block, time)))
        yield f"delayed {said}"

    def answers(self, _: Block) -> Iterator[str]:
        """Answers: what clients outside that sent a request by `step` were told since the last `answers`."""
        outbox = self._machine.outbox
        told = [each for each in outbox if isinstance(each, Answer)]
        outbox[:] = [each for each in outbox if not isinstance(each, Answer)]
        yield from map(describe, told)

    def _under_way(self, words: list[str], *kinds: type[Execute | Return]) -> tuple[int, str]:
        text = " ".join(words)
        for choice in choices(self.cluster):
            if isinstance(choice, Execute | Return) and isinstance(choice, kinds or (Execute, Return)):
                said = called(choice.call, self.cluster)
                if text in said:
                    return choice.call, said
        raise ReconcileError(f"nothing under way has {text!r}")

    def lines(self, block: Block) -> Iterator[str]:
        """Lines [TEXT]: who is connected to which API server; only with TEXT."""
        yield from lines_of(self.cluster, *block.words)

    def crash(self, block: Block) -> Iterator[str]:
        """Crash HOST, which loses power, or crash COMPONENT/HOST."""
        (name,) = block.words
        self._game.happen(StopProcess(name) if "/" in name else StopHost(name))
        yield from ()

    def kill(self, block: Block) -> Iterator[str]:
        """Kill COMPONENT/HOST, a process; kill POD CONTAINER [NAMESPACE], a container; kill sandbox/POD [NAMESPACE]."""
        self._game.happen(killing(block.words))
        yield from ()

    def freeze(self, block: Block) -> Iterator[str]:
        """Freeze COMPONENT/HOST: a process is paused."""
        self._game.happen(Freeze(block.words[0]))
        yield from ()

    def thaw(self, block: Block) -> Iterator[str]:
        """Thaw COMPONENT/HOST: a process that was paused goes on."""
        self._game.happen(Thaw(block.words[0]))
        yield from ()

    def logs(self, block: Block) -> Iterator[str]:
        """Logs POD CONTAINER [NAMESPACE]: what the application in a container has written."""
        yield from written(self.cluster, *block.words)

    def members(self, _: Block) -> Iterator[str]:
        """Members: list those of etcd, as `etcdctl endpoint status` does."""
        yield from membership.listed(self.cluster)

    def member(self, block: Block) -> Iterator[str]:
        """
        Member list; member add|learner|promote|remove|move|lose|force|full|empty|replace HOST, slow HOST 50ms,
        save HOST NAME, restore NAME HOST... [--bump-revision=N], compact REVISION, defragment, disarm.
        """
        if block.words == ["list"]:
            yield from member_table(self.cluster)
        else:
            self._game.order(membership.ordered(block.words))

    def join(self, block: Block) -> Iterator[str]:
        """Join HOST [--control-plane]: do what `kubeadm join` does there; a host that is not there is powered on."""
        self._game.order(joining(*block.words))
        yield from ()

    def backends(self, block: Block) -> Iterator[str]:
        """Backends HOST...: let the balancer send new connections to the API servers on these hosts, and no others."""
        self._game.happen(SetBackends(tuple(block.words)))
        yield from ()

    def disconnect(self, block: Block) -> Iterator[str]:
        """Disconnect HOST from the network."""
        self._game.happen(Disconnect(block.words[0]))
        yield from ()

    def strain(self, block: Block) -> Iterator[str]:
        """Strain HOST SIGNAL [QUANTITY]: let so much be left of what a host has beside what pods use; without, all."""
        host, signal, *rest = block.words
        self._game.happen(Strain(host, signal, rest[0] if rest else ""))
        yield from ()

    def shutdown(self, block: Block) -> Iterator[str]:
        """Shutdown HOST [cancelled]: tell its kubelet that the host is about to shut down, or that it is not."""
        host, *rest = block.words
        if rest not in ([], ["cancelled"]):
            raise ReconcileError(f"shutdown {' '.join(block.words)!r}: only `cancelled` can follow the host")
        self._game.happen(ShutDown(host, cancelled=bool(rest)))
        yield from ()

    def manifest(self, block: Block) -> Iterator[str]:
        """Manifest HOST, and Pods below it: write them to its disk; or manifest HOST NAME [NAMESPACE]: remove one."""
        host, *rest = block.words
        if rest:
            self._game.happen(RemoveManifest(host, joined((*rest, "default")[1], rest[0])))
        for each in () if rest else self._documents(block.document):
            self._game.happen(WriteManifest(host, convert.load(each).object))
        yield from ()

    def clock(self, block: Block) -> Iterator[str]:
        """Clock HOST AHEAD: let a host's clock jump, so that it is so far ahead; -90s is behind."""
        self._game.happen(set_clock(*block.words))
        yield from ()

    def drift(self, block: Block) -> Iterator[str]:
        """Drift HOST PPM [AHEAD]: let its clock go so many parts of a million faster, until it is so far ahead."""
        self._game.happen(drifting(*block.words))
        yield from ()

    def link(self, block: Block) -> Iterator[str]:
        """Link cut|mend ONE OTHER [one way], slow ONE OTHER DELAY [JITTER [PPM]]: what goes there is lost, or late."""
        self._game.happen(linked(*block.words))
        yield from ()

    def restart(self, block: Block) -> Iterator[str]:
        """Restart HOST (one without power) or restart kubelet/HOST."""
        (name,) = block.words
        self._game.happen(StartProcess(name) if "/" in name else StartHost(name))
        yield from ()

    def cut(self, block: Block) -> Iterator[str]:
        """Cut HOST (from the network) or cut PROCESS WATCH (so that it lists again)."""
        name, *watch = block.words
        self._game.happen(CutWatch(name, watch[0]) if watch else Disconnect(name))
        yield from ()

    def hold(self, block: Block) -> Iterator[str]:
        """Hold PROCESS WATCH: hold back what a watch is to be told. Hold kube-apiserver/HOST [TIME]: its cache lags."""
        self._game.happen(held(block))
        yield from ()

    def release(self, block: Block) -> Iterator[str]:
        """Release PROCESS WATCH, or kube-apiserver/HOST, which was held back: it catches up."""
        server, *watch = block.words
        self._game.happen(ReleaseWatch(server, *watch) if watch else ReleaseCache(server))
        yield from ()

    def reconnect(self, block: Block) -> Iterator[str]:
        """Reconnect HOST, which was cut from the network."""
        self._game.happen(Reconnect(block.words[0]))
        yield from ()

    def show(self, block: Block) -> Iterator[str]:
        """Show pods [NAMESPACE] [.FIELD...]: a table, as kubectl get prints it, or fields of each object."""
        yield from shown(self.cluster, *block.words)

    def containers(self, block: Block) -> Iterator[str]:
        """Containers HOST: what its container runtime runs, whatever API servers know of it."""
        yield from containers_of(self.cluster, block.words[0])

    def send(self, block: Block) -> Iterator[str]:
        """Send HOST IP:PORT [TIMES]: send packets from a host through its packet filter; count where they arrive."""
        yield from arrivals_of(self.cluster, *block.words)

    def log(self, block: Block) -> Iterator[str]:
        """
        Log [TEXT]: the requests that were carried out since the last log, but reads, events and heartbeats; only with
        TEXT.
        """
        trace, self._machine.trace = self._machine.trace or [], []
        wanted = " ".join(block.words)
        for at, item, response in trace:
            request = item.request
            if request.verb in ("get", "list") or request.resource in UNWATCHED:
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


_CREATED: Final = 201
_CASCADE: Final = "--cascade="
_NAMED: Final = (2, 3)


def _command(verb: str, words: list[str]) -> Callable[[Scenario, Block], Iterator[str]]:
    if verb not in COMMANDS:
        raise ReconcileError(f"no command {verb!r}; there are {', '.join(sorted(COMMANDS))}")
    found: Callable[[Scenario, Block], Iterator[str]] = getattr(Scenario, verb, Scenario.errand)
    least, most = COMMANDS[verb]
    if not least <= len(words) <= most:
        usage = " ".join((found.__doc__ or "").split())
        raise ReconcileError(f"{' '.join([verb, *words])!r} is short of a word or has too many. {usage}")
    return found
