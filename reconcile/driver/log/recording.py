"""
Recorder: a run that is written down while it happens.

It has the same verbs as the module functions (`step`, `run`, `settle`) and keeps the cluster; what it writes is a log
that `replay` plays again.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable
from typing import Any, Literal

from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.api.scalars import thaw
from reconcile.cluster.cluster import Cluster
from reconcile.driver.choices import choices
from reconcile.driver.client import applied, asked
from reconcile.driver.log.chain import FORMAT, Place, Writer, now_json
from reconcile.driver.log.patches import Known, change_json
from reconcile.driver.machine import Machine
from reconcile.driver.policies import Policy
from reconcile.driver.run import LIMIT, SEGMENT, Run, Settled, play, play_until_settled, still_moving, within
from reconcile.driver.step import apply_event, given
from reconcile.driver.telling.circles import HURRY, Circles
from reconcile.driver.webhooks import Webhooks, answering
from reconcile.driver.wire import integer_to_json, state_digest, to_json, topology_to_json
from reconcile.effects import OutsideEffect
from reconcile.events import ClusterEvent
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.version import __version__
from reconcile.model.requests import Request, Response

Detail = Literal["steps", "changes"]


class Recorder:
    """
    Steps a cluster and writes its log.

    Args:
        cluster: where the run begins: freshly booted, since a log begins with a boot.
        write: takes one line of text after the other, such as a file's `write`.
        detail: `steps` marks each step, so that what comes at another time or more or less often is found at its step;
            `changes` also writes what was written to the store, so that any other write is found at its step, and shown
            in its fields.
        checkpoint: a digest of the whole state after about so many steps; 0 for one at the end only.
        modules: where the user's own controllers stand, `module:name` each, for the log to tell.
        webhooks: who answers what API servers ask of webhooks, as of `run`; what they answer is written down.

    Attributes:
        amid: a step has failed, so the log can have no end line: its state is one that no replay comes to.
    """

    def __init__(
        self,
        cluster: Cluster,
        write: Callable[[str], object],
        *,
        detail: Detail = "changes",
        checkpoint: int = 0,
        modules: tuple[str, ...] = (),
        webhooks: Webhooks | None = None,
    ) -> None:
        if cluster.steps:
            raise ReconcileError(f"a log begins with a boot; this cluster has taken {cluster.steps} steps already")
        self.detail = detail
        self._checkpoint = checkpoint
        self._checked_at = 0
        self._webhooks = webhooks
        self._open(cluster, Writer(write))
        self._writer.line(header_of(cluster, detail, modules))

    def _open(self, cluster: Cluster, writer: Writer) -> None:
        self._machine = Machine(cluster)
        self._machine.marks = array("H")
        self._machine.answering = answering(self._webhooks, self.happen)
        self._machine.observed = [] if self.detail == "changes" else None
        self._machine.explained = []
        self._circles = Circles()
        self._known = Known()
        self._writer = writer
        self.amid = False

    @classmethod
    def resumed(cls, cluster: Cluster, write: Callable[[str], object], after: Place, detail: Detail) -> Recorder:
        """
        Give a recorder that goes on with a log.

        Args:
            cluster: as it is where the log stands.
            write: takes the lines that follow.
            after: where that is.
            detail: the log's.
        """
        made = object.__new__(cls)
        made.detail, made._checkpoint, made._checked_at, made._webhooks = detail, 0, 0, None
        made._open(cluster, Writer(write, after))
        return made

    @property
    def place(self) -> Place:
        """How far the log is written."""
        return self._writer.place

    def fork(self, write: Callable[[str], object]) -> Recorder:
        """
        Give another recorder, which goes on from here on its own.

        Args:
            write: takes the lines that follow; those up to here are the same for both.
        """
        self.segment()
        other = object.__new__(Recorder)
        other.detail, other._checkpoint, other._checked_at = self.detail, self._checkpoint, self._checked_at
        other._webhooks = self._webhooks
        other._open(self.cluster, self._writer.fork(write))
        return other

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._machine.closed()

    @property
    def machine(self) -> Machine:
        """The machine that it writes down, for who steps it; `segment` says that it took steps."""
        return self._machine

    def step(self, event: ClusterEvent) -> tuple[OutsideEffect, ...]:
        """Let *event* happen; give its effects."""
        self.happen(event)
        return self._effects()

    def run(
        self,
        events: tuple[ClusterEvent, ...] = (),
        *,
        steps: int | None = None,
        until: Instant | None = None,
        policy: Policy | None = None,
        hurry: int = HURRY,
    ) -> Run:
        """As `reconcile.run`, from where the cluster is now; steps at one instant count across several runs."""
        first = self._machine.steps
        circles = self._looking(hurry)
        effects: list[OutsideEffect] = []
        for event in events:
            effects += self.step(event)
        last = None if steps is None else first + steps
        if policy is not None:
            idle = self._decide(policy, last, until, circles)
        else:
            idle = self._play(lambda end: play(self._machine, end, until, circles), last)
        effects += self._effects()
        return Run(self.cluster, tuple(effects), self._machine.steps - first, idle, circles.found)

    def settle(
        self,
        events: tuple[ClusterEvent, ...] = (),
        *,
        limit: Duration = LIMIT,
        quiet: Duration | None = None,
        hurry: int = HURRY,
    ) -> Settled:
        """As `reconcile.settle`, from where the cluster is now."""
        first = self._machine.steps
        circles = self._looking(hurry)
        effects: list[OutsideEffect] = []
        for event in events:
            effects += self.step(event)
        settled = play_until_settled(self._machine, self._machine.now + limit, quiet, self.segment, circles=circles)
        self.segment()
        effects += self._effects()
        after = self.cluster
        moving = () if settled else still_moving(after, circles.found)
        return Settled(after, tuple(effects), self._machine.steps - first, settled, moving)

    def ask(self, request: Request, *, limit: Duration = LIMIT) -> Response:
        """As `reconcile.driver.client.ask`, from where the cluster is now."""
        response = asked(self._machine, request, limit=limit, submit=self.happen)
        self.segment()
        return response

    def apply(self, manifest: Any, *, namespace: str = "default") -> Response:
        """As `reconcile.driver.client.apply`, from where the cluster is now."""
        response = applied(self._machine, manifest, namespace=namespace, submit=self.happen)
        self.segment()
        return response

    def end(self) -> Cluster:
        """Write the end line, with the digest of the state; nothing may follow."""
        self.segment()
        cluster = self.cluster
        self._writer.line({"end": place_of(cluster)})
        return cluster

    def _play(self, play_to: Callable[[int | None], bool], last: int | None) -> bool:
        while True:
            end = self._machine.steps + SEGMENT
            end = end if last is None else min(end, last)
            self.amid = True  # until it is done: who fails amid a step leaves a state that no replay comes to
            idle = play_to(end)
            self.amid = False
            self.segment()
            if idle or self._machine.steps == last or self._circles.found:
                return idle

    def _looking(self, hurry: int) -> Circles:
        """Give what looks for circles: the same as before, so that an instant may be played in several runs."""
        if self._circles.found or self._circles.hurry != hurry:
            self._circles.close(self._machine)
            self._circles = Circles(hurry)
        return self._circles

    def _decide(self, policy: Policy, last: int | None, until: Instant | None, circles: Circles) -> bool:
        while last is None or self._machine.steps < last:
            if self._machine.steps >= circles.next_look(self._machine) and circles.look(self._machine):
                return False
            answering = self._machine.answering
            if answering is not None and answering(self._machine):
                continue
            cluster = self.cluster
            offered = within(choices(cluster), until)
            if not offered:
                return True
            choice, policy = policy.choose(cluster, offered)
            self.happen(choice)
        return False

    def happen(self, event: ClusterEvent) -> None:
        """Let *event* happen; its effects stay in the machine."""
        self.segment()
        event = given(event)
        content = to_json(event)  # first, so that what cannot be written does not happen
        apply_event(self._machine, event)
        self._write({"event": content})

    def segment(self) -> None:
        """Write down the steps that were taken since the last line."""
        marks = self._machine.marks
        if marks:
            self._write({"run": {"steps": len(marks), "now": now_json(self._machine.now)}})

    def _write(self, content: dict[str, Any]) -> None:
        machine = self._machine
        assert machine.marks is not None
        content["marks"] = packed(machine.marks)
        machine.marks = array("H")
        if machine.observed:
            content["changes"] = [[at, *change_json(change, self._known)] for at, change in machine.observed]
            machine.observed = []
        if machine.explained:
            content["explanations"] = explanations_json(machine)
            machine.explained = []
        self._writer.line(content)
        if self._checkpoint and machine.steps - self._checked_at >= self._checkpoint:
            self._checked_at = machine.steps
            self._writer.line({"checkpoint": place_of(self.cluster)})

    def _effects(self) -> tuple[OutsideEffect, ...]:
        effects = tuple(self._machine.outbox)
        self._machine.outbox.clear()
        return effects


def explanations_json(machine: Machine) -> list[Any]:
    """Give what schedulers said of their decisions, as a log has it: step, pod, and what was found."""
    return [[at, said.pod, dict(thaw(said.explanation))] for at, said in machine.explained or ()]


def packed(marks: array[int]) -> str:
    """Give marks as hexadecimal text, four digits each."""
    return struct.pack(f">{len(marks)}H", *marks).hex()


def header_of(cluster: Cluster, detail: str, modules: tuple[str, ...] = ()) -> dict[str, Any]:
    """Give the content of the first line of the log of a run that begins with *cluster*."""
    return {
        "log": FORMAT,
        "reconcile": __version__,
        "kubernetes": KUBERNETES_VERSION,
        "seed": integer_to_json(cluster.seed),
        "topology": topology_to_json(cluster.topology),
        "controllers": [controller.name for controller in cluster.controllers],
        "detail": detail,
        **({"modules": list(modules)} if modules else {}),
    }


def place_of(cluster: Cluster, form: int = FORMAT) -> dict[str, Any]:
    """Give what a checkpoint and the end of a log in a format say of *cluster*."""
    return {
        "steps": cluster.steps,
        "now": now_json(cluster.now, form),
        "revision": cluster.store.revision,
        "digest": state_digest(cluster),
    }
