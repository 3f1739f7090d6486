"""
Arguments: what a profile says to single plugins (`pluginConfig`), with upstream's defaults and checks.

Takes:    the `args` of each plugin.
Gives:    a Profile to which they have been said.
Source:   kube-scheduler's config v1: defaults, ValidateDefaultPreemptionArgs and its like.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import attrs

from reconcile.components.scheduler.cache.guises import NEVER
from reconcile.components.scheduler.cache.traits import Constraint
from reconcile.components.scheduler.cache.wishes import Requirement, Term
from reconcile.components.scheduler.configuration.sections import Section
from reconcile.components.scheduler.framework.profile import Profile, Strategy
from reconcile.lib.instant import SECOND

_STRATEGIES: Final = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_HEAD: Final = ("apiVersion", "kind")
_PERCENT: Final = 100
_BEST_OF_SHAPES: Final = 10
_MOST_AT_LEAST: Final = (1 << 31) - 1


def with_arguments(profile: Profile, section: Section) -> Profile:
    """Give a profile to which `pluginConfig` has been said."""
    seen: list[str] = []
    for each in section.sections("pluginConfig", ("name", "args")):
        name = each.text("name")
        if not name:
            each.required("name")
        if name in seen:
            each.fault("name", f'Duplicate value: "{name}"')
        seen.append(name)
        if name in _READERS:
            fields, read = _READERS[name]
            args = each.section("args", (*_HEAD, *fields))
            kind = args.text("kind", f"{name}Args")
            if kind != f"{name}Args" or args.text("apiVersion", _VERSION) != _VERSION:
                args.invalid("kind", kind, "has to match plugin args")
            profile = read(profile, args)
    return profile


_VERSION: Final = "kubescheduler.config.k8s.io/v1"


def _preemption(profile: Profile, args: Section) -> Profile:
    percent = args.number("minCandidateNodesPercentage", profile.candidates_percent)
    least = args.number("minCandidateNodesAbsolute", profile.least_candidates)
    args.within("minCandidateNodesPercentage", percent, 0, _PERCENT, "not in valid range [0, 100]")
    args.within("minCandidateNodesAbsolute", least, 0, _MOST_AT_LEAST, "not in valid range [0, inf)")
    if not percent and not least:
        said = "cannot be zero at the same time as"
        args.invalid("minCandidateNodesPercentage", percent, f"{said} minCandidateNodesAbsolute")
        args.invalid("minCandidateNodesAbsolute", least, f"{said} minCandidateNodesPercentage")
    return attrs.evolve(profile, candidates_percent=percent, least_candidates=least)


def _neighbours(profile: Profile, args: Section) -> Profile:
    weight = args.number("hardPodAffinityWeight", 1)
    args.within("hardPodAffinityWeight", weight, 0, _PERCENT, "not in valid range [0, 100]")
    ignores = args.truth("ignorePreferredTermsOfExistingPods")
    return attrs.evolve(profile, hard_affinity=weight, ignores_preferred=ignores)


def _affinity(profile: Profile, args: Section) -> Profile:
    required, preferred = (
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    )
    added = args.section("addedAffinity", (required, preferred))
    enforced: tuple[tuple[Term, ...], ...] = ()
    if required in added:
        selector = added.section(required, ("nodeSelectorTerms",))
        enforced = (tuple([_term(each) for each in selector.sections("nodeSelectorTerms", _TERM)]),)
    weighed: list[tuple[int, Term]] = []
    for each in added.sections(preferred, ("weight", "preference")):
        term = _term(each.section("preference", _TERM))
        weight = each.number("weight")
        if weight and term != ((), ()):
            weighed.append((weight, term))
    return attrs.evolve(profile, enforced=enforced, preferred=tuple(weighed))


_TERM: Final = ("matchExpressions", "matchFields")


def _term(section: Section) -> Term:
    return _requirements(section, "matchExpressions"), _requirements(section, "matchFields")


def _requirements(section: Section, name: str) -> tuple[Requirement, ...]:
    found: list[Requirement] = []
    for each in section.sections(name, ("key", "operator", "values")):
        key, operator, values = each.text("key"), each.text("operator"), each.texts("values")
        each.one_of("operator", operator, _OPERATORS if name == "matchExpressions" else ("In", "NotIn"))
        if name == "matchExpressions":
            each.qualified("key", key)
        listed = list(values)
        if operator in {"In", "NotIn"} and not values:
            each.invalid("values", listed, "for 'in', 'notin' operators, values set can't be empty")
        elif operator in {"Exists", "DoesNotExist"} and values:
            each.invalid("values", listed, "values set must be empty for exists and does not exist")
        elif operator in {"Gt", "Lt"} and len(values) != 1:
            each.invalid("values", listed, "for 'Gt', 'Lt' operators, exactly one value is required")
        elif operator in {"Gt", "Lt"} and not values[0].lstrip("+-").isdigit():
            each.invalid("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer")
        elif name == "matchFields" and len(values) != 1:
            each.invalid("values", listed, "must have one element")
        found.append((key, operator, values))
    return tuple(found)


def _fit(profile: Profile, args: Section) -> Profile:
    ignored, groups = args.texts("ignoredResources"), args.texts("ignoredResourceGroups")
    for place, name in enumerate(ignored):
        args.qualified(f"ignoredResources[{place}]", name)
    for place, name in enumerate(groups):
        if "/" in name:
            args.invalid(f"ignoredResourceGroups[{place}]", name, "resource group name can't contain '/'")
        args.qualified(f"ignoredResourceGroups[{place}]", name)
    profile = attrs.evolve(profile, ignored=ignored, ignored_groups=groups)
    if "scoringStrategy" not in args:
        return profile
    strategy = args.section("scoringStrategy", ("type", "resources", "requestedToCapacityRatio"))
    kind = strategy.text("type")
    strategy.one_of("type", kind, _STRATEGIES)
    resources: list[tuple[str, int]] = []
    for each in strategy.sections("resources", ("name", "weight")):
        name, weight = each.text("name"), each.number("weight") or 1
        each.within("weight", weight, 1, _PERCENT, f"resource weight of {name} not in valid range (0, 100]")
        resources.append((name, weight))
    shape: tuple[tuple[int, int], ...] = ()
    ratio = "requestedToCapacityRatio"
    if kind == "RequestedToCapacityRatio" and ratio not in strategy:
        strategy.required(ratio, "must be specified when type is RequestedToCapacityRatio")
    elif kind == "RequestedToCapacityRatio":
        shape = _shape(strategy.section(ratio, ("shape",)))
    elif ratio in strategy:
        strategy.fault(ratio, "Forbidden: must be nil when type is not RequestedToCapacityRatio")
    return attrs.evolve(
        profile,
        strategy=cast("Strategy", kind) if kind in _STRATEGIES else profile.strategy,
        fit_resources=tuple(resources) or profile.fit_resources,
        shape=shape,
    )


def _shape(section: Section) -> tuple[tuple[int, int], ...]:
    points = section.sections("shape", ("utilization", "score"))
    if not points:
        section.required("shape", "at least one point must be specified")
    found = [(each.number("utilization"), each.number("score")) for each in points]
    for place in range(1, len(found)):
        if found[place - 1][0] >= found[place][0]:
            points[place].invalid("utilization", found[place][0], "values must be sorted in increasing order")
            break
    for each, (utilization, score) in zip(points, found, strict=True):
        each.within("utilization", utilization, 0, _PERCENT, "not in valid range [0, 100]")
        each.within("score", score, 0, _BEST_OF_SHAPES, "not in valid range [0, 10]")
    return tuple(found)


def _balance(profile: Profile, args: Section) -> Profile:
    names: list[str] = []
    for each in args.sections("resources", ("name", "weight")):
        name, weight = each.text("name"), each.number("weight") or 1
        if name in names:
            each.fault("name", f'Duplicate value: "{name}"')
        if weight != 1:
            each.invalid("weight", weight, "must be 1")
        names.append(name)
    return attrs.evolve(profile, balance_resources=tuple(names) or profile.balance_resources)


def _spread(profile: Profile, args: Section) -> Profile:
    kind = args.text("defaultingType") or "System"
    args.one_of("defaultingType", kind, ("List", "System"))
    listed = args.sections("defaultConstraints", _CONSTRAINT)
    if kind == "System" and listed:
        args.invalid("defaultingType", kind, "when .defaultConstraints are not empty")
    found: list[Constraint] = []
    for each in listed:
        constraint = _constraint(each)
        if any((other.key, other.hard) == (constraint.key, constraint.hard) for other in found):
            said = f"{{{constraint.key}, {each.text('whenUnsatisfiable')}}}"
            each.fault("topologyKey", f'Duplicate value: "{said}"')
        found.append(constraint)
    return attrs.evolve(profile, spread_defaults=tuple(found) if kind == "List" else None)


_CONSTRAINT: Final = (
    "maxSkew",
    "topologyKey",
    "whenUnsatisfiable",
    "labelSelector",
    "minDomains",
    "nodeAffinityPolicy",
    "nodeTaintsPolicy",
    "matchLabelKeys",
)


def _constraint(each: Section) -> Constraint:
    """Read a constraint; which pods it counts is for each pod to say."""
    skew, key, what = each.number("maxSkew"), each.text("topologyKey"), each.text("whenUnsatisfiable")
    if skew <= 0:
        each.invalid("maxSkew", skew, "not in valid range (0, inf)")
    if not key:
        each.required("topologyKey", "can not be empty")
    else:
        each.qualified("topologyKey", key)
    if not what:
        each.required("whenUnsatisfiable", "can not be empty")
    else:
        each.one_of("whenUnsatisfiable", what, ("DoNotSchedule", "ScheduleAnyway"))
    if "labelSelector" in each:
        each.fault("labelSelector", "Forbidden: constraint must not define a selector, as they deduced for each pod")
    return Constraint(
        key,
        skew,
        what == "DoNotSchedule",
        NEVER,
        each.number("minDomains", 1),
        each.text("nodeAffinityPolicy") != "Ignore",
        each.text("nodeTaintsPolicy") == "Honor",
    )


def _volumes(profile: Profile, args: Section) -> Profile:
    seconds = args.number("bindTimeoutSeconds", profile.bind_timeout // SECOND)
    if seconds < 0:
        args.invalid("bindTimeoutSeconds", seconds, "invalid BindTimeoutSeconds, should not be a negative value")
    if "shape" in args:
        said = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        args.invalid("shape", args.plain("shape"), said)
    return attrs.evolve(profile, bind_timeout=seconds * SECOND)


def _claims(profile: Profile, args: Section) -> Profile:
    if args.duration("filterTimeout") < 0:
        args.invalid("filterTimeout", args.text("filterTimeout"), "must be zero or positive")
    if args.duration("bindingTimeout", SECOND) < SECOND:
        args.invalid("bindingTimeout", args.text("bindingTimeout"), "must be at least 1 second")
    return profile


_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[[Profile, Section], Profile]]]] = {
    "DefaultPreemption": (("minCandidateNodesPercentage", "minCandidateNodesAbsolute"), _preemption),
    "InterPodAffinity": (("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"), _neighbours),
    "NodeAffinity": (("addedAffinity",), _affinity),
    "NodeResourcesFit": (("ignoredResources", "ignoredResourceGroups", "scoringStrategy"), _fit),
    "NodeResourcesBalancedAllocation": (("resources",), _balance),
    "PodTopologySpread": (("defaultConstraints", "defaultingType"), _spread),
    "VolumeBinding": (("bindTimeoutSeconds", "shape"), _volumes),
    "DynamicResources": (("filterTimeout", "bindingTimeout"), _claims),
}


def arguments_of(section: Section) -> dict[str, Any]:
    """Give the arguments of plugins that are not Kubernetes' own, as they are, by name."""
    listed = section.plain("pluginConfig")
    found = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list | tuple) else []
    return {str(each.get("name")): each.get("args") or {} for each in found if each.get("name") not in _READERS}
