"""
The controllers of the controller-manager: loops that bring what is nearer to what is declared.

Takes:    Started, Watched, Answered, TimerFired, Turned.
Gives:    Call, SetTimer, Wake, Record.
Source:   kube-controller-manager.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers import accounts, deletion, nodes, policy, services, volumes, workloads
from reconcile.components.controllers.nodes import nodelifecycle
from reconcile.components.controllers.runtime import (
    KEPT,
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    State,
    Views,
    begin,
    check,
    controller_of,
    failing,
    identified,
    identity,
    keys_of_itself,
    rights,
    step,
    watches,
)
from reconcile.components.controllers.volumes.drivers import controllers_of
from reconcile.lib.mapping import Map

STANDARD: Final[tuple[Controller, ...]] = (
    *workloads.CONTROLLERS,
    *services.CONTROLLERS,
    *deletion.CONTROLLERS,
    *nodes.CONTROLLERS,
    *volumes.CONTROLLERS,
)
"""Every controller that the controller-manager runs in any cluster, beside the user's own."""

FOR_CLIENTS: Final[tuple[Controller, ...]] = (*policy.FOR_CLIENTS, *accounts.FOR_CLIENTS, *services.FOR_CLIENTS)
"""Those whose work nothing within a cluster needs, but its clients see."""


def standard(
    *,
    heartbeats: bool = True,
    accounts: bool = False,
    without: tuple[str, ...] = (),
    feature_gates: Map[bool] | None = None,
) -> tuple[Controller, ...]:
    """
    Give every controller that the controller-manager runs.

    Args:
        heartbeats: whether nodes say again and again that they live.
        accounts: whether pods run as ServiceAccounts, and with them all else that only clients see.
        without: the names of those that are left out.
        feature_gates: Kubernetes' own that are not as they are by default.
    """
    found = (*STANDARD, *FOR_CLIENTS) if accounts else STANDARD
    if without:
        found = tuple([each for each in found if each.name not in without])
    if feature_gates:
        switched = workloads.switched(feature_gates)
        found = tuple([switched.get(each.name, each) for each in found])
    if heartbeats:
        return found
    return tuple([nodelifecycle.BY_RULE if each is nodelifecycle.CONTROLLER else each for each in found])


__all__ = [
    "FOR_CLIENTS",
    "KEPT",
    "STANDARD",
    "Ask",
    "Controller",
    "Key",
    "Outcome",
    "Source",
    "State",
    "Views",
    "begin",
    "check",
    "controller_of",
    "controllers_of",
    "failing",
    "identified",
    "identity",
    "keys_of_itself",
    "rights",
    "standard",
    "step",
    "watches",
]
