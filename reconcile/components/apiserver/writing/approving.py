"""
Approving: the conditions of a certificate signing request, by its subresource `approval`.

Source:   the certificate signing request's approval strategy.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import certificates_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    Refusal,
    duplicate,
    forbidden,
    not_supported,
    required,
)
from reconcile.components.apiserver.refusals import wrong as invalid
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import applying, creating, managing, updating
from reconcile.components.apiserver.writing.applying import warned
from reconcile.components.apiserver.writing.patched import patched
from reconcile.components.apiserver.writing.preparing import dated_condition
from reconcile.lib.replacing import replace
from reconcile.model import statuses

_STANDING: Final = ("Approved", "Denied", "Failed")
_STATUSES: Final = ("False", "True", "Unknown")
_EXCLUSIVE: Final = "Approved and Denied conditions are mutually exclusive"

Conditions = tuple[certificates_v1.CertificateSigningRequestCondition, ...]


def update(ask: Ask) -> Plan:
    """Plan an update of a request's conditions."""
    return _updated(ask, creating.named_body(ask, ask.request.body), found(ask))


def patch(ask: Ask) -> Plan:
    """Plan a patch of a request's conditions."""
    if ask.request.patch_type == "apply":
        old = ask.store.get(ask.request.resource, ask.key)
        missing = Refusal(statuses.not_found(ask.request.resource, ask.request.name))
        body, managed, warnings = applying.applied_to(ask, old, missing)
        return warned(_updated(ask, body, old, managed), warnings)
    old = found(ask)
    made, warnings = patched(ask, old)
    return warned(_updated(ask, creating.named_body(ask, made), old), warnings)


def _updated(ask: Ask, body: Any, old: Any, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    now = Time.at(ask.now)
    return updating.part_updated(ask, body, old, updating.Part(lambda new, was: _made(new, was, now), _causes), managed)


def _made(body: Any, old: Any, now: Time) -> Any:
    before = _conditions(old)
    wanted = tuple([dated_condition(condition, before, now) for condition in _conditions(body)])
    status = old.status or certificates_v1.CertificateSigningRequestStatus()
    return replace(old, status=replace(status, conditions=wanted or None))


def _causes(new: Any, old: Any) -> Causes:
    field = "status.conditions"
    causes: list[Cause] = []
    seen: set[str] = set()
    for place, condition in enumerate(_conditions(new)):
        here = f"{field}[{place}]"
        if not condition.type:
            causes.append(required(f"{here}.type"))
        allowed = ("True",) if condition.type in _STANDING else _STATUSES
        if not condition.status:
            causes.append(required(f"{here}.status"))
        elif condition.status not in allowed:
            causes.append(not_supported(f"{here}.status", condition.status, allowed))
        if {"Approved", "Denied"} <= {condition.type, *seen} and condition.type in ("Approved", "Denied"):
            causes.append(invalid(field, condition.type, _EXCLUSIVE))
        if condition.type in seen:
            causes.append(duplicate(f"{here}.type", condition.type))
        seen.add(condition.type)
    causes += [
        forbidden(field, f'updates may not remove a condition of type "{standing}"')
        for standing in _STANDING
        if _count(new, standing) < _count(old, standing)
    ]
    return tuple(causes)


def _count(obj: Any, standing: str) -> int:
    return sum(condition.type == standing for condition in _conditions(obj))


def _conditions(obj: Any) -> Conditions:
    return (obj.status.conditions if obj.status is not None else None) or ()
