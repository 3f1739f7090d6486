"""What the commands read: manifests, topology, behaviours, scenario; each fault with its file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import yaml

from reconcile.adapters.manifests import Manifest, read_manifests
from reconcile.api import convert
from reconcile.api.convert import CustomObject, InvalidObject
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
        """Give the file and line of a field of it, such as `spec.ports[0].port`, or of as much of it as is there."""
        return place_of(self.manifest, field)


def load_manifests(paths: Iterable[Path], namespace: str) -> tuple[Declared, ...]:
    """
    Read manifests in the order in which they are to be applied.

    Raises:
        BadFiles, ManifestError: a file or an object is not what it should be.
    """
    found: list[Declared] = []
    faults: list[str] = []
    for path in paths:
        for manifest in read_manifests(path):
            try:
                found.append(_declared(manifest, namespace))
            except InvalidObject as error:
                faults += [f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]
            except ReconcileError as error:
                faults.append(f"{place_of(manifest)}: {error}")
    faults += _twice(found)
    if faults:
        raise BadFiles(faults)
    return tuple(sorted(found, key=lambda each: _rank(each.resource.kind)))


def load_file(path: Path | None, read: Callable[[Any], T]) -> T | None:
    """
    Read one YAML or JSON document with *read*; None if there is no path.

    Raises:
        BadFiles, ManifestError: it is not what it should be; the message has file and line.
    """
    if path is None:
        return None
    documents = read_manifests(path)
    if len(documents) != 1:
        raise BadFiles([f"{path}: expected one document, found {len(documents)}"])
    manifest = documents[0]
    try:
        return read(manifest.content)
    except InvalidObject as error:
        raise BadFiles([f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]) from None
    except ScriptError as error:
        raise BadFiles([f"{place_of(manifest, error.path)}: {error}"]) from None
    except ReconcileError as error:
        field = str(error).partition(": ")[0]
        raise BadFiles([f"{place_of(manifest, field)}: {error}"]) from None


def load_script(path: Path | None, namespace: str) -> tuple[Timed, ...]:
    """Read a scenario file; nothing happens if there is none."""
    return load_file(path, lambda content: parse(content, namespace=namespace)) or ()


def place_of(manifest: Manifest, field: str | Path_ = ()) -> str:
    """Give `file:line` of a field in a manifest, as near as it can be told."""
    path = _parsed(field) if isinstance(field, str) else field
    node = _node_of(manifest)
    line = manifest.line if node is None else _line_of(node, path, manifest.line)
    return f"{manifest.file}:{line}"


def _declared(manifest: Manifest, namespace: str) -> Declared:
    obj = convert.load(manifest.content).object
    if isinstance(obj, CustomObject):
        raise ReconcileError(f'no matches for kind "{obj.kind}" in version "{obj.api_version}"')
    resource = resource_of(obj)
    if not obj.metadata or not (obj.metadata.name or obj.metadata.generate_name):
        raise ReconcileError(f"{resource.kind}: metadata.name: required")
    return Declared(manifest, settled_in(obj, namespace), resource)


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


def _node_of(manifest: Manifest) -> yaml.Node | None:
    try:
        text = Path(manifest.file).read_text(encoding="utf-8-sig")
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    for document in documents:
        for node in _mappings(document):
            if node.start_mark.line + 1 == manifest.line:
                return node
    return None


def _mappings(node: yaml.Node) -> Iterator[yaml.Node]:
    """Give a document, and the items of the lists that it and they may be."""
    if not isinstance(node, yaml.MappingNode):
        return
    listed = False
    for key, value in node.value:
        if key.value == "items" and isinstance(value, yaml.SequenceNode):
            listed = True
            for item in value.value:
                yield from _mappings(item)
    if not listed:
        yield node


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
