"""
The step API over a pipe: JSON lines in, one JSON line out for each.

A line boots a cluster, steps it by an event, or asks for something to be done with it. What cannot be read or cannot
happen is answered with an error, changes nothing, and the session goes on. What does not fit a double, the only number
of many clients, travels as text: instants and durations always, seeds and parts of a state where they are that long.

Takes:    {"boot": {...}}, {"event": ...}, {"do": ...}; see docs/reference/step-pipe.md.
Gives:    {"ok": true, "effects": [...], "now": ..., "steps": ...}, or {"error": {"message", "line", "path"}}.
Source:   JSON Lines, https://jsonlines.org.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Protocol, TypeAlias, assert_never

import attrs

from reconcile.api.convert import InvalidObject, MalformedText, dump, loads_json
from reconcile.cluster import Cluster, Topology
from reconcile.driver.choices import choices
from reconcile.driver.policies import Shuffled
from reconcile.driver.run import LIMIT, collector_paused, run, settle
from reconcile.driver.step import step
from reconcile.driver.telling.circles import HURRY
from reconcile.driver.telling.describe import describe
from reconcile.driver.wire import EXACT, from_json, integer_to_json, refuse_rounded, state_digest, state_json, to_json
from reconcile.driver.wire.bodies import wrong
from reconcile.events import Advance, ClusterEvent
from reconcile.lib.dice import Seed
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant

FIRST: Final = "main"
"""The name of the cluster that a session begins with."""


@attrs.frozen(kw_only=True)
class Boot:
    """Power the machines of a topology on; every fork of before is gone."""

    topology: Topology = attrs.field(factory=Topology)
    seed: Seed = 0


@attrs.frozen(kw_only=True)
class Settle:
    """
    Run until nothing is left to do but wait for periodic timers.

    Args:
        events: what happens first.
        limit: give up after this much virtual time, in nanoseconds.
        quiet: after the last thing that happened, wait this much longer; null for what the cluster needs.
        hurry: after so many steps at one instant, give up on what goes round in a circle.
    """

    JSON_TAG: ClassVar = ("do", "settle")
    events: tuple[ClusterEvent, ...] = ()
    limit: Duration = LIMIT
    quiet: Duration | None = None
    hurry: int = HURRY


@attrs.frozen(kw_only=True)
class Run:
    """
    Run for a while.

    Args:
        events: what happens first.
        steps: stop after this many steps.
        until: let time move on, at most to this instant; null: it stands still.
        shuffled: the seed by which the order of things is drawn; null for first-in first-out.
        hurry: after so many steps at one instant, give up on what goes round in a circle.
    """

    JSON_TAG: ClassVar = ("do", "run")
    events: tuple[ClusterEvent, ...] = ()
    steps: int | None = None
    until: Instant | None = None
    shuffled: Seed | None = None
    hurry: int = HURRY


@attrs.frozen
class Choices:
    """List everything that could happen next, as events, each with its line of text."""

    JSON_TAG: ClassVar = ("do", "choices")


@attrs.frozen(kw_only=True)
class Get:
    """
    Read stored objects.

    Args:
        resource: as kubectl takes it: pods, po, deployments.apps.
        name: of the one object; empty for all.
        namespace: of the one object, `default` if empty; of all the objects, every namespace if empty.
    """

    JSON_TAG: ClassVar = ("do", "get")
    resource: str
    name: str = ""
    namespace: str = ""


@attrs.frozen
class Processes:
    """List the processes that run, and how far each of their watches lags; -1 for one that has to list first."""

    JSON_TAG: ClassVar = ("do", "processes")


@attrs.frozen
class Digest:
    """Give the checksum of everything that decides the cluster's future."""

    JSON_TAG: ClassVar = ("do", "digest")


@attrs.frozen
class State:
    """Give everything that decides the cluster's future, as JSON to look at."""

    JSON_TAG: ClassVar = ("do", "state")


@attrs.frozen
class Fork:
    """Keep the cluster as it is now under another name too."""

    JSON_TAG: ClassVar = ("do", "fork")
    name: str


@attrs.frozen
class Switch:
    """Go on with the cluster of this name; the one until now stays as it is, under its own."""

    JSON_TAG: ClassVar = ("do", "switch")
    name: str


@attrs.frozen
class Drop:
    """Forget the cluster of this name."""

    JSON_TAG: ClassVar = ("do", "drop")
    name: str


Command: TypeAlias = Settle | Run | Choices | Get | Processes | Digest | State | Fork | Switch | Drop
"""Everything that a session can be asked to do."""


class Out(Protocol):
    """Where answers go: a text stream."""

    def write(self, text: str, /) -> object:
        """Take a line."""
        ...

    def flush(self) -> object:
        """Let it be read at once."""
        ...


def serve(
    lines_in: Iterable[bytes],
    out: Out,
    *,
    topology: Topology | None = None,
    seed: int = 0,
    controllers: tuple[Any, ...] = (),
) -> int:
    """
    Answer each line until there are no more.

    Args:
        lines_in: such as standard input's buffer.
        out: such as standard output; flushed after each answer.
        topology: of the cluster of a session that boots none.
        seed: the same.
        controllers: the user's own, in every cluster of the session.

    Returns:
        How many lines were answered with an error.
    """
    session = _Session(Boot(topology=topology or Topology(), seed=seed), controllers)
    refused = 0
    for number, line in enumerate(lines_in, start=1):
        try:
            answer = session.answer(line)
        except ReconcileError as error:
            answer = {"error": {"message": _message(error), "line": number, "path": _path(error)}}
            refused += 1
        out.write(json.dumps(answer, separators=(",", ":")) + "\n")
        out.flush()
    return refused


def _message(error: ReconcileError) -> str:
    return f"column {error.column}: {error.reason}" if isinstance(error, MalformedText) else str(error)


def _path(error: ReconcileError) -> str:
    return error.faults[0].path if isinstance(error, InvalidObject) else ""


class _Session:
    """The clusters of one session, and which of them is stepped."""

    def __init__(self, boot: Boot, controllers: tuple[Any, ...]) -> None:
        self._default = boot
        self._controllers = controllers
        self._clusters: dict[str, Cluster] = {}
        self._at = FIRST

    def answer(self, line: bytes) -> dict[str, Any]:
        """Do what a line says; ReconcileError if it cannot be read or done, and then nothing is changed."""
        content = loads_json(line)
        if not isinstance(content, dict):
            raise ReconcileError("expected an object with boot, event or do")
        if "boot" in content:
            if len(content) > 1:
                raise ReconcileError("expected nothing beside boot")
            self._boot(_within(content["boot"]))
            return self._said((), {})
        if not self._clusters:
            self._boot(self._default)
        if "do" in content:
            command: Command = _read(content, Command)
            self._check_times(command, content)
            return self._done(command)
        if "event" in content:
            event: ClusterEvent = _read(content, ClusterEvent)
            if isinstance(event, Advance):
                _check_time("to", event.to, content["to"], self._cluster.now)
            cluster, effects = step(self._cluster, event)
            return self._moved(cluster, effects, {})
        raise ReconcileError("expected an object with boot, event or do")

    def _check_times(self, command: Command, content: dict[str, Any]) -> None:
        """Refuse a command that would let time stand still where its sender means it to move."""
        if isinstance(command, Settle | Run):
            for place, event in enumerate(command.events):
                if isinstance(event, Advance):
                    _check_time(f"events[{place}].to", event.to, content["events"][place]["to"], self._cluster.now)
        if isinstance(command, Run) and command.until is not None:
            _check_time("until", command.until, content["until"], self._cluster.now)

    @property
    def _cluster(self) -> Cluster:
        return self._clusters[self._at]

    def _boot(self, boot: Boot) -> None:
        cluster = Cluster.boot(boot.topology, seed=boot.seed, controllers=self._controllers)
        self._clusters, self._at = {FIRST: cluster}, FIRST

    def _said(self, effects: Iterable[Any], more: dict[str, Any]) -> dict[str, Any]:
        cluster = self._cluster
        told = [to_json(effect) for effect in effects]
        return {"ok": True, **more, "effects": told, "now": str(cluster.now), "steps": cluster.steps}

    def _moved(self, cluster: Cluster, effects: Iterable[Any], more: dict[str, Any]) -> dict[str, Any]:
        before, self._clusters[self._at] = self._cluster, cluster
        try:
            return self._said(effects, more)
        except ReconcileError:
            self._clusters[self._at] = before
            raise

    def _done(self, command: Command) -> dict[str, Any]:
        match command:
            case Settle():
                return self._settle(command)
            case Run():
                return self._run(command)
            case Choices():
                offered = choices(self._cluster)
                texts = [describe(choice, self._cluster) for choice in offered]
                return self._said((), {"choices": [to_json(choice) for choice in offered], "texts": texts})
            case Get():
                return self._said((), self._got(command))
            case Processes():
                return self._said((), {"processes": [self._process(name) for name in self._cluster.processes]})
            case Digest():
                return self._said((), {"digest": state_digest(self._cluster)})
            case State():
                return self._said((), {"state": _exact(state_json(self._cluster))})
            case Fork() | Switch() | Drop():
                self._turn(command)
                return self._said((), {"at": self._at, "forks": sorted(self._clusters)})
            case _:
                assert_never(command)

    def _settle(self, command: Settle) -> dict[str, Any]:
        _not_negative(command, "limit", "quiet")
        with collector_paused():
            done = settle(self._cluster, command.events, limit=command.limit, quiet=command.quiet, hurry=command.hurry)
        more = {"settled": done.settled, "moving": list(done.moving), "taken": done.steps}
        return self._moved(done.cluster, done.effects, more)

    def _run(self, command: Run) -> dict[str, Any]:
        _not_negative(command, "steps")
        policy = None if command.shuffled is None else Shuffled.of(command.shuffled)
        with collector_paused():
            done = run(
                self._cluster,
                command.events,
                steps=command.steps,
                until=command.until,
                policy=policy,
                hurry=command.hurry,
            )
        more = {"idle": done.idle, "circle": done.circle, "taken": done.steps}
        return self._moved(done.cluster, done.effects, more)

    def _got(self, command: Get) -> dict[str, Any]:
        if not command.name:
            found = self._cluster.objects(command.resource, namespace=command.namespace)
            return {"objects": [dump(obj) for obj in found]}
        one = self._cluster.get(command.resource, command.name, namespace=command.namespace)
        return {"object": None if one is None else dump(one)}

    def _process(self, name: str) -> dict[str, Any]:
        process = self._cluster.processes[name]
        lags = {watch: self._cluster.lag(name, watch) for watch in process.watches}
        return {"name": name, "host": process.host, "leading": process.leading, "watches": lags}

    def _turn(self, command: Fork | Switch | Drop) -> None:
        known = command.name in self._clusters
        if isinstance(command, Fork):
            if not command.name:
                raise ReconcileError("name: expected a name, found none")
            if known:
                raise ReconcileError(f"there is a cluster {command.name!r} already")
            self._clusters[command.name] = self._cluster
            return
        if not known:
            raise ReconcileError(f"there is no cluster {command.name!r}; there are {', '.join(sorted(self._clusters))}")
        if isinstance(command, Switch):
            self._at = command.name
        elif command.name == self._at:
            raise ReconcileError(f"cluster {command.name!r} is in use: switch to another one first")
        else:
            del self._clusters[command.name]


def _within(content: Any) -> Boot:
    try:
        boot: Boot = _read(content, Boot)
    except InvalidObject as error:
        faults = [attrs.evolve(fault, path=f"boot.{fault.path}".rstrip(".")) for fault in error.faults]
        raise InvalidObject(tuple(faults)) from None
    return boot


def _read(content: Any, what: Any) -> Any:
    """Read what a client sent, unless it has been rounded on its way."""
    refuse_rounded(content, what)
    return from_json(content, what)


def _check_time(path: str, at: Instant, said: Any, now: Instant) -> None:
    """
    Refuse an instant to which time does not move: it may be where a client that rounds takes a later one to be.

    Args:
        path: where it stands.
        at: the instant.
        said: as the client sent it: where that is text, to stand still is what it means.
        now: the cluster's.
    """
    why = f"it is {now} now; what was counted in doubles is rounded: count in integers of 64 bits, and send text"
    if at < now:
        raise wrong(path, f"expected an instant that is not past ({why})", at)
    if at == now and said.__class__ is int and abs(at) > EXACT:
        raise wrong(path, f'expected a later instant, or the text "{at}" to let time stand still ({why})', at)


def _exact(value: Any) -> Any:
    """Write integers of plain JSON that a double cannot hold as text."""
    if isinstance(value, dict):
        return {key: _exact(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_exact(entry) for entry in value]
    return integer_to_json(value) if value.__class__ is int else value


def _not_negative(command: Settle | Run, *names: str) -> None:
    for name in names:
        value = getattr(command, name)
        if value is not None and value < 0:
            raise ReconcileError(f"{name}: expected 0 or more, found {value}")
