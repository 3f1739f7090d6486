"""Validation of ingresses and of ingress classes."""

from __future__ import annotations

from typing import Final

from reconcile.api import networking_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.addresses import address
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    domain_path_causes,
    faulty,
    given,
    named,
    port_faults,
    reference_causes,
    unchanged,
)
from reconcile.model.text import names

CLASS: Final = "kubernetes.io/ingress.class"
"""The annotation that named an ingress's class before there was a field for it."""

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS: Final = ("//", "/./", "/../", "%2f", "%2F")
_NOT_ENDING_PATHS: Final = ("/..", "/.")
_SCOPES: Final = ("Cluster", "Namespace")
_LONGEST_CONTROLLER: Final = 250
_IS_ADDRESS: Final = "must be a DNS name, not an IP address"


def ingress_causes(obj: networking_v1.Ingress) -> Causes:
    """Say what is wrong with an ingress."""
    found = _spec_causes(given(obj.spec, networking_v1.IngressSpec))
    annotations = obj.metadata.annotations if obj.metadata is not None else None
    named_class = annotations.get(CLASS) if annotations is not None else None
    own = obj.spec.ingress_class_name if obj.spec is not None else None
    if named_class is not None and own is not None and named_class != own:
        why = "must match `ingressClassName` when both are specified"
        found.append(wrong(f"annotations.{CLASS}", named_class, why))
    return tuple(found)


def ingress_update_causes(new: networking_v1.Ingress, old: networking_v1.Ingress) -> Causes:  # noqa: ARG001 -- as all
    """Say what is wrong with an update of an ingress."""
    return tuple(_spec_causes(given(new.spec, networking_v1.IngressSpec)))


def _spec_causes(spec: networking_v1.IngressSpec) -> list[Cause]:
    found: list[Cause] = []
    if not spec.rules and spec.default_backend is None:
        found.append(wrong("spec", spec.rules, "either `defaultBackend` or `rules` must be specified"))
    if spec.default_backend is not None:
        found += _backend_causes("spec.defaultBackend", spec.default_backend)
    for place, rule in enumerate(spec.rules or ()):
        found += _rule_causes(f"spec.rules[{place}]", rule)
    for place, tls in enumerate(spec.tls or ()):
        for number, host in enumerate(tls.hosts or ()):
            found += faulty(f"spec.tls[{place}].hosts[{number}]", host, _host_faults(host))
        if tls.secret_name:
            faults = names.subdomain_faults(tls.secret_name)
            found += faulty(f"spec.tls[{place}].secretName", tls.secret_name, faults)
    own = spec.ingress_class_name
    return found if own is None else found + faulty("spec.ingressClassName", own, names.subdomain_faults(own))


def _host_faults(host: str) -> names.Faults:
    return names.wildcard_faults(host) if "*" in host else names.subdomain_faults(host)


def _rule_causes(field: str, rule: networking_v1.IngressRule) -> list[Cause]:
    found: list[Cause] = []
    if rule.host:
        if address(rule.host) is not None:
            found.append(wrong(f"{field}.host", rule.host, _IS_ADDRESS))
        found += faulty(f"{field}.host", rule.host, _host_faults(rule.host))
    if rule.http is None:
        return found
    if not rule.http.paths:
        found.append(required(f"{field}.http.paths"))
    for place, path in enumerate(rule.http.paths or ()):
        found += _path_causes(f"{field}.http.paths[{place}]", path)
    return found


def _path_causes(field: str, entry: networking_v1.HTTPIngressPath) -> list[Cause]:
    path, at = entry.path or "", f"{field}.path"
    kind: str | None = entry.path_type
    if kind is None:
        return [required(f"{field}.pathType", "pathType must be specified")]
    found: list[Cause] = []
    if kind in ("Exact", "Prefix"):
        if not path.startswith("/"):
            found.append(wrong(at, path, "must be an absolute path"))
        found += [wrong(at, path, f"must not contain '{part}'") for part in _NOT_IN_PATHS if part in path]
        found += [wrong(at, path, f"cannot end with '{end}'") for end in _NOT_ENDING_PATHS if path.endswith(end)]
    elif kind == "ImplementationSpecific":
        if path and not path.startswith("/"):
            found.append(wrong(at, path, "must be an absolute path"))
    else:
        found += chosen(f"{field}.pathType", kind, _PATH_TYPES)
    return found + _backend_causes(f"{field}.backend", given(entry.backend, networking_v1.IngressBackend))


def _backend_causes(field: str, backend: networking_v1.IngressBackend) -> list[Cause]:
    resource, service = backend.resource, backend.service
    if resource is not None and service is not None:
        return [wrong(field, "", "cannot set both resource and service backends")]
    if resource is not None:
        return reference_causes(f"{field}.resource", resource.api_group, resource.kind, resource.name)
    if service is None:
        return [wrong(field, "", "resource or service backend is required")]
    found = named(f"{field}.service.name", service.name, names.label_faults)
    port = given(service.port, networking_v1.ServiceBackendPort)
    if port.name and port.number:
        found.append(wrong(field, "", "cannot set both port name & port number"))
    elif port.name:
        found += faulty(f"{field}.service.port.name", port.name, names.port_name_faults(port.name))
    elif port.number:
        found += faulty(f"{field}.service.port.number", port.number, port_faults(port.number))
    else:
        found.append(required(field, "port name or number is required"))
    return found


def ingress_status_causes(obj: networking_v1.Ingress) -> Causes:
    """Say what is wrong with the status of an ingress: where it can be reached."""
    balancer = obj.status.load_balancer if obj.status is not None else None
    found: list[Cause] = []
    for place, entry in enumerate((balancer.ingress if balancer is not None else None) or ()):
        at = f"status.loadBalancer.ingress[{place}]"
        if entry.hostname:
            found += faulty(f"{at}.hostname", entry.hostname, names.subdomain_faults(entry.hostname))
            if address(entry.hostname) is not None:
                found.append(wrong(f"{at}.hostname", entry.hostname, _IS_ADDRESS))
    return tuple(found)


def class_causes(obj: networking_v1.IngressClass) -> Causes:
    """Say what is wrong with an ingress class."""
    spec = given(obj.spec, networking_v1.IngressClassSpec)
    controller = spec.controller or ""
    found = [too_long("spec.controller", _LONGEST_CONTROLLER)] if len(controller) > _LONGEST_CONTROLLER else []
    found += domain_path_causes("spec.controller", controller)
    if spec.parameters is not None:
        found += _parameters_causes("spec.parameters", spec.parameters)
    return tuple(found)


def class_update_causes(new: networking_v1.IngressClass, old: networking_v1.IngressClass) -> Causes:
    """Say what is wrong with an update of an ingress class: it stays with its controller."""
    controller, had = new.spec and new.spec.controller, old.spec and old.spec.controller
    return (*unchanged("spec.controller", controller or "", had or ""), *class_causes(new))


def _parameters_causes(field: str, reference: networking_v1.IngressClassParametersReference) -> list[Cause]:
    found = reference_causes(field, reference.api_group, reference.kind, reference.name)
    scope, namespace, at = reference.scope, reference.namespace, f"{field}.namespace"
    if scope is None:
        return [*found, required(f"{field}.scope")]
    found += chosen(f"{field}.scope", scope, _SCOPES)
    if scope == "Namespace":
        if namespace is None:
            found.append(required(at, "`parameters.scope` is set to 'Namespace'"))
        else:
            found += faulty(at, namespace, names.label_faults(namespace))
    elif scope == "Cluster" and namespace is not None:
        found.append(forbidden(at, "`parameters.scope` is set to 'Cluster'"))
    return found
