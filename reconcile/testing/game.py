"""
A game: a machine that moves are made in, judged after every step, and in the end by what became of it.

Both a fuzzer's schedule and a scenario's commands are played in one, so that they do step for step the same.

Takes:    a booted cluster, and moves.
Gives:    what the moves were in this cluster; `Broken` when something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from reconcile.api import convert, meta_v1
from reconcile.api.kinds import resource_of
from reconcile.cluster.cluster import Cluster
from reconcile.driver import client
from reconcile.driver.choices import choices, reachable
from reconcile.driver.kubectl import Said, holding
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.operating.joining import Joiner
from reconcile.driver.policies import Shuffled
from reconcile.driver.run import still_moving
from reconcile.driver.script.errands import Errand, talk_of
from reconcile.driver.step import apply_event
from reconcile.driver.telling.circles import Circles
from reconcile.driver.telling.describe import describe
from reconcile.driver.telling.failures import failures
from reconcile.events import (
    ClusterEvent,
    CutLink,
    DelayCall,
    DriftClock,
    Execute,
    Fault,
    FillDisk,
    Freeze,
    HoldCache,
    LoseDisk,
    ReleaseWatch,
    Return,
    SetClock,
    SlowDisk,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration
from reconcile.model.requests import Request, Response, joined
from reconcile.properties import PAST, PROMISES, Past, Promise, Property, leftovers
from reconcile.testing.judging import compared
from reconcile.testing.lookout import Broken, Lookout
from reconcile.testing.moves import (
    Adopt,
    Declare,
    Join,
    Lag,
    Move,
    Repair,
    Replace,
    Resize,
    Strike,
    Wait,
    Wander,
    Withdraw,
)
from reconcile.testing.repairing import repairs
from reconcile.testing.replacing import Operator
from reconcile.testing.strikes import behind, candidates
from reconcile.testing.wishes import Wishes, key_of

QUIET: Final = 75 * SECOND
"""How long a repaired cluster must keep still: the time in which a lost host or leader is noticed, and some more."""

LIMIT: Final = 40 * MINUTE
"""How much virtual time it gets to come to rest: a progress deadline of ten minutes, and back-offs of five."""

T = TypeVar("T")

_PRIORITIES: Final = "priorityclasses.scheduling.k8s.io"

# What users may be told: what is on its way out can be neither changed nor made anew; and a strategy that was
# defaulted has to be taken back explicitly.
_REFUSALS: Final = (
    "object is being deleted",
    "not found",
    "already exists",
    "may not be specified when strategy",
    "because it is being terminated",
    "exceeded quota",
    "status unknown for quota",
)


# What may keep a kubelet's heartbeats away from who looks at them, or make them look old, for as long as it lasts.
_LASTING: Final = (CutLink, DelayCall, DriftClock, FillDisk, Freeze, HoldCache, LoseDisk, SetClock, SlowDisk)

_UNANSWERED: Final = (0, 500, 504)
_TRIES: Final = 40
_TRY_AGAIN: Final = 5 * SECOND


class Game:
    """
    A machine that moves are made in; local to one play.

    Args:
        cluster: where to begin; it stays as it is.
        properties: what must hold after every step.
        past: what is not compared in the end.
        promises: what is followed from step to step, each until something puts an end to it.
    """

    def __init__(
        self,
        cluster: Cluster,
        properties: tuple[Property, ...],
        past: tuple[Past, ...] = PAST,
        promises: tuple[Promise, ...] = PROMISES,
    ) -> None:
        self.machine = Machine(cluster)
        self.machine.observed = []
        self.past = past
        self.happened: list[str] = []
        self.refused: list[str] = []  # what no user of a sound cluster would be
        self._began = cluster
        self._wishes = Wishes()
        self._displacing = False
        self._circles = Circles()
        self._lookout = Lookout(self.machine, properties, promises)
        self._operator = Operator(self.machine, self.happen, self._wait)
        self._joined: tuple[Join, ...] = ()
        self._joiner = Joiner(self.machine.closed, self.happen, self._wait, self._asked)

    @property
    def declared(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What users want now: manifests by resource, and namespace and name."""
        return self._wishes.declared

    def begin_anew(self) -> None:
        """Take the cluster as it is: what came until now was not looked at step by step, or is known to be wrong."""
        self._lookout.begin_anew()

    # Moves
    # ---------------------------------------------------------------------------------------------------

    def move(self, move: Move) -> None:
        """Make one move, or nothing if it cannot be made."""
        match move:
            case Wander():
                self._wander(move)
            case Wait():
                self._wait(move.time)
            case Declare():
                self.declare(move.manifest)
            case Resize():
                self.scale(move.kind, move.name, move.replicas)
            case Withdraw():
                self.delete(move.kind, move.name, move.namespace, move.cascade)
            case Adopt():
                self.adopt(move)
            case Errand():
                with suppress(ReconcileError):
                    self.converse(move)
            case Strike():
                self._strike(move)
            case Lag():
                self._lag(move)
            case Replace() | Join():
                with suppress(ReconcileError):
                    self.order(move)
            case Repair():
                self.repair()
            case _:
                with suppress(ReconcileError):
                    self.happen(move)

    def declare(self, manifest: dict[str, Any]) -> Response | None:
        """Apply a manifest, as kubectl does; None if no API server can be reached: then nothing happens."""
        if not reachable(self.machine.closed(), ""):
            return None
        wanted = client.as_object(manifest)
        resource, metadata = resource_of(wanted), wanted.metadata
        if metadata is None or not metadata.name:
            raise ReconcileError("metadata.name: a manifest that is applied has one")
        namespace = metadata.namespace or "default" if resource.namespaced else ""
        key = resource.key, joined(namespace, metadata.name)
        self._mind_haste(key)
        answer = self._insisted(lambda: client.applied(self.machine, wanted, submit=self._at_once))
        if answer is None:
            return None
        # What is on its way out goes all the same.
        home = self.machine.closed().store.get("namespaces", namespace) if namespace else None
        leaves = [each for each in (answer.body, home) if each is not None]
        if answer.ok and all(each.metadata.deletion_timestamp is None for each in leaves):
            self._wishes.applied(key, manifest)
        if key[0] == _PRIORITIES:
            self._make_room()  # who is less than another may have to
        return self._told(f"apply {key[0]} {key[1]}", answer)

    def scale(self, word: str, name: str, replicas: int, namespace: str = "default") -> Response | None:
        """Scale a workload, as kubectl does; None if no API server can be reached: then nothing happens."""
        request = client.scale(word, name, replicas, namespace=namespace)
        answer = self._asked(request)
        if answer is None:
            return None
        if answer.ok:
            self._wishes.scaled(request, replicas)
        return self._told(f"scale {request.resource} {joined(request.namespace, name)} {replicas}", answer)

    def delete(self, word: str, name: str, namespace: str = "default", cascade: str = "") -> Response | None:
        """Delete an object, as kubectl does; None if no API server can be reached: then nothing happens."""
        options = meta_v1.DeleteOptions(propagation_policy=cascade.capitalize()) if cascade else None
        request = client.delete(word, name, namespace=namespace, options=options)
        self._mind_haste(key_of(request))
        answer = self._asked(request)
        if answer is None:
            return None
        if answer.ok:
            self._wishes.deleted(key_of(request))
            if request.resource in {"namespaces", "pods"}:
                self._lookout.mind_loss()  # a controller may have counted on it
        return self._told(f"delete {request.resource} {joined(request.namespace, name)}", answer)

    def adopt(self, move: Adopt) -> Response | None:
        """Give an object one more owner; None if there is nobody to ask, or one of the two is not there."""
        objects = self.machine.closed().objects
        found = [each for each in objects(move.kind, namespace=move.namespace) if each.metadata.name == move.name]
        owners = [
            each for each in objects(move.owner_kind, namespace=move.namespace) if each.metadata.name == move.owner
        ]
        if not found or not owners:
            return None
        owner, kept = owners[0], convert.dump(found[0])["metadata"].get("ownerReferences", [])
        reference = {"apiVersion": owner.api_version, "kind": owner.kind, "name": move.owner, "uid": owner.metadata.uid}
        if any(each["uid"] == owner.metadata.uid for each in kept):
            return None
        body = {"metadata": {"ownerReferences": [*kept, {**reference, "blockOwnerDeletion": True}]}}
        request = client.patch(move.kind, move.name, body, namespace=move.namespace)
        answer = self._asked(request)
        return None if answer is None else self._told(f"adopt {move.kind} {move.name} by {move.owner}", answer)

    def converse(self, errand: Errand) -> Said | None:
        """
        Do what a command of kubectl does; None if no API server can be reached: then nothing happens.

        Raises:
            ReconcileError: what it is to change cannot be changed so; nothing more has happened then.
        """
        if not reachable(self.machine.closed(), ""):
            return None
        try:
            said = holding(talk_of(errand, self.machine.now), self._heeded)
        finally:
            self._lookout.judge(self.machine.closed())
        result = said.problem or (said.response.body.message if not said.response.ok else "done")
        self.happened.append(f"{errand}: {result}")
        return said

    def _heeded(self, request: Request) -> Response:
        """Ask, and remember what the answer means for what is declared, and for what pods may go."""
        answer = self._asked(request)
        if answer is None:
            raise ReconcileError("no API server can be reached")
        if not answer.ok or request.verb in {"get", "list"}:
            return answer
        if request.verb == "patch":
            self._wishes.patched(request, answer)
            if request.resource == "nodes" and "taints" in request.body.get("spec", ()):
                self._make_room()
        else:  # a pod is evicted or deleted
            self._wishes.deleted(key_of(request))
            self._lookout.mind_loss()
        return answer

    def order(self, what: ClusterEvent | Replace | Join) -> None:
        """
        Let an event happen, or replace a member of etcd, or let a machine join.

        Raises:
            ReconcileError: the event cannot happen; nothing has happened then. Or the machine cannot join.
        """
        if isinstance(what, Replace):
            self._operator.replace(what.host)
        elif isinstance(what, Join):
            self._joiner.join(what.host, control_plane=what.control_plane)
            self._joined += (what,)
        else:
            self.happen(what)

    def happen(self, event: ClusterEvent) -> None:
        """
        Let an event happen.

        Raises:
            ReconcileError: it cannot; nothing has happened then.
        """
        machine = self.machine
        said = describe(event, machine.closed())
        apply_event(machine, event)
        self.happened.append(said)
        if isinstance(event, Fault):
            self._lookout.mind_fault()
            self._displacing = self._displacing or isinstance(event, _LASTING)
        self._lookout.judge(machine.closed())

    def _make_room(self) -> None:
        """Mind that pods may have to go, also such as nobody replaces."""
        self._displacing = True
        self._lookout.mind_loss()

    def _mind_haste(self, key: tuple[str, str]) -> None:
        """Mind that somebody is about to take the finalizers off that an object goes by, if it is on its way out."""
        found = self.machine.store.get(*key)
        if found is not None and found.metadata.deletion_timestamp is not None:
            self._lookout.mind_haste()

    def repair(self) -> None:
        """Make the cluster whole again: hosts, links, clocks, disks, members, processes and what is held back."""
        for event in repairs(self.machine):
            self.happen(event)
        if self.machine.plural:
            self._operator.readmit()

    def rest(self) -> tuple[str, ...]:
        """Let the cluster come to rest; say what is wrong with that."""
        machine = self.machine
        end, quiet = machine.now + LIMIT, QUIET if self._lookout.struck else 0
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
                after = machine.closed()
                return (*leftovers(after), *failures(after))
            machine.advance(timer.at)
        return tuple([f"it does not come to rest: {moving}" for moving in still_moving(machine.closed())])

    def verdict(self) -> tuple[str, ...]:
        """
        Repair everything and let the cluster come to rest: it must be clean, and what an undisturbed run of what is
        declared now becomes.

        Gives:
            What is wrong, a sentence each.
        """
        self.repair()
        if self.refused:
            return tuple(self.refused)
        problems = self.rest()
        if problems:
            return problems
        calm = undisturbed(self._began, tuple(self.declared.values()), self._wishes.marked, self._joined)
        lost = self._lookout.lost or self._displacing
        return compared(self.machine.closed(), calm, self.past, lost=lost, adopting=self._wishes.adopting)

    def _wander(self, move: Wander) -> None:
        machine, policy = self.machine, Shuffled.of(move.seed)
        for _ in range(move.steps):
            cluster = machine.closed()
            self._lookout.judge(cluster)
            offered = choices(cluster)
            if not offered:
                return
            choice, policy = policy.choose(cluster, offered)
            apply_event(machine, choice)
        self._lookout.judge(machine.closed())

    def _wait(self, time: Duration) -> None:
        self._until(self.machine.now + time)

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

    def _next(self) -> bool:
        """Let the next thing of this instant happen, first-in first-out, and look; false if nothing is left to do."""
        machine = self.machine
        if machine.steps >= self._circles.next_look(machine) and self._circles.look(machine):
            raise Broken((f"it does not come to rest: {self._circles.found}",))
        if not next_step(machine):
            return False
        self._lookout.look()
        return True

    def _strike(self, move: Strike) -> None:
        cluster = self.machine.closed()
        if move.what == "delete":
            pods = cluster.objects("pods", namespace="default")
            if pods and reachable(cluster, ""):
                pod = pods[move.number % len(pods)]
                self._wishes.deleted(("pods", joined("default", pod.metadata.name)))
                self._lookout.mind_loss()
                self.delete("pods", pod.metadata.name)
            return
        found = self._awaited(lambda cluster: candidates(cluster, move.what))
        for event in found[move.number % len(found)] if found else ():
            with suppress(ReconcileError):
                self.happen(event)

    def _awaited(self, hits: Callable[[Cluster], list[T]]) -> list[T]:
        """Give what can be hit now, or as soon as there is anything, within a minute."""
        found = hits(self.machine.closed())
        end = self.machine.now + MINUTE
        while not found and self._goes_on(end):
            found = hits(self.machine.closed())
        return found

    def _lag(self, move: Lag) -> None:
        found = self._awaited(behind)
        if not found:
            return
        held = found[move.number % len(found)]
        self.happen(held)
        self._until(self.machine.now + move.time)
        with suppress(ReconcileError):  # its process may have ended, and begun anew with a watch that lags no more
            self.happen(ReleaseWatch(held.process, held.watch))

    # Users
    # ---------------------------------------------------------------------------------------------------

    def _asked(self, request: Request) -> Response | None:
        if not reachable(self.machine.closed(), ""):
            return None
        return self._insisted(lambda: client.asked(self.machine, request, submit=self._at_once))

    def _insisted(self, ask: Callable[[], Response]) -> Response | None:
        """
        Ask, and where connections break or etcd may have no leader, again and again while nobody answers, as users do;
        None if nobody does for minutes.
        """
        answer = ask()
        if not (self.machine.plural or self.machine.fronted):
            return answer
        for _ in range(_TRIES):
            if answer.code not in _UNANSWERED:
                return answer
            self._until(self.machine.now + _TRY_AGAIN)
            answer = ask()
        return None

    def _at_once(self, event: ClusterEvent) -> None:
        """Let a client's request overtake everything that is under way, and its answer as well, if one step answers."""
        machine = self.machine
        apply_event(machine, event)
        if machine.apart:
            return
        apply_event(machine, Execute(machine.serial - 1))
        apply_event(machine, Return(machine.serial - 1))

    def _told(self, what: str, answer: Response) -> Response:
        """Note a user's request; one that no user of a sound cluster would be refused is a problem."""
        said = "" if answer.ok else f" {answer.body.message or ''}".rstrip()
        self.happened.append(f"{what}: {answer.code}{said}")
        if not answer.ok and not any(words in said for words in _REFUSALS):
            self.refused.append(f"{what} was refused: {answer.code}{said}")
        self._lookout.judge(self.machine.closed())
        return answer


def undisturbed(
    cluster: Cluster,
    manifests: tuple[dict[str, Any], ...],
    patches: tuple[Request, ...] = (),
    joined: tuple[Join, ...] = (),
) -> Cluster:
    """
    Declare *manifests* in a booted cluster that rests, and let it come to rest again, first-in first-out.

    *joined*, machines that come into it, are first; then *patches*, of what was there, such as a cordoned Node.
    """
    game = Game(cluster, (), promises=())
    for each in joined:
        game.move(each)
    for patch in patches:
        client.asked(game.machine, patch)
    for manifest in manifests:
        game.move(Declare(manifest))
    problems = tuple(game.refused) or game.rest()
    if problems:
        raise Broken(tuple([f"undisturbed: {problem}" for problem in problems]))
    return game.machine.closed()
