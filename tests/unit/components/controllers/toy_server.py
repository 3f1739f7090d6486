"""
A naive API server and engine for controllers' tests: it answers each call at once, or as a schedule says, from a store.

It knows what controllers of workloads need: create with generateName, get, update, status update, merge patch, delete.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import meta_v1
from reconcile.api.scalars import Time
from reconcile.components import controllers
from reconcile.effects import Call, CancelTimer, Record, SetTimer, Wake
from reconcile.events import Answered, Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.lib.timers import Timers
from reconcile.model import statuses
from reconcile.model.requests import Request, Response, key_of
from reconcile.store import Change, Delete, Put, Store, Txn, commit

START = 1_767_225_600 * SECOND  # 2026-01-01


class ToyCluster:
    """Not a value: tests drive it and look at it."""

    def __init__(self, run: tuple[Any, ...]) -> None:
        self.store = Store()
        self.now = START
        self.dice = Dice(1, "toy")
        self.state = controllers.begin(run, Dice(1, "controllers"))
        self.cursors = {watch.resource: 0 for watch in controllers.watches(self.state)}
        self.synced: set[str] = set()
        self.calls: list[Call] = []
        self.answers: list[tuple[Any, Response]] = []
        self.wakes: list[str] = []
        self.timers: Timers[Any] = Timers()
        self.records: list[Record] = []
        self.requests: list[Request] = []
        self.refuse: Any = lambda _request: None
        self.feed(Started(self.now))

    # Events and effects ------------------------------------------------------------------------------------------

    def feed(self, event: Any) -> None:
        self.state, effects = controllers.step(self.state, event)
        for effect in effects:
            match effect:
                case Call():
                    self.calls.append(effect)
                case Wake():
                    self.wakes.append(effect.queue)
                case SetTimer():
                    self.timers = self.timers.set(effect.key, effect.at, periodic=effect.periodic)
                case CancelTimer():
                    self.timers = self.timers.cancel(effect.key)
                case Record():
                    self.records.append(effect)

    def deliver(self, resource: str, count: int | None = None) -> bool:
        history = self.store.history(resource)
        if resource not in self.synced:
            self.synced.add(resource)
            view = self.store.table(resource)
            changes = [as_created(self.store, resource, key, obj) for key, obj in view.items()]
            self.cursors[resource] = history.end
            self.feed(Watched(self.now, resource, tuple(changes), view))
            return True
        first = self.cursors[resource]
        last = history.end if count is None else min(first + count, history.end)
        if first == last:
            return False
        changes = history.between(first, last)
        self.cursors[resource] = last
        self.feed(Watched(self.now, resource, changes, self.store.table(resource)))
        return True

    def carry_out(self) -> None:
        call = self.calls.pop(0)
        response = self.refuse(call.request) or self.ask(call.request)
        if call.tag is not None:
            self.answers.append((call.tag, response))

    def answer(self) -> None:
        tag, response = self.answers.pop(0)
        self.feed(Answered(self.now, tag, response))

    def turn(self) -> None:
        self.feed(Turned(self.now, self.wakes.pop(0)))

    def fire(self) -> bool:
        timer = self.timers.first()
        if timer is None or timer.periodic:
            return False
        _, self.timers = self.timers.pop()
        self.now = max(self.now, timer.at)
        self.feed(TimerFired(self.now, timer.key))
        return True

    def moves(self) -> list[Any]:
        """Give what can happen next, but for time."""
        found: list[Any] = [
            lambda resource=resource: self.deliver(resource, 1)
            for resource in self.cursors
            if resource not in self.synced or self.store.history(resource).end > self.cursors[resource]
        ]
        if self.calls:
            found.append(self.carry_out)
        if self.answers:
            found.append(self.answer)
        if self.wakes:
            found.append(self.turn)
        return found

    def settle(self, *, timers: bool = False, most: int = 20_000) -> None:
        for _ in range(most):
            moves = self.moves()
            if moves:
                moves[0]()
            elif not (timers and self.fire()):
                return
        raise AssertionError("it does not settle")

    # The API server ----------------------------------------------------------------------------------------------

    def ask(self, request: Request) -> Response:
        self.requests.append(request)
        if request.verb == "create":
            return self._created(request)
        key = f"{request.namespace}/{request.name}"
        found = self.store.get(request.resource, key)
        if found is None:
            return Response(404, statuses.not_found(request.resource, request.name))
        match request.verb:
            case "get":
                return Response(200, found)
            case "delete":
                self.remove(request.resource, key)
                return Response(200, meta_v1.Status(status="Success"))
            case "update":
                return self._updated(request, found)
            case "patch":
                return self._patched(request, found)
            case _:
                raise AssertionError(request)

    def put(self, resource: str, obj: Any) -> Any:
        key = key_of(obj)
        done = commit(self.store, Txn((), (Put(resource, key, obj),)))
        self.store = done.store
        return self.store.get(resource, key)

    def remove(self, resource: str, key: str) -> None:
        self.store = commit(self.store, Txn((), (Delete(resource, key),))).store

    def _created(self, request: Request) -> Response:
        metadata = request.body.metadata
        name = metadata.name
        if not name:
            suffix, self.dice = self.dice.suffix()
            name = f"{metadata.generate_name}{suffix}"
        if self.store.get(request.resource, f"{request.namespace}/{name}") is not None:
            return Response(409, statuses.already_exists(request.resource, name))
        uid, self.dice = self.dice.uuid()
        made = replace(
            metadata,
            name=name,
            namespace=request.namespace,
            uid=uid,
            generation=1,
            creation_timestamp=Time.at(self.now),
        )
        return Response(201, self.put(request.resource, replace(request.body, metadata=made)))

    def _updated(self, request: Request, found: Any) -> Response:
        body = request.body
        version = body.metadata.resource_version
        if version and version != found.metadata.resource_version:
            return Response(409, statuses.conflict(request.resource, request.name))
        if request.subresource == "status":
            noted = replace(found.metadata, annotations=body.metadata.annotations)
            return Response(200, self.put(request.resource, replace(found, metadata=noted, status=body.status)))
        generation = found.metadata.generation + (body.spec != found.spec)
        made = replace(body.metadata, generation=generation, uid=found.metadata.uid)
        return Response(200, self.put(request.resource, replace(body, metadata=made, status=found.status)))

    def _patched(self, request: Request, found: Any) -> Response:
        patch = dict(request.body["metadata"])
        if patch.pop("uid") != found.metadata.uid:
            return Response(422, statuses.invalid("", "Pod", request.name, (meta_v1.StatusCause(message="uid"),)))
        if patch.pop("resourceVersion") != found.metadata.resource_version:
            return Response(409, statuses.conflict(request.resource, request.name))
        references = tuple(
            [
                meta_v1.OwnerReference(
                    api_version=one["apiVersion"],
                    kind=one["kind"],
                    name=one["name"],
                    uid=one["uid"],
                    controller=one.get("controller"),
                    block_owner_deletion=one.get("blockOwnerDeletion"),
                )
                for one in patch.pop("ownerReferences") or ()
            ]
        )
        assert not patch
        made = replace(found.metadata, owner_references=references or None)
        return Response(200, self.put(request.resource, replace(found, metadata=made)))


def as_created(store: Store, resource: str, key: str, obj: Any) -> Any:
    return Change(store.revision, resource, key, None, obj)
