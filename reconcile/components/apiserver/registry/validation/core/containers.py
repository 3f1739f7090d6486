"""Validation of containers: those of a pod, those that run before them, those that are added to a running pod."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    duplicate,
    forbidden,
    not_found,
    not_supported,
    required,
    too_many,
    wrong,
)
from reconcile.components.apiserver.registry.validation.core.environment import environment_causes
from reconcile.components.apiserver.registry.validation.core.hooks import passing_causes, running_causes
from reconcile.components.apiserver.registry.validation.core.mounts import Volumes, devices_causes, mounts_causes
from reconcile.components.apiserver.registry.validation.core.resources import resources_causes
from reconcile.components.apiserver.registry.validation.core.security import context_causes, every_container
from reconcile.components.apiserver.registry.validation.core.volumes import PULL_POLICIES
from reconcile.components.apiserver.registry.validation.values import (
    LAST_PORT,
    PROTOCOLS,
    among,
    between,
    label,
    named,
    one_of,
)
from reconcile.model.text import names

_MESSAGES: Final = ("File", "FallbackToLogsOnError")
_RESTARTS: Final = ("Always", "Never", "OnFailure")
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255
# What a container that is added to a running pod may not have.
_NOT_ADDED: Final = (
    ("ports", "ports"),
    ("resources", "resources"),
    ("resizePolicy", "resize_policy"),
    ("restartPolicy", "restart_policy"),
    ("restartPolicyRules", "restart_policy_rules"),
    ("livenessProbe", "liveness_probe"),
    ("readinessProbe", "readiness_probe"),
    ("startupProbe", "startup_probe"),
    ("lifecycle", "lifecycle"),
)


def containers_causes(field: str, spec: core_v1.PodSpec, volumes: Volumes) -> list[Cause]:
    """Say what is wrong with all of a pod's containers; *volumes* are those that can be mounted."""
    claims = tuple([claim.name for claim in spec.resource_claims or ()])
    found = _own_causes(f"{field}.containers", spec, volumes, claims)
    if spec.init_containers:
        found += _init_causes(f"{field}.initContainers", spec, volumes, claims)
    if spec.ephemeral_containers:
        found += _added_causes(f"{field}.ephemeralContainers", spec, volumes, claims)
    return found


def _own_causes(field: str, spec: core_v1.PodSpec, volumes: Volumes, claims: tuple[str, ...]) -> list[Cause]:
    if not spec.containers:
        return [required(field)]
    found: list[Cause] = []
    seen: set[str] = set()
    for place, container in enumerate(spec.containers):
        at = f"{field}[{place}]"
        found += _container_causes(at, container, spec, volumes, claims)
        if container.name in seen:
            found.append(duplicate(f"{at}.name", container.name))
        seen.add(container.name)
        found += running_causes(at, container, spec.termination_grace_period_seconds)
        found += _restart_causes(at, container)
    return found + _host_ports_causes(field, spec.containers)


def _init_causes(field: str, spec: core_v1.PodSpec, volumes: Volumes, claims: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = []
    seen = {container.name for container in spec.containers}
    for place, container in enumerate(spec.init_containers or ()):
        at = f"{field}[{place}]"
        found += _container_causes(at, container, spec, volumes, claims)
        found += _restart_causes(at, container)
        if container.name in seen:
            found.append(duplicate(f"{at}.name", container.name))
        elif container.name:
            seen.add(container.name)
        found += _host_ports_causes(field, (container,))
        if container.restart_policy == "Always":
            found += running_causes(at, container, spec.termination_grace_period_seconds)
            continue
        found += passing_causes(at, container)
        for number, policy in enumerate(container.resize_policy or ()):
            if policy.restart_policy == "RestartContainer":
                why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                found.append(wrong(f"{at}.resizePolicy[{number}].restartPolicy", policy.restart_policy, why))
    return found


def _added_causes(field: str, spec: core_v1.PodSpec, volumes: Volumes, claims: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = []
    others = {container.name for container in (*spec.containers, *(spec.init_containers or ()))}
    seen = set(others)
    for place, container in enumerate(spec.ephemeral_containers or ()):
        at = f"{field}[{place}]"
        found += _container_causes(at, container, spec, volumes, claims)
        found += padded_image_causes(at, container)
        if container.name in seen:
            found.append(duplicate(f"{at}.name", container.name))
        seen.add(container.name)
        target = container.target_container_name
        if target and target not in others:
            found.append(not_found(f"{at}.targetContainerName", target))
        cannot = "cannot be set for an Ephemeral Container"
        for json, name in _NOT_ADDED:
            value = getattr(container, name)
            if value is not None and value != core_v1.ResourceRequirements():
                found.append(forbidden(f"{at}.{json}", cannot))
        for number, mount in enumerate(container.volume_mounts or ()):
            if mount.sub_path:
                found.append(forbidden(f"{at}.volumeMounts[{number}].subPath", cannot))
            if mount.sub_path_expr:
                found.append(forbidden(f"{at}.volumeMounts[{number}].subPathExpr", cannot))
    return found


def _container_causes(
    field: str, container: Any, spec: core_v1.PodSpec, volumes: Volumes, claims: tuple[str, ...]
) -> list[Cause]:
    found = label(f"{field}.name", container.name) if container.name else [required(f"{field}.name")]
    if not container.image:
        found.append(required(f"{field}.image"))
    found += one_of(f"{field}.terminationMessagePolicy", container.termination_message_policy, _MESSAGES)
    if container.ports:
        found += _ports_causes(f"{field}.ports", container.ports)
    if container.env or container.env_from:
        found += environment_causes(field, container)
    if container.volume_mounts:
        found += mounts_causes(f"{field}.volumeMounts", container, volumes)
    if container.volume_devices:
        found += devices_causes(f"{field}.volumeDevices", container, volumes)
    found += one_of(f"{field}.imagePullPolicy", container.image_pull_policy, PULL_POLICIES)
    if container.resources is not None:
        found += resources_causes(f"{field}.resources", container.resources, claims)
    if container.resize_policy:
        found += _resize_causes(f"{field}.resizePolicy", container.resize_policy, spec)
    if container.security_context is not None:
        at = f"{field}.securityContext"
        found += context_causes(at, container.security_context, host_users=spec.host_users is not False)
    return found


def padded_image_causes(field: str, container: Any) -> list[Cause]:
    """Say that an image's name begins or ends with blanks."""
    image = container.image or ""
    if image == image.strip():
        return []
    return [wrong(f"{field}.image", image, "must not have leading or trailing whitespace")]


def _ports_causes(field: str, ports: tuple[core_v1.ContainerPort, ...]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, port in enumerate(ports):
        at = f"{field}[{place}]"
        if port.name:
            faults = named(f"{at}.name", port.name, names.port_name_faults(port.name))
            if not faults and port.name in seen:
                faults.append(duplicate(f"{at}.name", port.name))
            found += faults
            seen.add(port.name)
        if not port.container_port:
            found.append(required(f"{at}.containerPort"))
        else:
            found += between(f"{at}.containerPort", port.container_port, 1, LAST_PORT)
        if port.host_port:
            found += between(f"{at}.hostPort", port.host_port, 1, LAST_PORT)
        found += one_of(f"{at}.protocol", port.protocol, PROTOCOLS)
    return found


def _host_ports_causes(field: str, containers: tuple[core_v1.Container, ...]) -> list[Cause]:
    """Say which containers want the same port of the host."""
    found: list[Cause] = []
    seen: set[str] = set()
    for place, container in enumerate(containers):
        for number, port in enumerate(container.ports or ()):
            if not port.host_port:
                continue
            key = f"{port.protocol}/{port.host_ip or ''}/{port.host_port}"
            if key in seen:
                found.append(duplicate(f"{field}[{place}].ports[{number}].hostPort", key))
            seen.add(key)
    return found


def on_host_causes(field: str, spec: core_v1.PodSpec, *, pod: bool) -> list[Cause]:
    """Say which ports of a pod in the host's network are others on the host."""
    if not spec.host_network:
        return []
    return [
        wrong(
            f"{field}.containers[{place}].ports[{number}].hostPort",
            port.host_port or 0,
            "must match `containerPort` when `hostNetwork` is true",
        )
        for place, container in enumerate(spec.containers)
        for number, port in enumerate(container.ports or ())
        if (pod or port.host_port) and (port.host_port or 0) != port.container_port
    ]


def _resize_causes(
    field: str, policies: tuple[core_v1.ContainerResizePolicy, ...], spec: core_v1.PodSpec
) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, policy in enumerate(policies):
        name, restart = policy.resource_name, policy.restart_policy
        if name in seen:
            found.append(duplicate(f"{field}[{place}]", name))
        seen.add(name)
        found += one_of(field, name, ("cpu", "memory"))
        found += one_of(field, restart, ("NotRequired", "RestartContainer"))
        if spec.restart_policy == "Never" and restart != "NotRequired":
            why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            found.append(wrong(field, restart, why))
    return found


def _restart_causes(field: str, container: core_v1.Container) -> list[Cause]:
    rules, policy = container.restart_policy_rules or (), container.restart_policy
    found: list[Cause] = []
    if policy is None:
        if not rules:
            return []
        found.append(required(f"{field}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    else:
        found += among(f"{field}.restartPolicy", policy, _RESTARTS)
    if len(rules) > _MOST_RULES:
        found.append(too_many(f"{field}.restartPolicyRules", len(rules), _MOST_RULES))
    for place, rule in enumerate(rules):
        at = f"{field}.restartPolicyRules[{place}]"
        found += among(f"{at}.action", rule.action, ("Restart", "RestartAllContainers"))
        codes = rule.exit_codes
        if codes is None:
            found.append(required(f"{at}.exitCodes", "must be specified"))
            continue
        if codes.operator not in ("In", "NotIn"):
            found.append(not_supported(f"{at}.exitCodes.operator", codes.operator or "", ("In", "NotIn")))
        if len(codes.values or ()) > _MOST_CODES:
            found.append(too_many(f"{at}.exitCodes.values", len(codes.values or ()), _MOST_CODES))
    return found


def file_volumes_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say which variables are read from files that no volume of the pod has."""
    volumes = {volume.name: volume for volume in spec.volumes or ()}
    found: list[Cause] = []
    for at, container in every_container(field, spec):
        for place, variable in enumerate(container.env or ()):
            source = variable.value_from.file_key_ref if variable.value_from is not None else None
            if source is None:
                continue
            where, volume = f"{at}.env[{place}].valueFrom.fileKeyRef.volumeName", volumes.get(source.volume_name)
            if volume is None:
                found.append(not_found(where, source.volume_name))
            elif volume.empty_dir is None:
                found.append(wrong(where, source.volume_name, "referenced volume must be of type emptyDir"))
    return found
