"""
LimitRanger: what containers get that ask for nothing, and how little and how much a namespace lets be asked for.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.quantity import LARGEST, Quantity
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import amounts, statuses
from reconcile.model.amounts import Amounts

ANNOTATION: Final = "kubernetes.io/limit-ranger"
_RANGES: Final = "limitranges"
_MOST_MILLI: Final = LARGEST // 1000
_NOTHING: Final = Quantity.parse("0")
_NO_AMOUNTS: Final[Map[Quantity]] = Map()


def ranges_of(ask: Ask) -> tuple[core_v1.LimitRange, ...]:
    """Give the limit ranges of the request's namespace."""
    if "LimitRanger" in ask.state.disabled:
        return ()
    return tuple(ask.store.table(_RANGES).under("namespace", ask.request.namespace))


def with_defaults(ask: Ask, spec: core_v1.PodSpec) -> tuple[core_v1.PodSpec, str]:
    """Give a new pod's specification with what its namespace gives by default, and the annotation that says so."""
    ranges = ranges_of(ask)
    return _filled(Same(spec), tuple([Same(each) for each in ranges])) if ranges else (spec, "")


def check(ask: Ask, obj: Any) -> None:
    """Refuse a pod or a claim that asks for less or more than its namespace lets it."""
    resource = ask.request.resource
    for found in ranges_of(ask):
        said = _pod_faults(found, obj.spec) if resource == "pods" else _claim_faults(found, obj.spec)
        said = list(dict.fromkeys(said))
        if said:
            why = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
            raise Refusal(statuses.forbidden(resource, obj.metadata.name, why))


@lru_cache(maxsize=4096)
def _filled(same: Same, ranges: tuple[Same, ...]) -> tuple[core_v1.PodSpec, str]:
    spec, noted = same.value, ""
    for each in ranges:
        requests, limits = _defaults(each.value)
        notes: list[str] = []
        containers = _all_filled(spec.containers, requests, limits, "container", notes)
        inits = _all_filled(spec.init_containers or (), requests, limits, "init container", notes)
        if notes:
            noted = "LimitRanger plugin set: " + "; ".join(notes)
            spec = replace(spec, containers=containers, init_containers=inits or spec.init_containers)
    return spec, noted


def _defaults(found: core_v1.LimitRange) -> tuple[Amounts, Amounts]:
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}
    for limit in found.spec.limits if found.spec is not None else ():
        if limit.type == "Container":
            requests |= dict(limit.default_request or {})
            limits |= dict(limit.default or {})
    return requests, limits


def _all_filled(
    containers: tuple[core_v1.Container, ...], requests: Amounts, limits: Amounts, what: str, notes: list[str]
) -> tuple[core_v1.Container, ...]:
    filled = []
    for container in containers:
        resources = container.resources or core_v1.ResourceRequirements()
        had, most = dict(resources.requests or {}), dict(resources.limits or {})
        if resources.limits:
            # What is limited and says no more asks for its limit.
            had = {**most, **had}
        asked = {name: amount for name, amount in requests.items() if name not in had}
        bound = {name: amount for name, amount in limits.items() if name not in most}
        if asked:
            notes.append(f"{', '.join(sorted(asked))} request for {what} {container.name}")
        if bound:
            notes.append(f"{', '.join(sorted(bound))} limit for {what} {container.name}")
        if asked or bound:
            resources = replace(
                resources,
                requests=Map({**had, **asked}) if had or asked else resources.requests,
                limits=Map({**most, **bound}) if most or bound else resources.limits,
            )
            container = replace(container, resources=resources)  # noqa: PLW2901 -- the same one, filled
        filled.append(container)
    return tuple(filled)


def _pod_faults(found: core_v1.LimitRange, spec: core_v1.PodSpec) -> list[str]:
    said: list[str] = []
    for limit in found.spec.limits if found.spec is not None else ():
        if limit.type == "Container":
            for container in (*spec.containers, *(spec.init_containers or ())):
                resources = container.resources or core_v1.ResourceRequirements()
                said += _faults(limit, resources.requests or _NO_AMOUNTS, resources.limits or _NO_AMOUNTS)
        elif limit.type == "Pod":
            said += _faults(limit, amounts.of_pod(spec, "requests"), amounts.of_pod(spec, "limits"))
    return said


def _claim_faults(found: core_v1.LimitRange, spec: core_v1.PersistentVolumeClaimSpec) -> list[str]:
    said: list[str] = []
    requests = (spec.resources.requests if spec.resources is not None else None) or _NO_AMOUNTS
    for limit in found.spec.limits if found.spec is not None else ():
        if limit.type != "PersistentVolumeClaim":
            continue
        for name, bound in (limit.min or _NO_AMOUNTS).items():
            said += _below(limit.type, name, bound, requests, _NO_AMOUNTS)
        for name, bound in (limit.max or _NO_AMOUNTS).items():
            head, asked = f"maximum {name} usage per {limit.type} is {bound.text}", requests.get(name)
            if asked is None:
                said.append(f"{head}.  No request is specified")
            elif asked > bound:
                said.append(f"{head}, but request is {asked.text}")
    return said


def _faults(limit: core_v1.LimitRangeItem, requests: Amounts, limits: Amounts) -> list[str]:
    said: list[str] = []
    for name, bound in (limit.min or _NO_AMOUNTS).items():
        said += _below(limit.type, name, bound, requests, limits)
    for name, bound in (limit.max or _NO_AMOUNTS).items():
        said += _above(limit.type, name, bound, requests, limits)
    for name, bound in (limit.max_limit_request_ratio or _NO_AMOUNTS).items():
        said += _steep(limit.type, name, bound, requests, limits)
    return said


def _below(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> list[str]:
    head, asked, most = f"minimum {name} usage per {kind} is {bound.text}", requests.get(name), limits.get(name)
    if asked is None:
        return [f"{head}.  No request is specified"]
    if asked < bound:
        return [f"{head}, but request is {asked.text}"]
    return [f"{head}, but limit is {most.text}"] if most is not None and most < bound else []


def _above(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> list[str]:
    head, asked, most = f"maximum {name} usage per {kind} is {bound.text}", requests.get(name), limits.get(name)
    if most is None:
        return [f"{head}.  No limit is specified"]
    if most > bound:
        return [f"{head}, but limit is {most.text}"]
    return [f"{head}, but request is {asked.text}"] if asked is not None and asked > bound else []


def _steep(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> list[str]:
    head = f"{name} max limit to request ratio per {kind} is {bound.text}"
    asked, most = requests.get(name, _NOTHING), limits.get(name, _NOTHING)
    if not asked:
        return [f"{head}, but no request is specified or request is 0"]
    if not most:
        return [f"{head}, but no limit is specified or limit is 0"]
    fine = max(asked.whole, most.whole, bound.whole) <= _MOST_MILLI
    above, below = (most.milli, asked.milli) if fine else (most.whole, asked.whole)
    if above * 1000 <= bound.milli * below:
        return []
    millionths = (above * 2_000_000 + below) // (2 * below)
    return [f"{head}, but provided ratio is {millionths // 1_000_000}.{millionths % 1_000_000:06d}"]
