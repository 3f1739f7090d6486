"""What the commands read: manifests, topology, behaviours, scenario; each fault with file, document and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import yaml

from reconcile.adapters.manifests import Manifest, place_text, read_manifests
from reconcile.api import convert
from reconcile.api.convert import InvalidObject
from reconcile.api.kinds import Resource, resource_of
from reconcile.driver.script import ScriptError, Timed, parse, settled_in
from reconcile.lib.errors import ReconcileError

T = TypeVar("T")
Path_ = tuple[str | int, ...]

# What others refer to comes before them; kinds that are not named come last.
_ORDER: Final = (
    *("PriorityClass", "Namespace", "CustomResourceDefinition", "NetworkPolicy", "ResourceQuota", "LimitRange"),
    *("PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap", "StorageClass", "PersistentVolume"),
    *("PersistentVolumeClaim", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "RuntimeClass", "Service"),
    *("DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler"),
    *("StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService"),
    *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
)
_PART: Final = re.compile(r"[^.\[\]]+|\[\d+\]|\[[^\]]+\]")


class BadFiles(ReconcileError):  # noqa: N818 -- it reads as what they are
    """What is wrong with the files, a line each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n       ".join(self.faults))


@attrs.frozen
class Declared:
    """An API object that a manifest declares."""

    manifest: Manifest
    object: Any
    resource: Resource

    def place(self, field: str = "") -> str:
        """Say where a field of it stands, such as `spec.ports[0].port`, or as much of it as is there."""
        return place_of(self.manifest, field)


def load_manifests(paths: Iterable[Path], namespace: str) -> tuple[Declared, ...]:
    """
    Read manifests in the order in which they are to be applied.

    Raises:
        BadFiles, ManifestError: a file or an object is not what it should be, or there is no object at all.
    """
    given = tuple(paths)
    found: list[Declared] = []
    faults: list[str] = []
    for path in given:
        for manifest in read_manifests(path):
            try:
                found.append(_declared(manifest, namespace))
            except InvalidObject as error:
                faults += [f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]
            except ReconcileError as error:
                faults.append(f"{place_of(manifest)}: {error}")
    faults += _twice(found)
    if given and not found and not faults:
        faults.append(f"{', '.join([str(path) for path in given])}: there are no objects to apply")
    if faults:
        raise BadFiles(faults)
    return tuple(sorted(found, key=lambda each: _rank(each.resource.kind)))


def load_file(path: Path | None, read: Callable[[Any], T]) -> T | None:
    """
    Read one YAML or JSON document with *read*; None if there is no path.

    Raises:
        BadFiles, ManifestError: it is not what it should be; the message says where.
    """
    return None if path is None else _read(_only_document(path), read)


def load_script(path: Path | None, namespace: str) -> tuple[Timed, ...]:
    """Read a scenario file, each command with its place; nothing happens if there is none."""
    if path is None:
        return ()
    manifest = _only_document(path)
    script = _read(manifest, lambda content: parse(content, namespace=namespace))
    places = [place_of(manifest, ("commands", row)) for row in range(len(script))]
    return tuple([attrs.evolve(timed, place=place) for timed, place in zip(script, places, strict=True)])


def _only_document(path: Path) -> Manifest:
    documents = read_manifests(path)
    if len(documents) != 1:
        raise BadFiles([f"{path}: expected one document, found {len(documents)}"])
    return documents[0]


def _read(manifest: Manifest, read: Callable[[Any], T]) -> T:
    try:
        return read(manifest.content)
    except InvalidObject as error:
        raise BadFiles([f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]) from None
    except ScriptError as error:
        raise BadFiles([f"{place_of(manifest, error.path)}: {error}"]) from None
    except ReconcileError as error:
        field = str(error).removeprefix("topology: ").partition(": ")[0]
        raise BadFiles([f"{place_of(manifest, field)}: {error}"]) from None


def place_of(manifest: Manifest, field: str | Path_ = ()) -> str:
    """Say where a field in a manifest stands, as near as it can be told: `day.yaml, document 1, line 3`."""
    node = manifest.node()
    path = _parsed(field) if isinstance(field, str) else [step for part in field for step in _steps(part)]
    line = manifest.line if node is None else _line_of(node, tuple(path), manifest.line)
    return place_text(manifest.file, manifest.document, line)


def _declared(manifest: Manifest, namespace: str) -> Declared:
    obj = settled_in(convert.load(manifest.content).object, namespace)
    return Declared(manifest, obj, resource_of(obj))


def _twice(found: list[Declared]) -> Iterator[str]:
    seen: dict[tuple[str, str, str], Declared] = {}
    for each in found:
        metadata = each.object.metadata
        place = (each.resource.key, metadata.namespace or "", metadata.name or "")
        if metadata.name and place in seen:
            yield f"{each.place()}: {each.resource.kind} {metadata.name!r} stands already at {seen[place].place()}"
        seen[place] = each


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


# Lines ----------------------------------------------------------------------------------------------------------------


def _parsed(field: str) -> Path_:
    """Read a path such as spec.containers[0].image or data[a.b]."""
    parts = [part.strip("[]") if part[0] == "[" else part for part in _PART.findall(field)]
    return tuple([int(part) if part.isdecimal() else part.strip("'\"") for part in parts])


def _steps(part: str | int) -> Path_:
    return _parsed(part) if isinstance(part, str) else (part,)


def _line_of(node: yaml.Node, path: Path_, line: int) -> int:
    """Follow *path* as far as it goes; keys with dots in them were cut apart and are put together again."""
    place = 0
    while place < len(path):
        found = _below(node, path, place)
        if found is None:
            break
        node, line, place = found
    return line


def _below(node: yaml.Node, path: Path_, place: int) -> tuple[yaml.Node, int, int] | None:
    part = path[place]
    if isinstance(node, yaml.SequenceNode):
        if isinstance(part, int) and part < len(node.value):
            below = node.value[part]
            return below, below.start_mark.line + 1, place + 1
        return None
    if not isinstance(node, yaml.MappingNode):
        return None
    for end in range(len(path), place, -1):
        wanted = ".".join([str(each) for each in path[place:end]])
        for key, value in node.value:
            if key.value == wanted:
                return value, key.start_mark.line + 1, end
    return None
