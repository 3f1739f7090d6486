"""
Service accounts: every namespace has an account that its pods run as if they name none.

Takes:    changes of namespaces and of ServiceAccounts.
Gives:    create of the ServiceAccount default.
Source:   pkg/controller/serviceaccount: serviceaccounts_controller.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import namespace_ends, text_of
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

NAME: Final = "serviceaccount"
ACCOUNT: Final = "default"
_ALREADY_EXISTS: Final = 409


def keys_of_account(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the namespace whose account was deleted."""
    return (change.key.partition("/")[0],) if change.new is None else ()


def reconcile(ask: Ask) -> Outcome:
    """Let a namespace that is active have its account."""
    if ask.answers:
        response = ask.answers[0][1]
        if response.ok or response.code == _ALREADY_EXISTS or namespace_ends(response):
            return Outcome()
        return Outcome(error=text_of(response))
    namespace = ask.views.get("namespaces", ask.key)
    if namespace is None or namespace.status is None or namespace.status.phase != "Active":
        return Outcome()
    if ask.views.get("serviceaccounts", f"{ask.key}/{ACCOUNT}") is not None:
        return Outcome()
    body = core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name=ACCOUNT, namespace=ask.key))
    request = Request(verb="create", resource="serviceaccounts", namespace=ask.key, body=body)
    return Outcome(calls=(request,), again=True)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("namespaces", keys_of_itself), Source("serviceaccounts", keys_of_account)),
    reconcile=reconcile,
    workers=1,
    user=service_account("service-account-controller"),
)
