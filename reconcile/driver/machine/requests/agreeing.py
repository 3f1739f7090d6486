"""
Calls to API servers whose members of etcd agree with others: a call is planned, proposed, applied, and then answered.

A write is planned by what the server's own member has applied, as upstream's servers go by their caches; its compares
refuse it if that was old, and it is planned again. What would be answered without writing is first made sure of by a
linearizable read, unless the client takes what is old (`resourceVersion=0`).

Takes:    calls that are on their way; what members tell of what they were asked.
Gives:    what members are asked; answers that are on their way.
Source:   k8s.io/apiserver/pkg/storage/etcd3 (GuaranteedUpdate); etcd's API guarantees.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from reconcile.cluster.cluster import Asked
from reconcile.cluster.components import FROZEN
from reconcile.cluster.pending import Decided, Replied, Sent, Suspended
from reconcile.components import apiserver, etcd, frozen
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import host_of, stall
from reconcile.driver.machine.network.reach import member_of, park, store_of
from reconcile.driver.machine.processes import tell
from reconcile.driver.machine.requests.audits import audit
from reconcile.driver.machine.requests.webhooks import suspended
from reconcile.driver.machine.watching.caches import cache_of
from reconcile.driver.machine.watching.watches import open_client_watch
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Duration, Instant
from reconcile.model import statuses
from reconcile.model.requests import Response
from reconcile.store import OpenStore, Reads, Refused

PLANS: Final = 5
"""How often a request is planned again when its transaction is refused."""

LEASED: Final = ("events", "events.events.k8s.io")
"""What is put under a lease: an event lives for an hour after it was last written."""

_Noted: TypeAlias = tuple[tuple[str, str], ...]

_READS: Final = ("get", "list")
_CONFLICT: Final = 409
_ERROR: Final = 500
_LEASE_SHARED: Final = 60_000_000_000


def lease_of_events(now: Instant) -> tuple[int, Duration]:
    """Give the lease, and how long it lasts, that events of one minute share, so that each lives for its hour."""
    return now // _LEASE_SHARED + 1, apiserver.EVENT_TTL + _LEASE_SHARED


def ask(machine: Machine, server: str, item: Sent, waited: Suspended | None) -> bool:
    """
    Let an API server plan a call by what its member has applied, and ask the member to write, or, before it answers
    without writing, to make sure that nothing newer is committed.
    """
    server = server if waited is None else waited.server
    member = member_of(machine, server.rpartition("/")[2])
    if member is None:
        if machine.fronted:
            if item.request.verb == "watch" or item.request.resource_version == "0":
                return read(machine, server, item, waited, cache_of(machine, server))
            stall(machine, item, host_of(server))
        else:
            park(machine, item)  # the server at which it waited for webhooks has no leader any more
        return False
    keeper = machine.processes.get(server)
    assert keeper is not None, "it was found among the servers that run, and what waits in one goes with it"
    number = machine.serial
    machine.serial += 1
    asked = Asked(item, server, keeper.life, member, waited=waited)
    if item.request.verb == "watch" or (item.request.resource_version == "0" and item.request.verb in _READS):
        return _read(machine, number, asked, store_of(machine, member))
    if item.request.verb in _READS:
        _ask_to_read(machine, number, asked)
    else:
        _plan(machine, number, asked, sure=False)
    return True


def read(machine: Machine, server: str, item: Sent, waited: Suspended | None, store: Reads) -> bool:
    """Let an API server answer a read from *store*, which is what its cache has."""
    keeper = machine.processes.get(server)
    assert keeper is not None, "it was found among the servers that run, and what waits in one goes with it"
    number = machine.serial
    machine.serial += 1
    return _read(machine, number, Asked(item, server, keeper.life, "", waited=waited), store)


def _read(machine: Machine, number: int, asked: Asked, store: Reads) -> bool:
    planned, noted = _planned(machine, asked, store, number)
    assert not isinstance(planned, apiserver.Planned), "a read writes nothing"
    if planned is not None:
        answered(machine, asked.item, planned, store, noted)
    return True


def answered(machine: Machine, item: Sent, response: Response, store: Reads, noted: _Noted) -> None:
    """Let an answer be on its way, as of *store*."""
    if machine.audits is not None:
        audit(machine, item, response, dict(noted))
    if machine.trace is not None:
        machine.trace.append((machine.now, item, response))
    if item.request.verb == "watch" and response.ok and not item.process and item.tag is not None:
        open_client_watch(machine, item, store)
    if item.tag is not None:
        machine.push(Replied(item.process, item.life, item.host, item.request, item.tag, response, item.at))


def decided(machine: Machine, item: Decided) -> bool:
    """Let an API server hear what its member says, and answer, or ask again."""
    told = item.told
    asked = machine.asked.get(told.number)
    keeper = machine.alive(item.process, item.life)
    if keeper is None or asked is None:
        return False
    if keeper.kind == FROZEN:
        machine.states.set(keeper.name, frozen.kept(machine.states.get(keeper.name), "member", item))
        return True
    if told.__class__ is etcd.Readable:
        _plan(machine, told.number, asked, sure=True)
    elif told.__class__ is etcd.Failed:
        machine.asked.remove(told.number)
        if told.why == etcd.TIMED_OUT:
            status = statuses.unexpected(told.why)
            answered(machine, asked.item, Response(status.code or _ERROR, status), machine.store, asked.noted)
        else:
            # Nothing was done: it is tried again once there is a leader.
            _wait_for_leader(machine, asked)
    elif not isinstance(told.outcome, Refused):
        machine.asked.remove(told.number)
        store = OpenStore(told.store)
        answered(machine, asked.item, apiserver.answer(asked.planned, store, told.outcome), store, asked.noted)
        for more in asked.planned.follows:
            machine.push(Sent(keeper.name, keeper.life, keeper.host, keeper.user, more, None, machine.now))
    elif told.outcome.why:
        machine.asked.remove(told.number)
        said = Response(_ERROR, statuses.unexpected(told.outcome.why))
        answered(machine, asked.item, said, machine.store, asked.noted)
    elif asked.tries < PLANS:
        _plan(machine, told.number, attrs.evolve(asked, tries=asked.tries + 1), sure=False)
    else:
        machine.asked.remove(told.number)
        request = asked.item.request
        status = statuses.conflict(request.resource, request.name)
        answered(machine, asked.item, Response(status.code or _CONFLICT, status), machine.store, asked.noted)
    return True


def _wait_for_leader(machine: Machine, asked: Asked) -> None:
    if machine.fronted:
        stall(machine, asked.item, host_of(asked.server))
    else:
        park(machine, asked.item)


def _plan(machine: Machine, number: int, asked: Asked, *, sure: bool) -> None:
    """Plan a call; *sure*: its member has just made sure that it has what is committed."""
    store = store_of(machine, asked.member)
    planned, noted = _planned(machine, asked, store, number)
    if planned is None:
        machine.asked.remove(number)  # it is asked anew when the webhooks have answered
        return
    if isinstance(planned, Response):
        if sure:
            machine.asked.remove(number)
            answered(machine, asked.item, planned, store, noted)
        else:
            _ask_to_read(machine, number, asked)
        return
    machine.asked.set(number, attrs.evolve(asked, planned=planned, noted=noted))
    request = asked.item.request
    leased = request.resource in LEASED and request.verb != "delete"
    lease, ttl = lease_of_events(machine.now) if leased else (0, 0)
    write = etcd.Write(asked.member, number, (planned.txn, *planned.then), lease, ttl, machine.now)
    tell_member(machine, asked.member, lambda now: etcd.WriteWanted(now, write))


def _ask_to_read(machine: Machine, number: int, asked: Asked) -> None:
    machine.asked.set(number, asked)
    tell_member(machine, asked.member, lambda now: etcd.ReadWanted(now, number))


def tell_member(machine: Machine, member: str, event: Callable[[Instant], Any]) -> None:
    """Let the member on host *member* hear what *event* gives for an instant of its clock."""
    process = machine.processes.get(f"etcd/{member}")
    assert process is not None, "its end has lost what was asked of it"
    tell(machine, process, event(machine.now + process.skew))


def _planned(machine: Machine, asked: Asked, store: Reads, number: int) -> tuple[Any, _Noted]:
    """Plan a request: give the answer, what is to be written, or None if it waits for webhooks; and what is noted."""
    keeper = machine.processes.get(asked.server)
    assert keeper is not None, "it was found among the servers that run"
    waited, notes = asked.waited, None
    if machine.notes:
        notes = apiserver.Notes(None if waited is None else waited.answers)
    dice = Dice(machine.cluster.seed, "request", number) if waited is None else waited.dice
    now = machine.now + keeper.skew if waited is None else waited.now
    request, user = asked.item.request, asked.item.user
    plan: Any = apiserver.plan(machine.states.get(asked.server), request, user, store, now, dice, notes)
    if not isinstance(plan, apiserver.Planned | Response):
        plan = suspended(machine, keeper, asked.item, plan, dice, now, notes)
    return plan, () if notes is None else tuple(sorted(notes.annotations.items()))
