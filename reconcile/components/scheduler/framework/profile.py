"""
Profiles: which plugins take part in scheduling, with what weights and arguments.

Takes:    KubeSchedulerConfiguration v1, as plain values (`profile_of`).
Gives:    Profile.
Source:   kube-scheduler's configuration, https://kubernetes.io/docs/reference/scheduling/config/, and its defaults.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from reconcile.lib.errors import ReconcileError

FILTERS: Final = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
)
"""The filters, in the order in which a node is asked."""

WEIGHTS: Final = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}
"""The plugins that score, with the weights that they have by default."""

# What can be turned off; the others are what makes a scheduler one.
_OPTIONAL: Final = (*FILTERS, *WEIGHTS, "DefaultPreemption")
_POINTS: Final = ("multiPoint", "filter", "score", "postFilter")
_STRATEGIES: Final = ("LeastAllocated", "MostAllocated")


@attrs.frozen(kw_only=True)
class Profile:
    """
    How pods are scheduled.

    Args:
        name: the scheduler's, as pods say it.
        filters: the filters that take part.
        taints, affinity, fit, spread, neighbours, devices, balance, images: the weights of the plugins that score; 0 if
            one takes no part.
        hard_affinity: what required affinity of a pod that is there weighs for one that comes.
        strategy: whether nodes are better the emptier or the fuller they are.
        preempts: whether pods of lower priority make room.
    """

    name: str = "default-scheduler"
    filters: tuple[str, ...] = FILTERS
    taints: int = WEIGHTS["TaintToleration"]
    affinity: int = WEIGHTS["NodeAffinity"]
    fit: int = WEIGHTS["NodeResourcesFit"]
    spread: int = WEIGHTS["PodTopologySpread"]
    neighbours: int = WEIGHTS["InterPodAffinity"]
    devices: int = WEIGHTS["DynamicResources"]
    balance: int = WEIGHTS["NodeResourcesBalancedAllocation"]
    images: int = WEIGHTS["ImageLocality"]
    hard_affinity: int = 1
    strategy: Literal["LeastAllocated", "MostAllocated"] = "LeastAllocated"
    preempts: bool = True


DEFAULT: Final = Profile()

_FIELDS: Final = {
    "TaintToleration": "taints",
    "NodeAffinity": "affinity",
    "NodeResourcesFit": "fit",
    "PodTopologySpread": "spread",
    "InterPodAffinity": "neighbours",
    "DynamicResources": "devices",
    "NodeResourcesBalancedAllocation": "balance",
    "ImageLocality": "images",
}


def profile_of(plain: Mapping[str, Any], name: str = DEFAULT.name) -> Profile:
    """
    Read the profile *name* of a KubeSchedulerConfiguration.

    Raises:
        ReconcileError: it is no such configuration, has no such profile, or says what cannot be done here.
    """
    version, kind = plain.get("apiVersion"), plain.get("kind")
    if (version, kind) != ("kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"):
        raise ReconcileError(
            f"{kind!r} of {version!r} is no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1"
        )
    for place, each in enumerate(plain.get("profiles") or [{}]):
        if each.get("schedulerName", DEFAULT.name) == name:
            return _read(each, name, f"profiles[{place}]")
    raise ReconcileError(f"profiles: none has the schedulerName {name!r}")


def _read(plain: Mapping[str, Any], name: str, path: str) -> Profile:
    weights = dict(WEIGHTS)
    filters = {*FILTERS}
    preempts = True
    for point, sets in (plain.get("plugins") or {}).items():
        where = f"{path}.plugins.{point}"
        if point not in _POINTS:
            raise ReconcileError(f"{where}: plugins are turned on and off at {', '.join(_POINTS)} only")
        for off in sets.get("disabled") or ():
            gone = _OPTIONAL if off.get("name") == "*" else (_known(off, where),)
            if point in {"multiPoint", "score"}:
                weights = {plugin: 0 if plugin in gone else weight for plugin, weight in weights.items()}
            if point in {"multiPoint", "filter"}:
                filters -= {*gone}
            preempts = preempts and not (point in {"multiPoint", "postFilter"} and "DefaultPreemption" in gone)
        for on in sets.get("enabled") or ():
            plugin = _known(on, where)
            if plugin in WEIGHTS and point in {"multiPoint", "score"}:
                weights[plugin] = _weight(on, WEIGHTS[plugin], where)
            if plugin in FILTERS and point in {"multiPoint", "filter"}:
                filters.add(plugin)
            preempts = preempts or plugin == "DefaultPreemption"
    found: dict[str, Any] = {_FIELDS[plugin]: weight for plugin, weight in weights.items()}
    kept = tuple([plugin for plugin in FILTERS if plugin in filters])
    return _with_arguments(Profile(name=name, filters=kept, preempts=preempts, **found), plain, path)


def _with_arguments(profile: Profile, plain: Mapping[str, Any], path: str) -> Profile:
    for place, each in enumerate(plain.get("pluginConfig") or ()):
        where = f"{path}.pluginConfig[{place}]"
        arguments = {key: value for key, value in (each.get("args") or {}).items() if key not in {"apiVersion", "kind"}}
        match each.get("name"):
            case "InterPodAffinity" if {*arguments} <= {"hardPodAffinityWeight"}:
                weight = arguments.get("hardPodAffinityWeight", 1)
                if not isinstance(weight, int) or not 0 <= weight <= 100:  # noqa: PLR2004 -- as upstream has it
                    raise ReconcileError(f"{where}.args.hardPodAffinityWeight: {weight!r} is not between 0 and 100")
                profile = attrs.evolve(profile, hard_affinity=weight)
            case "NodeResourcesFit" if {*arguments} <= {"scoringStrategy"}:
                strategy = arguments.get("scoringStrategy", {})
                kind = strategy.get("type", "LeastAllocated")
                if kind not in _STRATEGIES or not {*strategy} <= {"type"}:
                    raise ReconcileError(f"{where}.args.scoringStrategy: {strategy!r} cannot be had: {_STRATEGIES} can")
                profile = attrs.evolve(profile, strategy=kind)
            case name:
                raise ReconcileError(f"{where}: arguments {sorted(arguments)} of {name!r} cannot be given here")
    return profile


def _known(plain: Mapping[str, Any], where: str) -> str:
    name = plain.get("name")
    if name not in _OPTIONAL:
        raise ReconcileError(f"{where}: {name!r} is no plugin that can be turned on or off")
    return str(name)


def _weight(plain: Mapping[str, Any], default: int, where: str) -> int:
    weight = plain.get("weight") or default
    if not isinstance(weight, int) or not 0 < weight <= 100:  # noqa: PLR2004 -- a hundred times a score is enough
        raise ReconcileError(f"{where}: {weight!r} is no weight between 1 and 100")
    return weight
