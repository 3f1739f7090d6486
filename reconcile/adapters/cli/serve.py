"""`reconcile serve`: a whole control plane on a port, for any client of Kubernetes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import click

from reconcile.adapters.cli.files import (
    BadFiles,
    Declared,
    Given,
    files_of,
    load_file,
    load_kubelet,
    load_manifests,
    load_scheduler,
    load_stages,
)
from reconcile.adapters.cli.machines import form_addons, form_of, load_topology, with_disks
from reconcile.adapters.cli.session import Interrupted, attentive
from reconcile.adapters.http.journal import FileJournal
from reconcile.adapters.http.kubeconfig import write_private
from reconcile.adapters.http.serving import Address, Identity, served
from reconcile.adapters.keeping.directory import Directory
from reconcile.adapters.keeping.identity import identity_of
from reconcile.adapters.keeping.journal import KeptJournal
from reconcile.adapters.keeping.session import Kept, begin, origin, resume
from reconcile.adapters.own import load_controllers
from reconcile.api.scalars import freeze
from reconcile.cluster import Cluster, Topology
from reconcile.cluster.topology import stacked
from reconcile.components import controllers
from reconcile.components.apiserver import auditing
from reconcile.driver.client import applied
from reconcile.driver.log.recording import Recorder
from reconcile.driver.serving.live import Live
from reconcile.driver.serving.readying import ready
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.balancers import usual
from reconcile.model.behaviours import Behaviours

_PARTS: Final = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    manifests: tuple[Path, ...] = ()
    masters: int | None = None
    disks: tuple[str, ...] = ()
    nodes: int | None = None
    topology: Path | None = None
    behaviours: Path | None = None
    kubelet_config: Path | None = None
    stages: tuple[Path, ...] = ()
    without: tuple[str, ...] = ()
    seed: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    kubeconfig: Path
    speed: str = "max"
    record: Path | None = None
    data: Path | None = None
    own: tuple[str, ...] = ()
    webhook_service: tuple[str, ...] = ()
    scheduler_config: Path | None = None
    explain: tuple[str, ...] = ()
    audit_policy_file: Path | None = None
    audit_log_path: str | None = None


@attrs.define
class _Session:
    """What is served, and where its log is kept; it may be set back to a snapshot meanwhile."""

    live: Live
    journal: FileJournal | KeptJournal | None = None
    identity: Identity | None = None
    kept: Kept | None = None


def serve_cluster(options: Options) -> int:
    """Serve until interrupted, and give the exit status."""
    given = load_manifests(options.manifests, "default", also=form_addons(options.topology))
    for warning in given.warnings:
        click.echo(f"warning: {warning}", err=True)
    _services(options.webhook_service)
    if (options.audit_policy_file is None) != (options.audit_log_path is None):
        raise ReconcileError("--audit-policy-file and --audit-log-path: each needs the other")
    _check_record(options, given.files)
    with attentive() as interrupted:
        if options.data is not None:
            return _serve_kept(options, options.data, given, interrupted)
        own = load_controllers(options.own)
        cluster = Cluster.boot(_topology(options, own), seed=options.seed, controllers=own)
        with _recorded(cluster, options) as session:
            _prepare(session.live, options, given, interrupted)
            _run(session, options)
    return 0


def _serve_kept(options: Options, path: Path, given: Given, interrupted: Callable[[], int]) -> int:
    """Serve what a data directory holds; a new session where it holds none."""
    if options.record is not None:
        raise ReconcileError("--record: with --data the log is in the data directory")
    own = load_controllers(options.own)
    with Directory(path) as directory:
        options = _found_again(options, directory)
        if directory.begun:
            _check_origin(options, directory)
            kept = resume(directory, own)
            kept.said += _not_applied(given, path)
        else:
            cluster = Cluster.boot(_topology(options, own), seed=options.seed, controllers=own)
            kept = begin(directory, cluster, options.own, lambda live: _prepare(live, options, given, interrupted))
        for text in kept.said:
            click.echo(text, err=True)
        session = _Session(kept.live, kept.journal, identity_of(directory), kept)
        try:
            _run(session, options)
        finally:
            kept.end(session.live)
            kept.journal.close()
        if kept.journal.failed is not None:
            raise kept.journal.failed
    return 0


def _found_again(options: Options, directory: Directory) -> Options:
    """Listen where the last server did, unless the command says where."""
    address = directory.address()
    if address is None or options.port:
        return options
    return attrs.evolve(options, port=address[1])


def _check_origin(options: Options, directory: Directory) -> None:
    """Refuse a session that was begun otherwise than the command says."""
    topology, seed = origin(directory)
    if options.seed not in (0, seed):
        raise ReconcileError(f"--seed: {directory.path} was begun with {seed}")
    asked = _topology(options, load_controllers(options.own))
    files = (options.topology, options.behaviours, options.kubelet_config, options.scheduler_config)
    shapes = (*files, options.audit_policy_file, options.stages or None, options.nodes)
    said = any(each is not None for each in shapes) or options.without
    if said and attrs.evolve(asked, start=topology.start) != topology:
        raise ReconcileError(f"{directory.path}: was begun with another topology than the command says")


def _not_applied(given: Given, path: Path) -> tuple[str, ...]:
    if not given.declared:
        return ()
    return (f"{path}: goes on, so the manifests are not applied again: kubectl apply does that",)


def _prepare(live: Live, options: Options, given: Given, interrupted: Callable[[], int]) -> None:
    """Bring a cluster up, and apply what was given."""
    ready(live, bare=options.nodes == 0 or "kubelet" in _without(options.without))
    for each in given.declared:
        _apply(live, each)
    if interrupted():
        raise Interrupted(interrupted())


def _run(session: _Session, options: Options) -> None:
    try:
        with _audit_log(options) as audit:
            asyncio.run(_serve(session, options, audit))
    except OSError as error:
        raise ReconcileError(f"{options.host}:{options.port}: {_why(error)}") from None


def _without(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Read what is to be left out, comma-separated or one by one; ReconcileError if there is no such part."""
    names = tuple([name.strip() for text in texts for name in text.split(",") if name.strip()])
    known = (*_PARTS, *[each.name for each in controllers.STANDARD])
    for name in names:
        if name not in known:
            raise ReconcileError(f"--without: {name!r} is none of {', '.join(known)}")
    return names


def _services(texts: tuple[str, ...]) -> dict[str, str]:
    """Read who answers for the services of webhooks, `NAMESPACE/NAME=URL` each; ReconcileError if it says neither."""
    found = {}
    for text in texts:
        service, _, url = text.partition("=")
        namespace, _, name = service.partition("/")
        if not (namespace and name) or not url.startswith("https://"):
            raise ReconcileError(f"--webhook-service: {text!r} is not NAMESPACE/NAME=https://HOST:PORT")
        found[service] = url
    return found


def _topology(options: Options, own: tuple[Any, ...]) -> Topology:
    """Give the machines that are asked for, powered on now."""
    without = _without(options.without)
    form = form_of(options.topology, options.masters)
    topology = load_topology(options.topology, options.masters, options.nodes, calls=True) or Topology()
    if form or options.topology is None:
        topology = attrs.evolve(topology, start=time.time_ns() // SECOND * SECOND)
    changes: dict[str, Any] = {"managed_fields": True, "webhooks": True, "metrics": True}
    configured = load_kubelet(options.kubelet_config)
    if configured is not None:
        changes["kubelet"] = configured
    behaviours = load_file(options.behaviours, Behaviours.parse)
    if behaviours is not None:
        changes["behaviours"] = behaviours
    if options.stages:
        changes["stages"] = load_stages(options.stages)
    policy = load_file(options.audit_policy_file, lambda given: auditing.check(freeze(given)))
    if policy is not None:
        changes["audit"] = policy
    scheduler = load_scheduler(options.scheduler_config, own, asks=True, calls=True)
    if scheduler is not None:
        changes["scheduler"] = scheduler
    if options.explain:
        changes["explanations"] = options.explain
    left_out = {*topology.without, *without}
    if options.nodes == 0:
        changes |= {"nodes": 1, "masters": 1, "members": 1, "hosts": (), "proxy": False}
        left_out.add("kube-scheduler")
    elif options.nodes is not None and not form:
        if topology.hosts:
            raise ReconcileError("--nodes: the topology names its hosts one by one")
        changes["nodes"] = options.nodes
    if options.masters is not None and not form:
        changes |= {"masters": options.masters, "members": stacked(options.masters)}
    if "kube-proxy" in left_out:
        changes["proxy"] = False
    changes["without"] = tuple(sorted(left_out - {"kube-proxy", "kubelet"}))
    made = with_disks(attrs.evolve(topology, **changes), options.disks)
    asked = bool(form) or options.masters is not None
    return attrs.evolve(made, balancer=usual(made.masters)) if asked and made.balancer is None else made


def _check_record(options: Options, files: tuple[Path, ...]) -> None:
    """Refuse a log that would overwrite what was read."""
    described = (options.topology, options.behaviours, options.kubelet_config, options.scheduler_config)
    given = (*described, *files_of(options.stages), *files)
    inputs = [path for path in given if path is not None]
    for path in inputs if options.record is not None and options.record.exists() else ():
        if path.exists() and options.record is not None and options.record.samefile(path):
            raise BadFiles([f"{options.record}: --record would overwrite what was read"])


def _apply(live: Live, each: Declared) -> None:
    response = applied(live.machine, each.object, submit=live.happen)
    if not response.ok:
        raise ReconcileError(f"{each.place()}: {response.body.message}")


async def _serve(session: _Session, options: Options, audit: Callable[[str], object] | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with served(
        session.live,
        speed=options.speed,
        host=options.host,
        port=options.port,
        journal=session.journal,
        services=_services(options.webhook_service),
        audit=audit,
        identity=session.identity,
    ) as address:
        try:
            write_private(options.kubeconfig, address.kubeconfig())
        except OSError as error:
            raise ReconcileError(f"{options.kubeconfig}: cannot be written: {_why(error)}") from None
        async with _kept(session, address, options, stop):
            click.echo(f"serving {address.url}\nexport KUBECONFIG={options.kubeconfig.absolute()}")
            await stop.wait()
    session.live = address.clusters.first.live


@asynccontextmanager
async def _kept(session: _Session, address: Address, options: Options, stop: asyncio.Event) -> AsyncIterator[None]:
    """Let checkpoints be written meanwhile, where there is a data directory; stop when it cannot be written."""
    kept = session.kept
    if kept is None:
        yield
        return
    kept.directory.keep_address(options.host, address.port)
    loop = asyncio.get_running_loop()
    kept.journal.on_failure = lambda: loop.call_soon_threadsafe(stop.set)
    task = asyncio.create_task(kept.run(lambda: address.clusters.first.live))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ReconcileError):
            await task


@contextmanager
def _audit_log(options: Options) -> Iterator[Callable[[str], object] | None]:
    """Open the audit log, to write at its end; `-` is standard output."""
    if options.audit_log_path is None:
        yield None
    elif options.audit_log_path == "-":
        yield lambda line: click.echo(line, nl=False)
    else:
        path = Path(options.audit_log_path)
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise ReconcileError(f"{path}: cannot be written: {_why(error)}") from None
        with path.open("a", encoding="utf-8", buffering=1) as file:
            yield file.write


@contextmanager
def _recorded(cluster: Cluster, options: Options) -> Iterator[_Session]:
    if options.record is None:
        yield _Session(Live(cluster))
        return
    try:
        journal = FileJournal(options.record)
    except OSError as error:
        raise ReconcileError(f"{options.record}: cannot be written: {_why(error)}") from None
    recorder = Recorder(cluster, journal.write, modules=options.own)
    session = _Session(Live(cluster, recorder), journal)
    try:
        yield session
    finally:
        if session.live.recorder is not None:
            session.live.recorder.end()
        journal.close()


def _why(error: OSError) -> str:
    return error.strerror or str(error)
