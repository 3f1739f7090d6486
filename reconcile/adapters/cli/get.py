"""`reconcile get`: print objects of a recorded run as kubectl get does."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import click
import yaml

from reconcile.adapters.cli.files import BadFiles
from reconcile.adapters.cli.listing import custom_shapes, is_namespaced, resource_key, resource_keys
from reconcile.adapters.cli.logs import instant_of, opened_log, shown_at
from reconcile.adapters.own import load_controllers
from reconcile.api.convert import dump
from reconcile.cluster import Cluster
from reconcile.driver.log.replay import replay
from reconcile.driver.operating.etcdctl import member_table
from reconcile.driver.run import collector_paused
from reconcile.model.printing import table, type_name
from reconcile.model.requests import joined

_MEMBERS: Final = "members"  # of etcd, which are no objects
_FOUND: Final = 0
_BAD_INPUT: Final = 1
_DIVERGED: Final = 2


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    resources: str
    names: tuple[str, ...] = ()
    log: Path
    until: int | None = None
    at: str | None = None
    namespace: str = "default"
    all_namespaces: bool = False
    output: Literal["wide", "name", "json", "yaml"] | None = None
    own: tuple[str, ...] = ()


def print_objects(options: Options) -> int:
    """Print, and give the exit status."""
    members = options.resources == _MEMBERS
    wanted, controllers = [] if members else _wanted(options), load_controllers(options.own)
    with collector_paused(), opened_log(options.log) as lines:
        at = instant_of(options.at, lines, options.log)
        played = replay(lines, controllers=controllers, until=options.until, at=at)
    if not played.identical:
        click.echo(str(played.divergence), err=True)
        return _DIVERGED
    cluster = shown_at(played, at, options.at, options.until)
    if members:
        click.echo("\n".join(member_table(cluster)))
        return _FOUND
    found: list[tuple[str, list[Any]]] = []
    missing = []
    for key, names in wanted:
        objects, gone = _objects(cluster, key, names, options)
        found.append((key, objects))
        missing += [f'Error from server (NotFound): {key} "{name}" not found' for name in gone]
    _print(cluster, [row for row in found if row[1]], options)
    if not missing and not any(objects for _, objects in found) and options.output not in ("json", "yaml"):
        namespaced = any(is_namespaced(key) for key, _ in found) and not options.all_namespaces
        click.echo(f"No resources found{f' in {options.namespace} namespace' if namespaced else ''}.", err=True)
    for text in missing:
        click.echo(text, err=True)
    return _BAD_INPUT if missing else _FOUND


def _wanted(options: Options) -> list[tuple[str, tuple[str, ...]]]:
    """Read `pods`, `pods,services`, `pod/web-1 service/web`, `pod web-1 web-2`."""
    words = [options.resources, *options.names]
    if any("/" in word for word in words):
        wrong = [word for word in words if word.count("/") != 1]
        if wrong:
            raise BadFiles([f"{wrong[0]!r}: there are others of the form pod/web, so all have to be"])
        pairs = [word.split("/") for word in words]
        if not all(name for _, name in pairs):
            raise BadFiles([f"{' '.join(words)!r}: there is no name after a slash"])
        return [(resource_key(word), (name,)) for word, name in pairs]
    keys = [key for word in options.resources.split(",") for key in resource_keys(word)]
    return [(key, options.names) for key in dict.fromkeys(keys)]


def _objects(cluster: Cluster, key: str, names: tuple[str, ...], options: Options) -> tuple[list[Any], list[str]]:
    stored = cluster.store.table(key)
    if not names:
        if options.all_namespaces or not is_namespaced(key):
            return list(stored.values()), []
        return list(stored.under("namespace", options.namespace)), []
    space = options.namespace if is_namespaced(key) else ""
    pairs = [(name, stored.get(joined(space, name))) for name in names]
    return [obj for _, obj in pairs if obj is not None], [name for name, obj in pairs if obj is None]


def _print(cluster: Cluster, found: list[tuple[str, list[Any]]], options: Options) -> None:
    if options.output in ("json", "yaml"):
        items = [dump(obj) for _, objects in found for obj in objects]
        if items or not _names_asked(options):
            _print_whole(items, options)
        return
    shapes = custom_shapes(cluster)
    for place, (key, objects) in enumerate(found):
        if options.output == "name":
            for obj in objects:
                click.echo(f"{type_name(key)}/{obj.metadata.name}")
            continue
        if place:
            click.echo()
        namespaced = options.all_namespaces and is_namespaced(key)
        wide = options.output == "wide"
        typed, shape = len(found) > 1, shapes.get(key)
        click.echo(table(key, objects, cluster.now, namespaced=namespaced, wide=wide, typed=typed, shape=shape))


def _names_asked(options: Options) -> int:
    return len(options.names) + options.resources.count("/")


def _print_whole(items: list[dict[str, Any]], options: Options) -> None:
    one = len(items) == 1 and _names_asked(options) == 1
    whole = (
        items[0] if one else {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    )
    if options.output == "json":
        click.echo(json.dumps(whole, sort_keys=True, ensure_ascii=False, indent=4))
    else:
        click.echo(yaml.safe_dump(whole, sort_keys=True, allow_unicode=True, width=math.inf), nl=False)
