"""
Profiles: which plugins take part in scheduling, with what weights and arguments.

Gives:    Profile; it is read from a KubeSchedulerConfiguration by `configuration`.
Source:   kube-scheduler's configuration, https://kubernetes.io/docs/reference/scheduling/config/, and its defaults.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.components.scheduler.cache.demand import Demand, demand_of
from reconcile.components.scheduler.cache.traits import Constraint
from reconcile.components.scheduler.cache.wishes import Term, Wishes, wishes_of
from reconcile.components.scheduler.plugin import Own
from reconcile.lib.instant import MINUTE, Duration

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
    "NodeDeclaredFeatures",
)
"""The filters, in the order in which a node is asked."""

PREFILTERS: Final = tuple(
    [name for name in FILTERS if name not in {"NodeUnschedulable", "NodeName", "TaintToleration"}]
)
"""The filters that look at a pod before they look at nodes."""

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

WEIGHT_FIELDS: Final = {
    "TaintToleration": "taints",
    "NodeAffinity": "affinity",
    "NodeResourcesFit": "fit",
    "PodTopologySpread": "spread",
    "InterPodAffinity": "neighbours",
    "DynamicResources": "devices",
    "NodeResourcesBalancedAllocation": "balance",
    "ImageLocality": "images",
}
"""In which field of a Profile the weight of each stands."""

Strategy: TypeAlias = Literal["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"]


@attrs.frozen(kw_only=True)
class Profile:
    """
    How pods are scheduled.

    Args:
        name: the scheduler's, as pods say it.
        filters: the filters that take part.
        prefilters: those of them, and others, that look at the pod first, in the order in which they do.
        order: the filters, those of the user's own among them, in the order in which they are asked; empty for the
            usual one: Kubernetes' own as they are in `FILTERS`, then the others.
        taints, affinity, fit, spread, neighbours, devices, balance, images: the weights of the plugins that score; 0 if
            one takes no part.
        hard_affinity: what required affinity of a pod that is there weighs for one that comes.
        ignores_preferred: what pods that are there prefer does not matter to one that prefers nothing itself.
        strategy: whether nodes are better the emptier or the fuller they are, or by how full they are as *shape* says.
        fit_resources: what that is judged by, and what each weighs.
        shape: how full, in percent, and how good that is, from 0 to 10; straight lines between.
        balance_resources: what is to be used evenly.
        ignored, ignored_groups: extended resources, and prefixes of them, of which nodes need not have enough.
        enforced: terms of which nodes must fulfil one, whatever the pod says; () for none, else in one tuple.
        preferred: weights and terms that nodes are preferred by, likewise.
        spread_defaults: the constraints of pods of a service or a workload that have none; None for those of the
            system.
        gates: whether scheduling gates hold pods.
        volumes: whether volumes are seen to before a pod is bound.
        bind_timeout: how long a pod waits for that.
        preempts: whether pods of lower priority make room.
        least_candidates, candidates_percent: on how many nodes that is tried, and on what part of them.
        own: plugins of the user's own that take part.
        share: when so many percent of the nodes will do, no more are looked for; 0 for what suits their number.
    """

    name: str = "default-scheduler"
    filters: tuple[str, ...] = FILTERS
    prefilters: tuple[str, ...] = PREFILTERS
    order: tuple[str, ...] = ()
    taints: int = WEIGHTS["TaintToleration"]
    affinity: int = WEIGHTS["NodeAffinity"]
    fit: int = WEIGHTS["NodeResourcesFit"]
    spread: int = WEIGHTS["PodTopologySpread"]
    neighbours: int = WEIGHTS["InterPodAffinity"]
    devices: int = WEIGHTS["DynamicResources"]
    balance: int = WEIGHTS["NodeResourcesBalancedAllocation"]
    images: int = WEIGHTS["ImageLocality"]
    hard_affinity: int = 1
    ignores_preferred: bool = False
    strategy: Strategy = "LeastAllocated"
    fit_resources: tuple[tuple[str, int], ...] = (("cpu", 1), ("memory", 1))
    shape: tuple[tuple[int, int], ...] = ()
    balance_resources: tuple[str, ...] = ("cpu", "memory")
    ignored: tuple[str, ...] = ()
    ignored_groups: tuple[str, ...] = ()
    enforced: tuple[tuple[Term, ...], ...] = ()
    preferred: tuple[tuple[int, Term], ...] = ()
    spread_defaults: tuple[Constraint, ...] | None = None
    gates: bool = True
    volumes: bool = True
    bind_timeout: Duration = 10 * MINUTE
    preempts: bool = True
    least_candidates: int = 100
    candidates_percent: int = 10
    share: int = 0
    own: tuple[Own, ...] = ()

    @property
    def scores(self) -> bool:
        """Tell whether anything is scored."""
        scoring = any(each.at("score") for each in self.own)
        return scoring or any(getattr(self, field) for field in WEIGHT_FIELDS.values())


DEFAULT: Final = Profile()


def demanded(pod: Any, profile: Profile) -> Demand:
    """Give what *pod* takes, with what of it nodes need not have enough."""
    demand = demand_of(pod)
    if (profile.ignored or profile.ignored_groups) and demand.others:
        unseen = [name for name, _ in demand.others if _is_ignored(name, profile)]
        return demand._replace(ignored=tuple(unseen)) if unseen else demand
    return demand


def wished(pod: Any, profile: Profile) -> Wishes:
    """Give what *pod*, and the profile for it, ask of nodes."""
    wishes = wishes_of(pod)
    if profile.enforced or profile.preferred:
        return wishes._replace(enforced=profile.enforced, preferred=(*wishes.preferred, *profile.preferred))
    return wishes


def _is_ignored(name: str, profile: Profile) -> bool:
    prefix, slash, _ = name.partition("/")
    extended = slash and prefix != "kubernetes.io" and not prefix.endswith(".kubernetes.io")
    return bool(extended) and (name in profile.ignored or prefix in profile.ignored_groups)
