"""
ResourceQuota: a namespace's objects use no more than its quotas let them.

What an object uses is added to each quota's status in the transaction that stores the object: so no two requests can
use the same rest, however they meet.

Source:   the admission plugin of this name, and its evaluators.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import amounts, quotas, statuses
from reconcile.store import Compare, Put

_CHARGED_WHEN_UPDATED: Final = ("services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io")


@quick
@attrs.frozen(weakref_slot=False)
class Charged:
    """What is to be written with the object that uses something, and which quotas have to be as they were."""

    compares: tuple[Compare, ...] = ()
    operations: tuple[Put, ...] = ()


_NOTHING: Final = Charged()


def charge(ask: Ask, new: Any, old: Any) -> Charged:
    """Refuse an object that uses more than is left; give what its quotas become."""
    resource, namespace = ask.request.resource, ask.request.namespace
    if not namespace or "ResourceQuota" in ask.state.disabled or not quotas.counts(resource):
        return _NOTHING
    found = ask.store.table(quotas.QUOTAS).under("namespace", namespace)
    if not found or not _is_charged(ask, new, old):
        return _NOTHING
    usage = quotas.used(resource, new, ask.now)
    compares, operations = [], []
    for quota in found:
        changed = _charged(ask, quota, usage, new, old)
        if changed is not quota:
            key = f"{namespace}/{quota.metadata.name}"
            compares.append(Compare(quotas.QUOTAS, key, int(quota.metadata.resource_version)))
            operations.append(Put(quotas.QUOTAS, key, changed))
    return Charged(tuple(compares), tuple(operations))


def _is_charged(ask: Ask, new: Any, old: Any) -> bool:
    resource = ask.request.resource
    if old is None or resource in _CHARGED_WHEN_UPDATED:
        return True
    if resource != "pods":
        return False
    return ask.request.subresource == "resize" or quotas.is_terminating(new) != quotas.is_terminating(old)


def _charged(ask: Ask, quota: Any, usage: dict[str, Quantity], new: Any, old: Any) -> Any:
    """Give a quota with what *new* uses beyond *old*: itself if that is nothing."""
    resource, status = ask.request.resource, quota.status or core_v1.ResourceQuotaStatus()
    limited = quota.spec.hard or {} if quota.spec is not None else {}
    if quota.spec is None or not quotas.tracked(resource, limited) or not quotas.in_scope(quota, resource, new):
        return quota
    hard = status.hard or {}
    names = quotas.tracked(resource, hard)
    said = quotas.unsaid(new, names) if resource == "pods" else ""
    if said:
        _refuse(ask, new, f"failed quota: {quota.metadata.name}: must specify {said}")
    known = status.used or {}
    if not names or any(name not in known for name in names):
        listed = ",".join(sorted(names))
        _refuse(ask, new, f"status unknown for quota: {quota.metadata.name}, resources: {listed}")
    wanted = _more(usage, quotas.used(resource, old, ask.now)) if _counted(quota, resource, old) else usage
    asked = {name: amount for name, amount in amounts.masked(wanted, hard).items() if amount}
    if not asked:
        return quota
    after = amounts.added(known, asked)
    over = [name for name in asked if after[name] > hard[name]]
    if over:
        parts = [amounts.written(amounts.masked(part, over)) for part in (asked, known, hard)]
        text = f"requested: {parts[0]}, used: {parts[1]}, limited: {parts[2]}"
        _refuse(ask, new, f"exceeded quota: {quota.metadata.name}, {text}")
    return replace(quota, status=replace(status, used=Map(after)))


def _counted(quota: Any, resource: str, old: Any) -> bool:
    return old is not None and quotas.in_scope(quota, resource, old)


def _more(usage: dict[str, Quantity], before: dict[str, Quantity]) -> dict[str, Quantity]:
    """Give by how much usage has grown."""
    nothing = Quantity.parse("0")
    grown = {name: amount - before.get(name, nothing) for name, amount in usage.items()}
    return {name: amount for name, amount in grown.items() if amount > nothing}


def _refuse(ask: Ask, new: Any, why: str) -> None:
    raise Refusal(statuses.forbidden(ask.request.resource, new.metadata.name or "", why))
