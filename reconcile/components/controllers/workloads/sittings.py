"""
Sittings: a look that is written from top to bottom, though it stops wherever it waits for the API server.

A script is a generator: it yields calls that are to be sent together, is given their answers, and returns how it ended.
Between two steps nothing of it is kept but what it was begun with and the answers that it has had: whoever goes on
with it plays it again up to there, which does the same, since a script decides from these alone. So what it saw when it
began is what it goes by until it ends, as in upstream's controllers, which list once for each sync.

What a script says beside its calls (events to record, changes of the memory) counts once: when it is said first.

Takes:    Ask, and a script.
Gives:    Outcome; the next sitting in the controller's memory.
Source:   the sync functions of upstream's controllers, which wait where they call.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, Final, TypeAlias, TypeVar

import attrs

from reconcile.components.controllers.runtime import Ask, Key, Outcome
from reconcile.components.controllers.workloads import consistency
from reconcile.components.controllers.workloads.consistency import Writes
from reconcile.effects import Record
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response

# The most that one batch calls for at once.
MOST: Final = 500

T = TypeVar("T")
Calls: TypeAlias = tuple[Request, ...]
Answers: TypeAlias = tuple[Response, ...]
Steps: TypeAlias = Generator[Calls, Answers, T]
"""Something that takes calls, and gives a T."""


@quick
@attrs.frozen(weakref_slot=False)
class End:
    """How a script ended: why it failed, empty if it did not; and after how long to look again."""

    error: str = ""
    after: Duration | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Sitting:
    """A look that waits for answers: what it saw, when it began, and the answers that it has had."""

    seen: Any
    now: Instant
    answers: tuple[Answers, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What a controller whose looks are sittings remembers.

    Args:
        sittings: by key, those that wait.
        writes: by key, its own last writes, which its caches have to show before it looks again.
        own: what else it remembers.
    """

    sittings: Table[Key, Sitting] = attrs.field(factory=Table)
    writes: Table[Key, Writes] = attrs.field(factory=Table)
    own: Any = None


class Notes:
    """What a script says beside its calls; it lives for one step."""

    __slots__ = ("changes", "records")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.changes: list[Callable[[Any], Any]] = []

    def record(self, record: Record) -> None:
        """Let an event be recorded."""
        self.records.append(record)

    def change(self, change: Callable[[Any], Any]) -> None:
        """Let the controller's own memory be what *change* makes of it."""
        self.changes.append(change)

    def forget(self) -> None:
        """Forget what was said in a step before."""
        self.records.clear()
        self.changes.clear()


Script: TypeAlias = Callable[[Any, Instant, Notes], Steps[End]]
"""Given what is seen, the instant and the notes."""


def begin(ask: Ask, seen: Any, script: Script, watched: tuple[str, ...]) -> Outcome:
    """
    Begin a look at an object, unless the caches are older than what was last written for it.

    Args:
        ask: with a `Memory`.
        seen: what the script goes by.
        script: what is done.
        watched: the resources of which the own writes are waited for; () for none.
    """
    memory: Memory = ask.memory
    why = consistency.behind(memory.writes, ask.key, ask.views) if watched else ""
    if why:
        return Outcome(error=why)
    writes = memory.writes.remove(ask.key) if ask.key in memory.writes else memory.writes
    return _played(ask, replace(memory, writes=writes), Sitting(seen, ask.now), script)


def resume(ask: Ask, uid: str, script: Script, watched: tuple[str, ...]) -> Outcome | None:
    """Go on with a look, now that its calls are answered; None if there is none that waits."""
    memory: Memory = ask.memory
    sitting = memory.sittings.get(ask.key)
    if sitting is None or not ask.answers:
        return None
    writes = memory.writes
    for request, response in ask.answers:
        if request.resource in watched:
            writes = consistency.wrote(writes, ask.key, uid, request, response)
    answers = (*sitting.answers, tuple([response for _, response in ask.answers]))
    return _played(ask, replace(memory, writes=writes), replace(sitting, answers=answers), script)


def _played(ask: Ask, memory: Memory, sitting: Sitting, script: Script) -> Outcome:
    notes = Notes()
    steps = script(sitting.seen, sitting.now, notes)
    try:
        calls = next(steps)
        for answers in sitting.answers:
            notes.forget()
            calls = steps.send(answers)
    except StopIteration as stopped:
        end: End = stopped.value
        kept = memory.sittings.remove(ask.key) if ask.key in memory.sittings else memory.sittings
        memory = replace(memory, sittings=kept, own=_changed(memory.own, notes))
        return Outcome(records=tuple(notes.records), memory=memory, error=end.error, after=end.after)
    memory = replace(memory, sittings=memory.sittings.set(ask.key, sitting), own=_changed(memory.own, notes))
    return Outcome(calls=calls, records=tuple(notes.records), memory=memory, again=True)


def _changed(own: Any, notes: Notes) -> Any:
    for change in notes.changes:
        own = change(own)
    return own


def forgotten(memory: Memory, key: Key) -> Memory:
    """Forget an object that is gone."""
    if key not in memory.writes and key not in memory.sittings:
        return memory
    sittings = memory.sittings.remove(key) if key in memory.sittings else memory.sittings
    writes = memory.writes.remove(key) if key in memory.writes else memory.writes
    return replace(memory, sittings=sittings, writes=writes)


# Parts of scripts -----------------------------------------------------------------------------------------------------


def together(parts: list[Steps[T]]) -> Steps[list[T]]:
    """Do several things side by side: what each calls for next is sent together."""
    found: dict[int, T] = {}
    waiting: list[tuple[int, Steps[T], Calls]] = []
    for place, part in enumerate(parts):
        _advance(place, part, None, found, waiting)
    while waiting:
        answers = yield tuple([call for _, _, calls in waiting for call in calls])
        given, waited, waiting = iter(answers), waiting, []
        for place, part, calls in waited:
            _advance(place, part, tuple([next(given) for _ in calls]), found, waiting)
    return [found[place] for place, _ in enumerate(parts)]


def _advance(
    place: int, part: Steps[T], answers: Answers | None, found: dict[int, T], waiting: list[tuple[int, Steps[T], Calls]]
) -> None:
    try:
        calls = next(part) if answers is None else part.send(answers)
    except StopIteration as stopped:
        found[place] = stopped.value
    else:
        waiting.append((place, part, calls))


def batches(count: int, first: int = 1, most: int = MOST) -> Iterator[tuple[int, int]]:
    """Give (begin, end) of batches that double, of *count* things: what fails at all fails once."""
    begin, size = 0, first
    while begin < count:
        end = min(begin + size, count)
        yield begin, end
        begin, size = end, min(2 * size, most)
