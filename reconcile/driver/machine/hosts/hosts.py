"""Hosts: one that comes, what befalls one while it is on, or is done to its disk, and that its kubelet hears of it."""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api import core_v1
from reconcile.cluster.cluster import Drifting, HostStatus, clock_of
from reconcile.cluster.components import host_processes
from reconcile.components import network, world
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import keep, network_of
from reconcile.driver.machine.processes import launch, reach_changed, report
from reconcile.events import (
    AddHost,
    HostShutsDown,
    HostStrained,
    ManifestsChanged,
    RemoveManifest,
    SetBackends,
    ShutDown,
    Strain,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.hosts import Host
from reconcile.model.kubelets import amount_of, check_signal
from reconcile.model.text import names


def befall(machine: Machine, event: AddHost | SetBackends | Strain | ShutDown | WriteManifest | RemoveManifest) -> None:
    """
    Let *event* befall its host, or hosts.

    Raises:
        ReconcileError: there is no such host, signal or manifest, or the host is off; or it comes and cannot.
    """
    if isinstance(event, AddHost):
        _add(machine, event.host)
        return
    if isinstance(event, SetBackends):
        _set_backends(machine, tuple(event.hosts))
        return
    status = machine.hosts.get(event.host)
    if status is None:
        raise ReconcileError(f"there is no host {event.host!r}")
    host = status.host
    match event:
        case Strain(_, signal, available):
            check_signal(signal, "signal")
            amount = amount_of(available, "available") if available else -1
            strain = host.strain.set(signal, available) if available else _without(host.strain, signal)
            machine.hosts.set(host.name, attrs.evolve(status, host=attrs.evolve(host, strain=strain)))
            report(machine, host.name, HostStrained(signal, amount))
        case ShutDown(_, cancelled):
            if not status.up:
                raise ReconcileError(f"host {host.name} is off already")
            report(machine, host.name, HostShutsDown(cancelled))
        case WriteManifest(_, manifest):
            written = _checked(manifest)
            kept = [each for each in host.manifests if _key(each) != _key(written)]
            _put(machine, status, (*kept, written))
        case RemoveManifest(_, pod):
            kept = [each for each in host.manifests if _key(each) != pod]
            if len(kept) == len(host.manifests):
                there = ", ".join(map(_key, host.manifests)) or "none"
                raise ReconcileError(f"host {host.name} has no manifest of {pod!r}; there are {there}")
            _put(machine, status, tuple(kept))


def _add(machine: Machine, given: Host) -> None:
    topology = machine.cluster.topology
    host = topology.furnished(given, tuple([status.host for status in machine.hosts.table().values()]))
    disk = world.begin(host, topology.behaviours, machine.dice(f"runtime/{host.name}"))
    drifting = Drifting(machine.now, host.clock_skew) if host.clock_drift else None
    machine.hosts.set(host.name, HostStatus(host, disk=disk, drifting=drifting))
    if drifting is not None:
        machine.timers.set(clock_of(host.name), machine.now + SECOND, periodic=True)
    if machine.fronted:
        reach_changed(machine)
    for kind in host_processes(host):
        launch(machine, kind, host.name)


def _set_backends(machine: Machine, hosts: tuple[str, ...]) -> None:
    if not machine.fronted:
        raise ReconcileError("nothing stands before the API servers; `Topology(balancer=Balancer())` has a balancer")
    if not hosts or len({*hosts}) < len(hosts):
        raise ReconcileError(f"hosts: {', '.join(hosts) or 'none'}: one or more, each once")
    for name in hosts:
        machine.host(name)
    keep(machine, network.backed(network_of(machine), hosts))
    reach_changed(machine)


def _put(machine: Machine, status: Any, manifests: tuple[core_v1.Pod, ...]) -> None:
    host = attrs.evolve(status.host, manifests=manifests)
    machine.hosts.set(host.name, attrs.evolve(status, host=host))
    if machine.states.get(f"kubelet/{host.name}") is not None:  # one that is about to begin reads its disk then
        report(machine, host.name, ManifestsChanged(manifests))


def _without(strain: Any, signal: str) -> Any:
    return strain.remove(signal) if signal in strain else strain


def _key(manifest: Any) -> str:
    metadata = manifest.metadata
    return f"{metadata.namespace or 'default'}/{metadata.name}"


def _checked(manifest: Any) -> core_v1.Pod:
    """Refuse what no kubelet could run."""
    if not isinstance(manifest, core_v1.Pod):
        raise ReconcileError(f"manifest: expected a Pod, found {manifest!r}")
    name = manifest.metadata.name if manifest.metadata is not None else None
    faults = names.subdomain_faults(name or "")
    if faults:
        raise ReconcileError(f"manifest.metadata.name: {name!r}: {faults[0]}")
    if manifest.spec is None or not manifest.spec.containers:
        raise ReconcileError(f"manifest.spec.containers: pod {name!r} has none")
    return manifest
