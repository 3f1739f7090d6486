"""Policies are told which of their expressions do not fit the kinds that they name."""

from __future__ import annotations

import pytest

from reconcile.api import convert
from reconcile.components.controllers.policy.typechecking import kinds_checked, warnings_of
from tests.unit.components.controllers.real import Real


def rule(groups, resources, versions=("v1",)):
    return {
        "apiGroups": list(groups),
        "apiVersions": list(versions),
        "operations": ["CREATE"],
        "resources": list(resources),
    }


DEPLOYMENTS = rule(["apps"], ["deployments"])


def made(*validations, rules=(DEPLOYMENTS,), **spec):
    rows = [{"expression": each} if isinstance(each, str) else each for each in validations]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "small"},
        "spec": {"matchConstraints": {"resourceRules": list(rules)}, "validations": rows, **spec},
    }


def warned(*validations, crds=(), **parts):
    policy = convert.load(made(*validations, **parts)).object
    return [(each["fieldRef"], each["warning"]) for each in warnings_of(policy, 3_000_000_007, crds)]


def checked(*rules):
    spec = convert.load(made("true", rules=rules)).object.spec
    return [f"{each.group}/{each.version} {each.kind}" for each in kinds_checked(spec)]


def test_the_status_says_what_is_wrong_and_no_more_once_it_is_mended():
    real = Real()
    real.create(made("object.replica > 1"))
    real.run(1)
    (policy,) = real.machine.store.table("validatingadmissionpolicies.admissionregistration.k8s.io").values()
    (warning,) = policy.status.type_checking.expression_warnings
    assert warning.field_ref == "spec.validations[0].expression"
    assert warning.warning == (
        "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replica'\n | object.replica > 1\n | ......^\n"
    )
    mended = {"spec": {"validations": [{"expression": "object.spec.replicas > 1"}]}}
    real.patch("validatingadmissionpolicies", "small", mended)
    real.run(1)
    (policy,) = real.machine.store.table("validatingadmissionpolicies.admissionregistration.k8s.io").values()
    assert policy.status.observed_generation == 2
    assert not policy.status.type_checking.expression_warnings


def test_all_faults_of_all_kinds_stand_in_one_warning_and_messages_are_checked_too():
    both = rule(["apps", ""], ["deployments", "pods", "pods/status"])
    found = warned({"expression": "object.a || oldObject.b", "messageExpression": "string(object.spec)"}, rules=[both])
    one = (
        "ERROR: <input>:1:7: undefined field 'a'\n | object.a || oldObject.b\n | ......^\n"
        "ERROR: <input>:1:22: undefined field 'b'\n | object.a || oldObject.b\n | .....................^\n"
    )
    said = "ERROR: <input>:1:7: found no matching overload for 'string' applied to '({kind}7.spec)'"
    shown = " | string(object.spec)\n | ......^\n"
    assert found == [
        ("spec.validations[0].expression", f"/v1, Kind=Pod: {one}\napps/v1, Kind=Deployment: {one}"),
        (
            "spec.validations[0].messageExpression",
            "\n".join(
                [
                    f"{version}, Kind={kind}: {said.format(kind=kind)}\n{shown}"
                    for version, kind in (("/v1", "Pod"), ("apps/v1", "Deployment"))
                ]
            ),
        ),
    ]


def test_variables_keep_simple_types_and_are_anything_otherwise():
    named = {
        "name": "object.metadata.name",
        "labels": "object.metadata.labels",
        "spec": "object.spec",
        "list": "object.spec.template.spec.containers",
        "wrong": "object.nope",
    }
    found = warned(
        "variables.name == 1",
        "variables.labels.a == 1",
        "variables.spec.foo == 1",
        "variables.list[0].foo == 1",
        "variables.wrong == 1",
        variables=[{"name": name, "expression": text} for name, text in named.items()],
    )
    assert [field for field, _ in found] == ["spec.validations[0].expression", "spec.validations[1].expression"]


def test_parameters_have_the_type_of_their_kind_and_those_of_none_any():
    expressions = ("params.data.x == 1", "params.foo == 1")
    found = warned(*expressions, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    assert [field for field, _ in found] == ["spec.validations[0].expression", "spec.validations[1].expression"]
    assert warned(*expressions, paramKind={"apiVersion": "example.com/v1", "kind": "Limit"}) == []


def test_the_authorizer_is_known_but_for_its_field():
    ((_, said),) = warned(
        "authorizer.group('').resource('pods').namespace('x').check('get').allowed()",
        "authorizer.requestResource.check('get').allowed()",
    )
    assert "1:11: unexpected failed resolution of 'kubernetes.authorization.Authorizer'" in said


def test_what_is_named_with_a_wildcard_or_is_unknown_is_not_checked():
    assert checked(rule(["apps"], ["deployments"], ["*"])) == []
    assert checked(rule(["*"], ["deployments"])) == []
    assert checked(rule(["apps"], ["*", "deployments/scale"])) == []
    assert checked(rule(["example.com"], ["gadgets"]), rule(["networking"], ["ingresses"])) == []


def test_a_resource_is_found_in_the_singular_and_in_any_case_and_no_group_is_any():
    assert checked(rule(["apps"], ["Deployment"])) == ["apps/v1 Deployment"]
    assert checked(rule([""], ["events"])) == ["/v1 Event", "events.k8s.io/v1 Event"]


def test_no_more_than_ten_kinds_are_checked():
    names = ["pods", "nodes", "services", "endpoints", "configmaps", "secrets", "events", "namespaces"]
    names += ["deployments", "daemonsets", "statefulsets", "jobs", "cronjobs"]
    found = checked(rule(["", "apps", "batch"], names))
    assert found == [
        "/v1 ConfigMap",
        "/v1 Endpoints",
        "/v1 Event",
        "/v1 Namespace",
        "/v1 Node",
        "apps/v1 DaemonSet",
        "apps/v1 Deployment",
        "batch/v1 CronJob",
        "batch/v1 Job",
        "events.k8s.io/v1 Event",
    ]


def defined(*versions, established="True"):
    """Give the definition of things of which each version has a schema; one whose name ends with - is not served."""
    rows = [
        {
            "name": name.rstrip("-"),
            "served": not name.endswith("-"),
            "storage": place == 0,
            "schema": {"openAPIV3Schema": {"type": "object", **schema}},
        }
        for place, (name, schema) in enumerate(versions)
    ]
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    return convert.load(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": rows},
            "status": {"acceptedNames": names, "conditions": [{"type": "Established", "status": established}]},
        }
    ).object


FREE = {"x-kubernetes-preserve-unknown-fields": True}
SPEC = {
    "count": {"type": "integer"},
    "share": {"type": "number"},
    "when": {"type": "string", "format": "date-time"},
    "data": {"type": "string", "format": "byte"},
    "port": {"x-kubernetes-int-or-string": True},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "rows": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
    "half": {"type": "object", "properties": {"a": {"type": "string"}}, **FREE},
    "loose": FREE,
    "looses": {"type": "array", "items": FREE},
    "pod": {"type": "object", "x-kubernetes-embedded-resource": True, **FREE},
    "a-b": {"type": "string"},
}
THINGS = rule(["example.com"], ["things"])


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("object.spec.nope == 1", "12: undefined field 'nope'"),
        ("object.spec.count == 'a'", "19: found no matching overload for '_==_' applied to '(int, string)'"),
        ("object.spec.share == 1", "19: found no matching overload for '_==_' applied to '(double, int)'"),
        ("object.spec.when == 1", "18: found no matching overload for '_==_' applied to '(timestamp, int)'"),
        ("object.spec.data == 1", "18: found no matching overload for '_==_' applied to '(bytes, int)'"),
        ("object.spec.port.x == 1", ""),
        ("object.spec.labels.x == 1", "22: found no matching overload for '_==_' applied to '(string, int)'"),
        (
            "object.spec.rows == 1",
            "18: found no matching overload for '_==_' applied to '(list(Thing7.spec.rows.@idx), int)'",
        ),
        ("object.spec.rows[0].z == 1", "20: undefined field 'z'"),
        ("object.spec.half.b == 1", "17: undefined field 'b'"),
        ("object.spec.loose == 1", "12: undefined field 'loose'"),
        ("object.spec.looses == 1", "12: undefined field 'looses'"),
        ("object.spec.pod.spec == 1", "16: undefined field 'spec'"),
        ("object.spec.pod.metadata.name == 1", "31: found no matching overload for '_==_' applied to '(string, int)'"),
        ("object.spec.a__dash__b == 'x'", ""),
        ("object.metadata.ownerReferences[0].x == 1", "35: undefined field 'x'"),
        ("object.kind == 'Thing'", ""),
        ("object == 1", "8: found no matching overload for '_==_' applied to '(Thing7, int)'"),
    ],
)
def test_custom_kinds_have_the_types_of_their_schema(expression, said):
    crd = defined(("v1", {"properties": {"spec": {"type": "object", "properties": SPEC}}}))
    found = [text for _, text in warned(expression, rules=[THINGS], crds=[crd])]
    assert [text.splitlines()[0] for text in found] == (
        [f"example.com/v1, Kind=Thing: ERROR: <input>:1:{said}"] if said else []
    )


def test_versions_of_custom_kinds_that_are_served_are_checked():
    crd = defined(("v1", FREE), ("v2-", {}))
    every = rule(["example.com"], ["things"], ["v1", "v2", "v3"])
    ((_, said),) = warned("object.spec == 1", rules=[every], crds=[crd])
    assert said.startswith("example.com/v1, Kind=Thing: ERROR: <input>:1:7: undefined field 'spec'")
    assert warned("object.spec == 1", rules=[every], crds=[defined(("v1", FREE), established="False")]) == []


def test_custom_parameters_have_the_types_of_their_schema():
    crd = defined(("v1", {"properties": {"most": {"type": "integer"}}}))
    found = warned("params.most == 'a'", "params.least == 1", paramKind=LIMIT, crds=[crd])
    assert [field for field, _ in found] == ["spec.validations[0].expression", "spec.validations[1].expression"]
    assert warned("params.least == 1", paramKind={**LIMIT, "apiVersion": "example.com/v2"}, crds=[crd]) == []


LIMIT = {"apiVersion": "example.com/v1", "kind": "Thing"}


def test_the_status_knows_what_is_defined():
    real = Real()
    real.create(convert.dump(defined(("v1", {"properties": {"spec": {"type": "object", "properties": SPEC}}}))))
    real.run(1)
    real.create(made("object.spec.nope == 1", rules=[THINGS]))
    real.run(1)
    (policy,) = real.machine.store.table("validatingadmissionpolicies.admissionregistration.k8s.io").values()
    (warning,) = policy.status.type_checking.expression_warnings
    assert warning.warning.startswith("example.com/v1, Kind=Thing: ERROR: <input>:1:12: undefined field 'nope'")
