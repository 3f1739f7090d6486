"""
Matching: which writes a webhook or a policy is asked about, and in which version of the API.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from reconcile.components.apiserver.registry import served
from reconcile.components.apiserver.state import Ask
from reconcile.model import selectors

GROUP: Final = "admissionregistration.k8s.io"
_NAMESPACES: Final = "namespaces"


@attrs.frozen
class Place:
    """
    A resource in one version of the API, and the kind that is written there.

    Args:
        group: the resource's.
        version: the resource's.
        plural: the resource's name.
        kind: group, version and kind of what is written, which of a subresource may be another's.
    """

    group: str
    version: str
    plural: str
    kind: tuple[str, str, str]

    @property
    def api_version(self) -> str:
        """The apiVersion of the resource's own objects."""
        return f"{self.group}/{self.version}" if self.group else self.version


# What a write to a subresource carries, where that is no object of the resource.
_CARRIED: Final[Mapping[str, tuple[str, str, str]]] = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
# Resources that are served in several versions or groups: group, version.
_SERVED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "horizontalpodautoscalers.autoscaling": (("autoscaling", "v2"), ("autoscaling", "v1")),
    "events": (("", "v1"), ("events.k8s.io", "v1")),
}


def is_exempt(ask: Ask) -> bool:
    """Tell whether nobody is asked about a write: those of what says who is asked, and of answers to questions."""
    group = ask.resource.group
    return group in (GROUP, "authentication.k8s.io", "authorization.k8s.io")


def operation_of(new: Any, old: Any) -> str:
    """Give the operation in the words of rules."""
    return "DELETE" if new is None else "CREATE" if old is None else "UPDATE"


def own_place(ask: Ask) -> Place:
    """Give where a request is made."""
    known = ask.resource
    group, slash, version = ask.request.version.rpartition("/")
    return _place(ask, group if slash else known.group, version or known.version)


def place(ask: Ask, rules: Iterable[Any] | None, operation: str, policy: str | None) -> Place | None:
    """
    Give where one of *rules* is about this write; None if none is.

    With the match policy Equivalent a rule may speak of another version, or group, of the same resource.
    """
    wanted = tuple(rules or ())
    own = own_place(ask)
    if any(_fits(ask, rule, operation, own) for rule in wanted):
        return own
    if policy == "Exact":
        return None
    others = [each for each in _equivalents(ask) if (each.group, each.version) != (own.group, own.version)]
    return next((other for rule in wanted for other in others if _fits(ask, rule, operation, other)), None)


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


def _place(ask: Ask, group: str, version: str) -> Place:
    kind = _CARRIED.get(ask.request.subresource) or (group, version, ask.resource.kind)
    return Place(group, version, ask.resource.plural, kind)


def _equivalents(ask: Ask) -> list[Place]:
    """Give the places of the resource in every version in which it is served."""
    definition = served.definition(ask.store, ask.request.resource) if ask.resource.is_custom else None
    if definition is not None:
        versions = [(ask.resource.group, name) for name, each in definition.versions.items() if each.served]
    else:
        versions = list(_SERVED.get(ask.request.resource, ()))
    return [_place(ask, group, version) for group, version in versions]


def _fits(ask: Ask, rule: Any, operation: str, at: Place) -> bool:
    names = getattr(rule, "resource_names", None)
    return (
        _has(rule.operations, operation)
        and _has(rule.api_groups, at.group)
        and _has(rule.api_versions, at.version)
        and any(_is(each, at.plural, ask.request.subresource) for each in rule.resources or ())
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
