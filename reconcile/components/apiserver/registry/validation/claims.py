"""
Validation of resource claims, their templates and device classes.

Left out: what an expression costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import meta_v1, resource_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    duplicate,
    forbidden,
    not_supported,
    required,
    too_long,
    too_many,
    wrong,
)
from reconcile.components.apiserver.registry.validation.expressions import device_causes
from reconcile.components.apiserver.registry.validation.metadata import annotations_causes, labels_causes
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    driver_causes,
    faulty,
    given,
    named,
    positive,
    required_choice,
    unchanged,
)
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_MOST_REQUESTS: Final = 32
_MOST_SELECTORS: Final = 32
_MOST_CONSTRAINTS: Final = 32
_MOST_CONFIGS: Final = 32
_MOST_ALTERNATIVES: Final = 8
_LONGEST_EXPRESSION: Final = 10 * 1024
_LONGEST_ID: Final = 32
_MODES: Final = ("All", "ExactCount")
_EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
_OPERATORS: Final = ("Equal", "Exists")
_ONE_REQUEST: Final = "exactly one of `exactly` or `firstAvailable` is required"
_NO_REQUEST: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_ONE_ATTRIBUTE: Final = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
)

Ask = Callable[[str, Any], list[Cause]]


def claim_causes(obj: resource_v1.ResourceClaim) -> Causes:
    """Say what is wrong with a resource claim."""
    return tuple(_spec_causes("spec", given(obj.spec, resource_v1.ResourceClaimSpec)))


def claim_update_causes(new: resource_v1.ResourceClaim, old: resource_v1.ResourceClaim) -> Causes:
    """Say that the specification of a claim changed, which is for good."""
    return tuple(unchanged("spec", new.spec, old.spec))


def template_causes(obj: resource_v1.ResourceClaimTemplate) -> Causes:
    """Say what is wrong with the template of a resource claim."""
    spec = given(obj.spec, resource_v1.ResourceClaimTemplateSpec)
    metadata, at = spec.metadata or meta_v1.ObjectMeta(), "spec.metadata"
    found: list[Cause] = []
    if metadata.annotations:
        found += annotations_causes(f"{at}.annotations", metadata.annotations)
    if metadata.labels:
        found += labels_causes(f"{at}.labels", metadata.labels)
    found += [
        forbidden(f"{at}.{name}", "cannot be set")
        for name, value in (("name", metadata.name), ("generateName", metadata.generate_name))
        if value
    ]
    return (*found, *_spec_causes("spec.spec", given(spec.spec, resource_v1.ResourceClaimSpec)))


def template_update_causes(new: resource_v1.ResourceClaimTemplate, old: resource_v1.ResourceClaimTemplate) -> Causes:
    """Say that the specification of a template changed, which is for good."""
    return tuple(unchanged("spec", new.spec, old.spec))


def class_causes(obj: resource_v1.DeviceClass) -> Causes:
    """Say what is wrong with a device class."""
    spec = given(obj.spec, resource_v1.DeviceClassSpec)
    found = each("spec.selectors", spec.selectors, _MOST_SELECTORS, _selector_causes)
    found += each("spec.config", spec.config, _MOST_CONFIGS, _opaque_causes)
    name = spec.extended_resource_name
    if name is not None and not _is_extended(name):
        found.append(wrong("spec.extendedResourceName", name, "must be a valid extended resource name"))
    return tuple(found)


def class_update_causes(new: resource_v1.DeviceClass, old: resource_v1.DeviceClass) -> Causes:  # noqa: ARG001 -- as all
    """Say what is wrong with an update of a device class."""
    return class_causes(new)


def _is_extended(name: str) -> bool:
    domain, slash, _ = name.partition("/")
    native = not slash or domain == "kubernetes.io" or domain.endswith(".kubernetes.io")
    return not native and not name.startswith("requests.") and not names.qualified_faults(f"requests.{name}")


def each(field: str, entries: tuple[Any, ...] | None, most: int, ask: Ask, key: Any = None) -> list[Cause]:
    """
    Say what is wrong with a list and with each of its entries.

    Args:
        field: where it stands.
        entries: of the list.
        most: how many there may be; fewer than none is any number.
        ask: what is wrong with an entry.
        key: by what entries have to differ, if they have to.
    """
    entries = entries or ()
    if 0 <= most < len(entries):
        return [too_many(field, len(entries), most)]
    found: list[Cause] = []
    for place, entry in enumerate(entries):
        found += ask(f"{field}[{place}]", entry)
    if key is not None:
        keys = [key(entry) for entry in entries]
        found += [duplicate(f"{field}[{place}]", one) for place, one in enumerate(keys) if one in keys[:place]]
    return found


def _itself(name: str) -> str:
    return name


def _name(entry: Any) -> str:
    return str(entry.name)


def _spec_causes(field: str, spec: resource_v1.ResourceClaimSpec) -> list[Cause]:
    devices = given(spec.devices, resource_v1.DeviceClaim)
    at = f"{field}.devices"
    known = {
        request.name: frozenset([entry.name for entry in request.first_available or ()])
        for request in devices.requests or ()
    }

    def named_request(where: str, name: str) -> list[Cause]:
        return _request_name_causes(where, name, known)

    def constraint(where: str, entry: Any) -> list[Cause]:
        return _constraint_causes(where, entry, named_request)

    def configuration(where: str, entry: Any) -> list[Cause]:
        found = each(f"{where}.requests", entry.requests, _MOST_REQUESTS, named_request, _itself)
        return found + _opaque_causes(where, entry)

    found = each(f"{at}.requests", devices.requests, _MOST_REQUESTS, _request_causes, _name)
    found += each(f"{at}.constraints", devices.constraints, _MOST_CONSTRAINTS, constraint)
    return found + each(f"{at}.config", devices.config, _MOST_CONFIGS, configuration)


def _request_name_causes(field: str, name: str, known: dict[str, frozenset[str]]) -> list[Cause]:
    request, slash, part = name.partition("/")
    if "/" in part:
        return [wrong(field, name, _NO_REQUEST)]
    found: list[Cause] = []
    for segment in name.split("/"):
        found += faulty(field, segment, names.label_faults(segment))
    if request not in known or (slash and part not in known[request]):
        found.append(wrong(field, name, _NO_REQUEST))
    return found


def _request_causes(field: str, request: resource_v1.DeviceRequest) -> list[Cause]:
    found = faulty(f"{field}.name", request.name, names.label_faults(request.name))
    if request.first_available and request.exactly is not None:
        found.append(wrong(field, None, f"{_ONE_REQUEST}, but multiple fields are set"))
    elif request.first_available:
        at = f"{field}.firstAvailable"
        found += each(at, request.first_available, _MOST_ALTERNATIVES, _alternative_causes, _name)
    elif request.exactly is not None:
        found += _wanted_causes(f"{field}.exactly", request.exactly)
    else:
        found.append(required(field, _ONE_REQUEST))
    return found


def _alternative_causes(field: str, request: resource_v1.DeviceSubRequest) -> list[Cause]:
    return faulty(f"{field}.name", request.name, names.label_faults(request.name)) + _wanted_causes(field, request)


def _wanted_causes(field: str, wanted: Any) -> list[Cause]:
    found = named(f"{field}.deviceClassName", wanted.device_class_name, names.subdomain_faults)
    found += each(f"{field}.selectors", wanted.selectors, _MOST_SELECTORS, _selector_causes)
    mode, count = wanted.allocation_mode, wanted.count or 0
    if mode == "ExactCount":
        found += positive(f"{field}.count", count)
    elif mode != "All":
        found.append(not_supported(f"{field}.allocationMode", mode or "", _MODES))
    elif count:
        found.append(wrong(f"{field}.count", count, "must not be specified when allocationMode is 'All'"))
    for place, toleration in enumerate(wanted.tolerations or ()):
        found += _toleration_causes(f"{field}.tolerations[{place}]", toleration)
    return found


def _toleration_causes(field: str, toleration: resource_v1.DeviceToleration) -> list[Cause]:
    key, value, found = toleration.key or "", toleration.value or "", list[Cause]()
    if key:
        found += faulty(f"{field}.key", key, names.qualified_faults(key))
    if toleration.operator == "Exists":
        found += [wrong(f"{field}.value", value, "must be empty for operator `Exists`")] if value else []
    elif toleration.operator == "Equal":
        found += faulty(f"{field}.value", value, names.label_value_faults(value))
    else:
        found += required_choice(f"{field}.operator", toleration.operator, _OPERATORS)
    return found + (chosen(f"{field}.effect", toleration.effect, _EFFECTS) if toleration.effect else [])


def _selector_causes(field: str, selector: resource_v1.DeviceSelector) -> list[Cause]:
    if selector.cel is None:
        return [required(f"{field}.cel")]
    if len(selector.cel.expression) > _LONGEST_EXPRESSION:
        return [too_long(f"{field}.cel.expression", _LONGEST_EXPRESSION)]
    return device_causes(f"{field}.cel.expression", selector.cel.expression)


def _constraint_causes(field: str, constraint: resource_v1.DeviceConstraint, ask: Ask) -> list[Cause]:
    found = each(f"{field}.requests", constraint.requests, _MOST_REQUESTS, ask, _itself)
    for name, attribute in (
        ("matchAttribute", constraint.match_attribute),
        ("distinctAttribute", constraint.distinct_attribute),
    ):
        if attribute is not None:
            found += qualified_causes(f"{field}.{name}", attribute)
            if "/" not in attribute:
                why = "a fully qualified name must be a domain and a name separated by a slash"
                found.append(wrong(f"{field}.{name}", attribute, why))
            return found
    return [*found, required(field, _ONE_ATTRIBUTE)]


def qualified_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps *name* from being that of an attribute: an identifier, with a domain before it or without."""
    domain, slash, rest = name.partition("/")
    if not slash:
        return _identifier_causes(field, name)
    if "/" in rest:
        return []
    found = driver_causes(field, domain) if domain else [wrong(field, "", "the domain must not be empty")]
    return found + (_identifier_causes(field, rest) if rest else [wrong(field, "", "the name must not be empty")])


def _identifier_causes(field: str, name: str) -> list[Cause]:
    found = [too_long(field, _LONGEST_ID)] if len(name) > _LONGEST_ID else []
    return found + faulty(field, name, names.identifier_faults(name))


def _opaque_causes(field: str, entry: Any) -> list[Cause]:
    opaque = entry.opaque
    if opaque is None:
        return [required(f"{field}.opaque")]
    at = f"{field}.opaque"
    return driver_causes(f"{at}.driver", opaque.driver) + object_causes(f"{at}.parameters", opaque.parameters)


def object_causes(field: str, raw: Any) -> list[Cause]:
    """Say that something raw is missing, or is no JSON object."""
    if raw is None:
        return [required(field)]
    return [] if isinstance(raw, (dict, Map)) else [wrong(field, "<value omitted>", "must be a valid JSON object")]
