"""
Controllers: the names by which `--controllers` switches them, and which of those here each stands for.

Source:   the controller-manager's `--controllers` and its aliases.
Left out: a controller that is not here can be named, and nothing follows.
"""

from __future__ import annotations

from typing import Final

OFF: Final = ("bootstrap-signer-controller", "selinux-warning-controller", "token-cleaner-controller")
"""Those that are off unless they are named."""

_ROWS: Final = """\
bootstrap-signer-controller bootstrapsigner: bootstrap-signer
certificatesigningrequest-approving-controller csrapproving: csrapproving
certificatesigningrequest-cleaner-controller csrcleaner: csrcleaner
certificatesigningrequest-signing-controller csrsigning: csrsigning-kubelet-serving \
csrsigning-kube-apiserver-client-kubelet csrsigning-kube-apiserver-client csrsigning-legacy-unknown
cloud-node-lifecycle-controller cloud-node-lifecycle:
clusterrole-aggregation-controller clusterrole-aggregation:
cronjob-controller cronjob: cronjob
daemonset-controller daemonset: daemonset
deployment-controller deployment: deployment
device-taint-eviction-controller: device-taint-eviction
disruption-controller disruption: disruption disruption-stale-conditions
endpoints-controller endpoint: endpoints
endpointslice-controller endpointslice: endpointslice
endpointslice-mirroring-controller endpointslicemirroring: endpointslicemirroring
ephemeral-volume-controller ephemeral-volume: ephemeral-volume
garbage-collector-controller garbagecollector: garbagecollector
horizontal-pod-autoscaler-controller horizontalpodautoscaling: horizontalpodautoscaler
job-controller job: job job-orphans
kube-apiserver-serving-clustertrustbundle-publisher-controller:
legacy-serviceaccount-token-cleaner-controller legacy-service-account-token-cleaner:
namespace-controller namespace: namespace
node-ipam-controller nodeipam: node-ipam-controller
node-lifecycle-controller nodelifecycle: nodelifecycle
node-route-controller route:
persistentvolume-attach-detach-controller attachdetach: attachdetach
persistentvolume-binder-controller persistentvolume-binder: persistentvolume-binder
persistentvolume-expander-controller persistentvolume-expander: persistentvolume-expander
persistentvolume-protection-controller pv-protection: persistentvolume-protection
persistentvolumeclaim-protection-controller pvc-protection: persistentvolumeclaim-protection
pod-garbage-collector-controller podgc: pod-garbage-collector
podcertificaterequest-cleaner-controller:
podgroup-protection-controller: podgroup-protection
replicaset-controller replicaset: replicaset
replicationcontroller-controller replicationcontroller: replicationcontroller
resourceclaim-controller resource-claim-controller: resourceclaim
resourcepoolstatusrequest-controller:
resourcequota-controller resourcequota: resourcequota resourcequota-priority
root-ca-certificate-publisher-controller root-ca-cert-publisher: root-ca-certificate-publisher
selinux-warning-controller:
service-cidr-controller: service-cidr-controller
service-lb-controller service:
serviceaccount-controller serviceaccount: serviceaccount
serviceaccount-token-controller serviceaccount-token: serviceaccount-token
statefulset-controller statefulset: statefulset
storage-version-migrator-controller svm:
storageversion-garbage-collector-controller storage-version-gc:
taint-eviction-controller: taint-eviction-controller
token-cleaner-controller tokencleaner: token-cleaner
ttl-after-finished-controller ttl-after-finished: ttl-after-finished-controller
ttl-controller ttl:
validatingadmissionpolicy-status-controller: validatingadmissionpolicy-status
volumeattributesclass-protection-controller: volumeattributesclass-protection
"""

_LINES: Final = [(names.split(), own.split()) for names, _, own in [row.partition(":") for row in _ROWS.splitlines()]]
_NAMED: Final[dict[str, str]] = {name: names[0] for names, _ in _LINES for name in names}
OWN: Final[dict[str, tuple[str, ...]]] = {names[0]: tuple(own) for names, own in _LINES}
"""Name -> the controllers here that it stands for."""

_EVERYTHING: Final = "*"


def unknown_controllers(words: tuple[str, ...]) -> list[str]:
    """Say of each word that names no controller that it does not."""
    named = [word.removeprefix("-") for word in words if word != _EVERYTHING]
    return [f'"{name}" is not in the list of known controllers' for name in named if name not in _NAMED]


def controllers_left_out(words: tuple[str, ...]) -> tuple[str, ...]:
    """
    Name the controllers here that `--controllers` leaves out.

    Those that are off by default upstream stay as they are here unless a word switches them off, or none is `*`.

    Args:
        words: those of the flag; none: it was not given.
    """
    if not words:
        return ()
    on = {_NAMED[word] for word in words if word in _NAMED}
    off = {_NAMED[word[1:]] for word in words if word[:1] == "-" and word[1:] in _NAMED}
    everything = _EVERYTHING in words
    return tuple(
        [own for name, owns in OWN.items() for own in owns if name not in on and (name in off or not everything)]
    )
