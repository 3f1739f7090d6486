"""`reconcile run`: boot a cluster, apply manifests, wait until it is what they declare, show what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import click

from reconcile.adapters.cli import progress
from reconcile.adapters.cli.files import (
    UNMATCHED,
    BadFiles,
    Given,
    files_of,
    load_file,
    load_kubelet,
    load_manifests,
    load_scheduler,
    load_script,
    load_stages,
    refusal,
    unmapped,
)
from reconcile.adapters.cli.listing import of_applied, print_tables
from reconcile.adapters.cli.machines import form_addons, form_of, load_topology, with_disks
from reconcile.adapters.cli.progress import Progress, elapsed
from reconcile.adapters.cli.session import Circling, Interrupted, Player, Recorded, Session, Unrecorded, attentive
from reconcile.adapters.cli.wording import request_text
from reconcile.adapters.own import load_controllers
from reconcile.api.kinds import resource_named
from reconcile.api.shapes import CustomObject
from reconcile.cluster import Cluster, Topology
from reconcile.cluster.topology import stacked
from reconcile.driver.client import LAST_APPLIED
from reconcile.driver.log.recording import Recorder
from reconcile.driver.mapping import NotServed, established, mapped
from reconcile.driver.run import collector_paused, still_moving
from reconcile.driver.script.commands import (
    Apply,
    Asking,
    Delete,
    Happening,
    Timed,
    applying,
    event_of,
    requests_of,
    running,
)
from reconcile.driver.script.errands import Errand
from reconcile.driver.script.machines import Joining
from reconcile.driver.telling.convergence import leftovers, shortfalls
from reconcile.driver.telling.failures import failures
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant, duration_text
from reconcile.model.balancers import Balancer, usual
from reconcile.model.behaviours import Behaviours
from reconcile.model.conditions import is_true
from reconcile.model.definitions import Definition
from reconcile.model.requests import Request, Response, joined, key_of, split_key
from reconcile.properties import unheeded

_MOST_SAID: Final = 20
_CONVERGED: Final = 0
_REFUSED: Final = 1
_NOT_CONVERGED: Final = 2


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    manifests: tuple[Path, ...]
    kustomize: tuple[Path, ...] = ()
    recursive: bool = False
    skip_unknown: bool = False
    nodes: int | None = None
    masters: int | None = None
    members: int | None = None
    balancer: str | None = None
    seed: int = 0
    record: Path | None = None
    detail: Literal["steps", "changes"] = "changes"
    topology: Path | None = None
    disks: tuple[str, ...] = ()
    behaviours: Path | None = None
    kubelet_config: Path | None = None
    stages: tuple[Path, ...] = ()
    scheduler_config: Path | None = None
    explain: tuple[str, ...] = ()
    scenario: Path | None = None
    limit: Duration
    namespace: str = "default"
    verbosity: int = 0
    quiet: bool = False
    own: tuple[str, ...] = ()
    origin: Path | None = None
    at: str | None = None
    until: int | None = None


def run_manifests(options: Options) -> int:
    """Run, and give the exit status."""
    clock = time.perf_counter()
    given = _given(options)
    script = load_script(options.scenario, options.namespace)
    own = load_controllers(options.own)
    topology = _topology(options, own)
    check_times(script, [machine.name for machine in topology.machines()], options.limit)
    cluster = Cluster.boot(topology, seed=options.seed, controllers=own)
    described = (options.topology, options.behaviours, options.kubelet_config, options.scheduler_config)
    inputs = [*described, options.scenario, *files_of(options.stages), *given.files]
    read = [path for path in inputs if path is not None]
    with collector_paused(), attentive() as interrupted, _player(cluster, options, read) as player:
        with begun(player, options.limit, interrupted, quiet=options.quiet, verbosity=options.verbosity) as job:
            job.bring_up()
            job.apply(given)
            job.play(script)
            job.settle()
        return job.report(clock)


def _given(options: Options) -> Given:
    also = form_addons(options.topology)
    if not (options.manifests or options.kustomize or also):
        raise BadFiles(["there is nothing to apply: name MANIFESTS, or a kustomization with -k"])
    return load_manifests(
        options.manifests,
        options.namespace,
        kustomizations=options.kustomize,
        recursive=options.recursive,
        skip_unknown=options.skip_unknown,
        partly=True,
        also=also,
    )


@contextmanager
def begun(
    player: Player, limit: Duration, interrupted: Callable[[], int], *, quiet: bool, verbosity: int = 0
) -> Iterator[Job]:
    """Give a job whose progress is shown meanwhile, and which *interrupted*, or a circle, ends between two steps."""
    shown = progress.chosen(quiet=quiet)
    try:
        job = Job(player, limit, shown, interrupted, verbosity)
        try:
            yield job
        except Circling as found:
            job.circle = str(found)
    finally:
        shown.close()


class Job:
    """
    One run: what was applied so far, and how it goes on.

    Args:
        player: steps the cluster.
        limit: virtual time that it has.
        shown: shows how it goes.
        interrupted: tells the signal at which to give up; 0 for none.
        verbosity: kubectl's -v.
    """

    def __init__(
        self, player: Player, limit: Duration, shown: Progress, interrupted: Callable[[], int], verbosity: int = 0
    ) -> None:
        self._shown = shown
        self._verbosity = verbosity
        self._session = Session(player, limit, shown.look, self._listen, interrupted)
        self._limit = limit
        self._settled = False
        self.circle = ""
        """Who goes round in a circle, and over what, if that has ended it."""
        self._applied: dict[tuple[str, str], None] = {}
        self._deleted: dict[tuple[str, str], None] = {}
        self._unknown: tuple[str, ...] = ()
        self._refused: list[str] = []

    def bring_up(self) -> None:
        """Wait until every node is ready; whatever holds one up is left to the report."""
        cluster = self._session.cluster
        topology = cluster.topology
        self._say(f"power on: {_count(len(cluster.hosts), 'host')}, {_count(topology.masters, 'master')}")
        self._session.wait_for(_nodes_ready)

    def adopt(self, at: Instant = 0) -> None:
        """
        Take what was applied before, in a run that goes on, as declared: all that has kubectl's annotation.

        Args:
            at: let what was under way go on up to this instant first.
        """
        self._session.wait_until(at)
        cluster = self._session.cluster
        self._say(f"forked after step {cluster.steps}")
        for key, table in cluster.store.tables.items():
            for own, obj in table.items():
                if LAST_APPLIED in (obj.metadata.annotations or ()):
                    self._applied[key, own] = None

    def apply(self, given: Given) -> None:
        """
        Apply what manifests declare, and say what one should know of them; what is refused keeps nothing else back.

        Raises:
            BadFiles: all of it is refused; each with file and line.
        """
        self._unknown = given.unknown
        for warning in given.warnings:
            self._shown.tell(f"warning: {warning}")
        self._refused = list(given.refused)
        for each in given.declared:
            try:
                requests = applying(each.object, self._crds(each.object))
                response = self._session.drive(requests)
            except NotServed as error:  # its definition was refused
                self._refused += [unmapped(each.manifest, str(error)), UNMATCHED]
                continue
            if response.ok:
                self._note(response.body)
            else:
                self._refused += refusal(each, response)
        if self._refused and not self._applied:
            raise BadFiles(self._refused)

    def play(self, script: tuple[Timed, ...]) -> None:
        """
        Let the commands of a script happen, each at its time.

        Raises:
            ReconcileError: one of them cannot be done.
        """
        start = self._session.cluster.topology.start
        for timed in script:
            self._session.wait_until(start + timed.at)
            self._say(str(timed.command))
            self._carry_out(timed)

    def _carry_out(self, timed: Timed) -> None:
        """Let a command happen; what it asks of the API server waits for one if none can be reached."""
        command = timed.command
        event = event_of(command)
        if event is not None:
            try:
                self._session.happen(event)
            except BadFiles:
                raise  # it is the log that fails
            except ReconcileError as error:
                raise _failed(timed, str(error)) from None
        if isinstance(command, Happening):
            return
        if isinstance(command, Joining):
            try:
                self._session.join(command)
            except BadFiles:
                raise
            except ReconcileError as error:
                raise _failed(timed, str(error)) from None
            return
        if isinstance(command, Errand):
            asking = _named(timed, running(command, self._session.cluster.now, self._say))
            self._session.start(asking, lambda response: _granted(response, timed))
            return
        if isinstance(command, Apply):
            for obj in command.objects:
                self._session.start(applying(obj), lambda response: self._note(_granted(response, timed)))
            return
        self._session.start(_named(timed, requests_of(command)), lambda response: _granted(response, timed))
        if isinstance(command, Delete):
            self._forget(command)

    def settle(self) -> None:
        """Run on until the cluster is at rest, or the time is up."""
        self._settled = self._session.settle()

    def report(self, clock: float) -> int:
        """Print what came of it, and how long it took since *clock*; give the exit status."""
        cluster, settled = self._session.cluster, self._settled
        digest = self._session.player.digest()
        applied = tuple(self._applied)
        if not isinstance(self._shown, progress.Silent):
            click.echo()
        print_tables(cluster, of_applied(applied, cluster))
        lacks = (*shortfalls(cluster, applied), *leftovers(cluster, self._deleted))
        moving = () if settled or self.circle else _spoken(still_moving(cluster), cluster)
        failed = () if moving else failures(cluster)  # else they are among what moves
        converged = settled and not lacks and not failed and not self._refused
        came = "converged" if converged else "not converged"
        click.echo(f"{came} after {elapsed(cluster)} of virtual time, {cluster.steps:,} steps")
        left = [text for text in (*self._refused, *self._unknown) if text != UNMATCHED]
        _print_reasons("what was not applied", tuple(left))
        _print_reasons("what is not as declared", lacks)
        _print_reasons("what a controller has given up" if settled else "what a controller fails at", failed)
        _print_reasons("time stands still", (self.circle,) if self.circle else ())
        _print_reasons(f"what still moves after the limit of {duration_text(self._limit)}", moving)
        _print_reasons("what nothing here acts upon", tuple([str(each) for each in unheeded(cluster)]))
        click.echo(f"digest {digest}")
        click.echo(f"took {time.perf_counter() - clock:.2f} s of real time", err=True)
        if self._refused:
            click.echo(f"error: {BadFiles(self._refused)}", err=True)
            return _REFUSED
        return _CONVERGED if converged else _NOT_CONVERGED

    def _say(self, text: str) -> None:
        self._shown.say(self._session.cluster, text)
        self._session.look()

    def _listen(self, request: Request, response: Response, took: Duration) -> None:
        text = request_text(self._verbosity, request, response, took)
        if text:
            self._shown.tell(text)

    def _note(self, obj: Any) -> None:
        resource = mapped(obj, self._crds(obj))
        self._applied[resource.key, key_of(obj)] = None
        self._deleted.pop((resource.key, key_of(obj)), None)
        self._say(f"{resource.singular}{f'.{resource.group}' if resource.group else ''}/{obj.metadata.name} applied")

    def _crds(self, obj: Any) -> tuple[Definition, ...]:
        """Give the definitions that an object of no built-in kind may belong to."""
        return established(self._session.cluster.store) if isinstance(obj, CustomObject) else ()

    def _forget(self, command: Delete) -> None:
        """Declare no longer what is deleted: an object, and if that is a namespace, all that is in it."""
        resource, name = resource_named(command.target.word), command.target.name
        place = resource.key, joined(command.target.namespace if resource.namespaced else "", name)
        gone = [place, *[key for key in self._applied if place[0] == "namespaces" and split_key(key[1])[0] == name]]
        for each in gone:
            self._applied.pop(each, None)
        self._deleted[place] = None


def _topology(options: Options, own: tuple[Any, ...]) -> Topology:
    topology = load_topology(options.topology, options.masters, options.nodes) or Topology()
    changes: dict[str, Any] = {}
    built = bool(form_of(options.topology))  # with as many masters and nodes as are asked for
    if options.nodes is not None and not built:
        changes |= {"nodes": options.nodes, "hosts": ()}
    if options.masters is not None and not built:
        changes["masters"] = options.masters
        changes["members"] = stacked(options.masters)
    if options.members is not None:
        changes["members"] = options.members
    configured = load_kubelet(options.kubelet_config)
    if configured is not None:
        changes["kubelet"] = configured
    if options.balancer is not None:
        changes["balancer"] = Balancer(kind=options.balancer)  # type: ignore[arg-type]  # click has checked it
    behaviours = load_file(options.behaviours, Behaviours.parse)
    if behaviours is not None:
        changes["behaviours"] = behaviours
        if behaviours.has_usage:
            changes["metrics"] = True
    if options.stages:
        changes["stages"] = load_stages(options.stages)
    scheduler = load_scheduler(options.scheduler_config, own)
    if scheduler is not None:
        changes["scheduler"] = scheduler
    if options.explain:
        changes["explanations"] = options.explain
    made = with_disks(attrs.evolve(topology, **changes), options.disks)
    return attrs.evolve(made, balancer=usual(made.masters)) if made.balancer is None else made


def check_times(script: tuple[Timed, ...], machines: list[str], limit: Duration, passed: Duration = 0) -> None:
    """Refuse what could only fail later, or is due before the time that has *passed*; *machines* are there already."""
    names = [*machines]
    for timed in script:
        if timed.at < passed:
            raise _failed(timed, f"the run goes on from {duration_text(passed)}")
        if timed.at > limit:
            raise _failed(timed, "the time is up before that; see --limit")
        host = getattr(timed.command, "host", None)
        if isinstance(timed.command, Joining):
            names.append(timed.command.host)
        elif host is not None and host not in names:
            raise _failed(timed, f"there is no such host; there are {', '.join(names[:10])}")


@contextmanager
def _player(cluster: Cluster, options: Options, inputs: Iterable[Path]) -> Iterator[Player]:
    if options.record is None:
        yield Unrecorded(cluster)
        return
    detail = options.detail
    with (
        opened(options.record, inputs) as write,
        ended(Recorded(write, lambda keep: Recorder(cluster, keep, detail=detail, modules=options.own))) as player,
    ):
        yield player


@contextmanager
def ended(player: Recorded) -> Iterator[Recorded]:
    """Give a player whose log gets its end line, also where the run is given up for bad input or at a signal."""
    try:
        yield player
    except (ReconcileError, Interrupted):
        player.give_up()
        raise
    player.digest()


@contextmanager
def opened(path: Path, inputs: Iterable[Path]) -> Iterator[Callable[[str], object]]:
    """
    Open a file for a log, and give what writes to it.

    Raises:
        BadFiles: it cannot be written, or not to the end; or it is one of the *inputs*.
    """
    if any(_same_file(path, given) for given in inputs):
        raise BadFiles([f"{path}: is an input of this run; the log would overwrite it"])
    try:
        file = path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise _unwritable(path, error) from None

    def write(line: str) -> None:
        try:
            file.write(line)
        except OSError as error:
            raise _unwritable(path, error) from None

    try:
        yield write
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    try:
        file.close()
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> BadFiles:
    return BadFiles([f"{path}: cannot be written: {error.strerror}"])


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False


def _nodes_ready(cluster: Cluster) -> bool:
    nodes = cluster.store.table("nodes")
    if len(nodes) < len(cluster.hosts):
        return False
    return all(node.status is not None and is_true(node.status.conditions, "Ready") for node in nodes.values())


def _granted(response: Response, timed: Timed) -> Any:
    if not response.ok:
        raise _failed(timed, str(response.body.message))
    return response.body


def _named(timed: Timed, asking: Asking) -> Asking:
    """Ask the same; what is wrong names its command."""
    try:
        return (yield from asking)
    except ReconcileError as error:
        raise _failed(timed, str(error)) from None


def _failed(timed: Timed, problem: str) -> ReconcileError:
    return ReconcileError(f"{timed.place}: {timed.command} at {duration_text(timed.at)}: {problem}")


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
