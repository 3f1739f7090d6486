"""Validation of what a container finds in its environment, and of what it may ask about itself."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.values import label, named, no_way_up, qualified, subdomain
from reconcile.model.text import names

_FIELDS: Final = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
# What can be asked of a pod at all.
_KNOWN: Final = frozenset(
    {*_FIELDS, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"}
)
_RESOURCES: Final = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE: Final = ("requests.hugepages-", "limits.hugepages-")
_UNITS: Final = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def environment_causes(field: str, container: Any) -> list[Cause]:
    """Say what is wrong with a container's variables and where they come from."""
    found: list[Cause] = []
    for place, variable in enumerate(container.env or ()):
        at = f"{field}.env[{place}]"
        if not variable.name:
            found.append(required(f"{at}.name"))
        else:
            found += named(f"{at}.name", variable.name, names.variable_faults(variable.name))
        if variable.value_from is not None:
            found += _source_causes(f"{at}.valueFrom", variable.value_from, variable.value or "")
    for place, source in enumerate(container.env_from or ()):
        found += _all_causes(f"{field}.envFrom", place, source)
    return found


def _source_causes(field: str, source: core_v1.EnvVarSource, value: str) -> list[Cause]:
    found: list[Cause] = []
    if source.field_ref is not None:
        found += field_causes(f"{field}.fieldRef", source.field_ref, _FIELDS)
    if source.resource_field_ref is not None:
        found += resource_causes(f"{field}.resourceFieldRef", source.resource_field_ref, of_volume=False)
    for name, key in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
        if key is not None:
            found += subdomain(f"{field}.{name}.name", key.name or "")
            found += _key_causes(f"{field}.{name}.key", key.key, names.key_faults)
    if source.file_key_ref is not None:
        found += _file_causes(f"{field}.fileKeyRef", source.file_key_ref)
    count = sum(
        part is not None
        for part in (
            source.field_ref,
            source.resource_field_ref,
            source.config_map_key_ref,
            source.secret_key_ref,
            source.file_key_ref,
        )
    )
    if not count:
        which = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        found.append(wrong(field, "", f"must specify one of: {which}"))
    elif value:
        found.append(wrong(field, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        found.append(wrong(field, "", "may not have more than one field specified at a time"))
    return found


def _key_causes(field: str, key: str, faults: Any) -> list[Cause]:
    return named(field, key, faults(key)) if key else [required(field)]


def _file_causes(field: str, reference: core_v1.FileKeySelector) -> list[Cause]:
    found = _key_causes(f"{field}.key", reference.key, names.variable_faults)
    volume, path = reference.volume_name, reference.path
    found += label(f"{field}.volumeName", volume) if volume else [required(f"{field}.volumeName")]
    return found + (no_way_up(f"{field}.path", path) if path else [required(f"{field}.path")])


def _all_causes(field: str, place: int, source: core_v1.EnvFromSource) -> list[Cause]:
    at = f"{field}[{place}]"
    found: list[Cause] = []
    if source.prefix:
        found += named(f"{at}.prefix", source.prefix, names.variable_faults(source.prefix))
    for name, whole in (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref)):
        if whole is not None:
            found += subdomain(f"{at}.{name}.name", whole.name) if whole.name else [required(f"{at}.{name}.name")]
    if source.config_map_ref is None and source.secret_ref is None:
        found.append(wrong(field, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif source.config_map_ref is not None and source.secret_ref is not None:
        found.append(wrong(field, "", "may not have more than one field specified at a time"))
    return found


def field_causes(field: str, reference: core_v1.ObjectFieldSelector, supported: tuple[str, ...]) -> list[Cause]:
    """Say what keeps a field of a pod from being one of those that are *supported*."""
    found: list[Cause] = []
    version, path = reference.api_version, reference.field_path
    if not version:
        return [required(f"{field}.apiVersion")]
    if not path:
        return [required(f"{field}.fieldPath")]
    base, key, fault = _taken_apart(version, path)
    if fault:
        return [wrong(f"{field}.fieldPath", path, f"error converting fieldPath: {fault}")]
    if key is None:
        if base not in supported:
            found.append(not_supported(f"{field}.fieldPath", base, supported))
    elif base == "metadata.annotations":
        found += qualified(field, key.lower())
    else:
        found += qualified(field, key)
    return found


def _taken_apart(version: str, path: str) -> tuple[str, str | None, str]:
    """Give the field, the key if one of its entries is meant, and what is wrong."""
    if version != "v1":
        return "", None, f"unsupported pod version: {version}"
    if path.endswith("']"):
        base, bracket, key = path[:-2].partition("['")
        if bracket and base:
            if base in ("metadata.annotations", "metadata.labels"):
                return base, key, ""
            return "", None, f"field label does not support subscript: {path}"
    if path == "spec.host":
        return "spec.nodeName", None, ""
    return (path, None, "") if path in _KNOWN else ("", None, f"field label not supported: {path}")


def resource_causes(field: str, reference: core_v1.ResourceFieldSelector, *, of_volume: bool) -> list[Cause]:
    """Say what is wrong with a reference to a container's resource, and to the unit it is counted in."""
    found: list[Cause] = []
    name = reference.resource
    if of_volume and not reference.container_name:
        found.append(required(f"{field}.containerName"))
    elif not name:
        found.append(required(f"{field}.resource"))
    elif name not in _RESOURCES and not name.startswith(_HUGE):
        found.append(not_supported(f"{field}.resource", name, _RESOURCES))
    divisor = reference.divisor
    if divisor is None or not divisor.nanos:
        return found
    at, text = f"{field}.divisor", divisor.text
    kind = name.partition(".")[2]
    if kind == "cpu" and name in _RESOURCES:
        if text not in ("1m", "1"):
            found.append(wrong(at, name, "only divisor's values 1m and 1 are supported with the cpu resource"))
        return found
    shown = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}.get(kind, "hugepages")
    if (name in _RESOURCES or name.startswith(_HUGE)) and text not in _UNITS:
        why = f"only divisor's values {', '.join(_UNITS)} are supported with the {shown} resource"
        found.append(wrong(at, name, why))
    return found
