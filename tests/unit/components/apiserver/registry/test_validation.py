"""Validation: one line for each rule, the field and the words."""

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.defaults import defaulted


def causes(server, resource, body):
    response = server("create", resource, "default", body=body)
    return [] if response.ok else [f"{each.field}: {each.message}" for each in response.body.details.causes]


CONTAINER = [
    ({"name": ""}, "spec.containers[0].name: Required value"),
    ({"image": ""}, "spec.containers[0].image: Required value"),
    (
        {"imagePullPolicy": "Often"},
        (
            'spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always",'
            ' "IfNotPresent", "Never"'
        ),
    ),
    (
        {"ports": [{"containerPort": 70000}]},
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ),
    (
        {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
        'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ),
    (
        {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ),
    (
        {"resources": {"limits": {"memory": "-1"}}},
        'spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ),
    (
        {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
    ({"livenessProbe": {}}, "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
    (
        {"livenessProbe": {"httpGet": {"port": 80}, "successThreshold": 2}},
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    (
        {"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ),
]


@pytest.mark.parametrize(("changes", "expected"), CONTAINER)
def test_containers(server, pod, changes, expected):
    pod["spec"]["containers"][0].update(changes)
    assert expected in causes(server, "pods", pod)


POD = [
    (
        {"restartPolicy": "Once"},
        'spec.restartPolicy: Unsupported value: "Once": supported values: "Always", "OnFailure", "Never"',
    ),
    (
        {"tolerations": [{"operator": "Equal"}]},
        (
            'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which'
            ' means "match all values and all keys"'
        ),
    ),
    ({"volumes": [{"name": "v", "secret": {}}]}, "spec.volumes[0].secret.secretName: Required value"),
    (
        {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
        "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
    ),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
    (
        {"activeDeadlineSeconds": 0},
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ),
    (
        {
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}},
            }
        },
        (
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required"
            " value: must have at least one node selector term"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "expected"), POD)
def test_pods(server, pod, changes, expected):
    pod["spec"].update(changes)
    assert expected in causes(server, "pods", pod)


DEPLOYMENT = [
    ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    ({"selector": {}}, "spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
    (
        {"selector": {"matchLabels": {"app": "x"}}},
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ),
    (
        {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ),
    (
        {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ),
    (
        {"strategy": {"rollingUpdate": {"maxUnavailable": "120%"}}},
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "120%": must not be greater than 100%',
    ),
    (
        {"strategy": {"rollingUpdate": {"maxSurge": "9" * 5000 + "%"}}},
        f'spec.strategy.rollingUpdate.maxSurge: Invalid value: "{"9" * 5000}%": must have at most 9 digits',
    ),
    (
        {"minReadySeconds": 700},
        "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), DEPLOYMENT)
def test_deployments(server, deployment, changes, expected):
    deployment["spec"].update(changes)
    assert expected in causes(server, "deployments.apps", deployment)


def test_templates_restart_always(server, deployment):
    deployment["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    assert causes(server, "deployments.apps", deployment) == [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
    ]


SERVICE = [
    ({"ports": []}, "spec.ports: Required value"),
    ({"ports": [{"port": 1}, {"port": 2, "name": "b"}]}, "spec.ports[0].name: Required value"),
    ({"ports": [{"port": 0}]}, "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),
    (
        {"ports": [{"port": 80, "nodePort": 30000}]},
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ),
    (
        {"clusterIP": "x"},
        'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    ({"type": "ExternalName"}, "spec.externalName: Required value"),
]


@pytest.mark.parametrize(("changes", "expected"), SERVICE)
def test_services(server, service, changes, expected):
    service["spec"].update(changes)
    assert expected in causes(server, "services", service)


METADATA = [
    ({"name": None}, "metadata.name: Required value: name or generateName is required"),
    ({"labels": {"a b": "c"}}, 'metadata.labels: Invalid value: "a b": name part must consist of alphanumeric'),
    (
        {"labels": {"a": "-"}},
        'metadata.labels: Invalid value: "-": a valid label must be an empty string or consist of',
    ),
    ({"annotations": {"a": "x" * 300_000}}, "metadata.annotations: Too long: may not be more than 262144 bytes"),
    (
        {"finalizers": ["nope"]},
        (
            'metadata.finalizers[0]: Invalid value: "nope": name is neither a standard finalizer name nor is it fully'
            " qualified"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "expected"), METADATA)
def test_metadata(server, changes, expected):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **changes}}
    assert [text[: len(expected)] for text in causes(server, "configmaps", body)] == [expected]


def test_a_budget_is_a_number_or_a_percentage(server):
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}}
    body["spec"] = {"selector": {}, "minAvailable": "some"}
    assert (
        'spec.minAvailable: Invalid value: "some": a valid percent string'
        in causes(server, "poddisruptionbudgets.policy", body)[0]
    )
    body["spec"]["minAvailable"] = "101%"
    assert causes(server, "poddisruptionbudgets.policy", body) == [
        'spec.minAvailable: Invalid value: "101%": must not be greater than 100%'
    ]


def test_a_config_map_has_a_megabyte(server):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "binaryData": {"a": "A" * 1_398_100}}
    assert causes(server, "configmaps", body) == []
    body["metadata"]["name"], body["data"] = "d", {"b": "\u00e9\u00e9"}
    assert causes(server, "configmaps", body) == ["[]: Too long: may not be more than 1048576 bytes"]


@pytest.mark.parametrize("kind", ["pod", "deployment", "service"])
def test_defaults_are_idempotent(request, kind):
    resource = {"pod": "pods", "deployment": "deployments.apps", "service": "services"}[kind]
    once = defaulted(resource, convert.load(request.getfixturevalue(kind)).object)
    assert defaulted(resource, once) is once
