"""
Machines: a topology as the command line names it, by a file or by one of kubeadm's forms, with manifests of its hosts;
and the files in which such a form can be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast

import attrs
import click

from reconcile.adapters.cli.certificates import with_files
from reconcile.adapters.cli.files import BadFiles, load_file, place_of
from reconcile.adapters.manifests import Manifest, read_manifests, read_text
from reconcile.api import convert
from reconcile.api.convert import InvalidObject
from reconcile.api.core_v1 import Pod
from reconcile.api.yaml_text import written
from reconcile.cluster import Topology
from reconcile.cluster.kubeadm import FORMS, addons, kubeadm, with_manifests
from reconcile.cluster.manifests import KUBERNETES
from reconcile.driver.wire import topology_from_json, topology_to_json
from reconcile.lib.errors import ReconcileError

_NODES: Final = 3
_ADDONS: Final = "addons.yaml"
_TOPOLOGY: Final = "topology.yaml"
_DISKS: Final = "manifests"


def form_of(path: Path | None, masters: int | None = None) -> str:
    """Give the form that `--topology` names: `kubeadm` is `stacked` if several masters are asked for; empty: a file."""
    name = "" if path is None or path.exists() else str(path)
    if name == "kubeadm":
        return "single" if masters in {None, 1} else "stacked"
    return name if name in FORMS else ""


def load_topology(path: Path | None, masters: int | None, nodes: int | None, *, calls: bool = False) -> Topology | None:
    """
    Give the topology of a file, or of a form with so many masters, and so many hosts that are no hosts of etcd alone.

    If its scheduler *calls* extenders, the files are read by which they are known.

    Raises:
        BadFiles, ManifestError, ReconcileError: it is none, or the form has fewer hosts than masters.
    """
    form = form_of(path, masters)
    if not form:
        return load_file(path, _with_certificates if calls else topology_from_json)
    count = 1 if form == "single" else masters or 3
    hosts = max(_NODES, count + 1) if nodes is None else nodes
    if hosts < count:
        raise ReconcileError(f"--nodes: {hosts} are fewer than the {count} masters of {form}")
    return kubeadm(cast("Literal['single', 'stacked', 'external-etcd']", form), masters=count, workers=hosts - count)


def _with_certificates(given: Any) -> Topology:
    if isinstance(given, Mapping) and "scheduler" in given:
        given = {**given, "scheduler": with_files(given["scheduler"], "scheduler.")}
    return topology_from_json(given)


def form_addons(path: Path | None) -> tuple[Manifest, ...]:
    """Give the add-ons of the form that `--topology` names; none of a file."""
    return read_text(_documents(addons(KUBERNETES)), "kubeadm's add-ons") if form_of(path) else ()


def with_disks(topology: Topology, given: Iterable[str]) -> Topology:
    """
    Give *topology* with the manifests of directories on its hosts' disks.

    Args:
        topology: what there is.
        given: `HOST=DIR`; or a directory alone, that has one for each of some hosts in it, or is the first master's.

    Raises:
        BadFiles, ManifestError, ReconcileError: there is no such host, or what is no Pod; the message says where.
    """
    disks: dict[str, tuple[Any, ...]] = {}
    hosts = [host.name for host in topology.machines()]
    for text in given:
        name, equals, rest = text.partition("=")
        if equals:
            found = {name: Path(rest)}
        else:
            found = {host: Path(text, host) for host in hosts if Path(text, host).is_dir()}
            found = found or {topology.controls()[0].name: Path(text)}
        for host, path in found.items():
            disks[host] = (*disks.get(host, ()), *_pods(path))
    return with_manifests(topology, disks) if disks else topology


def _pods(path: Path) -> tuple[Pod, ...]:
    found: list[Pod] = []
    for manifest in read_manifests(path):
        try:
            found.append(convert.load(manifest.content, cls=Pod).object)
        except InvalidObject as error:
            raise BadFiles([f"{place_of(manifest, fault.path)}: {fault}" for fault in error.faults]) from None
        except ReconcileError as error:
            raise BadFiles([f"{place_of(manifest)}: {error}"]) from None
    return tuple(found)


def _documents(objects: Iterable[dict[str, Any]]) -> str:
    return "---\n".join([written(each) for each in objects])


def write_form(form: str, *, masters: int, workers: int, members: int, version: str, out: Path | None) -> None:
    """
    Write a form's topology to standard output, or into the directory *out*: topology, each host's manifests, add-ons.

    Raises:
        ReconcileError: there is no such form, or a file cannot be written.
    """
    name = cast("Literal['single', 'stacked', 'external-etcd']", form)
    topology = kubeadm(name, masters=masters, workers=workers, members=members, version=version)
    if out is None:
        click.echo(written(topology_to_json(topology)), nl=False)
        return
    bare = attrs.evolve(topology, hosts=tuple([attrs.evolve(host, manifests=()) for host in topology.hosts]))
    files = {Path(_TOPOLOGY): written(topology_to_json(bare)), Path(_ADDONS): _documents(addons(version))}
    for host in topology.hosts:
        for pod in host.manifests:
            files[Path(_DISKS, host.name, f"{pod.metadata.name}.yaml")] = written(convert.dump(pod))
    for path, text in files.items():
        try:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ReconcileError(f"{out / path}: cannot be written: {error.strerror}") from None
        click.echo(str(out / path))
