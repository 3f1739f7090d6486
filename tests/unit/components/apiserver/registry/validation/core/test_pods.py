"""What is wrong with a pod: one line for each rule, the field and the words."""

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation.core.pods import new_pod_causes

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def found(spec=None, container=None, annotations=None):
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": "default", "annotations": annotations or {}},
        "spec": {"containers": [{"name": "a", "image": "nginx", **(container or {})}], **(spec or {})},
    }
    pod = defaulted("pods", convert.load(body, absent="zero").object)
    return [f"{cause.field}: {cause.message}" for cause in new_pod_causes(pod)]


SPECS = [
    ({"dnsPolicy": "None"}, ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    (
        {"dnsConfig": {"nameservers": ["1.1.1.01"], "options": [{"value": "x"}]}},
        [
            'spec.dnsConfig.nameservers[0]: Invalid value: "1.1.1.01": must not have leading 0s',
            "spec.dnsConfig.options[0]: Required value: must not be empty",
        ],
    ),
    (
        {"tolerations": [{"key": "a", "operator": "Lt", "value": "1"}]},
        [
            'spec.tolerations[0].operator: Unsupported value: "Lt": supported values: "Equal", "Exists", "Lt", "Gt"',
        ],
    ),
    (
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "x", "effect": "Bad"}]},
        [
            "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
            (
                'spec.tolerations[0].effect: Unsupported value: "Bad": supported values: "NoSchedule",'
                ' "PreferNoSchedule",'
                ' "NoExecute"'
            ),
        ],
    ),
    (
        {"topologySpreadConstraints": [{"maxSkew": 0, "whenUnsatisfiable": "Never"}]},
        [
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
            "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
            (
                'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values:'
                ' "DoNotSchedule", "ScheduleAnyway"'
            ),
        ],
    ),
    (
        {"os": {"name": "windows"}, "hostPID": True, "securityContext": {"runAsUser": 1}},
        [
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
            "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
        ],
    ),
    ({"os": {"name": "plan9"}}, ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"']),
    (
        {"hostUsers": False, "hostNetwork": True},
        ["spec.hostNetwork: Forbidden: when `hostUsers` is false"],
    ),
    (
        {"nodeName": "n", "schedulingGates": [{"name": "a.b/c"}]},
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    (
        {"ephemeralContainers": [{"name": "e", "image": "i", "ports": [{"containerPort": 1}]}]},
        [
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ],
    ),
    (
        {"initContainers": [{"name": "a", "image": "i", "livenessProbe": {"tcpSocket": {"port": 1}}}]},
        [
            'spec.initContainers[0].name: Duplicate value: "a"',
            (
                "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without"
                " restartPolicy=Always"
            ),
        ],
    ),
    (
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
        [
            'spec.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ],
    ),
    (
        {"resourceClaims": [{"name": "c"}]},
        [
            (
                "spec.resourceClaims[0]: Invalid value:"
                ' {"Name":"c","ResourceClaimName":null,"ResourceClaimTemplateName"'
                ":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS)
def test_specifications(spec, expected):
    assert found(spec) == expected


CONTAINERS = [
    ({"name": "A_b"}, [f'spec.containers[0].name: Invalid value: "A_b": {LABEL}']),
    (
        {"image": " i"},
        ['spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
    ),
    (
        {"env": [{"name": "a=b"}, {"name": "c", "valueFrom": {}}]},
        [
            (
                'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name'
                " must consist only"
                " of printable ASCII characters other than '='"
            ),
            (
                'spec.containers[0].env[1].valueFrom: Invalid value: "": must specify one of: `fieldRef`,'
                " `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ),
        ],
    ),
    (
        {"env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "spec.containers"}}}]},
        [
            (
                'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.containers": error'
                " converting fieldPath: field label not supported: spec.containers"
            ),
        ],
    ),
    (
        {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "../x"}]},
        [
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
            "spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        ],
    ),
    (
        {"resources": {"limits": {"example.com/a": "1500m", "hugepages-2Mi": "3Mi"}}},
        [
            'spec.containers[0].resources.limits[example.com/a]: Invalid value: "1500m": must be an integer',
            (
                'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer'
                " multiple of hugepages-2Mi"
            ),
            'spec.containers[0].resources.requests[example.com/a]: Invalid value: "1500m": must be an integer',
            (
                'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not'
                " positive integer"
                " multiple of hugepages-2Mi"
            ),
            "spec.containers[0].resources: Forbidden: HugePages require cpu or memory",
        ],
    ),
    (
        {"livenessProbe": {"tcpSocket": {"port": 0}, "successThreshold": 2}},
        [
            "spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ],
    ),
    (
        {"lifecycle": {"preStop": {"sleep": {"seconds": 50}}}},
        [
            (
                "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 50: must be non-negative and less than"
                " terminationGracePeriodSeconds (30)"
            ),
        ],
    ),
    (
        {"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
        [
            (
                'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,'
                '"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,'
                '"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,'
                '"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
            ),
        ],
    ),
    (
        {"restartPolicyRules": [{"action": "Restart"}]},
        [
            "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified",
        ],
    ),
]


@pytest.mark.parametrize(("container", "expected"), CONTAINERS)
def test_containers(container, expected):
    assert found(container=container) == expected


VOLUMES = [
    ({"hostPath": {"path": ""}}, ["spec.volumes[0].hostPath.path: Required value"]),
    (
        {"configMap": {"name": "c", "defaultMode": 4096}},
        [
            (
                "spec.volumes[0].configMap.defaultMode: Invalid value: 4096: must be a number between 0"
                " and 0777 (octal),"
                " both inclusive"
            ),
        ],
    ),
    (
        {"emptyDir": {}, "hostPath": {"path": "/a"}},
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        {"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 60}}]}},
        [
            (
                "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not"
                " specify a duration less than 10 minutes"
            ),
        ],
    ),
    ({"image": {"reference": "", "pullPolicy": "Never"}}, ["spec.volumes[0].image.reference: Required value"]),
    ({"ephemeral": {}}, ["spec.volumes[0].ephemeral.volumeClaimTemplate: Required value"]),
    (
        {"iscsi": {"targetPortal": "p", "iqn": "x", "lun": 300}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
            "spec.volumes[0].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive",
        ],
    ),
]


@pytest.mark.parametrize(("volume", "expected"), VOLUMES)
def test_volumes(volume, expected):
    account = {"serviceAccountName": "a"}
    assert found({"volumes": [{"name": "v", **volume}], **account}) == expected


def test_a_volume_that_something_is_wrong_with_cannot_be_mounted():
    spec = {"volumes": [{"name": "v", "hostPath": {"path": ""}}]}
    assert found(spec, {"volumeMounts": [{"name": "v", "mountPath": "/v"}]})[-1].endswith('Not found: "v"')


ANNOTATIONS = [
    (
        {"controller.kubernetes.io/pod-deletion-cost": "x"},
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer',
    ),
    (
        {"kubernetes.io/config.mirror": "x"},
        (
            'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set'
            " spec.nodeName if mirror pod"
            " annotation is set"
        ),
    ),
]


@pytest.mark.parametrize(("annotations", "expected"), ANNOTATIONS)
def test_annotations(annotations, expected):
    assert found(annotations=annotations) == [expected]


def test_what_is_off_by_default_is_not_kept():
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{"name": "a", "image": "i", "lifecycle": {"stopSignal": "SIGKILL"}}],
            "terminationGracePeriodSeconds": -5,
        },
    }
    spec = defaulted("pods", convert.load(body).object).spec
    assert spec.containers[0].lifecycle is None
    assert spec.termination_grace_period_seconds == 1
