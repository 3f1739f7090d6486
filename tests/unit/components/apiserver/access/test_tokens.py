"""Tokens of ServiceAccounts: asked for, trusted, and no more trusted."""

import base64
import hashlib
import json

import pytest

from reconcile.components.apiserver.access import tokens
from reconcile.lib.instant import HOUR, MINUTE
from reconcile.model import webtokens
from reconcile.model.requests import User


def request_of(**spec):
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def asked(server, name="default", **spec):
    return server("create", "serviceaccounts", "default", name, request_of(**spec), subresource="token")


def reviewed(server, token, *audiences):
    spec = {"token": token} | ({"audiences": list(audiences)} if audiences else {})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    return server("create", "tokenreviews.authentication.k8s.io", body=body).body.status


def test_a_token_says_who_comes(faithful):
    made = asked(faithful).body
    assert made.metadata.name == "default"
    assert (made.spec.audiences, made.spec.expiration_seconds) == (("https://kubernetes.default.svc",), 3600)
    assert made.status.expiration_timestamp.instant == faithful.now + HOUR
    status = reviewed(faithful, made.status.token)
    assert status.authenticated
    assert status.user.username == "system:serviceaccount:default:default"
    assert status.user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
    ((key, (value,)),) = status.user.extra.items()
    assert key == "authentication.kubernetes.io/credential-id"
    assert value.startswith("JTI=")


def test_the_same_request_gives_the_same_token_to_a_replay(faithful):
    one = asked(faithful).body.status.token
    faithful.count -= 1
    assert asked(faithful).body.status.token == one
    assert asked(faithful).body.status.token != one


@pytest.mark.parametrize(
    ("wait", "audiences", "spoil", "said"),
    [
        (HOUR + 2 * MINUTE, (), "", "[invalid bearer token, service account token has expired]"),
        (0, (), "x", "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"),
        (
            0,
            ("z",),
            "",
            (
                '[invalid bearer token, token audiences ["https://kubernetes.default.svc"] is invalid for the target'
                ' audiences ["z"]]'
            ),
        ),
    ],
)
def test_what_is_not_trusted(faithful, wait, audiences, spoil, said):
    token = asked(faithful).body.status.token
    faithful.now += wait
    status = reviewed(faithful, token + spoil, *audiences)
    assert (status.authenticated, status.error) == (None, said)


def test_anybody_can_check_a_token(faithful):
    """By the key set alone, as another party does who is shown a token."""
    token = asked(faithful).body.status.token
    head, claims, signature = [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    (key,) = webtokens.public(faithful.state.signing_key)["keys"]
    assert (key["kty"], key["alg"], key["use"], key["e"]) == ("RSA", "RS256", "sig", "AQAB")
    assert json.loads(head) == {"alg": "RS256", "kid": key["kid"]}
    assert json.loads(claims)["sub"] == "system:serviceaccount:default:default"
    modulus = int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="), "big")
    shown = pow(int.from_bytes(signature, "big"), 65_537, modulus).to_bytes(256, "big")
    assert shown.endswith(hashlib.sha256(token.rpartition(".")[0].encode()).digest())


def test_another_seed_has_another_key(faithful):
    token = asked(faithful).body.status.token
    assert webtokens.key_of(1) != webtokens.key_of(2)
    with pytest.raises(tokens.Untrusted, match="error in cryptographic primitive"):
        tokens.bearer(webtokens.key_of(99), token, faithful.store, faithful.now, (tokens.ISSUER,))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", None])
def test_a_token_of_another_algorithm_is_none(faithful, algorithm):
    _, claims, signature = asked(faithful).body.status.token.split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    assert reviewed(faithful, f"{head}.{claims}.{signature}").error == "invalid bearer token"


def test_what_is_no_token(faithful):
    assert reviewed(faithful, "a").error == "invalid bearer token"
    assert reviewed(faithful, "a.b.c").error == "invalid bearer token"


def test_a_token_ends_with_its_account_and_with_its_pod(faithful, pod):
    uid = faithful.made("pods", pod).metadata.uid
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": uid}
    token = asked(faithful, boundObjectRef=bound).body.status.token
    assert reviewed(faithful, token).user.extra["authentication.kubernetes.io/pod-name"] == ("web",)
    faithful("delete", "pods", "default", "web")
    assert reviewed(faithful, token).error == "[invalid bearer token, service account token has been invalidated]"
    plain = asked(faithful).body.status.token
    faithful("delete", "serviceaccounts", "default", "default")
    assert reviewed(faithful, plain).error == '[invalid bearer token, serviceaccounts "default" not found]'


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        ({"expirationSeconds": 5}, 422, "may not specify a duration less than 10 minutes"),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "no"}}, 404, 'pods "no" not found'),
        (
            {"boundObjectRef": {"kind": "Job", "apiVersion": "batch/v1", "name": "no"}},
            400,
            "cannot bind token to object of type batch/v1, Kind=Job",
        ),
    ],
)
def test_what_no_token_is_given_for(faithful, spec, code, said):
    response = asked(faithful, **spec)
    assert response.code == code
    assert response.body.message.endswith(said)


def test_a_kubelet_gets_tokens_of_its_own_pods_alone(faithful, pod):
    node = User(name="system:node:n", groups=("system:nodes", "system:authenticated"))
    pod["spec"]["nodeName"] = "n"
    made = faithful.made("pods", pod)

    def ask(**spec):
        return faithful(
            "create", "serviceaccounts", "default", "default", request_of(**spec), node, subresource="token"
        )

    assert ask().body.message == 'serviceaccounts "default" is forbidden: node requested token not bound to a pod'
    assert ask(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": made.metadata.uid}).ok


def test_keys_differ_with_the_seed():
    assert webtokens.key_of(1) != webtokens.key_of(2)
