"""
replay: play a log again, and compare every step with what was recorded.

A run that diverges stops at the first step that differs, and says in which fields. What is compared is the text of each
line with what a recorder would write now, so nothing in it can be other than it was.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.log.chain import DamagedLog, Line, LogError, WrongVersion, body_of, now_json, read_lines
from reconcile.driver.log.patches import Known, change_json, differing_fields
from reconcile.driver.log.recording import explanations_json, header_of, packed, place_of
from reconcile.driver.machine import Machine
from reconcile.driver.run import play, play_before
from reconcile.driver.step import apply_event
from reconcile.driver.telling.describe import describe
from reconcile.driver.wire import from_json, integer_from_json, to_json, topology_from_json
from reconcile.events import Advance, ClusterEvent
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant

_AROUND: Final = 30  # letters shown before and after where two texts part


@attrs.frozen
class Divergence:
    """
    Where a replay first differs from its log.

    Args:
        line: the log's line, counted from 1.
        step: the first step that differs, counted from 0; -1 if no step does, but a checkpoint's digest or something
            else in the line.
        differences: (field, as recorded, as replayed).
    """

    line: int
    step: int
    differences: tuple[tuple[str, Any, Any], ...]

    def __str__(self) -> str:
        where = f"line {self.line}, step {self.step}" if self.step >= 0 else f"line {self.line}"
        rows = [f"  {field}: recorded {was!r}, replayed {now!r}" for field, was, now in self.differences]
        return "\n".join([f"the replay diverges at {where}:", *rows])


@attrs.frozen
class Replay:
    """
    What a replay came to.

    Args:
        cluster: where it stopped: at the log's end, where it was told to stop, or before the first step that differs.
        identical: whether all that was played is as recorded.
        divergence: where it is not.
        events: the cluster events that were played, as (steps, event): the log's own history.
        stopped: whether it stopped before the log's end, as it was told to.
    """

    cluster: Cluster
    identical: bool
    divergence: Divergence | None = None
    events: tuple[tuple[int, ClusterEvent], ...] = ()
    stopped: bool = False


def replay(
    lines: Iterable[bytes],
    *,
    controllers: tuple[Any, ...] = (),
    until: int | None = None,
    at: Instant | None = None,
    open_end: bool = False,
) -> Replay:
    """
    Play a log.

    Args:
        lines: the log's lines, each with its line end, as a binary file gives them.
        controllers: the user's own controllers that the run had, in the same order.
        until: stop after this many steps.
        at: stop when time would move beyond this instant; a log that ends before it is played to its end.
        open_end: take a log that is still written, which has no end line.

    Raises:
        LogError: the log is damaged, cut, misordered, or of another version; it names the line.
    """
    checked = read_lines(lines, open_end=open_end)
    header = next(checked)
    cluster = boot_from(header, controllers)
    _check_header(header, cluster)
    player = _Player(cluster, until, at, detailed=header.content.get("detail") == "changes")
    for line in checked:
        if player.done or player.divergence is not None:
            continue  # the rest is still read, so that damage anywhere is refused
        player.play(line)
    divergence, events = player.divergence, tuple(player.events)
    return Replay(player.machine.closed(), divergence is None, divergence, events, player.done)


def play_on(cluster: Cluster, lines: Iterable[Line], *, detailed: bool) -> Replay:
    """
    Play the rest of a log.

    Args:
        cluster: as it was where *lines* begin.
        lines: as `read_lines` gives them.
        detailed: whether the log has every change.

    Raises:
        LogError: as `replay`; a line that differs is no error, but what the answer says.
    """
    player = _Player(cluster, None, None, detailed=detailed)
    for line in lines:
        if player.divergence is None:
            player.play(line)
    return Replay(player.machine.closed(), player.divergence is None, player.divergence, tuple(player.events))


def check_origin(line: Line, controllers: tuple[Any, ...]) -> None:
    """Refuse a header of another version of Kubernetes, or of a run with other controllers; LogError says which."""
    header = line.content
    if "log" not in header:
        raise DamagedLog(1, "it is no header")
    if header.get("kubernetes") != KUBERNETES_VERSION:
        raise WrongVersion(1, f"Kubernetes is {header.get('kubernetes')!r}; this package has {KUBERNETES_VERSION!r}")
    names = [controller.name for controller in controllers]
    if header.get("controllers") != names:
        raise LogError(1, _other_controllers(header, names))


def boot_from(line: Line, controllers: tuple[Any, ...]) -> Cluster:
    """Boot the cluster that a log's header describes; WrongVersion or DamagedLog if it cannot be."""
    check_origin(line, controllers)
    topology = topology_of(line)
    try:
        seed = integer_from_json(line.content["seed"], "seed")
        return Cluster.boot(topology, seed=seed, controllers=controllers)
    except ReconcileError as error:
        raise DamagedLog(1, f"the header has no topology that can be booted: {error}") from None


def topology_of(line: Line) -> Topology:
    """Read the topology of a log's header; DamagedLog if it is none."""
    try:
        return topology_from_json(line.content["topology"])
    except ReconcileError as error:
        raise DamagedLog(1, f"the header has no topology that can be booted: {error}") from None


def _check_header(line: Line, cluster: Cluster) -> None:
    """Refuse a header that says what it says in another way than a recorder would."""
    if line.format == 1:
        return
    content = line.content
    wanted = header_of(cluster, content["detail"], tuple(content.get("modules", ()))) | {
        "reconcile": content["reconcile"]
    }
    for field, was, now in _differences(line, wanted):
        raise DamagedLog(1, f"{field} is {was!r}, where a recorder writes {now!r}")


def event_of(line: Line) -> ClusterEvent:
    """Read the event of a line; DamagedLog if it is none."""
    try:
        event: ClusterEvent = from_json(line.content["event"], ClusterEvent)
    except ReconcileError as error:
        raise DamagedLog(line.number, f"its event cannot be read: {error}") from None
    return event


def _other_controllers(header: Mapping[str, Any], given: list[str]) -> str:
    """Say, in one line, which controllers a run had, and how to give them."""
    had, modules = header.get("controllers"), header.get("modules")
    whose = f"the run had {_listed(had)}, the replay is given {_listed(given)}"
    if not had:
        return whose
    words = modules if isinstance(modules, list) and modules else ["MODULE:NAME"]
    return f"{whose}: give {' '.join([f'--controllers {word}' for word in words])}"


def _listed(names: Any) -> str:
    if not isinstance(names, list) or not names:
        return "no controllers of the user's own" if names == [] else f"the controllers {names!r}"
    return f"the controller{'s' if len(names) > 1 else ''} {', '.join(map(str, names))}"


class _Player:
    """Plays line after line."""

    def __init__(self, cluster: Cluster, until: int | None, at: Instant | None, *, detailed: bool) -> None:
        self.machine = Machine(cluster)
        self.detailed = detailed  # whether the log has every change
        self.until = until
        self.at = at
        self.done = False
        self.divergence: Divergence | None = None
        self.events: list[tuple[int, ClusterEvent]] = []

    def play(self, line: Line) -> None:
        content = line.content
        if "event" in content:
            self._event(line)
        elif "run" in content:
            self._segment(line)
        else:
            self._compare_digest(line, content.get("checkpoint") or content.get("end"))

    def _event(self, line: Line) -> None:
        if self._stops_before(self.machine.steps + 1):
            return
        before = self._ready()
        event = event_of(line)
        if self.at is not None and isinstance(event, Advance) and event.to > self.at:
            self.done = True
            return
        written = to_json(event) if line.format != 1 else line.content["event"]
        try:
            apply_event(self.machine, event)
        except ReconcileError as error:
            self._diverges(line, before, [("event", describe(event), f"refused: {error}")])
            return
        self.events.append((before.steps, event))
        self._compare(line, before, {"event": written})

    def _segment(self, line: Line) -> None:
        steps, now = line.content["run"]["steps"], line.now
        before = self._ready()
        last = before.steps + steps
        if self.until is not None and self.until < last:
            last, self.done = self.until, True
        if self.at is not None and self.at < now:
            self.done = True
            play_before(self.machine, last, self.at)
        else:
            play(self.machine, last, now)
        taken = {"steps": self.machine.steps - before.steps, "now": now_json(self.machine.now, line.format)}
        self._compare(line, before, {"run": taken})

    def _ready(self) -> Cluster:
        before = self.machine.closed()
        self.machine.outbox.clear()
        self.machine.marks = array("H")
        self.machine.observed = [] if self.detailed else None
        self.machine.explained = []
        return before

    def _stops_before(self, steps: int) -> bool:
        self.done = self.done or (self.until is not None and steps > self.until)
        return self.done

    def _compare(self, line: Line, before: Cluster, content: dict[str, Any]) -> None:
        """Compare the line with what a recorder writes; at the first step that differs, go back to just before it."""
        marks = self.machine.marks
        assert marks is not None
        recorded = line.content["marks"]
        actual = packed(marks)
        known = Known()
        made = [[at, *change_json(change, known)] for at, change in self.machine.observed or ()]
        content["marks"] = actual
        if made:
            content["changes"] = made
        if self.machine.explained:
            content["explanations"] = explanations_json(self.machine)
        if not self.done and body_of(content, line.number) == line.body:
            return
        if recorded.startswith(actual) and (self.done or recorded == actual):
            step = None
        else:
            wanted = struct.unpack(f">{len(recorded) // 4}H", bytes.fromhex(recorded))
            pairs = zip(wanted, marks, strict=False)
            same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(wanted), len(marks)))
            step = before.steps + same
        for was, now in _paired(line.content.get("changes", []), made):
            if was != now and not (now is None and self.done):
                at = min(row[0] for row in (was, now) if row is not None)
                if step is None or at <= step:
                    rows = _fields_of(*[row if row is not None and row[0] == at else None for row in (was, now)])
                    self._diverges(line, before, rows, at)
                    return
        if step is not None:
            self._diverges(line, before, [("mark", *self._marks_at(line, before, step))], step)
        elif not self.done:
            self.divergence = Divergence(line.number, -1, _differences(line, content))

    def _marks_at(self, line: Line, before: Cluster, step: int) -> tuple[str, str]:
        place = 4 * (step - before.steps)
        assert self.machine.marks is not None
        mine = packed(self.machine.marks)
        return line.content["marks"][place : place + 4] or "no step", mine[place : place + 4] or "no step"

    def _diverges(self, line: Line, before: Cluster, rows: list[tuple[str, Any, Any]], step: int | None = None) -> None:
        step = before.steps if step is None else step
        self.machine = Machine(before)
        if step > before.steps and "run" in line.content:
            play(self.machine, step, line.now)
        self.divergence = Divergence(line.number, step, tuple(rows))

    def _compare_digest(self, line: Line, place: Any) -> None:
        actual = place_of(self.machine.closed(), line.format)
        rows = tuple(differing_fields(place, actual))
        kind = next(iter(line.content.keys() & {"checkpoint", "end"}))
        rows = rows or _differences(line, {kind: actual})
        if rows:
            self.divergence = Divergence(line.number, -1, rows)


def _differences(line: Line, content: dict[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Give where a line differs from what a recorder writes; at least where its text does, which is canonical JSON."""
    body = body_of(content, line.number)
    if body == line.body:
        return ()
    recorded = {key: value for key, value in line.content.items() if key not in ("line", "check")}
    rows = differing_fields(recorded, content)
    if rows:
        return tuple(rows)
    at = next((at for at, (a, b) in enumerate(zip(line.body, body, strict=False)) if a != b), len(body))
    shown = slice(max(at - _AROUND, 0), at + _AROUND)
    return ((f"text at character {at + 1}", line.body[shown], body[shown]),)


def _paired(one: list[Any], other: list[Any]) -> Iterator[tuple[Any, Any]]:
    for place in range(max(len(one), len(other))):
        yield (one[place] if place < len(one) else None), (other[place] if place < len(other) else None)


def _fields_of(was: Any, now: Any) -> list[tuple[str, Any, Any]]:
    if was is None or now is None or was[:4] != now[:4]:
        return [("change", was and was[1:4], now and now[1:4])]
    rows = [(f"{was[2]} {was[3]}: {path}", a, b) for path, a, b in differing_fields(was[4], now[4])]
    return rows or [(f"{was[2]} {was[3]}", was[4], now[4])]  # a field that went, and one that was left alone
