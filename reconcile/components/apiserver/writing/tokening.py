"""
Tokening: a ServiceAccount's token, asked for as a TokenRequest: for whom, for how long, bound to what.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens;
          the token storage of service accounts.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import authentication_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.access import tokens
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal, refuse_invalid, wrong
from reconcile.components.apiserver.state import Ask, Plan, drawing
from reconcile.components.apiserver.writing import managing
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model import statuses, webtokens
from reconcile.model.requests import Response

_VERSION: Final = "authentication.k8s.io/v1"
_RESOURCE: Final = "TokenRequest.authentication.k8s.io"
_HOUR: Final = 3600
_SHORTEST: Final = 600
_LONGEST: Final = 1 << 32
_OF_PODS: Final = 3607  # what the volume of a pod asks for: it gets a year, and a warning when an hour is over
_YEAR: Final = 365 * 24 * _HOUR
_NO_METADATA: Final = meta_v1.ObjectMeta()
_BOUND: Final = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


def create(ask: Ask) -> Plan:
    """Answer with a token of the account that the request names."""
    body = ask.request.body
    if not isinstance(body, authentication_v1.TokenRequest):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type TokenRequest)"))
    spec = body.spec or authentication_v1.TokenRequestSpec()
    if spec.expiration_seconds is None:
        spec = replace(spec, expiration_seconds=_HOUR)
    body = replace(body, spec=spec)
    managed = _managed(ask, body)
    account = _account(ask, body)
    seconds = spec.expiration_seconds or 0
    _check_seconds(seconds)
    audiences = spec.audiences or (tokens.ISSUER,)
    admission.restrict_node(ask, body, None)
    bound = _bound(ask, spec.bound_object_ref)
    metadata = meta_v1.ObjectMeta(
        name=account.metadata.name,
        namespace=account.metadata.namespace,
        uid=account.metadata.uid,
        creation_timestamp=Time.at(ask.now),
        managed_fields=managed,
    )
    status = authentication_v1.TokenRequestStatus(
        token=webtokens.signed(ask.state.signing_key, _claims(ask, account, bound, seconds, audiences)),
        expiration_timestamp=Time.at(ask.now + seconds * SECOND),
    )
    spec = replace(spec, audiences=audiences)
    return Response(201, replace(body, metadata=metadata, spec=spec, status=status))


def _managed(ask: Ask, body: Any) -> managing.Entries:
    if not ask.state.managed_fields:
        return None
    return tuple([replace(entry, api_version=_VERSION) for entry in managing.after_create(ask, body) or ()])


def _account(ask: Ask, body: Any) -> Any:
    """Give the account, if the request's metadata is of it as far as it says anything."""
    metadata, name = body.metadata or _NO_METADATA, ask.request.name
    for field, given, wanted in (
        ("name", metadata.name, name),
        ("namespace", metadata.namespace, ask.request.namespace),
    ):
        if given and given != wanted:
            why = f"must match the service account {field} if specified"
            refuse_invalid("TokenRequest", _VERSION, name, (wrong(f"metadata.{field}", given, why),))
    account = found(ask)
    if metadata.uid and metadata.uid != account.metadata.uid:
        uid = account.metadata.uid
        why = f"the UID in the token request ({metadata.uid}) does not match the UID of the service account ({uid})"
        raise Refusal(statuses.conflict(_RESOURCE, name, why))
    return account


def _check_seconds(seconds: int) -> None:
    why = ""
    if seconds < _SHORTEST:
        why = "may not specify a duration less than 10 minutes"
    elif seconds > _LONGEST:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        refuse_invalid("TokenRequest", _VERSION, "", (wrong("spec.expirationSeconds", seconds, why),))


def _bound(ask: Ask, reference: Any) -> dict[str, Any]:
    """Give what the token is bound to, by kind as claims name it."""
    if reference is None:
        return {}
    # Which version of the group is said does not matter.
    resource = _BOUND.get(reference.kind) if "/" not in (reference.api_version or "") else None
    if resource is None:
        group, _, version = (reference.api_version or "").rpartition("/")
        said = f"{group}/{version}, Kind={reference.kind or ''}"
        raise Refusal(statuses.bad_request(f"cannot bind token to object of type {said}"))
    key = reference.name if resource == "nodes" else f"{ask.request.namespace}/{reference.name}"
    obj = ask.store.get(resource, key or "")
    if obj is None:
        raise Refusal(statuses.not_found(resource, reference.name or ""))
    if resource == "pods" and obj.spec.service_account_name != ask.request.name:
        said = f'cannot bind token for serviceaccount "{ask.request.name}" to pod running with different serviceaccount'
        raise Refusal(statuses.bad_request(f"{said} name."))
    if reference.uid and reference.uid != obj.metadata.uid:
        why = f"the UID in the bound object reference ({reference.uid}) does not match the UID in record"
        why += ". The object might have been deleted and then recreated"
        raise Refusal(statuses.conflict(reference.kind, reference.name or "", why))
    bound = {reference.kind.lower(): obj}
    if resource == "pods" and obj.spec.node_name:
        bound["node"] = ask.store.get("nodes", obj.spec.node_name)
    return bound


def _claims(ask: Ask, account: Any, bound: dict[str, Any], seconds: int, audiences: tuple[str, ...]) -> dict[str, Any]:
    now, lasts = ask.now // SECOND, seconds
    within: dict[str, Any] = {"namespace": account.metadata.namespace, "serviceaccount": _named(account)}
    for kind, obj in bound.items():
        within[kind] = _named(obj) if obj is not None else {"name": bound["pod"].spec.node_name}
    if "pod" in bound and seconds == _OF_PODS and audiences == (tokens.ISSUER,):
        within["warnafter"], lasts = now + seconds, _YEAR
    return {
        "aud": list(audiences),
        "exp": now + lasts,
        "iat": now,
        "iss": tokens.ISSUER,
        "jti": drawing(ask, "token").next_uuid(),
        "kubernetes.io": within,
        "nbf": now,
        "sub": f"{tokens.ACCOUNT}{account.metadata.namespace}:{account.metadata.name}",
    }


def _named(obj: Any) -> dict[str, str]:
    return {"name": obj.metadata.name, "uid": obj.metadata.uid}
