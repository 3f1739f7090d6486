"""Secrets with the tokens of accounts: filled, and gone with their account; tokens by which machines join."""

from __future__ import annotations

import base64
import json

import pytest

from reconcile import Cluster, Topology, apply, settle
from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.access import tokens as access
from reconcile.components.controllers.accounts import bootstrapping, tokens
from reconcile.driver import client
from reconcile.lib.instant import HOUR, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses, webtokens
from reconcile.model.certificates import AUTHORITY
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab

KEY = webtokens.key_of(1)


def plain(text):
    return base64.b64encode(text.encode()).decode()


def text(data):
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def secret(name="t", kind=tokens.TYPE, namespace="default", annotations=None, **data):
    about = {tokens.ACCOUNT_NAME: "builder"} if annotations is None else annotations
    return core_v1.Secret(
        metadata=meta_v1.ObjectMeta(name=name, namespace=namespace, annotations=Map(about)),
        type=kind,
        data=Map({key.replace("_", "-"): plain(value) for key, value in data.items()}) or None,
    )


def account(name="builder", **more):
    return core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name=name, namespace="default"), **more)


def filled():
    lab = Lab(tokens.controller(KEY))
    lab.put("serviceaccounts", account())
    lab.put("secrets", secret())
    lab.run()
    return lab


def test_a_secret_gets_its_token_its_certificate_and_its_namespace():
    lab = filled()
    found, uid = lab.get("secrets", "default/t"), lab.get("serviceaccounts", "default/builder").metadata.uid
    data = text(found.data)
    assert (data["ca.crt"], data["namespace"]) == (AUTHORITY, "default")
    claims = json.loads(base64.urlsafe_b64decode(data["token"].split(".")[1] + "=="))
    assert claims == {
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "default",
        "kubernetes.io/serviceaccount/secret.name": "t",
        "kubernetes.io/serviceaccount/service-account.name": "builder",
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        "sub": "system:serviceaccount:default:builder",
    }
    assert found.metadata.annotations[tokens.ACCOUNT_UID] == uid
    assert lab.writes() == ["update secrets t"]


def test_whoever_has_the_token_is_the_account_as_long_as_both_are_there():
    lab = filled()
    token = text(lab.get("secrets", "default/t").data)["token"]
    user, _ = access.bearer(KEY, token, lab.store, lab.now, (access.ISSUER,))
    assert user.name == "system:serviceaccount:default:builder"
    assert "system:serviceaccounts:default" in user.groups
    lab.remove("secrets", "default/t")
    with pytest.raises(access.Untrusted, match="Token has been invalidated"):
        access.bearer(KEY, token, lab.store, lab.now, (access.ISSUER,))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"data": Map({"token": plain("other")})}, "Token does not match server's copy"),
        ({"labels": Map({"kubernetes.io/legacy-token-invalid-since": "2026-01-01"})}, "has been marked invalid"),
    ],
)
def test_a_token_that_its_secret_does_not_stand_for(change, why):
    lab = filled()
    found = lab.get("secrets", "default/t")
    token = text(found.data)["token"]
    metadata = replace(found.metadata, labels=change.get("labels"))
    lab.put("secrets", replace(found, metadata=metadata, data=change.get("data", found.data)))
    with pytest.raises(access.Untrusted, match=why):
        access.bearer(KEY, token, lab.store, lab.now, (access.ISSUER,))


def test_a_certificate_that_was_changed_is_mended_and_the_token_stays():
    lab = filled()
    found = lab.get("secrets", "default/t")
    lab.put("secrets", replace(found, data=found.data.set("ca.crt", plain("mine"))))
    lab.run()
    assert lab.get("secrets", "default/t").data == found.data


def test_a_secret_goes_with_its_account():
    lab = filled()
    lab.remove("serviceaccounts", "default/builder")
    lab.run()
    assert lab.keys("secrets") == ()
    lab.put("serviceaccounts", account())
    lab.put("secrets", secret(annotations={tokens.ACCOUNT_NAME: "builder", tokens.ACCOUNT_UID: "another"}))
    lab.run()
    assert lab.keys("secrets") == ()


def test_an_account_that_the_cache_does_not_show_yet_keeps_its_secret():
    lab = Lab(tokens.controller(KEY))
    lab.settle()
    lab.late = {"serviceaccounts"}
    lab.put("serviceaccounts", account())
    lab.put("secrets", secret())
    lab.run()
    assert lab.keys("secrets") == ("default/t",)


def test_an_account_forgets_a_secret_that_is_gone():
    lab = Lab(tokens.controller(KEY))
    named = tuple([core_v1.ObjectReference(name=name) for name in ("t", "other")])
    lab.put("serviceaccounts", account(secrets=named))
    lab.put("secrets", secret())
    lab.run()
    lab.remove("secrets", "default/t")
    lab.run()
    assert [each.name for each in lab.get("serviceaccounts", "default/builder").secrets] == ["other"]


def test_other_secrets_are_left_alone_and_a_refusal_comes_back():
    lab = Lab(tokens.controller(KEY))
    lab.put("serviceaccounts", account())
    lab.put("secrets", secret(kind="Opaque"))
    lab.run()
    assert lab.requests == []
    lab.refusals = [Response(500, statuses.internal("no"))]
    lab.put("secrets", secret("u"))
    lab.run(SECOND)
    assert "token" in lab.get("secrets", "default/u").data


def test_in_a_whole_cluster_it_may_do_so():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "t", "annotations": {tokens.ACCOUNT_NAME: "default"}},
        "type": tokens.TYPE,
    }
    cluster = settle(apply(cluster, body)[0]).cluster
    assert {*cluster.get("secrets", "t").data} == {"ca.crt", "namespace", "token"}
    cluster = settle(client.ask(cluster, client.delete("serviceaccounts", "default"))[0]).cluster
    assert cluster.get("secrets", "t") is None


# Bootstrapping -------------------------------------------------------------------------------------------------------

INFO = core_v1.ConfigMap(
    metadata=meta_v1.ObjectMeta(name="cluster-info", namespace="kube-public"), data=Map({"kubeconfig": "content"})
)


def joining(name="abcdef", **more):
    data = {
        "token_id": name,
        "token_secret": "0123456789abcdef",
        "usage_bootstrap_signing": "true",
        **more,
    }
    return secret(f"bootstrap-token-{name}", bootstrapping.TYPE, "kube-system", {}, **data)


def test_cluster_info_is_signed_with_every_token_that_may():
    lab = Lab(bootstrapping.SIGNER)
    lab.put("configmaps", INFO)
    lab.put("secrets", joining())
    lab.put("secrets", joining("fedcba", usage_bootstrap_signing="false"))
    lab.put("secrets", joining("123456", expiration="2020-01-01T00:00:00Z"))
    lab.run()
    data = lab.get("configmaps", "kube-public/cluster-info").data
    signed = webtokens.detached("abcdef", "0123456789abcdef", "content")
    assert dict(data) == {"kubeconfig": "content", "jws-kubeconfig-abcdef": signed}
    lab.remove("secrets", "kube-system/bootstrap-token-abcdef")
    lab.run()
    assert dict(lab.get("configmaps", "kube-public/cluster-info").data) == {"kubeconfig": "content"}


def test_a_detached_signature_is_what_others_compute():
    # The example of the tests of k8s.io/cluster-bootstrap's jws package.
    signed = webtokens.detached(
        "joshua", "my voice is my passcode", "Hello from the other side. I must have called a thousand times."
    )
    header = "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9"
    assert signed == f"{header}..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8"


def test_a_token_goes_when_its_time_is_over():
    lab = Lab(bootstrapping.CLEANER)
    end = "2026-01-01T01:00:00Z"
    lab.put("secrets", joining(expiration=end))
    lab.put("secrets", joining("fedcba"))
    lab.put("secrets", joining("123456", expiration="soon"))
    lab.run(HOUR - SECOND)
    assert lab.now == START + HOUR - SECOND
    assert len(lab.keys("secrets")) == 2
    lab.run(HOUR)
    assert lab.keys("secrets") == ("kube-system/bootstrap-token-fedcba",)
