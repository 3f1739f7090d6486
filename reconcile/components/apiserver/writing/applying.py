"""
Applying: server-side apply, of an object, of its status, of its Scale.

Whoever applies says all that they want, and owns it. What is wrong with that is told before anything is merged.

Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/; the API server's apply patcher and field
          managers.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api import autoscaling_v1, convert, golang, gotext, unmarshalling, versions
from reconcile.api.scalars import freeze, thaw
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import yamls
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import creating, managing, updating
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.fields import managers
from reconcile.model.fields.checking import fault
from reconcile.model.fields.shapes import Shape, shape_of

_NOT_READ: Final = "error decoding YAML: "


def apply(ask: Ask) -> Plan:
    """Plan to apply a configuration of an object, which is created if it is not there."""
    old = ask.store.get(ask.request.resource, ask.key)
    body, managed, warnings = _made(ask, old)
    if old is not None:
        return warned(updating.updated(ask, body, old, managed), warnings)
    metadata = body.metadata
    if metadata.uid:
        why = f"uid mismatch: the provided object specified uid {metadata.uid}, and no existing object was found"
        raise Refusal(statuses.conflict(ask.request.resource, ask.request.name, why))
    authorising.authorise(ask.user, attrs.evolve(ask.request, verb="create"), ask.store)
    return warned(
        creating.created(ask, replace(body, metadata=replace(metadata, resource_version=None)), managed), warnings
    )


def apply_status(ask: Ask) -> Plan:
    """Plan to apply a configuration of an object's status."""
    old = ask.store.get(ask.request.resource, ask.key)
    body, managed, warnings = _made(ask, old)
    if old is None:
        raise Refusal(statuses.not_found(ask.request.resource, ask.request.name))
    return warned(updating.status_updated(ask, body, old, managed), warnings)


def applied_to(ask: Ask, old: Any, kept: Any) -> tuple[Any, managing.Entries, tuple[str, ...]]:
    """
    Give what an apply makes of *old* by a subresource that shows the whole object, and its managed fields.

    Args:
        ask: the request.
        old: the object; None if there is none.
        kept: what to do if there is none: a Refusal to raise once the configuration is known to be good.
    """
    made = _made(ask, old)
    if old is None:
        raise kept
    return made


def applied_scale(ask: Ask, scale: autoscaling_v1.Scale, owners: managers.Managed) -> Any:
    """Give the Scale that an apply makes of *scale*, who owns it then, and what to warn of."""
    config, warnings = configuration(ask, "autoscaling/v1", "Scale")
    check(config, shape_of(autoscaling_v1.Scale))
    written = golang.written(scale)
    new, managed = managing.scale_applied(ask, config, written, owners)
    return _loaded(config, new, autoscaling_v1.Scale), managed, warnings


def warned(plan: Plan, warnings: tuple[str, ...]) -> Plan:
    """Give *plan* with *warnings* in its answer."""
    if not warnings:
        return plan
    return replace(plan, warnings=(*warnings, *plan.warnings))


def _made(ask: Ask, old: Any) -> tuple[Any, managing.Entries, tuple[str, ...]]:
    """Give what an apply makes of *old*, its managed fields, and what to warn of."""
    cls = managing.spoken_class(ask)
    version = managing.version_of(ask)
    config, warnings = configuration(ask, version, ask.resource.kind)
    check(config, shape_of(cls))
    try:
        new, managed = managing.applied(ask, config, old, cls)
    except ReconcileError as error:
        raise _unconvertible(config, error) from None
    _renew_last_applied(ask, config, new)
    body = creating.named_body(ask, versions.stored(_loaded(config, new, cls)))
    return body, managed, warnings


def configuration(ask: Ask, version: str, kind: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give what is applied, as plain data, if it is an object of this kind; and what to warn of."""
    config, repeated = _read(ask.request.body)
    given = str(config.get("apiVersion") or ""), str(config.get("kind") or "")
    if given != (version, kind):
        raise Refusal(statuses.bad_request(f"invalid object type: {_type_text(*given)}"))
    metadata = config.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("managedFields"), list):
        raise Refusal(statuses.bad_request("metadata.managedFields must be nil"))
    if repeated and ask.request.field_validation == "Strict":
        said = "".join([f"\n  {line}" for line in repeated])
        why = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:{said}"
        raise Refusal(statuses.bad_request(why))
    return config, () if ask.request.field_validation == "Ignore" else repeated


def _read(body: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give a configuration as plain data, and what is said of the keys that it has twice."""
    repeated: tuple[str, ...] = ()
    if isinstance(body, str):
        try:
            document = yamls.read(body)
        except yamls.YamlFault as error:
            raise Refusal(statuses.bad_request(f"{_NOT_READ}error converting YAML to JSON: {error}")) from None
        body, repeated = document.data, document.repeated
    if body is None:
        return {}, ()
    if not isinstance(body, Mapping):
        why = f"json: cannot unmarshal {unmarshalling.sort_of(body)} into Go value of type map[string]interface {{}}"
        raise Refusal(statuses.bad_request(f"{_NOT_READ}error unmarshaling JSON: while decoding JSON: {why}"))
    try:
        found: dict[str, Any] = thaw(freeze(body))
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(f"{_NOT_READ}{error}")) from None
    return found, repeated


def check(config: Mapping[str, Any], shape: Shape) -> None:
    """Refuse with 500, as upstream does, a configuration that is not of its schema."""
    why = fault(shape, config)
    if why:
        raise Refusal(statuses.unexpected(f"failed to create typed patch object ({_name_text(config)}): {why}"))


def _loaded(config: Mapping[str, Any], new: Mapping[str, Any], cls: type) -> Any:
    try:
        return convert.load(new, cls=cls, unknown="Ignore", absent="zero").object
    except ReconcileError as error:
        raise _unconvertible(config, error) from None


def _unconvertible(config: Mapping[str, Any], error: ReconcileError) -> Refusal:
    kind = _type_text(str(config.get("apiVersion")), str(config.get("kind")))
    said = f"failed to convert new object ({_name_text(config)}) to proper version: unable to convert unstructured"
    return Refusal(statuses.unexpected(f"{said} object to {kind}: {error}"))


def _renew_last_applied(ask: Ask, config: Mapping[str, Any], new: dict[str, Any]) -> None:
    """Let kubectl's annotation of client-side apply, where there is one, say what is applied now."""
    annotations = (new.get("metadata") or {}).get("annotations") or {}
    if ask.request.field_manager != managers.KUBECTL or not annotations.get(managers.LAST_APPLIED):
        return
    metadata = {**config.get("metadata", {})}
    own = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != managers.LAST_APPLIED}
    metadata = {key: value for key, value in metadata.items() if key != "annotations"} | (
        {"annotations": own} if own else {}
    )
    said = gotext.written(_sorted({**config, "metadata": metadata})) + "\n"
    new["metadata"] = {**new["metadata"], "annotations": {**annotations, managers.LAST_APPLIED: said}}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


def _name_text(config: Mapping[str, Any]) -> str:
    metadata = config.get("metadata")
    known: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else Map[Any]()
    names = [known.get(key) if isinstance(known.get(key), str) else "" for key in ("namespace", "name")]
    kind = _type_text(str(config.get("apiVersion") or ""), str(config.get("kind") or ""))
    return f"{names[0]}/{names[1]}; {kind}"


def _type_text(version: str, kind: str) -> str:
    group, slash, rest = version.rpartition("/")
    return f"{group}/{rest}, Kind={kind}" if slash or version else f"/, Kind={kind}"
