"""What is wrong with objects outside of the core group, and with updates of them: the field and the words."""

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation import object_causes, update_causes
from reconcile.components.apiserver.registry.validation.groups import RULES

PODS = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
ONCE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
SELECTOR = {"matchLabels": {"a": "b"}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
HOOK = {"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://a"}}
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
REGULAR = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["n"]}


def made(version, kind, parts):
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **parts}
    return convert.load(body, absent="zero").object


def told(causes):
    return [f"{cause.field}: {cause.message}" for cause in causes]


CASES = [
    ("deployments.apps", "apps/v1 Deployment", {"spec": None}, "spec.selector: Required value"),
    (
        "daemonsets.apps",
        "apps/v1 DaemonSet",
        {"spec": {"selector": SELECTOR, "template": PODS, "updateStrategy": {"type": "X"}}},
        (
            'spec.updateStrategy: Unsupported value: {"Type":"X","RollingUpdate":null}: supported values:'
            ' "RollingUpdate", "OnDelete"'
        ),
    ),
    (
        "statefulsets.apps",
        "apps/v1 StatefulSet",
        {"spec": {"selector": SELECTOR, "template": PODS, "serviceName": "A"}},
        'spec.serviceName: Invalid value: "A": a lowercase RFC 1123 label',
    ),
    (
        "controllerrevisions.apps",
        "apps/v1 ControllerRevision",
        {"revision": 1},
        "data: Required value: data is mandatory",
    ),
    (
        "cronjobs.batch",
        "batch/v1 CronJob",
        {"spec": {"schedule": "* * *", "jobTemplate": {"spec": {"template": ONCE}}}},
        'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    ),
    (
        "jobs.batch",
        "batch/v1 Job",
        {"spec": {"completionMode": "Indexed", "parallelism": 1, "template": ONCE}},
        "spec.completions: Required value: when completion mode is Indexed",
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        "autoscaling/v2 HorizontalPodAutoscaler",
        {"spec": {"maxReplicas": 1, "minReplicas": 2, "scaleTargetRef": TARGET}},
        "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`",
    ),
    (
        "networkpolicies.networking.k8s.io",
        "networking.k8s.io/v1 NetworkPolicy",
        {"spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.1/8"}}]}]}},
        'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix',
    ),
    (
        "ingresses.networking.k8s.io",
        "networking.k8s.io/v1 Ingress",
        {"spec": {"rules": [{"http": {"paths": [{"path": "a", "pathType": "Exact", "backend": BACKEND}]}}]}},
        'spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path',
    ),
    (
        "servicecidrs.networking.k8s.io",
        "networking.k8s.io/v1 ServiceCIDR",
        {"spec": {"cidrs": ["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"]}},
        'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","11.0.0.0/8","12.0.0.0/8"]}: may only hold up to 2 values',
    ),
    (
        "poddisruptionbudgets.policy",
        "policy/v1 PodDisruptionBudget",
        {"spec": {"maxUnavailable": "200%"}},
        'spec.maxUnavailable: Invalid value: "200%": must not be greater than 100%',
    ),
    (
        "rolebindings.rbac.authorization.k8s.io",
        "rbac.authorization.k8s.io/v1 RoleBinding",
        {"roleRef": {}, "subjects": [{"kind": "User", "name": ""}]},
        "subjects[0].name: Required value",
    ),
    (
        "volumeattachments.storage.k8s.io",
        "storage.k8s.io/v1 VolumeAttachment",
        {"spec": {"attacher": "a", "nodeName": "n", "source": {}}},
        "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    ),
    (
        "priorityclasses.scheduling.k8s.io",
        "scheduling.k8s.io/v1 PriorityClass",
        {"value": 2_000_000_000},
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ),
    ("runtimeclasses.node.k8s.io", "node.k8s.io/v1 RuntimeClass", {}, "handler: Required value"),
    (
        "endpointslices.discovery.k8s.io",
        "discovery.k8s.io/v1 EndpointSlice",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}]},
        'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range',
    ),
    (
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "flowcontrol.apiserver.k8s.io/v1 FlowSchema",
        {"spec": {"priorityLevelConfiguration": {"name": "p"}, "rules": [{"resourceRules": [REGULAR]}]}},
        "spec.rules[0].subjects: Required value: subjects must contain at least one value",
    ),
    (
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
        {"webhooks": [{**HOOK, "clientConfig": {"url": "http://a/?b"}}]},
        'webhooks[0].clientConfig.url: Invalid value: "b": query parameters are not permitted in the URL',
    ),
    (
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy",
        {"spec": {"matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}}},
        (
            'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values:'
            ' "*", "CONNECT", "CREATE", "UPDATE"'
        ),
    ),
    (
        "resourceclaims.resource.k8s.io",
        "resource.k8s.io/v1 ResourceClaim",
        {"spec": {"devices": {"requests": [{"name": "r"}]}}},
        "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
    ),
    (
        "resourceslices.resource.k8s.io",
        "resource.k8s.io/v1 ResourceSlice",
        {"spec": {"driver": "d", "nodeName": "n", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 0}}},
        "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
    ),
    (
        "certificatesigningrequests.certificates.k8s.io",
        "certificates.k8s.io/v1 CertificateSigningRequest",
        {"spec": {"request": "", "signerName": "a/b", "usages": ["any", "any"]}},
        'spec.usages[1]: Duplicate value: "any"',
    ),
    (
        "apiservices.apiregistration.k8s.io",
        "apiregistration.k8s.io/v1 APIService",
        {"spec": {"version": "v1", "group": "g.example", "groupPriorityMinimum": 1, "versionPriority": 1}},
        'metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.g.example"',
    ),
]


@pytest.mark.parametrize(("resource", "kind", "parts", "expected"), CASES)
def test_new_objects(resource, kind, parts, expected):
    obj = defaulted(resource, made(*kind.split(), parts))
    assert any(line.startswith(expected) for line in told(object_causes(resource, obj)))


@pytest.mark.parametrize("resource", sorted(RULES))
def test_an_object_of_which_nothing_is_said_raises_nothing(resource):
    from reconcile.api import kinds

    found = kinds.resource(resource)
    obj = defaulted(resource, made(found.api_version, found.kind, {}))
    bare = made(found.api_version, found.kind, {})
    for one in (obj, bare):
        assert isinstance(object_causes(resource, one), tuple)
        assert isinstance(update_causes(resource, one, bare), tuple)


CHANGES = [
    (
        "deployments.apps",
        "apps/v1 Deployment",
        {"spec": {"selector": SELECTOR, "template": PODS}},
        {"spec": {"selector": {"matchLabels": {"a": "c"}}, "template": {**PODS, "metadata": {"labels": {"a": "c"}}}}},
        'spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
    ),
    (
        "storageclasses.storage.k8s.io",
        "storage.k8s.io/v1 StorageClass",
        {"provisioner": "a"},
        {"provisioner": "b"},
        'provisioner: Invalid value: "a": field is immutable',
    ),
    (
        "servicecidrs.networking.k8s.io",
        "networking.k8s.io/v1 ServiceCIDR",
        {"spec": {"cidrs": []}},
        {"spec": {"cidrs": ["10.0.0.0/8"]}},
        "spec.cidrs: Invalid value: []: field is immutable",
    ),
    (
        "rolebindings.rbac.authorization.k8s.io",
        "rbac.authorization.k8s.io/v1 RoleBinding",
        {"roleRef": {"kind": "Role", "name": "a"}},
        {"roleRef": {"kind": "Role", "name": "b"}},
        (
            'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"a"}: cannot change'
            " roleRef"
        ),
    ),
]


@pytest.mark.parametrize(("resource", "kind", "new", "old", "expected"), CHANGES)
def test_updates(resource, kind, new, old, expected):
    pair = [defaulted(resource, made(*kind.split(), parts)) for parts in (new, old)]
    assert expected in told(update_causes(resource, *pair))


def test_what_is_empty_is_as_good_as_what_is_not_there():
    version, kind, resource = "resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates.resource.k8s.io"
    old = made(version, kind, {"spec": {"spec": {}}})
    new = made(version, kind, {"spec": {"metadata": {"labels": {}}, "spec": {"devices": {"requests": []}}}})
    assert update_causes(resource, new, old) == ()


def test_a_suspended_job_may_be_sized_anew_and_a_running_one_not():
    def job(image, *, suspend, cpu):
        resources = {"requests": {"cpu": cpu}}
        pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": image, "resources": resources}]}
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod}
        spec = {"manualSelector": True, "selector": SELECTOR, "suspend": suspend, "template": template}
        return defaulted("jobs.batch", made("batch/v1", "Job", {"spec": spec}))

    bigger = job("i", suspend=True, cpu="2")
    assert update_causes("jobs.batch", bigger, job("i", suspend=True, cpu="1")) == ()
    (said,) = update_causes("jobs.batch", job("j", suspend=True, cpu="1"), job("i", suspend=True, cpu="1"))
    assert said.field == "spec.template.spec"
    (said,) = update_causes("jobs.batch", job("i", suspend=False, cpu="2"), job("i", suspend=False, cpu="1"))
    assert said.field == "spec.template"


def test_a_job_that_never_had_todays_labels_need_not_have_them():
    spec = {"selector": SELECTOR, "template": {**ONCE, "metadata": {"labels": {"a": "b"}}}}
    old = made("batch/v1", "Job", {"spec": spec})
    causes = told(update_causes("jobs.batch", made("batch/v1", "Job", {"spec": spec}), old))
    assert any("labels[job-name]" in each for each in causes)
    assert not any("batch.kubernetes.io" in each for each in causes)


def test_what_an_event_no_longer_says_is_shown_as_empty():
    said = {"reportingInstance": "i", "eventTime": "2026-01-01T00:00:00.000000Z", "count": 2}
    old = made("v1", "Event", {"involvedObject": {}, **said})
    new = made("v1", "Event", {"involvedObject": {}, "eventTime": said["eventTime"]})
    causes = told(update_causes("events", new, old, "events.k8s.io/v1"))
    assert 'reportingInstance: Invalid value: "": field is immutable' in causes
    assert "count: Invalid value: 0: field is immutable" in causes


def test_a_jobs_policy_without_rules_is_another_than_none():
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    spec = {"manualSelector": True, "selector": SELECTOR, "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod}}
    old = defaulted("jobs.batch", made("batch/v1", "Job", {"spec": spec}))
    new = defaulted("jobs.batch", made("batch/v1", "Job", {"spec": {**spec, "podFailurePolicy": {"rules": []}}}))
    (said,) = update_causes("jobs.batch", new, old)
    assert (said.field, said.message) == ("spec.podFailurePolicy", 'Invalid value: {"Rules":[]}: field is immutable')
