"""
Definitions: what a CustomResourceDefinition says of the resource that it defines.

Takes:    CustomResourceDefinitions.
Gives:    Resources, as discovery shows them.
Source:   https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/custom-resources/
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from reconcile.api import apiextensions_v1
from reconcile.api.kinds import CUSTOM, Resource

DEFINITIONS: Final = "customresourcedefinitions.apiextensions.k8s.io"
VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_KUBE_VERSION: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")

Definition = apiextensions_v1.CustomResourceDefinition
Version = apiextensions_v1.CustomResourceDefinitionVersion


def key_of(crd: Definition) -> str:
    """Give the key of the resource that is defined: `things.example.com`."""
    return f"{crd.spec.names.plural}.{crd.spec.group}"


def is_true(conditions: Any, kind: str) -> bool:
    """Tell whether a condition of a definition is True."""
    return any(each.type == kind and each.status == "True" for each in conditions or ())


def is_established(crd: Definition) -> bool:
    """Tell whether the API serves what is defined."""
    return crd.status is not None and is_true(crd.status.conditions, "Established")


def versions_of(crd: Definition) -> tuple[Version, ...]:
    """Give the versions in the order in which clients prefer them: v2, v1, v1beta1, v1alpha1, then by name."""
    return tuple(sorted(crd.spec.versions, key=_preference))


def storage_of(crd: Definition) -> str:
    """Give the name of the version in which objects are stored."""
    return next((version.name for version in crd.spec.versions if version.storage), "")


def resource_of(crd: Definition, version: Version) -> Resource:
    """Give the resource of one version, under its accepted names if there are some."""
    accepted = crd.status.accepted_names if crd.status is not None else None
    names = accepted if accepted is not None and accepted.plural else crd.spec.names
    parts = version.subresources
    status = parts is not None and parts.status is not None
    scale = parts is not None and parts.scale is not None
    return Resource(
        group=crd.spec.group,
        version=version.name,
        plural=names.plural,
        singular=names.singular or names.kind.lower(),
        short_names=names.short_names or (),
        kind=names.kind,
        namespaced=crd.spec.scope == "Namespaced",
        subresources=(*(("status",) if status else ()), *(("scale",) if scale else ())),
        verbs=VERBS,
        categories=names.categories or (),
        module=CUSTOM,
        storage_version=storage_of(crd),
        list_kind=names.list_kind or f"{names.kind}List",
    )


def resources_of(crd: Definition) -> tuple[Resource, ...]:
    """Give the resource of every version that is served."""
    return tuple([resource_of(crd, version) for version in versions_of(crd) if version.served])


def resource_for(crds: Iterable[Definition], api_version: str, kind: str) -> Resource | None:
    """Give the resource among definitions whose objects have this apiVersion and kind, if there is one."""
    for crd in crds:
        if api_version.partition("/")[0] == crd.spec.group and crd.spec.names.kind == kind:
            for found in resources_of(crd):
                if found.api_version == api_version:
                    return found
    return None


def _preference(version: Version) -> tuple[Any, ...]:
    # Source: apimachinery's CompareKubeAwareVersionStrings.
    found = _KUBE_VERSION.fullmatch(version.name)
    if not found:
        return 1, 0, 0, 0, version.name
    stability = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return 0, stability, -int(found[1]), -int(found[3] or 0), ""
