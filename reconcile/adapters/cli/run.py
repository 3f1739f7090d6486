"""`reconcile run`: boot a cluster, apply manifests, wait until it is what they declare, show what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import click

from reconcile.adapters.cli import progress
from reconcile.adapters.cli.files import BadFiles, Declared, load_file, load_manifests, load_script
from reconcile.adapters.cli.listing import of_applied, print_tables
from reconcile.adapters.cli.progress import Progress, elapsed
from reconcile.adapters.cli.session import Player, Recorded, Session, Unrecorded
from reconcile.adapters.cli.wording import print_request
from reconcile.api.kinds import resource_of
from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import LAST_APPLIED
from reconcile.driver.convergence import shortfalls
from reconcile.driver.recording import Recorder
from reconcile.driver.run import collector_paused, still_moving
from reconcile.driver.script import Apply, Delete, Power, Timed, applying, event_of, requests_of
from reconcile.driver.wire import topology_from_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, duration_text
from reconcile.model.behaviours import Behaviours
from reconcile.model.conditions import is_true
from reconcile.model.requests import Response, joined, key_of

_MOST_SAID: Final = 20
_CONVERGED: Final = 0
_NOT_CONVERGED: Final = 2


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    manifests: tuple[Path, ...]
    nodes: int | None = None
    masters: int | None = None
    seed: int = 0
    record: Path | None = None
    detail: Literal["steps", "changes"] = "changes"
    topology: Path | None = None
    behaviours: Path | None = None
    scenario: Path | None = None
    limit: Duration
    namespace: str = "default"
    verbosity: int = 0
    quiet: bool = False


def run_manifests(options: Options) -> int:
    """Run, and give the exit status."""
    clock = time.perf_counter()
    declared = load_manifests(options.manifests, options.namespace)
    script = load_script(options.scenario, options.namespace)
    topology = _topology(options)
    for timed in script:
        _check_host(timed, topology)
    cluster = Cluster.boot(topology, seed=options.seed)
    with collector_paused(), _player(cluster, options) as player:
        shown = progress.chosen(quiet=options.quiet)
        try:
            job = Job(player, options.limit, shown, options.verbosity)
            job.bring_up()
            job.apply(declared)
            job.play(script)
            settled = job.settle()
        finally:
            shown.close()
        return job.report(settled=settled, clock=clock)


class Job:
    """
    One run: what was applied so far, and how it goes on.

    Args:
        player: steps the cluster.
        limit: virtual time that it has.
        shown: shows how it goes.
        verbosity: kubectl's -v.
    """

    def __init__(self, player: Player, limit: Duration, shown: Progress, verbosity: int = 0) -> None:
        self._shown = shown
        self._session = Session(
            player, limit, shown.look, lambda request, answer, took: print_request(verbosity, request, answer, took)
        )
        self._limit = limit
        self._applied: dict[tuple[str, str], None] = {}

    def bring_up(self) -> None:
        """Wait until every node is ready; whatever holds one up is left to the report."""
        cluster = self._session.cluster
        topology = cluster.topology
        self._say(f"power on: {_count(len(cluster.hosts), 'host')}, {_count(topology.masters, 'master')}")
        self._session.wait_for(_nodes_ready)

    def adopt(self) -> None:
        """Take what was applied before, in a run that goes on, as declared: all that has kubectl's annotation."""
        cluster = self._session.cluster
        self._shown.look(cluster)
        for key, table in cluster.store.tables.items():
            for own, obj in table.items():
                if LAST_APPLIED in (obj.metadata.annotations or ()):
                    self._applied[key, own] = None

    def apply(self, declared: tuple[Declared, ...]) -> None:
        """
        Apply what manifests declare.

        Raises:
            BadFiles: the API server refuses some of it; each with file and line.
        """
        refused: list[str] = []
        for each in declared:
            response = self._session.drive(applying(each.object))
            if response.ok:
                self._note(response.body)
            else:
                refused += _refusal(each, response)
        if refused:
            raise BadFiles(refused)

    def play(self, script: tuple[Timed, ...]) -> None:
        """
        Let the commands of a script happen, each at its time.

        Raises:
            ReconcileError: one of them cannot be done.
        """
        start = self._session.cluster.topology.start
        for timed in script:
            if not self._session.wait_until(start + timed.at):
                raise ReconcileError(f"the time is up before {duration_text(timed.at)}: {timed.command}; see --limit")
            self._say(str(timed.command))
            self._carry_out(timed)

    def _carry_out(self, timed: Timed) -> None:
        """Let a command happen; what it asks of the API server waits for one if none can be reached."""
        command = timed.command
        event = event_of(command)
        if event is not None:
            self._session.happen(event)
        if isinstance(command, Power):
            return
        if isinstance(command, Apply):
            for obj in command.objects:
                self._session.start(applying(obj), lambda response: self._note(_granted(response, timed)))
            return
        self._session.start(requests_of(command), lambda response: _granted(response, timed))
        if isinstance(command, Delete):
            self._forget(command)

    def settle(self) -> bool:
        """Run on until the cluster is at rest; false if the time is up before."""
        return self._session.settle()

    def report(self, *, settled: bool, clock: float) -> int:
        """Print what came of it; give the exit status."""
        cluster = self._session.cluster
        digest = self._session.player.digest()
        applied = tuple(self._applied)
        if not isinstance(self._shown, progress.Silent):
            click.echo()
        print_tables(cluster, of_applied(applied, cluster))
        lacks = shortfalls(cluster, applied)
        moving = () if settled else _spoken(still_moving(cluster), cluster)
        came = "converged" if settled and not lacks else "not converged"
        click.echo(f"{came} after {elapsed(cluster)} of virtual time, {cluster.steps:,} steps")
        _print_reasons("what is not as declared", lacks)
        _print_reasons(f"what still moves after the limit of {duration_text(self._limit)}", moving)
        click.echo(f"digest {digest}")
        click.echo(f"took {time.perf_counter() - clock:.2f} s of real time", err=True)
        return _CONVERGED if settled and not lacks else _NOT_CONVERGED

    def _say(self, text: str) -> None:
        self._shown.say(self._session.cluster, text)
        self._session.look()

    def _note(self, obj: Any) -> None:
        resource = resource_of(obj)
        self._applied[resource.key, key_of(obj)] = None
        self._say(f"{resource.singular}{f'.{resource.group}' if resource.group else ''}/{obj.metadata.name} applied")

    def _forget(self, command: Delete) -> None:
        from reconcile.api.kinds import resource_named  # noqa: PLC0415

        resource = resource_named(command.target.word)
        space = command.target.namespace if resource.namespaced else ""
        self._applied.pop((resource.key, joined(space, command.target.name)), None)


def _topology(options: Options) -> Topology:
    topology = load_file(options.topology, topology_from_json) or Topology()
    changes: dict[str, Any] = {}
    if options.nodes is not None:
        changes |= {"nodes": options.nodes, "hosts": ()}
    if options.masters is not None:
        changes["masters"] = options.masters
    behaviours = load_file(options.behaviours, Behaviours.parse)
    if behaviours is not None:
        changes["behaviours"] = behaviours
    return attrs.evolve(topology, **changes)


def _check_host(timed: Timed, topology: Topology) -> None:
    host = getattr(timed.command, "host", None)
    names = [machine.name for machine in topology.machines()] if host is not None else []
    if host is not None and host not in names:
        raise ReconcileError(f"scenario: {timed.command}: there is no such host; there are {', '.join(names[:10])}")


@contextmanager
def _player(cluster: Cluster, options: Options) -> Iterator[Player]:
    if options.record is None:
        yield Unrecorded(cluster)
        return
    for given in (*options.manifests, options.topology, options.behaviours, options.scenario):
        if given is not None and given.resolve() == options.record.resolve():
            raise ReconcileError(f"--record: {options.record} is an input of this run; the log would overwrite it")
    detail = options.detail
    with (
        opened(options.record) as write,
        ended(Recorded(write, lambda keep: Recorder(cluster, keep, detail=detail))) as player,
    ):
        yield player


@contextmanager
def ended(player: Recorded) -> Iterator[Recorded]:
    """Give a player whose log gets its end line, also where the run is given up for bad input."""
    try:
        yield player
    except ReconcileError:
        player.digest()
        raise
    player.digest()


@contextmanager
def opened(path: Path) -> Iterator[Callable[[str], object]]:
    """
    Open a file for a log.

    Raises:
        BadFiles: it cannot be written.
    """
    try:
        file = path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadFiles([f"{path}: cannot be written: {error.strerror}"]) from None
    with file:
        yield file.write


def _nodes_ready(cluster: Cluster) -> bool:
    nodes = cluster.store.table("nodes")
    if len(nodes) < len(cluster.hosts):
        return False
    return all(node.status is not None and is_true(node.status.conditions, "Ready") for node in nodes.values())


def _refusal(each: Declared, response: Response) -> Iterator[str]:
    status = response.body
    causes = (status.details.causes if status.details is not None else None) or ()
    name = each.object.metadata.name or each.object.metadata.generate_name
    said = f'{each.resource.kind} "{name}"'
    if status.reason == "Invalid" and causes:
        for cause in causes:
            yield f"{each.place(cause.field or '')}: {said} is invalid: {cause.field}: {cause.message}"
        return
    field = "metadata.namespace" if response.code == 404 and "namespaces" in (status.message or "") else ""  # noqa: PLR2004 -- HTTP's own
    yield f"{each.place(field)}: {said} is refused ({response.code} {status.reason}): {status.message}"


def _granted(response: Response, timed: Timed) -> Any:
    if not response.ok:
        raise ReconcileError(f"scenario: {timed.command} at {duration_text(timed.at)}: {response.body.message}")
    return response.body


def _print_reasons(title: str, reasons: tuple[str, ...]) -> None:
    if reasons:
        click.echo(f"{title}:")
        for reason in reasons[:_MOST_SAID]:
            click.echo(f"  {reason}")
        if len(reasons) > _MOST_SAID:
            click.echo(f"  ... and {len(reasons) - _MOST_SAID} more")


def _spoken(sentences: tuple[str, ...], cluster: Cluster) -> tuple[str, ...]:
    """Call pods by their names where their uids stand, which tell nobody anything."""
    names = {pod.metadata.uid: f"pod {key_of(pod)}" for pod in cluster.store.table("pods").values()}
    return tuple([" ".join([names.get(word, word) for word in text.split(" ")]) for text in sentences])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
