"""
Points: which plugins take part in a profile, and where.

A profile says at each extension point what it turns on and off, and at `multiPoint` for all points at once. What it
says of one point goes before that.

Takes:    the `plugins` of a profile.
Gives:    for each point the plugins that are asked, in order; what those that score weigh.
Source:   the scheduler's mergePlugins, expandMultiPointPlugins, getValidScoreWeights.
Left out: the points of pod groups (placementGenerate, placementScore), which do nothing while their gate is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from reconcile.components.scheduler.configuration.sections import Section

POINTS: Final = {
    "preEnqueue": "PreEnqueuePlugin",
    "queueSort": "QueueSortPlugin",
    "preFilter": "PreFilterPlugin",
    "filter": "FilterPlugin",
    "postFilter": "PostFilterPlugin",
    "preScore": "PreScorePlugin",
    "score": "ScorePlugin",
    "reserve": "ReservePlugin",
    "permit": "PermitPlugin",
    "preBind": "PreBindPlugin",
    "bind": "BindPlugin",
    "postBind": "PostBindPlugin",
    "placementGenerate": "PlacementGeneratePlugin",
    "placementScore": "PlacementScorePlugin",
}
"""The extension points, and what upstream calls a plugin of each."""

_FILTERS: Final = ("preFilter", "filter")
_SCORES: Final = ("preScore", "score")
PLUGINS: Final[dict[str, tuple[str, ...]]] = {
    "SchedulingGates": ("preEnqueue",),
    "PrioritySort": ("queueSort",),
    "NodeUnschedulable": ("filter",),
    "NodeName": ("filter",),
    "TaintToleration": ("filter", *_SCORES),
    "NodeAffinity": (*_FILTERS, *_SCORES),
    "NodePorts": _FILTERS,
    "NodeResourcesFit": (*_FILTERS, *_SCORES, "placementScore"),
    "VolumeRestrictions": _FILTERS,
    "NodeVolumeLimits": _FILTERS,
    "VolumeBinding": (*_FILTERS, "reserve", "preBind", *_SCORES),
    "VolumeZone": _FILTERS,
    "PodTopologySpread": (*_FILTERS, *_SCORES),
    "InterPodAffinity": (*_FILTERS, *_SCORES),
    "DynamicResources": ("preEnqueue", *_FILTERS, "postFilter", "score", "reserve", "preBind"),
    "DefaultPreemption": ("preEnqueue", "postFilter"),
    "NodeResourcesBalancedAllocation": _SCORES,
    "ImageLocality": ("score",),
    "DefaultBinder": ("bind",),
    "NodeDeclaredFeatures": _FILTERS,
}
"""The plugins that are on by default, in their order, and the points at which each takes part."""

_WEIGHTS: Final = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
}
_LARGEST: Final = (1 << 31) - 1
# Their verdict on a node needs what they found at preFilter; upstream would fail for every pod.
_BOUND: Final = (
    "NodeResourcesFit",
    "PodTopologySpread",
    "InterPodAffinity",
    "VolumeRestrictions",
    "VolumeBinding",
    "NodePorts",
)


class Listed(NamedTuple):
    """A plugin as a configuration names it, its weight, and where it stands."""

    name: str
    weight: int
    place: str


class Taking(NamedTuple):
    """
    Who takes part.

    Args:
        at: point -> the plugins, in the order in which they are asked.
        weights: plugin -> what it weighs, for each that scores.
    """

    at: dict[str, tuple[str, ...]]
    weights: dict[str, int]


class _Set(NamedTuple):
    enabled: list[Listed]
    disabled: frozenset[str]


def taking_part(section: Section, faults: list[str], own: Mapping[str, tuple[str, ...]] | None) -> Taking:
    """
    Tell who takes part where.

    Args:
        section: the `plugins` of a profile.
        faults: what is wrong is added here.
        own: plugins of the user's own, and the points of each; None: any that is named is taken to be one.
    """
    known = {**PLUGINS, **(own or {})}
    sets = {point: _set(section, point) for point in (*POINTS, "multiPoint")}
    default = [Listed(name, _WEIGHTS.get(name, 1), "") for name in PLUGINS]
    multi = _merged(default, sets["multiPoint"])
    if own is None:
        for point, each in [(point, each) for point, found in sets.items() for each in found.enabled]:
            if each.name not in PLUGINS:
                known[each.name] = (*known.get(each.name, ()), point)
    faults += [f'{each.place}: plugin "{each.name}" does not exist' for each in multi if each.name not in known]
    at = {point: _at(point, sets[point], multi, known, faults) for point in POINTS}
    # What is not known yet may be what sorts the queue.
    sorts = len(at["queueSort"]) or sum([each.name not in PLUGINS for each in multi if own is None])
    if sorts != 1 and not (own is None and not at["queueSort"] and sorts):
        faults.append(f"{section.at('queueSort')}: only one queue sort plugin required, but got {sorts}")
    _check(at, section, faults)
    weights = {name: _weight(name, (*sets["score"].enabled, *multi)) for name in at["score"]}
    return Taking(at, weights)


def _set(section: Section, point: str) -> _Set:
    found = section.section(point, ("enabled", "disabled"))
    enabled: list[Listed] = []
    for each in found.sections("enabled", ("name", "weight")):
        name, weight = each.text("name"), each.number("weight")
        each.within("weight", weight, 0, _LARGEST, "not in valid range [0, 2147483647]")
        enabled.append(Listed(name, weight, each.path))
    disabled = frozenset([each.text("name") for each in found.sections("disabled", ("name", "weight"))])
    return _Set(enabled, disabled)


def _merged(default: list[Listed], custom: _Set) -> list[Listed]:
    """Give the default plugins less what is turned off, each as it is configured anew if it is, then all others."""
    anew = {each.name: each for each in custom.enabled}
    kept = [] if "*" in custom.disabled else [each for each in default if each.name not in custom.disabled]
    found = [anew.get(each.name, each) for each in kept]
    return [*found, *[each for each in custom.enabled if each not in found]]


def _at(
    point: str, here: _Set, multi: list[Listed], known: Mapping[str, tuple[str, ...]], faults: list[str]
) -> tuple[str, ...]:
    word = POINTS[point]
    named: list[str] = []
    for each in here.enabled:
        if each.name not in known:
            faults.append(f'{each.place}: {word} "{each.name}" does not exist')
        elif point not in known[each.name]:
            faults.append(f'{each.place}: plugin "{each.name}" does not extend {word} plugin')
        elif each.name in named:
            faults.append(f'{each.place}: plugin "{each.name}" already registered as "{word}"')
        else:
            named.append(each.name)
    if "*" in here.disabled:
        return tuple(named)
    general: list[str] = []
    overridden: list[str] = []
    for each in multi:
        if point not in known.get(each.name, ()) or each.name in here.disabled:
            continue
        if each.name in named:
            overridden.append(each.name)
        elif each.name in general:
            faults.append(f'{each.place}: plugin "{each.name}" already registered as "{word}"')
        else:
            general.append(each.name)
    first = [name for name in named if name in overridden]
    return (*first, *general, *[name for name in named if name not in overridden])


def _weight(name: str, listed: tuple[Listed, ...]) -> int:
    """Give what a plugin weighs: as it is first said; one that is not said, or zero, is one."""
    for each in listed:
        if each.name == name:
            return each.weight or 1
    raise AssertionError(f"{name} takes part")


def _check(at: dict[str, tuple[str, ...]], section: Section, faults: list[str]) -> None:
    if not at["bind"]:
        faults.append(f"{section.at('bind')}: at least one bind plugin is needed")
    for point, before, bound in (
        ("filter", "preFilter", _BOUND),
        ("score", "preScore", ("InterPodAffinity", "PodTopologySpread")),
    ):
        faults += [
            f"{section.at(point)}: {name} cannot be asked here without being asked at {before}"
            for name in bound
            if name in at[point] and name not in at[before]
        ]
