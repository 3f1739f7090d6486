"""
Upkeep: what an operator, and the API server every five minutes, ask of a store: compaction, and room.

Takes:    a Store.
Gives:    a Store that has the same objects.
Source:   https://etcd.io/docs/v3.6/op-guide/maintenance/
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.store.past import position_after
from reconcile.store.space import Space, weight
from reconcile.store.store import Store


def compact(store: Store, revision: int) -> Store:
    """
    Forget changes up to *revision*; whole chunks go, so a channel may keep a few more.

    Raises:
        ReconcileError: the revision is compacted already or lies in the future.
    """
    if not store.compacted < revision <= store.revision:
        raise ReconcileError(
            f"cannot compact to revision {revision}: {store.compacted} is compacted and {store.revision} is the newest"
        )
    channels = store.channels
    for name, history in store.channels.items():
        place = position_after(history, revision)
        kept = history.forget(place)
        if kept is not history:
            channels = channels.set(name, kept)
    return _counted(attrs.evolve(store, compacted=revision, channels=channels))


def defragment(store: Store) -> Store:
    """Let the store's file be as large as what is used of it."""
    space = store.space
    return store if space is None else attrs.evolve(store, space=attrs.evolve(space, file=space.used))


def disarm(store: Store) -> Store:
    """Take the alarm back; the next write raises it again if there is no room."""
    space = store.space
    return store if space is None else attrs.evolve(store, space=attrs.evolve(space, alarm=False))


def limited(store: Store, quota: int) -> Store:
    """Give *store* with a quota of so many bytes."""
    counted = _counted(attrs.evolve(store, space=Space(quota)))
    return defragment(counted)


def _counted(store: Store) -> Store:
    """Count anew what is used: live keys, and what is kept of those that were overwritten or deleted."""
    space = store.space
    if space is None:
        return store
    live = [weight(obj) for table in store.tables.values() for obj in table.values()]
    kept = {
        (change.resource, change.key, change.revision): weight(change.old)
        for history in store.channels.values()
        for change in history.between(history.start, history.end)
        if change.revision > store.compacted and change.old is not None
    }
    return attrs.evolve(store, space=attrs.evolve(space, used=sum(live) + sum(kept.values())))
