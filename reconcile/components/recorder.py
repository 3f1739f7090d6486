"""
The recorder: turns what a component records into objects of the Kubernetes kind Event, few enough of them.

Every process has one, and each controller in it, which names itself, is counted as if it had its own. An event that was
seen before counts the first one up; ten messages about one object and reason within ten minutes become one combined
event; and an object gets 25 events at once, then one every five minutes.

Takes:    Record, Answered.
Gives:    Call.
Source:   client-go tools/record: makeEvent; EventCorrelator, which is EventAggregator, eventLogger and the spam filter.
Left out: see docs/limits.md, "Event recorder".
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.effects import Call, Record
from reconcile.events import Answered
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request

_BURST: Final = 25
_REFILL: Final[Duration] = 5 * MINUTE
_REFILLS: Final[Duration] = _BURST * _REFILL
_SIMILAR: Final = 10  # as many different messages for one reason are combined
_SIMILAR_WITHIN: Final[Duration] = 10 * MINUTE
_REMEMBERED: Final = 2048  # objects of one generation, of which there are two; upstream remembers 4096 events
_EVENTS_REMEMBERED: Final = 63  # of one object, beside the last one
_UNANSWERED: Final = 4096

_COMBINED: Final = "(combined from similar events): "
_NOT_FOUND: Final = 404
_LONGEST_NAME: Final = 253
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

EventKey: TypeAlias = tuple[str, str, str, str]
"""Among the events of an object: type, reason, message, field path; a combined one has no message and no path."""


@quick
@attrs.frozen(weakref_slot=False)
class Similar:
    """The different messages of late for one object, type and reason."""

    type: str
    reason: str
    messages: tuple[str, ...]
    last: Instant


@quick
@attrs.frozen(weakref_slot=False)
class Observed:
    """An event that was recorded: how often, since when, and under which name it is stored."""

    key: EventKey
    count: int
    first: Time
    name: str


@quick
@attrs.frozen(weakref_slot=False)
class About:
    """
    What was recorded about one object.

    Args:
        spent_until: when its bucket of tokens will be full again.
        similar: for each type and reason.
        observed: the events, oldest first.
    """

    spent_until: Instant = 0
    similar: tuple[Similar, ...] = ()
    observed: tuple[Observed, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """
    One process's recorder.

    Args:
        source: the component and host that its events name.
        salt: keeps its events' names apart from those that another recorder makes at the same instant.
        count: how many names it made.
        dice: for the names of events about objects whose own name cannot be a part of one.
        young: what was recorded about the objects used last, by uid and by who names itself; at half of what is
            remembered, it becomes old.
        old: what was recorded about objects used before.
        patches: how many patches were sent.
        unanswered: the event that a patch that is under way stands for, by the patch's number.
    """

    source: core_v1.EventSource
    salt: int
    count: int
    dice: Dice
    young: Table[str, About] = attrs.field(factory=Table)
    old: Table[str, About] = attrs.field(factory=Table)
    patches: int = 0
    unanswered: Table[int, core_v1.Event] = attrs.field(factory=Table)


Step: TypeAlias = tuple[State, tuple[Call, ...]]


def begin(component: str, host: str, dice: Dice) -> State:
    """Give the recorder of a process that has recorded nothing yet."""
    salt, dice = dice.below(1 << 30)
    return State(core_v1.EventSource(component=component, host=host or None), salt, 0, dice)


def record(state: State, effect: Record, now: Instant) -> Step:
    """Take in that *effect* is to be recorded at *now*: create an event, count one up, or say nothing."""
    metadata = effect.about.metadata
    key = metadata.uid or f"{effect.about.kind}/{metadata.namespace}/{metadata.name}"
    if effect.component:
        key += effect.component
    about = state.young.get(key)
    if about is None:
        about = state.old.get(key, _UNKNOWN)
    similar, combined = _aggregated(about.similar, effect, now)
    if combined:
        message = _COMBINED + effect.message
        event_key = (effect.type, effect.reason, "", "")
    else:
        message = effect.message
        event_key = (effect.type, effect.reason, message, effect.field_path)
    seen, observed, dice = _observed(state, about.observed, event_key, metadata.name or "", now)
    # A bucket of 25 tokens, one more every five minutes, as one instant: when it will be full again.
    spent_until = max(about.spent_until, now) + _REFILL
    allowed = spent_until - now <= _REFILLS
    about = About(spent_until if allowed else about.spent_until, similar, observed)
    young, old = state.young.set(key, about), state.old
    if len(young) >= _REMEMBERED:
        # Two generations: one write, where forgetting exactly what was not used for longest would take three.
        young, old = Table(), young
    state = copier(State, "count", "dice", "young", "old")(state, state.count + 1, dice, young, old)
    if not allowed:
        return state, ()
    source = core_v1.EventSource(component=effect.component) if effect.component else state.source
    event = _event(source, effect, seen, message, now, combined=combined)
    return (state, (_created(event),)) if seen.count == 1 else _patched(state, event)


def answered(state: State, event: Answered) -> Step:
    """Take the answer to a patch in: an event that is not there any more is created anew."""
    number = event.tag[1]
    pending = state.unanswered.get(number, None)
    if pending is None:
        return state, ()
    state = replace(state, unanswered=state.unanswered.remove(number))
    return state, (_created(pending),) if event.response.code == _NOT_FOUND else ()


_UNKNOWN: Final = About()


def _aggregated(known: tuple[Similar, ...], effect: Record, now: Instant) -> tuple[tuple[Similar, ...], bool]:
    """Note the message among those like it; tell whether there are so many that they are combined."""
    message, kind, reason = effect.message, effect.type, effect.reason
    for place, similar in enumerate(known):
        if similar.reason == reason and similar.type == kind:
            messages = similar.messages if now - similar.last <= _SIMILAR_WITHIN else ()
            if message not in messages:
                messages = (*messages, message)
            combine = len(messages) >= _SIMILAR
            if combine:
                messages = messages[1:]
            noted = Similar(kind, reason, messages, now)
            return (*known[:place], noted, *known[place + 1 :]), combine
    return (*known, Similar(kind, reason, (message,), now)), False


def _observed(
    state: State, known: tuple[Observed, ...], key: EventKey, name: str, now: Instant
) -> tuple[Observed, tuple[Observed, ...], Dice]:
    """Count the event up, or note a new one."""
    for place, old in enumerate(known):
        if old.key == key:
            seen = Observed(key, old.count + 1, old.first, old.name)
            return seen, (*known[:place], seen, *known[place + 1 :]), state.dice
    # Upstream's number is the time in nanoseconds. Here many things happen at one instant.
    text, dice = f"{name}.{now + state.salt + state.count:x}", state.dice
    if len(text) > _LONGEST_NAME or not _SUBDOMAIN.fullmatch(name):
        text, dice = dice.uuid()
    seen = Observed(key, 1, Time.at(now), text)
    return seen, (*known[-_EVENTS_REMEMBERED:], seen), dice


def _event(
    source: core_v1.EventSource, effect: Record, seen: Observed, message: str, now: Instant, *, combined: bool
) -> core_v1.Event:
    about = effect.about
    metadata, namespace, first = about.metadata, about.metadata.namespace, seen.first
    return core_v1.Event(
        metadata=meta_v1.ObjectMeta(name=seen.name, namespace=namespace or "default"),
        involved_object=core_v1.ObjectReference(
            api_version=about.api_version,
            kind=about.kind,
            name=metadata.name,
            namespace=namespace,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            field_path=effect.field_path or None,
        ),
        reason=effect.reason,
        message=message,
        source=source,
        first_timestamp=first,
        last_timestamp=first if seen.count == 1 else Time.at(now),
        count=seen.count,
        type=effect.type,
        # Upstream's combined event is made of fewer fields.
        reporting_component=None if combined else source.component,
        reporting_instance=None if combined else source.host,
    )


def _created(event: core_v1.Event) -> Call:
    return Call(Request(verb="create", resource="events", namespace=event.metadata.namespace or "", body=event))


def _patched(state: State, event: core_v1.Event) -> Step:
    number = state.patches + 1
    unanswered = state.unanswered.set(number, event)
    if number - _UNANSWERED in unanswered:
        unanswered = unanswered.remove(number - _UNANSWERED)
    metadata: Any = event.metadata
    request = Request(
        verb="patch",
        resource="events",
        namespace=metadata.namespace,
        name=metadata.name,
        body=Map({"count": event.count, "lastTimestamp": str(event.last_timestamp), "message": event.message}),
    )
    return replace(state, patches=number, unanswered=unanswered), (Call(request, ("recorder", number)),)
