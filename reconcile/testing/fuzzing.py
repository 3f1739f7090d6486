"""
Fuzzing of convergence: a schedule is drawn, played, judged.

A schedule is data: what is declared, and what then happens, one move after the other. Playing it checks the
properties after every step. After the last move everything that was broken is repaired, the cluster is left alone until
it rests, and it must have become what an undisturbed run of the same manifests becomes.

    boot = settle(Cluster.boot(Topology(nodes=2), seed=1)).cluster
    verdict = play(boot, Schedule(manifests, (Wander(50, 3), StopHost("node-2"), Wait(30 * SECOND))))
    assert not verdict.problems

Takes:    a booted cluster, with the user's own controllers if there are any, and a schedule.
Gives:    a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api.kinds import resource_for
from reconcile.cluster.cluster import Cluster, Process
from reconcile.driver import client
from reconcile.driver.choices import choices, reachable
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.policies import Shuffled
from reconcile.driver.run import still_moving
from reconcile.driver.step import apply_event
from reconcile.events import (
    ClusterEvent,
    Execute,
    Fault,
    Reconnect,
    Return,
    StartHost,
    StartProcess,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration
from reconcile.model.requests import Request, Response
from reconcile.properties import ALWAYS, Passage, Property, Rollouts, broken_by, leftovers, normal
from reconcile.properties.rest import differences
from reconcile.testing.strikes import UNWATCHED, candidates

QUIET: Final = 75 * SECOND
"""How long a repaired cluster must keep still: the time in which a lost host or leader is noticed, and some more."""

LIMIT: Final = 40 * MINUTE
"""How much virtual time it gets to come to rest: a progress deadline of ten minutes, and back-offs of five."""

HURRY: Final = 20_000
"""How many steps it gets at one instant: in a small cluster, more are a circle that no time ends."""

_GRACE: Final = 40 * SECOND  # from then on a host that is silent may lose its pods


_MEANT: Final = ("wants", "images", "observed")  # what of a workload does not depend on its pods

# What users may be told: what is on its way out can be neither changed nor made anew; and a strategy that was
# defaulted has to be taken back explicitly.
_REFUSALS: Final = ("object is being deleted", "not found", "already exists", "may not be specified when strategy")


# Moves ----------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Wander:
    """Let so many steps happen, each picked by chance among all that could happen next."""

    steps: int
    seed: int


@attrs.frozen
class Wait:
    """Let so much time go by, first-in first-out."""

    time: Duration


@attrs.frozen
class Declare:
    """The user applies a manifest."""

    manifest: dict[str, Any]


@attrs.frozen
class Resize:
    """The user scales a declared workload; nothing happens if it is not declared."""

    kind: str
    name: str
    replicas: int


@attrs.frozen
class Withdraw:
    """The user deletes what was declared; nothing happens if it is not."""

    kind: str
    name: str


@attrs.frozen
class Strike:
    """
    Something breaks.

    Args:
        what: `drop` loses a call or an answer under way, `repeat` lets a call be carried out twice (the next one, if
            none is under way; heartbeats and records are left alone), `cut` breaks a watch, `kill` ends a process,
            `halt` ends a kubelet in the midst of what it orders, `compact` forgets the store's history, `delete`
            deletes a pod.
        number: which of those that there are, counted round and round.
    """

    what: Literal["drop", "repeat", "cut", "kill", "halt", "compact", "delete"]
    number: int = 0


Move: TypeAlias = Wander | Wait | Declare | Resize | Withdraw | Strike | Fault
"""One thing of a schedule. A fault that cannot happen (a host is stopped twice) does not."""


@attrs.frozen
class Schedule:
    """What is declared at first, and what happens then."""

    manifests: tuple[dict[str, Any], ...]
    moves: tuple[Move, ...] = ()


@attrs.frozen
class Verdict:
    """
    What playing a schedule came to.

    Args:
        cluster: as it was at the end, or when the first problem was found.
        problems: what was wrong, a sentence each; none if all is well.
        happened: what the moves were in this cluster, a line each.
        steps: how many steps were taken.
    """

    cluster: Cluster
    problems: tuple[str, ...]
    happened: tuple[str, ...]
    steps: int


class _Broken(Exception):  # noqa: N818 -- it is no error, it ends a play
    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def play(cluster: Cluster, schedule: Schedule, properties: tuple[Property, ...] = ALWAYS) -> Verdict:
    """
    Play *schedule* on a booted cluster that rests, and judge it.

    Args:
        cluster: where to begin; it stays as it is.
        schedule: what is to happen.
        properties: what must hold after every step.
    """
    game = _Game(cluster, properties)
    problems: tuple[str, ...] = ()
    try:
        for manifest in schedule.manifests:
            game.move(Declare(manifest))
        for move in schedule.moves:
            game.move(move)
        game.repair()
        problems = game.rest()
        if not problems:
            problems = _compared(cluster, game)
    except _Broken as broken:
        problems = broken.problems
    machine = game.machine
    return Verdict(machine.closed(), problems, tuple(game.happened), machine.steps - cluster.steps)


def undisturbed(cluster: Cluster, manifests: tuple[dict[str, Any], ...]) -> Cluster:
    """Declare *manifests* in a booted cluster that rests, and let it come to rest again, first-in first-out."""
    game = _Game(cluster, ())
    for manifest in manifests:
        game.move(Declare(manifest))
    problems = game.rest()
    if problems:
        raise _Broken(tuple([f"undisturbed: {problem}" for problem in problems]))
    return game.machine.closed()


def _compared(cluster: Cluster, game: _Game) -> tuple[str, ...]:
    calm = undisturbed(cluster, tuple(game.declared.values()))
    ends, others = normal(game.machine.closed()), normal(calm)
    # A pod without a controller is not replaced when its node was lost, and goes with one that adopted it.
    waiting = [pod.metadata.name for one in (calm, game.machine.closed()) for pod in _waiting(one)]
    skipped: tuple[str, ...] = ("pods ", "services ") if game.outage >= _GRACE or game.adopting else ()
    if waiting:
        skipped = (*skipped, "services ")
    if game.adopting:
        # Which of its pods a controller keeps, and so of what image, depends on what it had when.
        for end in (*ends.values(), *others.values()):
            end.pop("pods", None)
    for name, end in others.items():
        if "status" in end and waiting:
            # How far a rollout came before its pods fitted nowhere depends on what was there before.
            others[name] = _meant(end)
            ends[name] = _meant(ends.get(name, {}))
    return differences(
        *[{name: end for name, end in one.items() if not name.startswith(skipped)} for one in (ends, others)]
    )


def _meant(end: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in end.items() if key in _MEANT}


def _waiting(cluster: Cluster) -> list[Any]:
    return [pod for pod in cluster.objects("pods") if not pod.spec.node_name]


class _Game:
    """A machine that moves are made in; local to one play."""

    def __init__(self, cluster: Cluster, properties: tuple[Property, ...]) -> None:
        self.machine = Machine(cluster)
        self.machine.observed = []
        self.properties = properties
        self.declared: dict[tuple[str, str], dict[str, Any]] = {}
        self.happened: list[str] = []
        self.outage: Duration = 0
        self.adopting = False
        self._seen = cluster
        self._runtimes = tuple([f"runtime/{host}" for host in cluster.hosts])
        self._ran = self._running()
        self._elected = tuple(cluster.elections)
        self._led = self._leading()
        self._rollouts: Rollouts | None = Rollouts.of(cluster)
        self._silent_since: int | None = None
        self._struck = False
        self._hurried = 0

    def move(self, move: Move) -> None:
        """Make one move, or nothing if it cannot be made."""
        match move:
            case Wander():
                self._wander(move)
            case Wait():
                self._until(self.machine.now + move.time)
            case Declare() | Resize() | Withdraw():
                self._change(move)
            case Strike():
                self._strike(move)
            case _:
                self._happen(move)

    def _next(self) -> bool:
        """Let the next thing of this instant happen, first-in first-out, and look; false if nothing is left to do."""
        machine = self.machine
        if not next_step(machine):
            self._hurried = 0
            return False
        self._look()
        self._hurried += 1
        if self._hurried > HURRY:
            moving = "; ".join(still_moving(machine.closed()))
            raise _Broken((f"it does not come to rest: {HURRY} steps at one instant, and {moving}",))
        return True

    def repair(self) -> None:
        """Start and connect what is not."""
        for name, status in self.machine.closed().hosts.items():
            if not status.connected:
                self._happen(Reconnect(name))
            if not status.up:
                self._happen(StartHost(name))
            elif self.machine.processes.get(f"kubelet/{name}") is None:
                self._happen(StartProcess(f"kubelet/{name}"))

    def rest(self) -> tuple[str, ...]:
        """Let the cluster come to rest; say what is wrong with that."""
        machine = self.machine
        end, quiet = machine.now + LIMIT, QUIET if self._struck else 0
        until: int | None = None
        while machine.now < end:
            while self._next():
                pass
            if machine.timers.busy or machine.parked:
                until = None
            elif until is None:
                until = machine.now + quiet
            timer = machine.timers.first()
            if timer is None or (until is not None and timer.at > until):
                return leftovers(machine.closed())
            machine.advance(timer.at)
        return tuple([f"it does not come to rest: {moving}" for moving in still_moving(machine.closed())])

    # Moves
    # ---------------------------------------------------------------------------------------------------

    def _wander(self, move: Wander) -> None:
        machine, policy = self.machine, Shuffled.of(move.seed)
        for _ in range(move.steps):
            cluster = machine.closed()
            self._judge(cluster)
            offered = choices(cluster)
            if not offered:
                return
            choice, policy = policy.choose(cluster, offered)
            apply_event(machine, choice)
        self._judge(machine.closed())

    def _until(self, end: int) -> None:
        while self._goes_on(end):
            pass
        self.machine.advance(end)

    def _goes_on(self, end: int) -> bool:
        """Let the next thing happen, first-in first-out; false if that is not before *end*."""
        machine = self.machine
        if self._next():
            return True
        timer = machine.timers.first()
        if timer is None or timer.at > end:
            return False
        machine.advance(timer.at)
        return True

    def _change(self, move: Declare | Resize | Withdraw) -> None:
        machine = self.machine
        if not reachable(machine.closed(), ""):
            return
        if isinstance(move, Declare):
            answer = client.applied(machine, move.manifest, submit=self._at_once)
            manifest: dict[str, Any] | None = move.manifest
            key = (move.manifest["kind"], move.manifest["metadata"]["name"])
        else:
            key = (move.kind, move.name)
            manifest = self.declared.get(key)
            if manifest is None:
                return
            answer = client.asked(machine, _request(move, manifest), submit=self._at_once)
            if isinstance(move, Resize):
                manifest = {**manifest, "spec": {**manifest["spec"], "replicas": move.replicas}}
        self.happened.append(f"{move!r}: {answer.code}")
        if answer.ok and isinstance(move, Declare) and answer.body.metadata.deletion_timestamp is not None:
            pass  # it is on its way out all the same
        elif not answer.ok:
            self._refused(move, answer)
        elif isinstance(move, Withdraw):
            del self.declared[key]
            if move.kind == "Pod":
                self._rollouts = None  # a controller may have counted on it
        else:
            assert manifest is not None
            self.declared[key] = manifest
            self.adopting = self.adopting or _is_claimed(manifest, self.declared.values())
        self._judge(machine.closed())

    def _refused(self, move: Move, answer: Response) -> None:
        said = answer.body.message or ""
        if not any(words in said for words in _REFUSALS):
            raise _Broken((f"{move!r} was refused: {answer.code} {said}",))

    def _at_once(self, event: ClusterEvent) -> None:
        """Let a client's request overtake everything that is under way, and its answer as well."""
        machine = self.machine
        apply_event(machine, event)
        apply_event(machine, Execute(machine.serial - 1))
        apply_event(machine, Return(machine.serial - 1))

    def _strike(self, move: Strike) -> None:
        cluster = self.machine.closed()
        if move.what == "delete":
            pods = cluster.objects("pods", namespace="default")
            if pods and reachable(cluster, ""):
                pod = pods[move.number % len(pods)]
                self.declared.pop(("Pod", pod.metadata.name), None)
                self._struck, self._rollouts = True, None
                client.asked(self.machine, client.delete("pods", pod.metadata.name), submit=self._at_once)
                self.happened.append(f"delete pods {pod.metadata.name}")
                self._judge(self.machine.closed())
            return
        found = candidates(cluster, move.what)
        end = cluster.now + MINUTE
        while not found and self._goes_on(end):
            found = candidates(self.machine.closed(), move.what)
        for event in found[move.number % len(found)] if found else ():
            self._happen(event)

    def _happen(self, event: ClusterEvent) -> None:
        machine = self.machine
        try:
            apply_event(machine, event)
        except ReconcileError:
            return
        self.happened.append(repr(event))
        self._struck, self._rollouts = True, None
        self._judge(machine.closed())

    # Judging
    # -------------------------------------------------------------------------------------------------

    def _running(self) -> tuple[Any, ...]:
        return tuple([self.machine.states.get(name) for name in self._runtimes])

    def _leading(self) -> tuple[Process | None, ...]:
        return tuple([self.machine.processes.get(name) for name in self._elected])

    def _has_run(self) -> bool:
        return not all(map(is_, map(self.machine.states.get, self._runtimes), self._ran))

    def _look(self) -> None:
        """Judge if the last step stored, ran or led something that a property is about."""
        machine = self.machine
        changed = machine.observed
        stored = changed and changed[-1][1].resource not in UNWATCHED
        if stored or self._has_run() or self._led != self._leading():
            self._judge(machine.closed())

    def _judge(self, cluster: Cluster) -> None:
        self._ran, self._led = self._running(), self._leading()
        self._count_silence(cluster)
        changes = tuple([change for _, change in self.machine.observed or ()])
        passage = Passage(self._seen, cluster, changes)
        self.machine.observed = []
        self._seen = cluster
        said = broken_by(passage, self.properties)
        if self._rollouts is not None and self.properties and changes:
            self._rollouts, more = self._rollouts.seen(passage)
            said += more
        if said:
            raise _Broken(said)

    def _count_silence(self, cluster: Cluster) -> None:
        """Keep how long any host was silent at a stretch."""
        silent = any(
            not status.up or not status.connected or f"kubelet/{name}" not in cluster.processes
            for name, status in cluster.hosts.items()
        )
        if silent and self._silent_since is None:
            self._silent_since = cluster.now
        elif not silent and self._silent_since is not None:
            self._silent_since = None
        if self._silent_since is not None:
            self.outage = max(self.outage, cluster.now - self._silent_since)


def _is_claimed(manifest: dict[str, Any], others: Iterable[dict[str, Any]]) -> bool:
    """Tell whether a pod's manifest has the labels that a workload selects, or the other way round."""
    labels = [one["metadata"].get("labels") or {} for one in (manifest, *others) if one["kind"] == "Pod"]
    specs = [one.get("spec") or {} for one in (manifest, *others)]
    selectors = [spec.get("selector") for spec in specs if "template" in spec]
    wanted = [(each or {}).get("matchLabels", each) or {} for each in selectors]
    return any(all(found.get(key) == value for key, value in each.items()) for found in labels for each in wanted)


def _request(move: Resize | Withdraw, manifest: dict[str, Any]) -> Request:
    word = resource_for(manifest["apiVersion"], manifest["kind"]).key
    if isinstance(move, Resize):
        return client.scale(word, move.name, move.replicas)
    return client.delete(word, move.name)
