"""
Resource quotas: how much of what a namespace's quotas limit is used, counted anew when something is gone.

What is created is added by the API server as it is admitted; what is deleted, or does not count any more, is seen here.

Takes:    changes of ResourceQuotas, and of whatever counts in them.
Gives:    the status of ResourceQuotas.
Source:   pkg/controller/resourcequota: resource_quota_controller.go, resource_quota_monitor.go.
Left out: nothing known.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.kinds import all_resources
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views
from reconcile.lib.instant import MINUTE
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import amounts, quotas
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "resourcequota"
_ENDED: Final = ("Succeeded", "Failed")
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


def keys_of_quota(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the quota if it is new, or limits something else now."""
    old, new = change.old, change.new
    if old is not None and new is not None and _hard(old) == _hard(new):
        return ()
    return (change.key,)


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


def reconcile(ask: Ask) -> Outcome:
    """Let the status of a quota say what it limits and what is used."""
    if ask.answers:
        response = ask.answers[0][1]
        return Outcome() if response.ok or response.code == NOT_FOUND else Outcome(error=text_of(response))
    quota = ask.views.get(quotas.QUOTAS, ask.key)
    if quota is None:
        return Outcome()
    status, hard = quota.status or core_v1.ResourceQuotaStatus(), _hard(quota)
    used = amounts.masked({**(status.used or {}), **_usage(ask, quota, hard)}, hard)
    if status.hard == hard and status.used == used:
        return Outcome()
    body = replace(quota, status=core_v1.ResourceQuotaStatus(hard=hard, used=Map(used)))
    namespace, _, name = ask.key.partition("/")
    request = Request(
        verb="update", resource=quotas.QUOTAS, namespace=namespace, name=name, subresource="status", body=body
    )
    return Outcome(calls=(request,), again=True)


def _hard(quota: Any) -> Map[Quantity]:
    found = quota.spec.hard if quota.spec is not None else None
    return found or Map[Quantity]()


def _usage(ask: Ask, quota: Any, hard: Map[Quantity]) -> dict[str, Quantity]:
    """Count what is used of everything that a quota limits, in the caches."""
    total: dict[str, Quantity] = {}
    for resource in (*_COUNTED, quotas.QUOTAS):
        names = quotas.tracked(resource, hard)
        if not names:
            continue
        total = amounts.added(total, dict.fromkeys(names, _NOTHING))
        for obj in ask.views.table(resource).under("namespace", quota.metadata.namespace):
            if quotas.in_scope(quota, resource, obj):
                total = amounts.added(total, amounts.masked(quotas.used(resource, obj), names))
    return total


def _counts_otherwise(resource: str, old: Any, new: Any) -> bool:
    match resource:
        case "pods":
            return quotas.is_terminating(old) != quotas.is_terminating(new) or (_ended(new) and not _ended(old))
        case "services":
            return bool(old.spec is not new.spec and old.spec.type != new.spec.type)
        case "persistentvolumeclaims":
            return bool(old.status is not new.status and quotas.used(resource, old) != quotas.used(resource, new))
        case _:
            return False


def _ended(pod: Any) -> bool:
    return pod.status is not None and pod.status.phase in _ENDED


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source(quotas.QUOTAS, keys_of_quota),
        *[Source(resource, partial(keys_of_counted, resource)) for resource in _COUNTED],
    ),
    reconcile=reconcile,
    workers=5,
    resync=5 * MINUTE,
)
