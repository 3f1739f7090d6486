"""
Store, Txn and commit: etcd's own transaction over immutable tables.

Takes:    a Txn: compares on mod revision, puts and deletes, all or nothing.
Gives:    Committed with the next store and its changes, or Refused with the compare that failed.
Source:   etcd's API guarantees and data model, https://etcd.io/docs/v3.5/learning/data_model/ and .../api_guarantees/.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.store.indexes import channels_of, indexes_of

# How many changes of one channel are kept for watches that lag, as the API
# server's watch cache has a window for each resource; a cursor that fell out of it gets 410 Gone.
WINDOW: Final = 16384


@attrs.frozen
class Change:
    """
    One key's change at one revision.

    Args:
        revision: the store's revision that made it.
        resource: the resource's key.
        key: the object's key in its table.
        old: the object before, or None if it was created.
        new: the object after, or None if it was deleted.
        table: the resource's table just after this change: what a cache that has seen it holds.
    """

    revision: int
    resource: str
    key: str
    old: Any
    new: Any
    table: Table[str, Any] = attrs.field(repr=False, eq=False)


@attrs.frozen
class Compare:
    """Require that the key's mod revision is *revision*; 0 requires that there is no such key."""

    resource: str
    key: str
    revision: int


@attrs.frozen
class Put:
    """Write *value* at the key; the store stamps the revision on it. *lease* 0 is none."""

    resource: str
    key: str
    value: Any
    lease: int = 0


@attrs.frozen
class Delete:
    """Remove the key; no change if it is not there."""

    resource: str
    key: str


@attrs.frozen
class Txn:
    """If every compare holds, do every operation at one revision; else do nothing."""

    compares: tuple[Compare, ...]
    operations: tuple[Put | Delete, ...]


@attrs.frozen
class Lease:
    """Keys that live until *expires*, unless the lease is kept alive."""

    id: int
    ttl: Duration
    expires: Instant
    keys: Sequence[tuple[str, str]] = Sequence()


@attrs.frozen
class Store:
    """
    Everything that etcd keeps.

    Args:
        revision: counts commits that changed something; an object's resourceVersion is the one that last wrote it.
        compacted: changes up to this revision are forgotten.
        tables: one table for each resource that ever had an object.
        channels: the changes still kept, for each watch channel.
        leases: by id.
    """

    revision: int = 0
    compacted: int = 0
    tables: Map[Table[str, Any]] = attrs.field(factory=Map)
    channels: Table[str, Sequence[Change]] = attrs.field(factory=Table)
    leases: Table[int, Lease] = attrs.field(factory=Table)

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


@attrs.frozen
class Committed:
    """The transaction was done; *changes* is empty if it changed nothing, and then the store is the same one."""

    store: Store
    changes: tuple[Change, ...]


@attrs.frozen
class Refused:
    """A compare failed: *compare* asked for a revision that is not *actual* (0: there is no such key)."""

    compare: Compare
    actual: int


_NO_CHANGES: Final[Sequence[Change]] = Sequence()


def commit(store: Store, txn: Txn) -> Committed | Refused:
    """
    Carry *txn* out.

    Raises:
        ReconcileError: a put names a lease that does not exist.
    """
    for compare in txn.compares:
        found = store.get(compare.resource, compare.key)
        actual = 0 if found is None else mod_revision(found)
        if actual != compare.revision:
            return Refused(compare, actual)
    tables, channels, leases = store.tables, store.channels, store.leases
    revision = store.revision + 1
    changes: list[Change] = []
    for operation in txn.operations:
        resource, key = operation.resource, operation.key
        table = tables.get(resource)
        if table is None:
            table = Table(indexes_of(resource))
        old, new = table.get(key), None
        if isinstance(operation, Put):
            if operation.lease:
                leases = _attached(leases, operation)
            if old is not None and _same(old, operation.value):
                continue
            new = stamped(operation.value, revision)
            table = table.set(key, new)
        elif old is None:
            continue
        else:
            table = table.remove(key)
        tables = tables.set(resource, table)
        change = Change(revision, resource, key, old, new, table)
        changes.append(change)
        for channel in channels_of(resource, old, new):
            channels = channels.set(channel, _grown(channels.get(channel), change))
    if changes:
        return Committed(Store(revision, store.compacted, tables, channels, leases), tuple(changes))
    return Committed(store if leases is store.leases else attrs.evolve(store, leases=leases), ())


def _grown(history: Sequence[Change] | None, change: Change) -> Sequence[Change]:
    if history is None:
        return _NO_CHANGES.append(change)
    grown = history.append(change)
    return grown.forget(grown.end - WINDOW) if grown.end - grown.start > WINDOW + 32 else grown


def mod_revision(obj: Any) -> int:
    """Give the revision that last wrote a stored object."""
    return int(obj.metadata.resource_version)


def stamped(obj: Any, revision: int) -> Any:
    """Give *obj* with *revision* as its resourceVersion."""
    return replace(obj, metadata=replace(obj.metadata, resource_version=str(revision)))


def compact(store: Store, revision: int) -> Store:
    """
    Forget changes up to *revision*; whole chunks go, so a channel may keep a few more.

    Raises:
        ReconcileError: the revision is compacted already or lies in the future.
    """
    if not store.compacted <= revision <= store.revision:
        raise ReconcileError(
            f"cannot compact to revision {revision}: {store.compacted} is compacted and {store.revision} is the newest"
        )
    channels = store.channels
    for name, history in store.channels.items():
        place = _first_after(history, revision)
        kept = history.forget(place)
        if kept is not history:
            channels = channels.set(name, kept)
    return attrs.evolve(store, compacted=revision, channels=channels)


def grant(store: Store, ttl: Duration, now: Instant, lease_id: int) -> Store:
    """Create a lease that runs out at *now* + *ttl*."""
    return attrs.evolve(store, leases=store.leases.set(lease_id, Lease(lease_id, ttl, now + ttl)))


def keep_alive(store: Store, lease_id: int, now: Instant) -> Store:
    """Let the lease run from *now* again; ReconcileError if there is none."""
    lease = store.leases.get(lease_id)
    if lease is None:
        raise ReconcileError(f"lease {lease_id} does not exist")
    return attrs.evolve(store, leases=store.leases.set(lease_id, attrs.evolve(lease, expires=now + lease.ttl)))


def revoke(store: Store, lease_id: int) -> Committed:
    """End the lease and delete its keys."""
    lease = store.leases.get(lease_id)
    if lease is None:
        raise ReconcileError(f"lease {lease_id} does not exist")
    ended = attrs.evolve(store, leases=store.leases.remove(lease_id))
    done = commit(
        ended, Txn((), tuple([Delete(resource, key) for resource, key in lease.keys.between(0, lease.keys.end)]))
    )
    assert isinstance(done, Committed), "a transaction without compares cannot be refused"
    return done


def _attached(leases: Table[int, Lease], put: Put) -> Table[int, Lease]:
    lease = leases.get(put.lease)
    if lease is None:
        raise ReconcileError(f"lease {put.lease} does not exist; {put.resource}/{put.key} cannot be put under it")
    return leases.set(put.lease, Lease(lease.id, lease.ttl, lease.expires, lease.keys.append((put.resource, put.key))))


def _same(old: Any, value: Any) -> bool:
    """Tell whether a put would change nothing but the stamp; parts that are the same object are not looked into."""
    if type(old) is not type(value):
        return False
    for name in _fields_of(old.__class__):
        before, after = getattr(old, name), getattr(value, name)
        if before is after:
            continue
        if name == "metadata":
            after = replace(after, resource_version=before.resource_version)
        if before != after:
            return False
    return True


@cache
def _fields_of(cls: type[Any]) -> tuple[str, ...]:
    return tuple(
        sorted([field.name for field in attrs.fields(cls)], reverse=True)
    )  # status first: it differs most often


def _first_after(history: Sequence[Change], revision: int) -> int:
    low, high = history.start, history.end
    while low < high:
        middle = (low + high) // 2
        if history.between(middle, middle + 1)[0].revision <= revision:
            low = middle + 1
        else:
            high = middle
    return low
