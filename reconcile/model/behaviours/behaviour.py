"""What one image or container does, and its clauses."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final

import attrs

from reconcile.lib.dice import Dice
from reconcile.lib.instant import HOUR, MILLISECOND, SECOND, Duration, duration_text
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.behaviours.curves import Amount

KILLED: Final = 137
"""The exit code of what SIGKILL ends: 128 + 9."""
_DAY: Final = 24 * HOUR
_LIFETIME: Final = 3_653
"""For how many days it is drawn whether something happens that is said to happen by chance each day: ten years."""


@quick
@attrs.frozen(weakref_slot=False)
class Span:
    """A duration, or a range of which one is drawn, both ends included."""

    low: Duration
    high: Duration

    def draw(self, dice: Dice) -> tuple[Duration, Dice]:
        """Draw a duration; a span of one needs no draw."""
        if self.low == self.high:
            return self.low, dice
        more, dice = dice.below(self.high - self.low + 1)
        return self.low + more, dice

    def __str__(self) -> str:
        if self.low == self.high:
            return duration_text(self.low)
        return f"{duration_text(self.low)}..{duration_text(self.high)}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Ending:
    """One way in which a container ends by itself, with probability *parts* / *of*."""

    code: int
    after: Span
    parts: int = 1
    of: int = 1
    oom: bool = False


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Hazard:
    """That a container ends by chance: on each day of its life with probability *parts* / *of*, at any time of it."""

    code: int
    parts: int
    of: int

    def draw(self, dice: Dice) -> tuple[Duration | None, Dice]:
        """Draw how long it takes from the container's start; None if it is longer than anybody looks."""
        if not self.parts:
            return None, dice
        for day in range(_LIFETIME):
            drawn, dice = dice.below(self.of)
            if drawn < self.parts:
                within, dice = dice.below(_DAY)
                return day * _DAY + within, dice
        return None, dice

    def __str__(self) -> str:
        return f"exit {self.code} with probability {self.parts}/{self.of} a day"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Cause:
    """
    That a container ends for what it sees around it.

    Args:
        code: the exit code.
        without: the service without which it ends.
        full: the path at which it ends when there is no room for more; if both are empty, when its host's disk is full.
    """

    code: int
    without: str = ""
    full: str = ""

    def __str__(self) -> str:
        why = f"without {self.without}" if self.without else f"when {self.full or 'disk'} is full"
        return f"exit {self.code} {why}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Fill:
    """That a container writes: so much of what is written lies at a path, on the volume that is mounted there."""

    path: str
    amount: Amount

    def __str__(self) -> str:
        return f"writes {self.amount} to {self.path}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Work:
    """
    That a container takes items of work from a queue that it shares with others, and ends with 0 when none is left.

    Args:
        queue: its name.
        each: how long an item takes.
        one: it takes one item, and ends.
    """

    queue: str
    each: Span
    one: bool = False

    def __str__(self) -> str:
        return f"works {'one of' if self.one else 'off'} {self.queue} each {self.each}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Reply:
    """
    How a container answers what is asked of it: a probe, or a hook.

    Args:
        to: a glob for what is asked: `GET :8080/healthz`, `tcp :5432`, `grpc :9000/SERVICE`, `exec cat /tmp/healthy`.
        ready_after: from then on it succeeds, counted from the container's start.
        fails_after: from then on it fails.
        takes: how long the answer takes to come.
    """

    to: str
    ready_after: Span = Span(0, 0)
    fails_after: Span | None = None
    takes: Span = Span(0, 0)

    def __str__(self) -> str:
        said = [f"answers {_quoted(self.to)}"]
        if self.ready_after != Span(0, 0):
            said.append(f"ready after {self.ready_after}")
        if self.fails_after is not None:
            said.append("fails" if self.fails_after == Span(0, 0) else f"fails after {self.fails_after}")
        if self.takes != Span(0, 0):
            said.append(f"takes {self.takes}")
        return " ".join(said)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Line:
    """
    A line of a log that is written some time after the container's start, once or *every* so often.

    Or, if it is *served*, for each request that comes to the pod.
    """

    text: str
    after: Duration = 0
    every: Duration = 0
    served: bool = False

    def __str__(self) -> str:
        if self.served:
            return f"logs {_quoted(self.text)} per request"
        said = [f"logs {_quoted(self.text)}", f"after {duration_text(self.after)}"]
        return " ".join([*said, f"every {duration_text(self.every)}"] if self.every else said)


@attrs.frozen(kw_only=True)
class Behaviour:
    """What one image or container does; the module's docstring says what each part means."""

    pull: Span = Span(2 * SECOND, 2 * SECOND)
    again: Span = Span(500 * MILLISECOND, 500 * MILLISECOND)
    size: int = 64 << 20
    absent: bool = False
    preloaded: bool = False
    start: Span = Span(500 * MILLISECOND, 500 * MILLISECOND)
    start_fails: bool = False
    ready_after: Span = Span(0, 0)
    readiness_fails_after: Span | None = None
    liveness_fails_after: Span | None = None
    endings: tuple[Ending, ...] = ()
    runs: bool = False
    stop: Span = Span(SECOND, SECOND)
    stop_code: int = 0
    ignores_sigterm: bool = False
    logs: tuple[str, ...] = ()
    cpu: Amount | None = None
    memory: Amount | None = None
    metrics: Map[Amount] = Map()
    needs: tuple[str, ...] = ()
    message: str = ""
    disk: Amount | None = None
    replies: tuple[Reply, ...] = ()
    component: str = ""
    writes: tuple[Line, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    causes: tuple[Cause, ...] = ()
    fills: tuple[Fill, ...] = ()
    work: Work | None = None

    def reply(self, action: str) -> Reply | None:
        """Give how it answers *action*, if that is said: the first that fits."""
        for reply in self.replies:
            if fnmatchcase(action, reply.to):
                return reply
        return None

    def ending(self, dice: Dice) -> tuple[Ending | None, Dice]:
        """Draw how a container ends by itself, or None if it runs on; no draw if there is only one possibility."""
        if not self.endings:
            return None, dice
        if self.endings[0].parts == self.endings[0].of:
            return self.endings[0], dice
        of = math.lcm(*[ending.of for ending in self.endings])
        drawn, dice = dice.below(of)
        for ending in self.endings:
            drawn -= ending.parts * (of // ending.of)
            if drawn < 0:
                return ending, dice
        return None, dice

    @cached_property
    def looks(self) -> bool:
        """Whether it depends on what there is around the container how it fares while it runs."""
        return self.looks_on(0)

    def looks_on(self, since: Duration) -> bool:
        """Tell whether anything of that can still change so long after the container's start."""
        if self.causes or any(amount is not None and amount.varies(since) for amount in (self.memory, self.disk)):
            return True
        if any(not since or fill.amount.varies(since) for fill in self.fills):
            return True
        slowed = self.cpu is not None and self.cpu.per_request
        return bool(slowed and any(reply.takes.high for reply in self.replies))

    @property
    def serves(self) -> bool:
        """Whether anything said is of what runs until it is stopped: when it is ready, how it fails or stops."""
        usual = Behaviour()
        return any(getattr(self, field) != getattr(usual, field) for field in _OF_SERVERS)

    @property
    def text(self) -> str:
        """The clauses that make this behaviour of the default one; `default` if there are none."""
        return ", ".join(_clauses(self)) or "default"


_FROM_THE_START: Final = ("ready_after", "readiness_fails_after", "liveness_fails_after")

_OF_SERVERS: Final = (*_FROM_THE_START, "stop", "stop_code", "ignores_sigterm")


def _clauses(behaviour: Behaviour) -> list[str]:
    usual = Behaviour()
    said: list[str] = []
    for field in ("pull", "again", "size", "absent", "preloaded", "start", "start_fails", *_FROM_THE_START):
        value = getattr(behaviour, field)
        if value != getattr(usual, field):
            words = field.replace("_", " ")
            said.append(words if value is True else f"{words} {value}")
    for ending in behaviour.endings:
        chance = "" if ending.parts == ending.of else f" with probability {ending.parts}/{ending.of}"
        said.append(f"{'oom' if ending.oom else f'exit {ending.code}'} after {ending.after}{chance}")
    said += map(str, (*behaviour.hazards, *behaviour.causes))
    if behaviour.work is not None:
        said.append(str(behaviour.work))
    if behaviour.component:
        said.append(f"component {behaviour.component}")
    if behaviour.runs:
        said.append("runs")
    if (behaviour.stop, behaviour.stop_code) != (usual.stop, usual.stop_code):
        said.append(f"stop {behaviour.stop} with code {behaviour.stop_code}")
    if behaviour.ignores_sigterm:
        said.append("ignores SIGTERM")
    amounts = [(field, getattr(behaviour, field)) for field in ("cpu", "memory", "disk")]
    said += [f"{field} {amount}" for field, amount in amounts if amount is not None]
    said += map(str, behaviour.fills)
    said += [f"metric {name} {amount}" for name, amount in behaviour.metrics.items()]
    said += [f"needs {service}" for service in behaviour.needs]
    if behaviour.message:
        said.append(f"message {_quoted(behaviour.message)}")
    said += map(str, behaviour.replies)
    said += [f"logs {_quoted(line)}" for line in behaviour.logs]
    return said + [str(line) for line in behaviour.writes]


def _quoted(text: str) -> str:
    return '"{}"'.format(re.sub(r'(["\\])', r"\\\1", text))
