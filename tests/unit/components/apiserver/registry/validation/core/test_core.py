"""What is wrong with objects of the core group, and what of them may not change: the field and the words."""

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation import core, object_causes

KINDS = {
    "configmaps": "ConfigMap",
    "endpoints": "Endpoints",
    "events": "Event",
    "limitranges": "LimitRange",
    "namespaces": "Namespace",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "pods": "Pod",
    "podtemplates": "PodTemplate",
    "replicationcontrollers": "ReplicationController",
    "resourcequotas": "ResourceQuota",
    "secrets": "Secret",
    "services": "Service",
}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}}


def made(resource, parts):
    body = {"apiVersion": "v1", "kind": KINDS[resource], "metadata": {"name": "x", "namespace": "n"}, **parts}
    return defaulted(resource, convert.load(body, absent="zero").object)


def told(causes):
    return [f"{cause.field}: {cause.message}" for cause in causes]


OBJECTS = [
    ("configmaps", {"data": {"..": "x"}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
    (
        "configmaps",
        {"data": {"a": "b"}, "binaryData": {"a": "YQ=="}},
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    ("secrets", {"type": "kubernetes.io/tls"}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
    (
        "secrets",
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "x"}},
        [
            (
                'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid'
                " character 'x' looking for"
                " beginning of value"
            ),
        ],
    ),
    (
        "secrets",
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "[]"}},
        [
            (
                'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot'
                " unmarshal array into Go"
                " value of type map[string]interface {}"
            ),
        ],
    ),
    (
        "persistentvolumeclaims",
        {},
        [
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value",
        ],
    ),
    (
        "persistentvolumeclaims",
        {"spec": {**CLAIM, "accessModes": ["ReadWriteOncePod", "ReadWriteMany"]}},
        ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
    ),
    (
        "persistentvolumes",
        {"spec": {**VOLUME, "capacity": {}}},
        [
            "spec.capacity: Required value",
            'spec.capacity: Unsupported value: {}: supported values: "storage"',
        ],
    ),
    (
        "persistentvolumes",
        {"spec": {**VOLUME, "hostPath": None, "local": {"path": "/a"}}},
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
    (
        "limitranges",
        {"spec": {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]}},
        [
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            (
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than'
                " default request value"
                " 1"
            ),
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
        ],
    ),
    (
        "resourcequotas",
        {"spec": {"hard": {"pods": "1500m", "foo": "1"}}},
        [
            'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
            'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
            'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        ],
    ),
    (
        "resourcequotas",
        {"spec": {"scopes": ["BestEffort", "NotBestEffort"]}},
        ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ),
    (
        "nodes",
        {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}]}},
        [
            (
                "metadata.taints[1]: Duplicate value:"
                ' {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints'
                " must be unique by key and effect pair"
            ),
        ],
    ),
    (
        "nodes",
        {"spec": {"podCIDR": "10.0.0.1/24"}},
        ['spec.podCIDRs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
    ),
    ("replicationcontrollers", {}, ["spec.selector: Required value", "spec.template: Required value"]),
    ("podtemplates", {}, ["template.spec.containers: Required value"]),
    (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 0}]}]},
        [
            (
                'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8,'
                " ::1/128)"
            ),
            "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        "events",
        {"involvedObject": {"namespace": "other"}},
        ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ),
    (
        "services",
        {"spec": {"ports": [{"port": 80}, {"port": 80}], "clusterIP": "None"}},
        [
            "spec.ports[0].name: Required value",
            "spec.ports[1].name: Required value",
            (
                "spec.ports[1]: Duplicate value:"
                ' {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,'
                '"NodePort":0}'
            ),
        ],
    ),
    (
        "services",
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "loadBalancerSourceRanges": ["1.2.3.4/40"]}},
        [
            (
                'spec.LoadBalancerSourceRanges[0]: Invalid value: "1.2.3.4/40": must be a valid CIDR value, (e.g.'
                " 10.9.8.0/24 or 2001:db8::/64)"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("resource", "parts", "expected"), OBJECTS)
def test_objects(resource, parts, expected):
    assert told(object_causes(resource, made(resource, parts))) == expected


@pytest.mark.parametrize("resource", sorted(set(KINDS) - {"pods"}))
def test_an_object_that_says_nothing_is_judged(resource):
    told(object_causes(resource, made(resource, {})))


CHANGES = [
    (
        "configmaps",
        {"data": {"a": "b"}, "immutable": True},
        {"data": {"a": "c"}},
        [
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ],
    ),
    ("secrets", {"type": "a"}, {"type": "b"}, ['type: Invalid value: "b": field is immutable']),
    (
        "persistentvolumeclaims",
        {"spec": CLAIM},
        {"spec": {**CLAIM, "accessModes": ["ReadWriteMany"]}},
        [
            (
                "spec: Forbidden: spec is immutable after creation except resources.requests and"
                " volumeAttributesClassName"
                ' for bound claims\n@@ -1,6 +1,6 @@\n {\n  "AccessModes": [\n-  "ReadWriteOnce"\n+ '
                ' "ReadWriteMany"\n  ],\n'
                '  "Selector": null,\n  "Resources": {\n'
            ),
        ],
    ),
    (
        "nodes",
        {"spec": {"podCIDR": "10.0.0.0/24"}},
        {"spec": {"podCIDR": "10.1.0.0/24"}},
        ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ),
    (
        "resourcequotas",
        {},
        {"spec": {"scopes": ["BestEffort"]}},
        ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'],
    ),
    (
        "pods",
        {"spec": {"containers": [{"name": "a", "image": "i"}]}},
        {"spec": {"containers": [{"name": "a", "image": "i"}], "activeDeadlineSeconds": -1}},
        ["spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
    ),
    (
        "pods",
        {"spec": {"containers": [{"name": "a", "image": "i"}]}},
        {"spec": {"containers": []}},
        ["spec.containers: Forbidden: pod updates may not add or remove containers"],
    ),
]


@pytest.mark.parametrize(("resource", "old", "new", "expected"), CHANGES)
def test_changes(resource, old, new, expected):
    assert told(core.CHANGES[resource](made(resource, new), made(resource, old))) == expected


def test_a_pods_specification_is_fixed_and_the_difference_is_shown():
    spec = {"containers": [{"name": "a", "image": "i"}]}
    old, new = made("pods", {"spec": spec}), made("pods", {"spec": {**spec, "dnsPolicy": "Default"}})
    (said,) = told(core.CHANGES["pods"](new, old))
    assert said.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`")
    assert '\n- "DNSPolicy": "ClusterFirst",\n+ "DNSPolicy": "Default",\n' in said


def test_a_pod_may_get_another_image():
    old = made("pods", {"spec": {"containers": [{"name": "a", "image": "i"}]}})
    new = made("pods", {"spec": {"containers": [{"name": "a", "image": "j"}]}})
    assert core.CHANGES["pods"](new, old) == ()
