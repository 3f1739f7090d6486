"""
Managing: metadata.managedFields, kept up by every write, where the server is told to keep them.

Who owns which field is a pure function of the object before and after and of who wrote; `model.fields` knows it. Here
stand the facts of the API server: what each kind's writes cannot change, and when an object is compared.

Source:   https://kubernetes.io/docs/reference/using-api/server-side-apply/; each strategy's GetResetFields.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import attrs

from reconcile.api import apps_v1, autoscaling_v1, convert, golang, kinds, meta_v1, versions
from reconcile.api.scalars import Time
from reconcile.api.zeros import empty
from reconcile.components.apiserver.access.controllerroles import ACCOUNTS
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import ITSELF, Ask
from reconcile.components.apiserver.writing import preparing
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.fields import managers, scaling, sets
from reconcile.model.fields.managers import Conflicts, Managed, Write
from reconcile.model.fields.sets import FieldSet
from reconcile.model.fields.shapes import Shape, shape_of

Entries = tuple[meta_v1.ManagedFieldsEntry, ...] | None

NOT_SAID: Final[Any] = object()
"""In the place of managed fields that are yet to be found: none at all is an answer too."""

_STATUS: Final = sets.of(("f:status",))
_SPEC: Final = sets.of(("f:spec",))
_ALL_BUT_STATUS: Final = sets.of(("f:spec",), ("f:metadata",))

# What a write to a resource, or to its subresource, cannot change where that is not the rule: of an object the status,
# of its status the specification.
_RESET: Final[Mapping[tuple[str, str], FieldSet]] = {
    ("deployments.apps", "status"): sets.of(("f:spec",), ("f:metadata", "f:labels")),
    ("pods", "status"): sets.of(
        ("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")
    ),
    ("certificatesigningrequests.certificates.k8s.io", ""): sets.of(("f:spec",), ("f:status",)),
    ("certificatesigningrequests.certificates.k8s.io", "status"): sets.of(("f:spec",), ("f:status", "f:conditions")),
    ("certificatesigningrequests.certificates.k8s.io", "approval"): sets.of(("f:spec",), ("f:status", "f:certificate")),
    ("namespaces", "finalize"): _STATUS,
    ("podgroups.scheduling.k8s.io", ""): sets.NOTHING,
    **{
        (resource, "status"): _ALL_BUT_STATUS
        for resource in (
            "validatingadmissionpolicies.admissionregistration.k8s.io",
            "flowschemas.flowcontrol.apiserver.k8s.io",
            "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
            "servicecidrs.networking.k8s.io",
            "resourceclaims.resource.k8s.io",
            "podgroups.scheduling.k8s.io",
            "volumeattachments.storage.k8s.io",
            "customresourcedefinitions.apiextensions.k8s.io",
            "apiservices.apiregistration.k8s.io",
        )
    },
}


def after_create(ask: Ask, body: Any, shape: Shape | None = None) -> Entries:
    """Give the managed fields of an object created as *body*, its defaults among it; *shape* if not its class's."""
    given: Entries = body.metadata.managed_fields if body.metadata is not None else None
    if not ask.state.managed_fields:
        return given
    if body.metadata is not None:
        # Nobody creates what goes already: that is dropped before anybody owns it.
        undying = replace(body.metadata, deletion_timestamp=None, deletion_grace_period_seconds=None)
        body = replace(body, metadata=undying)
    new = _shown(ask, body)
    live = golang.written(empty(new.__class__))
    write = _write(ask, new.__class__, shape)
    return _encoded(managers.updated(write, live, golang.unstored(new), _decoded(given, trusted=False), created=True))


def after_update(ask: Ask, new: Any, old: Any, given: Entries, shape: Shape | None = None) -> Entries:
    """Give the managed fields of *old* once it became *new*; *given* is what the client says of them."""
    before: Entries = old.metadata.managed_fields
    if not ask.state.managed_fields:
        return given
    if given == () or (given is not None and given == (meta_v1.ManagedFieldsEntry(),)):
        managed: Managed = {}
    else:
        said = () if given == before or ask.request.subresource else given
        managed = _decoded(said, trusted=False) or _decoded(before)
    old, new = _shown(ask, old), _shown(ask, new)
    write = _write(ask, new.__class__, shape)
    changed = managers.updated(write, golang.written(old), golang.unstored(new), managed)
    return _kept(_encoded(changed), before)


def applied(
    ask: Ask, config: Mapping[str, Any], old: Any, cls: type, shape: Shape | None = None
) -> tuple[dict[str, Any], Entries]:
    """
    Give what an apply of *config* makes of *old* (None: of nothing), as plain JSON, and its managed fields.

    Both the configuration and what comes of it are of the version in which the client speaks; *cls* is its class.

    Raises:
        Refusal: 409, others own what it would change.
    """
    blank = golang.written(empty(cls))
    live = blank if old is None else golang.written(_shown(ask, old))
    before: Entries = None if old is None else old.metadata.managed_fields
    live.get("metadata", {}).pop("managedFields", None)
    try:
        new, managed = managers.applied(
            _write(ask, cls, shape), live, config, _decoded(before), blank=blank, force=ask.request.force
        )
    except Conflicts as conflicts:
        raise Refusal(_conflict(conflicts)) from None
    return new, _kept(_encoded(managed), before)


def scale_applied(
    ask: Ask, config: Mapping[str, Any], scale: Mapping[str, Any], owners: Managed
) -> tuple[dict[str, Any], Managed]:
    """
    Give what an apply of *config* makes of a Scale, and who owns it then; *owners* owned it before.

    Raises:
        Refusal: 409, others own what it would change.
    """
    write = attrs.evolve(_write(ask, autoscaling_v1.Scale), version=scaling.SCALE, reset=sets.NOTHING)
    try:
        blank = golang.written(empty(autoscaling_v1.Scale))
        return managers.applied(write, scale, config, owners, blank=blank, force=ask.request.force)
    except Conflicts as conflicts:
        raise Refusal(_conflict(conflicts)) from None


def after_scale(ask: Ask, new: autoscaling_v1.Scale, old: autoscaling_v1.Scale, owners: Managed) -> Managed:
    """Give who owns the Scale *old* once it became *new*; *owners* owned it before."""
    write = attrs.evolve(_write(ask, autoscaling_v1.Scale), version=scaling.SCALE, reset=sets.NOTHING)
    return managers.updated(write, golang.written(old), golang.written(new), owners)


def of_scale(ask: Ask, obj: Any) -> Managed:
    """Give who owns the Scale of an object."""
    return scaling.of_scale(_decoded(obj.metadata.managed_fields), version_of(ask))


def with_scale(ask: Ask, obj: Any, owners: Managed) -> Entries:
    """Give the managed fields of an object once *owners* own its Scale."""
    before: Entries = obj.metadata.managed_fields
    if not ask.state.managed_fields:
        return before
    return _kept(_encoded(scaling.of_object(_decoded(before), owners, version_of(ask))), before)


def by_server(ask: Ask, resource: str, new: Any, old: Any, subresource: str) -> Any:
    """Give *new*, an object of another resource that the server itself makes of *old* on the way, with its owners."""
    if not ask.state.managed_fields:
        return new
    write = Write(
        shape=shape_of(new.__class__),
        version=kinds.resource(resource).api_version,
        manager=_PROGRAMS[ITSELF.name],
        subresource=subresource,
        now=Time.at(ask.now).text,
        reset=_RESET.get((resource, subresource), _SPEC if subresource == "status" else _STATUS),
    )
    before = _decoded(old.metadata.managed_fields)
    managed = _encoded(managers.updated(write, golang.written(old), golang.written(new), before))
    return replace(new, metadata=replace(new.metadata, managed_fields=managed))


def spoken_class(ask: Ask) -> type:
    """Give the class of the objects of a request's resource in the version in which the client speaks."""
    return kinds.class_for(version_of(ask), ask.resource.kind) or ask.resource.object_class


def version_of(ask: Ask) -> str:
    """Give the API version that a request speaks: apps/v1."""
    version = ask.request.version
    if not version:
        return ask.resource.api_version
    return f"{ask.resource.group}/{version}" if ask.resource.group else version


def _write(ask: Ask, cls: type, shape: Shape | None = None) -> Write:
    request = ask.request
    resource, subresource = request.resource, request.subresource
    usual = _SPEC if subresource == "status" else _STATUS if "status" in ask.resource.subresources else sets.NOTHING
    return Write(
        shape=shape or shape_of(cls),
        version=version_of(ask),
        manager=request.field_manager or _program(ask.user.name),
        subresource=subresource,
        now=Time.at(ask.now).text,
        reset=_RESET.get((resource, subresource), usual),
        spoken=partial(_spoken, cls) if versions.is_stored_in_another(cls) else None,
    )


def _shown(ask: Ask, obj: Any) -> Any:
    """Give an object as the client's version has it: what it owns is said in that."""
    return _versioned(versions.served(obj, version_of(ask)))


def _versioned(obj: Any) -> Any:
    """Give an object with what upstream's conversion adds to it on the way to the client."""
    return preparing.versioned(obj) if obj.__class__ is apps_v1.DaemonSet else obj


def _spoken(cls: type, version: str, value: Any) -> tuple[Shape, Any]:
    """Give an object, as plain JSON, as another version has it; it is of *cls* if it does not say what it is."""
    said = kinds.class_for(value.get("apiVersion", ""), value.get("kind", "")) or cls
    obj: Any = convert.load(value, cls=said, unknown="Ignore", absent="zero").object
    made = versions.served(versions.stored(obj), version)
    return shape_of(made.__class__), golang.written(made)


# The programs that do not say who they are in each request: as their user agents would.
_PROGRAMS: Final = {"system:kube-scheduler": "kube-scheduler", "system:apiserver": "kube-apiserver"}
_OF_SYSTEM: Final = "system:serviceaccount:kube-system:"


def _program(user: str) -> str:
    name = user.rpartition(":")[2]
    if user.startswith(_OF_SYSTEM) and name in ACCOUNTS:
        return "kube-controller-manager"
    return _PROGRAMS.get(user, name)


def _decoded(entries: Entries, *, trusted: bool = True) -> Managed:
    return managers.decoded([convert.dump(entry) for entry in entries or ()], trusted=trusted)


def _encoded(managed: Managed) -> Entries:
    found = managers.encoded(managed)
    return tuple([convert.load(entry, cls=meta_v1.ManagedFieldsEntry).object for entry in found]) or None


def _kept(new: Entries, old: Entries) -> Entries:
    """Give *old* if it differs in nothing but times: a write that changes nothing else changes no time."""
    if new is None or old is None or len(new) != len(old):
        return new
    timeless = [tuple([replace(entry, time=None) for entry in entries]) for entries in (new, old)]
    return old if timeless[0] == timeless[1] else new


def _conflict(conflicts: Conflicts) -> meta_v1.Status:
    causes, told = [], []
    for identity, path in conflicts.rows:
        who, where = _named(identity), sets.path_text(path)
        causes.append(meta_v1.StatusCause(reason="FieldManagerConflict", message=f"conflict with {who}", field=where))
        told.append((who, where))
    if len(told) == 1:
        said = f"Apply failed with 1 conflict: conflict with {told[0][0]}: {told[0][1]}"
    else:
        lines = []
        for who in dict.fromkeys(name for name, _ in told):
            lines += [f"conflicts with {who}:", *[f"- {where}" for name, where in told if name == who]]
        said = f"Apply failed with {len(told)} conflicts: " + "\n".join(lines)
    return statuses.apply_conflict(said, tuple(causes))


def _named(identity: managers.Identity) -> str:
    manager, operation, version, subresource = identity
    said = f'"{manager}"' + (f' with subresource "{subresource}"' if subresource else "")
    return f"{said} using {version}" if operation == "Update" else said
