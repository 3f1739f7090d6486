"""Reviews: questions about access, answered and not stored."""

import pytest

from reconcile.model.requests import User
from tests.unit.components.apiserver.access.test_rbac import bind, role, rule

GROUP = "authorization.k8s.io"
BOB = User(name="bob", groups=("ops", "system:authenticated"))
PODS = {"namespace": "default", "verb": "get", "resource": "pods"}


def ask(server, kind, spec, namespace="", user=None):
    body = {"apiVersion": f"{GROUP}/v1", "kind": kind, "spec": spec}
    others = {} if user is None else {"user": user}
    return server("create", f"{kind.lower()}s.{GROUP}", namespace, body=body, **others)


def test_by_which_binding(server):
    role(server, "reader", rule(["pods"], ["get"]))
    bind(server, "b", ("Role", "reader"), ("Group", "ops"))
    review = ask(server, "SubjectAccessReview", {"user": "x", "groups": ["ops"], "resourceAttributes": PODS}).body
    assert (review.status.allowed, review.status.reason) == (
        True,
        'RBAC: allowed by RoleBinding "b/default" of Role "reader" to Group "ops"',
    )
    refused = ask(server, "SubjectAccessReview", {"user": "x", "resourceAttributes": PODS}).body
    assert (refused.status.allowed, refused.status.reason) == (False, None)


def test_paths_that_are_no_resources(server):
    spec = {
        "user": "x",
        "groups": ["system:authenticated"],
        "nonResourceAttributes": {"path": "/api/v1", "verb": "get"},
    }
    said = 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group'
    assert ask(server, "SubjectAccessReview", spec).body.status.reason == f'{said} "system:authenticated"'


def test_of_oneself(server):
    assert ask(server, "SelfSubjectAccessReview", {"resourceAttributes": PODS}).body.status.allowed
    assert not ask(server, "SelfSubjectAccessReview", {"resourceAttributes": PODS}, user=BOB).body.status.allowed


def test_a_local_review_is_of_its_namespace(server):
    spec = {"user": "x", "resourceAttributes": {**PODS, "namespace": "other"}}
    response = ask(server, "LocalSubjectAccessReview", spec, "default")
    assert response.code == 422
    assert response.body.message.endswith(
        'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace'
    )
    spec["resourceAttributes"]["namespace"] = "default"
    assert ask(server, "LocalSubjectAccessReview", spec, "default").body.metadata.namespace == "default"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"user": "a"}, "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or"),
        ({"resourceAttributes": PODS}, 'spec.user: Invalid value: "": at least one of user or group must be specified'),
    ],
)
def test_what_is_no_question(server, spec, said):
    response = ask(server, "SubjectAccessReview", spec)
    assert response.code == 422
    assert response.body.message.startswith(f'.{GROUP} "" is invalid: {said}')


def test_what_one_may_in_a_namespace(server):
    role(server, "reader", rule(["pods"], ["get"]))
    bind(server, "b", ("Role", "reader"), ("User", "bob"))
    status = ask(server, "SelfSubjectRulesReview", {"namespace": "default"}, user=BOB).body.status
    assert [(each.verbs, each.resources) for each in status.resource_rules][-1] == (("get",), ("pods",))
    assert any("/healthz" in each.non_resource_urls for each in status.non_resource_rules)
    assert ask(server, "SelfSubjectRulesReview", {}).body.message == "no namespace on request"


def test_who_one_is(server):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    info = server("create", "selfsubjectreviews.authentication.k8s.io", body=body, user=BOB).body.status.user_info
    assert (info.username, info.groups) == ("bob", ("ops", "system:authenticated"))


def test_nothing_of_it_is_stored(server):
    before = server.store.revision
    ask(server, "SelfSubjectAccessReview", {"resourceAttributes": PODS})
    assert server.store.revision == before
    assert server("list", f"selfsubjectaccessreviews.{GROUP}").code == 405
