"""
Script: what happens to a cluster during a run, and when: scale, set image, apply, delete, stop and start hosts.

A script is data, written as `schemas/scenario.json` says:

    commands:
      - {at: 1m, scale: deployment/web, replicas: 5, namespace: shop}
      - {at: 2m, set image: deployment/web, containers: {web: "web:2"}, namespace: shop}
      - {at: 3m, stop host: node-3}
      - {at: 9m, start host: node-3}
      - {at: 10m, delete: deployment/web, namespace: shop}
      - {at: 11m, apply: [{apiVersion: v1, kind: ConfigMap, metadata: {name: colours}}]}

Takes:    plain JSON data; the namespace of what names none.
Gives:    timed commands, and what each command does: an event, or requests asked one after the other.
Source:   the words are kubectl's.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import convert
from reconcile.api.kinds import resource_for, resource_named, resource_of
from reconcile.api.scalars import freeze
from reconcile.driver.client import LAST_APPLIED, delete, patch, scale, three_way
from reconcile.events import StartHost, StopHost
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, duration_text, parse_duration
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, Response

_NOT_FOUND: Final = 404
_MOST_REPLICAS: Final = 2**31 - 1


class ScriptError(ReconcileError):
    """
    A script that cannot be understood.

    Args:
        path: leads to the place: keys and list indexes from the top, and last, within an API object, its field's path.
        problem: what is wrong there.
    """

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        super().__init__(f"{path_text(path)}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


@attrs.frozen
class Target:
    """What a command is about: one object, by the words of kubectl."""

    word: str
    name: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.word}/{self.name}"


@attrs.frozen
class Scale:
    """`kubectl scale TARGET --replicas N`."""

    target: Target
    replicas: int

    def __str__(self) -> str:
        return f"scale {self.target} --replicas={self.replicas}"


@attrs.frozen
class SetImage:
    """`kubectl set image TARGET CONTAINER=IMAGE...`; the container `*` is every one."""

    target: Target
    images: Map[str]

    def __str__(self) -> str:
        return f"set image {self.target} " + " ".join([f"{name}={image}" for name, image in self.images.items()])


@attrs.frozen
class Delete:
    """`kubectl delete TARGET`, without waiting until it is gone."""

    target: Target

    def __str__(self) -> str:
        return f"delete {self.target}"


@attrs.frozen
class Apply:
    """`kubectl apply` of API objects."""

    objects: tuple[Any, ...]

    def __str__(self) -> str:
        return "apply " + " ".join([f"{resource_of(obj).key}/{obj.metadata.name}" for obj in self.objects])


@attrs.frozen
class Power:
    """Turn a host off, or on again."""

    host: str
    on: bool

    def __str__(self) -> str:
        return f"{'start' if self.on else 'stop'} host {self.host}"


Command: TypeAlias = Scale | SetImage | Delete | Apply | Power
Asking: TypeAlias = Generator[Request, Response, Response]
"""Requests to ask one after the other, each answered before the next; its value is the answer that counts."""


@attrs.frozen
class Timed:
    """A command, and how long after power-on it comes; *place* is where it was written, if that is known."""

    at: Duration
    command: Command
    place: str = attrs.field(default="", eq=False)


# Reading --------------------------------------------------------------------------------------------------------------

_OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "scale": ("replicas", "namespace"),
    "set image": ("containers", "namespace"),
    "delete": ("namespace",),
    "apply": ("namespace",),
    "stop host": (),
    "start host": (),
}


def parse(document: Any, *, namespace: str = "default") -> tuple[Timed, ...]:
    """
    Read a script.

    Args:
        document: plain JSON data.
        namespace: for commands that name none.

    Raises:
        ScriptError: it cannot be understood; it says where and shows the value.
    """
    _only(document, ("commands",), ())
    rows = document.get("commands")
    if not isinstance(rows, list):
        raise ScriptError(("commands",), f"must be a list of commands, not {rows!r}")
    timed = tuple([_timed(row, ("commands", place), namespace) for place, row in enumerate(rows)])
    for place, (before, after) in enumerate(pairwise(timed), start=1):
        if after.at < before.at:
            was = duration_text(before.at)
            raise ScriptError(("commands", place, "at"), f"{duration_text(after.at)} comes after {was} in the list")
    return timed


def _timed(row: Any, path: tuple[str | int, ...], namespace: str) -> Timed:
    if not isinstance(row, Mapping):
        raise ScriptError(path, f"must be a mapping, not {row!r}")
    said = [operation for operation in _OPERATIONS if operation in row]
    if len(said) != 1:
        found = f"has {' and '.join(said)}" if said else "has none"
        raise ScriptError(path, f"needs exactly one of {', '.join(_OPERATIONS)}; it {found}")
    operation = said[0]
    _only(row, ("at", operation, *_OPERATIONS[operation]), path)
    space = _text(row.get("namespace", namespace), (*path, "namespace"))
    return Timed(_instant(row, path), _command(operation, row, path, space))


def _instant(row: Mapping[str, Any], path: tuple[str | int, ...]) -> Duration:
    where = (*path, "at")
    if "at" not in row:
        raise ScriptError(where, "must say when, such as 1m30s")
    try:
        at = parse_duration(_text(row["at"], where))
    except ReconcileError as error:
        raise error if isinstance(error, ScriptError) else ScriptError(where, str(error)) from None
    if at < 0:
        raise ScriptError(where, f"{row['at']!r} is before power-on")
    return at


def _command(operation: str, row: Mapping[str, Any], path: tuple[str | int, ...], namespace: str) -> Command:
    where = (*path, operation)
    match operation:
        case "stop host" | "start host":
            return Power(_text(row[operation], where), on=operation == "start host")
        case "apply":
            return Apply(_objects(row["apply"], where, namespace))
        case "delete":
            return Delete(_target(row["delete"], where, namespace))
        case "scale":
            return Scale(_target(row["scale"], where, namespace, "scale"), _replicas(row, path))
        case _:
            return SetImage(_target(row["set image"], where, namespace), _images(row, path))


def _target(value: Any, path: tuple[str | int, ...], namespace: str, subresource: str = "") -> Target:
    word, slash, name = _text(value, path).partition("/")
    if not (word and slash and name) or "/" in name:
        raise ScriptError(path, f"{value!r} is not of the form deployment/web")
    try:
        found = resource_named(word)
    except ReconcileError as error:
        raise ScriptError(path, str(error)) from None
    if subresource and subresource not in found.subresources:
        raise ScriptError(path, f"{found.plural} cannot be scaled: {value!r}")
    return Target(word, name, namespace)


def _replicas(row: Mapping[str, Any], path: tuple[str | int, ...]) -> int:
    count = row.get("replicas")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MOST_REPLICAS:
        raise ScriptError((*path, "replicas"), f"must be a count, from 0 to {_MOST_REPLICAS}, not {count!r}")
    return count


def _images(row: Mapping[str, Any], path: tuple[str | int, ...]) -> Map[str]:
    images = row.get("containers")
    where = (*path, "containers")
    if not isinstance(images, Mapping) or not images:
        raise ScriptError(where, f"must map containers to images, such as {{web: 'web:2'}}, not be {images!r}")
    return Map({str(name): _text(image, (*where, str(name))) for name, image in images.items()})


def _objects(value: Any, path: tuple[str | int, ...], namespace: str) -> tuple[Any, ...]:
    rows = value if isinstance(value, list) else [value]
    found = []
    for place, row in enumerate(rows):
        where = (*path, place) if isinstance(value, list) else path
        unserved = unmatched(row)
        if unserved:
            raise ScriptError(where, unserved)
        try:
            found.append(settled_in(convert.load(row).object, namespace))
        except convert.InvalidObject as error:
            fault = error.faults[0]
            problem = str(fault).removeprefix(f"{fault.path}: ")
            raise ScriptError((*where, fault.path) if fault.path else where, problem) from None
        except ReconcileError as error:
            raise ScriptError(where, str(error)) from None
    return tuple(found)


def _text(value: Any, path: tuple[str | int, ...]) -> str:
    if not isinstance(value, str) or not value:
        raise ScriptError(path, f"must be text, not {value!r}")
    return value


def _only(value: Any, known: tuple[str, ...], path: tuple[str | int, ...]) -> None:
    if not isinstance(value, Mapping):
        raise ScriptError(path, f"must be a mapping, not {value!r}")
    for key in value:
        if key not in known:
            raise ScriptError((*path, str(key)), f"there is no such field; known: {', '.join(known)}")


def path_text(path: tuple[str | int, ...]) -> str:
    """Give a path as text: `commands[2].containers.web`."""
    text = "".join([f"[{part}]" if isinstance(part, int) else f".{part}" for part in path])
    return text.removeprefix(".")


# What a command does --------------------------------------------------------------------------------------------------


def event_of(command: Command) -> StopHost | StartHost | None:
    """Give the event that a command is, or None if it is asked of the API server."""
    if not isinstance(command, Power):
        return None
    return StartHost(command.host) if command.on else StopHost(command.host)


def requests_of(command: Scale | SetImage | Delete) -> Asking:
    """Give the requests that a command is, each to be answered before the next; its value is the last answer."""
    target = command.target
    match command:
        case Scale():
            return (yield scale(target.word, target.name, command.replicas, namespace=target.namespace))
        case Delete():
            return (yield delete(target.word, target.name, namespace=target.namespace))
        case SetImage():
            found = yield _get(target)
            if not found.ok:
                return found
            body = images_patch(found.body, command.images)
            return (yield patch(target.word, target.name, body, namespace=target.namespace)) if body else found


def applying(obj: Any) -> Asking:
    """
    Give the requests of `kubectl apply`: read the object; create it if it is not there, else send the three-way patch.

    Args:
        obj: an API object with its namespace (see `settled_in`).
    """
    resource, metadata = resource_of(obj), obj.metadata
    space, name = metadata.namespace or "", metadata.name
    found = yield Request(verb="get", resource=resource.key, namespace=space, name=name)
    marked = _marked(obj)
    if found.code == _NOT_FOUND:
        return (yield Request(verb="create", resource=resource.key, namespace=space, body=marked))
    body = three_way(found.body, marked) if found.ok else None
    if not body:
        return found
    return (yield Request(verb="patch", resource=resource.key, namespace=space, name=name, body=freeze(body)))


def settled_in(obj: Any, namespace: str) -> Any:
    """
    Give an API object with *namespace* if it is of a namespaced kind and names none; without any if it is of the
    cluster's own.

    Raises:
        ReconcileError: it cannot be applied: it has no name, or its kind is not served.
    """
    if isinstance(obj, convert.CustomObject):
        raise ReconcileError(_unserved(obj.api_version or "", obj.kind or ""))
    resource, metadata = resource_of(obj), obj.metadata
    if metadata and metadata.generate_name and not metadata.name:
        raise ReconcileError(f"from {metadata.generate_name}: cannot use generate name with apply")
    if not metadata or not metadata.name:
        raise ReconcileError(f"{resource.kind}: metadata.name: required")
    space = (metadata.namespace or namespace) if resource.namespaced else None
    return obj if (metadata.namespace or None) == space else replace(obj, metadata=replace(metadata, namespace=space))


def unmatched(content: Any) -> str:
    """Say, as kubectl does, that no resource has the kind that plain data is of; empty if one has, or it says none."""
    version, kind = (content.get("apiVersion"), content.get("kind")) if isinstance(content, Mapping) else (None, None)
    if not (isinstance(version, str) and isinstance(kind, str) and version and kind):
        return ""
    try:
        resource_for(version, kind)
    except ReconcileError:
        return _unserved(version, kind)
    return ""


def _unserved(version: str, kind: str) -> str:
    return f'no matches for kind "{kind}" in version "{version}"'


def images_patch(live: Any, images: Mapping[str, str]) -> dict[str, Any]:
    """
    Give the merge patch by which *live*, a pod or what has a pod template, gets *images*; empty if it has them.

    Raises:
        ReconcileError: it has no such container; it shows which there are.
    """
    whole = convert.dump(live)
    path = _template_path(whole)
    spec = whole
    for key in path:
        spec = spec[key]
    changed: dict[str, Any] = {}
    names: list[str] = []
    for part in ("containers", "initContainers"):
        rows = spec.get(part, [])
        names += [row["name"] for row in rows]
        now = [{**row, "image": images.get(row["name"], images.get("*", row["image"]))} for row in rows]
        if now != rows:
            changed[part] = now
    for name in images:
        if name != "*" and name not in names:
            raise ReconcileError(f"unable to find container named {name!r}; there are {', '.join(names)}")
    for key in reversed(path):
        changed = {key: changed} if changed else {}
    return changed


def _template_path(whole: dict[str, Any]) -> tuple[str, ...]:
    if "jobTemplate" in whole.get("spec", {}):
        return ("spec", "jobTemplate", "spec", "template", "spec")
    if "template" in whole.get("spec", {}):
        return ("spec", "template", "spec")
    if "containers" in whole.get("spec", {}):
        return ("spec",)
    raise ReconcileError(f"{whole.get('kind')} has no containers")


def _get(target: Target) -> Request:
    resource = resource_named(target.word)
    space = target.namespace if resource.namespaced else ""
    return Request(verb="get", resource=resource.key, namespace=space, name=target.name)


def _marked(obj: Any) -> Any:
    text = canonical(convert.dump(obj)) + "\n"
    annotations = (obj.metadata.annotations or Map()).set(LAST_APPLIED, text)
    return replace(obj, metadata=replace(obj.metadata, annotations=annotations))
