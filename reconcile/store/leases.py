"""
Leases: keys that live as long as somebody says so, and at most as long as the lease.

Takes:    a Store, and the instant.
Gives:    a Store with the lease granted, prolonged or gone with its keys.
Source:   https://etcd.io/docs/v3.6/learning/api/#lease-api
Left out: nothing known.
"""

from __future__ import annotations

from operator import attrgetter

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant
from reconcile.store.store import Committed, Delete, Lease, Store, Txn, commit, mod_revision


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
    """End the lease and delete the keys that are under it still, in their order."""
    lease = store.leases.get(lease_id)
    if lease is None:
        raise ReconcileError(f"lease {lease_id} does not exist")
    ended = attrs.evolve(store, leases=store.leases.remove(lease_id))
    gone: list[Delete] = []
    for resource, key, revision in lease.keys.between(0, lease.keys.end):
        found = store.get(resource, key)
        if found is not None and mod_revision(found) == revision:
            gone.append(Delete(resource, key))
    done = commit(ended, Txn((), tuple(sorted(gone, key=attrgetter("resource", "key")))))
    assert isinstance(done, Committed), "a transaction without compares cannot be refused"
    return done
