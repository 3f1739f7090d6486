import functools

import pytest

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.api.apiextensions_v1 import JSONSchemaProps
from reconcile.api.convert import CustomObject, Fault, InvalidObject, dump, load
from reconcile.api.networking_v1 import NetworkPolicyIngressRule
from reconcile.api.scalars import Quantity
from reconcile.lib.mapping import Map

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "c"}]}}


def _faults(content, **options):
    with pytest.raises(InvalidObject) as caught:
        load(content, **options)
    return [str(fault) for fault in caught.value.faults]


def _pod(**spec):
    return {**POD, "spec": {**POD["spec"], **spec}}


def test_names_are_snake_case_here_and_camel_case_there():
    pod = load(_pod(hostPID=True, dnsPolicy="None")).object
    assert (pod.spec.host_pid, pod.spec.dns_policy) == (True, "None")
    assert dump(pod) == _pod(hostPID=True, dnsPolicy="None")
    service = core_v1.ServiceSpec(cluster_ip="a", cluster_ips=("a",), external_ips=())
    assert dump(service) == {"clusterIP": "a", "clusterIPs": ["a"], "externalIPs": []}
    peer = {"from": [{}]}
    assert dump(load(peer, cls=NetworkPolicyIngressRule).object) == peer
    schema = {
        "$ref": "x",
        "not": {"enum": [1, "a"]},
        "x-kubernetes-int-or-string": True,
        "properties": {"a": {"type": "string"}},
    }
    assert dump(load(schema, cls=JSONSchemaProps).object) == schema


def test_absent_and_empty_differ():
    for spec in ({}, {"nodeSelector": {}}, {"tolerations": []}, {"securityContext": {}}, {"nodeName": ""}):
        assert dump(load(_pod(**spec)).object) == _pod(**spec)
    assert load(_pod(nodeSelector={})).object != load(_pod()).object


def test_null_is_absent():
    assert load(_pod(nodeName=None, tolerations=None)).object == load(POD).object
    assert load({**POD, "metadata": {"name": "x", "creationTimestamp": None}}).object == load(POD).object


def test_null_among_values_is_their_zero_and_for_a_list_that_must_be_there_empty():
    selector = load(_pod(nodeSelector={"a": None})).object.spec.node_selector
    assert selector == Map({"a": ""})
    assert load({"apiVersion": "v1", "kind": "PodList", "items": None}).object.items == ()
    assert _faults({"apiVersion": "v1", "kind": "PodList"}) == ["items: required"]


def test_what_code_builds_knows_its_kind_and_what_json_lacks_stays_lacking():
    assert dump(core_v1.ConfigMap()) == {"apiVersion": "v1", "kind": "ConfigMap"}
    assert dump(apps_v1.Deployment())["apiVersion"] == "apps/v1"
    assert load({}, cls=core_v1.ConfigMap).object == core_v1.ConfigMap(api_version=None, kind=None)
    assert dump(load({}, cls=core_v1.ConfigMap).object) == {}


def test_every_fault_is_named_with_path_expectation_and_value():
    assert _faults(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"creationTimestamp": "2026-13-01T00:00:00Z", "labels": {"b": True}},
            "spec": {
                "replicas": "3",
                "template": {
                    "spec": {
                        "hostPID": 1,
                        "containers": [
                            {
                                "name": 1,
                                "ports": [
                                    {"containerPort": 1.0},
                                    {"containerPort": 99999999999},
                                    {"containerPort": True},
                                ],
                                "resources": {"limits": {"cpu": "x1"}},
                            },
                            None,
                            "c",
                        ],
                    }
                },
                "foo": {"bar": 1},
            },
        }
    ) == [
        'metadata.creationTimestamp: expected a time such as 2026-01-01T00:00:00Z, found "2026-13-01T00:00:00Z"',
        "metadata.labels.b: expected a string, found true",
        'spec.replicas: expected an integer of 32 bits, found "3"',
        "spec.selector: required",
        "spec.template.spec.containers[0].name: expected a string, found 1",
        "spec.template.spec.containers[0].ports[0].containerPort: expected an integer of 32 bits, found 1.0",
        "spec.template.spec.containers[0].ports[1].containerPort: expected an integer of 32 bits, found 99999999999",
        "spec.template.spec.containers[0].ports[2].containerPort: expected an integer of 32 bits, found true",
        'spec.template.spec.containers[0].resources.limits.cpu: expected a quantity such as 100m or 1.5Gi, found "x1"',
        "spec.template.spec.containers[1].name: required",
        'spec.template.spec.containers[2]: expected an object, found "c"',
        "spec.template.spec.hostPID: expected true or false, found 1",
        'unknown field "spec.foo"',
    ]


def test_a_fault_says_its_parts():
    with pytest.raises(InvalidObject) as caught:
        load(_pod(priority=2**31))
    assert caught.value.faults == (Fault("spec.priority", "expected an integer of 32 bits", 2**31),)
    assert str(caught.value) == "spec.priority: expected an integer of 32 bits, found 2147483648"


def test_unknown_fields_are_refused_warned_about_or_dropped():
    content = {**_pod(foo=1, containers=[{"name": "c", "bar": 2}]), "baz": 3}
    assert _faults(content) == [
        'unknown field "spec.containers[0].bar"', 'unknown field "spec.foo"', 'unknown field "baz"',
    ]  # fmt: skip
    warned = load(content, unknown="Warn")
    assert (warned.object, len(warned.warnings)) == (load(POD).object, 3)
    assert warned.warnings[0] == 'unknown field "spec.containers[0].bar"'
    assert load(content, unknown="Ignore").warnings == ()
    assert load(content, unknown="Ignore").object == load(POD).object
    assert _faults(_pod(Containers=[])) == ['unknown field "spec.Containers"']


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", -(2**31) - 1),
        ("activeDeadlineSeconds", 2**63),
        ("activeDeadlineSeconds", 1.0),
        ("containers", {}),
        ("nodeSelector", []),
        ("nodeSelector", "a"),
        ("overhead", {"cpu": True}),
        ("overhead", {"cpu": float("nan")}),
        ("nodeName", 1),
        ("overhead", {"cpu": "9" * 5000}),
    ],
)
def test_wrong_types_are_refused(field, value):
    assert len(_faults(_pod(**{field: value}))) == 1


def test_numbers_are_good_quantities_and_integers_are_good_ports():
    limits = load({"limits": {"cpu": 1, "memory": 0.5, "pods": " 1k "}}, cls=core_v1.ResourceRequirements).object.limits
    assert limits == Map({"cpu": Quantity.parse("1"), "memory": Quantity.parse("500m"), "pods": Quantity.parse("1000")})
    for port in (80, "http"):
        assert dump(load({"port": port}, cls=core_v1.TCPSocketAction).object) == {"port": port}
    assert _faults({"port": True}, cls=core_v1.TCPSocketAction) == [
        "port: expected an integer of 32 bits or a string, found true"
    ]


def test_base64_is_checked_and_kept_in_one_form():
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "YWJj\nZGVm"}}
    assert dump(load(secret).object)["data"] == {"a": "YWJjZGVm"}
    assert _faults({**secret, "data": {"a": "%%"}}) == ['data.a: expected a string in base64, found "%%"']


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], "the object: expected an object, found []"),
        ({}, "apiVersion: required; kind: required"),
        ({"apiVersion": 1, "kind": "Pod"}, "apiVersion: expected a string, found 1"),
        ({"apiVersion": "v1", "kind": "Pods"}, "near: Pod of v1"),
        ({"apiVersion": "apps/v1beta1", "kind": "Deployment"}, "near: Deployment of apps/v1"),
        ({"apiVersion": "a/b/c", "kind": "Deployment"}, "no such kind"),
    ],
)
def test_the_kind_must_be_told_and_known(content, expected):
    with pytest.raises(InvalidObject) as caught:
        load(content)
    assert expected in str(caught.value)


def test_content_of_another_kind_than_asked_for_is_refused():
    assert _faults(POD, cls=core_v1.Service) == ['kind: expected "Service", found "Pod"']
    assert _faults({"apiVersion": "v2", "kind": "Pod"}, cls=core_v1.Pod) == ['apiVersion: expected "v1", found "v2"']
    options = {"apiVersion": "apps/v1", "kind": "DeleteOptions"}
    assert dump(load(options, cls=meta_v1.DeleteOptions).object) == options


def test_custom_objects_keep_all_that_they_have():
    content = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "x"},
        "spec": {"a": [1, None, {"b": 1.5}]},
    }
    found = load(content).object
    assert isinstance(found, CustomObject)
    assert found.body == Map({"spec": Map({"a": (1, None, Map({"b": 1.5}))})})
    assert dump(found) == content
    assert _faults({**content, "metadata": {"nam": "x"}}) == ['unknown field "metadata.nam"']


def test_what_is_nested_too_deep_is_refused():
    deep = functools.reduce(lambda inner, _: {"a": inner}, range(100_000), {})
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "spec": deep}
    assert _faults(thing) == [
        "spec: expected JSON (nested deeper than 200 levels), found something of Python's type dict"
    ]
    schema = functools.reduce(lambda inner, _: {"not": inner}, range(100_000), {})
    assert _faults(schema, cls=JSONSchemaProps) == ["the object: nested too deep"]


def test_a_number_is_one_that_json_can_write():
    assert load({"maximum": 2**64 - 1}, cls=JSONSchemaProps).object.maximum == 2**64 - 1
    for number in (2**64, 10**5000, float("inf")):
        assert len(_faults({"maximum": number}, cls=JSONSchemaProps)) == 1
    for spec in ({"priority": 10**5000}, {"overhead": {"cpu": 10**5000}}):
        assert _faults(_pod(**spec))[0].endswith(", found something of Python's type int")


def test_free_json_keeps_what_it_has():
    content = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 1, "data": {"spec": {"a": None}}}
    assert dump(load(content).object) == content
