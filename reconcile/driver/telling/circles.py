"""
Circles: what goes round and round at one instant, so that no time will ever end it.

A big instant is none: when ten thousand pods are created at once, or five thousand hosts power on, each thing is asked
about a few times, and then no more. So after many steps at one instant it is looked at what they come to. They go round

- if the same few things are asked about again and again;
- if one maker goes on making objects, many more than their owner declares and than there were;
- if hardly anything is asked for, for longer than it takes everybody to look at all that is stored.

Takes:    a machine, between two steps.
Gives:    where it is to be looked next; a sentence that says who circles, and over what.
Left out: a circle that takes time is none: limits end it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api.convert import dump
from reconcile.api.kinds import resource_for
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.pending import Sent
from reconcile.driver.choices import choices
from reconcile.driver.log.patches import differing_fields
from reconcile.driver.machine import Machine
from reconcile.driver.telling.describe import describe
from reconcile.events import Advance
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant, duration_text
from reconcile.model.owners import controller_of
from reconcile.model.requests import Response, joined

HURRY: Final = 20_000
"""After how many steps at one instant it is looked whether they go round in a circle."""

NEVER: Final = 2**64
"""So many steps never are: who plays what was played before looks for nothing."""

Trace: TypeAlias = list[tuple[Instant, Sent, Response]]

_Target: TypeAlias = tuple[str, str, str, str]  # a resource, namespace, name, and of what is only read who reads it
_Maker: TypeAlias = tuple[str, str, str]  # who makes, of which resource, for the owner of which uid

# A big instant asks some ten times about each thing, and about what sums things up (a ReplicaSet's status, an
# EndpointSlice) at most once more for each of them.
_TIMES: Final = 30
# What asks less often than that, and makes hardly anything that is not declared, need not be listened to all the time.
_TIMES_MOSTLY: Final = 10
_MADE_BESIDE: Final = 20
_PAUSES: Final = 4
# It asks about something new every few dozen steps; but for when everybody looks at everything, to find it in order.
_STEPS_FOR_NEWS: Final = 200
_STEPS_FOR_STORED: Final = 20
_STEPS_FOR_PROCESS: Final = 50
_NAMED: Final = 3
_READS: Final = frozenset({"get", "list", "watch"})
_EVENTS: Final = frozenset({"events", "events.events.k8s.io"})  # who makes them tells of his work; it is not his work
_SIZES: Final = ("replicas", "parallelism", "completions")
_UNTOLD: Final = ("metadata.resourceVersion", "metadata.generation", "metadata.managedFields")


class Circles:
    """
    Looks for circles in one run; as mutable as the machine that it looks at, and as local.

    Args:
        hurry: after how many steps at one instant they are to have come to something.

    Raises:
        ReconcileError: *hurry* is no number of steps.
    """

    def __init__(self, hurry: int = HURRY) -> None:
        if hurry < 1:
            raise ReconcileError(f"hurry: expected a number of steps above 0, found {hurry}")
        self.hurry = hurry
        self.found = ""
        """What was found last, a sentence; empty if nothing was."""
        self._at: Instant = -1
        self._began = self._next = 0
        self._tally: _Tally | None = None
        self._trace: Trace | None = None  # while it is listened
        self._read = 0
        self._is_own = False

    def next_look(self, machine: Machine) -> int:
        """Give the step after which `look` is to be asked, unless time has moved by then."""
        if machine.now != self._at:
            self.close(machine)
            self._tally = None
            self._at, self._began = machine.now, machine.steps
            self._next = machine.steps + -(-self.hurry // 2)
        elif self._trace is not None and machine.trace is not self._trace:
            self._listen(machine)  # the run goes on in another machine
        return self._next

    def look(self, machine: Machine) -> bool:
        """Tell whether somebody goes round in a circle, as far as can be seen; `found` says who."""
        pause = -(-self.hurry // 2)
        if self._trace is None:
            self._tally = self._tally or _Tally(self.hurry, machine)
            self._tally.begin(machine.steps)
            self._listen(machine)
        else:
            assert self._tally is not None, "what is heard is counted"
            self._tally.take(self._trace[self._read :], machine.steps)
            circle = self._tally.circle(machine)
            if circle:
                self.found = self._told(machine, *circle)
                return True
            # Listening costs, and what comes to something most often goes on so.
            if self._tally.is_fruitful(machine):
                self.close(machine)
                pause *= _PAUSES
            elif self._is_own:
                self._trace.clear()
                self._read = 0
            else:
                self._read = len(self._trace)
        self._next = machine.steps + pause
        return False

    def close(self, machine: Machine) -> None:
        """Leave the machine as if nobody had listened."""
        if self._is_own and machine.trace is self._trace:
            machine.trace = None
        self._trace, self._is_own = None, False

    def _told(self, machine: Machine, names: Iterable[str], since: int, what: str) -> str:
        who = sorted(names)[:_NAMED]
        goes = f"{' and '.join(who)} {'goes' if len(who) == 1 else 'go'} round in a circle"
        after = duration_text(machine.now - machine.cluster.topology.start)
        taken, last = machine.steps - self._began, machine.steps - since
        return f"{goes}, {after} after power-on: {taken:,} steps at one instant; in the last {last:,} {what}"

    def _listen(self, machine: Machine) -> None:
        self._is_own = machine.trace is None
        if machine.trace is None:
            machine.trace = []
        self._trace, self._read = machine.trace, len(machine.trace)


@attrs.define
class _Made:
    """How many objects were made for an owner; None if they have none."""

    owner: Any
    namespace: str
    count: int = 0


class _Tally:
    """What the steps of one instant come to, since it began to look big."""

    def __init__(self, hurry: int, machine: Machine) -> None:
        self._hurry = hurry
        self._stored = machine.store.size()
        self._began = self._taken_at = self._since = self._news_at = self._window_ends = machine.steps
        self._window = hurry
        self._asked: dict[_Target, int] = {}
        self._made: dict[_Maker, _Made] = {}
        self._told: Trace = []
        self._news = 0

    def begin(self, steps: int) -> None:
        """Count from this step on; what came before it was not listened to, but seemed to come to something."""
        self._taken_at = self._news_at = steps

    def take(self, told: Trace, steps: int) -> None:
        """Count what was asked for, up to this step."""
        if steps > self._window_ends:
            # What goes round over many things takes long to come back to each: so every time it is looked further.
            self._asked = {}
            self._window_ends, self._window = steps + self._window, 2 * self._window
        asked = self._asked
        known = len(asked)
        for _, item, response in told:
            request = item.request
            verb, name = request.verb, request.name
            if not item.process:
                self._stored += verb == "create"  # a client outside makes what he likes
                continue
            if verb == "create" and not request.subresource:
                name = self._created(item, response)
            target = request.resource, request.namespace, name, item.process if verb in _READS else ""
            asked[target] = asked.get(target, 0) + 1
        if (len(asked) - known) * _STEPS_FOR_NEWS >= self._hurry // 2:
            self._news_at = steps
        self._told, self._since, self._taken_at = told, self._taken_at, steps
        self._news = len(asked) - known

    def is_fruitful(self, machine: Machine) -> bool:
        """Tell whether what was counted last was mostly new, and made only as it is declared."""
        if self._news * _STEPS_FOR_NEWS < self._hurry // 2 or self._news * _TIMES_MOSTLY < len(self._told):
            return False
        return all(made.count <= _MADE_BESIDE + _declared(made, machine) for made in self._made.values())

    def _created(self, item: Sent, response: Response) -> str:
        """Count an object that was made; give its name."""
        request, made = item.request, response.body
        if not response.ok:
            return request.body.metadata.name or ""
        if request.resource not in _EVENTS:
            owner = controller_of(made)
            maker = (_who(item), request.resource, "" if owner is None else owner.uid or "")
            found = self._made.get(maker)
            if found is None:
                found = self._made[maker] = _Made(owner, request.namespace)
            found.count += 1
        return made.metadata.name or ""

    def circle(self, machine: Machine) -> tuple[Iterable[str], int, str] | None:
        """Give who goes round in a circle, since which step that was seen, and over what; None if nobody does."""
        asked = sum(self._asked.values())
        if asked * 20 >= self._hurry and asked > _TIMES * len(self._asked):
            return self._over_the_same()
        flood = self._flood(machine)
        if flood is not None:
            return flood
        enough = _STEPS_FOR_STORED * self._stored + _STEPS_FOR_PROCESS * len(machine.processes.table())
        if machine.steps - self._news_at >= self._hurry // 2 + enough:
            return self._over_nothing(machine.closed())
        return None

    def _over_nothing(self, cluster: Cluster) -> tuple[Iterable[str], int, str] | None:
        following = choices(cluster)[:1]
        if not following or isinstance(following[0], Advance):
            return None  # it has just come to its end
        names = {turn.process for _, turn in cluster.turns.items()} or {"something"}
        said = f"hardly anything was asked for; the next: {describe(following[0], cluster)}"
        return names, self._news_at, said

    def _over_the_same(self) -> tuple[Iterable[str], int, str]:
        rows: dict[tuple[str, str], list[tuple[Sent, Response]]] = {}
        for _, item, response in self._told:
            request = item.request
            name = request.name
            if request.verb == "create" and not name:
                name = request.body.metadata.name or request.body.metadata.generate_name or ""
            place = request.resource, joined(request.namespace, name)
            if item.process:
                rows.setdefault(place, []).append((item, response))
        most = sorted(rows.items(), key=lambda row: (-len(row[1]), row[0]))[:_NAMED]
        most = [(place, asked) for place, asked in most if len(asked) * 20 >= len(most[0][1])]
        names = {_who(item) for _, asked in most for item, _ in asked}
        return names, self._since, "; ".join([_spoken(*place, asked) for place, asked in most])

    def _flood(self, machine: Machine) -> tuple[Iterable[str], int, str] | None:
        """Find who makes objects without end: many more than are declared, or go with what is there or declared."""
        floor = max(self._hurry // 10, 1)
        if all(made.count <= floor for made in self._made.values()):
            return None
        excess = {maker: made.count - _declared(made, machine) for maker, made in self._made.items()}
        founded = sum(self._made[maker].count for maker, count in excess.items() if count <= floor)
        for maker, count in sorted(excess.items(), key=lambda row: (-row[1], row[0])):
            if count > max(floor, self._stored, founded):
                who, resource, _ = maker
                made = self._made[maker]
                owner = made.owner and f" for {made.owner.kind} {joined(made.namespace, made.owner.name)}"
                return (who,), self._began, f"{resource} created {made.count:,} times{owner or ''} by {who}"
        return None


def _spoken(resource: str, key: str, asked: list[tuple[Sent, Response]]) -> str:
    """Say how often something was asked about, by whom, and which of its fields changed."""
    writes = [response.body for item, response in asked if response.ok and item.request.verb not in _READS]
    fields = _fields([body for body in writes if hasattr(body, "metadata")])
    what = "written" if len(writes) * 2 > len(asked) else "asked for"
    by = Counter(_who(item) for item, _ in asked).most_common(_NAMED)
    times = " and ".join([f"{count:,} times by {who}" for who, count in by])
    return f"{resource} {key}{f' {fields}' if fields else ''} {what} {times}"


def _fields(written: list[Any]) -> str:
    """Name the fields in which the last two of several answers differ."""
    if not written:
        return ""
    last = written[-1]
    others = [body for body in written if body.metadata.resource_version != last.metadata.resource_version]
    if not others:
        return ""
    paths = [path for path, *_ in differing_fields(dump(others[-1]), dump(last)) if not path.startswith(_UNTOLD)]
    return ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")


def _who(item: Sent) -> str:
    """Name who asks: the controller, or the process."""
    kind, _, _ = item.process.partition("/")
    by_controller = kind == "kube-controller-manager" and item.tag is not None and isinstance(item.tag[0], str)
    if by_controller and item.tag is not None and item.tag[0] not in ("election", "recorder"):
        return f"controller {item.tag[0]}"
    return item.process


def _declared(made: _Made, machine: Machine) -> int:
    """Count the objects that their owner declares: as its spec says; 0 if it says nothing."""
    if made.owner is None:
        return 0
    try:
        resource = resource_for(made.owner.api_version, made.owner.kind)
    except ReconcileError:
        return 0
    owner = machine.store.get(resource.key, joined(made.namespace if resource.namespaced else "", made.owner.name))
    spec = getattr(owner, "spec", None)
    return max([getattr(spec, size, None) or 0 for size in _SIZES], default=0)
