"""
Heartbeats by rule, in a cluster that has none: a host that falls silent, or is heard again, has its Lease written.

It is the topology's `heartbeats=False`. Nothing is done for a host that goes on as it is.
"""

from __future__ import annotations

from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Sent
from reconcile.components import kubelet
from reconcile.driver.machine.machine import Machine
from reconcile.model.requests import Request, joined


def lapse(machine: Machine, process: Process) -> None:
    """Say, in the name of this kubelet, which is not heard any more, when its Lease was renewed last."""
    _send(machine, process, kubelet.lapsed(process.host, _lease(machine, process), machine.now + process.skew))


def hold(machine: Machine, process: Process) -> None:
    """Say, in the name of this kubelet, that its Lease is renewed again."""
    _send(machine, process, kubelet.held(process.host, _lease(machine, process), machine.now + process.skew))


def _lease(machine: Machine, process: Process) -> object:
    return machine.store.get(kubelet.LEASES, joined(kubelet.LEASE_NAMESPACE, process.host))


def _send(machine: Machine, process: Process, request: Request) -> None:
    # From outside: the host itself may reach nobody. Nobody waits for the answer.
    machine.push(Sent("", 0, "", process.user, request, None, machine.now))
