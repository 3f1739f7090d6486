"""Manifests: those of static pods that a host has on its disk."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.lib.mapping import Map

KUBERNETES: Final = "v1.36.0"
ETCD: Final = "3.6.6-0"
_NAMESPACE: Final = "kube-system"


def static_pod(name: str) -> Any:
    """Give the manifest that a kubelet brings a control plane component up from."""
    image = f"registry.k8s.io/{name}:{ETCD if name == 'etcd' else KUBERNETES}"
    tolerations = (core_v1.Toleration(operator="Exists"),)
    container = core_v1.Container(name=name, image=image, image_pull_policy="IfNotPresent", command=(name,))
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="kube-system",
            labels=Map.of({"component": name, "tier": "node" if name == "kube-proxy" else "control-plane"}),
        ),
        spec=core_v1.PodSpec(
            containers=(container,),
            host_network=True,
            priority_class_name="system-node-critical",
            restart_policy="Always",
            tolerations=tolerations,
        ),
    )


def merged(own: tuple[Any, ...], run: list[str]) -> tuple[Any, ...]:
    """Give a host's own manifests, and one for each program of *run* that none of them is for."""
    there = {_name(pod) for pod in own}
    return (*own, *[static_pod(name) for name in run if (_NAMESPACE, name) not in there])


def _name(pod: Any) -> tuple[str, str]:
    return pod.metadata.namespace or "default", pod.metadata.name
