"""
Reviewing: questions about access, asked as objects that are answered and never stored.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access; the registries of
          the groups authorization.k8s.io and authentication.k8s.io.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from reconcile.api import authentication_v1, authorization_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.access import authorising, rbac, tokens
from reconcile.components.apiserver.access.authorising import Decision
from reconcile.components.apiserver.refusals import Cause, Causes, Refusal, wrong
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import creating, managing
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request, Response, User

_AUTHORIZATION: Final = "authorization.k8s.io"
_NO_METADATA: Final = meta_v1.ObjectMeta()
_EITHER: Final = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
_NOT_BOTH: Final = "cannot be specified in combination with resourceAttributes"


def subject_access(ask: Ask) -> Plan:
    """Answer whether somebody may do something."""
    review = creating.checked_body(ask, ask.request.body)
    review = _managed(ask, review)
    _refuse(_causes(review.spec) + _unnamed(review.spec) + _metadata_causes(review, ""))
    return _answered(ask, review, _subject(review.spec))


def local_subject_access(ask: Ask) -> Plan:
    """Answer whether somebody may do something in a namespace."""
    review, namespace = creating.checked_body(ask, ask.request.body), ask.request.namespace
    review = replace(review, metadata=replace(review.metadata or _NO_METADATA, namespace=namespace))
    review = _managed(ask, review)
    causes = _causes(review.spec) + _unnamed(review.spec) + _metadata_causes(review, " except for namespace")
    attributes = review.spec.resource_attributes
    if attributes is not None and (attributes.namespace or "") != namespace:
        why = "must match metadata.namespace"
        causes += (wrong("spec.resourceAttributes.namespace", attributes.namespace or "", why),)
    if review.spec.non_resource_attributes is not None:
        why = "disallowed on this kind of request"
        causes += (wrong("spec.nonResourceAttributes", _in_go(review.spec.non_resource_attributes), why),)
    _refuse(causes)
    return _answered(ask, review, _subject(review.spec))


def self_subject_access(ask: Ask) -> Plan:
    """Answer whether the one who asks may do something."""
    review = _managed(ask, creating.checked_body(ask, ask.request.body))
    _refuse(_causes(review.spec) + _metadata_causes(review, ""))
    return _answered(ask, review, ask.user)


def self_subject_rules(ask: Ask) -> Plan:
    """Answer what the one who asks may do in a namespace."""
    review = creating.checked_body(ask, ask.request.body)
    namespace = review.spec.namespace if review.spec is not None else None
    if not namespace:
        raise Refusal(statuses.bad_request("no namespace on request"))
    user = ask.user
    rules, faults = rbac.rules_of(rbac.policy_of(ask.store), user.name, user.groups, namespace)
    is_node = bool(authorising.node_of(user))
    said = [*(["node authorizer does not support user rule resolution"] if is_node else []), *faults]
    status = authorization_v1.SubjectRulesReviewStatus(
        incomplete=is_node,
        resource_rules=tuple(
            [
                authorization_v1.ResourceRule(
                    verbs=rule.verbs,
                    api_groups=rule.api_groups,
                    resources=rule.resources,
                    resource_names=rule.resource_names,
                )
                for rule in rules
                if rule.resources
            ]
        ),
        non_resource_rules=tuple(
            [
                authorization_v1.NonResourceRule(verbs=rule.verbs, non_resource_urls=rule.non_resource_urls)
                for rule in rules
                if rule.non_resource_urls
            ]
        ),
        evaluation_error=(said[0] if len(said) == 1 else f"[{', '.join(said)}]") if said else None,
    )
    spec = authorization_v1.SelfSubjectRulesReviewSpec()
    return Response(201, authorization_v1.SelfSubjectRulesReview(metadata=_NO_METADATA, spec=spec, status=status))


def self_subject(ask: Ask) -> Plan:
    """Answer who asks."""
    status = authentication_v1.SelfSubjectReviewStatus(user_info=_described(ask.user))
    metadata = meta_v1.ObjectMeta(creation_timestamp=Time.at(ask.now))
    return Response(201, authentication_v1.SelfSubjectReview(metadata=metadata, status=status))


def token(ask: Ask) -> Plan:
    """Answer who comes with a token."""
    review = creating.checked_body(ask, ask.request.body)
    if not review.spec.token:
        raise Refusal(statuses.bad_request("token is required for TokenReview in authentication"))
    review = _managed(ask, review)
    audiences = review.spec.audiences or (tokens.ISSUER,)
    known = tokens.static(ask.state.tokens, review.spec.token) if tokens.ISSUER in audiences else None
    if known is not None:
        status = _authenticated(known, (tokens.ISSUER,))
    else:
        try:
            found = tokens.bearer(ask.state.signing_key, review.spec.token, ask.store, ask.now, audiences)
            status = _authenticated(*found)
        except tokens.Untrusted as error:
            said = f"[{tokens.INVALID}, {error}]" if str(error) else tokens.INVALID
            status = authentication_v1.TokenReviewStatus(user=authentication_v1.UserInfo(), error=said)
    return Response(201, replace(review, status=status))


def _authenticated(user: User, audiences: tuple[str, ...]) -> authentication_v1.TokenReviewStatus:
    return authentication_v1.TokenReviewStatus(authenticated=True, user=_described(user), audiences=audiences)


def _described(user: User) -> authentication_v1.UserInfo:
    return authentication_v1.UserInfo(
        username=user.name, uid=user.uid or None, groups=user.groups or None, extra=user.extra
    )


def _managed(ask: Ask, review: Any) -> Any:
    """Give a review with the managed fields that every object that is created gets, be it stored or not."""
    if not ask.state.managed_fields:
        return review if review.metadata is not None else replace(review, metadata=_NO_METADATA)
    managed = managing.after_create(ask, review)
    return replace(review, metadata=replace(review.metadata or _NO_METADATA, managed_fields=managed))


def _answered(ask: Ask, review: Any, user: User) -> Response:
    decision = _decided(ask, review.spec, user)
    status = authorization_v1.SubjectAccessReviewStatus(allowed=decision.allowed, reason=decision.reason or None)
    return Response(201, replace(review, status=status))


def _decided(ask: Ask, spec: Any, user: User) -> Decision:
    path, attributes = spec.non_resource_attributes, spec.resource_attributes
    if attributes is None:
        return authorising.decided_path(user, path.verb or "", path.path or "", ask.store)
    verb: Any = attributes.verb or ""
    asked = Request(
        verb=verb,
        resource=f"{attributes.resource or ''}.{attributes.group}" if attributes.group else attributes.resource or "",
        namespace=attributes.namespace or "",
        name=attributes.name or "",
        subresource=attributes.subresource or "",
        field_selector=_field_selector(attributes.field_selector),
    )
    return authorising.decided(user, asked, ask.store)


def _field_selector(given: Any) -> str:
    """Write the field selector of a review as a request has it."""
    if given is None:
        return ""
    terms = [
        f"{each.key}{'=' if each.operator == 'In' else '!='}{each.values[0]}"
        for each in given.requirements or ()
        if each.operator in ("In", "NotIn") and len(each.values or ()) == 1
    ]
    return given.raw_selector or ",".join(terms)


def _subject(spec: Any) -> User:
    return User(name=spec.user or "", groups=spec.groups or (), uid=spec.uid or "", extra=spec.extra)


def _in_go(path: Any) -> Map[str]:
    """Give what is asked of a path under the names of Go, as a cause shows it."""
    return Map({"Path": path.path or "", "Verb": path.verb or ""})


def _causes(spec: Any) -> Causes:
    resource, path = spec.resource_attributes, spec.non_resource_attributes
    if resource is not None and path is not None:
        return (wrong("spec.nonResourceAttributes", _in_go(path), _NOT_BOTH),)
    if resource is None and path is None:
        said = f"Invalid value: null: {_EITHER}"
        return (Cause(reason="FieldValueInvalid", message=said, field="spec.resourceAttributes"),)
    return ()


def _unnamed(spec: Any) -> Causes:
    if spec.user or spec.groups:
        return ()
    return (wrong("spec.user", "", "at least one of user or group must be specified"),)


def _metadata_causes(review: Any, but: str) -> Causes:
    metadata = review.metadata
    bare = attrs.evolve(metadata, managed_fields=None, namespace=None if but else metadata.namespace)
    return () if bare == _NO_METADATA else (wrong("metadata", metadata, f"must be empty{but}"),)


def _refuse(causes: Causes) -> None:
    # Upstream takes the kind from the body's own words, which have been read away by then.
    if causes:
        raise Refusal(statuses.invalid(_AUTHORIZATION, "", "", causes))


WAYS: Final[Mapping[str, Callable[[Ask], Plan]]] = {
    f"subjectaccessreviews.{_AUTHORIZATION}": subject_access,
    f"localsubjectaccessreviews.{_AUTHORIZATION}": local_subject_access,
    f"selfsubjectaccessreviews.{_AUTHORIZATION}": self_subject_access,
    f"selfsubjectrulesreviews.{_AUTHORIZATION}": self_subject_rules,
    "selfsubjectreviews.authentication.k8s.io": self_subject,
    "tokenreviews.authentication.k8s.io": token,
}
"""By resource, what answers a create of it."""
