"""
Bootstrap: the roles and bindings with which an etcd begins that was empty, and those of a user's own controllers.

They are the same for every cluster of one instant of power-on, so they are made once and shared: a boot costs nothing.

Takes:    the instant of power-on; for each controller of the user's own who it is and what it may do.
Gives:    a Store at revision 1.
Source:   RBAC's bootstrap policy, which an API server writes when it starts.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, Final

import attrs

from reconcile.api import convert, core_v1, golang, meta_v1
from reconcile.api.rbac_v1 import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from reconcile.api.scalars import Time
from reconcile.api.zeros import empty
from reconcile.components.apiserver.access import clusterroles, controllerroles, rbac
from reconcile.components.apiserver.access.rules import Rules
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import measured
from reconcile.model.fields import managers, sets
from reconcile.model.fields.managers import Write
from reconcile.model.fields.shapes import shape_of
from reconcile.model.requests import User, key_of
from reconcile.store import Store
from reconcile.store.indexes import indexes_of

_SYSTEM: Final = "kube-system"
_LABELS: Final = Map({"kubernetes.io/bootstrapping": "rbac-defaults"})
_ANNOTATIONS: Final = Map({"rbac.authorization.kubernetes.io/autoupdate": "true"})
_AGGREGATE: Final = "rbac.authorization.k8s.io/aggregate-to-"
_ADMIN: Final = "cluster-admin"


@quick
@attrs.frozen(weakref_slot=False)
class Grant:
    """
    Somebody who has rights from the beginning.

    Args:
        name: what the role and the binding are called.
        user: who.
        rules: what he may do; None for everything, as cluster-admin.
        bound: the rights are given here; otherwise by the bootstrap policy, and only the account is missing.
    """

    name: str
    user: User
    rules: Rules | None = None
    bound: bool = True


@lru_cache(maxsize=64)
def founded(
    start: Instant,
    grants: tuple[Grant, ...] = (),
    *,
    managed: bool = False,
    groups: tuple[str, ...] = (),
    gates: tuple[str, ...] = (),
) -> Store:
    """
    Give what is stored before anybody asks for anything: the access rules, as of the instant *start*.

    Args:
        start: when.
        grants: who else has rights from the beginning.
        managed: whether they have managed fields.
        groups: which APIs of metrics are registered.
        gates: the feature gates that are on, as far as they give rights.
    """
    rows = [*_bootstrap(gates), *[row for grant in grants for row in _granted(grant)]]
    stamp = Time.at(start)
    tables: dict[str, Table[str, Any]] = {}
    for resource, obj in rows:
        table = tables.get(resource)
        if table is None:
            table = Table(indexes_of(resource))
        owners = _owners(obj, stamp) if managed else None
        tables[resource] = table.set(key_of(obj), _stamped(resource, obj, stamp, owners))
    if groups:
        served = [measured.api_service(group, start) for group in groups]
        rows_of = [(key_of(each), _stamped(measured.API_SERVICES, each, stamp, None)) for each in served]
        tables[measured.API_SERVICES] = Table.of(rows_of, indexes_of(measured.API_SERVICES))
    return Store(revision=1, compacted=1, tables=Map(tables))


def _owners(obj: Any, stamp: Time) -> tuple[meta_v1.ManagedFieldsEntry, ...]:
    """Give who owns what of an object that the API server has written, and of a role that gathers others' rules."""
    cls, gathers = obj.__class__, getattr(obj, "aggregation_rule", None) is not None
    shape, version = shape_of(cls), f"{rbac.GROUP}/v1" if cls.__module__ == ClusterRole.__module__ else "v1"
    first = Write(shape=shape, version=version, manager="kube-apiserver", now=stamp.text)
    said = golang.written(replace(obj, rules=None) if gathers else obj)
    found = managers.updated(first, golang.written(empty(cls)), said, {}, created=True)
    if gathers:
        applied = ("clusterrole-aggregation-controller", "Apply", "", "")
        found[applied] = managers.Owned(sets.of(("f:rules",)), version, stamp.text)
    rows = managers.encoded(found)
    return tuple([convert.load(row, cls=meta_v1.ManagedFieldsEntry).object for row in rows])


def _stamped(resource: str, obj: Any, stamp: Time, owners: tuple[meta_v1.ManagedFieldsEntry, ...] | None) -> Any:
    metadata = attrs.evolve(
        obj.metadata,
        uid=Dice(0, f"bootstrap/{resource}/{key_of(obj)}").next_uuid(),
        resource_version="1",
        creation_timestamp=stamp,
        managed_fields=owners,
    )
    return attrs.evolve(obj, metadata=metadata)


@cache
def _bootstrap(gates: tuple[str, ...] = ()) -> tuple[tuple[str, Any], ...]:
    """Give the objects of the bootstrap policy, each with its resource, as they are while these *gates* are on."""
    own = _with_gated(controllerroles.CONTROLLER_ROLES, controllerroles.GATED, gates)
    rules = _with_gated(clusterroles.CLUSTER_ROLES, clusterroles.GATED, gates) | own
    for name in ("view", "edit", "admin"):  # each gathers from those before it
        gathered = [rule for source in clusterroles.AGGREGATED[name] for rule in rules[source]]
        rules[name] = tuple(dict.fromkeys(gathered))
    roles = [(rbac.CLUSTER_ROLES, _cluster_role(name, found)) for name, found in sorted(rules.items())]
    accounts = [f"{name}: account {name.rpartition(':')[2]}" for name in own]
    bindings = [
        (rbac.CLUSTER_BINDINGS, ClusterRoleBinding(metadata=_named(name), role_ref=_reference(name), subjects=subjects))
        for name, _, subjects in map(_bound, [*_lines(clusterroles.CLUSTER_BINDINGS), *accounts])
    ]
    placed = [(rbac.ROLES, _role(key, found)) for key, found in _parsed(clusterroles.ROLES)]
    return (*roles, *bindings, *placed, *[(rbac.BINDINGS, _binding(line)) for line in _lines(clusterroles.BINDINGS)])


def _with_gated(text: str, gated: Mapping[str, str], gates: tuple[str, ...]) -> dict[str, Rules]:
    """Give the roles of a text, with what those of these *gates* that are on give besides."""
    rules = dict(_parsed(text))
    for gate in gates:
        for name, more in _parsed(gated[gate]) if gate in gated else ():
            rules[name] = (*rules.get(name, ()), *more)
    return rules


def _granted(grant: Grant) -> Iterator[tuple[str, Any]]:
    """Give the objects that let somebody do what is granted, and the ServiceAccount if that is who it is."""
    subject = Subject(kind="User", name=grant.user.name, api_group=rbac.GROUP)
    if grant.user.name.startswith(rbac.ACCOUNT_PREFIX):
        namespace, _, name = grant.user.name[len(rbac.ACCOUNT_PREFIX) :].partition(":")
        yield "serviceaccounts", core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name=name, namespace=namespace))
        subject = Subject(kind="ServiceAccount", name=name, namespace=namespace)
    if not grant.bound:
        return
    metadata = meta_v1.ObjectMeta(name=grant.name)
    if grant.rules is not None:
        yield rbac.CLUSTER_ROLES, ClusterRole(metadata=metadata, rules=grant.rules)
    reference = _reference(_ADMIN if grant.rules is None else grant.name)
    yield rbac.CLUSTER_BINDINGS, ClusterRoleBinding(metadata=metadata, role_ref=reference, subjects=(subject,))


# What the policy's text says ------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[str]:
    """Give the lines of a text, one that is indented by four spaces with the one that it goes on with."""
    whole = ""
    for line in text.strip("\n").split("\n"):
        if line.startswith("    "):
            whole += f" {line.strip()}"
            continue
        if whole:
            yield whole
        whole = line
    yield whole


def _parsed(text: str) -> Iterator[tuple[str, Rules]]:
    """Give the name and the rules of each role of a text."""
    name, rules = "", []
    for line in _lines(text):
        if line.startswith("  "):
            rules.append(_rule(line))
            continue
        if name:
            yield name, tuple(rules)
        name, rules = line, []
    yield name, tuple(rules)


def _rule(line: str) -> PolicyRule:
    verbs, *rest = [tuple(part.split()) for part in line.split("|")]
    if len(rest) == 1:
        return PolicyRule(verbs=verbs, non_resource_urls=rest[0])
    groups = tuple(["" if group == "core" else group for group in rest[0]])
    return PolicyRule(verbs=verbs, api_groups=groups, resources=rest[1], resource_names=rest[2] if rest[2:] else None)


def _named(name: str, namespace: str | None = None, labels: Map[str] = _LABELS) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name=name, namespace=namespace, labels=labels, annotations=_ANNOTATIONS)


def _reference(name: str, kind: str = "ClusterRole") -> RoleRef:
    return RoleRef(api_group=rbac.GROUP, kind=kind, name=name)


def _cluster_role(name: str, rules: Rules) -> ClusterRole:
    labels = _LABELS
    for gathering, sources in clusterroles.AGGREGATED.items():
        if name in sources:
            labels = labels.set(f"{_AGGREGATE}{gathering}", "true")
    rule = None
    if name in clusterroles.AGGREGATED:
        selector = meta_v1.LabelSelector(match_labels=Map({f"{_AGGREGATE}{name}": "true"}))
        rule = AggregationRule(cluster_role_selectors=(selector,))
    return ClusterRole(metadata=_named(name, labels=labels), rules=rules, aggregation_rule=rule)


def _role(key: str, rules: Rules) -> Role:
    namespace, _, name = key.partition("/")
    return Role(metadata=_named(name, namespace), rules=rules)


def _binding(line: str) -> RoleBinding:
    key, role, subjects = _bound(line)
    namespace, _, name = key.partition("/")
    reference = _reference(role or name, "Role")
    return RoleBinding(metadata=_named(name, namespace), role_ref=reference, subjects=subjects)


def _bound(line: str) -> tuple[str, str, tuple[Subject, ...] | None]:
    """Read `name=role: kind name, kind name`: the binding, the role if it is called otherwise, and who has it."""
    head, _, rest = line.partition(": ") if ": " in line else (line.rstrip(":"), "", "")
    name, _, role = head.partition("=")
    subjects = tuple([_subject(*word.split()) for word in rest.split(", ") if word])
    return name, role, subjects or None


def _subject(kind: str, name: str) -> Subject:
    if kind == "account":
        return Subject(kind="ServiceAccount", name=name, namespace=_SYSTEM)
    return Subject(kind=kind.capitalize(), name=name, api_group=rbac.GROUP)
