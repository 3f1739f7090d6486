"""
Script: what happens to a cluster during a run, and when: what users do with kubectl, and what fails.

A script is data, written as `schemas/scenario.json` says:

    commands:
      - {at: 1m, scale: deployment/web, replicas: 5, namespace: shop}
      - {at: 2m, set image: deployment/web, containers: {web: "web:2"}, namespace: shop}
      - {at: 3m, stop host: node-3}
      - {at: 9m, start host: node-3}
      - {at: 10m, delete: deployment/web, namespace: shop}
      - {at: 11m, apply: [{apiVersion: v1, kind: ConfigMap, metadata: {name: colours}}]}
      - {at: 12m, drain: node-2 --ignore-daemonsets --force}
      - {at: 13m, patch: deployment/shop, with: {spec: {paused: true}}}
      - {at: 14m, kill: pod/shop-0, container: web}
      - {at: 15m, freeze: kube-scheduler/node-1}
      - {at: 16m, join: node-9, control plane: true}

Takes:    plain JSON data; the namespace of what names none.
Gives:    timed commands, and what each command does: an event, or requests asked one after the other.
Source:   the words are kubectl's.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import convert
from reconcile.api.kinds import resource_for, resource_named, resource_of
from reconcile.driver.client import LAST_APPLIED, delete, patch, reapplied, scale
from reconcile.driver.kubectl.rollouts import images_patch
from reconcile.driver.mapping import mapped, unserved
from reconcile.driver.script.errands import VERBS, Errand, errand_of, talk_of
from reconcile.driver.script.fields import ScriptError, Target, duration_at, only, target_at, text_at
from reconcile.driver.script.linking import Cache, Drift, Link, cache_at, drift_at, link_at
from reconcile.driver.script.machines import CONTROL_PLANE, Doing, Joining, machinery_at
from reconcile.events import (
    Disconnect,
    Fault,
    Freeze,
    HoldCache,
    KillContainer,
    KillSandbox,
    Reconnect,
    ReleaseCache,
    SetClock,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Thaw,
)
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant, duration_text
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.definitions import Definition
from reconcile.model.definitions import resource_for as resource_in
from reconcile.model.requests import Request, Response, joined

_NOT_FOUND: Final = 404
_MOST_REPLICAS: Final = 2**31 - 1


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


@attrs.frozen
class Connection:
    """Cut a host off from the network, or connect it again."""

    host: str
    on: bool

    def __str__(self) -> str:
        return f"{'reconnect' if self.on else 'disconnect'} {self.host}"


@attrs.frozen
class Clock:
    """Let a host's clock jump, so that it is so far ahead."""

    host: str
    ahead: Duration

    def __str__(self) -> str:
        return f"clock {self.host} {duration_text(self.ahead)}"


@attrs.frozen
class Life:
    """Kill a process, or start one that its host starts."""

    process: str
    on: bool

    def __str__(self) -> str:
        return f"{'start process' if self.on else 'kill'} {self.process}"


@attrs.frozen
class Kill:
    """Kill a container of a pod; without one, its sandbox."""

    target: Target
    container: str = ""

    def __str__(self) -> str:
        return f"kill {self.target} {self.container}" if self.container else f"kill sandbox of {self.target}"


@attrs.frozen
class Pause:
    """Pause a process, or let it go on."""

    process: str
    on: bool

    def __str__(self) -> str:
        return f"{'freeze' if self.on else 'thaw'} {self.process}"


Happening: TypeAlias = Link | Drift | Power | Connection | Clock | Life | Cache | Kill | Pause | Doing
"""What is asked of nobody."""
Command: TypeAlias = Scale | SetImage | Delete | Apply | Happening | Joining | Errand
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
    "disconnect": (),
    "reconnect": (),
    "clock": ("ahead",),
    "drift": ("rate", "until"),
    "cut link": ("one way",),
    "slow link": ("delay", "jitter", "loss", "one way"),
    "mend link": ("one way",),
    "kill": ("container", "namespace"),
    "start process": (),
    "freeze": (),
    "thaw": (),
    "hold cache": ("behind",),
    "release cache": (),
    "join": (CONTROL_PLANE,),
    "member": (),
    "backends": (),
    **{verb: ("with", "namespace") if verb == "patch" else ("namespace",) for verb in VERBS if verb != "set image"},
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
    only(document, ("commands",), ())
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
    only(row, ("at", operation, *_OPERATIONS[operation]), path)
    space = text_at(row.get("namespace", namespace), (*path, "namespace"))
    return Timed(_instant(row, path), _command(operation, row, path, space))


def _instant(row: Mapping[str, Any], path: tuple[str | int, ...]) -> Duration:
    where = (*path, "at")
    if "at" not in row:
        raise ScriptError(where, "must say when, such as 1m30s")
    at = duration_at(row["at"], where)
    if at < 0:
        raise ScriptError(where, f"{row['at']!r} is before power-on")
    return at


def _command(operation: str, row: Mapping[str, Any], path: tuple[str | int, ...], namespace: str) -> Command:
    where = (*path, operation)
    match operation:
        case "stop host" | "start host":
            return Power(text_at(row[operation], where), on=operation == "start host")
        case "apply":
            return Apply(_objects(row["apply"], where, namespace))
        case "delete":
            return Delete(target_at(row["delete"], where, namespace))
        case "scale":
            return Scale(target_at(row["scale"], where, namespace, "scale"), _replicas(row, path))
        case "set image":
            return SetImage(target_at(row["set image"], where, namespace), _images(row, path))
        case "disconnect" | "reconnect":
            return Connection(text_at(row[operation], where), on=operation == "reconnect")
        case "cut link" | "mend link" | "slow link":
            return link_at(operation, row, where)
        case "clock":
            return Clock(text_at(row["clock"], where), _ahead(row, path))
        case "drift":
            return drift_at(row, where)
        case "kill":
            return _kill(row, path, namespace)
        case "freeze" | "thaw":
            return Pause(text_at(row[operation], where), on=operation == "freeze")
        case "start process":
            return Life(text_at(row[operation], where), on=True)
        case "join" | "member" | "backends":
            return machinery_at(operation, row, where)
        case "hold cache" | "release cache":
            return cache_at(operation, row, where)
        case _:
            return _errand(operation, row, path, namespace)


def _ahead(row: Mapping[str, Any], path: tuple[str | int, ...]) -> Duration:
    where = (*path, "ahead")
    if "ahead" not in row:
        raise ScriptError(where, "must say how far, such as 90s, or -90s for behind")
    return duration_at(row["ahead"], where)


def _kill(row: Mapping[str, Any], path: tuple[str | int, ...], namespace: str) -> Kill | Life:
    where = (*path, "kill")
    text = text_at(row["kill"], where)
    word, slash, name = text.partition("/")
    if not slash or not name:
        raise ScriptError(where, f"{text!r} is not of the form pod/web-1, sandbox/web-1 or kubelet/node-1")
    if word == "sandbox":
        if "container" in row:
            raise ScriptError(where, f"{text!r} is a whole sandbox: it has no container")
        return Kill(target_at(f"pod/{name}", where, namespace))
    if word not in _PODS:
        if "container" in row or "namespace" in row:
            raise ScriptError(where, f"{text!r} is a process: it has neither container nor namespace")
        return Life(text, on=False)
    return Kill(target_at(text, where, namespace), text_at(row.get("container"), (*path, "container")))


_PODS: Final = ("pod", "pods", "po")


def _errand(verb: str, row: Mapping[str, Any], path: tuple[str | int, ...], namespace: str) -> Errand:
    where = (*path, verb)
    words = tuple(text_at(row[verb], where).split())
    try:
        return errand_of(verb, words, namespace=namespace, body=row.get("with"))
    except ReconcileError as error:
        raise ScriptError(where, str(error)) from None


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
    return Map({str(name): text_at(image, (*where, str(name))) for name, image in images.items()})


def _objects(value: Any, path: tuple[str | int, ...], namespace: str) -> tuple[Any, ...]:
    rows = value if isinstance(value, list) else [value]
    found = []
    for place, row in enumerate(rows):
        where = (*path, place) if isinstance(value, list) else path
        said = unmatched(row)
        if said:
            raise ScriptError(where, said)
        try:
            found.append(settled_in(convert.load(row).object, namespace))
        except convert.InvalidObject as error:
            fault = error.faults[0]
            problem = str(fault).removeprefix(f"{fault.path}: ")
            raise ScriptError((*where, fault.path) if fault.path else where, problem) from None
        except ReconcileError as error:
            raise ScriptError(where, str(error)) from None
    return tuple(found)


# What a command does --------------------------------------------------------------------------------------------------


def event_of(command: Command) -> Fault | None:
    """Give the event that a command is, or None if it is asked of the API server."""
    match command:
        case Power(host, on):
            return StartHost(host) if on else StopHost(host)
        case Connection(host, on):
            return Reconnect(host) if on else Disconnect(host)
        case Clock(host, ahead):
            return SetClock(host, ahead)
        case Link(fault) | Drift(fault) | Doing(fault):
            return fault
        case Life(process, on):
            return StartProcess(process) if on else StopProcess(process)
        case Pause(process, on):
            return Freeze(process) if on else Thaw(process)
        case Cache(server, held, behind):
            return HoldCache(server, behind) if held else ReleaseCache(server)
        case Kill(target, container):
            key = joined(target.namespace, target.name)
            return KillContainer(key, container) if container else KillSandbox(key)
        case _:
            return None


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


def running(errand: Errand, now: Instant, say: Callable[[str], object]) -> Asking:
    """
    Give the requests of a command of kubectl; what it prints goes to *say*, line by line.

    Raises:
        ReconcileError: kubectl itself objects.
    """
    said = yield from talk_of(errand, now)
    for line in said.lines:
        say(line)
    if said.problem:
        raise ReconcileError(said.problem)
    return said.response


def applying(obj: Any, crds: Iterable[Definition] = ()) -> Asking:
    """
    Give the requests of `kubectl apply`: read the object; create it if it is not there, else send the three-way patch.

    Args:
        obj: an API object with its namespace (see `settled_in`).
        crds: the definitions that it may belong to.
    """
    resource, metadata = mapped(obj, crds), obj.metadata
    space, name = metadata.namespace or "", metadata.name
    found = yield Request(verb="get", resource=resource.key, namespace=space, name=name)
    marked = _marked(obj)
    if found.code == _NOT_FOUND:
        return (yield Request(verb="create", resource=resource.key, namespace=space, body=marked))
    patched = reapplied(found.body, marked, resource.key) if found.ok else None
    return found if patched is None else (yield patched)


def settled_in(obj: Any, namespace: str, crds: Iterable[Definition] = ()) -> Any:
    """
    Give an API object with *namespace* if it is of a namespaced kind and names none; without any if it is of the
    cluster's own.

    Raises:
        ReconcileError: it cannot be applied: it has no name, or its kind is not served.
    """
    resource, metadata = mapped(obj, crds), obj.metadata
    if metadata and metadata.generate_name and not metadata.name:
        raise ReconcileError(f"from {metadata.generate_name}: cannot use generate name with apply")
    if not metadata or not metadata.name:
        raise ReconcileError(f"{resource.kind}: metadata.name: required")
    space = (metadata.namespace or namespace) if resource.namespaced else None
    return obj if (metadata.namespace or None) == space else replace(obj, metadata=replace(metadata, namespace=space))


def unmatched(content: Any, crds: Iterable[Definition] = ()) -> str:
    """Say, as kubectl does, that no resource has the kind that plain data is of; empty if one has, or it says none."""
    version, kind = (content.get("apiVersion"), content.get("kind")) if isinstance(content, Mapping) else (None, None)
    if not (isinstance(version, str) and isinstance(kind, str) and version and kind):
        return ""
    try:
        resource_for(version, kind)
    except ReconcileError:
        return "" if resource_in(crds, version, kind) is not None else unserved(version, kind)
    return ""


def _get(target: Target) -> Request:
    resource = resource_named(target.word)
    space = target.namespace if resource.namespaced else ""
    return Request(verb="get", resource=resource.key, namespace=space, name=target.name)


def _marked(obj: Any) -> Any:
    text = canonical(convert.dump(obj)) + "\n"
    annotations = (obj.metadata.annotations or Map()).set(LAST_APPLIED, text)
    return replace(obj, metadata=replace(obj.metadata, annotations=annotations))
