"""
Comparing: where two recorded runs first part, and what is different at their ends.

Names that the API server drew (pods of a ReplicaSet) differ from run to run: such objects are paired by their owner and
the order in which they were made, and the one run's names are read as the other's.

Takes:    the lines of two logs.
Gives:    a Comparison.
Left out: Kubernetes Events are compared by how often what happened to whom, not one by one; pods whose names were drawn
          count there by their owner.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.api.convert import CustomObject, dump
from reconcile.cluster.founding import founding
from reconcile.cluster.topology import Topology
from reconcile.driver.log.chain import DamagedLog, read_lines
from reconcile.driver.log.lines import shown
from reconcile.driver.log.patches import differing_fields
from reconcile.driver.log.replay import event_of, replay, topology_of
from reconcile.driver.telling.describe import describe
from reconcile.driver.wire import from_json, to_json, topology_to_json
from reconcile.driver.wire.bodies import expected_of, object_from_json
from reconcile.events import ClusterEvent
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.model.requests import key_of
from reconcile.store import Store

_TIMES: Final = "timestamps"
IGNORED: Final = ("uid", "resourceVersion", _TIMES, "containerID", "machineID", "systemUUID", "bootID")
"""What tells nothing about whether two runs came to the same: what is drawn or counted, and when it was."""

_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_FREE: Final = ("data", "binaryData", "stringData", "labels", "annotations")  # their keys are the user's own words
_NAMING: Final = ("name", "type", "ip", "key")
_DRAWN: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}")  # the API server's alphabet for names that it draws
_EVENTS: Final = ("events", "events.events.k8s.io")
_HEADER: Final = ("log", "line", "check")

Rows = tuple[tuple[str, Any, Any], ...]
Objects = dict[tuple[str, str], dict[str, Any]]


@attrs.frozen
class Parting:
    """
    Where two runs first differ.

    Args:
        step: the first step that differs, counted from 0.
        lines: the line of each log that it stands in.
        now: the instant in each run, as far as its log says it: the end of that line's run.
        rows: (what, in the one, in the other).
    """

    step: int
    lines: tuple[int, int]
    now: tuple[Instant | None, Instant | None]
    rows: Rows


@attrs.frozen
class Comparison:
    """
    How two runs differ.

    Args:
        header: fields of the header that differ.
        parting: where they first part, if they do.
        paired: names that differ for objects that are the same by owner: (resource, the one's key, the other's).
        only_one: objects that only the one has at its end, as (resource, key).
        only_other: objects that only the other has.
        fields: (resource, key, rows) of objects that both have.
        events: (what happened to whom, how often in the one, in the other).
    """

    header: Rows = ()
    parting: Parting | None = None
    paired: tuple[tuple[str, str, str], ...] = ()
    only_one: tuple[tuple[str, str], ...] = ()
    only_other: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str, Rows], ...] = ()
    events: Rows = ()

    @property
    def same(self) -> bool:
        """Tell whether the runs are the same, step for step and at their ends."""
        return self == Comparison()


def compare(
    one: Iterable[bytes],
    other: Iterable[bytes],
    *,
    ignore: tuple[str, ...] = IGNORED,
    controllers: tuple[Any, ...] = (),
) -> Comparison:
    """
    Compare two runs.

    Args:
        one: a log's lines.
        other: another log's lines.
        ignore: names of fields that are not compared; `timestamps` stands for every time.
        controllers: the user's own controllers, if a log has to be replayed because it was recorded without changes.

    Raises:
        LogError: a log is damaged; or it has to be replayed and cannot be.
    """
    return compare_recordings(recording_of(one, controllers), recording_of(other, controllers), ignore=ignore)


def compare_recordings(a: Recording, b: Recording, *, ignore: tuple[str, ...] = IGNORED) -> Comparison:
    """Compare two runs that were read; as `compare`."""
    header = tuple(differing_fields(_settings(a), _settings(b)))
    ends = (a.end, b.end)
    names, paired = _pairs(*ends)
    mine, theirs = ends[0], {(key, names.get((key, own), own)): obj for (key, own), obj in ends[1].items()}
    spoken = {_name(own): _name(new) for (_, own), new in names.items()}
    both = [place for place in mine if place in theirs and place[0] not in _EVENTS]
    fields = [
        (*place, tuple(differing_fields(_cut(mine[place], ignore, {}), _cut(theirs[place], ignore, spoken))))
        for place in sorted(both)
    ]
    return Comparison(
        header=header,
        parting=_parting(a, b, ignore),
        paired=paired,
        only_one=tuple(sorted([place for place in mine if place not in theirs and place[0] not in _EVENTS])),
        only_other=tuple(sorted([place for place in theirs if place not in mine and place[0] not in _EVENTS])),
        fields=tuple([row for row in fields if row[2]]),
        events=_event_rows(mine, ends[1], spoken),
    )


# Reading a run --------------------------------------------------------------------------------------------------------


def recording_of(lines: Iterable[bytes], controllers: tuple[Any, ...] = ()) -> Recording:
    """
    Read a run.

    Args:
        lines: a log's lines.
        controllers: the user's own controllers, if the log has to be replayed because it was recorded without changes.

    Raises:
        LogError: the log is damaged, or what it wrote are no objects; or it has to be replayed and cannot be.
    """
    raw = list(lines)
    run = Recording.read(raw)
    if run.header.get("detail") == "changes":
        run.end = run.put_together(controllers)
    else:
        run.end = _stored(replay(raw, controllers=controllers).cluster.store)
    return run


@attrs.define
class Recording:
    """A log, by steps; *end* has every object at the end of the run, as plain JSON."""

    header: dict[str, Any]
    topology: Topology
    marks: str = ""
    events: list[tuple[int, Any]] = attrs.field(factory=list)
    changes: list[list[Any]] = attrs.field(factory=list)
    written: list[int] = attrs.field(factory=list)  # the line of each change
    starts: list[int] = attrs.field(factory=list)
    places: list[tuple[int, Instant | None]] = attrs.field(factory=list)
    end: Objects = attrs.field(factory=dict)

    @classmethod
    def read(cls, lines: Iterable[bytes]) -> Recording:
        """Read the lines of a log, without its end."""
        checked = read_lines(lines)
        first = next(checked)
        run = cls(first.content, topology_of(first))
        if first.format == 1:  # in which instants were numbers
            run.header = {**run.header, "topology": topology_to_json(run.topology)}
        marks: list[str] = []
        steps = 0
        for line in checked:
            content = line.content
            found = content.get("marks")
            if found is None:
                continue
            run.starts.append(steps)
            run.places.append((line.number, line.now if "run" in content else None))
            if "event" in content:
                event = event_of(line)
                run.events.append((steps, content["event"] if line.format != 1 else to_json(event)))
            changes = content.get("changes", ())
            run.changes += changes
            run.written += [line.number] * len(changes)
            marks.append(found)
            steps += len(found) // 4
        run.marks = "".join(marks)
        return run

    def place(self, step: int) -> tuple[int, Instant | None]:
        """Give the line in which a step stands, and the instant at that line's end."""
        at = bisect_right(self.starts, step) - 1
        return self.places[at] if at >= 0 else (1, None)

    def put_together(self, controllers: tuple[Any, ...]) -> Objects:
        """Give every object at the end of the run, of what was written, in the order in which they were made."""
        found = self._first(controllers)
        written: dict[tuple[str, str], int] = {}
        for line, (_, revision, resource, key, what) in zip(self.written, self.changes, strict=True):
            place = (resource, key)
            if what is None:
                found.pop(place, None)
                continue
            whole = _patched(found[place], what) if place in found else what
            metadata = whole.get("metadata")
            if not isinstance(metadata, dict):
                raise DamagedLog(line, f"{resource} {key}: metadata: expected an object, found {shown(metadata)}")
            # A new metadata: the one there is may be part of the change, which is compared later.
            found[place] = {**whole, "metadata": {**metadata, "resourceVersion": str(revision)}}
            written[place] = line
        for place, whole in found.items():
            _check_object(*place, whole, written.get(place, 1))
        return found

    def _first(self, controllers: tuple[Any, ...]) -> Objects:
        """Give what was stored when the run began, which is among no changes: the access rules."""
        names = [controller.name for controller in controllers]
        own = controllers if names == self.header.get("controllers") else ()
        return _stored(founding(self.topology, own))


def _check_object(resource: str, key: str, whole: dict[str, Any], line: int) -> None:
    """Refuse what is no object of its resource; *line* is where it was last written."""
    try:
        obj = object_from_json(whole, expected_of(resource) or CustomObject, "")
    except ReconcileError as error:
        raise DamagedLog(line, f"{resource} {key}: {error}") from None
    if obj.metadata is None or key_of(obj) != key:
        raise DamagedLog(line, f"{resource} {key}: the object there has another key, {shown(whole['metadata'])}")


def _settings(run: Recording) -> dict[str, Any]:
    return {key: value for key, value in run.header.items() if key not in _HEADER}


def _stored(store: Store) -> Objects:
    rows = [(key, obj) for key, table in store.tables.items() for obj in table.values()]
    rows.sort(key=lambda row: _made(row[1]))
    return {(key, key_of(obj)): dump(obj) for key, obj in rows}


def _made(obj: Any) -> tuple[int, str]:
    created = obj.metadata.creation_timestamp
    return (created.instant if created is not None else 0, obj.metadata.name)


def _patched(obj: Any, patch: Any) -> dict[str, Any]:
    """Apply what `patches.difference` wrote: a merge patch (RFC 7386)."""
    merged = dict(obj)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _patched(merged[key], value)
        else:
            merged[key] = value
    return merged


# Where they part ------------------------------------------------------------------------------------------------------


def _parting(a: Recording, b: Recording, ignore: tuple[str, ...]) -> Parting | None:
    found = [row for row in (_first_event(a, b), _first_change(a, b, ignore), _first_mark(a, b)) if row is not None]
    if not found:
        return None
    step, rows = min(found, key=lambda row: row[0])
    (line, now), (other_line, other_now) = a.place(step), b.place(step)
    return Parting(step, (line, other_line), (now, other_now), rows)


def _first_event(a: Recording, b: Recording) -> tuple[int, Rows] | None:
    for was, now in _zipped(a.events, b.events):
        if was != now:
            step = min(row[0] for row in (was, now) if row is not None)
            texts = [_described(row) if row is not None and row[0] == step else "no event" for row in (was, now)]
            rows: list[tuple[str, Any, Any]] = [("event", texts[0], texts[1])]
            if was is not None and now is not None and texts[0] == texts[1]:
                rows = differing_fields(was[1], now[1])
            return step, tuple(rows)
    return None


def _described(row: tuple[int, Any]) -> str:
    return describe(from_json(row[1], ClusterEvent))


def _first_change(a: Recording, b: Recording, ignore: tuple[str, ...]) -> tuple[int, Rows] | None:
    if any(run.header.get("detail") != "changes" for run in (a, b)):
        return None
    for was, now in _zipped(a.changes, b.changes):
        if was == now:
            continue
        if was is None or now is None or was[:4] != now[:4]:
            step = min(row[0] for row in (was, now) if row is not None)
            return step, (("change", _change_text(was), _change_text(now)),)
        what = f"{was[2]} {was[3]}"
        rows = differing_fields(_cut(was[4], ignore, {}), _cut(now[4], ignore, {}))
        if rows:
            return was[0], tuple([(f"{what}: {path}" if path else what, one, other) for path, one, other in rows])
    return None


def _change_text(row: list[Any] | None) -> str:
    return "none" if row is None else f"step {row[0]}: revision {row[1]}, {row[2]} {row[3]}"


def _first_mark(a: Recording, b: Recording) -> tuple[int, Rows] | None:
    if a.marks == b.marks:
        return None
    length = min(len(a.marks), len(b.marks))
    place = next((at for at in range(0, length, 4) if a.marks[at : at + 4] != b.marks[at : at + 4]), length)
    texts = [run.marks[place : place + 4] or "the run has ended" for run in (a, b)]
    return place // 4, (("mark", texts[0], texts[1]),)


def _zipped(one: list[Any], other: list[Any]) -> Iterator[tuple[Any, Any]]:
    for place in range(max(len(one), len(other))):
        yield (one[place] if place < len(one) else None), (other[place] if place < len(other) else None)


# The end states -------------------------------------------------------------------------------------------------------


def _pairs(mine: Objects, theirs: Objects) -> tuple[dict[tuple[str, str], str], tuple[tuple[str, str, str], ...]]:
    """Pair what only one of both has by owner: place in the other run -> key in the one; and the list of the pairs."""
    names: dict[tuple[str, str], str] = {}
    paired: list[tuple[str, str, str]] = []
    # An owner may have a drawn name itself, so pairs may make further pairs.
    while True:
        spoken = {_name(own): _name(new) for (_, own), new in names.items()}
        left = _grouped([place for place in mine if place not in theirs and place not in _taken(names)], mine, {})
        right = _grouped([place for place in theirs if place not in mine and place not in names], theirs, spoken)
        found = [
            (resource, own, other)
            for group, places in left.items()
            for (resource, own), (_, other) in zip(places, right.get(group, ()), strict=False)
        ]
        if not found:
            return names, tuple(sorted(paired))
        paired += found
        names |= {(resource, other): own for resource, own, other in found}


def _taken(names: dict[tuple[str, str], str]) -> set[tuple[str, str]]:
    return {(resource, own) for (resource, _), own in names.items()}


def _grouped(
    places: list[tuple[str, str]], objects: Objects, spoken: Mapping[str, str]
) -> dict[tuple[str, ...], list[tuple[str, str]]]:
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for place in places:
        metadata = objects[place].get("metadata", {})
        drawn = metadata.get("generateName")
        if not drawn:
            continue
        owners = [
            f"{row['kind']}/{spoken.get(row['name'], row['name'])}" for row in metadata.get("ownerReferences", ())
        ]
        groups.setdefault((place[0], metadata.get("namespace", ""), drawn, *owners), []).append(place)
    return groups


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _cut(value: Any, ignore: tuple[str, ...], spoken: Mapping[str, str]) -> Any:
    """
    Give plain JSON without what is ignored, and with the names of the other run read as those of the one.

    Lists whose entries have a name or type of their own are read as mappings: it is these that tell which is which.
    """
    if isinstance(value, dict):
        return {
            key: _cut(entry, tuple([name for name in ignore if name == _TIMES]) if key in _FREE else ignore, spoken)
            for key, entry in value.items()
            if key not in ignore
        }
    if isinstance(value, list):
        entries = [_cut(entry, ignore, spoken) for entry in value]
        for key in _NAMING:
            names = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
            if names and all(isinstance(name, str) for name in names) and len({*names}) == len(names):
                return dict(zip(names, entries, strict=True))
        return entries
    if isinstance(value, str):
        if _TIMES in ignore and _TIMESTAMP.fullmatch(value):
            return "a time"
        return spoken.get(value, value)
    return value


def _event_rows(mine: Objects, theirs: Objects, spoken: Mapping[str, str]) -> Rows:
    one, other = _tally(mine, {}), _tally(theirs, spoken)
    return tuple(
        [
            (what, one.get(what, 0), other.get(what, 0))
            for what in sorted({*one, *other})
            if one.get(what) != other.get(what)
        ]
    )


def _tally(objects: Objects, spoken: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (resource, _), event in objects.items():
        if resource in _EVENTS:
            about = event.get("involvedObject") or event.get("regarding") or {}
            name = spoken.get(about.get("name", ""), about.get("name", ""))
            drawn = about.get("kind") == "Pod" and _DRAWN.fullmatch(name[-6:])
            what = f"{event.get('reason')} of {about.get('kind')} {name[:-5] + '*' if drawn else name}"
            found[what] = found.get(what, 0) + int(event.get("count") or 1)
    return found
