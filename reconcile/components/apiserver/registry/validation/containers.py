"""Validation of containers: images, ports, environment, resources, mounts, probes."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, duplicate, forbidden, not_found, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import one_of
from reconcile.lib.mapping import Map
from reconcile.model import names

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
LAST_PORT: Final = 65535
_PULL: Final = ("Always", "IfNotPresent", "Never")
_MESSAGES: Final = ("FallbackToLogsOnError", "File")
_NATIVE: Final = ("cpu", "memory", "ephemeral-storage")
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
_SOURCES: Final = ("field_ref", "resource_field_ref", "config_map_key_ref", "secret_key_ref", "file_key_ref")
_HANDLERS: Final = ("exec", "http_get", "tcp_socket", "grpc")
_NOT_BELOW: Final = "must be greater than or equal to 0"


def containers_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with a pod's containers, init containers among them."""
    found: list[Cause] = []
    if not spec.containers:
        found.append(required(f"{field}.containers"))
    volumes = {volume.name for volume in spec.volumes or ()}
    seen: set[str] = set()
    for place, container in enumerate(spec.containers):
        at = f"{field}.containers[{place}]"
        found += _container_causes(at, container, volumes, seen, on_host=bool(spec.host_network))
        found += _probes_causes(at, container)
    for place, container in enumerate(spec.init_containers or ()):
        at = f"{field}.initContainers[{place}]"
        found += _container_causes(at, container, volumes, seen, on_host=bool(spec.host_network))
        found += _init_causes(at, container)
    return found + _host_ports_causes(field, spec)


def port_causes(field: str, port: int) -> list[Cause]:
    """Say that a number is no port, if it is not."""
    if 1 <= port <= LAST_PORT:
        return []
    return [wrong(field, port, f"must be between 1 and {LAST_PORT}, inclusive")]


def port_or_name_causes(field: str, port: int | str) -> list[Cause]:
    """Say that something is neither a port nor the name of one, if it is not."""
    if isinstance(port, int):
        return port_causes(field, port)
    return [wrong(field, port, fault) for fault in names.port_name_faults(port)]


def _container_causes(
    field: str, container: core_v1.Container, volumes: set[str], seen: set[str], *, on_host: bool
) -> list[Cause]:
    found: list[Cause] = []
    name = container.name
    if not name:
        found.append(required(f"{field}.name"))
    found += [wrong(f"{field}.name", name, fault) for fault in names.label_faults(name) if name]
    if name in seen:
        found.append(duplicate(f"{field}.name", name))
    seen.add(name)
    image = container.image or ""
    if not image:
        found.append(required(f"{field}.image"))
    elif image != image.strip():
        found.append(wrong(f"{field}.image", image, "must not have leading or trailing whitespace"))
    found += one_of(f"{field}.imagePullPolicy", container.image_pull_policy, _PULL)
    found += one_of(f"{field}.terminationMessagePolicy", container.termination_message_policy, _MESSAGES)
    if container.ports:
        found += _ports_causes(f"{field}.ports", container.ports, on_host=on_host)
    for place, variable in enumerate(container.env or ()):
        found += _variable_causes(f"{field}.env[{place}]", variable)
    for place, source in enumerate(container.env_from or ()):
        if (source.config_map_ref is None) is (source.secret_ref is None):
            why = "must specify one of: `configMapRef` or `secretRef`"
            many = "may not have more than one field specified at a time"
            found.append(wrong(f"{field}.envFrom[{place}]", "", why if source.secret_ref is None else many))
    if container.resources is not None:
        found += resources_causes(f"{field}.resources", container.resources)
    if container.volume_mounts:
        found += _mounts_causes(f"{field}.volumeMounts", container.volume_mounts, volumes)
    if container.lifecycle is not None:
        for name_, hook in (("postStart", container.lifecycle.post_start), ("preStop", container.lifecycle.pre_stop)):
            if hook is not None:
                found += _action_causes(f"{field}.lifecycle.{name_}", hook, ("exec", "http_get", "tcp_socket", "sleep"))
    return found


def _init_causes(field: str, container: core_v1.Container) -> list[Cause]:
    """Say what an init container may not have unless it goes on beside the others."""
    if container.restart_policy == "Always":
        return _probes_causes(field, container)
    why = "may not be set for init containers without restartPolicy=Always"
    parts = (
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    return [forbidden(f"{field}.{name}", why) for name, part in parts if part is not None]


def _ports_causes(field: str, ports: tuple[core_v1.ContainerPort, ...], *, on_host: bool) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, port in enumerate(ports):
        at = f"{field}[{place}]"
        if port.name:
            found += [wrong(f"{at}.name", port.name, fault) for fault in names.port_name_faults(port.name)]
            if port.name in seen:
                found.append(duplicate(f"{at}.name", port.name))
            seen.add(port.name)
        if not port.container_port:
            found.append(required(f"{at}.containerPort"))
        else:
            found += port_causes(f"{at}.containerPort", port.container_port)
        if port.host_port:
            found += port_causes(f"{at}.hostPort", port.host_port)
            if on_host and port.host_port != port.container_port:
                why = "must match `hostPort` when `hostNetwork` is true"
                found.append(wrong(f"{at}.containerPort", port.container_port, why))
        found += one_of(f"{at}.protocol", port.protocol, PROTOCOLS)
    return found


def _host_ports_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    seen: set[tuple[str | None, str | None, int]] = set()
    for place, container in enumerate(spec.containers):
        for number, port in enumerate(container.ports or ()):
            if port.host_port:
                key = (port.protocol, port.host_ip, port.host_port)
                if key in seen:
                    at = f"{field}.containers[{place}].ports[{number}].hostPort"
                    found.append(duplicate(at, f"{port.protocol}/{port.host_ip or ''}/{port.host_port}"))
                seen.add(key)
    return found


def _variable_causes(field: str, variable: core_v1.EnvVar) -> list[Cause]:
    found: list[Cause] = []
    name = variable.name
    if not name:
        found.append(required(f"{field}.name"))
    elif "=" in name or not all(" " <= letter <= "~" for letter in name):
        why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        found.append(wrong(f"{field}.name", name, f"{why} (regex used for validation is '^[ -<>-~]+$')"))
    source = variable.value_from
    if source is None:
        return found
    if variable.value:
        found.append(wrong(f"{field}.valueFrom", "", "may not be specified when `value` is not empty"))
    given = [part for part in _SOURCES if getattr(source, part) is not None]
    if len(given) > 1:
        found.append(wrong(f"{field}.valueFrom", "", "may not have more than one field specified at a time"))
    elif not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        found.append(wrong(f"{field}.valueFrom", "", why))
    return found + _source_causes(f"{field}.valueFrom", source)


def _source_causes(field: str, source: core_v1.EnvVarSource) -> list[Cause]:
    found: list[Cause] = []
    if source.field_ref is not None:
        path = source.field_ref.field_path
        subscript = path.startswith(("metadata.labels['", "metadata.annotations['")) and path.endswith("']")
        if not path:
            found.append(required(f"{field}.fieldRef.fieldPath"))
        elif not subscript:
            found += one_of(f"{field}.fieldRef.fieldPath", path, _FIELDS)
    for name, reference in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
        if reference is not None and not reference.key:
            found.append(required(f"{field}.{name}.key"))
    if source.resource_field_ref is not None and not source.resource_field_ref.resource:
        found.append(required(f"{field}.resourceFieldRef.resource"))
    return found


def resources_causes(field: str, resources: core_v1.ResourceRequirements) -> list[Cause]:
    """Say what is wrong with what is asked for and limited."""
    limits = resources.limits or Map[Quantity]()
    requests = resources.requests or Map[Quantity]()
    found = [*_amounts_causes(f"{field}.limits", limits), *_amounts_causes(f"{field}.requests", requests)]
    for name, asked in requests.items():
        limit = limits.get(name)
        strict = not _is_native(name)
        if limit is None:
            if strict:
                found.append(required(f"{field}.limits", "Limit must be set for non overcommitable resources"))
        elif strict and asked != limit:
            found.append(wrong(f"{field}.requests", asked.text, f"must be equal to {name} limit of {limit.text}"))
        elif asked > limit:
            why = f"must be less than or equal to {name} limit of {limit.text}"
            found.append(wrong(f"{field}.requests", asked.text, why))
    return found


def _is_native(name: str) -> bool:
    return name in _NATIVE


def _amounts_causes(field: str, amounts: Map[Quantity]) -> list[Cause]:
    found: list[Cause] = []
    for name, amount in amounts.items():
        at = f"{field}[{name}]" if "." in name or "/" in name else f"{field}.{name}"
        found += [wrong(field, name, fault) for fault in names.qualified_faults(name)]
        if "/" not in name and name not in _NATIVE and not name.startswith("hugepages-"):
            found.append(wrong(field, name, "must be a standard resource for containers"))
        if amount.nanos < 0:
            found.append(wrong(at, amount.text, _NOT_BELOW))
        elif not _is_native(name) and amount.whole * 10**9 != amount.nanos:
            found.append(wrong(at, amount.text, "must be an integer"))
    return found


def _mounts_causes(field: str, mounts: tuple[core_v1.VolumeMount, ...], volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, mount in enumerate(mounts):
        at = f"{field}[{place}]"
        if not mount.name:
            found.append(required(f"{at}.name"))
        elif mount.name not in volumes:
            found.append(not_found(f"{at}.name", mount.name))
        if not mount.mount_path:
            found.append(required(f"{at}.mountPath"))
        elif mount.mount_path in seen:
            found.append(wrong(f"{at}.mountPath", mount.mount_path, "must be unique"))
        seen.add(mount.mount_path)
        if mount.sub_path and mount.sub_path_expr:
            found.append(
                wrong(f"{at}.subPathExpr", mount.sub_path_expr, "subPathExpr and subPath are mutually exclusive")
            )
        if mount.sub_path and mount.sub_path.startswith("/"):
            found.append(wrong(f"{at}.subPath", mount.sub_path, "must be a relative path"))
        if mount.sub_path and ".." in mount.sub_path.split("/"):
            found.append(wrong(f"{at}.subPath", mount.sub_path, "must not contain '..'"))
    return found


def _probes_causes(field: str, container: core_v1.Container) -> list[Cause]:
    found: list[Cause] = []
    probes = (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    for name, probe in probes:
        if probe is None:
            continue
        at = f"{field}.{name}"
        found += _action_causes(at, probe, _HANDLERS)
        found += _numbers_causes(at, probe)
        grace = probe.termination_grace_period_seconds
        if name == "readinessProbe":
            if grace is not None:
                found.append(wrong(f"{at}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"))
        elif probe.success_threshold != 1:
            found.append(wrong(f"{at}.successThreshold", probe.success_threshold, "must be 1"))
        if name != "readinessProbe" and grace is not None and grace < 1:
            found.append(wrong(f"{at}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    return found


def _numbers_causes(field: str, probe: core_v1.Probe) -> list[Cause]:
    numbers = (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    )
    return [wrong(f"{field}.{name}", number, _NOT_BELOW) for name, number in numbers if (number or 0) < 0]


def _action_causes(field: str, handler: Any, kinds: tuple[str, ...]) -> list[Cause]:
    given = [kind for kind in kinds if getattr(handler, kind) is not None]
    if not given:
        return [required(field, "must specify a handler type")]
    found = [forbidden(f"{field}.{_JSON[kind]}", "may not specify more than 1 handler type") for kind in given[1:]]
    if handler.exec is not None and not handler.exec.command:
        found.append(required(f"{field}.exec.command"))
    http = handler.http_get
    if http is not None:
        if not http.path:
            found.append(required(f"{field}.httpGet.path"))
        found += port_or_name_causes(f"{field}.httpGet.port", http.port)
        found += one_of(f"{field}.httpGet.scheme", http.scheme, ("HTTP", "HTTPS"))
    if handler.tcp_socket is not None:
        found += port_or_name_causes(f"{field}.tcpSocket.port", handler.tcp_socket.port)
    if "grpc" in kinds and handler.grpc is not None:
        found += port_causes(f"{field}.grpc.port", handler.grpc.port)
    return found


_JSON: Final = {"exec": "exec", "http_get": "httpGet", "tcp_socket": "tcpSocket", "grpc": "grpc", "sleep": "sleep"}
