"""Hosts: what befalls one of them while it is on, or is done to its disk, and that its kubelet hears of it."""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api import core_v1
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.processes import report
from reconcile.events import (
    HostShutsDown,
    HostStrained,
    ManifestsChanged,
    RemoveManifest,
    ShutDown,
    Strain,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.model import names
from reconcile.model.kubelets import amount_of, check_signal


def befall(machine: Machine, event: Strain | ShutDown | WriteManifest | RemoveManifest) -> None:
    """
    Let *event* befall its host.

    Raises:
        ReconcileError: there is no such host, signal or manifest, or the host is off.
    """
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


def _put(machine: Machine, status: Any, manifests: tuple[core_v1.Pod, ...]) -> None:
    host = attrs.evolve(status.host, manifests=manifests)
    machine.hosts.set(host.name, attrs.evolve(status, host=host))
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
