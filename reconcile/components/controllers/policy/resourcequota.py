"""
Resource quotas: how much of what a namespace's quotas limit is used, counted anew when something is gone.

What is created is added by the API server as it is admitted; what is deleted, or does not count any more, is seen here.
A quota of which it is not known what is used refuses everything, so those stand in a queue of their own that no flood
of deletions fills.

Takes:    changes of ResourceQuotas, and of whatever counts in them, custom resources too.
Gives:    the status of ResourceQuotas.
Source:   pkg/controller/resourcequota: resource_quota_controller.go, resource_quota_monitor.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.kinds import all_resources
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    service_account,
)
from reconcile.lib.instant import MINUTE, Duration
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import amounts, definitions, quotas
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "resourcequota"
FULL_COUNT: Final[Duration] = 5 * MINUTE

_NOTHING: Final = Quantity.parse("0")
_NEEDED: Final = {"create", "delete", "list", "watch"}
_COUNTED: Final = tuple(
    dict.fromkeys(
        [
            known.key
            for known in all_resources()
            if known.namespaced
            and known.key != quotas.QUOTAS
            and quotas.counts(known.key)
            and {*known.verbs} >= _NEEDED
        ]
    )
)


# What concerns a quota -----------------------------------------------------------------------------------------------


def keys_of_unknown(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the quota if it is new, or limits something else now, and what is used is not known."""
    return (change.key,) if _is_declared(change) and _lacks_usage(change.new) else ()


def keys_of_known(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the quota if it is new, or limits something else now, and what is used is known; or if it is gone."""
    if change.new is None:
        return (change.key,)
    return (change.key,) if _is_declared(change) and not _lacks_usage(change.new) else ()


def keys_of_counted(resource: str, change: Change, views: Views) -> tuple[Key, ...]:
    """Give the quotas that an object counted in which is gone, or counts in them otherwise now."""
    old, new = change.old, change.new
    if old is None or (new is not None and not _counts_otherwise(resource, old, new)):
        return ()
    found = views.table(quotas.QUOTAS)
    if not found:
        return ()
    namespace = old.metadata.namespace
    return tuple(
        [
            f"{namespace}/{quota.metadata.name}"
            for quota in found.under("namespace", namespace)
            if quota.status is not None and quotas.tracked(resource, quota.status.hard or ())
        ]
    )


def keys_of_custom(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the quotas that a custom object counted in which is gone."""
    return keys_of_counted(change.resource, change, views)


def _is_declared(change: Change) -> bool:
    old, new = change.old, change.new
    return new is not None and (old is None or _hard(old) != _hard(new))


def _lacks_usage(quota: Any) -> bool:
    status = quota.status
    if status is None or (status.hard or Map[Quantity]()) != _hard(quota):
        return True
    return any(name not in (status.used or ()) for name in status.hard or ())


def _counts_otherwise(resource: str, old: Any, new: Any) -> bool:
    match resource:
        case "pods":
            return quotas.is_terminating(old) != quotas.is_terminating(new) or _ends(old, new) or _resized(old, new)
        case "services":
            return bool(old.spec is not new.spec and old.spec.type != new.spec.type)
        case "persistentvolumeclaims":
            return bool(old.status is not new.status and quotas.used(resource, old, 0) != quotas.used(resource, new, 0))
        case _:
            return False


def _ends(old: Any, new: Any) -> bool:
    return old.status is not new.status and quotas.is_charged(old, 0) and not quotas.is_charged(new, 0)


def _resized(old: Any, new: Any) -> bool:
    """Tell whether a container that had resources before has other ones now."""
    if old.status is new.status or old.status is None or new.status is None:
        return False
    before = _actual(old.status)
    return bool(before) and any(
        name in before and before[name] != resources for name, resources in _actual(new.status).items()
    )


def _actual(status: Any) -> dict[str, Any]:
    found = (*(status.container_statuses or ()), *(status.init_container_statuses or ()))
    return {each.name: each.resources for each in found}


# The count -----------------------------------------------------------------------------------------------------------


def reconcile(ask: Ask) -> Outcome:
    """Let the status of a quota say what it limits and what is used; and look again in five minutes."""
    if ask.answers:
        response = ask.answers[0][1]
        if response.code == NOT_FOUND:
            return Outcome()
        return _later() if response.ok else Outcome(error=text_of(response))
    quota = ask.views.get(quotas.QUOTAS, ask.key)
    if quota is None:
        return Outcome()
    status, hard = quota.status or core_v1.ResourceQuotaStatus(), _hard(quota)
    used = amounts.masked({**(status.used or {}), **_usage(ask, quota, hard)}, hard)
    if status.hard == hard and status.used == used:
        return _later()
    body = replace(quota, status=core_v1.ResourceQuotaStatus(hard=hard, used=Map(used)))
    namespace, _, name = ask.key.partition("/")
    request = Request(
        verb="update", resource=quotas.QUOTAS, namespace=namespace, name=name, subresource="status", body=body
    )
    return Outcome(calls=(request,), again=True)


def _later() -> Outcome:
    return Outcome(after=FULL_COUNT, after_is_periodic=True)


def _hard(quota: Any) -> Map[Quantity]:
    found = quota.spec.hard if quota.spec is not None else None
    return found or Map[Quantity]()


def _usage(ask: Ask, quota: Any, hard: Map[Quantity]) -> dict[str, Quantity]:
    """Count what is used of everything that a quota limits, in the caches."""
    total: dict[str, Quantity] = {}
    for resource in (*_COUNTED, quotas.QUOTAS, *_customs(ask.views, hard)):
        names = quotas.tracked(resource, hard)
        if not names:
            continue
        total = amounts.added(total, {name: _NOTHING for name in names if name not in total})
        for obj in ask.views.table(resource).under("namespace", quota.metadata.namespace):
            if quotas.in_scope(quota, resource, obj):
                total = amounts.added(total, amounts.masked(quotas.used(resource, obj, ask.now), names))
    return total


def _customs(views: Views, hard: Map[Quantity]) -> Iterator[str]:
    """Give the custom resources that a quota counts and that are watched."""
    if not any(name.startswith("count/") for name in hard):
        return
    for crd in views.table(definitions.DEFINITIONS).values():
        key = definitions.key_of(crd)
        if crd.spec.scope == "Namespaced" and f"count/{key}" in hard and views.has(key):
            yield key


# Both queues ---------------------------------------------------------------------------------------------------------


def _no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


_DEFINED: Final = Source(definitions.DEFINITIONS, _no_keys)
_USER: Final = service_account("resourcequota-controller")

FIRST_COUNT: Final = Controller(
    name=f"{NAME}-priority",
    sources=(
        Source(quotas.QUOTAS, keys_of_unknown),
        *[Source(resource, _no_keys) for resource in _COUNTED],
        _DEFINED,
    ),
    reconcile=reconcile,
    workers=5,
    user=_USER,
    awaits=(quotas.QUOTAS,),
)
"""Counts the quotas that refuse everything until they are counted."""

CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source(quotas.QUOTAS, keys_of_known),
        *[Source(resource, partial(keys_of_counted, resource)) for resource in _COUNTED],
        _DEFINED,
    ),
    reconcile=reconcile,
    workers=5,
    user=_USER,
    customs=keys_of_custom,
    awaits=(quotas.QUOTAS,),
)
