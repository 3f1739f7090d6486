"""
Live: a cluster that is served.

Requests come in when clients send them, and time moves when it is told to. What comes of a request is told by its tag:
an answer once, notices of a watch as long as it lasts.

Takes:    HTTP requests as values, instants.
Gives:    answers, and what watches see.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.components.apiserver import rest
from reconcile.driver.exchange import serving
from reconcile.driver.machine import Machine, play_now
from reconcile.driver.recording import Recorder
from reconcile.driver.step import apply_event
from reconcile.effects import OutsideEffect
from reconcile.events import ClusterEvent, StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.model import statuses

CLIENT: Final = "http"


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
        self._count = 0

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

    def take(self, http: rest.HttpRequest) -> Ticket | rest.HttpResponse:
        """Let *http* come in: it is under way then, or answered already."""
        try:
            found = rest.take(serving(self._machine), http)
        except ReconcileError as error:
            return rest.refused(statuses.unavailable(str(error)), http)
        if isinstance(found, rest.HttpResponse):
            return found
        self._count += 1
        tag = f"{self._count}"
        self.happen(Submit(request=found.request, user=found.user, client=CLIENT, tag=tag))
        return Ticket(tag=tag, asked=found)

    def happen(self, event: ClusterEvent) -> None:
        """Let *event* happen."""
        if self._recorder is None:
            apply_event(self._machine, event)
        else:
            self._recorder.happen(event)

    def end_watch(self, ticket: Ticket) -> None:
        """Let a client's watch end, if it still lasts."""
        name = f"watch/{CLIENT}:{ticket.tag}"
        if self._machine.processes.get(name) is not None:
            self.happen(StopProcess(name))

    def play(self, steps: int) -> bool:
        """Take up to *steps* steps at this instant; tell whether nothing is left to do at it."""
        idle = play_now(self._machine, self._machine.steps + steps)
        if self._recorder is not None:
            self._recorder.segment()
        return idle

    def advance(self, to: Instant) -> None:
        """Let time move on to *to*; nothing may be left to do, and no timer be due before."""
        if to > self._machine.now:
            self._machine.advance(to)

    def effects(self) -> tuple[OutsideEffect, ...]:
        """Give what has left the cluster since this was last asked."""
        found = tuple(self._machine.outbox)
        self._machine.outbox.clear()
        return found
