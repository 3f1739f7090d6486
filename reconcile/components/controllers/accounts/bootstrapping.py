"""
Bootstrapping: cluster-info is signed with the tokens by which machines join, and such a token goes in time.

Takes:    changes of Secrets of type bootstrap.kubernetes.io/token in kube-system, and of kube-public/cluster-info.
Gives:    update of that ConfigMap, delete of Secrets.
Source:   pkg/controller/bootstrap: bootstrapsigner.go, tokencleaner.go; cluster-bootstrap's token/jws and secrets.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import webtokens
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

SIGNER_NAME: Final = "bootstrap-signer"
CLEANER_NAME: Final = "token-cleaner"
TYPE: Final = "bootstrap.kubernetes.io/token"
CLUSTER_INFO: Final = "kube-public/cluster-info"

_SYSTEM: Final = "kube-system"
_SIGNATURE: Final = "jws-kubeconfig-"
_SECRET_NAME: Final = re.compile(r"bootstrap-token-([a-z0-9]{6})")
_GONE: Final = ("NotFound", "Conflict")


def _is_token(secret: Any) -> bool:
    return bool(secret.type == TYPE and secret.metadata.namespace == _SYSTEM)


def _said(secret: Any, name: str) -> str:
    """Give what a Secret says under *name*; empty if that is nothing, or no text."""
    found = (secret.data or Map[Any]()).get(name)
    try:
        return "" if found is None else base64.b64decode(str(found)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _left(secret: Any, now: Instant) -> Duration | None:
    """Give how long a token is good for; None if for ever. 0 or less: it is not, as is one that says no time."""
    text = _said(secret, "expiration")
    if not text:
        return None
    try:
        return Time.parse(text).instant - now
    except ReconcileError:
        return 0


# The signer ----------------------------------------------------------------------------------------------------------


def keys_to_sign(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the ConfigMap if a token came, went or changed."""
    secret = change.old if change.new is None else change.new
    return (CLUSTER_INFO,) if _is_token(secret) else ()


def keys_of_signed(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the ConfigMap if it is the one."""
    return (CLUSTER_INFO,) if change.key == CLUSTER_INFO and change.new is not None else ()


def sign(ask: Ask) -> Outcome:
    """Let the ConfigMap have the signature of every token that may sign, and no other."""
    found = ask.views.get("configmaps", CLUSTER_INFO)
    data = (found.data or Map[str]()) if found is not None else Map[str]()
    if "kubeconfig" not in data:
        return Outcome()
    wanted = {key: value for key, value in data.items() if not key.startswith(_SIGNATURE)}
    for secret in ask.views.table("secrets").under("namespace", _SYSTEM):
        name = _signs(secret, ask.now)
        if name:
            wanted.setdefault(
                _SIGNATURE + name, webtokens.detached(name, _said(secret, "token-secret"), data["kubeconfig"])
            )
    if wanted == dict(data):
        return Outcome()
    namespace, name = split_key(CLUSTER_INFO)
    body = replace(found, data=Map(wanted))
    call = Request(verb="update", resource="configmaps", namespace=namespace, name=name, body=body)
    return Outcome(calls=(call,), again=True) if not ask.answers else Outcome()


def _signs(secret: Any, now: Instant) -> str:
    """Give the token's name if it may sign; empty otherwise."""
    named = _SECRET_NAME.fullmatch(secret.metadata.name)
    if not _is_token(secret) or named is None or _said(secret, "token-id") != named[1]:
        return ""
    left = _left(secret, now)
    if not _said(secret, "token-secret") or (left is not None and left <= 0):
        return ""
    return named[1] if _said(secret, "usage-bootstrap-signing") == "true" else ""


SIGNER: Final = Controller(
    name=SIGNER_NAME,
    sources=(Source("secrets", keys_to_sign), Source("configmaps", keys_of_signed)),
    reconcile=sign,
    workers=1,
    user=service_account("bootstrap-signer"),
    awaits=("secrets",),
)


# The cleaner ---------------------------------------------------------------------------------------------------------


def keys_to_clean(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a token that is there."""
    return (change.key,) if change.new is not None and _is_token(change.new) else ()


def clean(ask: Ask) -> Outcome:
    """Delete a token whose time is over, or come back when it is."""
    if ask.answers:
        response = ask.answers[0][1]
        return Outcome() if response.ok or response.reason in _GONE else Outcome(error=text_of(response))
    secret = ask.views.get("secrets", ask.key)
    left = None if secret is None or not _is_token(secret) else _left(secret, ask.now)
    if left is None:
        return Outcome()
    if left > 0:
        return Outcome(after=left, after_is_periodic=True)  # nothing waits for it
    namespace, name = split_key(ask.key)
    options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=secret.metadata.uid))
    call = Request(verb="delete", resource="secrets", namespace=namespace, name=name, body=options)
    return Outcome(calls=(call,), again=True)


CLEANER: Final = Controller(
    name=CLEANER_NAME,
    sources=(Source("secrets", keys_to_clean),),
    reconcile=clean,
    workers=1,
    user=service_account("token-cleaner"),
    awaits=("secrets",),
)
