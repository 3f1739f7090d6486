"""`reconcile serve`: a whole control plane on a port, for any client of Kubernetes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import click

from reconcile.adapters.cli.files import load_manifests
from reconcile.adapters.cli.session import Interrupted, attentive
from reconcile.adapters.http.kubeconfig import write_private
from reconcile.adapters.http.serving import served
from reconcile.adapters.own import load_controllers
from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import applied
from reconcile.driver.live import Live
from reconcile.driver.machine import Machine
from reconcile.driver.recording import Recorder
from reconcile.driver.run import settle
from reconcile.lib.errors import ReconcileError


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    manifests: tuple[Path, ...] = ()
    nodes: int = 3
    seed: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    kubeconfig: Path
    speed: str = "max"
    record: Path | None = None
    own: tuple[str, ...] = ()


def serve_cluster(options: Options) -> int:
    """Serve until interrupted, and give the exit status."""
    given = load_manifests(options.manifests, "default")
    for warning in given.warnings:
        click.echo(f"warning: {warning}", err=True)
    topology, controllers = Topology(nodes=options.nodes, managed_fields=True), load_controllers(options.own)
    cluster = Cluster.boot(topology, seed=options.seed, controllers=controllers)
    with attentive() as interrupted, _recorded(cluster, options) as recorder:
        if recorder is None:
            live = Live(settle(cluster).cluster)
        else:
            recorder.settle()
            live = Live(recorder.cluster, recorder)
        machine = Machine(live.cluster) if recorder is None else recorder.machine
        for each in given.declared:
            response = applied(machine, each.object, submit=None if recorder is None else recorder.happen)
            if not response.ok:
                raise ReconcileError(f"{each.manifest.file}: {response.body.message}")
        if recorder is None:
            live = Live(machine.closed())
        if interrupted():
            raise Interrupted(interrupted())
        try:
            asyncio.run(_serve(live, options))
        except OSError as error:
            raise ReconcileError(f"{options.host}:{options.port}: {error.strerror}") from None
    return 0


async def _serve(live: Live, options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with served(live, speed=options.speed, host=options.host, port=options.port) as address:
        write_private(options.kubeconfig, address.kubeconfig)
        click.echo(f"serving {address.url}\nexport KUBECONFIG={options.kubeconfig}")
        await stop.wait()


@contextmanager
def _recorded(cluster: Cluster, options: Options) -> Iterator[Recorder | None]:
    if options.record is None:
        yield None
        return
    with options.record.open("w", encoding="utf-8") as file:
        recorder = Recorder(cluster, file.write, modules=options.own)
        try:
            yield recorder
        finally:
            recorder.end()
