"""
Session: a cluster that is run for somebody who watches, recorded or not.

It moves in slices of virtual time, so that progress can be shown; the slices do not depend on how long anything really
takes, nor on who watches, so the same run has the same log and the same digest.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import attrs

from reconcile.adapters.cli import leave
from reconcile.api.convert import loads_json
from reconcile.cluster import Cluster
from reconcile.driver.log.recording import Recorder
from reconcile.driver.machine import Machine
from reconcile.driver.operating.joining import Joiner
from reconcile.driver.run import Run, play, quiet_time
from reconcile.driver.script.commands import Asking
from reconcile.driver.script.machines import Joining
from reconcile.driver.step import step
from reconcile.driver.telling.circles import Circles
from reconcile.driver.telling.convergence import at_rest
from reconcile.driver.wire import state_digest
from reconcile.effects import Answer, OutsideEffect
from reconcile.events import ClusterEvent, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.model.requests import Request, Response

_SLICE: Final = 100 * MILLISECOND
_STEPS: Final = 20_000  # at most, between two looks at the cluster


class Interrupted(KeyboardInterrupt):
    """
    A signal to end, when nothing is half done.

    Args:
        signal: its number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__()
        self.signal = signal


@contextmanager
def attentive() -> Iterator[Callable[[], int]]:
    """
    Let Ctrl-C and SIGTERM wait until somebody asks for them; a second one does not wait.

    Gives what tells which of them there was, 0 for none. One that is ignored, or somebody else's already, stays so.
    """
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        if asked:
            leave(number, frame)
        asked.append(number)

    ours = (signal.default_int_handler, leave, signal.SIG_DFL)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    before = {each: handler for each, handler in before.items() if handler in ours}
    for each in before:
        signal.signal(each, note)
    try:
        yield lambda: asked[0] if asked else 0
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Circling(Exception):  # noqa: N818 -- it is no error, it ends a session
    """Somebody goes round in a circle at one instant, so that the session cannot go on: who, and over what."""


class Player(Protocol):
    """Who steps the cluster: a Recorder, or Unrecorded."""

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""

    def step(self, event: ClusterEvent) -> tuple[OutsideEffect, ...]:
        """Let *event* happen; give its effects."""

    def run(self, *, steps: int | None = None, until: Instant | None = None) -> Run:
        """Let follow what follows."""

    def digest(self) -> str:
        """Give the digest of the cluster; nothing may happen after it."""


class Recorded:
    """
    Steps a cluster and writes its log.

    Args:
        write: takes the log's lines.
        begin: makes the recorder, given what takes its lines.
    """

    def __init__(self, write: Callable[[str], object], begin: Callable[[Callable[[str], object]], Recorder]) -> None:
        self._write = write
        self._last = ""
        self._digest = ""
        self._recorder = begin(self._keep)

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._recorder.cluster

    def _keep(self, line: str) -> None:
        self._last = line
        self._write(line)

    def step(self, event: ClusterEvent) -> tuple[OutsideEffect, ...]:
        """Let *event* happen; give its effects."""
        return self._recorder.step(event)

    def run(self, *, steps: int | None = None, until: Instant | None = None) -> Run:
        """Let follow what follows."""
        return self._recorder.run(steps=steps, until=until)

    def give_up(self) -> None:
        """End the log where it can be ended; where a step has failed it holds the steps before that one."""
        if self._recorder.amid:
            self._recorder.segment()
        else:
            self.digest()

    def digest(self) -> str:
        """End the log, and give the digest that its end line has."""
        if not self._digest:
            self._recorder.end()
            self._digest = str(loads_json(self._last)["end"]["digest"])
        return self._digest


class Unrecorded:
    """Steps a cluster, as a Recorder does, without writing a log."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._circles = Circles()

    def step(self, event: ClusterEvent) -> tuple[OutsideEffect, ...]:
        """Let *event* happen; give its effects."""
        self.cluster, effects = step(self.cluster, event)
        return effects

    def run(self, *, steps: int | None = None, until: Instant | None = None) -> Run:
        """Let follow what follows."""
        machine = Machine(self.cluster)
        first = machine.steps
        idle = play(machine, None if steps is None else first + steps, until, self._circles)
        self.cluster = machine.closed()
        return Run(self.cluster, tuple(machine.outbox), machine.steps - first, idle, self._circles.found)

    def digest(self) -> str:
        """Give the digest of the cluster."""
        return state_digest(self.cluster)


def _asking(request: Request) -> Asking:
    return (yield request)


Watcher = Callable[[Cluster], None]
Listener = Callable[[Request, Response, Duration], None]


@attrs.frozen
class _Asked:
    """A request that waits for its answer, what is to be asked then, and who is to be told the last answer."""

    request: Request
    asking: Asking
    done: Callable[[Response], object]
    at: Instant
    clock: int


class Session:
    """
    Runs a cluster.

    Args:
        player: steps it.
        limit: how much virtual time there is, from now.
        watcher: is shown the cluster now and then.
        listener: is told of every request, its answer, and how long it took: in virtual time, or where that is
            nothing, really.
        interrupted: tells the signal at which to give up, by raising Interrupted; 0 for none.

    Whatever lets things happen raises Circling if they go round in a circle.
    """

    def __init__(
        self,
        player: Player,
        limit: Duration,
        watcher: Watcher,
        listener: Listener,
        interrupted: Callable[[], int],
    ) -> None:
        self.player = player
        self.end = player.cluster.now + limit
        self._watcher = watcher
        self._listener = listener
        self._interrupted = interrupted
        self._asked = 0
        self._waiting: dict[str, _Asked] = {}

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self.player.cluster

    def happen(self, event: ClusterEvent) -> None:
        """Let *event* happen, and what follows from it at once."""
        self.player.step(event)
        self._hear(self._ran().effects)

    def look(self) -> None:
        """Show the cluster to who watches."""
        self._watcher(self.cluster)

    def wait_for(self, done: Callable[[Cluster], bool]) -> bool:
        """Run until *done* is true of the cluster; false if the time is up first."""
        while not done(self.cluster):
            if not self._slice(self.end):
                return False
        return True

    def wait_until(self, at: Instant) -> None:
        """Run up to an instant, or until the time is up."""
        at_most = min(at, self.end)
        while self.cluster.now < at_most and self._slice(at_most):
            pass

    def settle(self) -> bool:
        """Run until nothing is left to do but wait for periodic timers; false if the time is up first."""
        while True:
            if not at_rest(self.cluster):
                if not self._slice(self.end):
                    return at_rest(self.cluster)
                continue
            # What a host's silence will cause comes later, by periodic timers.
            quiet = quiet_time(self.cluster)
            until = self.cluster.now + quiet
            while at_rest(self.cluster) and self.cluster.now < until:
                if not self._slice(min(until, self.end)):
                    break
            if at_rest(self.cluster):
                return True

    def join(self, command: Joining) -> None:
        """
        Let a machine join, and wait until it has.

        Raises:
            ReconcileError: it cannot.
        """
        joiner = Joiner(
            lambda: self.cluster,
            self.happen,
            lambda time: self.wait_until(self.cluster.now + time),
            lambda request: self.drive(_asking(request)),
        )
        joiner.join(command.host, control_plane=command.control_plane)

    def drive(self, asking: Asking) -> Response:
        """
        Ask one request after the other, each with the answer to the one before; give the last answer.

        Raises:
            ReconcileError: no API server answers before the time is up.
        """
        answers: list[Response] = []
        request = self.start(asking, answers.append)
        while not answers:
            if not self._slice(self.end) and not answers:
                what = f"{request.verb} {request.resource} {request.name}".rstrip()
                raise ReconcileError(f"no API server answers the request to {what}")
        return answers[0]

    def start(self, asking: Asking, done: Callable[[Response], object]) -> Request:
        """
        Ask one request after the other, without waiting longer than for what comes of it at once.

        Args:
            asking: the requests.
            done: is told the last answer, now or while the session goes on: where no API server can be reached, a
                request waits for one.
        """
        request = next(asking)
        self._hear(self._send(request, asking, done))
        return request

    def _send(self, request: Request, asking: Asking, done: Callable[[Response], object]) -> list[OutsideEffect]:
        self._asked += 1
        tag = f"request-{self._asked}"
        self._waiting[tag] = _Asked(request, asking, done, self.cluster.now, time.perf_counter_ns())
        return [*self.player.step(Submit(request=request, tag=tag)), *self._ran().effects]

    def _hear(self, effects: Iterable[OutsideEffect]) -> None:
        """Take answers among *effects* to those who asked, and what they ask then to the API server."""
        left = deque(effects)
        while left:
            effect = left.popleft()
            asked = self._waiting.pop(effect.tag, None) if isinstance(effect, Answer) else None
            if asked is None or not isinstance(effect, Answer):
                continue
            took = self.cluster.now - asked.at or time.perf_counter_ns() - asked.clock
            self._listener(asked.request, effect.response, took)
            try:
                request = asked.asking.send(effect.response)
            except StopIteration as end:
                asked.done(end.value)
            else:
                left += self._send(request, asked.asking, asked.done)

    def _slice(self, end: Instant) -> bool:
        """Run to where something may have changed; false if there is nothing to wait for before *end*."""
        cluster = self.cluster
        timer = cluster.timers.first()
        now = bool(cluster.pending or cluster.turns)
        if not now and (timer is None or timer.at > end):
            if cluster.now < end:
                self._play(end)
            return False
        due = cluster.now if now or timer is None else timer.at
        self._play(min(end, -(-due // _SLICE) * _SLICE))
        return True

    def _ran(self, *, steps: int | None = None, until: Instant | None = None) -> Run:
        ran = self.player.run(steps=steps, until=until)
        if ran.circle:
            raise Circling(ran.circle)
        return ran

    def _play(self, until: Instant) -> None:
        idle = False
        while not idle:
            ran = self._ran(steps=_STEPS, until=until)
            idle = ran.idle
            self._hear(ran.effects)
            self._watcher(self.cluster)
            number = self._interrupted()
            if number:
                raise Interrupted(number)
