"""
A game: a machine that moves are made in, judged after every step, and in the end by what became of it.

Both a fuzzer's schedule and a scenario's commands are played in one, so that they do step for step the same.

Takes:    a booted cluster, and moves.
Gives:    what the moves were in this cluster; `Broken` when something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import is_
from typing import Any, Final, TypeVar

from reconcile.api.kinds import resource_of
from reconcile.cluster.cluster import Cluster, Process
from reconcile.cluster.components import FROZEN
from reconcile.driver import client
from reconcile.driver.choices import choices, reachable
from reconcile.driver.circles import Circles
from reconcile.driver.describe import describe
from reconcile.driver.errands import Errand, talk_of
from reconcile.driver.failures import failures
from reconcile.driver.kubectl import Said, holding
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.policies import Shuffled
from reconcile.driver.run import still_moving
from reconcile.driver.step import apply_event
from reconcile.events import (
    ClusterEvent,
    Execute,
    Fault,
    MendLink,
    Reconnect,
    ReleaseWatch,
    Return,
    StartHost,
    StartProcess,
    Thaw,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration
from reconcile.model.patches import merge
from reconcile.model.requests import Request, Response, joined
from reconcile.properties import PAST, Passage, Past, Property, Rollouts, broken_by, leftovers, uids_after, uids_of
from reconcile.testing.judging import compared
from reconcile.testing.moves import Declare, Lag, Move, Resize, Strike, Wait, Wander, Withdraw
from reconcile.testing.strikes import UNWATCHED, behind, candidates

QUIET: Final = 75 * SECOND
"""How long a repaired cluster must keep still: the time in which a lost host or leader is noticed, and some more."""

LIMIT: Final = 40 * MINUTE
"""How much virtual time it gets to come to rest: a progress deadline of ten minutes, and back-offs of five."""

T = TypeVar("T")

_STANDING: Final = ("nodes", "namespaces")  # what is there though nobody declared it

_GRACE: Final = 40 * SECOND  # from then on a host that is silent may lose its pods

# What users may be told: what is on its way out can be neither changed nor made anew; and a strategy that was
# defaulted has to be taken back explicitly.
_REFUSALS: Final = ("object is being deleted", "not found", "already exists", "may not be specified when strategy")


class Broken(Exception):  # noqa: N818 -- it is no error, it ends a play
    """Something is wrong: *problems* says what, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Game:
    """
    A machine that moves are made in; local to one play.

    Args:
        cluster: where to begin; it stays as it is.
        properties: what must hold after every step.
        past: what is not compared in the end.
    """

    def __init__(self, cluster: Cluster, properties: tuple[Property, ...], past: tuple[Past, ...] = PAST) -> None:
        self.machine = Machine(cluster)
        self.machine.observed = []
        self.properties = properties
        self.past = past
        self.declared: dict[tuple[str, str], dict[str, Any]] = {}  # by resource, and namespace and name
        self.happened: list[str] = []
        self.refused: list[str] = []  # what no user of a sound cluster would be
        self._began = cluster
        self._outage: Duration = 0
        self._adopting = False
        self._runtimes = tuple([f"runtime/{host}" for host in cluster.hosts])
        self._elected = tuple(cluster.elections)
        self._silent_since: int | None = None
        self._struck = False
        self._marked: tuple[Request, ...] = ()
        self._circles = Circles()
        self._rollouts: Rollouts | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take the cluster as it is: what came until now was not looked at step by step, or is known to be wrong."""
        self._seen = self.machine.closed()
        self._uids = uids_of(self._seen)
        self.machine.observed = []
        self._ran, self._led = self._running(), self._leading()
        self._rollouts = None if self._struck else Rollouts.of(self._seen)

    # Moves
    # ---------------------------------------------------------------------------------------------------

    def move(self, move: Move) -> None:
        """Make one move, or nothing if it cannot be made."""
        match move:
            case Wander():
                self._wander(move)
            case Wait():
                self._until(self.machine.now + move.time)
            case Declare():
                self.declare(move.manifest)
            case Resize():
                self.scale(move.kind, move.name, move.replicas)
            case Withdraw():
                self.delete(move.kind, move.name)
            case Strike():
                self._strike(move)
            case Lag():
                self._lag(move)
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
        answer = client.applied(self.machine, wanted, submit=self._at_once)
        namespace = metadata.namespace or "default" if resource.namespaced else ""
        key = resource.key, joined(namespace, metadata.name)
        # What is on its way out goes all the same.
        if not answer.ok or answer.body.metadata.deletion_timestamp is None:
            self._keep(key, manifest, answer)
        return self._told(f"apply {key[0]} {key[1]}", answer)

    def scale(self, word: str, name: str, replicas: int, namespace: str = "default") -> Response | None:
        """Scale a workload, as kubectl does; None if no API server can be reached: then nothing happens."""
        request = client.scale(word, name, replicas, namespace=namespace)
        answer = self._asked(request)
        if answer is None:
            return None
        manifest = self.declared.get(_key(request))
        if manifest is not None:
            resized = {**manifest, "spec": {**manifest.get("spec", {}), "replicas": replicas}}
            self._keep(_key(request), resized, answer)
        return self._told(f"scale {request.resource} {joined(request.namespace, name)} {replicas}", answer)

    def delete(self, word: str, name: str, namespace: str = "default") -> Response | None:
        """Delete an object, as kubectl does; None if no API server can be reached: then nothing happens."""
        request = client.delete(word, name, namespace=namespace)
        answer = self._asked(request)
        if answer is None:
            return None
        if answer.ok:
            self.declared.pop(_key(request), None)
            if request.resource == "pods":
                self._rollouts = None  # a controller may have counted on it
        return self._told(f"delete {request.resource} {joined(request.namespace, name)}", answer)

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
            self._judge(self.machine.closed())
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
        key = _key(request)
        if request.verb == "patch":
            if key in self.declared:
                self.declared[key] = merge(self.declared[key], request.body)
            elif key[0] in _STANDING:
                self._marked = (*self._marked, request)
        else:  # a pod is evicted or deleted
            self.declared.pop(key, None)
            self._struck, self._rollouts = True, None
        return answer

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
            self._struck, self._rollouts = True, None
        self._judge(machine.closed())

    def repair(self) -> None:
        """Start and connect what is not; let catch up what is held back; thaw what is frozen."""
        for running in self.machine.closed().processes.values():
            if running.kind == FROZEN:
                self.happen(Thaw(running.name))
        for (process, watch), cursor in self.machine.closed().cursors.items():
            if cursor.held:
                self.happen(ReleaseWatch(process, watch))
        struck = self.machine.closed()
        for one, other in (*struck.cuts, *struck.links.ways):
            self.happen(MendLink(one, other))
        for name, status in self.machine.closed().hosts.items():
            if not status.connected:
                self.happen(Reconnect(name))
            if not status.up:
                self.happen(StartHost(name))
            elif self.machine.processes.get(f"kubelet/{name}") is None:
                self.happen(StartProcess(f"kubelet/{name}"))

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
        calm = undisturbed(self._began, tuple(self.declared.values()), self._marked)
        lost = self._outage >= _GRACE
        return compared(self.machine.closed(), calm, self.past, lost=lost, adopting=self._adopting)

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

    def _next(self) -> bool:
        """Let the next thing of this instant happen, first-in first-out, and look; false if nothing is left to do."""
        machine = self.machine
        if machine.steps >= self._circles.next_look(machine) and self._circles.look(machine):
            raise Broken((f"it does not come to rest: {self._circles.found}",))
        if not next_step(machine):
            return False
        self._look()
        return True

    def _strike(self, move: Strike) -> None:
        cluster = self.machine.closed()
        if move.what == "delete":
            pods = cluster.objects("pods", namespace="default")
            if pods and reachable(cluster, ""):
                pod = pods[move.number % len(pods)]
                self.declared.pop(("pods", joined("default", pod.metadata.name)), None)
                self._struck, self._rollouts = True, None
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
        return client.asked(self.machine, request, submit=self._at_once)

    def _at_once(self, event: ClusterEvent) -> None:
        """Let a client's request overtake everything that is under way, and its answer as well, if one step answers."""
        machine = self.machine
        apply_event(machine, event)
        if machine.plural:
            return
        apply_event(machine, Execute(machine.serial - 1))
        apply_event(machine, Return(machine.serial - 1))

    def _keep(self, key: tuple[str, str], manifest: dict[str, Any], answer: Response) -> None:
        """Remember what is declared if it was accepted."""
        if answer.ok:
            self.declared[key] = manifest
            self._adopting = self._adopting or _is_claimed(manifest, self.declared.values())

    def _told(self, what: str, answer: Response) -> Response:
        """Note a user's request; one that no user of a sound cluster would be refused is a problem."""
        said = "" if answer.ok else f" {answer.body.message or ''}".rstrip()
        self.happened.append(f"{what}: {answer.code}{said}")
        if not answer.ok and not any(words in said for words in _REFUSALS):
            self.refused.append(f"{what} was refused: {answer.code}{said}")
        self._judge(self.machine.closed())
        return answer

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
        passage = Passage(self._seen, cluster, changes, self._uids)
        self._uids = uids_after(self._uids, changes)
        self.machine.observed = []
        self._seen = cluster
        said = broken_by(passage, self.properties)
        if self._rollouts is not None and self.properties and changes:
            self._rollouts, more = self._rollouts.seen(passage)
            said += more
        if said:
            raise Broken(said)

    def _count_silence(self, cluster: Cluster) -> None:
        """Keep how long any host was silent at a stretch."""
        silent = bool(cluster.cuts or cluster.links.ways) or any(
            not status.up or not status.connected or f"kubelet/{name}" not in cluster.processes
            for name, status in cluster.hosts.items()
        )
        if silent and self._silent_since is None:
            self._silent_since = cluster.now
        elif not silent and self._silent_since is not None:
            self._silent_since = None
        if self._silent_since is not None:
            self._outage = max(self._outage, cluster.now - self._silent_since)


def undisturbed(cluster: Cluster, manifests: tuple[dict[str, Any], ...], patches: tuple[Request, ...] = ()) -> Cluster:
    """
    Declare *manifests* in a booted cluster that rests, and let it come to rest again, first-in first-out.

    *patches* are of what was there from the start, such as a Node that is cordoned; they come first.
    """
    game = Game(cluster, ())
    for patch in patches:
        client.asked(game.machine, patch)
    for manifest in manifests:
        game.move(Declare(manifest))
    problems = tuple(game.refused) or game.rest()
    if problems:
        raise Broken(tuple([f"undisturbed: {problem}" for problem in problems]))
    return game.machine.closed()


def _key(request: Request) -> tuple[str, str]:
    return request.resource, joined(request.namespace, request.name)


def _is_claimed(manifest: dict[str, Any], others: Iterable[dict[str, Any]]) -> bool:
    """Tell whether a pod's manifest has the labels that a workload selects, or the other way round."""
    labels = [one["metadata"].get("labels") or {} for one in (manifest, *others) if one["kind"] == "Pod"]
    specs = [one.get("spec") or {} for one in (manifest, *others)]
    selectors = [spec.get("selector") for spec in specs if "template" in spec]
    wanted = [(each or {}).get("matchLabels", each) or {} for each in selectors]
    return any(all(found.get(key) == value for key, value in each.items()) for found in labels for each in wanted)
