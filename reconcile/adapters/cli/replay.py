"""`reconcile replay`: play a log again, stop in it, or go on from somewhere in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import attrs
import click

from reconcile.adapters.cli.files import BadFiles, Given, load_manifests
from reconcile.adapters.cli.listing import of_users, print_tables
from reconcile.adapters.cli.logs import STANDARD_INPUT, Lines, instant_of, opened_log, place, shown_at
from reconcile.adapters.cli.run import begun, ended, opened
from reconcile.adapters.cli.session import Recorded, attentive
from reconcile.adapters.own import load_controllers
from reconcile.api.convert import loads_json
from reconcile.cluster import Cluster
from reconcile.driver.log.forking import continued
from reconcile.driver.log.replay import replay as play
from reconcile.driver.run import collector_paused
from reconcile.lib.instant import Duration

_SAME: Final = 0
_DIVERGED: Final = 2


@attrs.frozen(kw_only=True)
class Options:
    """What the command was given; see its options."""

    log: Path
    manifests: tuple[Path, ...] = ()
    until: int | None = None
    at: str | None = None
    fork: Path | None = None
    namespace: str | None = None
    all_namespaces: bool = False
    limit: Duration
    quiet: bool = False
    own: tuple[str, ...] = ()


def replay_log(options: Options) -> int:
    """Replay, and give the exit status."""
    if options.manifests and options.fork is None:
        raise BadFiles([f"{options.manifests[0]}: manifests are for a fork; give it a log with --fork NEW.jsonl"])
    if options.log == STANDARD_INPUT and STANDARD_INPUT in options.manifests:
        raise BadFiles(["-: standard input is the log, so manifests cannot be read from it"])
    clock = time.perf_counter()
    given = load_manifests(options.manifests, options.namespace or "default", partly=True)
    controllers = load_controllers(options.own)
    with collector_paused(), opened_log(options.log) as lines:
        at = instant_of(options.at, lines, options.log)
        played = play(lines, controllers=controllers, until=options.until, at=at)
        if not played.identical:
            click.echo(str(played.divergence))
            return _DIVERGED
        shown = shown_at(played, at, options.at, options.until)
        if options.fork is not None:
            return _fork(options, lines, played.cluster.steps, given, clock)
        if options.until is None and at is None:
            click.echo(f"identical: {played.cluster.steps} steps, digest {_digest(lines)}")
        else:
            _print(shown, options)
    click.echo(f"took {time.perf_counter() - clock:.2f} s of real time", err=True)
    return _SAME


def _print(cluster: Cluster, options: Options) -> None:
    click.echo(f"identical up to step {cluster.steps}, {place(cluster)}")
    click.echo()
    print_tables(cluster, of_users(options.namespace, all_namespaces=options.all_namespaces))


def _fork(options: Options, lines: Lines, stop: int, given: Given, clock: float) -> int:
    assert options.fork is not None
    inputs, controllers = [options.log, *given.files], load_controllers(options.own)
    with (
        attentive() as interrupted,
        opened(options.fork, inputs) as write,
        ended(Recorded(write, lambda keep: continued(lines, keep, controllers=controllers, until=stop))) as player,
    ):
        with begun(player, options.limit, interrupted, quiet=options.quiet) as job:
            job.adopt()
            job.apply(given)
            job.settle()
        return job.report(clock)


def _digest(lines: Lines) -> str:
    """Give the digest of the log's end line, which the replay has just found to be right."""
    return str(loads_json(lines.last)["end"]["digest"])
