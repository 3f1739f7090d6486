"""
Fuzzing of convergence: a schedule is drawn, played, judged.

A schedule is data: what is declared, and what then happens, one move after the other. Playing it checks the
properties after every step. After the last move everything that was broken is repaired, the cluster is left alone until
it rests, and every object in it, but for what is past, must have become what an undisturbed run of the same manifests
becomes.

    boot = settle(Cluster.boot(Topology(nodes=2), seed=1)).cluster
    verdict = play(boot, Schedule(manifests, (Wander(50, 3), StopHost("node-2"), Wait(30 * SECOND))))
    assert not verdict.problems

Takes:    a booted cluster, with the user's own controllers if there are any, and a schedule.
Gives:    a verdict.
"""

from __future__ import annotations

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.driver.run import collector_paused
from reconcile.driver.telling.circles import HURRY
from reconcile.properties import ALWAYS, PAST, PROMISES, Past, Promise, Property
from reconcile.testing.game import LIMIT, QUIET, Game, undisturbed
from reconcile.testing.lookout import Broken
from reconcile.testing.moves import Declare, Lag, Move, Resize, Schedule, Strike, Wait, Wander, Withdraw

__all__ = [
    "HURRY",
    "LIMIT",
    "QUIET",
    "Declare",
    "Lag",
    "Move",
    "Resize",
    "Schedule",
    "Strike",
    "Verdict",
    "Wait",
    "Wander",
    "Withdraw",
    "play",
    "undisturbed",
]


@attrs.frozen
class Verdict:
    """
    What playing a schedule came to.

    Args:
        cluster: as it was at the end, or when the first problem was found.
        problems: what was wrong, a sentence each; none if all is well.
        happened: what the moves were in this cluster, a line each.
        steps: how many steps were taken.
    """

    cluster: Cluster
    problems: tuple[str, ...]
    happened: tuple[str, ...]
    steps: int


def play(
    cluster: Cluster,
    schedule: Schedule,
    properties: tuple[Property, ...] = ALWAYS,
    promises: tuple[Promise, ...] = PROMISES,
    *,
    past: tuple[Past, ...] = PAST,
) -> Verdict:
    """
    Play *schedule* on a booted cluster that rests, and judge it.

    Args:
        cluster: where to begin; it stays as it is.
        schedule: what is to happen.
        properties: what must hold after every step.
        promises: what is followed from step to step, each until something puts an end to it.
        past: what tells of the way and not of the end, and so is not compared.
    """
    game = Game(cluster, properties, past, promises)
    with collector_paused():
        problems = _played(game, schedule)
    machine = game.machine
    return Verdict(machine.closed(), problems, tuple(game.happened), machine.steps - cluster.steps)


def _played(game: Game, schedule: Schedule) -> tuple[str, ...]:
    try:
        for manifest in schedule.manifests:
            game.move(Declare(manifest))
        for move in schedule.moves:
            game.move(move)
        return game.verdict()
    except Broken as broken:
        return broken.problems
