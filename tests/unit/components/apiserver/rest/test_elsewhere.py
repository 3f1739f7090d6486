"""What is served beside resources."""

import json

import pytest

from reconcile import Cluster, Topology, settle
from reconcile.components.apiserver.rest import HttpRequest, elsewhere
from reconcile.driver.serving.exchange import exchange
from reconcile.store import Store

ADMIN = ("admin", ("system:masters",))
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture(scope="module")
def cluster():
    return settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster


@pytest.fixture
def ask(cluster):
    def asked(path, *, method="GET", accept="application/json", query=()):
        http = HttpRequest(method=method, path=path, query=query, headers=(("accept", accept),), certificate=ADMIN)
        return exchange(cluster, http)[1]

    return asked


def test_discovery_has_groups_versions_and_resources(ask):
    groups = json.loads(ask("/apis").body)["groups"]
    autoscaling = next(group for group in groups if group["name"] == "autoscaling")
    assert [row["version"] for row in autoscaling["versions"]] == ["v2", "v1"]
    resources = json.loads(ask("/apis/apps/v1").body)["resources"]
    scale = next(row for row in resources if row["name"] == "deployments/scale")
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


def test_aggregated_discovery_has_everything_at_once(ask):
    response = ask("/apis", accept=AGGREGATED)
    assert response.header("content-type") == AGGREGATED
    items = json.loads(response.body)["items"]
    assert items[1]["metadata"]["name"] == "apps"
    core = json.loads(ask("/api", accept=AGGREGATED).body)["items"]
    assert [item["metadata"] for item in core] == [{}]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/etcd"])
def test_a_server_that_answers_is_well(ask, path):
    assert (ask(path).code, ask(path).body) == (200, b"ok")


def test_checks_are_told_one_by_one(ask):
    body = ask("/readyz", query=(("verbose", ""), ("exclude", "etcd"), ("exclude", "nope"))).body.decode()
    assert "[+]etcd excluded: ok\n" in body
    assert 'warn: some health checks cannot be excluded: no matches for "nope"\n' in body
    assert body.endswith("readyz check passed\n")


@pytest.mark.parametrize("path", ["/ui", "/logs", "/apis/nope", "/openapi", "/livez/nope"])
def test_nothing_is_there(ask, path):
    assert (ask(path).code, ask(path).body) == (404, b"404 page not found\n")


def test_the_version(ask):
    assert json.loads(ask("/version").body)["minor"] == "36"
    assert ask("/version", method="POST").code == 405
    assert ask("/version", accept="application/xml").code == 406
    # As a client asks whose other requests are in protobuf.
    assert ask("/version", accept="application/vnd.kubernetes.protobuf, */*").code == 200


def test_who_issues_tokens_and_with_which_keys(ask):
    found = ask("/.well-known/openid-configuration")
    assert found.header("cache-control") == "public, max-age=3600"
    assert json.loads(found.body)["id_token_signing_alg_values_supported"] == ["RS256"]
    asked = HttpRequest(method="GET", path="/openid/v1/jwks")
    keys = elsewhere.answer(asked, Store(), 0, "there:1", "ab")
    assert keys.header("content-type") == "application/jwk-set+json"
    assert [key["alg"] for key in json.loads(keys.body)["keys"]] == ["RS256"]
    assert "/openid/v1/jwks" in json.loads(ask("/").body)["paths"]
    assert ask("/openid/v1/jwks").code == 404  # a server that gives no tokens


def test_metrics_count_what_is_stored(ask):
    lines = ask("/metrics").body.decode().splitlines()
    assert 'apiserver_storage_objects{resource="nodes"} 1' in lines
    assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 for line in lines)


@pytest.mark.parametrize("mark", ["@", "."])
def test_openapi_2_is_given_in_the_form_that_is_asked_for(ask, mark):
    asked = f"application/com.github.proto-openapi.spec.v2{mark}v1.0+protobuf"
    proto, plain = ask("/openapi/v2", accept=asked), ask("/openapi/v2", accept="*/*")
    assert proto.header("content-type") == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert plain.header("content-type") == "application/json"
    assert proto.header("etag") == plain.header("etag")
    assert (ask("/openapi/v2", accept="text/html").code, ask("/openapi/v2", accept="text/html").body) == (406, b"")
