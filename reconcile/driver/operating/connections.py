"""
Connections: what can be made to happen to API servers' watch caches, and to calls that are under way.

Takes:    a machine; an event.
Gives:    the machine, with what follows from it.
Source:   design: any hop late, lost, repeated or reordered; any cache stale.
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

from typing import assert_never

from reconcile.cluster.pending import Replied, Sent
from reconcile.cluster.topology import is_written
from reconcile.driver.machine import Machine
from reconcile.driver.machine.network.lines import break_off, delay
from reconcile.driver.machine.watching.caches import hold_cache, release_cache
from reconcile.events import DelayCall, HoldCache, LineFault, ReleaseCache, ResetCall
from reconcile.lib.errors import ReconcileError


def befall(machine: Machine, event: LineFault) -> None:
    """
    Let *event* happen.

    Raises:
        ReconcileError: it cannot happen: no balancer stands in front, or there is no such server or call.
    """
    if not machine.fronted:
        raise ReconcileError(f"{event!r}: no balancer stands before the API servers here: see `Topology(balancer=...)`")
    match event:
        case HoldCache(server, behind):
            if not is_written(behind) or behind < 0:
                raise ReconcileError(f"behind: {behind!r} is no duration")
            _check_server(machine, server, held=False)
            hold_cache(machine, server, behind)
        case ReleaseCache(server):
            _check_server(machine, server, held=True)
            release_cache(machine, server)
        case ResetCall(call):
            break_off(machine, _under_way(machine, call), "reset")
        case DelayCall(call, time):
            if time < 0:
                raise ReconcileError(f"time: {time!r} is negative")
            delay(machine, _under_way(machine, call), time)
        case _:
            assert_never(event)


def _under_way(machine: Machine, call: int) -> Sent | Replied:
    item = machine.settle_pending().get(call)
    if not isinstance(item, Sent | Replied):
        raise ReconcileError(f"{call} is not the number of a call")
    machine.taken(call)
    return item


def _check_server(machine: Machine, server: str, *, held: bool) -> None:
    if server not in machine.servers:
        raise ReconcileError(f"no API server {server!r} runs; there are {', '.join(machine.servers) or 'none'}")
    if (server in machine.states.get("network").stale) != held:
        raise ReconcileError(f"the cache of {server} is {'not ' * held}held back{' already' * (not held)}")
