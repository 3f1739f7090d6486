"""Whatever comes over a connection is answered: never an exception, never a 500, in bounded time."""

import gzip
import json
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile import Cluster, Topology, settle
from reconcile.api import protobuf
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.driver.serving.exchange import exchange

CLUSTER = settle(Cluster.boot(Topology(nodes=1, proxy=False, managed_fields=True), seed=1)).cluster
ADMIN = ("admin", ("system:masters",))

METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "", "get"])
SEGMENTS = st.sampled_from([
    "api", "apis", "v1", "apps", "v2", "autoscaling", "namespaces", "default", "pods", "configmaps", "deployments", "x",
    "status", "scale", "log", "binding", "eviction", "finalize", "watch", "..", "", "%", "é", "\x00", "a" * 300,
]) | st.text(max_size=4)  # fmt: skip
PATHS = st.lists(SEGMENTS, max_size=8).map(lambda parts: "/" + "/".join(parts))
KNOWN = st.sampled_from([
    "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods/x", "/api/v1/pods", "/version",
    "/apis/apps/v1/namespaces/default/deployments", "/api/v1/namespaces/default/configmaps/x", "/apis", "/api/v1/nodes",
    "/apis/apps/v1/namespaces/default/deployments/x/scale", "/api/v1/namespaces/default/pods/x/binding",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/api/v1/namespaces/x/finalize", "/openapi/v2",
])  # fmt: skip
MEDIA = st.sampled_from([
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/merge-patch+json",
    "application/json-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml", "*/*", "x",
    "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;;", ";", "a/b;q=x", "application/cbor", "",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,*/*;q=0.1",
])  # fmt: skip
HEADERS = st.lists(
    st.tuples(st.sampled_from(["accept", "content-type"]), MEDIA | st.text(max_size=12))
    | st.tuples(
        st.sampled_from(["authorization", "impersonate-user", "user-agent", "content-encoding"]),
        st.text(min_size=1, max_size=8),
    ),
    max_size=4,
)
NAMES = st.sampled_from([
    "limit", "continue", "watch", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector", "dryRun",
    "fieldManager", "fieldValidation", "force", "pretty", "timeoutSeconds", "sendInitialEvents", "allowWatchBookmarks",
    "gracePeriodSeconds", "propagationPolicy", "orphanDependents",
])  # fmt: skip
VALUES = st.sampled_from(["", "0", "1", "-1", "true", "All", "Strict", "9" * 400, "1e3", "a=b", "a in (", "x" * 200])
QUERIES = st.lists(st.tuples(NAMES, VALUES | st.text(max_size=6)), max_size=4)

DEEP = st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"[" * 300 + b"]" * 300, b"- " * 5_000, b"{a: " * 3_000])
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)) for letter in range(98, 110)
)
LEAVES = st.sampled_from([None, True, 1, -1, 1.5, 10**30, "", "x", "\ud800", "1Ki", "2026-01-01T00:00:00Z", [], {}])
WORDS = st.sampled_from(["apiVersion", "kind", "metadata", "name", "labels", "spec", "containers", "data", "replicas"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))
OBJECTS = st.builds(
    lambda kind, rest: {**rest, **kind},
    st.sampled_from([
        {}, {"apiVersion": "v1", "kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}},
        {"apiVersion": "apps/v1", "kind": "Deployment"}, {"apiVersion": 1}, {"kind": "Pod", "apiVersion": "a/b/c"},
    ]),
    st.dictionaries(WORDS, TREES, max_size=5),
)  # fmt: skip


def _sized(content):
    return b"\x12" + bytes([len(content) & 127]) + content


PARTS = st.tuples(st.integers(1, 20), st.sampled_from([0, 1, 2, 3, 4, 5, 6]), st.binary(max_size=6)).map(
    lambda part: bytes([part[0] << 3 & 0xFF | part[1]]) + (bytes([len(part[2])]) if part[1] == 2 else b"") + part[2]
)
BODIES = (
    st.binary(max_size=40)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
    | OBJECTS.map(lambda value: json.dumps(value).encode())
    | OBJECTS.map(lambda value: json.dumps([value, value]).encode())
    | DEEP
    | st.sampled_from([BOMB, b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b'{"a":"\xff"}', b"{}{}", b"\x00"])
    | st.just(b"x" * 4_000_000)
    | st.sampled_from([gzip.compress(b"{}"), struct.pack("<d", 1.0), b"!!python/object:os.system x", b"*a", b"&a [*a]"])
    | st.lists(PARTS, max_size=6).map(lambda parts: protobuf.PREFIX + b"".join(parts))
    | st.lists(PARTS, max_size=6).map(lambda parts: protobuf.PREFIX + _sized(b"".join(parts)))
)  # fmt: skip
REQUESTS = st.builds(
    HttpRequest,
    method=METHODS,
    path=KNOWN | PATHS,
    query=QUERIES.map(tuple),
    headers=HEADERS.map(tuple),
    body=BODIES,
    certificate=st.just(ADMIN),
)


@settings(max_examples=150, deadline=5_000, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(REQUESTS, min_size=1, max_size=3))
def test_whatever_is_asked_is_answered(requests):
    cluster = CLUSTER
    for http in requests:
        cluster, response = exchange(cluster, http)
        assert 200 <= response.code < 600
        assert response.code != 500, (http, response.body)
        for name, value in response.headers:
            assert (name + value).isprintable(), (name, value)


def test_a_good_object_is_taken_in_every_form():
    # Lest the property above be met by a server that refuses all.
    from reconcile.components.apiserver.rest import yamls

    assert yamls.read("a: 1").data == {"a": 1}
    data = {"metadata": {"name": "x"}, "data": {"a": "b"}}
    bodies = {
        "application/json": json.dumps(data).encode(),
        "application/yaml": b"metadata: {name: x}\ndata: {a: b}\n",
        "application/vnd.kubernetes.protobuf": protobuf.enveloped("core_v1.ConfigMap", data, "v1", "ConfigMap"),
    }
    for kind, body in bodies.items():
        headers = (("content-type", kind), ("accept", "application/json"))
        path = "/api/v1/namespaces/default/configmaps"
        http = HttpRequest(method="POST", path=path, headers=headers, body=body, certificate=ADMIN)
        _, response = exchange(CLUSTER, http)
        assert response.code == 201, response.body
        assert json.loads(response.body)["data"] == {"a": "b"}
