"""
Manifests: what kubeadm writes to /etc/kubernetes/manifests of a host.

Source:   cmd/kubeadm/app/phases/controlplane and etcd, for their flags, probes and requests.
Left out: the hash that kubeadm writes of an etcd manifest that was there before.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

_PKI: Final = "/etc/kubernetes/pki"
_CONF: Final = "/etc/kubernetes"
_ETCD_PKI: Final = f"{_PKI}/etcd"
CLIENTS: Final = 2379
PEERS: Final = 2380


@attrs.frozen(kw_only=True)
class Plan:
    """
    What a host's manifests are made from.

    Args:
        name, ip: the host's.
        version: of Kubernetes, such as `v1.36.0`.
        etcd_tag: of etcd's image.
        members: name -> address of the hosts that carry etcd; how many of them were there when this host joined says
            what its member knows of the others: *known*.
        service_cidr, cluster_cidr: the ranges of services and pods.
        apart: whether etcd is on hosts of its own.
    """

    name: str
    ip: str
    version: str
    etcd_tag: str
    members: dict[str, str]
    known: int = 0
    service_cidr: str = "10.96.0.0/12"
    cluster_cidr: str = "10.244.0.0/16"
    apart: bool = False


def control_plane(plan: Plan) -> tuple[dict[str, Any], ...]:
    """Give the manifests of API server, controller-manager and scheduler."""
    return _apiserver(plan), _controllers(plan), _scheduler(plan)


def etcd(plan: Plan) -> dict[str, Any]:
    """Give the manifest of a member of etcd."""
    here = f"https://{plan.ip}"
    known = list(plan.members.items())[: plan.known or len(plan.members)]
    others = ",".join([f"{name}=https://{ip}:{PEERS}" for name, ip in known])
    flags = {
        "advertise-client-urls": f"{here}:{CLIENTS}",
        "cert-file": f"{_ETCD_PKI}/server.crt",
        "client-cert-auth": "true",
        "data-dir": "/var/lib/etcd",
        "feature-gates": "InitialCorruptCheck=true",
        "initial-advertise-peer-urls": f"{here}:{PEERS}",
        "initial-cluster": others,
        **({"initial-cluster-state": "existing"} if plan.known > 1 else {}),
        "key-file": f"{_ETCD_PKI}/server.key",
        "listen-client-urls": f"https://127.0.0.1:{CLIENTS},{here}:{CLIENTS}",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "listen-peer-urls": f"{here}:{PEERS}",
        "name": plan.name,
        "peer-cert-file": f"{_ETCD_PKI}/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{_ETCD_PKI}/peer.key",
        "peer-trusted-ca-file": f"{_ETCD_PKI}/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{_ETCD_PKI}/ca.crt",
        "watch-progress-notify-interval": "5s",
    }
    made = _pod(
        "etcd",
        plan.etcd_tag,
        flags,
        {"cpu": "100m", "memory": "100Mi"},
        {"etcd-data": "/var/lib/etcd", "etcd-certs": _ETCD_PKI},
    )
    made["metadata"]["annotations"] = {"kubeadm.kubernetes.io/etcd.advertise-client-urls": f"{here}:{CLIENTS}"}
    return _probed(made, 2381, "127.0.0.1", "HTTP", live="/livez", ready="/readyz", start="/readyz")


def _apiserver(plan: Plan) -> dict[str, Any]:
    servers = (
        [f"https://{ip}:{CLIENTS}" for ip in plan.members.values()] if plan.apart else [f"https://127.0.0.1:{CLIENTS}"]
    )
    flags = {
        "advertise-address": plan.ip,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{_PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "etcd-cafile": f"{_ETCD_PKI}/ca.crt",
        "etcd-certfile": f"{_PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{_PKI}/apiserver-etcd-client.key",
        "etcd-servers": ",".join(servers),
        "kubelet-client-certificate": f"{_PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{_PKI}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{_PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{_PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{_PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{_PKI}/sa.pub",
        "service-account-signing-key-file": f"{_PKI}/sa.key",
        "service-cluster-ip-range": plan.service_cidr,
        "tls-cert-file": f"{_PKI}/apiserver.crt",
        "tls-private-key-file": f"{_PKI}/apiserver.key",
    }
    made = _pod("kube-apiserver", plan.version, flags, {"cpu": "250m"}, {"k8s-certs": _PKI})
    endpoint = f"{plan.ip}:6443"
    made["metadata"]["annotations"] = {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": endpoint}
    return _probed(made, 6443, plan.ip, "HTTPS", live="/livez", ready="/readyz", start="/livez")


def _controllers(plan: Plan) -> dict[str, Any]:
    conf = f"{_CONF}/controller-manager.conf"
    flags = {
        "allocate-node-cidrs": "true",
        "authentication-kubeconfig": conf,
        "authorization-kubeconfig": conf,
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{_PKI}/ca.crt",
        "cluster-cidr": plan.cluster_cidr,
        "cluster-name": "kubernetes",
        "cluster-signing-cert-file": f"{_PKI}/ca.crt",
        "cluster-signing-key-file": f"{_PKI}/ca.key",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "kubeconfig": conf,
        "leader-elect": "true",
        "requestheader-client-ca-file": f"{_PKI}/front-proxy-ca.crt",
        "root-ca-file": f"{_PKI}/ca.crt",
        "service-account-private-key-file": f"{_PKI}/sa.key",
        "service-cluster-ip-range": plan.service_cidr,
        "use-service-account-credentials": "true",
    }
    made = _pod(
        "kube-controller-manager", plan.version, flags, {"cpu": "200m"}, {"k8s-certs": _PKI, "kubeconfig": conf}
    )
    return _probed(made, 10257, "127.0.0.1", "HTTPS", live="/healthz", ready="", start="/healthz")


def _scheduler(plan: Plan) -> dict[str, Any]:
    conf = f"{_CONF}/scheduler.conf"
    flags = {
        "authentication-kubeconfig": conf,
        "authorization-kubeconfig": conf,
        "bind-address": "127.0.0.1",
        "kubeconfig": conf,
        "leader-elect": "true",
    }
    made = _pod("kube-scheduler", plan.version, flags, {"cpu": "100m"}, {"kubeconfig": conf})
    return _probed(made, 10259, "127.0.0.1", "HTTPS", live="/livez", ready="/readyz", start="/livez")


def _pod(name: str, tag: str, flags: dict[str, str], requests: dict[str, str], paths: dict[str, str]) -> dict[str, Any]:
    mounts = [{"name": volume, "mountPath": path, "readOnly": volume != "etcd-data"} for volume, path in paths.items()]
    kinds = {
        volume: "FileOrCreate" if path.endswith(".conf") else "DirectoryOrCreate" for volume, path in paths.items()
    }
    container = {
        "name": name,
        "image": f"registry.k8s.io/{name}:{tag}",
        "imagePullPolicy": "IfNotPresent",
        "command": [name, *[f"--{flag}={value}" for flag, value in flags.items()]],
        "resources": {"requests": requests},
        "volumeMounts": mounts,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
        },
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priority": 2_000_001_000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [
                {"name": volume, "hostPath": {"path": path, "type": kinds[volume]}} for volume, path in paths.items()
            ],
        },
    }


def _probed(
    pod: dict[str, Any], port: int, host: str, scheme: str, *, live: str, ready: str, start: str
) -> dict[str, Any]:
    def probe(path: str, failures: int, period: int, delay: int) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "failureThreshold": failures,
            "httpGet": {"host": host, "path": path, "port": port, "scheme": scheme},
            "periodSeconds": period,
            "timeoutSeconds": 15,
        }
        return {**asked, **({"initialDelaySeconds": delay} if delay else {})}

    container = pod["spec"]["containers"][0]
    container["livenessProbe"] = probe(live, 8, 10, 10)
    if ready:
        container["readinessProbe"] = probe(ready, 3, 1, 0)
    container["startupProbe"] = probe(start, 24, 10, 10)
    return pod
