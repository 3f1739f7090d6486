"""
Judging: how the end of a run differs from that of the undisturbed run of what is declared.

Most of an end does not depend on the way. What does, in Kubernetes as here, is left out, and only where it can: after a
host was silent long enough to lose its pods, where a workload adopts pods that it did not make, and where pods fit
nowhere.

Takes:    both clusters, at rest.
Gives:    sentences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.properties import Ends, Past, differences, normal

_MEANT: Final = ("metadata", "spec", "observed")  # what of a workload does not depend on its pods
_WORKLOADS: Final = (
    "deployments.apps ",
    "replicasets.apps ",
    "replicationcontrollers ",
    "statefulsets.apps ",
    "daemonsets.apps ",
)
_REACHED: Final = ("endpoints ", "endpointslices.discovery.k8s.io ")


def compared(
    now: Cluster, calm: Cluster, past: Iterable[Past], *, lost: bool = False, adopting: bool = False
) -> tuple[str, ...]:
    """
    Say, a sentence each, how *now* differs from *calm*.

    Args:
        now: the end of the run.
        calm: the end of the undisturbed run from the same cluster.
        past: what is not compared.
        lost: a host was silent for so long that it may have lost its pods: one without a controller is not replaced.
        adopting: a workload selects pods that it did not make: one without a controller goes with what adopted it, and
            which of its pods a controller keeps depends on what it had when.
    """
    past = tuple(past)
    waiting = any(not pod.spec.node_name for one in (calm, now) for pod in one.objects("pods"))
    ends = [normal(one, past, but=other) for one, other in ((now, calm), (calm, now))]
    if lost or adopting or waiting:
        loose = _loose(ends, pods=lost or adopting, replicas=adopting or waiting)
        ends = [_fixed(each, loose, waiting=waiting) for each in ends]
    return differences(*ends)


def _loose(ends: list[Ends], *, pods: bool, replicas: bool) -> set[str]:
    """Name what depends on the way: *pods* without a controller, *replicas* of workloads, and what is owned by such."""
    loose: set[str] = set()
    owned = [(place, end.get("of", "")) for one in ends for place, found in one.items() for end in found]
    for place, owner in owned:
        if place.startswith(_REACHED) or (pods and place.startswith("pods ") and not owner):
            loose.add(place)
        if replicas and owner.startswith(_WORKLOADS) and place.startswith(("pods ", *_WORKLOADS)):
            loose.add(place)
    while more := {place for place, owner in owned if owner in loose} - loose:
        loose |= more
    return loose


def _fixed(ends: Ends, loose: set[str], *, waiting: bool) -> Ends:
    """Give what does not depend on the way."""
    kept: Ends = {}
    for place, found in ends.items():
        if place in loose:
            continue
        # How far a rollout came before its pods fitted nowhere depends on what was there before.
        only = _MEANT if waiting and place.startswith(_WORKLOADS) else None
        kept[place] = tuple([_parts(end, only) for end in found])
    return kept


def _parts(end: dict[str, Any], only: tuple[str, ...] | None) -> dict[str, Any]:
    return {key: part for key, part in end.items() if (key in only if only else key != "backends")}
