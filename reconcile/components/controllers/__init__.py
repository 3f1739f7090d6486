"""
The controllers of the controller-manager: loops that bring what is nearer to what is declared.

Takes:    Started, Watched, Answered, TimerFired, Turned.
Gives:    Call, SetTimer, Wake, Record.
Source:   kube-controller-manager.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers import (
    deployment,
    endpoints,
    endpointslice,
    garbagecollector,
    namespace,
    nodelifecycle,
    replicaset,
    replicationcontroller,
    resourcequota,
    rootca,
    serviceaccount,
)
from reconcile.components.controllers._runtime import (
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

STANDARD: Final[tuple[Controller, ...]] = (
    deployment.CONTROLLER,
    replicaset.CONTROLLER,
    replicationcontroller.CONTROLLER,
    endpoints.CONTROLLER,
    endpointslice.CONTROLLER,
    namespace.CONTROLLER,
    garbagecollector.CONTROLLER,
    nodelifecycle.CONTROLLER,
)
"""Every controller that the controller-manager runs in any cluster, beside the user's own."""

FOR_CLIENTS: Final[tuple[Controller, ...]] = (
    resourcequota.CONTROLLER,
    rootca.CONTROLLER,
    serviceaccount.CONTROLLER,
)
"""Those whose work nothing within a cluster needs, but its clients see."""


def standard(
    *, heartbeats: bool = True, accounts: bool = False, without: tuple[str, ...] = ()
) -> tuple[Controller, ...]:
    """
    Give every controller that the controller-manager runs.

    Args:
        heartbeats: whether nodes say again and again that they live.
        accounts: whether pods run as ServiceAccounts, and with them all else that only clients see.
        without: the names of those that are left out.
    """
    found = (*STANDARD, *FOR_CLIENTS) if accounts else STANDARD
    if without:
        found = tuple([each for each in found if each.name not in without])
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
    "failing",
    "identified",
    "identity",
    "keys_of_itself",
    "rights",
    "standard",
    "step",
    "watches",
]
