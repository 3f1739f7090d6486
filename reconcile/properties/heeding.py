"""
What is stored and nothing acts upon: what a cluster that has converged does not prove.

A cluster takes every object of the API, and every field of it. Where no component of it reads them yet, it comes to
rest without having done what they ask for; `unheeded` counts those, so that nobody takes rest for proof.

Takes:    a cluster.
Gives:    Unheeded values, in the order of the tables below.
Source:   docs/limits.md; what is acted upon by controllers is asked of the controllers themselves.
Left out: fields that alter only what the world outside Kubernetes does, such as a container's command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from reconcile.api.kinds import all_resources
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.components import controllers_among
from reconcile.components.controllers import STANDARD, keys_of_itself
from reconcile.model.measured import VERSIONS
from reconcile.model.requests import joined, split_key
from reconcile.model.stages import stages_of

_MIRROR: Final = "kubernetes.io/config.mirror"
_ADMISSION: Final = ".admissionregistration.k8s.io"
_BUILT_IN: Final = {resource.key: resource for resource in all_resources()}


@attrs.frozen
class Unheeded:
    """
    Objects that have something in common which nothing acts upon.

    Args:
        what: what they are: a kind, or a word for several; in the plural if there are several.
        count: how many there are.
        first: the resource and the key of the first of them.
        why: what does not happen.
    """

    what: str
    count: int
    first: tuple[str, str]
    why: str

    def __str__(self) -> str:
        space, name = split_key(self.first[1])
        place = f"{name} in {space}" if space else name
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.count} {self.what} ({place}{more}): {self.why}"


@attrs.frozen
class _Kinds:
    """
    Resources whose objects nothing acts upon, unless a controller reconciles them; *what* is a word for one of them and
    one for several, () for that of the one resource; *unless* is the topology's switch with which they are acted upon.
    """

    resources: tuple[str, ...]
    why: str
    what: tuple[str, ...] = ()
    unless: str = ""


@attrs.frozen
class _Field:
    """Something that an object of a resource may ask for, which nothing acts upon; *asks* tells whether it does."""

    resource: str
    asks: Callable[[Any, Cluster], bool]
    why: str


def unheeded(cluster: Cluster) -> tuple[Unheeded, ...]:
    """
    Give what the store holds and nothing acts upon, counted; () if there is nothing of that kind.

    It costs a look at every pod, service and set of endpoints: ask it once, at the end. Static pods are left out.
    """
    return (*_kinds(cluster), *_custom(cluster), *_fields(cluster))


def acted_upon(cluster: Cluster) -> frozenset[str]:
    """
    Give the resources whose objects some controller reconciles.

    Of Kubernetes' own controllers, that is what they have in their queues by itself; of the user's, all that they
    watch; and what stages play.
    """
    own = [source.resource for each in STANDARD for source in each.sources if source.keys is keys_of_itself]
    watched = [source.resource for each in controllers_among(cluster.controllers) for source in each.sources]
    return frozenset([*own, *watched, *_played(cluster)])


def _played(cluster: Cluster) -> Iterator[str]:
    stages = stages_of(cluster.topology.stages)
    yield from stages.by_resource
    for resource, table in cluster.store.tables.items() if stages.custom else ():
        if table and resource not in _BUILT_IN:
            kind = next(iter(table.values())).kind
            if f"{kind}.{resource.partition('.')[2]}" in stages.custom:
                yield resource


def _kinds(cluster: Cluster) -> Iterator[Unheeded]:
    acted = acted_upon(cluster)
    for row in _UNHEEDED_KINDS:
        if row.unless and getattr(cluster.topology, row.unless):
            continue
        keys = [
            (resource, key)
            for resource in row.resources
            if resource not in acted
            for key in cluster.store.table(resource)
        ]
        if keys:
            one, several = row.what or _words(row.resources[0])
            yield Unheeded(one if len(keys) == 1 else several, len(keys), keys[0], row.why)


def _custom(cluster: Cluster) -> Iterator[Unheeded]:
    acted = acted_upon(cluster)
    for resource in sorted(cluster.store.tables):
        table = cluster.store.table(resource)
        if table and resource not in _BUILT_IN and resource not in acted:
            yield Unheeded(f"custom {resource}", len(table), (resource, table.keys()[0]), "no controller is there")


def _fields(cluster: Cluster) -> Iterator[Unheeded]:
    found: dict[_Field, list[str]] = {}
    for resource, rows in _BY_RESOURCE.items():
        for key, obj in cluster.store.table(resource).items():
            if _MIRROR in (obj.metadata.annotations or ()):
                continue
            for row in rows:
                if row.asks(obj, cluster):
                    found.setdefault(row, []).append(key)
    for row in _UNHEEDED_FIELDS:
        if row in found:
            keys = found[row]
            one, several = _words(row.resource)
            what = one if len(keys) == 1 else several
            yield Unheeded(what, len(keys), (row.resource, min(keys)), row.why)


def _words(resource: str) -> tuple[str, str]:
    """Give a resource's kind, for one object and for several: NetworkPolicy, NetworkPolicies."""
    kind, plural = _BUILT_IN[resource].kind, _BUILT_IN[resource].plural
    alike = plural.startswith(kind.lower())
    return kind, kind + plural[len(kind) :] if alike else f"{kind[:-1]}ies"


# Fields ---------------------------------------------------------------------------------------------------------------


def _no_account(pod: Any, cluster: Cluster) -> bool:
    name = pod.spec.service_account_name
    return name not in (None, "", "default") and _missing(cluster, "serviceaccounts", pod, name)


def _missing(cluster: Cluster, resource: str, pod: Any, name: str) -> bool:
    return cluster.store.get(resource, joined(pod.metadata.namespace, name)) is None


def _load_balancer(service: Any, cluster: Cluster) -> bool:
    if cluster.topology.cloud is not None and not service.spec.load_balancer_class:
        return False
    return service.spec.type == "LoadBalancer" and not (service.status and service.status.load_balancer.ingress)


def _six(service: Any, _: Cluster) -> bool:
    return "IPv6" in (service.spec.ip_families or ())


def _not_passed_on(service: Any, cluster: Cluster) -> bool:
    """Tell whether nobody answers for an APIService: what is measured is answered for if the topology says so."""
    group = service.spec.group if service.spec is not None else ""
    return not (cluster.topology.metrics and group in VERSIONS)


# The tables: what is built leaves them --------------------------------------------------------------------------------

_UNHEEDED_KINDS: Final = (
    _Kinds(("ingresses.networking.k8s.io",), "there is no ingress controller"),
    _Kinds(("networkpolicies.networking.k8s.io",), "no packet is held back"),
    _Kinds(
        (f"mutatingwebhookconfigurations{_ADMISSION}", f"validatingwebhookconfigurations{_ADMISSION}"),
        "no webhook is called",
        what=("webhook configuration", "webhook configurations"),
        unless="webhooks",
    ),
    _Kinds(
        ("flowschemas.flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"),
        "no request waits its turn",
        what=("object of API priority and fairness", "objects of API priority and fairness"),
        unless="managed_fields",
    ),
)
"""Kinds for which Kubernetes, or what is usually installed with it, has something that acts; here nothing does."""

_UNHEEDED_FIELDS: Final = (
    _Field("pods", _no_account, "the ServiceAccount is not there; admitted all the same"),
    _Field("services", _load_balancer, "no cloud gives an address"),
    _Field("services", _six, "IPv6 is not proxied"),
    _Field("apiservices.apiregistration.k8s.io", _not_passed_on, "no request is passed on"),
)
"""What objects may ask for without anything here acting upon it."""

_BY_RESOURCE: Final = {
    resource: tuple([row for row in _UNHEEDED_FIELDS if row.resource == resource])
    for resource in dict.fromkeys([row.resource for row in _UNHEEDED_FIELDS])
}
