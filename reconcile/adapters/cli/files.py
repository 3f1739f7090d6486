"""What the commands read: manifests, topology, behaviours, scenario; each fault with file, document and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import click

from reconcile.adapters.cli import kustomize
from reconcile.adapters.cli.certificates import with_files
from reconcile.adapters.manifests import Manifest, Spot, place_text, read_manifests
from reconcile.api import convert
from reconcile.api.convert import InvalidObject
from reconcile.api.kinds import Resource
from reconcile.api.scalars import freeze
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.components.scheduler.plugin import Plugin
from reconcile.driver.mapping import mapped
from reconcile.driver.script.commands import Timed, parse, settled_in, unmatched
from reconcile.driver.script.fields import ScriptError
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.definitions import Definition
from reconcile.model.kubelets import settings_of, texts_of
from reconcile.model.requests import Response
from reconcile.model.stages import Stage, checked

T = TypeVar("T")
Path_ = tuple[str | int, ...]

# What others refer to comes before them; kinds that are not named come last.
_ORDER: Final = (
    *("PriorityClass", "Namespace", "CustomResourceDefinition", "Node", "NetworkPolicy", "ResourceQuota", "LimitRange"),
    *("PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap", "StorageClass", "PersistentVolume"),
    *("PersistentVolumeClaim", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "RuntimeClass", "Service"),
    *("DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler"),
    *("StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService"),
    *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
)
UNMATCHED: Final = "ensure CRDs are installed first"
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


@attrs.frozen
class Given:
    """
    What manifests declare.

    Args:
        declared: the objects, in the order in which they are to be applied.
        warnings: what kubectl takes, but hardly anybody means; with its place.
        unknown: what is left out, as its kind is not known; with its place.
        refused: what keeps objects from being applied, where the rest is applied and the run fails; with its place.
        files: what was read, so that no log overwrites it.
    """

    declared: tuple[Declared, ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def load_manifests(
    paths: Iterable[Path],
    namespace: str,
    *,
    kustomizations: Iterable[Path] = (),
    recursive: bool = False,
    skip_unknown: bool = False,
    partly: bool = False,
    also: Iterable[Manifest] = (),
) -> Given:
    """
    Read manifests in the order in which they are to be applied.

    Args:
        paths: files, directories, `-` for standard input.
        namespace: of what names none.
        kustomizations: directories that are to be built.
        recursive: whether directories in directories are read.
        skip_unknown: whether objects of a kind that is not known are left out; else they are faults.
        partly: whether what is wrong with an object keeps no other one from being applied, as with kubectl.
        also: what is applied beside them.

    Raises:
        BadFiles, ManifestError: a file or an object is not what it should be, or there is no object at all.
    """
    given, built = tuple(paths), tuple(kustomizations)
    manifests = [*also, *[manifest for path in given for manifest in read_manifests(path, recursive=recursive)]]
    manifests += [manifest for path in built for manifest in kustomize.built(path)]
    found: list[Declared] = []
    faults: list[str] = []
    unknown: list[str] = []
    warnings = [warning for manifest in manifests for warning in manifest.warnings]
    crds = tuple(_definitions(manifests))
    for manifest in manifests:
        unserved = unmatched(manifest.content, crds)
        if unserved:
            unknown.append(unmapped(manifest, unserved))
            continue
        try:
            found.append(_declared(manifest, namespace, crds))
        except InvalidObject as error:
            faults += [f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]
        except ReconcileError as error:
            faults.append(f"{place_of(manifest)}: {error}")
    warnings += _twice(found)
    if unknown and not skip_unknown:
        faults += [*unknown, UNMATCHED]
    if (given or built) and not found and not faults:
        faults.append(f"{', '.join([str(path) for path in (*given, *built)])}: there are no objects to apply")
    if faults and not (partly and found):
        raise BadFiles(faults)
    ordered = tuple(sorted(found, key=lambda each: _rank(each.resource.kind)))
    files = tuple([Path(file) for file in dict.fromkeys([manifest.file for manifest in manifests])])
    left = tuple(unknown) if skip_unknown else ()
    return Given(ordered, tuple(warnings), left, tuple(faults), files)


def load_file(path: Path | None, read: Callable[[Any], T]) -> T | None:
    """
    Read one YAML or JSON document with *read*; None if there is no path.

    Raises:
        BadFiles, ManifestError: it is not what it should be; the message says where.
    """
    return None if path is None else _read(_only_document(path), read)


def load_kubelet(path: Path | None) -> Map[str] | None:
    """
    Read a KubeletConfiguration, field -> text; None if there is no path.

    Raises:
        BadFiles, ManifestError: it is none, or one that no kubelet would start with; the message says where.
    """
    if path is None:
        return None
    document = _only_document(path)
    try:
        written = texts_of(document.content)
        settings_of(written)
    except ReconcileError as error:
        field = str(error).removeprefix("kubelet.").partition(": ")[0]
        raise BadFiles([f"{place_of(document, field)}: {error}"]) from None
    return written


_ANOTHER: Final = "there is another KwokConfiguration, and a cluster has one,"


def load_stages(paths: Iterable[Path]) -> tuple[Any, ...]:
    """
    Read KWOK's stages from files and directories; of one that has nothing but a kustomization, what that builds.

    What else is in a directory of stages, such as the StorageClass that they are for, is warned of and left to the
    manifests.

    Raises:
        BadFiles, ManifestError: one of them is not what it should be, or there is nothing; the message says where.
    """
    found: list[Any] = []
    places: dict[str, str] = {}
    for path in paths:
        there = read_manifests(path)
        stages = [manifest for manifest in there if manifest.content.get("kind") != "Kustomization"]
        given = stages if stages or not there else kustomize.built(path)
        if not given:
            raise BadFiles([f"{path}: there is no Stage and no KwokConfiguration in it"])
        for manifest in _without_others(given) if path.is_dir() else given:
            try:
                read = checked(manifest.content)
            except ReconcileError as error:
                name = (manifest.content.get("metadata") or {}).get("name")
                said = f"stage {name!r}: {error}" if name else str(error)
                raise BadFiles([f"{place_of(manifest, str(error).partition(': ')[0])}: {said}"]) from None
            place = place_of(manifest, "metadata.name" if isinstance(read, Stage) else "kind")
            said = f"stage {read.name!r}: there is one of this name" if isinstance(read, Stage) else _ANOTHER
            if places.setdefault(said, place) != place:
                raise BadFiles([f"{place}: {said} at {places[said]}"])
            found.append(manifest.content)
    return tuple(found)


def _without_others(given: Iterable[Manifest]) -> list[Manifest]:
    """Give what is KWOK's among the documents of a directory, or all of them if nothing is."""
    every = list(given)
    own = [each for each in every if _is_kwok_s(each)]
    for each in every if own else ():
        if not _is_kwok_s(each):
            name = (each.content.get("metadata") or {}).get("name")
            said = f"{each.content.get('kind')} {name!r} is no stage: apply it with the manifests"
            click.echo(f"warning: {place_of(each, 'kind')}: {said}", err=True)
    return own or every


def _is_kwok_s(manifest: Manifest) -> bool:
    return str(manifest.content.get("apiVersion")).partition("/")[0] in ("kwok.x-k8s.io", "config.kwok.x-k8s.io")


def files_of(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Give the files that paths stand for: of a directory those in it, so that no log overwrites one of them."""
    return tuple([file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])])


def load_scheduler(
    path: Path | None, own: tuple[Any, ...], *, asks: bool = False, calls: bool = False
) -> Map[Any] | None:
    """
    Read a KubeSchedulerConfiguration; None if there is no path.

    Args:
        path: where it is.
        own: what runs of the user's own; it may name the plugins among it.
        asks: it may have extenders; that of a cluster from which nobody can be called may not.
        calls: they are called: the files are read by which they are known.

    Raises:
        BadFiles, ManifestError: it is none; the message says where.
    """

    def read(given: Any) -> Map[Any]:
        given = with_files(given) if calls else given
        if configuration_of(given, tuple([each for each in own if isinstance(each, Plugin)])).extenders and not asks:
            raise ReconcileError("extenders: a cluster's own scheduler asks none")
        return Map.of({key: freeze(value) for key, value in given.items()})

    return load_file(path, read)


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
    # kubectl does not read these, so there is no reason to take what can only be a mistake.
    if documents[0].warnings:
        raise BadFiles(documents[0].warnings)
    return documents[0]


_AFTER_UNDERSCORE: Final = re.compile("_([a-z])")


def _read(manifest: Manifest, read: Callable[[Any], T]) -> T:
    try:
        return read(manifest.content)
    except InvalidObject as error:
        raise BadFiles([f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]) from None
    except ScriptError as error:
        raise BadFiles([f"{place_of(manifest, error.path)}: {error}"]) from None
    except ReconcileError as error:
        field = str(error).partition(": ")[0]
        if field.startswith("[") and not field[1:2].isdigit():  # several faults, as Go writes them
            field = field[1:]
        if field == "topology":  # its fields are named as in Python, and as in JSON in a file
            field = _AFTER_UNDERSCORE.sub(lambda found: found[1].upper(), str(error).split(": ")[1])
        raise BadFiles([f"{place_of(manifest, field)}: {error}"]) from None


def place_of(manifest: Manifest, field: str | Path_ = ()) -> str:
    """Say where a field in a manifest stands, as near as it can be told: `day.yaml, document 1, line 3`."""
    spot = manifest.node()
    path = _parsed(field) if isinstance(field, str) else [step for part in field for step in _steps(part)]
    line = manifest.line if spot is None else _line_of(spot, tuple(path), manifest.line)
    return place_text(manifest.file, manifest.document, line)


def _declared(manifest: Manifest, namespace: str, crds: tuple[Definition, ...]) -> Declared:
    obj = settled_in(convert.load(manifest.content).object, namespace, crds)
    return Declared(manifest, obj, mapped(obj, crds))


def _definitions(manifests: Iterable[Manifest]) -> Iterator[Definition]:
    """Give the definitions among manifests: they are applied before what they define."""
    for manifest in manifests:
        content = manifest.content
        if content.get("kind") == "CustomResourceDefinition":
            try:
                found = convert.load(content).object
            except ReconcileError:
                continue  # it is told of when its turn comes
            if isinstance(found, Definition):
                yield found


def _twice(found: list[Declared]) -> Iterator[str]:
    seen: dict[tuple[str, str, str], Declared] = {}
    for each in found:
        metadata = each.object.metadata
        place = (each.resource.key, metadata.namespace or "", metadata.name or "")
        if metadata.name and place in seen:
            said = f"{each.resource.kind} {metadata.name!r} stands already at {seen[place].place()}"
            yield f"{each.place()}: {said}: they are applied one after the other"
        seen[place] = each


def unmapped(manifest: Manifest, unserved: str) -> str:
    """Say what kubectl says of an object whose kind the API does not serve, and where it stands."""
    metadata = manifest.content.get("metadata")
    name, space = (metadata.get(key) or "" for key in ("name", "namespace")) if isinstance(metadata, dict) else ("", "")
    place = place_text("", manifest.document, manifest.line).removeprefix(", ")
    return (
        f'resource mapping not found for name: "{name}" namespace: "{space}" from "{manifest.file}": '
        f"{unserved} ({place})"
    )


def refusal(each: Declared, response: Response) -> Iterator[str]:
    """Say what the API server has against an object, a line for each cause, with its place."""
    status = response.body
    causes = (status.details.causes if status.details is not None else None) or ()
    said = f'{each.resource.kind} "{each.object.metadata.name}"'
    if status.reason == "Invalid" and causes:
        for cause in causes:
            yield f"{each.place(cause.field or '')}: {said} is invalid: {cause.field}: {cause.message}"
        return
    field = "metadata.namespace" if response.code == 404 and "namespaces" in (status.message or "") else ""  # noqa: PLR2004 -- HTTP's own
    code = f"{response.code} {status.reason or ''}".rstrip()
    yield f"{each.place(field)}: {said} is refused ({code}): {status.message}"


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


# Lines ----------------------------------------------------------------------------------------------------------------


def _parsed(field: str) -> Path_:
    """Read a path such as spec.containers[0].image or data[a.b]."""
    parts = [part.strip("[]") if part[0] == "[" else part for part in _PART.findall(field)]
    return tuple([int(part) if part.isdecimal() else part.strip("'\"") for part in parts])


def _steps(part: str | int) -> Path_:
    return _parsed(part) if isinstance(part, str) else (part,)


def _line_of(spot: Spot, path: Path_, line: int) -> int:
    """Follow *path* as far as it goes; keys with dots in them were cut apart and are put together again."""
    place = 0
    while place < len(path):
        found = _below(spot, path, place)
        if found is None:
            break
        spot, line, place = found
    return line


def _below(spot: Spot, path: Path_, place: int) -> tuple[Spot, int, int] | None:
    part = path[place]
    if isinstance(part, int) and part < len(spot.items):
        below = spot.items[part]
        return below, below.line, place + 1
    for end in range(len(path), place, -1):
        wanted = ".".join([str(each) for each in path[place:end]])
        for key, line, value in spot.fields:
            if key == wanted:
                return value, line, end
    return None
