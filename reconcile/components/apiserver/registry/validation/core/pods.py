"""
Validation of pods: a pod's specification, and what only a pod has beside it.

What is wrong with a specification is remembered by its object: the pods of one template have one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.core.annotations import (
    MIRROR,
    annotation_causes,
    matching_causes,
    unbound_mirror,
)
from reconcile.components.apiserver.registry.validation.core.containers import (
    containers_causes,
    file_volumes_causes,
    on_host_causes,
    padded_image_causes,
)
from reconcile.components.apiserver.registry.validation.core.pod_volumes import (
    own_volumes_causes,
    unread_tokens_causes,
    volumes_causes,
    well_volumes,
)
from reconcile.components.apiserver.registry.validation.core.resources import (
    claims_causes,
    pod_resources_causes,
    resources_causes,
)
from reconcile.components.apiserver.registry.validation.core.scheduling import (
    affinity_causes,
    spread_causes,
    tolerations_causes,
)
from reconcile.components.apiserver.registry.validation.core.security import (
    host_process_causes,
    host_users_causes,
    os_causes,
    pod_context_causes,
)
from reconcile.components.apiserver.registry.validation.metadata import annotations_causes, labels_causes
from reconcile.components.apiserver.registry.validation.values import (
    LARGEST_INT32,
    address_causes,
    between,
    label,
    named,
    one_of,
    qualified,
    subdomain,
)
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_RESTART: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_LONGEST_HOST: Final = 64
_MOST_SERVERS: Final = 3
_MOST_SEARCHES: Final = 32
_LONGEST_SEARCHES: Final = 2048


def pod_causes(pod: core_v1.Pod, given: Causes | None = None) -> Causes:
    """Say what is wrong with a pod; *given* is what is known to be wrong with its specification."""
    if pod.spec is None:
        return (required("spec.containers"),)
    metadata, spec = pod.metadata, pod.spec
    found = pod_spec_causes("spec", spec) if given is None else given
    annotations = metadata.annotations if metadata is not None else None
    if annotations:
        before = annotation_causes("metadata.annotations", annotations, spec)
        found = (*before, *found, *matching_causes("spec", annotations, spec))
        if MIRROR in annotations:
            found += tuple(_mirror_causes(annotations, spec))
    if spec.volumes and _has_own_volumes(Same(spec)):
        name = (metadata.name if metadata is not None else None) or ""
        found += tuple(own_volumes_causes("spec.volumes", name, spec))
    return found


def new_pod_causes(pod: core_v1.Pod, given: Causes | None = None) -> Causes:
    """Say what is wrong with a pod that is to be made."""
    spec = pod.spec
    found = pod_causes(pod, given)
    if spec is None:
        return found
    if spec.ephemeral_containers:
        found += (forbidden("spec.ephemeralContainers", "cannot be set on create"),)
    if spec.node_name and spec.scheduling_gates:
        found += (forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"),)
    return found


def _mirror_causes(annotations: Map[str], spec: core_v1.PodSpec) -> list[Cause]:
    found = [] if spec.node_name else [unbound_mirror(annotations)]
    return found + [forbidden("", "static pods do not support resource claims") for _ in spec.resource_claims or ()]


@lru_cache(maxsize=4096)
def _has_own_volumes(same: Same) -> bool:
    volumes = same.value.volumes or ()
    return any(volume.ephemeral is not None for volume in volumes)


def pod_spec_causes(field: str, spec: core_v1.PodSpec, *, pod: bool = True) -> Causes:
    """Say what is wrong with the specification of a *pod*, or of a template, that has its defaults."""
    return _pod_spec_causes(field, Same(spec), pod)


@lru_cache(maxsize=4096)
def _pod_spec_causes(field: str, same: Same, pod: bool) -> Causes:  # noqa: FBT001 -- a cached function's key
    spec: core_v1.PodSpec = same.value
    found: list[Cause] = []
    if spec.termination_grace_period_seconds is None:
        found.append(required(f"{field}.terminationGracePeriodSeconds"))
    volumes = f"{field}.volumes"
    if spec.volumes:
        found += volumes_causes(volumes, spec, pod=pod)
    if spec.resource_claims:
        found += claims_causes(f"{field}.resourceClaims", spec.resource_claims)
    found += containers_causes(field, spec, well_volumes(volumes, spec, pod=pod))
    claims = tuple([claim.name for claim in spec.resource_claims or () if claim.name])
    found += pod_resources_causes(field, spec, claims)
    found += on_host_causes(field, spec, pod=pod)
    found += one_of(f"{field}.restartPolicy", spec.restart_policy, _RESTART)
    found += one_of(f"{field}.dnsPolicy", spec.dns_policy, _DNS)
    if spec.node_selector:
        found += labels_causes(f"{field}.nodeSelector", spec.node_selector)
    found += pod_context_causes(f"{field}.securityContext", spec)
    if spec.affinity is not None:
        found += affinity_causes(f"{field}.affinity", spec.affinity)
    found += _dns_causes(f"{field}.dnsConfig", spec)
    found += _gates_causes(field, spec)
    if spec.topology_spread_constraints:
        found += spread_causes(f"{field}.topologySpreadConstraints", spec.topology_spread_constraints)
    found += host_process_causes(field, spec)
    found += host_users_causes(field, spec)
    found += _names_causes(field, spec)
    found += _rest_causes(field, spec)
    if pod:
        found += unread_tokens_causes(volumes, spec)
        for name, containers in (("containers", spec.containers), ("initContainers", spec.init_containers or ())):
            for place, container in enumerate(containers):
                found += padded_image_causes(f"{field}.{name}[{place}]", container)
    return tuple(found)


def _dns_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    config = spec.dns_config
    if spec.dns_policy == "None":
        if config is None:
            return [required(field, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.nameservers:
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{field}.nameservers", why)]
    if config is None:
        return []
    found: list[Cause] = []
    servers, searches = config.nameservers or (), config.searches or ()
    if len(servers) > _MOST_SERVERS:
        found.append(wrong(f"{field}.nameservers", servers, f"must not have more than {_MOST_SERVERS} nameservers"))
    for place, server in enumerate(servers):
        found += address_causes(f"{field}.nameservers[{place}]", server)
    if len(searches) > _MOST_SEARCHES:
        found.append(wrong(f"{field}.searches", searches, f"must not have more than {_MOST_SEARCHES} search paths"))
    if len(" ".join(searches)) > _LONGEST_SEARCHES:
        why = f"must not have more than {_LONGEST_SEARCHES} characters (including spaces) in the search list"
        found.append(wrong(f"{field}.searches", searches, why))
    for place, search in enumerate(searches):
        if search != ".":
            text = search.removesuffix(".")
            found += named(f"{field}.searches[{place}]", text, names.underscored_faults(text))
    for place, option in enumerate(config.options or ()):
        if not option.name:
            found.append(required(f"{field}.options[{place}]", "must not be empty"))
    return found


def _gates_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    for place, gate in enumerate(spec.readiness_gates or ()):
        found += qualified(f"{field}.readinessGates[{place}].conditionType", gate.condition_type)
    seen: set[str] = set()
    for place, waiting in enumerate(spec.scheduling_gates or ()):
        at = f"{field}.schedulingGates[{place}]"
        found += qualified(at, waiting.name)
        if waiting.name in seen:
            found.append(duplicate(at, waiting.name))
        seen.add(waiting.name)
    return found


def _names_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    override, at = spec.hostname_override, f"{field}.hostnameOverride"
    if override is not None:
        if spec.set_hostname_as_fqdn:
            found.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
        if spec.host_network:
            found.append(forbidden(at, "may not be specified when hostNetwork is true"))
        if len(override) > _LONGEST_HOST:
            found.append(too_long(at, _LONGEST_HOST))
        found += subdomain(at, override)
    if spec.service_account_name:
        found += subdomain(f"{field}.serviceAccountName", spec.service_account_name)
    if spec.node_name:
        found += subdomain(f"{field}.nodeName", spec.node_name)
    found += between(f"{field}.activeDeadlineSeconds", spec.active_deadline_seconds, 1, LARGEST_INT32)
    for name, text in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if text:
            found += label(f"{field}.{name}", text)
    return found


def _rest_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    if spec.tolerations:
        found += tolerations_causes(f"{field}.tolerations", spec.tolerations)
    for place, alias in enumerate(spec.host_aliases or ()):
        at = f"{field}.hostAliases[{place}]"
        found += address_causes(f"{at}.ip", alias.ip)
        for number, name in enumerate(alias.hostnames or ()):
            found += subdomain(f"{at}.hostnames[{number}]", name)
    if spec.priority_class_name:
        found += subdomain(f"{field}.priorityClassName", spec.priority_class_name)
    if spec.runtime_class_name is not None:
        found += subdomain(f"{field}.runtimeClassName", spec.runtime_class_name)
    if spec.preemption_policy is not None:
        found += one_of(f"{field}.preemptionPolicy", spec.preemption_policy, ("PreemptLowerPriority", "Never"))
    if spec.overhead is not None:
        found += resources_causes(f"{field}.overhead", core_v1.ResourceRequirements(limits=spec.overhead))
    found += os_causes(field, spec)
    group = spec.scheduling_group
    if group is not None:
        at = f"{field}.schedulingGroup.podGroupName"
        if group.pod_group_name is None:
            found.append(wrong(at, None, "must specify one of: `podGroupName`"))
        else:
            found += subdomain(at, group.pod_group_name)
    return found + file_volumes_causes(field, spec)


def template_causes(field: str, template: core_v1.PodTemplateSpec) -> list[Cause]:
    """Say what is wrong with a template of pods."""
    metadata = template.metadata or meta_v1.ObjectMeta()
    spec = template.spec
    found: list[Cause] = []
    if metadata.labels and not names.labels_are_well(metadata.labels):
        found += labels_causes(f"{field}.labels", metadata.labels)
    if metadata.annotations:
        found += annotations_causes(f"{field}.annotations", metadata.annotations)
        if spec is not None:
            found += annotation_causes(f"{field}.annotations", metadata.annotations, spec)
    if spec is None:
        return [*found, required(f"{field}.spec.containers")]
    found += pod_spec_causes(f"{field}.spec", spec, pod=False)
    if metadata.annotations:
        found += matching_causes(f"{field}.spec", metadata.annotations, spec)
    if spec.ephemeral_containers:
        found.append(forbidden(f"{field}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"))
    return found
