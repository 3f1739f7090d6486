"""
Rules: what one rule of RBAC allows, and what of some rules others do not hold.

Takes:    PolicyRule, and what is asked.
Gives:    whether it is allowed; the rights that are not covered, in upstream's words.
Source:   https://kubernetes.io/docs/reference/access-authn-authz/rbac/; RBAC's rule evaluation and escalation check.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import attrs

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.lib.quick import quick

Rules = tuple[PolicyRule, ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Asked:
    """
    What is asked of objects: the verb, the group and plural of their resource, one's name; empty name for all.

    Or, with a *path*, what is asked at a path that leads to no resource; then the rest is empty but for the verb.
    """

    verb: str
    group: str
    resource: str
    subresource: str = ""
    name: str = ""
    path: str = ""


def allows(rule: PolicyRule, asked: Asked) -> bool:
    """Tell whether a rule allows what is asked."""
    if asked.path:
        return _has(rule.verbs, asked.verb) and any(
            _covers_path(each, asked.path) for each in rule.non_resource_urls or ()
        )
    return (
        _has(rule.verbs, asked.verb)
        and _has(rule.api_groups or (), asked.group)
        and _has_resource(rule.resources or (), asked.resource, asked.subresource)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def uncovered(held: Rules, wanted: Iterable[PolicyRule]) -> Rules:
    """Give the rights of *wanted*, each a rule of one verb, group and resource, or path, that none of *held* covers."""
    return tuple([part for rule in wanted for part in _parts(rule) if not any(_covers(each, part) for each in held)])


def described(missing: Rules) -> str:
    """Write rights that are not covered, those of one resource together, a line each."""
    whole: dict[PolicyRule, list[str]] = {}
    for part in missing:
        if part.non_resource_urls:
            whole[part] = list(part.verbs)
        else:
            whole.setdefault(attrs.evolve(part, verbs=()), []).extend(part.verbs)
    lines = {_text(attrs.evolve(rule, verbs=tuple(verbs))) for rule, verbs in whole.items()}
    return "\n".join(sorted(lines))


def quoted(texts: Iterable[str]) -> str:
    """Write texts as Go writes a list of quoted ones."""
    return "[" + " ".join([json.dumps(text, ensure_ascii=False) for text in texts]) + "]"


def _has(among: tuple[str, ...], word: str) -> bool:
    return "*" in among or word in among


def _has_resource(among: tuple[str, ...], resource: str, subresource: str) -> bool:
    if not subresource:
        return _has(among, resource)
    return _has(among, f"{resource}/{subresource}") or f"*/{subresource}" in among


def _parts(rule: PolicyRule) -> list[PolicyRule]:
    names: tuple[tuple[str, ...] | None, ...] = tuple([(name,) for name in rule.resource_names or ()]) or (None,)
    parts = [
        PolicyRule(api_groups=(group,), resources=(resource,), verbs=(verb,), resource_names=name)
        for group in rule.api_groups or ()
        for resource in rule.resources or ()
        for verb in rule.verbs
        for name in names
    ]
    paths = rule.non_resource_urls or ()
    return [*parts, *[PolicyRule(non_resource_urls=(path,), verbs=(verb,)) for path in paths for verb in rule.verbs]]


def _covers(held: PolicyRule, part: PolicyRule) -> bool:
    """Tell whether a rule covers a right, which is of one verb and of one resource or path."""
    if not _has(held.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        path = part.non_resource_urls[0]
        return any(_covers_path(each, path) for each in held.non_resource_urls or ())
    group, target = (part.api_groups or ("",))[0], (part.resources or ("",))[0]
    resource, _, subresource = target.partition("/")
    return (
        _has(held.api_groups or (), group)
        and _has_resource(held.resources or (), resource, subresource)
        and (not held.resource_names or any(name in held.resource_names for name in part.resource_names or ()))
    )


def _covers_path(held: str, path: str) -> bool:
    return held == path or (held.endswith("*") and path.startswith(held.rstrip("*")))


def _text(rule: PolicyRule) -> str:
    fields = (
        ("APIGroups", rule.api_groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.non_resource_urls),
        ("ResourceNames", rule.resource_names),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join([f"{name}:{quoted(texts)}" for name, texts in fields if texts]) + "}"
