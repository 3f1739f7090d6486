"""
Masters: who leads, and which API servers the balancer takes to be up, where a cluster has several masters.

Takes:    a cluster, now and then.
Gives:    a sentence for each thing that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconcile.cluster import Cluster
from reconcile.driver.operating.members import member_list

_ELECTED: Final = ("kube-controller-manager", "kube-scheduler")


class Masters:
    """Remembers what was said of a cluster's masters."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def look(self, cluster: Cluster) -> Iterator[str]:
        """Give a sentence for each thing that has changed; none of a cluster with one master."""
        if cluster.topology.masters == 1 and not cluster.members:
            return
        for what, now in _standing(cluster):
            if self._said.get(what) != now:
                self._said[what] = now
                yield f"{what}: {now}"


def _standing(cluster: Cluster) -> Iterator[tuple[str, str]]:
    if cluster.members:
        leaders = [each.host for each in member_list(cluster) if each.role == "leader"]
        yield "etcd", _led(leaders)
    state = cluster.states.get("network", None)
    if state is not None:
        up = [host for host, health in state.health.items() if health.up]
        yield "kube-apiserver", f"up on {', '.join(up)}" if up else "none is up"
        if state.holder:
            yield "floating address", f"on {state.holder}"
    for kind in _ELECTED:
        found = [process for name in cluster.elections if (process := cluster.processes[name]).kind == kind]
        if found:
            yield kind, _led([process.host for process in found if process.leading])


def _led(leaders: list[str]) -> str:
    return f"{' and '.join(leaders)} leads" if leaders else "nobody leads"
