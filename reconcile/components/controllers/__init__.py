"""
The controllers of the controller-manager: loops that bring what is nearer to what is declared.

Takes:    Started, Watched, Answered, TimerFired, Turned.
Gives:    Call, SetTimer, Wake, Record.
Source:   kube-controller-manager.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers import (
    accounts,
    autoscaling,
    cloud,
    deletion,
    devices,
    elections,
    grouping,
    nodes,
    policy,
    services,
    stages,
    volumes,
    workloads,
)
from reconcile.components.controllers.devices import drivers as device_drivers
from reconcile.components.controllers.nodes import ipam, nodelifecycle
from reconcile.components.controllers.nodes.ipam import Range
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
from reconcile.components.controllers.volumes import drivers
from reconcile.lib.mapping import Map
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver
from reconcile.model.drivers import Driver
from reconcile.model.programs import NONE, Options

STANDARD: Final[tuple[Controller, ...]] = (
    *workloads.CONTROLLERS,
    *services.CONTROLLERS,
    *deletion.CONTROLLERS,
    *nodes.CONTROLLERS,
    *policy.CONTROLLERS,
    *accounts.CONTROLLERS,
    *volumes.CONTROLLERS,
    *devices.CONTROLLERS,
    *autoscaling.CONTROLLERS,
)
"""Every controller that the controller-manager runs in any cluster, beside the user's own."""

ELECTING: Final = elections.CONTROLLERS
"""What an API server runs of a coordinated election."""


def standard(
    *,
    seed: int = 0,
    heartbeats: bool = True,
    without: tuple[str, ...] = (),
    feature_gates: Map[bool] | None = None,
    pods: Range | None = None,
    options: Options = NONE,
) -> tuple[Controller, ...]:
    """
    Give every controller that the controller-manager runs.

    Args:
        seed: the cluster's, of which its key is a function.
        heartbeats: whether nodes say again and again that they live.
        without: the names of those that are left out.
        feature_gates: Kubernetes' own that are not as they are by default.
        pods: the range of which nodes get their parts for pods, as with `--allocate-node-cidrs`; None: nodes have them.
        options: what the controller-manager is told by its flags.
    """
    found = STANDARD if pods is None else (*STANDARD, ipam.controller_of(pods))
    if without:
        found = tuple([each for each in found if each.name not in without])
    if feature_gates or options.given:
        gates = feature_gates or Map()
        found = (*found, *[each for each in grouping.added(gates) if each.name not in without])
        switched = {
            **({**workloads.switched(gates), **deletion.switched(gates)} if gates else {}),
            **autoscaling.switched(gates, options),
            **nodes.tuned(options, heartbeats=heartbeats),
        }
        found = tuple([switched.get(each.name, each) for each in found])
    if not heartbeats:
        found = tuple([nodelifecycle.BY_RULE if each is nodelifecycle.CONTROLLER else each for each in found])
    return accounts.with_keys(found, seed)


def around(
    storage: tuple[Driver, ...],
    host: Cloud | None,
    played: tuple[Any, ...] = (),
    *,
    equipment: tuple[DeviceDriver, ...] = (),
    seed: int = 0,
    heartbeats: bool = True,
) -> tuple[Controller, ...]:
    """
    Give the controllers that those outside of Kubernetes bring along.

    Args:
        storage: the drivers of storage.
        host: the cloud.
        played: the documents of stages, by which nodes without a kubelet are played.
        equipment: the drivers of devices.
        seed: the cluster's.
        heartbeats: whether nodes say again and again that they live.
    """
    return (
        *drivers.controllers_of(storage),
        *device_drivers.controllers_of(equipment),
        *cloud.controllers_of(host),
        *stages.controllers_of(played, seed=seed, heartbeats=heartbeats),
    )


__all__ = [
    "ELECTING",
    "KEPT",
    "STANDARD",
    "Ask",
    "Controller",
    "Key",
    "Outcome",
    "Range",
    "Source",
    "State",
    "Views",
    "around",
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
