"""
RBAC: what the stored roles and bindings let somebody do.

Rights change seldom and are asked for with every request. So what somebody may do is found once for each state of the
four tables, and remembered under them: `policy_of` gives the same Policy as long as none of them changes.

Takes:    the tables of roles and bindings; who asks for what.
Gives:    whether it is allowed, the rules that apply, and the roles that bindings name in vain.
Source:   RBAC's authorizer and rule resolver.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from reconcile.api.rbac_v1 import PolicyRule, RoleRef, Subject
from reconcile.components.apiserver.access.rules import Asked, Rules, allows
from reconcile.components.apiserver.memo import Same
from reconcile.lib.table import Table
from reconcile.store import OpenStore, Reads

GROUP: Final = "rbac.authorization.k8s.io"
ROLES: Final = f"roles.{GROUP}"
BINDINGS: Final = f"rolebindings.{GROUP}"
CLUSTER_ROLES: Final = f"clusterroles.{GROUP}"
CLUSTER_BINDINGS: Final = f"clusterrolebindings.{GROUP}"

ACCOUNT_PREFIX: Final = "system:serviceaccount:"


class Policy:
    """The stored roles and bindings at one moment; equal to itself alone, so that it costs nothing as a key."""

    __slots__ = ("bindings", "cluster_bindings", "cluster_roles", "roles")

    def __init__(self, roles: Any, bindings: Any, cluster_roles: Any, cluster_bindings: Any) -> None:
        self.roles: Table[str, Any] = roles
        self.bindings: Table[str, Any] = bindings
        self.cluster_roles: Table[str, Any] = cluster_roles
        self.cluster_bindings: Table[str, Any] = cluster_bindings


def policy_of(store: Reads) -> Policy:
    """Give the policy that is stored."""
    known: Policy | None = store.rights
    if known is None:
        tables = [store.table(name) for name in (ROLES, BINDINGS, CLUSTER_ROLES, CLUSTER_BINDINGS)]
        known = _policy(*map(Same, tables))
        if isinstance(store, OpenStore):
            store.rights = known
    return known


@lru_cache(maxsize=64)
def _policy(roles: Same, bindings: Same, cluster_roles: Same, cluster_bindings: Same) -> Policy:
    return Policy(roles.value, bindings.value, cluster_roles.value, cluster_bindings.value)


def allowed(policy: Policy, name: str, groups: tuple[str, ...], namespace: str, asked: Asked) -> bool:
    """Tell whether somebody may do what is asked in *namespace*; empty for objects of no namespace, or of all."""
    return any(allows(rule, asked) for rule in rules_of(policy, name, groups, namespace)[0])


def why(policy: Policy, name: str, groups: tuple[str, ...], namespace: str, asked: Asked) -> str:
    """Say by which binding somebody may do what is asked, in upstream's words; empty if by none."""
    spaces: list[tuple[str, Iterable[Any]]] = [("", policy.cluster_bindings.values())]
    spaces += [(namespace, policy.bindings.under("namespace", namespace))] if namespace else []
    for space, bindings in spaces:
        for binding in bindings:
            subject = next((each for each in binding.subjects or () if _is(name, groups, each, space)), None)
            role = None if subject is None else role_of(policy, binding.role_ref, space)
            if subject is None or role is None or not any(allows(rule, asked) for rule in role.rules or ()):
                continue
            bound = (
                f'RoleBinding "{binding.metadata.name}/{space}"'
                if space
                else f'ClusterRoleBinding "{binding.metadata.name}"'
            )
            where = f"/{subject.namespace or space}" if subject.kind == "ServiceAccount" else ""
            to = f'{subject.kind} "{subject.name}{where}"'
            return f'RBAC: allowed by {bound} of {binding.role_ref.kind} "{binding.role_ref.name}" to {to}'
    return ""


@lru_cache(maxsize=4096)
def rules_of(policy: Policy, name: str, groups: tuple[str, ...], namespace: str) -> tuple[Rules, tuple[str, ...]]:
    """Give every rule that applies to somebody in *namespace*, and what is wrong with the bindings that give none."""
    found: list[PolicyRule] = []
    wrong: list[str] = []
    # The bindings of a namespace come after those of the cluster.
    applying = [
        (binding.role_ref, "")
        for binding in policy.cluster_bindings.values()
        if any(_is(name, groups, subject, "") for subject in binding.subjects or ())
    ]
    applying += [
        (binding.role_ref, namespace)
        for binding in (policy.bindings.under("namespace", namespace) if namespace else ())
        if any(_is(name, groups, subject, namespace) for subject in binding.subjects or ())
    ]
    for reference, space in applying:
        role = role_of(policy, reference, space)
        if role is None:
            wrong.append(missing(reference))
        else:
            found += role.rules or ()
    return tuple(found), tuple(dict.fromkeys(wrong))


def role_of(policy: Policy, reference: RoleRef, namespace: str) -> Any:
    """Give the role that a binding in *namespace* refers to; None if there is none."""
    if reference.kind == "ClusterRole":
        return policy.cluster_roles.get(reference.name)
    return policy.roles.get(f"{namespace}/{reference.name}") if reference.kind == "Role" else None


def missing(reference: RoleRef) -> str:
    """Say that the role that a binding refers to is not there."""
    if reference.kind not in ("Role", "ClusterRole"):
        return f'unsupported role reference kind: "{reference.kind}"'
    return f'{reference.kind.lower()}.{GROUP} "{reference.name}" not found'


def _is(name: str, groups: tuple[str, ...], subject: Subject, namespace: str) -> bool:
    """Tell whether a subject of a binding in *namespace* is this somebody."""
    match subject.kind:
        case "User":
            return subject.name == name
        case "Group":
            return subject.name in groups
        case "ServiceAccount":
            space = subject.namespace or namespace
            return bool(space) and name == f"{ACCOUNT_PREFIX}{space}:{subject.name}"
        case _:
            return False
