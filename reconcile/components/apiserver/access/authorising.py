"""
Authorising: who asks, and whether they may.

Authentication has happened when a request arrives: a `User` comes with it, and one without a name is nobody.
Authorisation asks three authorizers, as kubeadm sets them up: the group system:masters may everything, the Node
authorizer knows what a kubelet may, and the roles and bindings that are stored say the rest.

Source:   the API server's authentication union and its authorizers.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import attrs

from reconcile.api import meta_v1
from reconcile.components.apiserver.access import nodes, rbac
from reconcile.components.apiserver.access.nodes import REFERRED, node_of, references
from reconcile.components.apiserver.access.rbac import Policy, policy_of
from reconcile.components.apiserver.access.rules import Asked
from reconcile.components.apiserver.refusals import Refusal
from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick
from reconcile.model import selectors, statuses
from reconcile.model.requests import Request, User
from reconcile.store import Reads

__all__ = [
    "ANONYMOUS",
    "MASTERS",
    "REFERRED",
    "UNAUTHENTICATED",
    "Decision",
    "authenticated",
    "authorise",
    "authorise_path",
    "decided",
    "decided_path",
    "may",
    "may_use_signer",
    "node_of",
    "references",
    "refused",
]

MASTERS: Final = "system:masters"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = User(name="system:anonymous", groups=(UNAUTHENTICATED,))
_BY_SELECTOR: Final = ("list", "watch", "deletecollection")


def authenticated(user: User, *, anonymous: bool) -> User:
    """Give who asks; nobody is system:anonymous if that is allowed, and else refused with 401."""
    if user.name:
        return user
    if not anonymous:
        raise Refusal(statuses.unauthorized())
    return ANONYMOUS


@lru_cache(maxsize=65536)
def may(  # noqa: PLR0917 -- a cached function's key
    policy: Policy, name: str, groups: tuple[str, ...], verb: str, resource: str, subresource: str
) -> bool:
    """Tell whether somebody may do this to every object: `authorise` knows what else they may."""
    if MASTERS in groups or (nodes.node_named(name, groups) and nodes.may_all(verb, resource, subresource)):
        return True
    plural, _, group = resource.partition(".")
    asked = Asked(verb=verb, group=group, resource=plural, subresource=subresource)
    return rbac.allowed(policy, name, groups, "", asked)


@quick
@attrs.frozen(weakref_slot=False)
class Decision:
    """Whether something is allowed, and why or why not, in upstream's words; often there is nothing to say."""

    allowed: bool
    reason: str = ""


def authorise(user: User, request: Request, store: Reads) -> None:
    """Refuse with 403 what *user* may not do, having looked at the request and at the store."""
    policy = policy_of(store)
    if may(policy, user.name, user.groups, request.verb, request.resource, request.subresource):
        return
    why = _node_denies(user, request, store)
    asked, namespace = _asked(request), _namespace(request)
    if why is None or _may_here(policy, user, namespace, asked):
        return
    why = _with_wrong(why, policy, user, namespace)
    raise Refusal(_forbidden(user, request.resource, namespace, asked, why))


def authorise_path(user: User, verb: str, path: str, store: Reads) -> None:
    """Refuse with 403 what *user* may not do at a path that leads to no resource."""
    decision = decided_path(user, verb, path, store)
    if not decision.allowed:
        raise Refusal(statuses.forbidden_path(f'User "{user.name}" cannot {verb} path "{path}"', decision.reason))


def decided(user: User, request: Request, store: Reads) -> Decision:
    """Say whether *user* may do what a request asks, and why."""
    if MASTERS in user.groups:
        return Decision(allowed=True)
    policy, namespace, asked = policy_of(store), _namespace(request), _asked(request)
    why = _node_denies(user, request, store)
    if why is None:
        return Decision(allowed=True)
    if _may_here(policy, user, namespace, asked):
        return Decision(allowed=True, reason=rbac.why(policy, user.name, user.groups, namespace, asked))
    return Decision(allowed=False, reason=_with_wrong(why, policy, user, namespace))


def decided_path(user: User, verb: str, path: str, store: Reads) -> Decision:
    """Say whether *user* may do *verb* at a path that leads to no resource, and why."""
    if MASTERS in user.groups:
        return Decision(allowed=True)
    policy, asked = policy_of(store), Asked(verb=verb, group="", resource="", path=path)
    if _may_here(policy, user, "", asked):
        return Decision(allowed=True, reason=rbac.why(policy, user.name, user.groups, "", asked))
    return Decision(allowed=False, reason=_with_wrong("", policy, user, ""))


def _node_denies(user: User, request: Request, store: Reads) -> str | None:
    """Say why the Node authorizer does not allow it, empty if it has nothing to say; None if it allows it."""
    if nodes.NODES not in user.groups or not user.name.startswith(nodes.NODE_PREFIX):
        return ""
    node = node_of(user)
    return nodes.denied(node, request, store) if node else f'unknown node for user "{user.name}"'


def _with_wrong(why: str, policy: Policy, user: User, namespace: str) -> str:
    wrong = rbac.rules_of(policy, user.name, user.groups, namespace)[1]
    if not wrong:
        return why
    said = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
    return f"{why}, RBAC: {said}" if why else f"RBAC: {said}"


def refused(user: User, verb: str, resource: str, name: str, why: str) -> meta_v1.Status:
    """Give the 403 of what *user* may not do for a reason of its own."""
    plural, _, group = resource.partition(".")
    return _forbidden(user, resource, "", Asked(verb=verb, group=group, resource=plural, name=name), why)


def may_use_signer(user: User, verb: str, signer: str, store: Reads) -> bool:
    """Tell whether somebody may do *verb*, approve or sign, for a signer of certificates."""
    if MASTERS in user.groups:
        return True
    asked = Asked(verb=verb, group="certificates.k8s.io", resource="signers", name=signer)
    return _may_here(policy_of(store), user, "", asked)


@lru_cache(maxsize=16384)
def _may_here(policy: Policy, user: User, namespace: str, asked: Asked) -> bool:
    return rbac.allowed(policy, user.name, user.groups, namespace, asked)


def _asked(request: Request) -> Asked:
    """Give what a request asks for; a list of the object of one name asks for that object."""
    plural, _, group = request.resource.partition(".")
    name = request.name
    if not name and request.field_selector and request.verb in _BY_SELECTOR:
        try:
            terms = selectors.parse_fields(request.field_selector)
        except ReconcileError:
            terms = ()
        named = [term.value for term in terms if term.field == "metadata.name" and term.operator == "="]
        name = named[0] if named else ""
    return Asked(verb=request.verb, group=group, resource=plural, subresource=request.subresource, name=name)


def _namespace(request: Request) -> str:
    """Give the namespace whose roles count: of a namespace itself its own."""
    return request.name if request.resource == "namespaces" else request.namespace


def _forbidden(user: User, resource: str, namespace: str, asked: Asked, why: str) -> meta_v1.Status:
    target = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    said = f'User "{user.name}" cannot {asked.verb} resource "{target}" in API group "{asked.group}" {where}'
    return statuses.forbidden(resource, asked.name, f"{said}: {why}" if why else said)
