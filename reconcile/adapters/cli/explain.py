"""`reconcile explain`: why a pod of a recorded run is where it is, and what would become of others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import click

from reconcile.adapters.cli.files import load_manifests, load_scheduler
from reconcile.adapters.cli.logs import instant_of, opened_log, shown_at
from reconcile.adapters.own import load_controllers
from reconcile.cluster import Cluster
from reconcile.cluster.components import scheduling
from reconcile.components.scheduler.explaining import (
    Configuration,
    Explanation,
    Move,
    annotations_of,
    configuration_of,
    explanation_of,
    plain_of,
)
from reconcile.components.scheduler.plugin import Plugin
from reconcile.driver.log.chain import read_lines
from reconcile.driver.log.replay import replay
from reconcile.driver.run import collector_paused
from reconcile.driver.telling.scheduling import explain_pod, how_many_more, if_drained, pods_of, would_go
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import joined

_YES: Final = 0
_NO: Final = 2
_DIVERGED: Final = 2


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    what: Literal["pod", "drain", "room", "fit"]
    names: tuple[str, ...]
    log: Path
    until: int | None = None
    at: str | None = None
    namespace: str = "default"
    scheduler_config: Path | None = None
    output: Literal["json", "annotations"] | None = None
    own: tuple[str, ...] = ()
    recorded: bool = False


def explain(options: Options) -> int:
    """Print, and give the exit status: 2 if a pod would find no node."""
    if options.recorded:
        return _print_recorded(options)
    controllers = load_controllers(options.own)
    profile = _configuration(options.scheduler_config, controllers)
    with collector_paused(), opened_log(options.log) as lines:
        at = instant_of(options.at, lines, options.log)
        played = replay(lines, controllers=controllers, until=options.until, at=at)
    if not played.identical:
        click.echo(str(played.divergence), err=True)
        return _DIVERGED
    cluster = shown_at(played, at, options.at, options.until)
    if options.output == "annotations" and options.what != "pod":
        raise ReconcileError(f"-o annotations: is for explain pod, not for {options.what}")
    extenders = (profile or scheduling(cluster.topology, cluster.controllers)).extenders
    if extenders:
        click.echo(f"extenders have no say here: {', '.join([each.url for each in extenders])}", err=True)
    match options.what:
        case "pod":
            found = [explain_pod(cluster, name, namespace=options.namespace, profile=profile) for name in options.names]
            for each in found:
                click.echo(_written(each, options, cluster))
            return _YES if all(each.result == "bound" for each in found) else _NO
        case "drain":
            moves = if_drained(cluster, options.names, profile=profile)
            click.echo(_moves(moves, options.output))
            return _YES if all(move.node for move in moves) else _NO
        case "fit":
            moves = _fitting(cluster, options, profile)
            click.echo(_moves(moves, options.output))
            return _YES if all(move.node for move in moves) else _NO
        case "room":
            for name in options.names:
                pod = cluster.store.table("pods").get(joined(options.namespace, name))
                if pod is None:
                    raise ReconcileError(f'there is no pod "{name}" in namespace "{options.namespace}"')
                click.echo(_room(name, *how_many_more(cluster, _pending(pod), profile=profile), options.output))
            return _YES


def _fitting(cluster: Cluster, options: Options, profile: Configuration | None) -> tuple[Move, ...]:
    """Tell where the pods that manifests declare would go, one after the other."""
    given = load_manifests([Path(name) for name in options.names], options.namespace)
    objects = [each.object for each in given.declared]
    pods = pods_of(cluster, objects, namespace=options.namespace)
    if not pods:
        raise ReconcileError(f"{', '.join(options.names)}: no pod is declared, and no workload that has some")
    return would_go(cluster, pods, profile=profile)


def _print_recorded(options: Options) -> int:
    """Print what schedulers said of their decisions when they took them, which is read and not replayed."""
    for name, given in (
        ("--at", options.at),
        ("--until", options.until),
        ("--scheduler-config", options.scheduler_config),
        ("-o annotations", options.output == "annotations" or None),
        (f"explain {options.what}", None if options.what == "pod" else options.what),
    ):
        if given is not None:
            raise ReconcileError(f"--recorded: goes through the decisions of a log, without {name}")
    wanted: dict[str, list[tuple[int, Any]]] = {joined(options.namespace, name): [] for name in options.names}
    with opened_log(options.log) as lines:
        told = False
        for line in read_lines(lines, open_end=True):
            told = told or "log" in line.content.get("topology", {}).get("explanations", ())
            for at, pod, plain in line.content.get("explanations", ()):
                if pod in wanted:
                    wanted[pod].append((at, plain))
    if not told:
        raise ReconcileError(f"{options.log}: no decision is explained in it: record the run with --explain log")
    for pod, found in wanted.items():
        if not found:
            raise ReconcileError(f"{options.log}: no scheduler has decided about the pod {pod}")
    if options.output == "json":
        rows = [{"step": at, **plain} for found in wanted.values() for at, plain in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=4))
    else:
        for found in wanted.values():
            for at, plain in found:
                goes = f", to {plain['node']}" if plain["node"] else ""
                click.echo(f"step {at}{goes}: {_as_text(explanation_of(plain))}")
    return _YES if all(found[-1][1]["result"] == "bound" for found in wanted.values()) else _NO


def _written(found: Explanation, options: Options, cluster: Cluster) -> str:
    match options.output:
        case "json":
            return _as_json(found)
        case "annotations":
            pod = cluster.store.table("pods").get(found.pod)
            node = "" if pod is None else pod.spec.node_name or ""
            return json.dumps(annotations_of(found, node), ensure_ascii=False, indent=4)
        case None:
            return _as_text(found)


def _configuration(path: Path | None, own: tuple[Any, ...]) -> Configuration | None:
    """Read the configuration of the scheduler that is asked; without one it is the run's own."""
    found = load_scheduler(path, own, asks=True)
    return None if found is None else configuration_of(found, tuple([each for each in own if isinstance(each, Plugin)]))


def _pending(pod: Any) -> Any:
    return attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=None))


def _as_text(found: Explanation) -> str:
    """Write what every plugin said of every node as a table: a column for each plugin that gave scores."""
    plugins = list(dict.fromkeys([plugin for node in found.nodes for plugin in node.scores]))
    rows = [("NODE", "VERDICT", *plugins, *(["TOTAL"] if plugins else []))]
    for node in found.nodes:
        if node.refused_by:
            verdict = f"{node.refused_by}: {', '.join(node.reasons)}"
        else:
            verdict = "best" if node.name in found.best else "fits"
        scores = [str(node.scores[plugin]) if plugin in node.scores else "" for plugin in plugins]
        total = [str(node.total) if node.scores else ""] if plugins else []
        rows.append((node.name, verdict, *scores, *total))
    lines = [f"{found.pod}: {found.result}", *_table(rows)]
    if found.message:
        lines.append(found.message)
    if found.nominated:
        lines.append(f"Room is made on {found.nominated}: {', '.join(found.victims)}")
    return "\n".join(lines)


def _as_json(found: Explanation) -> str:
    return json.dumps(plain_of(found), ensure_ascii=False, indent=4)


def _moves(moves: tuple[Move, ...], output: str | None) -> str:
    if output == "json":
        return json.dumps([attrs.asdict(move) for move in moves], ensure_ascii=False, indent=4)
    rows = [("POD", "TO"), *[(move.pod, move.node or f"nowhere: {move.message}") for move in moves]]
    return "\n".join(_table(rows))


def _room(name: str, found: dict[str, int], why: str, output: str | None) -> str:
    if output == "json":
        whole = {"pod": name, "nodes": found, "total": sum(found.values()), "message": why}
        return json.dumps(whole, ensure_ascii=False, indent=4)
    rows = [("NODE", "MORE"), *[(node, str(count)) for node, count in sorted(found.items())]]
    return "\n".join([f"{name}: {sum(found.values())} more", *_table(rows), why])


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max([len(row[column]) for row in rows]) for column in range(len(rows[0]))]
    return ["   ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip() for row in rows]
