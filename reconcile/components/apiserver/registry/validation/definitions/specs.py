"""
The definition itself: its names, scope, versions, conversion.

Upstream's internal form has what all versions have in common at the top: its paths say `spec.validation` there, and
`spec.versions[0].schema` only where versions differ.

Takes:    a CustomResourceDefinition, and what it was before.
Gives:    causes, in upstream's words and order.
Source:   apiextensions-apiserver's validation of definitions.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconcile.api import apiextensions_v1, convert
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    duplicate,
    forbidden,
    not_supported,
    required,
    too_many,
    wrong,
)
from reconcile.components.apiserver.registry.structural.paths import PathError, field_path
from reconcile.components.apiserver.registry.validation.definitions.schemas import schema_causes
from reconcile.components.apiserver.registry.validation.definitions.structure import whole
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_SCOPES: Final = ("Cluster", "Namespaced")
_STRATEGIES: Final = ("None", "Webhook")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = (
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
)
_NAMED: Final = 'must be spec.names.plural+"."+spec.group'
_REVIEWS: Final = ("v1", "v1beta1")
_MOST_SELECTABLE: Final = 8
_LONGEST_WARNING: Final = 256
_APPROVAL: Final = "api-approved.kubernetes.io"
_CASED: Final = "may have mixed case, but should otherwise match: "
_INTERNAL: Final = (
    ("Schema", "schema"),
    ("Subresources", "subresources"),
    ("AdditionalPrinterColumns", "additional_printer_columns"),
    ("SelectableFields", "selectable_fields"),
)

Definition = apiextensions_v1.CustomResourceDefinition
Version = apiextensions_v1.CustomResourceDefinitionVersion


def causes(crd: Definition) -> Causes:
    """Say what is wrong with a definition."""
    found: list[Cause] = [*_spec(crd.spec)]
    found += _status(crd)
    found += _approval(crd)
    found += _unknown_kept(crd)
    return tuple(found)


def naming(crd: Definition) -> Callable[[str], names.Faults]:
    """Give what is asked of a definition's name."""
    wanted = f"{crd.spec.names.plural}.{crd.spec.group}"
    return lambda name: (*names.subdomain_faults(name), *([_NAMED] if name != wanted else []))


def change_causes(new: Definition, old: Definition) -> Causes:
    """Say what may not change: what decides where objects are stored."""
    found: list[Cause] = []
    conditions = old.status.conditions if old.status is not None else None
    pairs = [("spec.group", new.spec.group, old.spec.group)]
    pairs.append(("spec.names.plural", new.spec.names.plural, old.spec.names.plural))
    if any(each.type == "Established" and each.status == "True" for each in conditions or ()):
        pairs = [
            ("spec.scope", new.spec.scope, old.spec.scope),
            ("spec.names.kind", new.spec.names.kind, old.spec.names.kind),
            *pairs,
        ]
    found += [wrong(field, value, IMMUTABLE) for field, value, before in pairs if value != before]
    return tuple(found)


def _spec(spec: apiextensions_v1.CustomResourceDefinitionSpec) -> Iterator[Cause]:
    yield from _group(spec.group)
    if not spec.scope:
        yield required("spec.scope")
    elif spec.scope not in _SCOPES:
        yield not_supported("spec.scope", spec.scope, _SCOPES)
    for place, version in enumerate(spec.versions):
        if version.schema is None or version.schema.open_api_v3_schema is None:
            yield required(f"spec.versions[{place}].schema.openAPIV3Schema")
    shared = {name for _, name in _INTERNAL if _alike(spec.versions, name)}
    for place, version in enumerate(spec.versions):
        where = f"spec.versions[{place}]"
        faults = names.label_1035_faults(version.name)
        if faults:
            yield wrong(f"{where}.name", version.name, ",".join(faults))
        yield from _warning(version, f"{where}.deprecationWarning")
        yield from _version(version, where, set(dict(_INTERNAL).values()) - shared, _parts(version))
    shown = _internal(spec.versions, shared) or None
    if len({version.name for version in spec.versions}) < len(spec.versions):
        yield wrong("spec.versions", shown, "must contain unique version names")
    if sum(bool(version.storage) for version in spec.versions) != 1:
        yield wrong("spec.versions", shown, "must have exactly one version marked as storage version")
    first = spec.versions[0].name if spec.versions else ""
    if first and names.label_1035_faults(first):
        # Upstream's own form has the first version's name at the top too.
        yield wrong("spec.version", first, ",".join(names.label_1035_faults(first)))
    yield from _names(spec.names, "spec.names", needed=True)
    if spec.versions:
        yield from _version(spec.versions[0], "spec", shared, any(map(_parts, spec.versions)))
    yield from _conversion(spec)


def _group(group: str) -> Iterator[Cause]:
    faults = names.subdomain_faults(group)
    if not group:
        yield required("spec.group")
    elif faults:
        yield wrong("spec.group", group, ",".join(faults))
    elif "." not in group:
        yield wrong("spec.group", group, "should be a domain with at least one dot")


def _alike(versions: tuple[Version, ...], name: str) -> bool:
    """Tell whether all versions have the same of a part: then it stands at the top."""
    values = [getattr(version, name) for version in versions]
    return all(value and value == values[0] for value in values) if values else False


def _parts(version: Version) -> bool:
    return version.subresources is not None and version.subresources.status is not None


def _internal(versions: tuple[Version, ...], shared: set[str]) -> list[dict[str, Any]]:
    """Give versions as upstream's internal structs are printed."""
    rows = []
    for version in versions:
        row: dict[str, Any] = {
            "Name": version.name,
            "Served": bool(version.served),
            "Storage": bool(version.storage),
            "Deprecated": bool(version.deprecated),
            "DeprecationWarning": version.deprecation_warning,
        }
        for shown, name in _INTERNAL:
            value = None if name in shared else getattr(version, name)
            row[shown] = None if value is None else _dumped(value)
        rows.append(row)
    return rows


def _dumped(value: Any) -> Any:
    return [convert.dump(each) for each in value] if isinstance(value, tuple) else convert.dump(value)


def _warning(version: Version, field: str) -> Iterator[Cause]:
    text = version.deprecation_warning
    if text is None:
        return
    if not version.deprecated:
        yield wrong(field, text, "can only be set for deprecated versions")
        return
    if len(text.encode()) > _LONGEST_WARNING:
        yield wrong(field, text, "must be <= 256 characters long")
    if not text:
        yield wrong(field, text, "must not be an empty string")
    for place, letter in enumerate(text):
        if not letter.isprintable():
            why = f"must only contain printable UTF-8 characters; non-printable character found at index {place}"
            yield wrong(field, text, why)
            return


def _version(version: Version, where: str, parts: set[str], status: bool) -> Iterator[Cause]:  # noqa: FBT001 -- of this version
    """Say what is wrong with those *parts* of a version that are told at *where*."""
    schema = version.schema.open_api_v3_schema if version.schema is not None else None
    plain = {} if schema is None else whole(convert.dump(schema))
    if "schema" in parts and schema is not None:
        head = f"{where}.validation" if where == "spec" else f"{where}.schema"
        yield from schema_causes(plain, f"{head}.openAPIV3Schema", status=status)
    if "subresources" in parts and version.subresources is not None:
        yield from _scale(version.subresources.scale, f"{where}.subresources.scale")
    if "additional_printer_columns" in parts:
        for place, column in enumerate(version.additional_printer_columns or ()):
            yield from _column(column, f"{where}.additionalPrinterColumns[{place}]")
    if "selectable_fields" in parts and version.selectable_fields and schema is None:
        why = "may only be set when `version.schema.openAPIV3Schema` is not included"
        yield wrong(f"{where}.selectableFields", "", why)
    elif "selectable_fields" in parts and version.selectable_fields:
        yield from _selectable(version.selectable_fields, plain, f"{where}.selectableFields")


def _scale(scale: apiextensions_v1.CustomResourceSubresourceScale | None, field: str) -> Iterator[Cause]:
    if scale is None:
        return
    for name, path, head in (
        ("specReplicasPath", scale.spec_replicas_path, ".spec."),
        ("statusReplicasPath", scale.status_replicas_path, ".status."),
    ):
        where = f"{field}.{name}"
        if not path:
            yield required(where)
        elif path[0] != ".":
            yield wrong(where, path, "must be a simple json path starting with .")
        elif not path.startswith(head):
            yield wrong(where, path, f"should be a json path under {head[:-1]}")
    selector = scale.label_selector_path
    if selector:
        where = f"{field}.labelSelectorPath"
        if selector[0] != ".":
            yield wrong(where, selector, "must be a simple json path starting with .")
        elif not selector.startswith((".spec.", ".status.")):
            yield wrong(where, selector, "should be a json path under either .spec or .status")


def _column(column: apiextensions_v1.CustomResourceColumnDefinition, field: str) -> Iterator[Cause]:
    if not column.name:
        yield required(f"{field}.name")
    said = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not column.type:
        yield required(f"{field}.type", said)
    elif column.type not in _COLUMN_TYPES:
        yield wrong(f"{field}.type", column.type, said)
    if column.format and column.format not in _COLUMN_FORMATS:
        yield wrong(f"{field}.format", column.format, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not column.json_path:
        yield required(f"{field}.JSONPath")
    elif column.json_path[0] != ".":
        yield wrong(f"{field}.JSONPath", column.json_path, "must be a simple json path starting with .")


def _selectable(fields: tuple[apiextensions_v1.SelectableField, ...], schema: Any, where: str) -> Iterator[Cause]:
    seen = set()
    for place, each in enumerate(fields):
        there, path = f"{where}[{place}].jsonPath", each.json_path
        if not path:
            yield required(there)
            continue
        try:
            shown, found = field_path(path, schema, arrays=False)
        except PathError as error:
            yield wrong(there, path, f"is an invalid path: {error}")
            continue
        if shown.split(".")[0] == "metadata":
            yield wrong(there, path, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            yield wrong(
                there,
                path,
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats"
                " are allowed.",
            )
        if shown in seen:
            yield duplicate(there, path)
        seen.add(shown)
    if len(seen) > _MOST_SELECTABLE:
        yield too_many(where, len(seen), _MOST_SELECTABLE)


def _names(
    given: apiextensions_v1.CustomResourceDefinitionNames, field: str, *, needed: bool = False
) -> Iterator[Cause]:
    rows = (
        ("plural", given.plural, False),
        ("singular", given.singular, False),
        ("kind", given.kind, True),
        ("listKind", given.list_kind, True),
    )
    if needed:
        for name, value, _ in rows:
            if not value:
                yield required(f"{field}.{name}")
    for name, value, cased in rows:
        faults = names.label_1035_faults((value or "").lower() if cased else value or "")
        if value and faults:
            yield wrong(f"{field}.{name}", value, (_CASED if cased else "") + ",".join(faults))
    for place, name in enumerate(given.short_names or ()):
        if names.label_1035_faults(name):
            yield wrong(f"{field}.shortNames[{place}]", name, ",".join(names.label_1035_faults(name)))
    if given.kind and given.kind == given.list_kind:
        yield wrong(f"{field}.listKind", given.list_kind, "kind and listKind may not be the same")
    for place, name in enumerate(given.categories or ()):
        if names.label_1035_faults(name):
            yield wrong(f"{field}.categories[{place}]", name, ",".join(names.label_1035_faults(name)))


def _conversion(spec: apiextensions_v1.CustomResourceDefinitionSpec) -> Iterator[Cause]:
    conversion, field = spec.conversion, "spec.conversion"
    if conversion is None:
        return
    if not conversion.strategy:
        yield required(f"{field}.strategy")
    elif conversion.strategy not in _STRATEGIES:
        yield not_supported(f"{field}.strategy", conversion.strategy, _STRATEGIES)
    webhook = conversion.webhook
    client = webhook.client_config if webhook is not None else None
    where, versions = f"{field}.webhookClientConfig", f"{field}.conversionReviewVersions"
    if conversion.strategy != "Webhook":
        said = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield forbidden(where, said)
        if webhook is not None and webhook.conversion_review_versions:
            yield forbidden(versions, said)
        return
    if client is None:
        yield required(where, "required when strategy is set to Webhook")
    elif (client.url is None) == (client.service is None):
        yield required(where, "exactly one of url or service is required")
    elif client.url is not None and not client.url.startswith("https://"):
        yield wrong(
            f"{where}.url",
            client.url.partition(":")[0],
            "'https' is the only allowed URL scheme; desired format: https://host[/path]",
        )
    reviews = webhook.conversion_review_versions if webhook is not None else ()
    if not reviews:
        yield required(versions)
    elif not {*reviews} & {*_REVIEWS}:
        yield wrong(versions, list(reviews), f"must include at least one of {', '.join(_REVIEWS)}")


def _status(crd: Definition) -> Iterator[Cause]:
    status, field = crd.status, "status.storedVersions"
    if status is not None and status.accepted_names is not None:
        yield from _names(status.accepted_names, "status.acceptedNames")
    stored = list((status.stored_versions if status is not None else None) or ())
    if not stored:
        yield wrong(field, None, "must have at least one stored version")
        return
    known = [version.name for version in crd.spec.versions]
    for place, version in enumerate(crd.spec.versions):
        if version.storage and (version.name not in stored or version.name in known[:place]):
            yield wrong(field, stored, f"must have the storage version {version.name}")
    for place, name in enumerate(stored):
        if name not in known:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
                f" until a storage migration ensures no data remains persisted in {name} and removes {name} from"
                " status.storedVersions"
            )
            yield wrong(f"{field}[{place}]", name, why)


def _approval(crd: Definition) -> Iterator[Cause]:
    group = crd.spec.group
    if not any(group == each or group.endswith(f".{each}") for each in ("k8s.io", "kubernetes.io")):
        return
    annotations = crd.metadata.annotations if crd.metadata is not None else None
    text = (annotations or Map[str]()).get(_APPROVAL, "")
    field, where = f"metadata.annotations[{_APPROVAL}]", "https://github.com/kubernetes/enhancements/pull/1111"
    if not text:
        yield required(field, f'protected groups must have approval annotation "{_APPROVAL}", see {where}')
    elif not (text.startswith("unapproved") or ("://" in text and text.partition("://")[2])):
        said = (
            f'protected groups must have approval annotation "{_APPROVAL}" with either a URL or a reason starting with'
            f' "unapproved", see {where}'
        )
        yield wrong(field, text, said)


def _unknown_kept(crd: Definition) -> Iterator[Cause]:
    if crd.spec.preserve_unknown_fields:
        said = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield wrong("spec.preserveUnknownFields", True, said)  # noqa: FBT003 -- the value
