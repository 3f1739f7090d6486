"""
Expressions: what a policy's CEL expressions can ask about a write, and their values.

    object, oldObject       as JSON; null if there is none
    request                 what an AdmissionReview says of it
    namespaceObject         of the namespace; null for what is in none
    params, variables       of the policy
    authorizer              what the one who asks may do beside

Source:   https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.api import golang
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.access.authorising import Decision
from reconcile.components.apiserver.admission import matching
from reconcile.components.apiserver.admission.reviews import shown
from reconcile.components.apiserver.state import Ask
from reconcile.lib.cel import CelError, library, merged
from reconcile.model import cel
from reconcile.model.requests import Request, User

_GROUP: Final = "kubernetes.authorization"


@attrs.frozen
class _Check:
    """What is asked of the authorizer so far."""

    ask: Ask
    user: User
    cel_type: str
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    fields: str = ""


@attrs.frozen
class _Decided:
    decision: Decision
    cel_type: str = f"{_GROUP}.Decision"


class _Authorizer(dict[str, Any]):
    """The variable `authorizer`, which has the request's own resource as a field."""

    cel_type = f"{_GROUP}.Authorizer"

    def __init__(self, ask: Ask, user: User) -> None:
        super().__init__()
        self.ask = ask
        self.user = user


def _of(authorizer: _Authorizer, kind: str, **parts: str) -> _Check:
    return _Check(authorizer.ask, authorizer.user, f"{_GROUP}.{kind}", **parts)


def _checked(check: _Check, verb: Any) -> _Decided:
    if check.path:
        return _Decided(authorising.decided_path(check.user, verb, check.path, check.ask.store))
    asked = Request(
        verb=verb,
        resource=f"{check.resource}.{check.group}" if check.group else check.resource,
        namespace=check.namespace,
        name=check.name,
        subresource=check.subresource,
        field_selector=check.fields,
    )
    return _Decided(authorising.decided(check.user, asked, check.ask.store))


def _account(authorizer: _Authorizer, namespace: str, name: str) -> _Authorizer:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return _Authorizer(authorizer.ask, User(name=f"system:serviceaccount:{namespace}:{name}", groups=groups))


_A: Final = f"{_GROUP}.Authorizer"
_P: Final = f"{_GROUP}.PathCheck"
_G: Final = f"{_GROUP}.GroupCheck"
_R: Final = f"{_GROUP}.ResourceCheck"
_D: Final = f"{_GROUP}.Decision"

_AUTHORIZER: Final = library(
    (f"->{_A}.path(string) {_P}", lambda given, path: _of(given, "PathCheck", path=path)),
    (f"->{_A}.group(string) {_G}", lambda given, group: _of(given, "GroupCheck", group=group)),
    (f"->{_A}.serviceAccount(string, string) {_A}", _account),
    (f"->{_G}.resource(string) {_R}", lambda given, name: attrs.evolve(given, cel_type=_R, resource=name)),
    (f"->{_R}.subresource(string) {_R}", lambda given, name: attrs.evolve(given, subresource=name)),
    (f"->{_R}.namespace(string) {_R}", lambda given, name: attrs.evolve(given, namespace=name)),
    (f"->{_R}.name(string) {_R}", lambda given, name: attrs.evolve(given, name=name)),
    (f"->{_R}.fieldSelector(string) {_R}", lambda given, text: attrs.evolve(given, fields=text)),
    (f"->{_R}.labelSelector(string) {_R}", lambda given, _: given),
    (f"->{_R}.check(string) {_D}", _checked),
    (f"->{_P}.check(string) {_D}", _checked),
    (f"->{_D}.allowed() bool", lambda given: given.decision.allowed),
    (f"->{_D}.reason() string", lambda given: given.decision.reason),
    (f"->{_D}.errored() bool", lambda _: False),
    (f"->{_D}.error() string", lambda _: ""),
)
FUNCTIONS: Final = merged(cel.KUBERNETES, _AUTHORIZER)
"""What the expressions of policies and webhooks may call."""

MUTATING: Final = merged(
    FUNCTIONS,
    library(("jsonpatch.escapeKey(string) string", lambda key: key.replace("~", "~0").replace("/", "~1"))),
)
"""What those of a mutating policy may call."""


class Variables(Mapping[str, Any]):
    """A policy's variables, each found when it is first asked for."""

    def __init__(self, named: Any, scope: Mapping[str, Any]) -> None:
        self._expressions = {each.name: each.expression for each in named or ()}
        self._scope = scope
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = evaluated(self._expressions[name], self._scope)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._expressions

    def __iter__(self) -> Iterator[str]:
        return iter(self._expressions)

    def __len__(self) -> int:
        return len(self._expressions)


def scope_of(ask: Ask, new: Any, old: Any, place: matching.Place | None = None) -> dict[str, Any]:
    """Give the variables of every expression about a write, as it is in *place*: where it is made, if not said."""
    place = matching.own_place(ask) if place is None else place
    namespace = ask.store.get("namespaces", ask.request.namespace) if ask.request.namespace else None
    return {
        "object": shown(ask, new, place, fresh=old is None),
        "oldObject": shown(ask, old, place),
        "request": _request(ask, new, old, place),
        "namespaceObject": None if namespace is None else golang.written(namespace),
        "authorizer": _authorizer(ask, new, old),
    }


def with_policy(scope: dict[str, Any], params: Any, named: Any) -> dict[str, Any]:
    """Give the variables of a policy's expressions: those of the write, its parameters and what it names itself."""
    inner = {**scope, "params": None if params is None else golang.written(params)}
    inner["variables"] = Variables(named, inner)
    return inner


def evaluated(expression: str, scope: Mapping[str, Any]) -> Any:
    """
    Give the value of an expression.

    Raises:
        CelError: in upstream's words.
    """
    try:
        return cel.evaluate(expression, scope, MUTATING)
    except CelError as error:
        said = str(error)
        if said.startswith("expression '"):
            raise
        raise CelError(f"expression '{expression}' resulted in error: {said}") from None


def _request(ask: Ask, new: Any, old: Any, place: matching.Place) -> dict[str, Any]:
    request, user, own = ask.request, ask.user, matching.own_place(ask)
    extra = {key: list(values) for key, values in (user.extra or {}).items()}
    info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    info |= {"uid": user.uid} if user.uid else {}
    info |= {"extra": extra} if extra else {}
    return {
        "uid": "",
        "kind": dict(zip(("group", "version", "kind"), place.kind, strict=True)),
        "resource": {"group": place.group, "version": place.version, "resource": place.plural},
        "subResource": request.subresource,
        "requestKind": dict(zip(("group", "version", "kind"), own.kind, strict=True)),
        "requestResource": {"group": own.group, "version": own.version, "resource": own.plural},
        "requestSubResource": request.subresource,
        "name": request.name or _name(new, old),
        "namespace": request.namespace,
        "operation": matching.operation_of(new, old),
        "userInfo": info,
        "dryRun": bool(request.dry_run),
    }


def _name(new: Any, old: Any) -> str:
    metadata = (new if new is not None else old).metadata
    return (metadata.name if metadata is not None else None) or ""


def _authorizer(ask: Ask, new: Any, old: Any) -> _Authorizer:
    found = _Authorizer(ask, ask.user)
    request = ask.request
    found["requestResource"] = _Check(
        ask,
        ask.user,
        _R,
        group=ask.resource.group,
        resource=ask.resource.plural,
        subresource=request.subresource,
        namespace=request.namespace,
        name=request.name or _name(new, old),
    )
    return found
