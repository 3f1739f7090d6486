"""
Classifying: to which FlowSchema a request belongs, and with that to which priority level.

Takes:    a store; who asks what.
Gives:    Classified.
Source:   apiserver/pkg/util/flowcontrol: the matching of rules, the watch over FlowSchemas.
Left out: that a FlowSchema's condition is brought up to date when its priority level goes or comes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from reconcile.api.scalars import Time, freeze
from reconcile.components.apiserver.fairness.suggested import LEVELS, SCHEMAS
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, User
from reconcile.store import Reads

if TYPE_CHECKING:
    from reconcile.components.apiserver.rest.paths import Target

_ACCOUNT: Final = "system:serviceaccount:"
_MANAGER: Final = "api-priority-and-fairness-config-consumer-v1"


@attrs.frozen
class Classified:
    """A request's FlowSchema and PriorityLevelConfiguration, and what tells its flow from others of the schema."""

    schema: Any
    level: Any
    flow: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the answer says of it."""
        return (
            ("X-Kubernetes-PF-FlowSchema-UID", self.schema.metadata.uid or ""),
            ("X-Kubernetes-PF-PriorityLevel-UID", self.level.metadata.uid or ""),
        )


def classified(store: Reads, user: User, target: Target) -> Classified | None:
    """Say where a request belongs; None if nothing is stored that says so."""
    table = store.table(SCHEMAS)
    for schema in _ordered(Same(table)) if table else ():
        if any(_fits(rule, user, target) for rule in schema.spec.rules or ()):
            level = store.get(LEVELS, schema.spec.priority_level_configuration.name or "")
            if level is not None:
                return Classified(schema, level, _flow(schema, user, target))
    return None


@lru_cache(maxsize=64)
def _ordered(same: Same) -> tuple[Any, ...]:
    """Give FlowSchemas in the order in which they are asked."""
    return tuple(sorted(same.value.values(), key=lambda each: (each.spec.matching_precedence or 0, each.metadata.name)))


def _flow(schema: Any, user: User, target: Target) -> str:
    method = schema.spec.distinguisher_method
    if method is None:
        return ""
    return user.name if method.type == "ByUser" else target.namespace


def _fits(rule: Any, user: User, target: Target) -> bool:
    if not any(_is(subject, user) for subject in rule.subjects or ()):
        return False
    if target.is_resource:
        return any(_covers(each, target) for each in rule.resource_rules or ())
    return any(_reaches(each, target) for each in rule.non_resource_rules or ())


def _is(subject: Any, user: User) -> bool:
    if subject.kind == "User":
        return bool(subject.user) and subject.user.name in ("*", user.name)
    if subject.kind == "Group":
        return bool(subject.group) and (subject.group.name == "*" or subject.group.name in user.groups)
    account = subject.service_account
    if account is None or not user.name.startswith(_ACCOUNT):
        return False
    namespace, _, name = user.name.removeprefix(_ACCOUNT).partition(":")
    return bool(namespace == account.namespace and account.name in ("*", name))


def _covers(rule: Any, target: Target) -> bool:
    resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
    if not (_has(rule.verbs, target.verb) and _has(rule.api_groups, target.group) and _has(rule.resources, resource)):
        return False
    namespace = target.namespace or (target.name if target.plural == "namespaces" and not target.group else "")
    return _has(rule.namespaces, namespace) if namespace else bool(rule.cluster_scope)


def _reaches(rule: Any, target: Target) -> bool:
    if not _has(rule.verbs, target.verb):
        return False
    return any(
        url in ("*", target.path) or (url.endswith("/*") and target.path.startswith(url[:-1]))
        for url in rule.non_resource_urls or ()
    )


def _has(among: tuple[str, ...] | None, word: str) -> bool:
    return among is not None and ("*" in among or word in among)


def marking(way: Callable[[Ask], Plan]) -> Callable[[Ask], Plan]:
    """Give what plans the creation of a FlowSchema as *way* does; then the server says whether its level is there."""

    def plan(ask: Ask) -> Plan:
        planned = way(ask)
        return replace(planned, follows=(_marked(ask, planned),)) if isinstance(planned, Planned) else planned

    return plan


def _marked(ask: Ask, planned: Planned) -> Request:
    schema = planned.txn.operations[0].value  # type: ignore[union-attr]  # a creation puts it
    level = schema.spec.priority_level_configuration.name or ""
    there = ask.store.get(LEVELS, level) is not None
    said = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    condition = {
        "type": "Dangling",
        "status": "False" if there else "True",
        "lastTransitionTime": Time.at(ask.now).text,
        "reason": "Found" if there else "NotFound",
        "message": f"{said} and it exists" if there else f"{said} but there is no such object",
    }
    return Request(
        verb="patch",
        resource=SCHEMAS,
        name=planned.key,
        subresource="status",
        patch_type="apply",
        force=True,
        body=freeze(
            {
                "apiVersion": ask.resource.api_version,
                "kind": ask.resource.kind,
                "metadata": {"name": planned.key},
                "status": {"conditions": [condition]},
            }
        ),
        field_manager=_MANAGER,
    )
