"""Calls: the path of a request, to an API server, through a transaction to the store, and back."""

from __future__ import annotations

from typing import Final

from reconcile.cluster.components import FROZEN
from reconcile.cluster.pending import Inquiry, Replied, Sent, Suspended
from reconcile.components import apiserver, frozen, recorder
from reconcile.driver.machine.applications import metering
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import called, hold_answer
from reconcile.driver.machine.network.reach import hears, park, server_for
from reconcile.driver.machine.processes import end, hear_election, take_up, tell
from reconcile.driver.machine.requests.agreeing import LEASED, PLANS, ask, lease_of_events, read
from reconcile.driver.machine.requests.audits import audit
from reconcile.driver.machine.requests.commits import committed
from reconcile.driver.machine.requests.webhooks import asker_of, hear_converted, outcome, suspended, taken
from reconcile.driver.machine.watching.caches import come_through, note_soon, read_of, waits_for_cache
from reconcile.driver.machine.watching.watches import open_client_watch
from reconcile.effects import Answer
from reconcile.events import Answered, WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.model import statuses
from reconcile.model.clouds import INSTANCES, Instance
from reconcile.model.measured import SUFFIX
from reconcile.model.requests import Response
from reconcile.store import Refused, grant

_CONFLICT: Final = 409
_ERROR: Final = 500


def execute(machine: Machine, item: Sent, waiting: Suspended | None = None) -> bool:
    """Let an API server carry a call out, anew if it was *waiting* for webhooks; park it if none can be reached."""
    if item.request.resource == INSTANCES:
        return _asked_of_cloud(machine, item)
    server = machine.reach.get(item.host) or server_for(machine, item.host)
    if server is None:
        if not machine.fronted:
            park(machine, item)
            return False
        server = called(machine, item) if waiting is None else waiting.server
        if server is None or waits_for_cache(machine, server, item):
            return False
        come_through(machine, item)
        note_soon(machine)
        stale = read_of(machine, server, item)
        if stale is not None:
            return read(machine, server, item, waiting, stale)
    if machine.plural:
        return ask(machine, server, item, waiting)
    response = _served(machine, server, item, waiting)
    if response is None:
        return True
    if machine.audits is not None:
        audit(machine, item, response, machine.noted)
    if machine.trace is not None:
        machine.trace.append((machine.now, item, response))
    if item.request.verb == "watch" and response.ok and not item.process and item.tag is not None:
        open_client_watch(machine, item, machine.store)
    if item.tag is not None:
        machine.push(Replied(item.process, item.life, item.host, item.request, item.tag, response, item.at))
    return True


def _asked_of_cloud(machine: Machine, item: Sent) -> bool:
    """Give what the cloud answers that is asked about a machine: it knows what the hosts are, whoever they reach."""
    assert item.tag is not None, "whoever asks the cloud wants to know"
    name = item.request.name
    cloud, status = machine.cluster.topology.cloud, machine.hosts.get(name)
    if cloud is None or status is None or not (status.up or cloud.keeps_stopped):
        response = Response(404, statuses.not_found(INSTANCES, name))
    else:
        response = Response(200, Instance("running" if status.up else "stopped"))
    machine.push(Replied(item.process, item.life, item.host, item.request, item.tag, response, item.at))
    return True


def hear_webhook(machine: Machine, answer: WebhookAnswered) -> None:
    """Let who asked hear what was answered: a request that has asked all goes on, or a watch, or a scheduler."""
    if _waits(machine, answer):
        return
    waiting = taken(machine, answer)
    if isinstance(waiting, Suspended):
        execute(machine, waiting.sent, waiting)
    elif isinstance(waiting, Inquiry):
        process = machine.processes.get(waiting.server)
        assert process is not None, "what a process has asked goes with it"
        tell(machine, process, outcome(machine, process, waiting.waits[0][1], answer))
    elif waiting is not None:
        process = machine.processes.get(waiting.server)
        assert process is not None, "what a watch withholds goes with it"
        if not hear_converted(machine, process, waiting, answer):
            end(machine, process.name)


def _waits(machine: Machine, answer: WebhookAnswered) -> bool:
    """Let an answer wait that is for a process that is paused; false if it is not."""
    process = asker_of(machine, answer)
    if process is None or process.kind != FROZEN:
        return False
    machine.states.set(process.name, frozen.kept(machine.states.get(process.name), "webhook", answer))
    return True


def give_back(machine: Machine, item: Replied) -> bool:
    """Hand an answer back to who asked."""
    if not item.process:
        machine.outbox.append(Answer(item.tag[0], item.tag[1], item.response, machine.now - item.at))
        return True
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    if not machine.heard.get(item.host) and not hears(machine, item.host):
        if not machine.fronted:
            park(machine, item)
            return False
        if hold_answer(machine, item):
            return False
    event = Answered(machine.now + process.skew, item.tag, item.response)
    if item.tag[0] == "election":
        hear_election(machine, process, event)
    elif item.tag[0] == "recorder":
        if process.kind == FROZEN:
            machine.states.set(process.name, frozen.kept(machine.states.get(process.name), "recorder", event))
            return True
        state, calls = recorder.answered(machine.recorders.get(process.name), event)
        machine.recorders.set(process.name, state)
        take_up(machine, process, calls)
    else:
        tell(machine, process, event)
    return True


def _served(machine: Machine, server: str, item: Sent, waiting: Suspended | None) -> Response | None:
    """Serve a request as far as it goes; give the answer, None if it waits for webhooks from now on."""
    if waiting is not None:
        server, dice = waiting.server, waiting.dice
    # No two requests may draw the same, or two objects share a uid. The answer takes a serial number, or the wait for
    # webhooks; a request that nobody waits for takes none, but if it stores anything, that takes a revision.
    elif item.tag is not None:
        dice = Dice(machine.cluster.seed, "request", machine.serial)
    else:
        dice = Dice(machine.cluster.seed, f"unanswered/{machine.serial}", machine.store.revision)
    keeper = machine.processes.get(server)
    assert keeper is not None, "it was found among the servers that run, and what waits in one goes with it"
    notes = None
    if machine.notes:
        notes = apiserver.Notes(None if waiting is None else waiting.answers)
        machine.noted = notes.annotations
    now = machine.now + keeper.skew if waiting is None else waiting.now
    state, request, user = machine.states.get(server), item.request, item.user
    store = machine.store
    for _ in range(PLANS):
        plan = apiserver.plan(state, request, user, store, now, dice, notes)
        if not isinstance(plan, apiserver.Planned):
            if not isinstance(plan, Response):
                return suspended(machine, keeper, item, plan, dice, now, notes)
            # What is measured is no resource of an API server's own: it passes the request on.
            if request.resource.endswith(SUFFIX) and metering.serves(machine, request.resource):
                return metering.metered(machine, request, user, machine.now)
            return plan
        lease = _lease(machine) if request.resource in LEASED and request.verb != "delete" else 0
        changes = store.commit(plan.txn, lease)
        if not isinstance(changes, Refused):
            committed(machine, changes, store.touched)
            for txn in plan.then:
                # Nothing comes between: they are of the same step.
                more = store.commit(txn, lease)
                if not isinstance(more, Refused):  # it compares nothing, but there may be no room left
                    committed(machine, more, store.touched)
            for asked in plan.follows:
                machine.push(Sent(keeper.name, keeper.life, keeper.host, keeper.user, asked, None, machine.now))
            return apiserver.answer(plan, store, changes)
        if changes.why:
            return Response(_ERROR, statuses.unexpected(changes.why))
    status = statuses.conflict(request.resource, request.name)
    return Response(status.code or _CONFLICT, status)


def _lease(machine: Machine) -> int:
    """Give the lease that events are put under."""
    lease, ttl = lease_of_events(machine.now)
    if machine.store.leases.get(lease) is None:
        machine.store.reopen(grant(machine.store.closed(), ttl, machine.now, lease))
        keeper = machine.processes.get(f"etcd/{machine.etcd}")
        assert keeper is not None, "a request is served only while etcd runs"
        key = (keeper.name, keeper.life, ("lease", lease))
        machine.timers.set(key, machine.now + ttl, periodic=True)
    return lease
