"""Policies in CEL, and webhooks that nobody answers."""

import pytest

GROUP = "admissionregistration.k8s.io"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}


def policy(server, *validations, actions=("Deny",), binding=None, **spec):
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": list(validations), **spec},
    }
    server.made(f"validatingadmissionpolicies.{GROUP}", body, "")
    bound = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "b"},
        "spec": {"policyName": "p", "validationActions": list(actions), **(binding or {})},
    }
    server.made(f"validatingadmissionpolicybindings.{GROUP}", bound, "")


def config(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def create(server, **data):
    return server("create", "configmaps", "default", body=config(**data))


def test_what_a_policy_denies(server):
    policy(server, {"expression": "object.data.a == '1'", "message": "only one"})
    response = create(server, a="2")
    said = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: only one"
    assert (response.code, response.body.reason) == (422, "Invalid")
    assert response.body.message == f'configmaps "c" is forbidden: {said}'
    assert [cause.message for cause in response.body.details.causes] == [said]
    assert create(server, a="1").ok


@pytest.mark.parametrize(
    ("validation", "code", "said"),
    [
        ({"expression": "false", "reason": "Forbidden"}, 403, "failed expression: false"),
        ({"expression": "false", "messageExpression": "'no ' + request.operation"}, 422, "no CREATE"),
        (
            {"expression": "object.data.b == '1'"},
            422,
            "expression 'object.data.b == '1'' resulted in error: no such key: b",
        ),
        ({"expression": "authorizer.group('').resource('pods').check('get').allowed()"}, 201, ""),
        ({"expression": "variables.v == 'A'"}, 201, ""),
        ({"expression": "oldObject == null && namespaceObject.metadata.name == 'default'"}, 201, ""),
    ],
)
def test_what_expressions_can_ask(server, validation, code, said):
    policy(server, validation, variables=[{"name": "v", "expression": "object.data.a.upperAscii()"}])
    response = create(server, a="a")
    assert response.code == code
    assert code == 201 or response.body.message.endswith(said)


def test_a_policy_that_warns(server):
    policy(server, {"expression": "false", "message": "m"}, actions=("Warn",))
    assert create(server).warnings == ("Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': m",)


def test_parameters(server):
    reference = {"paramRef": {"name": "want", "namespace": "default", "parameterNotFoundAction": "Deny"}}
    kind = {"apiVersion": "v1", "kind": "Secret"}
    policy(server, {"expression": "params.kind == 'Secret'"}, binding=reference, paramKind=kind)
    assert create(server).body.message.endswith(
        "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    server.made("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "want"}})
    assert create(server).ok


def test_a_policy_that_may_fail_and_one_that_does_not_match(server):
    policy(server, {"expression": "object.data.b == '1'"}, failurePolicy="Ignore")
    assert create(server, a="1").ok
    binding = {"matchResources": {"namespaceSelector": {"matchLabels": {"no": "where"}}}}
    server("delete", f"validatingadmissionpolicybindings.{GROUP}", name="b")
    server("delete", f"validatingadmissionpolicies.{GROUP}", name="p")
    policy(server, {"expression": "false"}, binding=binding)
    assert server("delete", "configmaps", "default", "c").ok


def test_deletes_are_asked_about(server):
    create(server, a="1")
    policy(server, {"expression": "request.operation != 'DELETE' || oldObject.data.a != '1'"})
    assert server("delete", "configmaps", "default", "c").code == 422


@pytest.mark.parametrize(
    "mutation",
    [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{data: {'n': 'x'}}"}},
        {
            "patchType": "JSONPatch",
            "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/data/n', value: 'x'}]"},
        },
    ],
)
def test_what_a_mutating_policy_makes(server, mutation):
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [RULE]},
            "matchConditions": [{"name": "c", "expression": "has(object.data.a)"}],
            "reinvocationPolicy": "Never",
            "mutations": [mutation],
        },
    }
    server.made(f"mutatingadmissionpolicies.{GROUP}", body, "")
    bound = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "b"},
        "spec": {"policyName": "p"},
    }
    server.made(f"mutatingadmissionpolicybindings.{GROUP}", bound, "")
    assert dict(create(server, a="1").body.data) == {"a": "1", "n": "x"}
    assert dict(server("create", "configmaps", "kube-system", body=config(b="1")).body.data) == {"b": "1"}


@pytest.mark.parametrize(("failure", "code"), [("Fail", 500), ("Ignore", 201)])
def test_a_webhook_that_cannot_be_reached(server, failure, code):
    hook = {
        "name": "h.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/hook"},
        "timeoutSeconds": 1,
        "failurePolicy": failure,
        "rules": [RULE],
    }
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "h"},
        "webhooks": [hook],
    }
    server.made(f"validatingwebhookconfigurations.{GROUP}", body, "")
    response = create(server)
    assert response.code == code
    if code == 500:
        assert response.body.message == (
            'Internal error occurred: failed calling webhook "h.example.com": failed to call webhook: Post'
            ' "https://127.0.0.1:1/hook?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused'
        )
