"""
Session: a cluster that is run for somebody who watches, recorded or not.

It moves in slices of virtual time, so that progress can be shown; the slices do not depend on how long anything really
takes, nor on who watches, so the same run has the same log and the same digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from reconcile.api.convert import loads_json
from reconcile.cluster import Cluster
from reconcile.driver.convergence import at_rest
from reconcile.driver.recording import Recorder
from reconcile.driver.run import Run, quiet_time, run
from reconcile.driver.script import Asking
from reconcile.driver.step import step
from reconcile.driver.wire import state_digest
from reconcile.effects import Answer, OutsideEffect
from reconcile.events import ClusterEvent, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.model.requests import Request, Response

_SLICE: Final = 100 * MILLISECOND
_STEPS: Final = 20_000  # at most, between two looks at the cluster


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

    def step(self, event: ClusterEvent) -> tuple[OutsideEffect, ...]:
        """Let *event* happen; give its effects."""
        self.cluster, effects = step(self.cluster, event)
        return effects

    def run(self, *, steps: int | None = None, until: Instant | None = None) -> Run:
        """Let follow what follows."""
        ran = run(self.cluster, steps=steps, until=until)
        self.cluster = ran.cluster
        return ran

    def digest(self) -> str:
        """Give the digest of the cluster."""
        return state_digest(self.cluster)


Watcher = Callable[[Cluster], None]
Listener = Callable[[Request, Response, Duration], None]


class Session:
    """
    Runs a cluster.

    Args:
        player: steps it.
        limit: how much virtual time there is, from now.
        watcher: is shown the cluster now and then.
        listener: is told of every request, its answer, and how long it took: in virtual time, or where that is
            nothing, really.
    """

    def __init__(self, player: Player, limit: Duration, watcher: Watcher, listener: Listener) -> None:
        self.player = player
        self.end = player.cluster.now + limit
        self._watcher = watcher
        self._listener = listener
        self._asked = 0

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self.player.cluster

    def happen(self, event: ClusterEvent) -> None:
        """Let *event* happen, and what follows from it at once."""
        self.player.step(event)
        self.player.run()

    def look(self) -> None:
        """Show the cluster to who watches."""
        self._watcher(self.cluster)

    def wait_for(self, done: Callable[[Cluster], bool]) -> bool:
        """Run until *done* is true of the cluster; false if the time is up first."""
        while not done(self.cluster):
            if not self._slice(self.end):
                return False
        return True

    def wait_until(self, at: Instant) -> bool:
        """Run up to an instant; false if the time is up first."""
        at_most = min(at, self.end)
        while self.cluster.now < at_most and self._slice(at_most):
            pass
        return at <= self.end

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

    def ask(self, request: Request) -> Response:
        """
        Send a request and wait for its answer.

        Raises:
            ReconcileError: no API server answers before the time is up.
        """
        self._asked += 1
        tag = f"request-{self._asked}"
        asked_at, clock = self.cluster.now, time.perf_counter_ns()
        effects = [*self.player.step(Submit(request=request, tag=tag)), *self.player.run().effects]
        while True:
            for effect in effects:
                if isinstance(effect, Answer) and effect.tag == tag:
                    took = self.cluster.now - asked_at or time.perf_counter_ns() - clock
                    self._listener(request, effect.response, took)
                    return effect.response
            effects = []
            if not self._slice(self.end, effects):
                what = f"{request.verb} {request.resource} {request.name}".rstrip()
                raise ReconcileError(f"no API server answers the request to {what}")

    def drive(self, asking: Asking) -> Response:
        """Ask one request after the other, each with the answer to the one before."""
        try:
            request = next(asking)
            while True:
                request = asking.send(self.ask(request))
        except StopIteration as end:
            response: Response = end.value
            return response

    def _slice(self, end: Instant, effects: list[Any] | None = None) -> bool:
        """Run to where something may have changed; false if there is nothing to wait for before *end*."""
        cluster = self.cluster
        timer = cluster.timers.first()
        now = bool(cluster.pending or cluster.turns)
        if not now and (timer is None or timer.at > end):
            if cluster.now < end:
                self._play(end, effects)
            return False
        due = cluster.now if now or timer is None else timer.at
        self._play(min(end, -(-due // _SLICE) * _SLICE), effects)
        return True

    def _play(self, until: Instant, effects: list[Any] | None) -> None:
        idle = False
        while not idle:
            ran = self.player.run(steps=_STEPS, until=until)
            idle = ran.idle
            if effects is not None:
                effects += ran.effects
            self._watcher(self.cluster)
