"""
Matching: which writes a webhook or a policy is asked about.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
Left out: matchPolicy Equivalent: a write is looked at in the group and version in which it comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.components.apiserver.state import Ask
from reconcile.model import selectors

GROUP: Final = "admissionregistration.k8s.io"
_NAMESPACES: Final = "namespaces"


def is_exempt(ask: Ask) -> bool:
    """Tell whether nobody is asked about a write: those of what says who is asked, and of answers to questions."""
    group = ask.resource.group
    return group in (GROUP, "authentication.k8s.io", "authorization.k8s.io")


def operation_of(new: Any, old: Any) -> str:
    """Give the operation in the words of rules."""
    return "DELETE" if new is None else "CREATE" if old is None else "UPDATE"


def concerns(ask: Ask, rules: Iterable[Any] | None, operation: str) -> bool:
    """Tell whether one of *rules* is about this write."""
    return any(_fits(ask, rule, operation) for rule in rules or ())


def selects(ask: Ask, webhook: Any, new: Any, old: Any) -> bool:
    """Tell whether the selectors of a webhook or of match resources choose the namespace and the object."""
    namespaces, objects = webhook.namespace_selector, webhook.object_selector
    if not (_selects_all(namespaces) or _selects_namespace(ask, namespaces, new, old)):
        return False
    return _selects_all(objects) or any(
        selectors.matches(objects, each.metadata.labels)
        for each in (new, old)
        if each is not None and each.metadata is not None
    )


def _fits(ask: Ask, rule: Any, operation: str) -> bool:
    known = ask.resource
    names = getattr(rule, "resource_names", None)
    return (
        _has(rule.operations, operation)
        and _has(rule.api_groups, known.group)
        and _has(rule.api_versions, ask.request.version or known.version)
        and any(_is(each, known.plural, ask.request.subresource) for each in rule.resources or ())
        and (rule.scope in (None, "", "*") or (rule.scope == "Namespaced") == _is_placed(ask))
        and (not names or ask.request.name in names)
    )


def _is_placed(ask: Ask) -> bool:
    return ask.resource.namespaced


def _has(among: tuple[str, ...] | None, word: str) -> bool:
    return among is not None and ("*" in among or word in among)


def _is(rule: str, plural: str, subresource: str) -> bool:
    resource, _, below = rule.partition("/")
    return resource in ("*", plural) and below in ("*", subresource)


def _selects_all(selector: Any) -> bool:
    return selector is None or not (selector.match_labels or selector.match_expressions)


def _selects_namespace(ask: Ask, selector: Any, new: Any, old: Any) -> bool:
    if ask.request.resource == _NAMESPACES:
        found = new if new is not None else old
    elif not ask.resource.namespaced:
        return True
    else:
        found = ask.store.get(_NAMESPACES, ask.request.namespace)
    return found is not None and selectors.matches(selector, found.metadata.labels)
