"""
Admission policies: of each ValidatingAdmissionPolicy it is said which generation of it was looked at, and what is
wrong with its expressions for the kinds it names.

Takes:    changes of ValidatingAdmissionPolicies; CustomResourceDefinitions as they are then.
Gives:    their status.
Source:   pkg/controller/validatingadmissionpolicystatus.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "validatingadmissionpolicy-status"
DEFINITIONS: Final = "customresourcedefinitions.apiextensions.k8s.io"
POLICIES: Final = "validatingadmissionpolicies.admissionregistration.k8s.io"


def _none(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


def reconcile(ask: Ask) -> Outcome:
    """Say of one policy that it was looked at."""
    for _, answer in ask.answers:
        return Outcome() if is_done(answer) else Outcome(error=text_of(answer))
    policy = ask.views.get(POLICIES, ask.key)
    if policy is None or _observed(policy) >= (policy.metadata.generation or 0):
        return Outcome()
    # Few clusters have policies, and none that has none reads CEL.
    from reconcile.components.controllers.policy.typechecking import warnings_of  # noqa: PLC0415

    warnings = warnings_of(policy, ask.now, ask.views.table(DEFINITIONS).values())
    # What is no longer applied goes by itself where it is kept account of; elsewhere it is emptied.
    emptied = _warned(policy) and not policy.metadata.managed_fields
    checked = {"expressionWarnings": warnings} if warnings or emptied else {}
    status = {"observedGeneration": policy.metadata.generation, "typeChecking": checked}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": ask.key},
        "status": status,
    }
    request = Request(
        verb="patch",
        resource=POLICIES,
        name=ask.key,
        subresource="status",
        body=body,
        patch_type="apply",
        field_manager=NAME,
        force=True,
    )
    return Outcome(calls=(request,), again=True)


def _observed(policy: Any) -> int:
    return (policy.status.observed_generation if policy.status is not None else None) or 0


def _warned(policy: Any) -> bool:
    checked = policy.status.type_checking if policy.status is not None else None
    return checked is not None and bool(checked.expression_warnings)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(POLICIES, keys_of_itself), Source(DEFINITIONS, _none)),
    reconcile=reconcile,
    user=service_account("validatingadmissionpolicy-status-controller"),
    awaits=(POLICIES,),
)
