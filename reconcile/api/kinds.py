"""
The registry of resources: what the API serves, under which names, as which class.

Asking is pure: the facts are data, and a module of classes is imported when
one of its classes is first asked for.

Source:   the discovery documents of a Kubernetes API server.
Left out: resources that custom resource definitions add: those are facts of
          one cluster, not of Kubernetes. They are values of the same class.
"""

import difflib
from functools import lru_cache
from importlib import import_module
from typing import Any

import attrs

from reconcile.api._resources import GATED, KINDS, KUBERNETES_VERSION, RESOURCES
from reconcile.lib.errors import ReconcileError
from reconcile.lib.quick import quick

__all__ = [
    "KINDS",
    "KUBERNETES_VERSION",
    "ListRule",
    "Resource",
    "all_resources",
    "class_for",
    "gated_resources",
    "is_built_in",
    "list_rules",
    "resource",
    "resource_for",
    "resource_named",
    "resource_of",
]


CUSTOM = "shapes"  # the module of the one class of all custom objects


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Resource:
    """
    One resource of one version of one API group.

    *group* is "" for the core group, *module* the module of its classes; *storage_version* is the version that objects
    are stored in, *list_kind* the kind of a list of them, where a definition says so, *gate* the feature gate without
    which it is not served.
    """

    group: str
    version: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    kind: str
    namespaced: bool
    subresources: tuple[str, ...]
    verbs: tuple[str, ...]
    categories: tuple[str, ...]
    module: str
    storage_version: str = ""
    list_kind: str = ""
    gate: str = ""

    @property
    def key(self) -> str:
        """The plural, and the group if it is not the core group: pods, deployments.apps."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """What objects of this resource have in the field of that name: v1, apps/v1."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def object_class(self) -> type:
        """The class of this resource's objects."""
        return _class_named(self.module, self.kind if self.module != CUSTOM else "CustomObject")

    @property
    def is_custom(self) -> bool:
        """Whether a CustomResourceDefinition defines it."""
        return self.module == CUSTOM

    @property
    def list_class(self) -> type | None:
        """The class of a list of this resource's objects, if it can be listed."""
        cls: type | None = getattr(import_module(f"reconcile.api.{self.module}"), f"{self.kind}List", None)
        return cls

    @property
    def path(self) -> str:
        """The head of this group version's request paths: /api/v1, /apis/apps/v1."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ListRule:
    """How a list or a map is merged: *type* is atomic, set, map or granular; texts are empty where nothing is said."""

    type: str
    map_keys: tuple[str, ...]
    patch_strategy: str
    patch_merge_key: str


@lru_cache(maxsize=1024)
def _class_named(module: str, kind: str) -> type:
    cls: type = getattr(import_module(f"reconcile.api.{module}"), kind)
    return cls


def all_resources() -> tuple[Resource, ...]:
    """
    Return every resource that is served by default, in the order in which a client that looks for a name prefers them.

    Two of them are one: horizontalpodautoscalers is served as autoscaling/v2
    and, less preferred, as autoscaling/v1, and each object can be read as
    either. Two others share a name and their objects: events of the core
    group and of events.k8s.io are the same stored objects in two shapes.
    """
    return _ALL


def gated_resources() -> tuple[Resource, ...]:
    """Return every resource that is served only while a feature gate is on, the preferred version first."""
    return _GATED


def resource(key: str) -> Resource:
    """
    Return the preferred version of the resource called *key*: pods, deployments.apps.

    The preferred version of horizontalpodautoscalers.autoscaling is v2;
    resource_for finds v1.

    Raises:
        ReconcileError: there is no such resource.
    """
    found = _BY_KEY.get(key)
    if found is None:
        raise ReconcileError(f"no such resource: {key!r}{_near(key, _BY_KEY)}")
    return found


def resource_for(api_version: str, kind: str) -> Resource:
    """
    Return the resource whose objects have this apiVersion and kind.

    Raises:
        ReconcileError: there is no such resource.
    """
    found = _BY_KIND.get((api_version, kind))
    if found is None:
        candidates = {f"{known} of {version}": 0 for version, known in _BY_KIND}
        near = _near(f"{kind} of {api_version}", candidates)
        raise ReconcileError(f"no such kind: {kind!r} of {api_version!r}{near}")
    return found


def class_for(api_version: str, kind: str) -> type | None:
    """
    Return the class of objects with this apiVersion and kind, resources or not: lists, Status, Scale; None if unknown.

    DeleteOptions and WatchEvent are the same class in every group version.
    """
    module = KINDS.get((api_version, kind))
    cls: type | None = None if module is None else getattr(import_module(f"reconcile.api.{module}"), kind)
    return cls


def is_built_in(group: str) -> bool:
    """Tell whether *group* is one of Kubernetes' own, in whichever version."""
    return group in _GROUPS


def resource_of(obj: Any) -> Resource:
    """
    Return the resource that an API object belongs to, by its class.

    Raises:
        ReconcileError: its class is no resource's.
    """
    cls = obj.__class__
    found = _BY_CLASS.get((cls.__module__.removeprefix("reconcile.api."), cls.__name__))
    if found is None:
        raise ReconcileError(f"{cls.__name__} is not the kind of a resource")
    return found


def resource_named(word: str) -> Resource:
    """
    Return the resource that kubectl would take *word* for.

    That is a plural, singular, short name or kind, whatever the case of its
    letters, which a group or a version and a group may follow: deploy,
    deployments.apps, deployments.v1.apps. Of several resources the first
    counts: events are the core group's.

    Raises:
        ReconcileError: there is no such resource.
    """
    found = _BY_WORD.get(word.lower())
    if found is None:
        raise ReconcileError(f"no such resource: {word!r}{_near(word.lower(), _BY_WORD)}")
    return found


@lru_cache(maxsize=1024)
def list_rules(cls: type) -> dict[str, ListRule]:
    """Return the merge rules of the lists and maps of an API class, by JSON name; do not change the answer."""
    from reconcile.api._rules import RULES  # noqa: PLC0415 -- a large table that few need

    rows = RULES.get(f"{cls.__module__.removeprefix('reconcile.api.')}.{cls.__name__}", {})
    return {
        name: ListRule(type=row[0], map_keys=row[1], patch_strategy=row[2], patch_merge_key=row[3])
        for name, row in rows.items()
    }


def _near(word: str, known: dict[Any, Any]) -> str:
    matches = difflib.get_close_matches(word, sorted(known), n=3)
    return f"; near: {', '.join(matches)}" if matches else ""


def _words(found: Resource) -> tuple[str, ...]:
    words: list[str] = []
    for name in (found.plural, found.singular, found.kind.lower(), *found.short_names):
        words += [name, f"{name}.{found.group}", f"{name}.{found.version}.{found.group}"]
        if not found.group:
            words.append(f"{name}.{found.version}")
    return tuple(word.rstrip(".") for word in words)


_COLUMNS = (
    "group",
    "version",
    "plural",
    "singular",
    "short_names",
    "kind",
    "namespaced",
    "subresources",
    "verbs",
    "categories",
    "module",
)


def _resource(row: Any, gate: str = "") -> Resource:
    return Resource(**dict(zip(_COLUMNS, row, strict=True)), gate=gate)


_ALL = tuple(_resource(row) for row in RESOURCES)
_GATED = tuple(_resource(row, gate) for row, gate in GATED)
_EVERY = (*_ALL, *_GATED)
# Of equal keys the first resource counts: the table is in order of preference.
_BY_KEY = {found.key: found for found in reversed(_EVERY)}
_BY_WORD = {word: found for found in reversed(_EVERY) for word in _words(found)}
_BY_KIND = {(found.api_version, found.kind): found for found in _EVERY}
_GROUPS = frozenset(found.group for found in _ALL)
_BY_CLASS = {(found.module, found.kind): found for found in _EVERY}
