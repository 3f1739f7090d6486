"""
What a server serves beside the built-in resources: what the CustomResourceDefinitions of its store establish.

A pure function of their table, remembered by the table itself: a cluster without definitions pays one look.

Takes:    the store.
Gives:    Served: definitions by the resource's key, and the resources of every version.
Source:   apiextensions-apiserver: the custom resource handler, and its discovery.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

import attrs

from reconcile.api import apiextensions_v1, convert
from reconcile.api.kinds import CUSTOM, Resource
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.registry.structural.rules import has_rules
from reconcile.model.fields.schemas import shape_of_schema
from reconcile.model.fields.shapes import Shape
from reconcile.store import Reads

DEFINITIONS: Final = "customresourcedefinitions.apiextensions.k8s.io"
VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_KUBE_VERSION: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


@attrs.frozen(eq=False)
class Version:
    """
    One version of a custom resource.

    Args:
        resource: as discovery shows it.
        served: whether the API has it.
        schema: of its objects, as plain JSON data; empty if there is none.
        status: whether the status is apart.
        scale: the paths of its Scale: replicas wanted, replicas there, selector; None if it has none.
        selectable: the paths by which its objects are selected.
        columns: additionalPrinterColumns.
        warning: of a deprecated version; empty if it is none.
    """

    resource: Resource
    served: bool
    schema: Mapping[str, Any]
    status: bool
    scale: tuple[str, str, str] | None
    selectable: tuple[str, ...]
    columns: tuple[apiextensions_v1.CustomResourceColumnDefinition, ...]
    warning: str

    @cached_property
    def shape(self) -> Shape:
        """How its objects are owned and merged."""
        return shape_of_schema(self.schema)

    @cached_property
    def has_rules(self) -> bool:
        """Whether its schema has x-kubernetes-validations."""
        return has_rules(self.schema)


@attrs.frozen(eq=False)
class Definition:
    """
    One custom resource, established.

    Args:
        key: of the resource: `things.example.com`.
        versions: by name, the served ones first, in the order of preference.
        storage: the name of the version in which objects are stored.
        is_converted: whether a webhook would have to convert between its versions.
        is_ending: whether the definition is being deleted: nothing new is created then.
    """

    key: str
    versions: Mapping[str, Version]
    storage: str
    is_converted: bool
    is_ending: bool

    def version(self, name: str) -> Version:
        """Give a version by its name; the one that objects are stored in if the name is empty."""
        return self.versions[name or self.storage]


@attrs.frozen(eq=False)
class Served:
    """What definitions establish: by the resource's key, and every served version's resource."""

    definitions: Mapping[str, Definition]
    resources: tuple[Resource, ...]


NOTHING: Final = Served({}, ())


def served(store: Reads) -> Served:
    """Give what the definitions in *store* establish."""
    table = store.table(DEFINITIONS)
    return _served(Same(table)) if table else NOTHING


def definition(store: Reads, key: str) -> Definition | None:
    """Give the definition of a resource, if it is established."""
    return served(store).definitions.get(key)


@lru_cache(maxsize=64)
def _served(same: Same) -> Served:
    found = [_definition(Same(crd)) for crd in same.value.values()]
    definitions = {each.key: each for each in found if each is not None}
    resources = [
        version.resource for each in definitions.values() for version in each.versions.values() if version.served
    ]
    return Served(definitions, tuple(resources))


@lru_cache(maxsize=512)
def _definition(same: Same) -> Definition | None:
    crd: apiextensions_v1.CustomResourceDefinition = same.value
    status = crd.status
    if status is None or not is_true(status.conditions, "Established"):
        return None
    versions = {each.name: _version(crd, each) for each in sorted(crd.spec.versions, key=_preference)}
    storage = next((each.name for each in crd.spec.versions if each.storage), "")
    conversion = crd.spec.conversion
    return Definition(
        key=f"{crd.spec.names.plural}.{crd.spec.group}",
        versions=versions,
        storage=storage,
        is_converted=conversion is not None and conversion.strategy == "Webhook",
        is_ending=crd.metadata is not None and crd.metadata.deletion_timestamp is not None,
    )


def is_true(conditions: Any, kind: str) -> bool:
    """Tell whether a condition of a definition is True."""
    return any(each.type == kind and each.status == "True" for each in conditions or ())


def _preference(version: apiextensions_v1.CustomResourceDefinitionVersion) -> tuple[Any, ...]:
    # Source: apimachinery's CompareKubeAwareVersionStrings: v2, v1, v1beta2, v1beta1, v1alpha1, then by name.
    found = _KUBE_VERSION.fullmatch(version.name)
    if not found:
        return 1, 0, 0, 0, version.name
    stability = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return 0, stability, -int(found[1]), -int(found[3] or 0), ""


def _version(
    crd: apiextensions_v1.CustomResourceDefinition, version: apiextensions_v1.CustomResourceDefinitionVersion
) -> Version:
    group, accepted = crd.spec.group, crd.status.accepted_names if crd.status is not None else None
    names = accepted or crd.spec.names
    parts = version.subresources
    scale = parts.scale if parts is not None else None
    status = parts is not None and parts.status is not None
    resource = Resource(
        group=group,
        version=version.name,
        plural=names.plural,
        singular=names.singular or "",
        short_names=names.short_names or (),
        kind=names.kind,
        namespaced=crd.spec.scope == "Namespaced",
        subresources=(*(("status",) if status else ()), *(("scale",) if scale is not None else ())),
        verbs=VERBS,
        categories=names.categories or (),
        module=CUSTOM,
        storage_version=next((each.name for each in crd.spec.versions if each.storage), ""),
        list_kind=names.list_kind or "",
    )
    schema = version.schema.open_api_v3_schema if version.schema is not None else None
    said = version.deprecation_warning or f"{group}/{version.name} {names.kind} is deprecated"
    return Version(
        resource=resource,
        served=bool(version.served),
        schema={} if schema is None else convert.dump(schema),
        status=status,
        scale=None
        if scale is None
        else (scale.spec_replicas_path, scale.status_replicas_path, scale.label_selector_path or ""),
        selectable=tuple([each.json_path for each in version.selectable_fields or ()]),
        columns=version.additional_printer_columns or (),
        warning=said if version.deprecated else "",
    )
