"""
Custom resources: writing their objects.

An object is read through the schema of the version in which it comes, judged by it, and stored through the schema of
the storage version.

Source:   apiextensions-apiserver: the custom resource handler, its strategy and its validator.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api import meta_v1
from reconcile.api.scalars import freeze
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.reading.custom import (
    all_in_version,
    asked_version,
    check_fields,
    in_version,
    plain,
    stored_form,
)
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Cause, Refusal, refuse_invalid, wrong
from reconcile.components.apiserver.registry import served, structural
from reconcile.components.apiserver.registry.structural.judging import MISSING, NOWHERE
from reconcile.components.apiserver.registry.structural.metadata import FIELDS, embedded_faults, metadata_of, misplaced
from reconcile.components.apiserver.registry.structural.paths import value_at
from reconcile.components.apiserver.registry.validation import metadata_causes, metadata_change_causes
from reconcile.components.apiserver.state import CONVERTED, Ask, Plan, Planned
from reconcile.components.apiserver.writing import creating, definitions, deleting, managing, updating
from reconcile.components.apiserver.writing.applying import check, configuration
from reconcile.components.apiserver.writing.patched import not_strategic, patched_body
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import List, Request, Response
from reconcile.store import Compare, Put, Txn

_BLOCKING: Final = (
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
)
_UNCHECKED: Final = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete"
    " validation"
)
_INT32: Final = (1 << 31) - 1
_STANDARD_FINALIZERS: Final = ("orphan", "foregroundDeletion", "kubernetes")


@attrs.frozen
class _Read:
    """An object as it came: through the schema of its version, and what to warn about."""

    obj: CustomObject
    warnings: tuple[str, ...]


def create(ask: Ask) -> Plan:
    """Plan to create an object."""
    came = read(ask, ask.request.body)
    return _warning(ask, came.warnings, lambda: created(ask, creating.checked_body(ask, came.obj)))


def created(ask: Ask, body: CustomObject, managed: managing.Entries = None) -> Plan:
    """Plan to create *body*, read through its schema; *managed* are its managed fields after an apply."""
    version, request = asked_version(ask), ask.request
    definition = served.definition(ask.store, request.resource)
    assert definition is not None, "it was found when the request was routed"
    if definition.is_ending:
        refused = statuses.method_not_allowed()
        said = "create not allowed while custom resource definition is terminating"
        raise Refusal(replace(refused, message=said))
    if version.status:
        body = replace(body, body=body.body.remove("status"))
    if ask.state.managed_fields:
        managed = managed or managing.after_create(ask, body, version.shape)
        body = replace(body, metadata=replace(body.metadata or meta_v1.ObjectMeta(), managed_fields=managed))
    if ask.store.ruled and admission.mutates(ask):
        body = admission.mutated(ask, creating.wiped(ask, body), None)
    metadata, generated = creating.named(ask, body.metadata or meta_v1.ObjectMeta())
    obj = replace(body, metadata=replace(metadata, generation=1))
    name = metadata.name or ""
    if request.namespace:
        admission.admit_namespace(ask, name)
    causes, warnings = _causes(ask, obj, None, generated=generated)
    refuse_invalid(obj.kind or "", ask.resource.api_version, name, causes)
    judged = admission.judged(ask, obj, None)
    warnings += judged.warnings
    key = f"{request.namespace}/{name}" if request.namespace else name
    if ask.store.get(request.resource, key) is not None:
        refusal = Refusal(
            (statuses.not_generated if metadata.generate_name else statuses.already_exists)(request.resource, name)
        )
        refusal.response = replace(refusal.response, warnings=warnings)
        raise refusal
    if request.dry_run:
        return Response(201, obj, warnings)
    form = stored_form(ask, definition, obj)
    put = Put(request.resource, key, form)
    txn = Txn((Compare(request.resource, key, 0), *judged.compares), (put, *judged.operations))
    shown, version_of_it = _answer(ask, form)
    return Planned(txn, 201, request.resource, key, shown, warnings=warnings, version=version_of_it)


def _answer(ask: Ask, form: CustomObject) -> tuple[Any, str]:
    """Give what a write of *form* is answered with, and the version in which what is stored is answered instead."""
    definition = served.definition(ask.store, ask.request.resource)
    assert definition is not None, "it was found when the request was routed"
    if definition.is_converted and form.api_version != ask.resource.api_version:
        return in_version(ask, form), CONVERTED
    return None, ask.request.version


def update(ask: Ask) -> Plan:
    """Plan an update of an object, all but its status if that is apart."""
    came = read(ask, ask.request.body)
    return _warning(ask, came.warnings, lambda: updated(ask, creating.named_body(ask, came.obj), current(ask)))


def update_status(ask: Ask) -> Plan:
    """Plan an update of an object's status."""
    came = read(ask, ask.request.body)
    return _warning(ask, came.warnings, lambda: status_updated(ask, creating.named_body(ask, came.obj), current(ask)))


def patch(ask: Ask) -> Plan:
    """Plan a patch of an object, of its status if the request says so."""
    if ask.request.patch_type == "apply":
        return _apply(ask)
    if ask.request.patch_type == "strategic":
        raise not_strategic()
    old = current(ask)
    data, said = patched_body(ask, plain(old))
    came = read(ask, data)
    change = status_updated if ask.request.subresource == "status" else updated
    return _warning(ask, (*said, *came.warnings), lambda: change(ask, creating.named_body(ask, came.obj), old))


def _apply(ask: Ask) -> Plan:
    version = asked_version(ask)
    stored = ask.store.get(ask.request.resource, ask.key)
    old = None if stored is None else in_version(ask, stored)
    if old is None and ask.request.subresource:
        raise Refusal(statuses.not_found(ask.request.resource, ask.request.name))
    config, said = configuration(ask, ask.resource.api_version, ask.resource.kind)
    check(config, version.shape)
    new, managed = managing.applied(ask, config, old, CustomObject, version.shape)
    came = read(ask, _nulled(new, config), nulls=False)
    # What a schema does not know is an error before, but where the schema keeps it, and then it is not warned of.
    warnings = said
    body = creating.named_body(ask, came.obj)
    if old is None:
        return _warning(ask, warnings, lambda: created(ask, body, managed))
    change = status_updated if ask.request.subresource == "status" else updated
    return _warning(ask, warnings, lambda: change(ask, body, old, managed))


def _nulled(new: Any, config: Any) -> Any:
    """Give what an apply makes, null where it took the last of what an object had that it still names."""
    # Source: structured-merge-diff, which leaves a null of a map that it has emptied; of a struct that is no field.
    if not isinstance(config, Mapping) or not isinstance(new, Mapping):
        return new
    made = {key: _nulled(value, config.get(key)) for key, value in new.items()}
    return {**made, **{key: None for key, value in config.items() if value == {} and key not in new}}


def updated(ask: Ask, body: CustomObject, old: CustomObject, managed: managing.Entries = None) -> Plan:
    """Plan to make *body* of *old*, both in the version that is asked for."""
    version = asked_version(ask)
    metadata = updating.update_metadata(ask, body, old)
    if version.status:
        body = _with_status(body, old.body.get("status", MISSING))
    new = replace(body, metadata=metadata)
    new = _managed(ask, new, old, managed, body.metadata)
    if ask.store.ruled and admission.mutates(ask):
        new = admission.mutated(ask, new, old)
        if version.status:
            new = _with_status(new, old.body.get("status", MISSING))
    if new.body != old.body:
        generation = (old.metadata.generation or 0) + 1 if old.metadata is not None else 1
        new = replace(new, metadata=replace(new.metadata, generation=generation))
    return _written(ask, new, old)


def status_updated(ask: Ask, body: CustomObject, old: CustomObject, managed: managing.Entries = None) -> Plan:
    """Plan to give *old* the status of *body*."""
    updating.update_metadata(ask, body, old)
    new = _with_status(old, body.body.get("status", MISSING))
    new = _managed(ask, new, old, managed, body.metadata)
    if ask.store.ruled and admission.mutates(ask):
        after = admission.mutated(ask, new, old)
        new = new if after is new else _with_status(new, after.body.get("status", MISSING))
    return _written(ask, new, old)


def _managed(ask: Ask, new: Any, old: Any, managed: managing.Entries, given: Any) -> Any:
    if not ask.state.managed_fields:
        return new
    shape = asked_version(ask).shape
    entries = managed or managing.after_update(ask, new, old, given.managed_fields if given else None, shape)
    if new.metadata.managed_fields == entries:
        return new
    return replace(new, metadata=replace(new.metadata, managed_fields=entries))


def _with_status(obj: CustomObject, status: Any) -> CustomObject:
    return replace(obj, body=obj.body.remove("status") if status is MISSING else obj.body.set("status", status))


def _written(ask: Ask, new: CustomObject, old: CustomObject) -> Plan:
    """Judge a change, and plan to store it."""
    definition = served.definition(ask.store, ask.request.resource)
    assert definition is not None, "it was found when the request was routed"
    metadata = old.metadata
    assert metadata is not None, "a stored object has metadata"
    causes, warnings = _causes(ask, new, old, generated=True)
    refuse_invalid(new.kind or "", ask.resource.api_version, metadata.name or "", causes)
    stored = found(ask)
    form = stored_form(ask, definition, new)
    plan = updating.stored(ask, stored if form == stored else form, stored, shown=(new, old))
    warnings = (*warnings, *plan.warnings)
    if isinstance(plan, Response):
        return Response(plan.code, in_version(ask, plan.body), warnings)
    if plan.key:
        body, version = _answer(ask, form)
        return replace(plan, warnings=warnings, version=version, body=body)
    body = None if plan.body is None else in_version(ask, plan.body)
    return replace(plan, warnings=warnings, version=ask.request.version, body=body, follows=ending(ask))


def ending(ask: Ask) -> tuple[Request, ...]:
    """Give what the server asks of itself when an object is gone: whether its definition can go too."""
    definition = served.definition(ask.store, ask.request.resource)
    if definition is None or not definition.is_ending:
        return ()
    return (definitions.look(ask.request.resource),)


# ---------------------------------------------------------------- reading what comes


def current(ask: Ask) -> CustomObject:
    """Give the object that a request names, in the version that is asked for."""
    obj: CustomObject = in_version(ask, found(ask))
    return obj


def read(ask: Ask, given: Any, *, nulls: bool = True) -> _Read:
    """Give what a client sent, read through the schema of its version; without *nulls*, those that there are stay."""
    version = asked_version(ask)
    data = plain(given) if isinstance(given, CustomObject) else given
    if not isinstance(data, dict):
        raise Refusal(statuses.bad_request("the object provided is unrecognized (must be of type object)"))
    kind = data.get("kind") or ask.resource.kind
    wanted = ask.resource.api_version
    data = {**data, "apiVersion": data.get("apiVersion") or wanted, "kind": kind}
    if data["apiVersion"] != wanted:
        _refuse_version(ask, data)
    metadata, unknown = metadata_of(data.get("metadata"), kind, ask.resource.version)
    schema = version.schema
    if nulls:
        data = structural.without_nulls(data, schema)
    data = structural.defaulted(data, schema)
    fault = misplaced(data, schema)
    if fault is not None:
        said = (
            f'{kind} in version "{ask.resource.version}" cannot be handled as a {kind}: {fault.field}: {fault.message}'
        )
        raise Refusal(statuses.bad_request(said))
    embedded: list[str] = []
    data = _coerced(data, schema, "", embedded)
    data, pruned = structural.kept(data, schema, root=True)
    warnings = tuple(f'unknown field "{path}"' for path in (*pruned, *sorted({*unknown, *embedded})))
    validation = ask.request.field_validation
    if validation == "Ignore":
        warnings = ()
    elif warnings and validation == "Strict" and ask.request.patch_type != "apply":
        said = f"strict decoding error: {', '.join(warnings)}"
        if ask.request.verb == "patch":
            refuse_invalid("", "", "", (wrong("patch", canonical(given), said),))
        raise Refusal(
            statuses.bad_request(f'{kind} in version "{ask.resource.version}" cannot be handled as a {kind}: {said}')
        )
    body = {key: value for key, value in data.items() if key not in ("apiVersion", "kind", "metadata")}
    try:
        frozen = freeze(body)
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    assert isinstance(frozen, Map), "an object is frozen to a map"
    return _Read(CustomObject(api_version=wanted, kind=kind, metadata=metadata, body=frozen), warnings)


def _refuse_version(ask: Ask, data: Mapping[str, Any]) -> None:
    """Refuse an object of another version than that of the path; what is known of none is all unknown."""
    given, wanted = data["apiVersion"], ask.resource.api_version
    said = f"the API version in the data ({given}) does not match the expected API version ({wanted})"
    refusal = Refusal(statuses.bad_request(said))
    definition = served.definition(ask.store, ask.request.resource)
    known = definition is not None and str(given).rpartition("/")[2] in definition.versions
    if not known:
        unknown = sorted(key for key in data if key not in ("apiVersion", "kind", "metadata"))
        warnings = tuple(f'unknown field "{key}"' for key in unknown)
        refusal.response = Response(refusal.response.code, refusal.response.body, warnings)
    raise refusal


def _coerced(value: Any, schema: Any, path: str, unknown: list[str]) -> Any:
    """Give *value* with the metadata of objects within it as metadata are; note what these do not have."""
    if schema is None:
        return value
    if isinstance(value, list):
        inner = schema.get("items")
        return [_coerced(item, inner, f"{path}[{place}]", unknown) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    made = {}
    named, rest = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, entry in value.items():
        there = f"{path}.{key}" if path else key
        if key == "metadata" and schema.get("x-kubernetes-embedded-resource") and isinstance(entry, dict):
            unknown += [f"{there}.{name}" for name in entry if name not in FIELDS]
            made[key] = {name: inner for name, inner in entry.items() if name in FIELDS}
            continue
        inner = named.get(key) or (rest if isinstance(rest, Mapping) else None)
        made[key] = _coerced(entry, inner, there, unknown)
    return made


def _warning(ask: Ask, warnings: tuple[str, ...], planned: Any) -> Plan:
    """Give a plan with warnings in its answer, whatever that is."""
    deprecated = asked_version(ask).warning
    every = (*((deprecated,) if deprecated else ()), *warnings)
    try:
        plan: Plan = planned()
    except Refusal as refusal:
        refusal.response = replace(refusal.response, warnings=(*every, *refusal.response.warnings))
        raise
    return replace(plan, warnings=(*every, *plan.warnings)) if every else plan


# ---------------------------------------------------------------- judging


def _causes(
    ask: Ask, new: CustomObject, old: CustomObject | None, *, generated: bool
) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """Say what is wrong with an object, and what was wrong with it before and is let pass."""
    version = asked_version(ask)
    if new.kind != ask.resource.kind:
        return (wrong("kind", new.kind, f"must be {ask.resource.kind}"),), ()
    assert new.metadata is not None, "metadata were made"
    # A finalizer that is not qualified is warned of, not refused.
    judged = replace(new.metadata, finalizers=None)
    causes = list(metadata_causes(ask.request.resource, judged, generated=generated))
    if old is not None and old.metadata is not None:
        causes += metadata_change_causes(ask.request.resource, new.metadata, old.metadata)
    said = _finalizer_warnings(new.metadata, None if old is None else old.metadata)
    schema, data = version.schema, plain(new)
    before = MISSING if old is None else plain(old)
    if ask.request.subresource == "status":
        causes += _status_causes(data, before, schema)
    else:
        causes += structural.faults(data, schema, "", before)
        causes += _scale_causes(data, version.scale)
        causes += embedded_faults(data, schema)
    if before is MISSING or not structural.list_faults(before, schema):
        causes += structural.list_faults(data, schema)
    if not version.has_rules:
        return tuple(causes), said
    if any(cause.reason in _BLOCKING for cause in causes):
        unchecked = Cause(reason="FieldValueInvalid", message=f"Invalid value: null: {_UNCHECKED}", field=NOWHERE)
        return (*causes, unchecked), ()
    broken, warnings = structural.rule_faults(data, schema, "", before, root=True)
    return (*causes, *broken), (*said, *warnings)


def _finalizer_warnings(new: meta_v1.ObjectMeta, old: meta_v1.ObjectMeta | None) -> tuple[str, ...]:
    """Warn of new finalizers that could be another's."""
    known = {*_STANDARD_FINALIZERS, *((old.finalizers if old is not None else None) or ())}
    found = []
    for name in sorted({*(new.finalizers or ())} - known):
        if "/" not in name:
            path = " including a path (/)" if "." in name else ""
            why = f"prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other"
            found.append(f'metadata.finalizers: "{name}": {why} finalizer writers')
    return tuple(found)


def _status_causes(data: Any, before: Any, schema: Mapping[str, Any]) -> list[Cause]:
    inner = (schema.get("properties") or {}).get("status")
    if inner is None or "status" not in data:
        return []
    return structural.faults(data["status"], inner, "status", before.get("status", MISSING))


def _scale_causes(data: Any, scale: tuple[str, str, str] | None) -> list[Cause]:
    if scale is None:
        return []
    path = scale[0]
    value = value_at(data, path)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            return [wrong(path, value, "should be a non-negative integer")]
        if value > _INT32:
            return [wrong(path, value, f"should be less than or equal to {_INT32}")]
    return []


# ---------------------------------------------------------------- deleting


def delete(ask: Ask) -> Plan:
    """Plan the deletion of an object."""
    return _answered(ask, deleting.delete(ask))


def delete_collection(ask: Ask) -> Plan:
    """Plan the deletion of every object that the request's selectors name."""
    check_fields(ask)
    return _answered(ask, deleting.delete_collection(ask))


def _answered(ask: Ask, plan: Plan) -> Plan:
    """Give a plan of a deletion, answered in the version that is asked for."""
    if isinstance(plan.body, List):
        body: Any = replace(plan.body, items=all_in_version(ask, plan.body.items))
    else:
        body = in_version(ask, plan.body)
    if isinstance(plan, Response):
        return replace(plan, body=body)
    return replace(plan, body=body, version=ask.request.version, follows=ending(ask))
