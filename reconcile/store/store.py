"""
Store, Txn and commit: etcd's own transaction over immutable tables.

Takes:    a Txn: compares on mod revision, puts and deletes, all or nothing.
Gives:    Committed with the next store and its changes, or Refused with the compare that failed.
Source:   etcd's API guarantees and data model, https://etcd.io/docs/v3.5/learning/data_model/ and .../api_guarantees/.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Final, Protocol

import attrs

from reconcile.lib.draft import Draft
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.store.indexes import channels_of, indexes_of
from reconcile.store.space import NO_SPACE, Space, weight

# How many changes of one channel are kept for watches that lag, as the API
# server's watch cache has a window for each resource; a cursor that fell out of it gets 410 Gone.
WINDOW: Final = 16384

# What says who may do what. It is asked with every request and changes seldom, so an open store keeps what was made of
# it until it changes.
RIGHTS: Final = frozenset(
    [
        f"{plural}.rbac.authorization.k8s.io"
        for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    ]
)

# What rules over what others write: admission asks for it only if there is any.
RULES: Final = frozenset(
    [
        "limitranges",
        "resourcequotas",
        "runtimeclasses.node.k8s.io",
        *[
            f"{plural}.admissionregistration.k8s.io"
            for plural in (
                "mutatingadmissionpolicybindings",
                "mutatingwebhookconfigurations",
                "validatingadmissionpolicybindings",
                "validatingwebhookconfigurations",
            )
        ],
    ]
)


@quick
@attrs.frozen(weakref_slot=False)
class Change:
    """
    One key's change at one revision.

    Args:
        revision: the store's revision that made it.
        resource: the resource's key.
        key: the object's key in its table.
        old: the object before, or None if it was created.
        new: the object after, or None if it was deleted.
    """

    revision: int
    resource: str
    key: str
    old: Any
    new: Any


@quick
@attrs.frozen(weakref_slot=False)
class Compare:
    """Require that the key's mod revision is *revision*; 0 requires that there is no such key."""

    resource: str
    key: str
    revision: int


@quick
@attrs.frozen(weakref_slot=False)
class Put:
    """Write *value* at the key; the store stamps the revision on it. *lease* 0 is none."""

    resource: str
    key: str
    value: Any
    lease: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Delete:
    """Remove the key; no change if it is not there."""

    resource: str
    key: str


@quick
@attrs.frozen(weakref_slot=False)
class Txn:
    """If every compare holds, do every operation at one revision; else do nothing."""

    compares: tuple[Compare, ...]
    operations: tuple[Put | Delete, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Lease:
    """
    Keys that live until *expires*, unless the lease is kept alive.

    Each key stands with the revision that put it under the lease: one that was written again since is no longer there.
    """

    id: int
    ttl: Duration
    expires: Instant
    keys: Sequence[tuple[str, str, int]] = Sequence()


@quick
@attrs.frozen(weakref_slot=False)
class Store:
    """
    Everything that etcd keeps.

    Args:
        revision: counts commits that changed something; an object's resourceVersion is the one that last wrote it.
        compacted: changes up to this revision are forgotten.
        tables: one table for each resource that ever had an object.
        channels: the changes still kept, for each watch channel.
        leases: by id.
        space: what it may take; None: nobody counts.
    """

    revision: int = 0
    compacted: int = 0
    tables: Map[Table[str, Any]] = attrs.field(factory=Map)
    channels: Table[str, Sequence[Change]] = attrs.field(factory=Table)
    leases: Table[int, Lease] = attrs.field(factory=Table)
    space: Space | None = None

    def table(self, resource: str) -> Table[str, Any]:
        """Give the table of *resource* as it is now; empty if nothing was ever stored."""
        table = self.tables.get(resource)
        return Table(indexes_of(resource)) if table is None else table

    def get(self, resource: str, key: str) -> Any:
        """Give the object at *key*, or None."""
        table = self.tables.get(resource)
        return None if table is None else table.get(key)

    def history(self, channel: str) -> Sequence[Change]:
        """Give the kept changes of a watch channel."""
        return self.channels.get(channel, _NO_CHANGES)

    @property
    def rights(self) -> Any:
        """None: a value keeps nothing."""
        return None

    @property
    def ruled(self) -> bool:
        """Whether anything of RULES is stored."""
        return any(self.tables.get(resource) for resource in RULES)


_NO_CHANGES: Final[Sequence[Change]] = Sequence()


class Reads(Protocol):
    """What can be asked of a store, be it a value or open for writing."""

    @property
    def revision(self) -> int:
        """The revision of the last commit that changed something."""
        ...

    @property
    def compacted(self) -> int:
        """The revision up to which changes are forgotten."""
        ...

    @property
    def rights(self) -> Any:
        """What was made of the tables of RIGHTS as they are now; None if nothing."""
        ...

    @property
    def ruled(self) -> bool:
        """Whether anything of RULES is stored."""
        ...

    def table(self, resource: str) -> Table[str, Any]:
        """Give the table of *resource* as it is now."""
        ...

    def get(self, resource: str, key: str) -> Any:
        """Give the object at *key*, or None."""
        ...

    def history(self, channel: str) -> Sequence[Change]:
        """Give the kept changes of a watch channel."""
        ...


class _Drafts(dict[str, Draft[str, Any]]):
    """A draft of each resource's table, begun when it is first asked for."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Map[Table[str, Any]]) -> None:
        super().__init__()
        self._tables = tables

    def __missing__(self, resource: str) -> Draft[str, Any]:
        table = self._tables.get(resource)
        draft = self[resource] = Draft(Table(indexes_of(resource)) if table is None else table)
        return draft

    def tables(self, stored: Callable[[str], bool]) -> Map[Table[str, Any]]:
        """Give the table of every resource that had one, or of which *stored* says that it ever had an object."""
        now = {resource: draft.table() for resource, draft in self.items()}
        there = {resource: table for resource, table in now.items() if resource in self._tables or stored(resource)}
        return Map({**self._tables, **there})


class OpenStore:
    """A store while a machine steps its cluster: what a transaction writes goes into plain dicts over its tables."""

    __slots__ = (
        "_channels",
        "_closed",
        "_drafts",
        "_ruled",
        "compacted",
        "history",
        "leases",
        "revision",
        "rights",
        "space",
        "touched",
    )

    history: Callable[[str], Sequence[Change]]
    """Gives the kept changes of a watch channel; it is asked several times a step, so it is the draft's own method."""

    def __init__(self, store: Store) -> None:
        self._closed = store
        self._drafts = _Drafts(store.tables)
        self._channels = Draft(store.channels, _NO_CHANGES)
        self.history = self._channels.get  # type: ignore[assignment]  # a channel without changes is never None
        self.revision = store.revision
        self.compacted = store.compacted
        self.leases = Draft(store.leases)
        self.space = store.space
        self.rights: Any = None
        self._ruled: bool | None = None
        self.touched: list[str] = []

    def table(self, resource: str) -> Table[str, Any]:
        """Give the table of *resource* as it is now; empty if nothing was ever stored."""
        return self._drafts[resource].table()

    def get(self, resource: str, key: str) -> Any:
        """Give the object at *key*, or None."""
        return self._drafts[resource].get(key)

    @property
    def ruled(self) -> bool:
        """Whether anything of RULES is stored."""
        known = self._ruled
        if known is None:
            known = self._ruled = any(self.table(resource) for resource in sorted(RULES))
        return known

    def size(self) -> int:
        """Count the objects that are stored."""
        return sum(map(len, self.closed().tables.values()))

    def closed(self) -> Store:
        """Give the store as it is now, as a value; this one may go on."""
        if self.revision != self._closed.revision:
            tables = self._drafts.tables(lambda resource: self.history(resource).end > 0)
            channels, leases = self._channels.table(), self.leases.table()
            self._closed = Store(self.revision, self.compacted, tables, channels, leases, self.space)
        elif self.space is not self._closed.space:
            self._closed = attrs.evolve(self._closed, space=self.space)
        return self._closed

    def reopen(self, store: Store) -> None:
        """Go on from another value: what `grant`, `compact` and their like gave."""
        OpenStore.__init__(self, store)

    def follow(self, store: Store) -> None:
        """Go on from another value, as `reopen` does, but keep what was made of tables that are the same in both."""
        before, rights = self._closed, self.rights
        if rights is not None:
            rights = rights if all(before.tables.get(name) is store.tables.get(name) for name in RIGHTS) else None
        OpenStore.__init__(self, store)
        self.rights = rights

    def commit(self, txn: Txn, lease: int = 0) -> tuple[Change, ...] | Refused:
        """Carry *txn* out, its puts under *lease* if they name none; give what it changed, in `touched` where."""
        if self.space is not None:
            return self._commit_within(self.space, txn, lease)
        self.touched = []
        drafts, operations = self._drafts, txn.operations
        several = len(operations) != 1
        if several:
            _check_keys(operations)
        for compare in txn.compares:
            found = drafts[compare.resource].get(compare.key)
            actual = 0 if found is None else int(found.metadata.resource_version)
            if actual != compare.revision:
                return Refused(compare, actual)
        revision = self.revision + 1
        if several:
            changes = self._all_changed(operations, revision, lease)
        else:
            change = self._changed(operations[0], revision, lease)
            changes = () if change is None else (change,)
        if changes:
            self.revision = revision
        return changes

    def _commit_within(self, space: Space, txn: Txn, lease: int) -> tuple[Change, ...] | Refused:
        """Carry *txn* out if there is room for it, and count what it takes."""
        if not self._has_room(space, txn.operations):
            self.touched = []
            return FULL
        self.space = None
        try:
            done = self.commit(txn, lease)
        finally:
            self.space = space
        if not isinstance(done, Refused):
            self.space = space.with_more(sum([weight(change.new) for change in done]))
        return done

    def _has_room(self, space: Space, operations: tuple[Put | Delete, ...]) -> bool:
        """
        Tell whether there is room for what is put; the alarm is raised if not. What only deletes is taken.

        That is asked before the compares are: etcd refuses what it has no room for before it proposes it.
        """
        values = [each.value for each in operations if isinstance(each, Put)]
        if values and not space.alarm and space.file + sum(map(weight, values)) >= space.quota:
            space = self.space = attrs.evolve(space, alarm=True)
        return not (values and space.alarm)

    def _all_changed(self, operations: tuple[Put | Delete, ...], revision: int, lease: int) -> tuple[Change, ...]:
        """Do all of several operations, or none of them."""
        for operation in operations:
            if isinstance(operation, Put):
                self._leased(operation, lease)
        changes = [self._changed(operation, revision, lease) for operation in operations]
        return tuple([change for change in changes if change is not None])

    def _leased(self, put: Put, shared: int) -> Lease | None:
        """Give the lease that a put goes under, if any; one that is not there is refused before anything is done."""
        lease_id = put.lease or shared
        if not lease_id:
            return None
        lease = self.leases.get(lease_id)
        if lease is None:
            raise ReconcileError(f"lease {lease_id} does not exist; {put.resource}/{put.key} cannot be put under it")
        return lease

    def _changed(self, operation: Put | Delete, revision: int, shared: int) -> Change | None:
        resource, key = operation.resource, operation.key
        draft = self._drafts[resource]
        old, new = draft.get(key), None
        if isinstance(operation, Put):
            lease = self._leased(operation, shared) if shared or operation.lease else None
            if old is not None and _same(old, operation.value):
                return None
            if lease is not None:
                keys = lease.keys.append((resource, key, revision))
                self.leases.set(lease.id, Lease(lease.id, lease.ttl, lease.expires, keys))
            new = stamped(operation.value, revision)
        elif old is None:
            return None
        draft.set(key, new)
        if resource in RIGHTS:
            self.rights = None
        elif resource in RULES:
            self._ruled = None
        change = Change(revision, resource, key, old, new)
        names, history, channels = channels_of(resource, old, new), self.history, self._channels
        for name in names:
            channels.set(name, history(name).append(change, WINDOW))
        self.touched += names
        return change


def _check_keys(operations: tuple[Put | Delete, ...]) -> None:
    """Refuse operations that put a key twice, or put and delete it, whatever is stored."""
    places = [(each.resource, each.key) for each in operations]
    if len(set(places)) < len(places):
        puts = {place for place, each in zip(places, operations, strict=True) if isinstance(each, Put)}
        for resource, key in places:
            if (resource, key) in puts and places.count((resource, key)) > 1:
                raise ReconcileError(f"duplicate key in a transaction: {resource}/{key} in {operations!r}")


@quick
@attrs.frozen(weakref_slot=False)
class Committed:
    """The transaction was done; *changes* is empty if it changed nothing, and then the store is the same one."""

    store: Store
    changes: tuple[Change, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Refused:
    """
    Nothing was done: *compare* asked for a revision that is not *actual* (0: there is no such key).

    With *why* it is for another reason, in etcd's words, and the two say nothing.
    """

    compare: Compare
    actual: int
    why: str = ""


FULL: Final = Refused(Compare("", "", 0), 0, NO_SPACE)
"""What a write is refused with that there is no room for."""


def commit(store: Store, txn: Txn) -> Committed | Refused:
    """
    Carry *txn* out.

    Raises:
        ReconcileError: a put names a lease that does not exist, or a key is written twice.
    """
    opened = OpenStore(store)
    changes = opened.commit(txn)
    return changes if isinstance(changes, Refused) else Committed(opened.closed(), changes)


def mod_revision(obj: Any) -> int:
    """Give the revision that last wrote a stored object."""
    return int(obj.metadata.resource_version)


def stamped(obj: Any, revision: int) -> Any:
    """Give *obj* with *revision* as its resourceVersion: itself if who made it foresaw it."""
    metadata, version = obj.metadata, str(revision)
    if metadata.resource_version == version:
        return obj
    metadata = copier(metadata.__class__, "resource_version")(metadata, version)
    return copier(obj.__class__, "metadata")(obj, metadata)


def _same(old: Any, value: Any) -> bool:
    """Tell whether a put would change nothing but the stamp; parts that are the same object are not looked into."""
    cls = old.__class__
    if value.__class__ is not cls:
        return False
    content = _content(cls)
    if content(old) != content(value):
        return False
    before, after = old.metadata, value.metadata
    return before is after or bool(before == replace(after, resource_version=before.resource_version))


@cache
def _content(cls: type[Any]) -> Callable[[Any], Any]:
    """Give what reads all of an object beside its metadata: status first, as it differs most often."""
    return attrgetter(*sorted([field.name for field in attrs.fields(cls) if field.name != "metadata"], reverse=True))
