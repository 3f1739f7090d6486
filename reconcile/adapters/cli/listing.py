"""Tables of a cluster's objects, as `kubectl get` prints them, one below the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from reconcile.api.kinds import all_resources, resource, resource_named
from reconcile.cluster import Cluster
from reconcile.driver.mapping import established
from reconcile.lib.errors import ReconcileError
from reconcile.model.definitions import key_of, versions_of
from reconcile.model.printing import table
from reconcile.model.printing.custom import shape_with
from reconcile.model.printing.shape import Shape

_MOST: Final = 50
_FIRST: Final = (
    *("nodes", "namespaces", "deployments.apps", "replicasets.apps", "replicationcontrollers"),
    *("statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "pods", "services", "endpoints"),
)
_LEFT_OUT: Final = ("events", "leases.coordination.k8s.io", "endpointslices.discovery.k8s.io")
_OWN: Final = ("kube-system", "kube-public", "kube-node-lease")
_MADE_FOR_EACH: Final = ("kube-root-ca.crt", "default", "kubernetes")  # in namespaces, without being asked for


def print_tables(
    cluster: Cluster, wanted: Callable[[str, Any], bool], *, most: int = _MOST, keys: Iterable[str] = ()
) -> None:
    """
    Print every object that is *wanted*, a table for each resource that has any.

    Args:
        cluster: where they are.
        wanted: tells of (resource, object) whether it is.
        most: how many rows a table has at most.
        keys: of these resources only; none: of all.
    """
    found = [(key, [obj for obj in cluster.store.table(key).values() if wanted(key, obj)]) for key in ordered(cluster)]
    found = [(key, objects) for key, objects in found if objects and (not keys or key in keys)]
    spaces = {obj.metadata.namespace for _, objects in found for obj in objects if obj.metadata.namespace}
    shapes = custom_shapes(cluster)
    for key, objects in found:
        namespaced = len(spaces) > 1 and bool(objects[0].metadata.namespace)
        click.echo(
            table(key, objects[:most], cluster.now, namespaced=namespaced, typed=len(found) > 1, shape=shapes.get(key))
        )
        if len(objects) > most:
            click.echo(f"... and {len(objects) - most} more")
        click.echo()


def custom_shapes(cluster: Cluster) -> dict[str, Shape]:
    """Say how objects of each custom resource are shown: by the columns that its preferred version adds."""
    shapes = {}
    for crd in established(cluster.store):
        version = next(iter([each for each in versions_of(crd) if each.served]), None)
        if version is not None:
            shapes[key_of(crd)] = shape_with(version.additional_printer_columns or ())
    return shapes


def ordered(cluster: Cluster) -> tuple[str, ...]:
    """Give the keys of all resources that ever had an object, in the order of their tables."""
    there = cluster.store.tables
    return (*[key for key in _FIRST if key in there], *[key for key in there if key not in _FIRST])


def of_users(namespace: str | None, *, all_namespaces: bool) -> Callable[[str, Any], bool]:
    """Tell of objects whether a user is likely to have brought them about; all of them with *all_namespaces*."""

    def wanted(key: str, obj: Any) -> bool:
        space = obj.metadata.namespace or ""
        if namespace is not None and space != namespace:
            return False
        if key in _LEFT_OUT:
            return False
        if all_namespaces:
            return True
        if not space:
            return key in ("nodes", "namespaces")
        return space not in _OWN and obj.metadata.name not in _MADE_FOR_EACH

    return wanted


def of_applied(applied: Iterable[tuple[str, str]], cluster: Cluster) -> Callable[[str, Any], bool]:
    """Tell of objects whether they were applied, or belong to what was: the pods and replica sets, the endpoints."""
    keys = frozenset(applied)
    uids = {cluster.store.get(key, own).metadata.uid for key, own in keys if cluster.store.get(key, own) is not None}

    def wanted(key: str, obj: Any) -> bool:
        space, name = obj.metadata.namespace, obj.metadata.name
        if key == "nodes" or (key, f"{space}/{name}" if space else name) in keys:
            return True
        if key == "endpoints":
            return ("services", f"{space}/{name}") in keys
        if key in _LEFT_OUT:
            return False
        for owner in obj.metadata.owner_references or ():
            if owner.uid in uids:
                # What an applied object owns is looked at in the order of the tables: owners come first.
                uids.add(obj.metadata.uid)
                return True
        return False

    return wanted


def resource_keys(word: str) -> tuple[str, ...]:
    """Give the keys that *word* stands for: of one resource, or of a category of them such as `all`."""
    keys = tuple([found.key for found in all_resources() if word.lower() in found.categories])
    return keys or (resource_key(word),)


def resource_key(word: str) -> str:
    """Give the key that *word* stands for; a key that is none of Kubernetes' own is taken as it is."""
    try:
        return resource_named(word).key
    except ReconcileError:
        if "." not in word:
            raise
        return word


def is_namespaced(key: str) -> bool:
    """Tell whether objects of a resource are in namespaces; those of an unknown one are."""
    try:
        return resource(key).namespaced
    except ReconcileError:
        return True
