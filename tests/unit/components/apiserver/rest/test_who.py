"""Who sends an HTTP request: by certificate, by token, in somebody else's name."""

import json

import pytest

from reconcile.components.apiserver import rest
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import User

ADMIN = ("admin", ("system:masters",))
PODS = "/api/v1/namespaces/default/pods"


def take(server, path=PODS, method="GET", certificate=ADMIN, **headers):
    pairs = [
        (name.replace("_", "-"), each)
        for name, given in headers.items()
        for each in (given if isinstance(given, list) else [given])
    ]
    http = rest.HttpRequest(method=method, path=path, headers=tuple(pairs), certificate=certificate)
    return rest.take(rest.Serving(state=server.state, store=server.store, now=server.now), http)


def message(found):
    return json.loads(found.body)["message"]


def test_a_certificate(server):
    assert take(server).user == User(name="admin", groups=("system:masters", "system:authenticated"))


def test_tokens(server):
    known = User(name="jane", groups=("system:masters",), uid="u")
    server.state = replace(server.state, tokens=Map({"secret": known}))
    assert take(server, certificate=None, authorization="Bearer secret").user.groups == (
        "system:masters",
        "system:authenticated",
    )
    refused = take(server, certificate=None, authorization="Bearer wrong")
    assert (refused.code, message(refused)) == (401, "Unauthorized")


def test_a_service_accounts_token(faithful):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = faithful("create", "serviceaccounts", "default", "default", body, subresource="token")
    refused = take(faithful, certificate=None, authorization=f"Bearer {made.body.status.token}")
    assert message(refused).startswith('pods is forbidden: User "system:serviceaccount:default:default" cannot list')


def test_nobody_may_look_at_little(server):
    assert take(server, "/version", certificate=None).code == 200
    refused = take(server, "/api", certificate=None)
    assert (refused.code, message(refused)) == (403, 'forbidden: User "system:anonymous" cannot get path "/api"')


@pytest.mark.parametrize(
    ("headers", "name", "groups", "uid", "extra"),
    [
        (
            {"impersonate_user": "bob", "impersonate_group": ["system:masters"]},
            "bob",
            ("system:masters", "system:authenticated"),
            "",
            None,
        ),
        (
            {
                "impersonate_user": "bob",
                "impersonate_group": ["system:masters", "system:authenticated"],
                "impersonate_uid": "u",
                "impersonate_extra_a%2fb": ["1", "2"],
            },
            "bob",
            ("system:masters", "system:authenticated"),
            "u",
            Map({"a/b": ("1", "2")}),
        ),
    ],
)
def test_in_somebody_elses_name(server, headers, name, groups, uid, extra):  # noqa: PLR0917 -- a row of the table
    user = take(server, **headers).user
    assert (user.name, user.groups, user.uid, user.extra) == (name, groups, uid, extra)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"impersonate_group": "g"}, 'Name:"", UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)'),
        ({"impersonate_uid": "u"}, 'Name:"", UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        (
            {"impersonate_extra_a": "b"},
            'Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}',
        ),
    ],
)
def test_nobody_in_particular(server, headers, said):
    refused = take(server, **headers)
    assert refused.code == 400
    assert message(refused) == f"requested &user.DefaultInfo{{{said}}} without impersonating a user name"


def test_an_empty_name_is_none(server):
    assert take(server, impersonate_user="").user.name == "admin"


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (
            "system:serviceaccount:default:robot",
            "system:serviceaccounts, system:serviceaccounts:default, system:authenticated",
        ),
        ("system:anonymous", "system:unauthenticated"),
        ("jane", "system:authenticated"),
    ],
)
def test_groups_that_come_with_a_name(server, name, groups):
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    http = rest.HttpRequest(
        method="POST", path=path, headers=(("impersonate-user", name),), body=b"{}", certificate=ADMIN
    )
    found = rest.take(rest.Serving(state=server.state, store=server.store, now=server.now), http)
    if name == "system:anonymous":
        assert found.code == 403
    else:
        assert ", ".join(found.user.groups) == groups


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jane", 'pods is forbidden: User "bob" cannot impersonate-on:user-info:list resource "pods" in API group ""'),
        (
            "system:serviceaccount:default:robot",
            'pods is forbidden: User "bob" cannot impersonate-on:serviceaccount:list resource "pods" in API group ""',
        ),
        (
            "system:node:n",
            'pods is forbidden: User "bob" cannot impersonate-on:arbitrary-node:list resource "pods" in API group ""',
        ),
    ],
)
def test_whom_one_may_not_be_taken_for(server, name, said):
    refused = take(server, certificate=("bob", ()), impersonate_user=name)
    assert refused.code == 403
    assert message(refused).startswith(said)
