"""
Live: a cluster that is served.

Requests come in when clients send them, and time moves when it is told to. What comes of a request is told by its tag:
an answer once, notices of a watch as long as it lasts. A circle at one instant stops the play, and is said.

Takes:    HTTP requests as values, instants.
Gives:    answers, and what watches see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.components.apiserver import rest
from reconcile.components.apiserver.fairness.classifying import Classified
from reconcile.driver.log.recording import Recorder
from reconcile.driver.machine import Machine, play_now
from reconcile.driver.run import LIMIT, play_until_settled, still_moving
from reconcile.driver.serving.exchange import serving
from reconcile.driver.step import apply_event
from reconcile.driver.telling.circles import Circles
from reconcile.driver.telling.containerlogs import Logs, is_logs, logs
from reconcile.driver.telling.convergence import at_rest
from reconcile.effects import OutsideEffect
from reconcile.events import Advance, ClusterEvent, StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.model import statuses

CLIENT: Final = "http"
_WATCHES: Final = f"watch/{CLIENT}:"


@attrs.frozen(kw_only=True)
class Ticket:
    """A request that is under way: its tag, and how its answer is to be written."""

    tag: str
    asked: rest.Asked


class Live:
    """
    One cluster that is stepped on demand.

    Args:
        cluster: where it begins.
        recorder: writes down all that happens, if it is given; then it is its cluster that is served.
    """

    def __init__(self, cluster: Cluster, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._machine = Machine(cluster) if recorder is None else recorder.machine
        self._circles = Circles()
        self.circle = ""
        """Who goes round in a circle at this instant, and over what; empty if nobody is found to."""

    def fork(self, write: Callable[[str], object] | None = None) -> Live:
        """
        Give another live cluster, which goes on from here on its own, without this one's clients.

        Args:
            write: takes the lines of its log that follow; nothing of it is recorded if there is none.
        """
        if self._recorder is not None and write is not None:
            recorder = self._recorder.fork(write)
            other = Live(recorder.cluster, recorder)
        else:
            other = Live(self.cluster)
        other.end_watches()
        return other

    @property
    def recorder(self) -> Recorder | None:
        """What writes down all that happens."""
        return self._recorder

    @property
    def machine(self) -> Machine:
        """The machine that is stepped."""
        return self._machine

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._machine.closed()

    @property
    def now(self) -> Instant:
        """The instant that it has reached."""
        return self._machine.now

    @property
    def busy(self) -> bool:
        """Tell whether something but periodic timers is still to come."""
        return self._machine.timers.busy > 0

    def next_timer(self) -> Instant | None:
        """Give the instant of the next timer; None if none is set."""
        timer = self._machine.timers.first()
        return None if timer is None else timer.at

    def take(self, http: rest.HttpRequest) -> Ticket | Logs | rest.HttpResponse:
        """Let *http* come in: it is under way then, or answered already, or asks for what a container writes."""
        try:
            at_hand = serving(self._machine)
        except ReconcileError as error:
            return unreachable(str(error), http)
        if is_logs(http):
            return logs(self._machine, at_hand, http)
        found = rest.take(at_hand, http)
        if isinstance(found, rest.HttpResponse):
            return found
        tag = f"{self._machine.serial}"
        self.happen(Submit(request=found.request, user=found.user, client=CLIENT, tag=tag))
        return Ticket(tag=tag, asked=found)

    def belongs(self, http: rest.HttpRequest) -> Classified | None:
        """Say where *http* belongs among the requests that are to be served; None if nothing says so."""
        try:
            return rest.belongs_to(serving(self._machine), http)
        except ReconcileError:
            return None

    def happen(self, event: ClusterEvent) -> None:
        """Let *event* happen."""
        if self._recorder is None:
            apply_event(self._machine, event)
        else:
            self._recorder.happen(event)

    def end_watch(self, ticket: Ticket) -> None:
        """Let a client's watch end, if it still lasts."""
        name = f"{_WATCHES}{ticket.tag}"
        if self._machine.processes.get(name) is not None:
            self.happen(StopProcess(name))

    def end_watches(self) -> None:
        """Let every client's watch end."""
        for name in [name for name in self.cluster.processes if name.startswith(_WATCHES)]:
            self.happen(StopProcess(name))

    def play(self, steps: int) -> bool:
        """Take up to *steps* steps at this instant; tell whether nothing is left to do at it, or a circle is found."""
        machine = self._machine
        end = machine.steps + steps
        self.circle = ""
        while not (idle := play_now(machine, min(end, self._circles.next_look(machine)))):
            if machine.steps >= end:
                break
            if self._circles.look(machine):
                self._found(self._circles.found)
                break
        self._written()
        return idle or bool(self.circle)

    def advance(self, to: Instant) -> None:
        """Let time move on to *to*; nothing may be left to do, and no timer be due before."""
        if to > self._machine.now:
            self._machine.advance(to)

    def pass_over(self) -> None:
        """Let time move on though somebody goes round in a circle: to the next timer, at most by a second."""
        machine = self._machine
        _, timer = machine.timers.closed().due(machine.now)
        soon = machine.now + SECOND
        self.happen(Advance(soon if timer is None else min(timer.at, soon)))
        self.circle = ""

    def play_to(self, to: Instant, *, done: Callable[[], bool] = lambda: False) -> bool:
        """Play up to the instant *to*, a circle, or until *done* says so where nothing is left to do at an instant."""
        while True:
            while not self.play(_MANY):
                pass
            if self.circle or done():
                return not self.circle
            at = self.next_timer()
            if at is None or at > to:
                self.advance(to)
                return False
            self.advance(at)

    def settle(self, *, limit: Duration = LIMIT, quiet: Duration | None = None) -> tuple[str, ...]:
        """Run until nothing is left to do but wait for periodic timers; say, a sentence each, what still moves."""
        circles = Circles()
        settled = play_until_settled(self._machine, self.now + limit, quiet, self._written, circles=circles)
        circles.close(self._machine)
        self._found(circles.found)
        self._written()
        return () if settled else still_moving(self.cluster, circles.found)

    def at_rest(self) -> bool:
        """Tell whether nothing is left to do but wait for periodic timers."""
        return at_rest(self.cluster)

    def effects(self) -> tuple[OutsideEffect, ...]:
        """Give what has left the cluster since this was last asked."""
        found = tuple(self._machine.outbox)
        self._machine.outbox.clear()
        return found

    def _found(self, circle: str) -> None:
        self.circle = circle
        if circle:
            self._circles.close(self._machine)
            self._circles = Circles()

    def _written(self) -> None:
        if self._recorder is not None:
            self._recorder.segment()


_MANY: Final = 4096  # steps that one line of a log holds


def unreachable(why: str, http: rest.HttpRequest) -> rest.HttpResponse:
    """Give the answer of a load balancer with no API server behind it: 503, come again in a second."""
    response = rest.refused(statuses.unavailable(why), http)
    return attrs.evolve(response, headers=(*response.headers, ("Retry-After", "1")))
