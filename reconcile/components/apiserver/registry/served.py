"""
What a server serves beside the built-in resources: what the CustomResourceDefinitions of its store establish, what is
measured, by its APIServices, and what its feature gates and `--runtime-config` switch on.

A pure function of their table, remembered by the table itself: a cluster without definitions pays one look.

Takes:    the store.
Gives:    Served: definitions by the resource's key, and the resources of every version.
Source:   apiextensions-apiserver: the custom resource handler, and its discovery.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

import attrs

from reconcile.api import apiextensions_v1, convert, kinds
from reconcile.api.kinds import Resource
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.registry.structural.rules import has_rules
from reconcile.model import definitions, measured
from reconcile.model.definitions import DEFINITIONS
from reconcile.model.fields.schemas import shape_of_schema
from reconcile.model.fields.shapes import Shape
from reconcile.store import Reads


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
        conversion: how, as the definition says it; None if it says nothing.
        is_ending: whether the definition is being deleted: nothing new is created then.
    """

    key: str
    versions: Mapping[str, Version]
    storage: str
    is_converted: bool
    conversion: apiextensions_v1.CustomResourceConversion | None
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
    table, services = store.table(DEFINITIONS), store.table(measured.API_SERVICES)
    return _served(Same(table), Same(services)) if table or services else NOTHING


@lru_cache(maxsize=16)
def beyond(versions: tuple[str, ...]) -> tuple[Resource, ...]:
    """Give the resources of group versions that are not served by default."""
    return tuple([each for each in kinds.gated_resources() if each.api_version in versions])


def everything(versions: tuple[str, ...], store: Reads) -> tuple[Resource, ...]:
    """Give all that a server serves which serves these versions beyond the default, its groups' versions together."""
    own = served(store).resources
    return (*_with(versions), *own) if versions else (*kinds.all_resources(), *own)


@lru_cache(maxsize=16)
def _with(versions: tuple[str, ...]) -> tuple[Resource, ...]:
    more = beyond(versions)
    found: list[Resource] = []
    for each in kinds.all_resources():
        found.append(each)
        found += [other for other in more if other.group == each.group and _is_last(each)]
    return tuple(found)


def _is_last(resource: Resource) -> bool:
    return [each for each in kinds.all_resources() if each.group == resource.group][-1] is resource


def definition(store: Reads, key: str) -> Definition | None:
    """Give the definition of a resource, if it is established."""
    return served(store).definitions.get(key)


@lru_cache(maxsize=64)
def _served(same: Same, services: Same) -> Served:
    found = [_definition(Same(crd)) for crd in same.value.values()]
    definitions = {each.key: each for each in found if each is not None}
    resources = [
        version.resource for each in definitions.values() for version in each.versions.values() if version.served
    ]
    return Served(definitions, (*resources, *measured.resources(services.value)))


@lru_cache(maxsize=512)
def _definition(same: Same) -> Definition | None:
    crd: definitions.Definition = same.value
    if not definitions.is_established(crd):
        return None
    conversion = crd.spec.conversion
    return Definition(
        key=definitions.key_of(crd),
        versions={each.name: _version(crd, each) for each in definitions.versions_of(crd)},
        storage=definitions.storage_of(crd),
        is_converted=conversion is not None and conversion.strategy == "Webhook",
        conversion=conversion,
        is_ending=crd.metadata is not None and crd.metadata.deletion_timestamp is not None,
    )


def _version(crd: definitions.Definition, version: definitions.Version) -> Version:
    parts = version.subresources
    scale = parts.scale if parts is not None else None
    schema = version.schema.open_api_v3_schema if version.schema is not None else None
    resource = definitions.resource_of(crd, version)
    said = version.deprecation_warning or f"{resource.api_version} {resource.kind} is deprecated"
    return Version(
        resource=resource,
        served=bool(version.served),
        schema={} if schema is None else convert.dump(schema),
        status="status" in resource.subresources,
        scale=None
        if scale is None
        else (scale.spec_replicas_path, scale.status_replicas_path, scale.label_selector_path or ""),
        selectable=tuple([each.json_path for each in version.selectable_fields or ()]),
        columns=version.additional_printer_columns or (),
        warning=said if version.deprecated else "",
    )
