"""Warnings of each kind by its resource."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.registry.warnings.definitions import format_warnings
from reconcile.components.apiserver.registry.warnings.groups import GROUPS
from reconcile.components.apiserver.registry.warnings.pods import (
    claim_warnings,
    node_term_warnings,
    pod_warnings,
)
from reconcile.components.apiserver.registry.warnings.values import address_warnings, block_warnings, listed
from reconcile.lib.mapping import Map
from reconcile.model.text import names

Warnings = tuple[str, ...]

_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_MODE: Final = "service.kubernetes.io/topology-mode"
_MOUNTABLE: Final = "kubernetes.io/enforce-mountable-secrets"
_OWN_ENDPOINTS: Final = ("endpoints.kubernetes.io/managed-by", "endpoint-controller")
_MANY_COMPLETIONS: Final = 100_000
_MANY_AT_ONCE: Final = 10_000
_NAMED: Final = frozenset(
    {"pods", "replicationcontrollers", "deployments.apps", "replicasets.apps", "jobs.batch", "cronjobs.batch"}
)


def creation_warnings(resource: str, new: Any) -> Warnings:
    """Give what the one who makes an object is told."""
    found: list[str] = []
    name = (new.metadata.name if new.metadata is not None else None) or ""
    if resource in _NAMED:
        faults = names.label_faults(name)
        if faults:
            where = "the Pod's hostname" if resource == "pods" else "Pod names and hostnames"
            found.append(
                f"metadata.name: this is used in {where}, which can result in surprising behavior; a DNS label is"
                f" recommended: {listed(faults)}"
            )
    if resource == "pods":
        found += pod_warnings("", new.spec, new.metadata)
    else:
        ask = _OBJECTS.get(resource)
        found += () if ask is None else ask(new, None)
        if resource == "resourcequotas":
            found += _quota(new)
    return tuple(found)


def change_warnings(resource: str, new: Any, old: Any) -> Warnings:
    """Give what the one who changes an object is told."""
    ask = _OBJECTS.get(resource)
    if ask is None or (resource in _TEMPLATED and new.spec is old.spec):
        return ()
    found = [*ask(new, old)]
    if resource == "cronjobs.batch" and "TZ" in (new.spec.schedule or ""):
        found.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see"
            " https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return tuple(found)


def _annotations(obj: Any) -> Map[str]:
    return (obj.metadata.annotations if obj.metadata is not None else None) or Map[str]()


def _template(field: str, template: Any) -> list[str]:
    if template is None or template.spec is None:
        return []
    return pod_warnings(field, template.spec, template.metadata)


def _templated(new: Any, _: Any) -> list[str]:
    return _template("spec.template", new.spec.template) if new.spec is not None else []


def _replication_controller(new: Any, old: Any) -> list[str]:
    # What an update tells is of the template that there was.
    told = new if old is None else old
    return _template("spec.template", told.spec.template) if told.spec is not None else []


def _stateful_set(new: Any, old: Any) -> list[str]:
    spec = new.spec
    found = _templated(new, None) if old is None or new.spec is not old.spec else []
    for place, claim in enumerate((spec.volume_claim_templates if spec is not None else None) or ()):
        at = f"spec.volumeClaimTemplates[{place}]"
        found += claim_warnings(at if old is None else f"{at}.Spec", claim.spec)
    if spec is not None and spec.revision_history_limit is not None and spec.revision_history_limit < 0:
        found.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )
    return found


def _job(new: Any, _: Any) -> list[str]:
    return _job_spec("spec", new.spec)


def _cron_job(new: Any, _: Any) -> list[str]:
    template = new.spec.job_template if new.spec is not None else None
    return _job_spec("spec.jobTemplate.spec", template.spec if template is not None else None)


def _job_spec(field: str, spec: Any) -> list[str]:
    if spec is None:
        return []
    found: list[str] = []
    many = (spec.completions or 0) > _MANY_COMPLETIONS and (spec.parallelism or 0) > _MANY_AT_ONCE
    if spec.completion_mode == "Indexed" and many:
        found.append(
            f"{field}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than"
            " 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found + _template(f"{field}.template", spec.template)


def _pod_template(new: Any, _: Any) -> list[str]:
    return _template("template", new.template)


def _service(new: core_v1.Service, _: Any) -> list[str]:
    spec = new.spec or core_v1.ServiceSpec()
    found: list[str] = []
    if _HINTS in _annotations(new):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    if spec.cluster_ip not in (None, "", "None"):
        for place, address in enumerate(spec.cluster_ips or ()):
            found += address_warnings(f"spec.clusterIPs[{place}]", address)
    headless = spec.type == "ClusterIP" and spec.cluster_ip == "None"
    outer = spec.external_ips or ()
    if headless:
        parts = (
            ("spec.loadBalancerIP", spec.load_balancer_ip),
            ("spec.externalIPs", outer),
            ("spec.SessionAffinity", spec.session_affinity != "None"),
        )
        found += [f"{name} is ignored for headless services" for name, said in parts if said]
    for place, address in enumerate(outer):
        found += address_warnings(f"spec.externalIPs[{place}]", address)
    if outer and not headless and spec.type != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.load_balancer_ip:
        found += address_warnings("spec.loadBalancerIP", spec.load_balancer_ip)
    for place, block in enumerate(spec.load_balancer_source_ranges or ()):
        found += block_warnings(f"spec.loadBalancerSourceRanges[{place}]", block)
    if spec.type == "ExternalName" and outer:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.type != "ExternalName" and spec.external_name:
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.traffic_distribution == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _endpoints(new: core_v1.Endpoints, _: Any) -> list[str]:
    label, name = _OWN_ENDPOINTS
    labels = (new.metadata.labels if new.metadata is not None else None) or Map[str]()
    if labels.get(label) == name:
        return []
    found: list[str] = []
    for place, subset in enumerate(new.subsets or ()):
        for field, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
            for number, address in enumerate(addresses or ()):
                found += address_warnings(f"subsets[{place}].{field}[{number}].ip", address.ip)
    return found


def _persistent_volume(new: core_v1.PersistentVolume, _: Any) -> list[str]:
    spec = new.spec or core_v1.PersistentVolumeSpec()
    annotations = _annotations(new)
    found = [
        f'metadata.annotations[volume.beta.kubernetes.io/{name}]: deprecated since {since}; use "{field}" attribute'
        " instead"
        for name, since, field in (
            ("storage-class", "v1.8", "storageClassName"),
            ("mount-options", "v1.31", "mountOptions"),
        )
        if f"volume.beta.kubernetes.io/{name}" in annotations
    ]
    if spec.persistent_volume_reclaim_policy == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended"
            " approach is to use dynamic provisioning."
        )
    if spec.node_affinity is not None and spec.node_affinity.required is not None:
        for place, term in enumerate(spec.node_affinity.required.node_selector_terms):
            at = f"spec.nodeAffinity.required.nodeSelectorTerms[{place}]"
            found += node_term_warnings(at, term, values=False)
    return found + [
        f"spec.{shown}: deprecated in {since}, non-functional in {until}+"
        for name, shown, since, until in _GONE_VOLUMES
        if getattr(spec, name) is not None
    ]


_GONE_VOLUMES: Final = (
    ("cephfs", "cephfs", "v1.28", "v1.31"),
    ("photon_persistent_disk", "photonPersistentDisk", "v1.11", "v1.16"),
    ("scale_io", "scaleIO", "v1.16", "v1.22"),
    ("storageos", "storageOS", "v1.22", "v1.25"),
    ("glusterfs", "glusterfs", "v1.25", "v1.26"),
    ("rbd", "rbd", "v1.28", "v1.31"),
)


def _claim(new: core_v1.PersistentVolumeClaim, _: Any) -> list[str]:
    found: list[str] = []
    if _CLASS in _annotations(new):
        found.append(f'metadata.annotations[{_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead')
    return found + claim_warnings("spec", new.spec)


def _node(new: core_v1.Node, _: Any) -> list[str]:
    spec = new.spec or core_v1.NodeSpec()
    found: list[str] = []
    if spec.config_source is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.external_id:
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for place, block in enumerate(spec.pod_cidrs or ()):
        found += block_warnings(f"spec.podCIDRs[{place}]", block)
    return found


def _secret(new: core_v1.Secret, _: Any) -> list[str]:
    if new.type != "kubernetes.io/tls":
        return []
    kept = new.data or Map[str]()
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN " not in b64decode(kept.get(key, "")):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


def _service_account(new: core_v1.ServiceAccount, old: core_v1.ServiceAccount | None) -> list[str]:
    if _MOUNTABLE not in _annotations(new) or (old is not None and _MOUNTABLE in _annotations(old)):
        return []
    why = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {why}"]


def _quota(new: core_v1.ResourceQuota) -> list[str]:
    hard = (new.spec.hard if new.spec is not None else None) or Map[Quantity]()
    found: list[str] = []
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        asked, limit = f"requests.{name}", f"limits.{name}"
        if asked not in hard and name in ("cpu", "memory"):
            asked = name
        if asked in hard and limit in hard and hard[asked] > hard[limit]:
            found.append(f"ResourceQuota {asked} ({hard[asked].text}) should be less than {limit} ({hard[limit].text})")
    return found


_TEMPLATED: Final = frozenset(
    {
        "replicationcontrollers",
        "deployments.apps",
        "replicasets.apps",
        "daemonsets.apps",
        "jobs.batch",
    }
)
_OBJECTS: Final[Mapping[str, Callable[[Any, Any], list[str]]]] = {
    "endpoints": _endpoints,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _persistent_volume,
    "podtemplates": _pod_template,
    "replicationcontrollers": _replication_controller,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "services": _service,
    "deployments.apps": _templated,
    "replicasets.apps": _templated,
    "daemonsets.apps": _templated,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "customresourcedefinitions.apiextensions.k8s.io": format_warnings,
    **GROUPS,
}
