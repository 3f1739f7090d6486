"""`reconcile run --from LOG`: go on from an instant of a recorded session, as if nothing had followed it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from reconcile.adapters.cli.files import load_manifests, load_script
from reconcile.adapters.cli.logs import Lines, instant_of, opened_log, shown_at
from reconcile.adapters.cli.run import Options, begun, check_times, ended, opened
from reconcile.adapters.cli.session import Player, Recorded, Unrecorded, attentive
from reconcile.adapters.own import load_controllers
from reconcile.cluster import Cluster
from reconcile.driver.log.forking import continued
from reconcile.driver.log.replay import replay as play
from reconcile.driver.run import collector_paused
from reconcile.lib.errors import ReconcileError

_DIVERGED: Final = 2
_OF_THE_BOOT: Final = (
    "nodes",
    "masters",
    "members",
    "balancer",
    "topology",
    "behaviours",
    "kubelet_config",
    "stages",
    "scheduler_config",
    "explain",
    "seed",
)


def run_on(options: Options) -> int:
    """Go on, and give the exit status."""
    assert options.origin is not None
    clock = time.perf_counter()
    for name in _OF_THE_BOOT:
        if getattr(options, name):
            raise ReconcileError(f"--{name.replace('_', '-')}: with --from the cluster is the one of {options.origin}")
    given = load_manifests(
        options.manifests,
        options.namespace,
        kustomizations=options.kustomize,
        recursive=options.recursive,
        skip_unknown=options.skip_unknown,
        partly=True,
    )
    script = load_script(options.scenario, options.namespace)
    controllers = load_controllers(options.own)
    with collector_paused(), opened_log(options.origin) as lines:
        at = instant_of(options.at, lines, options.origin)
        played = play(lines, controllers=controllers, until=options.until, at=at, open_end=True)
        if not played.identical:
            click.echo(str(played.divergence))
            return _DIVERGED
        if options.until is not None and not played.stopped and played.cluster.steps < options.until:
            raise ReconcileError(
                f"--until: {options.until} is beyond the log's end, after {played.cluster.steps} steps"
            )
        there = shown_at(played, at, options.at, options.until)
        passed = there.now - there.topology.start
        check_times(script, list(there.hosts), passed + options.limit, passed)
        inputs = [path for path in (options.origin, options.scenario, *given.files) if path is not None]
        with attentive() as interrupted, _player(played.cluster, options, lines, inputs) as player:
            with begun(player, options.limit, interrupted, quiet=options.quiet, verbosity=options.verbosity) as job:
                job.adopt(there.now)
                job.apply(given)
                job.play(script)
                job.settle()
            return job.report(clock)


@contextmanager
def _player(cluster: Cluster, options: Options, lines: Lines, inputs: list[Path]) -> Iterator[Player]:
    if options.record is None:
        yield Unrecorded(cluster)
        return
    controllers = load_controllers(options.own)
    with (
        opened(options.record, inputs) as write,
        ended(
            Recorded(
                write,
                lambda keep: continued(lines, keep, controllers=controllers, until=cluster.steps, open_end=True),
            )
        ) as player,
    ):
        yield player
