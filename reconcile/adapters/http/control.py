"""
Control: what Kubernetes' own API has no words for, beside it: time, faults, snapshots, forks, the log.

All is below /reconcile/v1 of a cluster's address, in JSON, and for admins only (system:masters). See
docs/reference/control.md; schemas/control.json says what requests carry.

Takes:    a method, a path below the prefix, a body.
Gives:    plain JSON; Refused.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.adapters.http.asking import Advance, Choose, Happen, NewCluster, Settle, Speed, Wait
from reconcile.adapters.http.clusters import Clusters, Snapshot
from reconcile.adapters.http.journal import Journal
from reconcile.adapters.http.server import Server
from reconcile.api.convert import dump, loads_json
from reconcile.api.kinds import KUBERNETES_VERSION, resource_named
from reconcile.driver.choices import choices
from reconcile.driver.machine import Machine
from reconcile.driver.run import still_moving
from reconcile.driver.telling.awaiting import condition
from reconcile.driver.telling.describe import describe
from reconcile.driver.wire import from_json, integer_to_json, refuse_rounded, state_digest, state_json, to_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, parse_duration, rfc3339
from reconcile.lib.version import __version__
from reconcile.model.requests import joined

PREFIX: Final = "/reconcile/v1"


class Refused(ReconcileError):  # noqa: N818 -- it reads as what it is
    """A request that is answered with another code than 400."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def controlled(clusters: Clusters, server: Server, method: str, path: str, body: bytes) -> Any:
    """
    Do what a request asks; *path* is what follows the prefix.

    Returns:
        Plain JSON; text for the log.

    Raises:
        ReconcileError: it cannot be done; Refused where the code is another than 400.
    """
    parts = tuple([part for part in path.split("/") if part])
    verb = "GET" if method == "HEAD" else method
    plain = _PLAIN.get((verb, parts))
    if plain is not None:
        return plain(clusters, server)
    told = _TOLD.get((verb, parts))
    try:
        if told is not None:
            cls, way = told
            return way(clusters, server, _read(body, cls))
        if len(parts) > 1 and parts[0] in ("snapshots", "clusters"):
            return _named(clusters, server, verb, parts)
        raise _nowhere(verb, path, parts)
    finally:
        server.tell()
        server.wake()


def _nowhere(method: str, path: str, parts: tuple[str, ...]) -> Refused:
    known = sorted({verb for verb, there in (*_PLAIN, *_TOLD) if there == parts})
    if known:
        return Refused(405, "MethodNotAllowed", f"{path}: {method} is none of {', '.join(known)}")
    roots = sorted({there[0] for _, there in (*_PLAIN, *_TOLD) if there})
    return Refused(404, "NotFound", f"{PREFIX}{path}: there is nothing here; there are {', '.join(roots)}")


def _read(body: bytes, cls: type[Any]) -> Any:
    content = loads_json(body) if body.strip() else {}
    if cls is Happen and isinstance(content, dict) and "event" in content:
        content = {"events": [content]}
    elif cls is Happen and isinstance(content, list):
        content = {"events": content}
    refuse_rounded(content, cls)
    return from_json(content, cls)


# What is asked without a body -----------------------------------------------------------------------------------------


def _about(clusters: Clusters, server: Server) -> dict[str, Any]:
    del clusters
    live = server.live
    return {
        "reconcile": __version__,
        "kubernetes": KUBERNETES_VERSION,
        **_place(server),
        "time": rfc3339(live.now),
        "speed": server.pace.speed,
        "atRest": live.at_rest(),
        "moving": list(still_moving(live.cluster, live.circle)) if not live.at_rest() else [],
        "circle": live.circle,
        "recorded": server.journal is not None,
    }


def _place(server: Server) -> dict[str, Any]:
    return _place_of(server.live.machine)


def _place_of(machine: Machine) -> dict[str, Any]:
    return {"now": integer_to_json(machine.now), "steps": machine.steps, "revision": machine.store.revision}


def _choices(_: Clusters, server: Server) -> dict[str, Any]:
    cluster = server.live.cluster
    offered = choices(cluster)
    texts = [describe(choice, cluster) for choice in offered]
    return {**_place(server), "choices": [to_json(choice) for choice in offered], "texts": texts}


def _processes(_: Clusters, server: Server) -> dict[str, Any]:
    cluster = server.live.cluster
    rows = [
        {
            "name": name,
            "host": process.host,
            "leading": process.leading,
            "watches": {watch: cluster.lag(name, watch) for watch in process.watches},
        }
        for name, process in cluster.processes.items()
    ]
    return {**_place(server), "processes": rows}


def _digest(_: Clusters, server: Server) -> dict[str, Any]:
    return {**_place(server), "digest": state_digest(server.live.cluster)}


def _state(_: Clusters, server: Server) -> dict[str, Any]:
    return {**_place(server), "state": state_json(server.live.cluster)}


def log_of(server: Server) -> str:
    """Give the log of a cluster up to now, with its end, so that it replays; Refused if it is not recorded."""
    recorder = server.live.recorder
    if recorder is None or server.journal is None:
        raise Refused(409, "Conflict", "this cluster is not recorded: serve it with --record FILE")
    later = Journal()
    ending = recorder.fork(later.write)
    ending.end()
    return "".join([*server.journal.lines(), *later.lines()])


def _log(_: Clusters, server: Server) -> str:
    return log_of(server)


def _snapshots(clusters: Clusters, _: Server) -> dict[str, Any]:
    rows = [(name, each.live.machine) for name, each in sorted(clusters.snapshots.items())]
    return {"snapshots": [{"name": name, **_place_of(machine)} for name, machine in rows]}


def _clusters(clusters: Clusters, _: Server) -> dict[str, Any]:
    return {"clusters": [{"name": name, **_place(clusters.get(name))} for name in clusters.names()]}


# What is asked with a body --------------------------------------------------------------------------------------------


def _advance(_: Clusters, server: Server, asked: Advance) -> dict[str, Any]:
    live = server.live
    if (asked.to is None) == (not asked.by):
        raise ReconcileError("expected either by or to")
    to = live.now + _duration("by", asked.by) if asked.to is None else asked.to
    if to < live.now:
        raise ReconcileError(f"to: time cannot go back from {live.now} to {to}")
    live.play_to(to)
    return {**_place(server), "circle": live.circle}


def _settle(_: Clusters, server: Server, asked: Settle) -> dict[str, Any]:
    quiet = _duration("quiet", asked.quiet) if asked.quiet else None
    moving = server.live.settle(limit=_duration("limit", asked.limit), quiet=quiet)
    return {**_place(server), "settled": not moving, "moving": list(moving)}


def _wait(_: Clusters, server: Server, asked: Wait) -> dict[str, Any]:
    live = server.live
    resource = resource_named(asked.resource)
    holds = condition(asked.for_, resource.key)
    key = joined(asked.namespace if resource.namespaced else "", asked.name)
    table = live.machine.store
    last: Any = _UNSEEN
    met = False

    def done() -> bool:
        nonlocal last, met
        found = table.get(resource.key, key)
        if found is not last:
            last, met = found, holds(found)
        return met

    live.play_to(live.now + _duration("limit", asked.limit), done=done)
    found = table.get(resource.key, key)
    return {**_place(server), "met": done(), "object": None if found is None else dump(found), "circle": live.circle}


_UNSEEN: Final = object()


def _happen(_: Clusters, server: Server, asked: Happen) -> dict[str, Any]:
    for event in asked.events:
        server.live.happen(event)
    return _place(server)


def _choose(_: Clusters, server: Server, asked: Choose) -> dict[str, Any]:
    cluster = server.live.cluster
    if asked.steps is not None and asked.steps != cluster.steps:
        raise Refused(409, "Conflict", f"steps: {cluster.steps} were taken by now, not {asked.steps}: list again")
    offered = choices(cluster)
    if not 0 <= asked.choice < len(offered):
        raise ReconcileError(f"choice: {asked.choice} is not one of the {len(offered)} that there are, from 0")
    text = describe(offered[asked.choice], cluster)
    server.live.happen(offered[asked.choice])
    return {**_place(server), "took": text}


def _speed(_: Clusters, server: Server, asked: Speed) -> dict[str, Any]:
    server.pace.change(asked.speed)
    return {**_place(server), "speed": server.pace.speed}


def _fork(clusters: Clusters, server: Server, asked: NewCluster) -> dict[str, Any]:
    snapshot = _kept(clusters, asked.snapshot) if asked.snapshot else Snapshot.of(server)
    made = clusters.fork(asked.name, snapshot, asked.speed or server.pace.speed)
    return {"name": made.name, "path": f"/clusters/{made.name}", **_place(made)}


def _duration(field: str, text: str) -> Duration:
    try:
        found = parse_duration(text)
    except ReconcileError as error:
        raise ReconcileError(f"{field}: {error}") from None
    if found < 0:
        raise ReconcileError(f"{field}: {text!r} is negative")
    return found


# Snapshots and clusters by name ---------------------------------------------------------------------------------------


def _named(clusters: Clusters, server: Server, verb: str, parts: tuple[str, ...]) -> dict[str, Any]:
    match verb, parts:
        case "PUT", ("snapshots", name):
            clusters.snapshots[name] = Snapshot.of(server)
            return _snapshots(clusters, server)
        case "DELETE", ("snapshots", name):
            _kept(clusters, name)
            del clusters.snapshots[name]
            return _snapshots(clusters, server)
        case "POST", ("snapshots", name, "restore"):
            restore(_kept(clusters, name), server)
            return _place(server)
        case "DELETE", ("clusters", name):
            _there(clusters, name)
            clusters.drop(name)
            return _clusters(clusters, server)
        case "GET", ("clusters", name):
            return _about(clusters, _there(clusters, name))
        case _:
            raise Refused(405, "MethodNotAllowed", f"{PREFIX}/{'/'.join(parts)}: {verb} is not served here")


def restore(snapshot: Snapshot, server: Server) -> None:
    """Let a server go on from a snapshot; its log becomes the one that leads there."""
    if server.journal is None:
        server.go_on_with(snapshot.live.fork(), None)
    elif snapshot.journal is None:
        raise Refused(409, "Conflict", "the snapshot is of a cluster that is not recorded, and this one is")
    else:
        server.go_on_with(snapshot.live.fork(server.journal.write), snapshot.journal.lines())


def _kept(clusters: Clusters, name: str) -> Snapshot:
    found = clusters.snapshots.get(name)
    if found is None:
        there = ", ".join(sorted(clusters.snapshots)) or "none"
        raise Refused(404, "NotFound", f"there is no snapshot {name!r}; there are {there}")
    return found


def _there(clusters: Clusters, name: str) -> Server:
    try:
        return clusters.get(name)
    except ReconcileError as error:
        raise Refused(404, "NotFound", str(error)) from None


_PLAIN: Final[dict[tuple[str, tuple[str, ...]], Callable[[Clusters, Server], Any]]] = {
    ("GET", ()): _about,
    ("GET", ("choices",)): _choices,
    ("GET", ("processes",)): _processes,
    ("GET", ("digest",)): _digest,
    ("GET", ("state",)): _state,
    ("GET", ("log",)): _log,
    ("GET", ("snapshots",)): _snapshots,
    ("GET", ("clusters",)): _clusters,
}
_TOLD: Final[dict[tuple[str, tuple[str, ...]], tuple[type[Any], Callable[[Clusters, Server, Any], Any]]]] = {
    ("POST", ("advance",)): (Advance, _advance),
    ("POST", ("settle",)): (Settle, _settle),
    ("POST", ("wait",)): (Wait, _wait),
    ("POST", ("events",)): (Happen, _happen),
    ("POST", ("choices",)): (Choose, _choose),
    ("PUT", ("speed",)): (Speed, _speed),
    ("POST", ("clusters",)): (NewCluster, _fork),
}
