"""
Asking: what a container answers to probes and hooks, as its behaviour says.

An answer that takes time comes later; one that takes longer than is waited for is late. A hook's command takes as long,
and ends, as far as it can be read.

Takes:    ProbeContainer, RunHook, the timers that they set.
Gives:    Report, SetTimer.
Source:   the kubelet's probe package and lifecycle handlers, for what counts as an answer.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.world import living
from reconcile.components.world.state import Container, Sandbox, State, behaviour_of
from reconcile.effects import Effect, ProbeContainer, Report, RunHook, SetTimer
from reconcile.events import Hooked, Probed
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.model.behaviours import Reply, Span
from reconcile.model.commands import outcome

TIMERS: Final = ("probed", "hooked")


def probe(
    state: State, order: ProbeContainer, now: Instant, missing: tuple[str, ...] = (), *, answer: bool | None = None
) -> tuple[State, tuple[Effect, ...]]:
    """
    Answer a probe.

    *missing* are services that it may need and that do not answer; *answer* is what an application says.
    """
    sandbox = state.sandboxes.get(order.uid, None)
    container = None if sandbox is None else sandbox.container(order.container)
    if sandbox is None or container is None or container.stage not in {"running", "stopping"}:
        return state, ()  # whatever asked will hear that the container has exited
    if answer is not None:
        return state, (Report(Probed(order.uid, order.container, order.kind, answer)),)
    if order.action:
        behaviour = behaviour_of(state, sandbox, container)
        reply = behaviour.reply(order.action) if behaviour.replies else None
        if reply is not None:
            return state, (_replied(state, (sandbox, container), order, reply, now),)
    if order.kind == "liveness":
        success = container.dead_at is None or now < container.dead_at
    else:
        success = container.ready_at <= now and (container.unready_at is None or now < container.unready_at)
        if missing and success:
            success = not any(service in missing for service in behaviour_of(state, sandbox, container).needs)
    return state, (Report(Probed(order.uid, order.container, order.kind, success)),)


def _replied(
    state: State, whose: tuple[Sandbox, Container], order: ProbeContainer, reply: Reply, now: Instant
) -> Effect:
    sandbox, container = whose
    takes = _drawn(state, sandbox, container, reply.takes, f"{order.kind}/{now}")
    takes = living.slowed(state, sandbox, container, takes, now)
    late = bool(order.timeout) and takes > order.timeout
    success = not late and _succeeds(state, sandbox, container, reply, now)
    wait = min(takes, order.timeout) if late else takes
    if not wait:
        return Report(Probed(order.uid, order.container, order.kind, success))
    key = ("probed", order.uid, order.container, container.id, order.kind, success, late)
    return SetTimer(key, now + wait, periodic=order.kind != "startup")


def hook(state: State, order: RunHook, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Run a hook: its behaviour says how it answers, else its command."""
    sandbox = state.sandboxes.get(order.uid, None)
    container = None if sandbox is None else sandbox.container(order.container)
    if sandbox is None or container is None or container.stage != "running":
        return state, (Report(Hooked(order.uid, order.container, order.kind, success=False)),)
    behaviour = behaviour_of(state, sandbox, container)
    reply = behaviour.reply(order.action)
    takes, success = 0, True
    if reply is not None:
        takes = _drawn(state, sandbox, container, reply.takes, order.kind)
        success = _succeeds(state, sandbox, container, reply, now)
    elif order.action.startswith("sleep "):
        takes = int(order.action.removeprefix("sleep ")) * SECOND
    elif order.command:
        found = outcome(order.command, ())
        if found is not None and found.code is None:
            return state, ()  # it never ends
        takes, success = (0, True) if found is None else (found.after, found.code == 0)
    if not takes:
        return state, (Report(Hooked(order.uid, order.container, order.kind, success)),)
    key = ("hooked", order.uid, order.container, container.id, order.kind, success)
    return state, (SetTimer(key, now + takes),)


def due(state: State, sandbox: Sandbox, key: tuple[Any, ...]) -> tuple[State, tuple[Effect, ...]]:
    """Give the answer that took until now, if the container that it is of still runs."""
    what, uid, name, id, kind, success, *late = key
    container = sandbox.container(name)
    if container is None or container.id != id or container.stage not in {"running", "stopping"}:
        return state, ()
    if what == "probed":
        return state, (Report(Probed(uid, name, kind, success, late=late[0])),)
    return state, (Report(Hooked(uid, name, kind, success)),)


def _succeeds(state: State, sandbox: Sandbox, container: Container, reply: Reply, now: Instant) -> bool:
    since = now - (container.started_at or 0)
    if since < _drawn(state, sandbox, container, reply.ready_after, "ready"):
        return False
    return reply.fails_after is None or since < _drawn(state, sandbox, container, reply.fails_after, "fails")


def _drawn(state: State, sandbox: Sandbox, container: Container, span: Span, name: str) -> Duration:
    if span.low == span.high:
        return span.low
    return span.draw(state.dice.named(f"{sandbox.uid}/{container.name}/{container.attempt}/{state.boots}/{name}"))[0]
