"""
Tokens: a Secret of type service-account-token gets the token of its account, and goes with it.

There are two queues: one of Secrets, which are filled, or deleted with their account; one of accounts, whose tokens are
deleted when they are gone. What a Secret was that is gone is in its key: its account need not name it any more.

Takes:    changes of Secrets and of ServiceAccounts; the key that the cluster signs with.
Gives:    get, update and delete of Secrets; get and update of ServiceAccounts.
Source:   pkg/controller/serviceaccount: tokens_controller.go; pkg/serviceaccount: legacy.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

import base64
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from reconcile.api import meta_v1
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import webtokens
from reconcile.model.certificates import AUTHORITY
from reconcile.model.requests import Request, Response, split_key
from reconcile.store import Change

NAME: Final = "serviceaccount-token"
TYPE: Final = "kubernetes.io/service-account-token"
ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"
ACCOUNT_UID: Final = "kubernetes.io/service-account.uid"

_CA: Final = "ca.crt"
_NAMESPACE: Final = "namespace"
_TOKEN: Final = "token"
_OF_SECRETS: Final = "kubernetes.io/serviceaccount/"
_MOST_RETRIES: Final = 10
_GONE: Final = ("NotFound", "Conflict")


class Held(NamedTuple):
    """A Secret: *key* and *uid* are its own; *account* and *account_uid* are what it says of its account."""

    key: str
    uid: str
    account: str
    account_uid: str


def keys_of_secret(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a Secret with a token, as it is or was."""
    secret = change.old if change.new is None else change.new
    if secret.type != TYPE:
        return ()
    annotations = secret.metadata.annotations or Map[str]()
    account = annotations.get(ACCOUNT_NAME)
    if not account:
        return ()
    return (Held(change.key, secret.metadata.uid, account, annotations.get(ACCOUNT_UID) or ""),)


def keys_of_account(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the Secrets with tokens of an account that is gone."""
    if change.new is not None:
        return ()
    name, uid = change.old.metadata.name, change.old.metadata.uid
    return tuple(
        [
            Held(f"{secret.metadata.namespace}/{secret.metadata.name}", secret.metadata.uid, name, uid)
            for secret in views.table("secrets").under("namespace", change.old.metadata.namespace)
            if secret.type == TYPE
            and (secret.metadata.annotations or {}).get(ACCOUNT_NAME) == name
            and (secret.metadata.annotations or {}).get(ACCOUNT_UID) == uid
        ]
    )


def reconcile(signing_key: str, ask: Ask) -> Outcome:
    """Fill a Secret, delete it without its account, or let its account forget one that is gone."""
    held: Held = ask.key
    if ask.answers:
        return _answered(signing_key, ask)
    secret = ask.views.get("secrets", held.key)
    account = _account(held, ask.views)
    if secret is None or secret.metadata.uid != held.uid:
        return Outcome() if account is None else _asked("get", "serviceaccounts", _account_key(held))
    if account is None:
        # The cache may lag: the account is asked for before its token goes.
        return _asked("get", "serviceaccounts", _account_key(held))
    return _asked("get", "secrets", held.key) if _lacks(secret) else Outcome()


def _answered(signing_key: str, ask: Ask) -> Outcome:
    held: Held = ask.key
    request, response = ask.answers[0]
    if request.verb != "get":
        return _over(request, response)
    if not response.ok and response.reason != "NotFound":
        return Outcome(error=text_of(response))
    secret = ask.views.get("secrets", held.key)
    is_there = secret is not None and secret.metadata.uid == held.uid
    if request.resource == "serviceaccounts":
        account = response.body if response.ok and _is_meant(held, response.body) else None
        if not is_there:
            return Outcome() if account is None else _forgetting(held, account)
        if account is None:
            return _deleted(held)
        return _asked("get", "secrets", held.key) if _lacks(secret) else Outcome()
    account = _account(held, ask.views)
    live = response.body if response.ok else None
    if live is None or account is None or not is_there:
        return Outcome()
    if live.metadata.resource_version != secret.metadata.resource_version or not _lacks(live):
        return Outcome()  # a change of it is on its way
    return _filled(signing_key, live, account)


def _over(request: Request, response: Response) -> Outcome:
    """See what became of a write; if what it was about has changed, or is gone, there will be another look at it."""
    if response.ok or response.reason == "NotFound":
        return Outcome()
    if response.reason in _GONE and request.resource == "secrets":
        return Outcome()
    return Outcome(error=text_of(response))


def _lacks(secret: Any) -> bool:
    data = secret.data or Map[Any]()
    return data.get(_CA) != _base64(AUTHORITY) or not data.get(_NAMESPACE) or not data.get(_TOKEN)


def _filled(signing_key: str, secret: Any, account: Any) -> Outcome:
    metadata = secret.metadata
    data: dict[str, Any] = dict(secret.data or {})
    data[_CA] = _base64(AUTHORITY)
    data[_NAMESPACE] = data.get(_NAMESPACE) or _base64(metadata.namespace)
    data[_TOKEN] = data.get(_TOKEN) or _base64(webtokens.signed(signing_key, _claims(secret, account)))
    about = {ACCOUNT_NAME: account.metadata.name, ACCOUNT_UID: account.metadata.uid}
    annotations = (metadata.annotations or Map[str]()).merge(about)
    body = replace(secret, data=Map(data), metadata=replace(metadata, annotations=annotations))
    return _asked("update", "secrets", f"{metadata.namespace}/{metadata.name}", body)


def _claims(secret: Any, account: Any) -> dict[str, str]:
    namespace, name = account.metadata.namespace, account.metadata.name
    return {
        "iss": webtokens.LEGACY_ISSUER,
        f"{_OF_SECRETS}namespace": namespace,
        f"{_OF_SECRETS}secret.name": secret.metadata.name,
        f"{_OF_SECRETS}service-account.name": name,
        f"{_OF_SECRETS}service-account.uid": account.metadata.uid,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


def _deleted(held: Held) -> Outcome:
    options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=held.uid))
    return _asked("delete", "secrets", held.key, options)


def _forgetting(held: Held, account: Any) -> Outcome:
    name = split_key(held.key)[1]
    kept = tuple([each for each in account.secrets or () if each.name != name])
    if len(kept) == len(account.secrets or ()):
        return Outcome()
    return _asked("update", "serviceaccounts", _account_key(held), replace(account, secrets=kept or None))


def _account(held: Held, views: Views) -> Any:
    """Give the account that a Secret means, as the cache has it; None if that has none of this name and uid."""
    found = views.get("serviceaccounts", _account_key(held))
    return found if found is not None and _is_meant(held, found) else None


def _is_meant(held: Held, account: Any) -> bool:
    return not held.account_uid or account.metadata.uid == held.account_uid


def _account_key(held: Held) -> str:
    return f"{split_key(held.key)[0]}/{held.account}"


def _asked(verb: Any, resource: str, key: str, body: Any = None) -> Outcome:
    namespace, name = split_key(key)
    call = Request(verb=verb, resource=resource, namespace=namespace, name=name, body=body)
    return Outcome(calls=(call,), again=True)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@lru_cache(maxsize=64)
def controller(signing_key: str) -> Controller:
    """Give the controller of a cluster that signs with *signing_key*."""
    return replace(CONTROLLER, reconcile=partial(reconcile, signing_key))


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("secrets", keys_of_secret), Source("serviceaccounts", keys_of_account)),
    reconcile=partial(reconcile, ""),
    workers=5,
    retries=_MOST_RETRIES,
    awaits=("secrets",),
)
"""It has no key yet: see `controller`."""
