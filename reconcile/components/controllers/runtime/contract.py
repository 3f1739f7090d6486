"""
What a controller is: a value that says what it watches, which keys a change concerns, and how one key is reconciled.

A controller of a user's own is written in exactly this form and is a citizen like Kubernetes' own.

Takes:    Ask.
Gives:    Outcome.
Source:   k8s.io/client-go: informers, work queue; the shape is that of controller-runtime's Reconciler.
Left out: nothing known.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api.kinds import resource as known
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.effects import Record
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MILLISECOND, SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response, User
from reconcile.store import Change
from reconcile.store.indexes import indexes_of

Key: TypeAlias = Any
"""What is reconciled: usually an object's key in its table. Hashable, and comparable with the controller's others."""


class _Memory(enum.Enum):
    KEPT = "kept"


# kube-controller-manager --min-resync-period; an informer takes one to two times as long.
RESYNC: Final[Duration] = 12 * HOUR

# client-go DefaultTypedControllerRateLimiter: the n-th failure in a row of a key costs it 5 ms * 2^(n - 1).
FIRST_BACK_OFF: Final[Duration] = 5 * MILLISECOND
LONGEST_BACK_OFF: Final[Duration] = 1000 * SECOND

KEPT: Final = _Memory.KEPT
"""An `Outcome` with this memory leaves the controller's memory as it is."""


@quick
@attrs.frozen(weakref_slot=False)
class Views:
    """
    A process's informer caches: for each resource the table as of what the process has been told.

    Args:
        places: where a resource's table stands; the same object for all views of a process.
        tables: by place; None for what is not synced.
        revisions: by place; the store's revision as of which the table is; 0 for what is not synced.
    """

    _places: Map[int] = Map()
    _tables: tuple[Table[str, Any] | None, ...] = ()
    _revisions: tuple[int, ...] = ()

    @classmethod
    def of(cls, resources: tuple[str, ...]) -> Views:
        """Give views of these resources, none of which is synced."""
        places = Map({resource: place for place, resource in enumerate(resources)})
        return cls(places, (None,) * len(resources), (0,) * len(resources))

    def get(self, resource: str, key: str) -> Any:
        """
        Give the cached object at *key*, or None.

        Raises:
            ReconcileError: no controller of the process watches *resource*.
        """
        try:
            table = self._tables[self._places[resource]]
        except KeyError:
            raise _unwatched(resource) from None
        return None if table is None else table.get(key)

    def table(self, resource: str) -> Table[str, Any]:
        """
        Give the cache of *resource*, to be asked by key or index and never scanned; empty before it is synced.

        Raises:
            ReconcileError: no controller of the process watches *resource*.
        """
        try:
            table = self._tables[self._places[resource]]
        except KeyError:
            raise _unwatched(resource) from None
        return Table(indexes_of(resource)) if table is None else table

    def filled(self, resources: tuple[str, ...]) -> list[tuple[str, Table[str, Any]]]:
        """
        Give (resource, cache) for those of *resources* of which the cache has any object, in their order.

        Raises:
            ReconcileError: no controller of the process watches one of them.
        """
        places, tables = self._places, self._tables
        try:
            found = [(resource, tables[places[resource]]) for resource in resources]
        except KeyError as error:
            raise _unwatched(error.args[0]) from None
        return [(resource, table) for resource, table in found if table]

    def has(self, resource: str) -> bool:
        """Tell whether the cache of *resource* is synced."""
        place = self._places.get(resource)
        return place is not None and self._tables[place] is not None

    def revision(self, resource: str) -> int:
        """Give the store's revision as of which the cache of *resource* is; 0 if it is not synced, or was empty."""
        place = self._places.get(resource)
        return 0 if place is None else self._revisions[place]

    def having(self, resource: str, table: Table[str, Any], revision: int = 0) -> Views:
        """Give views in which *resource* has *table*, as of *revision*."""
        place = self._places.get(resource)
        if place is None:
            places = self._places.set(resource, len(self._tables))
            return Views(places, (*self._tables, table), (*self._revisions, revision))
        tables, revisions = list(self._tables), list(self._revisions)
        tables[place], revisions[place] = table, revision
        return Views(self._places, tuple(tables), tuple(revisions))


def _unwatched(resource: str) -> ReconcileError:
    known(resource)  # says better what is wrong with what is no resource at all
    return ReconcileError(f"no controller has {resource!r} among its sources: nothing is known of it")


Keys: TypeAlias = Callable[[Change, Views], tuple[Key, ...]]
Observe: TypeAlias = Callable[[Any, Change, Views, Instant], Any]


@quick
@attrs.frozen(weakref_slot=False)
class Source:
    """
    A resource that a controller watches.

    Args:
        resource: its key: `pods`, `replicasets.apps`.
        keys: which of the controller's keys a change of it concerns; () for none. The views are as of the delivery
            that brought the change, or later.
        observed: the controller's `observe`, if it has one, takes its changes in.
    """

    resource: str
    keys: Keys
    observed: bool = True


@quick
@attrs.frozen(weakref_slot=False)
class Later:
    """
    A source that is not watched before there is an object for which its controller needs it.

    Args:
        resource: what such an object is, by its key: a source of the controller, and one of those in `customs.OPENING`.
        needs: whether an object is such a one.
        source: what is watched then, for as long as the process runs; it is not observed, and no other controller's.
    """

    resource: str
    needs: Callable[[Any], bool]
    source: Source


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Ask:
    """
    The call to bring one key's actual state nearer to what is declared.

    Args:
        key: which one.
        views: the informer caches; they may lag.
        memory: what the controller remembers, over all its keys.
        now: the instant.
        answers: () at first; after an `Outcome` with *again*, its calls with their answers, in their order.
    """

    key: Key
    views: Views
    memory: Any = None
    now: Instant
    answers: tuple[tuple[Request, Response], ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Outcome:
    """
    What is to be done about one key.

    Args:
        calls: to be sent together; the key is not reconciled otherwise before all are answered.
        records: Kubernetes Events to record.
        memory: the controller's memory from now on; `KEPT` for what it was.
        again: reconcile once more when the calls are answered, with their answers. With no calls it is done at once.
        after: come back after this long, if all went well; None for not at all, whatever an earlier outcome said.
        after_is_periodic: that is a mere re-check, which nothing waits for.
        error: not empty: treat it as failed, for this reason, and come back with back-off.
        user: as whom the calls are, if not as the controller.
    """

    calls: tuple[Request, ...] = ()
    records: tuple[Record, ...] = ()
    memory: Any = KEPT
    again: bool = False
    after: Duration | None = None
    after_is_periodic: bool = False
    error: str = ""
    user: User | None = attrs.field(default=None, eq=False)  # of no account once the calls are sent


Reconcile: TypeAlias = Callable[[Ask], Outcome]


def no_memory() -> None:
    """Give the memory of a controller that remembers nothing."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Controller:
    """
    A controller; all its functions are pure.

    Args:
        name: also its queue's.
        sources: what it watches; it reconciles nothing before all are synced.
        reconcile: for one key, what is to be done.
        memory: gives its first memory.
        observe: gives its memory after a change of an observed source, before the change's keys are asked for.
        workers: how many keys can wait for answers at a time.
        retries: how often a key that fails comes back before it is given up until something changes; None for ever.
        back_off: how long a key that failed waits, and how long at most; each further failure doubles it.
        resync: every object is taken as changed again after one to two times this long; None for never.
        component: in whose name its events are recorded; empty for its own.
        user: as whom it calls; None: a controller of a user's own as the ServiceAccount of its name in kube-system.
        rules: what a controller of a user's own may do beside looking at its sources, as a ClusterRole that is bound
            to it says; None for everything, as cluster-admin.
        customs: the keys that a change of any custom resource concerns, of one who watches them all; it watches
            customresourcedefinitions too, and is told of each resource once that is established.
        awaits: resources of its sources. Until there is an object of one of them it sleeps: nothing is delivered to it,
            so that it costs nothing. Then it is told of all that is there, as by informers that have just started.
            () for one that never sleeps.
        later: sources that it has only when it needs them.
    """

    name: str
    sources: tuple[Source, ...]
    reconcile: Reconcile
    memory: Callable[[], Any] = no_memory
    observe: Observe | None = None
    workers: int = 5
    retries: int | None = None
    back_off: tuple[Duration, Duration] = (FIRST_BACK_OFF, LONGEST_BACK_OFF)
    resync: Duration | None = None
    component: str = ""
    user: User | None = None
    rules: tuple[PolicyRule, ...] | None = None
    customs: Keys | None = None
    awaits: tuple[str, ...] = ()
    later: tuple[Later, ...] = ()


def keys_of_itself(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the changed object's own key: for the resource whose objects are reconciled."""
    return (change.key,)


def controller_of(obj: Any) -> Any:
    """Give the owner reference of the object's controller, or None."""
    for reference in obj.metadata.owner_references or ():
        if reference.controller:
            return reference
    return None
