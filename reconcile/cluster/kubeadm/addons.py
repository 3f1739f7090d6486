"""
Add-ons: kube-proxy as a DaemonSet, and CoreDNS as a Deployment with its Service, as kubeadm applies them.

Source:   cmd/kubeadm/app/phases/addons.
Left out: what the ConfigMaps hold beyond a line or two: nothing here reads them.
"""

from __future__ import annotations

from typing import Any, Final

COREDNS: Final = "v1.14.2"
_SPACE: Final = "kube-system"


def addons(version: str, dns: str = "10.96.0.10") -> tuple[dict[str, Any], ...]:
    """
    Give the objects of both add-ons, in the order in which they can be applied.

    Args:
        version: of Kubernetes, such as `v1.36.0`.
        dns: the address of the Service kube-dns.
    """
    return (*_proxy(version), *_dns(dns))


def _object(kind: str, version: str, name: str, **rest: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if not kind.startswith("Cluster"):
        metadata["namespace"] = _SPACE
    metadata |= rest.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _account(name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": _SPACE}


def _proxy(version: str) -> tuple[dict[str, Any], ...]:
    labels = {"k8s-app": "kube-proxy"}
    container = {
        "name": "kube-proxy",
        "image": f"registry.k8s.io/kube-proxy:{version}",
        "imagePullPolicy": "IfNotPresent",
        "command": [
            "/usr/local/bin/kube-proxy",
            "--config=/var/lib/kube-proxy/config.conf",
            "--hostname-override=$(NODE_NAME)",
        ],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {"privileged": True},
        "volumeMounts": [{"name": "kube-proxy", "mountPath": "/var/lib/kube-proxy"}],
    }
    spec = {
        "containers": [container],
        "hostNetwork": True,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-node-critical",
        "serviceAccountName": "kube-proxy",
        "tolerations": [{"operator": "Exists"}],
        "volumes": [{"name": "kube-proxy", "configMap": {"name": "kube-proxy"}}],
    }
    configuration = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
    return (
        _object("ServiceAccount", "v1", "kube-proxy"),
        _object(
            "ConfigMap",
            "v1",
            "kube-proxy",
            metadata={"labels": {"app": "kube-proxy"}},
            data={"config.conf": configuration},
        ),
        _object(
            "ClusterRoleBinding",
            "rbac.authorization.k8s.io/v1",
            "kubeadm:node-proxier",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"},
            subjects=[_account("kube-proxy")],
        ),
        _object(
            "DaemonSet",
            "apps/v1",
            "kube-proxy",
            metadata={"labels": labels},
            spec={
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
                "updateStrategy": {"type": "RollingUpdate"},
            },
        ),
    )


def _dns(address: str) -> tuple[dict[str, Any], ...]:
    labels = {"k8s-app": "kube-dns"}
    role = "system:coredns"
    watched = {"endpoints", "services", "pods", "namespaces"}
    rules = [
        {"apiGroups": [""], "resources": sorted(watched), "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    ports = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53), ("metrics", "TCP", 9153))
    corefile = ".:53 {\n    errors\n    health\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n}\n"
    return (
        _object("ServiceAccount", "v1", "coredns"),
        _object("ConfigMap", "v1", "coredns", data={"Corefile": corefile}),
        _object("ClusterRole", "rbac.authorization.k8s.io/v1", role, rules=rules),
        _object(
            "ClusterRoleBinding",
            "rbac.authorization.k8s.io/v1",
            role,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[_account("coredns")],
        ),
        _object(
            "Service",
            "v1",
            "kube-dns",
            metadata={"labels": {**labels, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}},
            spec={
                "clusterIP": address,
                "selector": labels,
                "ports": [
                    {"name": name, "protocol": protocol, "port": port, "targetPort": port}
                    for name, protocol, port in ports
                ],
            },
        ),
        _object("Deployment", "apps/v1", "coredns", metadata={"labels": labels}, spec=_dns_deployment(labels)),
    )


def _dns_deployment(labels: dict[str, str]) -> dict[str, Any]:
    container = {
        "name": "coredns",
        "image": f"registry.k8s.io/coredns/coredns:{COREDNS}",
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "ports": [
            {"name": "dns", "protocol": "UDP", "containerPort": 53},
            {"name": "dns-tcp", "protocol": "TCP", "containerPort": 53},
            {"name": "metrics", "protocol": "TCP", "containerPort": 9153},
        ],
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "initialDelaySeconds": 60,
            "timeoutSeconds": 5,
            "failureThreshold": 5,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 100, "podAffinityTerm": apart}]
    spec = {
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
        "containers": [container],
        "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": "coredns",
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
        ],
        "volumes": [
            {
                "name": "config-volume",
                "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]},
            }
        ],
    }
    return {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }
