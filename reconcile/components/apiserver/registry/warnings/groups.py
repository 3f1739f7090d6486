"""Warnings of each kind outside of the core group, by its resource; those that make pods stand with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import discovery_v1, networking_v1, node_v1, storage_v1
from reconcile.components.apiserver.registry.validation.ingresses import CLASS
from reconcile.components.apiserver.registry.warnings.values import address_warnings, block_warnings

_TOKENS: Final = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible"
    " logging of tokens in volume attributes"
)
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
_MAKER: Final = "endpointslice.kubernetes.io/managed-by"
# Whose addresses are well: they make them so.
_OWN_MAKERS: Final = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def _driver(obj: storage_v1.CSIDriver, old: storage_v1.CSIDriver | None) -> list[str]:
    wanted = obj.spec.token_requests
    unset = wanted and obj.spec.service_account_token_in_secrets is None
    return [_TOKENS] if unset and (old is None or old.spec.token_requests != wanted) else []


def _ingress(obj: networking_v1.Ingress) -> list[str]:
    annotations = obj.metadata.annotations if obj.metadata is not None else None
    named = obj.spec.ingress_class_name if obj.spec is not None else None
    if annotations is None or CLASS not in annotations or named is not None:
        return []
    return [f"annotation \"{CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def _network_policy(obj: networking_v1.NetworkPolicy) -> list[str]:
    spec = obj.spec
    if spec is None:
        return []
    found: list[str] = []
    ways = [("ingress", "from", rule.from_) for rule in spec.ingress or ()]
    starts = [*range(len(ways)), *range(len(spec.egress or ()))]
    ways += [("egress", "to", rule.to) for rule in spec.egress or ()]
    for place, (way, name, peers) in zip(starts, ways, strict=True):
        for number, peer in enumerate(peers or ()):
            if peer.ip_block is None:
                continue
            at = f"spec.{way}[{place}].{name}[{number}].ipBlock"
            found += block_warnings(f"{at}.cidr", peer.ip_block.cidr)
            for part, text in enumerate(peer.ip_block.except_ or ()):
                found += block_warnings(f"{at}.except[{part}]", text)
    return found


def _storage_class(obj: storage_v1.StorageClass) -> list[str]:
    return [
        f"allowedTopologies[{place}].matchLabelExpressions[{number}].key: {_OLD_LABELS[expression.key]}"
        for place, term in enumerate(obj.allowed_topologies or ())
        for number, expression in enumerate(term.match_label_expressions or ())
        if expression.key in _OLD_LABELS
    ]


def _capacity(obj: storage_v1.CSIStorageCapacity) -> list[str]:
    selector = obj.node_topology
    if selector is None:
        return []
    found = [
        f"nodeTopology.matchExpressions[{place}].key: {expression.key} is {_OLD_LABELS[expression.key]}"
        for place, expression in enumerate(selector.match_expressions or ())
        if expression.key in _OLD_LABELS
    ]
    keys = [key for key in sorted(selector.match_labels or ()) if key in _OLD_LABELS]
    return found + [f"nodeTopology.matchLabels.{key}: {_OLD_LABELS[key]}" for key in keys]


def _runtime_class(obj: node_v1.RuntimeClass) -> list[str]:
    wanted = obj.scheduling.node_selector if obj.scheduling is not None else None
    keys = [key for key in sorted(wanted or ()) if key in _OLD_LABELS]
    return [f"scheduling.nodeSelector: {_OLD_LABELS[key]}" for key in keys]


def _slice(obj: discovery_v1.EndpointSlice, *, is_new: bool) -> list[str]:
    found = ["spec.addressType: FQDN endpoints are deprecated"] if is_new and obj.address_type == "FQDN" else []
    return found + _addresses(obj)


def _addresses(obj: discovery_v1.EndpointSlice) -> list[str]:
    labels = obj.metadata.labels if obj.metadata is not None else None
    maker = labels.get(_MAKER) if labels is not None else None
    if obj.address_type == "FQDN" or maker in _OWN_MAKERS:
        return []
    return [
        warning
        for place, endpoint in enumerate(obj.endpoints or ())
        for number, text in enumerate(endpoint.addresses)
        for warning in address_warnings(f"endpoints[{place}].addresses[{number}]", text)
    ]


GROUPS: Final[Mapping[str, Callable[[Any, Any], list[str]]]] = {
    "csidrivers.storage.k8s.io": _driver,
    "ingresses.networking.k8s.io": lambda new, old: _ingress(new) if old is None else [],
    "networkpolicies.networking.k8s.io": lambda new, _: _network_policy(new),
    "storageclasses.storage.k8s.io": lambda new, _: _storage_class(new),
    "csistoragecapacities.storage.k8s.io": lambda new, _: _capacity(new),
    "runtimeclasses.node.k8s.io": lambda new, _: _runtime_class(new),
    "endpointslices.discovery.k8s.io": lambda new, old: _slice(new, is_new=old is None),
}
