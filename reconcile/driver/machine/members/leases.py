"""
Leases of a lone member of etcd: they run for their whole time again when it starts, and end with their keys.

Takes:    a machine.
Gives:    nothing: the machine's store and timers change.
Source:   etcd's lessor.
Left out: leases of several members, which are theirs: `components/etcd/member.py`.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Process
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.requests.commits import committed
from reconcile.store import channels_of, keep_alive, revoke


def renew_leases(machine: Machine, keeper: Process) -> None:
    """Let every lease run for its whole time again: *keeper* begins to lead."""
    store = machine.store.closed()
    for lease in store.leases.values():
        store = keep_alive(store, lease.id, machine.now)
        key = (keeper.name, keeper.life, ("lease", lease.id))
        machine.timers.set(key, machine.now + lease.ttl, periodic=True)
    machine.store.reopen(store)


def end_lease(machine: Machine, lease: int) -> None:
    """Let a lease end, with the keys that are under it."""
    if machine.store.leases.get(lease) is not None:
        done = revoke(machine.store.closed(), lease)
        machine.store.reopen(done.store)
        committed(
            machine,
            done.changes,
            [name for each in done.changes for name in channels_of(each.resource, each.old, each.new)],
        )
