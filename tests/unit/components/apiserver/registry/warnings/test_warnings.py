"""Warnings: told to whoever reads them, and to nobody else."""

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.warnings import change_warnings, creation_warnings

SPEC = {"containers": [{"name": "a", "image": "i"}]}


def load(kind, version="v1", **parts):
    return convert.load({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **parts}).object


def pod(**parts):
    return load("Pod", spec={**SPEC, **parts})


PODS = [
    (pod(nodeSelector={"beta.kubernetes.io/os": "linux"}), 'deprecated since v1.14; use "kubernetes.io/os" instead'),
    (pod(volumes=[{"name": "v", "rbd": {"image": "i", "monitors": ["m"]}}]), "deprecated in v1.28, non-functional in"),
    (
        pod(containers=[{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]),
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ),
    (
        pod(containers=[{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 1}]}]),
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
    ),
    (
        pod(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]),
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
    ),
    (
        pod(volumes=[{"name": "v", "secret": {"items": [{"key": "a", "path": "p"}, {"key": "b", "path": "p/q"}]}}]),
        'volume "v" (Secret ""): overlapping paths: "p/q" with "p"',
    ),
    (
        pod(containers=[{"name": "a", "resources": {"limits": {"memory": "1500m"}}}]),
        'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
    ),
]


@pytest.mark.parametrize(("obj", "expected"), PODS)
def test_pods(obj, expected):
    assert any(expected in said for said in creation_warnings("pods", obj))


OTHERS = [
    (
        "services",
        load("Service", spec={"type": "ClusterIP", "externalIPs": ["1.2.3.4"]}),
        ("spec.externalIPs is deprecated and may no longer be implemented in some clusters",),
    ),
    (
        "endpoints",
        load("Endpoints", subsets=[{"addresses": [{"ip": "2001:DB8::1"}]}]),
        (
            (
                'subsets[0].addresses[0].ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format'
                ' ("2001:db8::1")'
            ),
        ),
    ),
    (
        "secrets",
        load("Secret", type="kubernetes.io/tls", data={"tls.crt": "eA==", "tls.key": "eA=="}),
        ("tls: failed to find any PEM data in certificate input",),
    ),
    (
        "resourcequotas",
        load("ResourceQuota", spec={"hard": {"requests.cpu": "2", "limits.cpu": "1"}}),
        ("ResourceQuota requests.cpu (2) should be less than limits.cpu (1)",),
    ),
    (
        "persistentvolumes",
        load("PersistentVolume", spec={"persistentVolumeReclaimPolicy": "Retain", "scaleIO": None, "rbd": None}),
        (),
    ),
]


@pytest.mark.parametrize(("resource", "obj", "expected"), OTHERS)
def test_others(resource, obj, expected):
    assert creation_warnings(resource, obj) == expected
    assert change_warnings(resource, obj, obj) == (() if resource == "resourcequotas" else expected)


def test_only_who_reads_warnings_is_told(server):
    body = load("Pod", spec={**SPEC, "nodeSelector": {"beta.kubernetes.io/os": "linux"}})
    assert server("create", "pods", "default", body=body, dry_run=True).warnings == ()
    assert len(server("create", "pods", "default", body=body, dry_run=True, warned=True).warnings) == 1


def test_a_driver_is_warned_of_when_its_tokens_change():
    first, second = [
        load("CSIDriver", "storage.k8s.io/v1", spec={"tokenRequests": [{"audience": each}]}) for each in "ab"
    ]
    assert len(creation_warnings("csidrivers.storage.k8s.io", first)) == 1
    assert change_warnings("csidrivers.storage.k8s.io", first, first) == ()
    assert len(change_warnings("csidrivers.storage.k8s.io", second, first)) == 1
