"""
Controllers of nodes: those that judge nodes, and the pods on them.

Source:   https://kubernetes.io/docs/concepts/architecture/nodes/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.nodes import nodelifecycle, podgc, tainteviction
from reconcile.components.controllers.runtime import Controller
from reconcile.lib.instant import SECOND, Duration
from reconcile.model.programs import Options

CONTROLLERS: Final[tuple[Controller, ...]] = (
    nodelifecycle.CONTROLLER,
    tainteviction.CONTROLLER,
    podgc.CONTROLLER,
)

_USUAL: Final = nodelifecycle.Periods()


def tuned(options: Options, *, heartbeats: bool) -> dict[str, Controller]:
    """Give, by name, those controllers of nodes that the controller-manager's flags make others."""
    found: dict[str, Controller] = {}
    periods = _periods(options)
    if periods != _USUAL:
        found[nodelifecycle.CONTROLLER.name] = nodelifecycle.controller(periods, heartbeats=heartbeats)
    threshold = options.number("terminated-pod-gc-threshold", podgc.THRESHOLD)
    if threshold != podgc.THRESHOLD:
        found[podgc.CONTROLLER.name] = podgc.controller(threshold)
    return found


def _periods(options: Options) -> nodelifecycle.Periods:
    usual = _USUAL
    return nodelifecycle.Periods(
        monitor=options.duration("node-monitor-period", usual.monitor),
        grace=options.duration("node-monitor-grace-period", usual.grace),
        startup_grace=options.duration("node-startup-grace-period", usual.startup_grace),
        every=_every(options, "node-eviction-rate", usual.every),
        every_secondary=_every(options, "secondary-node-eviction-rate", usual.every_secondary),
        large=options.number("large-cluster-size-threshold", usual.large),
        unhealthy=round(options.fraction("unhealthy-zone-threshold", usual.unhealthy / 1e9) * 1_000_000_000),
    )


def _every(options: Options, flag: str, usual: Duration | None) -> Duration | None:
    """Give how long it is from one to the next at so many a second; None if that is none."""
    if flag not in options.given:
        return usual
    rate = options.fraction(flag, 0.0)
    return round(SECOND / rate) if rate > 0 else None
