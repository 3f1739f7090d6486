"""Warnings of pods and of templates of pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.golang import quoted
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.registry.validation.core.security import every_container
from reconcile.components.apiserver.registry.warnings.paths import overlap_warnings
from reconcile.components.apiserver.registry.warnings.values import address_warnings
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_OLD_LABELS: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_OLD_ANNOTATIONS: Final = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_OLD_VOLUMES: Final = (
    ("photon_persistent_disk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("git_repo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scale_io", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("ephemeral", "", ""),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP: Final = "container.seccomp.security.alpha.kubernetes.io/"
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_NO_PODS: Final = "a null labelSelector results in matching no pod"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_warnings(field: str, spec: core_v1.PodSpec, metadata: meta_v1.ObjectMeta | None) -> list[str]:
    """Give the warnings of a pod, or of the template *field*."""
    at = f"{field}.spec" if field else "spec"
    about = f"{field}.metadata.annotations" if field else "metadata.annotations"
    annotations = (metadata.annotations if metadata is not None else None) or Map[str]()
    found = [*_where_warnings(at, spec)]
    found += [f"{about}[{key}]: {said}" for key, said in _OLD_ANNOTATIONS.items() if key in annotations]
    found += _volumes_warnings(f"{at}.volumes", spec)
    found += _names_warnings(at, spec)
    for name in ("memory", "ephemeral-storage"):
        found += fraction_warnings(f"{at}.overhead[{name}]", (spec.overhead or Map[Quantity]()).get(name))
    context = spec.security_context
    if _SECCOMP_POD in annotations and (context is None or context.seccomp_profile is None):
        found.append(f'{about}[{_SECCOMP_POD}]: non-functional in v1.27+; use the "seccompProfile" field instead')
    for where, container in every_container(at, spec):
        found += _profiles_warnings(about, container, annotations, spec, template=bool(field))
        found += _container_warnings(where, container)
    found += _ports_warnings(at, spec)
    if spec.termination_grace_period_seconds is not None and spec.termination_grace_period_seconds < 0:
        found.append(
            f"{at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        )
    found += _affinity_warnings(f"{at}.affinity", spec.affinity)
    for place, server in enumerate((spec.dns_config.nameservers if spec.dns_config is not None else None) or ()):
        found += address_warnings(f"{at}.dnsConfig.nameservers[{place}]", server)
    for place, alias in enumerate(spec.host_aliases or ()):
        found += address_warnings(f"{at}.hostAliases[{place}].ip", alias.ip)
    return found


def node_term_warnings(field: str, term: core_v1.NodeSelectorTerm, *, values: bool) -> list[str]:
    """Say which labels of nodes are old, and which *values* no node can have."""
    found: list[str] = []
    for place, wanted in enumerate(term.match_expressions or ()):
        at = f"{field}.matchExpressions[{place}]"
        if wanted.key in _OLD_LABELS:
            found.append(f"{at}.key: {wanted.key} is {_OLD_LABELS[wanted.key]}")
        for number, value in enumerate((wanted.values or ()) if values else ()):
            for fault in names.label_value_faults(value):
                found.append(f"{at}.values[{number}]: {value} is invalid, {fault}")  # noqa: PERF401 -- two loops deep
    return found


def fraction_warnings(field: str, amount: Quantity | None) -> list[str]:
    """Say that there are no parts of a byte."""
    if amount is None or not amount.milli % 1000:
        return []
    return [f'{field}: fractional byte value "{amount.text}" is invalid, must be an integer']


def claim_warnings(field: str, spec: core_v1.PersistentVolumeClaimSpec | None) -> list[str]:
    """Give the warnings of a claim's specification."""
    resources = spec.resources if spec is not None else None
    if resources is None:
        return []
    return [
        *fraction_warnings(
            f"{field}.resources.requests[storage]", (resources.requests or Map[Quantity]()).get("storage")
        ),
        *fraction_warnings(f"{field}.resources.limits[storage]", (resources.limits or Map[Quantity]()).get("storage")),
    ]


def _where_warnings(field: str, spec: core_v1.PodSpec) -> Iterator[str]:
    for key in spec.node_selector or ():
        if key in _OLD_LABELS:
            yield f"{field}.nodeSelector[{key}]: {_OLD_LABELS[key]}"
    nodes = spec.affinity.node_affinity if spec.affinity is not None else None
    if nodes is not None:
        at = f"{field}.affinity.nodeAffinity"
        needed = nodes.required_during_scheduling_ignored_during_execution
        for place, term in enumerate(needed.node_selector_terms if needed is not None else ()):
            yield from node_term_warnings(f"{at}.{_REQUIRED}.nodeSelectorTerms[{place}]", term, values=False)
        for place, wanted in enumerate(nodes.preferred_during_scheduling_ignored_during_execution or ()):
            yield from node_term_warnings(f"{at}.{_PREFERRED}[{place}].preference", wanted.preference, values=True)
    for place, constraint in enumerate(spec.topology_spread_constraints or ()):
        at, key = f"{field}.topologySpreadConstraints[{place}]", constraint.topology_key
        if key in _OLD_LABELS:
            yield f"{at}.topologyKey: {key} is {_OLD_LABELS[key]}"
        if constraint.label_selector is None:
            yield f"{at}.labelSelector: {_NO_PODS}"


def _volumes_warnings(field: str, spec: core_v1.PodSpec) -> list[str]:
    found: list[str] = []
    for place, volume in enumerate(spec.volumes or ()):
        for name, shown, said in _OLD_VOLUMES:
            source = getattr(volume, name)
            if source is None:
                continue
            if shown:
                found.append(f"{field}[{place}].{shown}: {said}")
            elif source.volume_claim_template is not None:
                at = f"{field}[{place}].ephemeral.volumeClaimTemplate.spec"
                found += claim_warnings(at, source.volume_claim_template.spec)
    return found + overlap_warnings(spec.volumes or ())


def _names_warnings(field: str, spec: core_v1.PodSpec) -> list[str]:
    found: list[str] = []
    addresses = [alias.ip for alias in spec.host_aliases or ()]
    for place, address in enumerate(addresses):
        if address in addresses[:place]:
            found.append(f"{field}.hostAliases[{place}].ip: duplicate ip {quoted(address)}")
    secrets = [secret.name or "" for secret in spec.image_pull_secrets or ()]
    for place, name in enumerate(secrets):
        if name in secrets[:place]:
            found.append(f"{field}.imagePullSecrets[{place}].name: duplicate name {quoted(name)}")
    return found + [
        f'{field}.imagePullSecrets[{place}].name: invalid empty name ""'
        for place, name in enumerate(secrets)
        if not name
    ]


def _profiles_warnings(
    about: str, container: Any, annotations: Map[str], spec: core_v1.PodSpec, *, template: bool
) -> list[str]:
    found: list[str] = []
    own, key = container.security_context, f"{_SECCOMP}{container.name}"
    if key in annotations and (own is None or own.seccomp_profile is None):
        found.append(f'{about}[{key}]: non-functional in v1.27+; use the "seccompProfile" field instead')
    key = f"{_APPARMOR}{container.name}"
    if template and key in annotations and (own is None or own.app_armor_profile is None):
        whole = spec.security_context.app_armor_profile if spec.security_context is not None else None
        if whole is None or whole != _profile(annotations[key]):
            found.append(f'{about}[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead')
    return found


def _profile(said: str) -> core_v1.AppArmorProfile | None:
    if said == "unconfined":
        return core_v1.AppArmorProfile(type="Unconfined")
    if said == "runtime/default":
        return core_v1.AppArmorProfile(type="RuntimeDefault")
    name = said.removeprefix("localhost/")
    return core_v1.AppArmorProfile(type="Localhost", localhost_profile=name) if name and name != said else None


def _container_warnings(field: str, container: Any) -> list[str]:
    found: list[str] = []
    resources = container.resources
    if resources is not None:
        for name in ("memory", "ephemeral-storage"):
            for kind, amounts in (("limits", resources.limits), ("requests", resources.requests)):
                found += fraction_warnings(f"{field}.resources.{kind}[{name}]", (amounts or {}).get(name))
    seen: set[str] = set()
    for place, variable in enumerate(container.env or ()):
        name, value = variable.name, variable.value or ""
        reference = f"$({name})"
        # What says more than its older self, and says that too, hides nothing.
        hides = variable.value_from is not None or value == reference or reference not in value
        if name in seen and hides:
            found.append(
                f"{field}.env[{place}]: hides previous definition of {quoted(name)}, which may be dropped when using"
                " apply"
            )
        seen.add(name)
    return found


def _ports_warnings(field: str, spec: core_v1.PodSpec) -> list[str]:
    found: list[str] = []
    known: dict[tuple[int, str | None], list[tuple[str, core_v1.ContainerPort]]] = {}
    every = [
        (f"{at}.ports[{place}]", port)
        for at, container in every_container(field, spec)
        for place, port in enumerate(container.ports or ())
    ]
    for at, port in every:
        if port.host_ip and not port.host_port:
            shown = (
                f"{{Name:{port.name or ''} HostPort:0 ContainerPort:{port.container_port}"
                f" Protocol:{port.protocol or ''} HostIP:{port.host_ip}}}"
            )
            found.append(f"{at}: hostIP set without hostPort: {shown}")
        others = known.setdefault((port.container_port, port.protocol), [])
        for where, other in others:
            found += _overlap(at, port, where, other)
        others.append((at, port))
    named: dict[str, str] = {}
    for at, port in every:
        if not port.name:
            continue
        other_at = named.setdefault(port.name, at)
        if other_at != at:
            found.append(
                f"{at}: duplicate port name {quoted(port.name)} with {other_at}, services and probes that select ports"
                f" by name will use {other_at}"
            )
    return found


def _overlap(at: str, port: core_v1.ContainerPort, where: str, other: core_v1.ContainerPort) -> list[str]:
    ip, other_ip = port.host_ip or "", other.host_ip or ""
    number, other_number = port.host_port or 0, other.host_port or 0
    if (ip, number) == (other_ip, other_number):
        return [f"{at}: duplicate port definition with {where}"]
    if not number or not other_number:
        return [f"{at}: overlapping port definition with {where}"]
    if number == other_number and (not ip) is not (not other_ip):
        return [f"{at}: dangerously ambiguous port definition with {where}"]
    return []


def _affinity_warnings(field: str, affinity: core_v1.Affinity | None) -> list[str]:
    if affinity is None:
        return []
    found: list[str] = []
    for name, pods in (("podAffinity", affinity.pod_affinity), ("podAntiAffinity", affinity.pod_anti_affinity)):
        if pods is None:
            continue
        found += [
            f"{field}.{name}.{_REQUIRED}[{place}].labelSelector: {_NO_PODS}"
            for place, term in enumerate(pods.required_during_scheduling_ignored_during_execution or ())
            if term.label_selector is None
        ]
        found += [
            f"{field}.{name}.{_PREFERRED}[{place}].podAffinityTerm.labelSelector: {_NO_PODS}"
            for place, weighted in enumerate(pods.preferred_during_scheduling_ignored_during_execution or ())
            if weighted.pod_affinity_term.label_selector is None
        ]
    return found
