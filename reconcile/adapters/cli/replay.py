"""`reconcile replay`: play a log again, stop in it, or go on from somewhere in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import attrs
import click

from reconcile.adapters.cli.files import BadFiles, Given, load_manifests
from reconcile.adapters.cli.listing import of_users, print_tables
from reconcile.adapters.cli.logs import Lines, instant_of, opened_log, shown_at
from reconcile.adapters.cli.run import begun, ended, opened
from reconcile.adapters.cli.session import Recorded
from reconcile.api.convert import loads_json
from reconcile.cluster import Cluster
from reconcile.driver.forking import continued
from reconcile.driver.replay import replay as play
from reconcile.driver.run import collector_paused
from reconcile.lib.instant import Duration, duration_text, rfc3339_micro

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


def replay_log(options: Options) -> int:
    """Replay, and give the exit status."""
    if options.manifests and options.fork is None:
        raise BadFiles([f"{options.manifests[0]}: manifests are for a fork; give it a log with --fork NEW.jsonl"])
    clock = time.perf_counter()
    given = load_manifests(options.manifests, options.namespace or "default")
    at = instant_of(options.at, options.log)
    with collector_paused(), opened_log(options.log) as lines:
        played = play(lines, until=options.until, at=at)
        if not played.identical:
            click.echo(str(played.divergence))
            return _DIVERGED
        if options.fork is not None:
            return _fork(options, lines, played.cluster.steps, given, clock)
        if options.until is None and at is None:
            click.echo(f"identical: {played.cluster.steps} steps, digest {_digest(lines)}")
        else:
            _print(shown_at(played.cluster, at if options.until is None else None), options)
    click.echo(f"took {time.perf_counter() - clock:.2f} s of real time", err=True)
    return _SAME


def _print(cluster: Cluster, options: Options) -> None:
    click.echo(f"identical up to step {cluster.steps}, {place(cluster)}")
    click.echo()
    print_tables(cluster, of_users(options.namespace, all_namespaces=options.all_namespaces))


def place(cluster: Cluster) -> str:
    """Say when it is in a cluster."""
    offset = duration_text(cluster.now - cluster.topology.start)
    return f"{offset} after power-on, {rfc3339_micro(cluster.now)}"


def _fork(options: Options, lines: Lines, stop: int, given: Given, clock: float) -> int:
    assert options.fork is not None
    inputs = [options.log, *given.files]
    with (
        opened(options.fork, inputs) as write,
        ended(Recorded(write, lambda keep: continued(lines, keep, until=stop))) as player,
    ):
        with begun(player, options.limit, quiet=options.quiet) as job:
            job.adopt()
            job.apply(given)
            job.settle()
        return job.report(clock)


def _digest(lines: Lines) -> str:
    """Give the digest of the log's end line, which the replay has just found to be right."""
    return str(loads_json(lines.last)["end"]["digest"])
