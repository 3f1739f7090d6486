"""Validation of ResourceQuotas and LimitRanges."""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.core.resources import (
    QUOTED,
    amount_causes,
    container_name_causes,
    is_huge,
    is_overcommitted,
    name_causes,
)
from reconcile.components.apiserver.registry.validation.values import IMMUTABLE, qualified
from reconcile.lib.mapping import Map

_NONE: Final = Map[Quantity]()
_COMPUTED: Final = frozenset({f"{kind}{name}" for kind in ("", "limits.", "requests.") for name in ("cpu", "memory")})
_PODS: Final = frozenset({"pods"})
_CLAIMS: Final = frozenset({"persistentvolumeclaims", "requests.storage"})
# What a quota of only some pods or claims can be of.
_SCOPES: Final[dict[str, frozenset[str]]] = {
    "Terminating": _PODS | _COMPUTED,
    "NotTerminating": _PODS | _COMPUTED,
    "BestEffort": _PODS,
    "NotBestEffort": _PODS | _COMPUTED,
    "PriorityClass": _PODS | _COMPUTED,
    "CrossNamespacePodAffinity": _PODS | _COMPUTED,
    "VolumeAttributesClass": _CLAIMS,
}
_EXCLUSIVE: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_WITHOUT_VALUES: Final = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_MUST_EXIST: Final = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
    " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def quota_causes(obj: core_v1.ResourceQuota) -> Causes:
    """Say what is wrong with a quota."""
    spec = obj.spec or core_v1.ResourceQuotaSpec()
    found = list(amounts_causes("spec.hard", spec.hard))
    found += _scopes_causes(spec)
    if spec.scope_selector is not None:
        found += _selector_causes("spec.scopeSelector.matchExpressions", spec, spec.scope_selector)
    return tuple(found)


def amounts_causes(field: str, amounts: Map[Quantity] | None) -> Causes:
    """Say what is wrong with amounts of what a quota can limit."""
    found: list[Cause] = []
    for name, amount in (amounts or _NONE).items():
        at = f"{field}[{name}]"
        found += name_causes(at, name)
        if "/" not in name and name not in QUOTED and not is_huge(name):
            found.append(wrong(at, name, "must be a standard resource for quota"))
        found += amount_causes(at, name, amount)
    return tuple(found)


def quota_change_causes(new: core_v1.ResourceQuota, old: core_v1.ResourceQuota) -> Causes:
    """Say that the scopes of a quota changed, which they may not."""
    scopes = (new.spec.scopes if new.spec is not None else None) or ()
    before = (old.spec.scopes if old.spec is not None else None) or ()
    return () if set(scopes) == set(before) else (wrong("spec.scopes", scopes or None, IMMUTABLE),)


def _unsuited(scope: str, spec: core_v1.ResourceQuotaSpec) -> int:
    """Count the resources that a scope does not know."""
    if scope not in _SCOPES:
        return 0
    names = spec.hard or _NONE
    return sum((name in QUOTED or is_huge(name)) and name not in _SCOPES[scope] for name in names)


def _scopes_causes(spec: core_v1.ResourceQuotaSpec) -> list[Cause]:
    scopes, at = spec.scopes or (), "spec.scopes"
    found: list[Cause] = []
    for scope in scopes:
        if scope not in _SCOPES:
            found.append(wrong(at, scopes, "unsupported scope"))
        found += [wrong(at, scopes, "unsupported scope applied to resource")] * _unsuited(scope, spec)
    return found + _conflicts(at, spec, scopes)


def _conflicts(field: str, spec: core_v1.ResourceQuotaSpec, scopes: tuple[str, ...]) -> list[Cause]:
    return [
        wrong(field, spec.scopes, "conflicting scopes")
        for one, other in _EXCLUSIVE
        if one in scopes and other in scopes
    ]


def _selector_causes(field: str, spec: core_v1.ResourceQuotaSpec, selector: core_v1.ScopeSelector) -> list[Cause]:
    found: list[Cause] = []
    scopes: list[str] = []
    for wanted in selector.match_expressions or ():
        scope, operator, values = wanted.scope_name, wanted.operator, wanted.values or ()
        if scope not in _SCOPES:
            found.append(wrong(f"{field}.scopeName", scope, "unsupported scope"))
        found += [wrong(field, selector, "unsupported scope applied to resource")] * _unsuited(scope, spec)
        if scope in _WITHOUT_VALUES and operator != "Exists":
            found.append(wrong(f"{field}.operator", operator, _MUST_EXIST))
        if operator in ("In", "NotIn"):
            if not values:
                why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                found.append(required(f"{field}.values", why))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                found.append(wrong(f"{field}.values", values, why))
        else:
            found.append(wrong(f"{field}.operator", operator, "not a valid selector operator"))
        scopes.append(scope)
    return found + _conflicts(field, spec, tuple(scopes))


def limits_causes(obj: core_v1.LimitRange) -> Causes:
    """Say what is wrong with a limit range."""
    found: list[Cause] = []
    seen: set[str] = set()
    limits = (obj.spec.limits if obj.spec is not None else None) or ()
    for place, limit in enumerate(limits):
        at, kind = f"spec.limits[{place}]", limit.type
        faults = qualified(f"{at}.type", kind)
        if not faults and "/" not in kind and kind not in ("Pod", "Container", "PersistentVolumeClaim"):
            faults = [wrong(f"{at}.type", kind, "must be a standard limit type or fully qualified")]
        found += faults
        if kind in seen:
            found.append(duplicate(f"{at}.type", kind))
        seen.add(kind)
        found += _names_causes(at, limit)
        for name in sorted({*_of(limit.max), *_of(limit.min), *_of(limit.default), *_of(limit.default_request)}):
            found += _amounts_causes(at, limit, name)
        for name in _of(limit.max_limit_request_ratio):
            found += _ratio_causes(f"{at}.maxLimitRequestRatio[{name}]", limit, name)
    return tuple(found)


def _of(amounts: Map[Quantity] | None) -> Map[Quantity]:
    return _NONE if amounts is None else amounts


def _names_causes(field: str, limit: core_v1.LimitRangeItem) -> list[Cause]:
    naming = container_name_causes if limit.type in ("Pod", "Container") else name_causes
    found: list[Cause] = []
    for name, amounts in (
        ("max", limit.max),
        ("min", limit.min),
        ("default", limit.default),
        ("defaultRequest", limit.default_request),
    ):
        if limit.type == "Pod" and name.startswith("default"):
            if amounts:
                found.append(forbidden(f"{field}.{name}", "may not be specified when `type` is 'Pod'"))
            continue
        for resource in _of(amounts):
            found += naming(f"{field}.{name}[{resource}]", resource)
    if limit.type == "PersistentVolumeClaim" and not {"storage"} & {*_of(limit.min), *_of(limit.max)}:
        why = "either minimum or maximum storage value is required, but neither was provided"
        found.append(required(f"{field}.limits", why))
    for resource in _of(limit.max_limit_request_ratio):
        found += naming(f"{field}.maxLimitRequestRatio[{resource}]", resource)
    return found


def _amounts_causes(field: str, limit: core_v1.LimitRangeItem, name: str) -> list[Cause]:
    """Say which of a resource's amounts are beyond each other."""
    pod = limit.type == "Pod"
    least, most = _of(limit.min).get(name), _of(limit.max).get(name)
    default = None if pod else _of(limit.default).get(name)
    request = None if pod else _of(limit.default_request).get(name)
    pairs = (
        ("min", least, least, "min value", most, "max value"),
        ("defaultRequest", request, least, "min value", request, "default request value"),
        ("defaultRequest", request, request, "default request value", most, "max value"),
        ("defaultRequest", request, request, "default request value", default, "default limit value"),
        ("default", least, least, "min value", default, "default value"),
        ("default", most, default, "default value", most, "max value"),
    )
    found: list[Cause] = []
    for where, shown, low, lower, high, higher in pairs:
        if low is not None and high is not None and low > high:
            why = f"{lower} {low.text} is greater than {higher} {high.text}"
            found.append(wrong(f"{field}.{where}[{name}]", shown, why))
    if default is not None and request is not None and default != request and not is_overcommitted(name):
        why = f"default value {default.text} must equal to defaultRequest value {request.text} in {name}"
        found.append(wrong(f"{field}.defaultRequest[{name}]", request, why))
    return found


def _ratio_causes(field: str, limit: core_v1.LimitRangeItem, name: str) -> list[Cause]:
    ratio = _of(limit.max_limit_request_ratio)[name]
    found: list[Cause] = []
    if ratio.nanos < Quantity.parse("1").nanos:
        found.append(wrong(field, ratio, f"ratio {ratio.text} is less than 1"))
    least, most = _of(limit.min).get(name), _of(limit.max).get(name)
    if least is not None and most is not None and least.nanos and ratio.nanos * least.nanos > most.nanos * 10**9:
        # The message alone is told as a float; what is compared is exact.
        thousandths = (most.milli * 10**6 + least.milli // 2) // least.milli
        shown = f"{thousandths // 10**6}.{thousandths % 10**6:06d}"
        found.append(wrong(field, ratio, f"ratio {ratio.text} is greater than max/min = {shown}"))
    return found
