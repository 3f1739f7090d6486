"""
exchange: one HTTP request and its response, in a cluster that runs as far as that takes.

The whole of a served cluster but the socket: what clients ask over a connection can be asked here in memory.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Cluster
from reconcile.components.apiserver import rest
from reconcile.driver.client import asked
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.step import apply_event
from reconcile.driver.telling.containerlogs import Logs, is_logs, logs
from reconcile.driver.webhooks import Webhooks, answering
from reconcile.effects import Answer, Notice
from reconcile.events import StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace

_CLIENT = "http"
_TEXT = (("Content-Type", "text/plain"),)
_WATCHED = 2  # seconds that a watch lasts in memory if it does not say


def exchange(
    cluster: Cluster, http: rest.HttpRequest, *, webhooks: Webhooks | None = None
) -> tuple[Cluster, rest.HttpResponse]:
    """
    Let an API server answer *http*.

    A watch is answered whole: with the frames of its `timeoutSeconds` of virtual time. A container's log is what it has
    written up to now, whether it is followed or not. *webhooks*, if given, answer what API servers ask meanwhile, as of
    `run`.

    Raises:
        ReconcileError: no API server runs.
    """
    machine = Machine(cluster)
    machine.answering = answering(webhooks)
    response = exchanged(machine, http)
    return machine.closed(), response


def exchanged(machine: Machine, http: rest.HttpRequest) -> rest.HttpResponse:
    """Do what `exchange` does, in an open machine."""
    if is_logs(http):
        shown = logs(machine, serving(machine), http)
        return (
            rest.HttpResponse(code=200, headers=_TEXT, body=shown.text.encode()) if isinstance(shown, Logs) else shown
        )
    found = rest.take(serving(machine), http)
    if isinstance(found, rest.HttpResponse):
        return found
    if found.request.verb == "watch":
        return _watched(machine, found)
    response = asked(machine, found.request, user=found.user)
    return rest.replied(found.reply, response)


def serving(machine: Machine) -> rest.Serving:
    """Give what an API server that runs has at hand; raise if there is none."""
    for name in machine.cluster.servers:
        process = machine.processes.get(name)
        if process is not None:
            return rest.Serving(state=machine.states.get(name), store=machine.store, now=machine.now + process.skew)
    raise ReconcileError("no API server runs")


def _watched(machine: Machine, found: rest.Asked) -> rest.HttpResponse:
    tag = f"watch-{machine.serial}"
    end = machine.now + (found.request.timeout_seconds or _WATCHED) * SECOND
    apply_event(machine, Submit(request=found.request, user=found.user, client=_CLIENT, tag=tag))
    response, seen = None, len(machine.outbox)
    frames: list[bytes] = []
    while True:
        for effect in machine.outbox[seen:]:
            if isinstance(effect, Answer) and effect.tag == tag:
                response = effect.response
            elif isinstance(effect, Notice) and effect.tag == tag:
                told = rest.frame(found.reply, effect.type, effect.object, now=machine.now, first=not frames)
                frames.append(told)
        seen = len(machine.outbox)
        if response is not None and not response.ok:
            return rest.replied(found.reply, response)
        if not next_step(machine):
            timer = machine.timers.first()
            if timer is None or timer.at > end:
                break
            machine.advance(timer.at)
    machine.advance(max(end, machine.now))
    apply_event(machine, StopProcess(f"watch/{_CLIENT}:{tag}"))
    return replace(rest.streaming(found.reply), body=b"".join(frames))
