"""Background: clusters served from a thread of their own, for a program that is no server: a test, a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from reconcile.adapters.http import control
from reconcile.adapters.http.clusters import Snapshot
from reconcile.adapters.http.journal import Journal
from reconcile.adapters.http.kubeconfig import write_private
from reconcile.adapters.http.server import Server
from reconcile.adapters.http.serving import Address, served
from reconcile.api.convert import loads_json
from reconcile.api.kinds import resource_named
from reconcile.cluster import Cluster, Topology
from reconcile.driver.choices import choices
from reconcile.driver.client import applied
from reconcile.driver.log.recording import Recorder
from reconcile.driver.run import LIMIT
from reconcile.driver.serving.live import Live
from reconcile.driver.serving.readying import ready
from reconcile.driver.telling.awaiting import condition
from reconcile.driver.wire import state_digest
from reconcile.events import Choice, ClusterEvent
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant, parse_duration
from reconcile.model.requests import joined

T = TypeVar("T")

_STARTS: Final = 30.0  # seconds that a server may take to listen


@attrs.frozen(kw_only=True)
class Kind:
    """How a cluster is booted; clusters of one kind are forks of one boot."""

    topology: Topology = attrs.field(factory=lambda: Topology(managed_fields=True, webhooks=True))
    seed: int = 0
    bare: bool = False


class Background:
    """One server with many clusters, in a thread of its own until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._address: Address | None = None
        self._kinds: dict[Kind, Snapshot] = {}
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._started: Future[Address] = Future()
        self._count = 0

    def cluster(self, kind: Kind, *, speed: str = "max") -> Served:
        """Serve one more cluster, which has come to rest; ReconcileError if it does not, or *speed* is none."""
        if self._address is None:
            self._begin(kind)
        address = self._address
        assert address is not None, "it has begun"
        if kind not in self._kinds:
            self._kinds[kind] = _booted(kind)
        self._count += 1
        name = f"t{self._count}"
        server = self.call(lambda: address.clusters.fork(name, self._kinds[kind], speed))
        return Served(self, server, address)

    def drop(self, served_: Served) -> None:
        """End a cluster."""
        address = self._address
        if address is not None:
            self.call(lambda: address.clusters.drop(served_.name))

    def call(self, what: Callable[[], T]) -> T:
        """Let *what* be done in the server's thread, between two requests; give, or raise, what it does."""

        async def done() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def close(self) -> None:
        """End the server and its clusters."""
        thread, stop = self._thread, self._stop
        if thread is not None and stop is not None:
            self._loop.call_soon_threadsafe(stop.set)
            thread.join()
        self._loop.close()

    def _begin(self, kind: Kind) -> None:
        self._kinds[kind] = snapshot = _booted(kind)
        self._thread = threading.Thread(target=self._run, args=(snapshot,), name="reconcile-serve", daemon=True)
        self._thread.start()
        self._address = self._started.result(_STARTS)

    def _run(self, snapshot: Snapshot) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(snapshot))

    async def _serve(self, snapshot: Snapshot) -> None:
        self._stop = asyncio.Event()
        try:
            live, journal = snapshot.fork()
            async with served(live, speed="manual", journal=journal) as address:
                self._started.set_result(address)
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001 -- it is raised where somebody waits for the server
            if not self._started.done():
                self._started.set_exception(error)


def _booted(kind: Kind) -> Snapshot:
    journal = Journal()
    recorder = Recorder(Cluster.boot(kind.topology, seed=kind.seed), journal.write)
    live = ready(Live(recorder.cluster, recorder), bare=kind.bare)
    live.play(1)
    return Snapshot(live, journal)


class Served:
    """
    One served cluster: where it is, and hands on it. What its methods do is done between two requests.

    Instants are nanoseconds since the Unix epoch; lengths of time are nanoseconds, or text such as `90s`.
    """

    def __init__(self, background: Background, server: Server, address: Address) -> None:
        self._background = background
        self._server = server
        self.name = server.name
        self.url = address.url_of(server.name)
        """The server's address, for clients."""
        self.kubeconfig_text = address.kubeconfig(server.name)
        """The admin's kubeconfig, as JSON, which is YAML."""
        self._certificates = address.authority, address.admin

    @property
    def value(self) -> Cluster:
        """The cluster as it is now: a value, which stays as it is whatever happens."""
        return self._call(lambda live: live.cluster)

    @property
    def now(self) -> Instant:
        """The instant that it has reached."""
        return self._call(lambda live: live.now)

    def get(self, resource: str, name: str, *, namespace: str = "default") -> Any:
        """Give an object, with attributes as Python names them; None if there is none."""
        return self.value.get(resource, name, namespace=namespace)

    def objects(self, resource: str, *, namespace: str = "") -> tuple[Any, ...]:
        """Give the objects of a resource, in order; of all namespaces if none is given."""
        return tuple(self.value.objects(resource, namespace=namespace))

    def apply(self, manifest: Any, *, namespace: str = "default") -> Any:
        """Do what `kubectl apply` does and give the object; ReconcileError if it is refused."""

        def work(live: Live) -> Any:
            response = applied(live.machine, manifest, namespace=namespace, submit=live.happen)
            if not response.ok:
                raise ReconcileError(str(response.body.message))
            return response.body

        return self._call(work)

    def happen(self, *events: ClusterEvent) -> None:
        """Let events happen: faults of `reconcile.events`, choices, requests; ReconcileError where one cannot."""

        def work(live: Live) -> None:
            for event in events:
                live.happen(event)

        self._call(work)

    def choices(self) -> tuple[Choice, ...]:
        """Give everything that could happen next."""
        return self._call(lambda live: choices(live.cluster))

    def advance(self, by: Duration | str) -> None:
        """Let time move on, and let happen what is due meanwhile; ReconcileError if somebody goes round in a circle."""
        length = _length(by)

        def work(live: Live) -> None:
            live.play_to(live.now + length)
            _no_circle(live)

        self._call(work)

    def settle(self, *, limit: Duration | str = LIMIT, quiet: Duration | str | None = None) -> None:
        """Run until nothing but periodic timers is left; ReconcileError says what still moves after *limit*."""

        def work(live: Live) -> None:
            moving = live.settle(limit=_length(limit), quiet=None if quiet is None else _length(quiet))
            if moving:
                raise ReconcileError(f"not settled: {'; '.join(moving)}")

        self._call(work)

    def wait(
        self, for_: str, resource: str, name: str, *, namespace: str = "default", limit: Duration | str = LIMIT
    ) -> Any:
        """
        Run until a condition holds upon an object, as `kubectl wait --for` does in virtual time; give the object.

        Args:
            for_: condition=NAME[=VALUE], jsonpath={PATH}[=VALUE], create, delete, converged.
            resource: as kubectl takes it.
            name: the object's.
            namespace: the object's.
            limit: give up after so much virtual time.

        Raises:
            ReconcileError: it does not hold by then.
        """
        known = resource_named(resource)
        holds = condition(for_, known.key)
        key = joined(namespace if known.namespaced else "", name)

        def work(live: Live) -> Any:
            store = live.machine.store
            if not live.play_to(live.now + _length(limit), done=lambda: holds(store.get(known.key, key))):
                _no_circle(live)
                raise ReconcileError(f"{resource} {key}: {for_} does not hold after {limit} of virtual time")
            return store.get(known.key, key)

        return self._call(work)

    def snapshot(self) -> Snapshot:
        """Keep the cluster as it is now."""
        return self._background.call(lambda: Snapshot.of(self._server))

    def restore(self, snapshot: Snapshot) -> None:
        """Set the cluster back to a snapshot; its clients' watches end with 410, so that they list again."""
        self._background.call(lambda: control.restore(snapshot, self._server))

    def digest(self) -> str:
        """Give the checksum of everything that decides the cluster's future."""
        return state_digest(self.value)

    def log(self) -> str:
        """Give the log up to now, which `reconcile replay` plays again."""
        return self._background.call(lambda: control.log_of(self._server))

    def configuration(self) -> Any:
        """Give a `kubernetes.client.Configuration` for the package `kubernetes`, which must be installed."""
        client: Any = import_module("kubernetes.client")
        config: Any = import_module("kubernetes.config")
        found = client.Configuration()
        config.load_kube_config_from_dict(loads_json(self.kubeconfig_text), client_configuration=found)
        return found

    def write_kubeconfig(self, path: Path) -> Path:
        """Write the admin's kubeconfig to *path*, for its owner alone, and give the path."""
        write_private(path, self.kubeconfig_text)
        return path

    def _call(self, work: Callable[[Live], T]) -> T:
        def done() -> T:
            try:
                return work(self._server.live)
            finally:
                self._server.tell()
                self._server.wake()

        return self._background.call(done)


def _length(given: Duration | str) -> Duration:
    return parse_duration(given) if isinstance(given, str) else given


def _no_circle(live: Live) -> None:
    if live.circle:
        raise ReconcileError(f"time stands still: {live.circle}")
