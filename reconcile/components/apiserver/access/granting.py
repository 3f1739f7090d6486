"""
Granting: nobody gives away rights that they do not hold, and roles that gather others' rules follow them.

Upstream's controller brings an aggregated role up to date a moment after the roles that it gathers from. Here the
write that changes one of these does it, in the same transaction: at no moment is there a role that lags.

Takes:    a role or a binding that is about to be written; what a write of a cluster role comes to.
Gives:    a refusal; the write, and with it those of the roles that follow.
Source:   RBAC's policy based storage, its escalation check, and the cluster role aggregation controller.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api.rbac_v1 import ClusterRole, PolicyRule
from reconcile.components.apiserver.access import rbac
from reconcile.components.apiserver.access.rbac import Policy, policy_of
from reconcile.components.apiserver.access.rules import Asked, Rules, described, quoted, uncovered
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import selectors, statuses
from reconcile.store import Compare, Delete, Put

_MASTERS: Final = "system:masters"
_EVERYTHING: Final = (
    PolicyRule(verbs=("*",), api_groups=("*",), resources=("*",)),
    PolicyRule(verbs=("*",), non_resource_urls=("*",)),
)
_MUST: Final = "must have cluster-admin privileges to use the aggregationRule"


def admit(ask: Ask, obj: Any, old: Any = None) -> Any:
    """Give a role or binding back that may be written; refuse with 403 one that gives more than its author holds."""
    if _MASTERS in ask.user.groups or (old is not None and _keeps_its_content(obj, old)):
        return obj
    policy = policy_of(ask.store)
    if ask.request.resource in (rbac.ROLES, rbac.CLUSTER_ROLES):
        _admit_role(ask, policy, obj, old)
    else:
        _admit_binding(ask, policy, obj)
    return obj


def _keeps_its_content(obj: Any, old: Any) -> bool:
    """Tell whether a write changes only what the garbage collector does: finalizers and owners."""
    before, after = old.metadata, obj.metadata
    kept = replace(
        after,
        owner_references=before.owner_references,
        finalizers=before.finalizers,
        managed_fields=before.managed_fields,
    )
    return bool(replace(obj, metadata=before) == old and kept == before)


def _admit_role(ask: Ask, policy: Policy, role: Any, old: Any) -> None:
    user, request = ask.user, ask.request
    plural = request.resource.partition(".")[0]
    asked = Asked(verb="escalate", group=rbac.GROUP, resource=plural, name=request.name)
    if rbac.allowed(policy, user.name, user.groups, request.namespace, asked):
        return
    _confirm(ask, policy, role, role.rules or ())
    if _gathers(role) or (old is not None and _gathers(old)):
        held = rbac.rules_of(policy, user.name, user.groups, "")[0]
        if uncovered(held, _EVERYTHING):
            raise Refusal(statuses.forbidden(request.resource, role.metadata.name or "", _MUST))


def _admit_binding(ask: Ask, policy: Policy, binding: Any) -> None:
    user, namespace, reference = ask.user, ask.request.namespace, binding.role_ref
    plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(reference.kind)
    if plural is not None:
        asked = Asked(verb="bind", group=reference.api_group or rbac.GROUP, resource=plural, name=reference.name)
        if rbac.allowed(policy, user.name, user.groups, namespace, asked):
            return
    role = rbac.role_of(policy, reference, namespace)
    if role is None and plural is not None:
        raise Refusal(statuses.not_found(ask.request.resource, reference.name))
    if role is None:
        raise Refusal(statuses.unexpected(rbac.missing(reference)))
    _confirm(ask, policy, binding, role.rules or ())


def _confirm(ask: Ask, policy: Policy, obj: Any, rules: Rules) -> None:
    """Refuse what would give somebody of *rules* more than who asks holds."""
    user, request = ask.user, ask.request
    held, wrong = rbac.rules_of(policy, user.name, user.groups, request.namespace)
    more = uncovered(held, rules)
    if not more:
        return
    who = f"user {quoted([user.name])[1:-1]} (groups={quoted(user.groups)})"
    said = f"{who} is attempting to grant RBAC permissions not currently held:\n{described(more)}"
    if wrong:
        said += f"; resolution errors: [{' '.join(wrong)}]"
    raise Refusal(statuses.forbidden(request.resource, obj.metadata.name or "", said))


# Aggregation ----------------------------------------------------------------------------------------------------------


def aggregating(way: Callable[[Ask], Plan]) -> Callable[[Ask], Plan]:
    """Give what plans a write of cluster roles as *way* does, and with it those of the roles that gather from them."""

    def plan(ask: Ask) -> Plan:
        planned = way(ask)
        return _with_aggregated(ask, planned) if isinstance(planned, Planned) else planned

    return plan


def _with_aggregated(ask: Ask, planned: Planned) -> Planned:
    txn = planned.txn
    stored: Table[str, Any] = ask.store.table(rbac.CLUSTER_ROLES)
    table, written = stored, {operation.key for operation in txn.operations}
    for operation in txn.operations:
        gone = isinstance(operation, Delete)
        table = table.remove(operation.key) if gone else table.set(operation.key, operation.value)  # type: ignore[union-attr]
    followed = _followed(table)
    if not followed:
        return planned
    operations = [
        Put(each.resource, each.key, followed.pop(each.key)) if each.key in followed else each
        for each in txn.operations
    ]
    compares = [Compare(rbac.CLUSTER_ROLES, key, int(stored[key].metadata.resource_version)) for key in followed]
    operations += [Put(rbac.CLUSTER_ROLES, key, role) for key, role in followed.items() if key not in written]
    more = replace(txn, compares=(*txn.compares, *compares), operations=tuple(operations))
    return replace(planned, txn=more)


def _followed(table: Table[str, Any]) -> dict[str, ClusterRole]:
    """Give every role of *table* that gathers rules and has not those that it should have, as it should be."""
    changed: dict[str, ClusterRole] = {}
    gathering = [key for key, role in table.items() if _gathers(role)]
    for _ in gathering:  # one may gather from another, so as often as there are some
        before = table
        for key in gathering:
            role = table[key]
            rules = _gathered(table, role)
            if rules != (role.rules or ()):
                changed[key] = replace(role, rules=rules or None)
                table = table.set(key, changed[key])
        if table is before:
            break
    return changed


def _gathered(table: Table[str, Any], role: ClusterRole) -> Rules:
    assert role.aggregation_rule is not None, "it gathers"
    rules: dict[PolicyRule, None] = {}
    for selector in role.aggregation_rule.cluster_role_selectors or ():
        for other in table.values():
            if other is not role and selectors.matches(selector, other.metadata.labels):
                rules |= dict.fromkeys(other.rules or ())
    return tuple(rules)


def _gathers(role: Any) -> bool:
    rule = getattr(role, "aggregation_rule", None)
    return rule is not None and bool(rule.cluster_role_selectors)
