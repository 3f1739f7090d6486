"""
Kubeadm: clusters as kubeadm builds them, as topologies and as the files that it writes.

Takes:    the form, and how many hosts.
Gives:    a Topology; the manifests of each host's disk; the add-ons, which are applied to the cluster that runs.
Source:   kubeadm init, kubeadm join --control-plane, and the set-up of an external etcd with kubeadm, 1.36.
Left out: certificates, kubeconfigs, the bootstrap token, and the ConfigMaps kubeadm-config and kubelet-config.
"""

from reconcile.cluster.kubeadm.addons import addons
from reconcile.cluster.kubeadm.forms import FORMS, kubeadm, with_manifests
from reconcile.cluster.kubeadm.manifests import Plan, control_plane, etcd

__all__ = ["FORMS", "Plan", "addons", "control_plane", "etcd", "kubeadm", "with_manifests"]
