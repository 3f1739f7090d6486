"""
Probing: what processes of the simulation answer to their kubelet's probes.

An API server is alive while it reads from etcd, which its /livez has a check for: one that does not is ended. A member
of etcd is alive while it answers at all, and ready while it knows a leader. One that is paused answers nothing.

Takes:    a probe of a container that is a process.
Gives:    whether it succeeds; None: the container's behaviour says that.
Source:   k8s.io/apiserver pkg/server/options/etcd.go (the check is behind /healthz, /livez and /readyz) and its query
          parameter `exclude`; etcd's server/etcdserver/api/etcdhttp/health.go; kubeadm's probes of static pods.
Left out: see docs/limits.md, "API servers and their balancer".
"""

from __future__ import annotations

from typing import Final

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import FROZEN
from reconcile.components import applications, etcd, world
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.lines import is_ready
from reconcile.effects import ProbeContainer

_OF_ETCD: Final = ("/healthz", "/livez", "/readyz")


def answered(machine: Machine, runtime: Process, order: ProbeContainer) -> bool | None:
    """Give what the process that a container is answers to a probe; None: it is none, or its behaviour says it."""
    state = machine.states.get(runtime.name)
    name = "" if state is None else world.process_of(state, order.uid, order.container)
    asked = machine.processes.get(f"{name}/{runtime.host}") if name else None
    if asked is None:
        return None
    own = machine.states.get(asked.name)
    if asked.kind == FROZEN:
        return False
    if isinstance(own, applications.State):
        return applications.answers(own, order.action, machine.now + asked.skew)
    path, _, query = order.action.partition("/")[2].partition("?")
    if asked.kind == "kube-apiserver" and f"/{path}" in _OF_ETCD and "exclude=etcd" not in query.split("&"):
        if path == "readyz" and world.drains(state, asked.kind):
            return False
        return None if is_ready(machine, runtime.host) else False
    if asked.kind == "etcd" and machine.plural and path in ("readyz", "health") and "serializable=true" not in query:
        return None if etcd.serves(own) else False
    return None
