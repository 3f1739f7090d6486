"""
A naive API server and engine for the tests of the controllers that tidy up, with a store and timers of the real kind.

Calls are carried out at once and in order; watches are delivered as soon as nothing else moves, or when a test says so.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import convert, meta_v1
from reconcile.api.kinds import resource
from reconcile.api.scalars import Time, thaw
from reconcile.components.controllers import runtime
from reconcile.effects import Call, CancelTimer, OpenWatch, Record, SetTimer, Wake
from reconcile.events import Answered, Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.lib.timers import Timers
from reconcile.model import statuses
from reconcile.model.clouds import INSTANCES, Instance
from reconcile.model.patches import merge, strategic
from reconcile.model.requests import List, Request, Response, joined, key_of
from reconcile.store import Change, Delete, Put, Store, Txn, commit

START = 1_767_225_600 * SECOND  # 2026-01-01


class Lab:
    """One process of controllers and the cluster around it; not a value: tests drive it and look at it."""

    def __init__(self, *run: Any) -> None:
        self.store = Store()
        self.now = START
        self.dice = Dice(1, "lab")
        self.state = runtime.begin(run, Dice(1, "controllers"))
        self.cursors = dict.fromkeys([watch.resource for watch in runtime.watches(self.state)], -1)
        self.calls: list[Call] = []
        self.answers: list[tuple[Any, Response]] = []
        self.wakes: list[str] = []
        self.timers: Timers[Any] = Timers()
        self.records: list[Record] = []
        self.requests: list[Request] = []
        self.instances: dict[str, Any] = {}  # what the cloud knows of machines
        self.late: set[str] = set()  # resources whose watches are not delivered
        self.refusals: list[Response] = []  # of the next writes
        self.feed(Started(self.now))

    # The engine --------------------------------------------------------------------------------------------------

    def feed(self, event: Any) -> None:
        self.state, effects = runtime.step(self.state, event)
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
                case OpenWatch():
                    self.cursors.setdefault(effect.resource, -1)

    def deliver(self, name: str) -> bool:
        history, view = self.store.history(name), self.store.table(name)
        first = self.cursors[name]
        if first == history.end:
            return False
        self.cursors[name] = history.end
        if first < 0:
            changes = tuple([Change(self.store.revision, name, key, None, obj) for key, obj in view.items()])
        else:
            changes = history.between(first, history.end)
        self.feed(Watched(self.now, name, changes, view))
        return True

    def move(self) -> bool:
        if self.calls:
            call = self.calls.pop(0)
            self.answers.append((call.tag, self.ask(call.request)))
        elif self.answers:
            tag, response = self.answers.pop(0)
            self.feed(Answered(self.now, tag, response))
        elif self.wakes:
            self.feed(Turned(self.now, self.wakes.pop(0)))
        else:
            delivered = [self.deliver(name) for name in tuple(self.cursors) if name not in self.late]
            return any(delivered)
        return True

    def settle(self) -> None:
        """Do all that can be done without time."""
        for _ in range(20_000):
            if not self.move():
                return
        raise AssertionError("it does not settle")

    def run(self, until: int | None = None, *, periodic: bool = False) -> None:
        """Let time pass: to *until* after START, or until only periodic timers are left."""
        self.settle()
        for _ in range(20_000):
            timer = self.timers.first()
            end = until is not None and (timer is None or timer.at > START + until)
            if end or timer is None or (until is None and not self.timers.busy and not periodic):
                break
            _, self.timers = self.timers.pop()
            self.now = max(self.now, timer.at)
            self.feed(TimerFired(self.now, timer.key))
            self.settle()
        else:
            raise AssertionError("it does not settle")
        if until is not None:
            self.now = START + until

    # The API server ----------------------------------------------------------------------------------------------

    def get(self, name: str, key: str) -> Any:
        return self.store.get(name, key)

    def put(self, name: str, obj: Any) -> Any:
        metadata = obj.metadata
        if metadata.uid is None:
            uid, self.dice = self.dice.uuid()
            created = metadata.creation_timestamp or Time.at(self.now)
            obj = replace(obj, metadata=replace(metadata, uid=uid, creation_timestamp=created, generation=1))
        self.store = commit(self.store, Txn((), (Put(name, key_of(obj), obj),))).store
        return self.get(name, key_of(obj))

    def remove(self, name: str, key: str) -> None:
        self.store = commit(self.store, Txn((), (Delete(name, key),))).store

    def ask(self, request: Request) -> Response:
        self.requests.append(request)
        name = request.resource
        if name == INSTANCES:
            state = self.instances.get(request.name)
            return (
                Response(404, statuses.not_found(name, request.name))
                if state is None
                else Response(200, Instance(state))
            )
        if self.refusals and request.verb not in ("get", "list"):
            return self.refusals.pop(0)
        if request.verb == "list":
            items = self.store.table(name).under("namespace", request.namespace)
            return Response(200, List(resource=name, items=items, resource_version="0"))
        if request.verb == "deletecollection":
            for obj in self.store.table(name).under("namespace", request.namespace):
                self._delete(name, obj, meta_v1.DeleteOptions())
            return Response(200, meta_v1.Status(status="Success"))
        if request.verb == "create":
            return self._create(request)
        assert bool(request.namespace) is resource(name).namespaced, request
        found = self.get(name, joined(request.namespace, request.name))
        if found is None:
            return Response(404, statuses.not_found(name, request.name))
        if request.verb == "get":
            return Response(200, found)
        if request.verb == "patch":
            return self._patch(request, found)
        return self._update(request, found) if request.verb == "update" else self._delete(name, found, request.body)

    def _create(self, request: Request) -> Response:
        obj = request.body
        if not obj.metadata.name:
            suffix, self.dice = self.dice.suffix()
            obj = replace(obj, metadata=replace(obj.metadata, name=f"{obj.metadata.generate_name}{suffix}"))
        if self.get(request.resource, key_of(obj)) is not None:
            return Response(409, statuses.already_exists(request.resource, obj.metadata.name))
        return Response(201, self.put(request.resource, obj))

    def _update(self, request: Request, found: Any) -> Response:
        new = request.body
        if new.metadata.resource_version is None:  # whatever it was
            kept = {field: getattr(found.metadata, field) for field in ("resource_version", "uid", "generation")}
            new = replace(new, metadata=replace(new.metadata, **kept))
        return self._written(request, found, new)

    def _written(self, request: Request, found: Any, new: Any) -> Response:
        name = request.resource
        if new.metadata.resource_version != found.metadata.resource_version:
            return Response(409, statuses.conflict(name, request.name))
        if request.subresource == "status":
            kept = replace(found.metadata, finalizers=new.metadata.finalizers)
            new = replace(found, status=new.status, metadata=kept)
        elif hasattr(found, "status"):
            new = replace(new, status=found.status)
        changed = request.subresource != "status" and replace(new, metadata=found.metadata) != found
        new = replace(new, metadata=replace(new.metadata, generation=(found.metadata.generation or 0) + changed))
        waits = new.metadata.finalizers or (request.subresource == "finalize" and new.spec.finalizers)
        let_go = new.metadata.finalizers != found.metadata.finalizers or request.subresource == "finalize"
        if new.metadata.deletion_timestamp is not None and not waits and let_go:
            self.remove(name, key_of(found))
            return Response(200, new)
        return Response(200, self.put(name, new))

    def _patch(self, request: Request, found: Any) -> Response:
        plain, body = convert.dump(found), thaw(request.body)
        uid = body.get("metadata", {}).pop("uid", found.metadata.uid)
        if uid != found.metadata.uid:
            return Response(409, statuses.conflict(request.resource, request.name))
        strategically = request.patch_type == "strategic"
        made = strategic.merged(plain, body, type(found)) if strategically else merge(plain, body)
        return self._written(request, found, convert.load(made, cls=type(found)).object)

    def _delete(self, name: str, found: Any, options: Any) -> Response:
        options = options or meta_v1.DeleteOptions()
        wanted = options.preconditions or meta_v1.Preconditions()
        metadata = found.metadata
        if (wanted.uid or metadata.uid) != metadata.uid:
            return Response(409, statuses.conflict(name, metadata.name))
        if (wanted.resource_version or metadata.resource_version) != metadata.resource_version:
            return Response(409, statuses.conflict(name, metadata.name))
        finalizers = metadata.finalizers or ()
        added = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(options.propagation_policy or "")
        if added and added not in finalizers:
            finalizers = (*finalizers, added)
        graceful = name == "pods" and found.spec.node_name and options.grace_period_seconds != 0
        if finalizers or graceful or (name == "namespaces"):
            gone = metadata.deletion_timestamp or Time.at(self.now)
            self.put(
                name, replace(found, metadata=replace(metadata, deletion_timestamp=gone, finalizers=finalizers or None))
            )
            return Response(200, self.get(name, key_of(found)))
        self.remove(name, key_of(found))
        return Response(200, meta_v1.Status(status="Success"))

    # What tests look at ------------------------------------------------------------------------------------------

    def keys(self, name: str) -> tuple[str, ...]:
        return self.store.table(name).keys()

    def writes(self) -> list[str]:
        made = [request for request in self.requests if request.verb not in ("get", "list")]
        return [
            " ".join([word for word in (one.verb, one.resource, one.subresource, one.name) if word]) for one in made
        ]

    def said(self) -> list[tuple[str, str]]:
        return [(record.reason, record.message) for record in self.records]
