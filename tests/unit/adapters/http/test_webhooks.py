"""Webhooks that really run, over HTTPS, and a served cluster that asks them."""

import asyncio
import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs
import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

from reconcile.adapters.http.certificates import Authority
from reconcile.adapters.http.webhooks import called
from reconcile.api.scalars import freeze
from reconcile.driver.webhooks import admitted
from reconcile.effects import CallWebhook
from reconcile.events import WebhookAnswered
from reconcile.lib.instant import SECOND

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
GROUP = "admissionregistration.k8s.io"


class Hook:
    """A webhook server at a port of its own: what it was asked, and what it is to answer; *picky*: only to whom."""

    def __init__(self, folder, *, picky=False):
        self.authority = Authority()
        pair = self.authority.for_server(["127.0.0.1", "localhost", "hook.default.svc"])
        path = folder / "hook.pem"
        path.write_bytes(pair.certificate + pair.key)
        self.seen, self.answer = [], admitted
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.seen.append((self.path, review))
                body = json.dumps(hook.answer(review)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if picky:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.authority.certificate.decode())
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.server.server_address[1]}"

    @property
    def bundle(self):
        return base64.b64encode(self.authority.certificate).decode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def hook(tmp_path):
    hook = Hook(tmp_path)
    yield hook
    hook.close()


def register(ask, kind, config, resources=("configmaps",), groups=("",), **changes):
    rule = {"apiGroups": list(groups), "apiVersions": ["*"], "operations": ["*"], "resources": list(resources)}
    webhook = {
        "name": "h.example.com",
        "clientConfig": config,
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        **changes,
    }
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": "c"},
        "webhooks": [webhook],
    }
    code, answer = ask("POST", f"/apis/{GROUP}/v1/{kind.lower()}webhookconfigurations", body)
    assert code == 201, answer


def config_map(name="c", **labels):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


def test_a_webhook_at_a_url(ask, hook):
    register(ask, "Mutating", {"url": f"{hook.url}/mutate", "caBundle": hook.bundle}, timeoutSeconds=5)
    patch = [{"op": "add", "path": "/metadata/labels/marked", "value": "yes"}]
    hook.answer = lambda review: admitted(review, patch=patch, warnings=["look out"])
    code, made = ask("POST", f"{CONFIG_MAPS}?fieldManager=me", config_map(x="y"))
    assert (code, made["metadata"]["labels"]) == (201, {"marked": "yes", "x": "y"})
    assert ask.headers["Warning"] == '299 - "look out"'
    ((path, review),) = hook.seen
    assert path == "/mutate?timeout=5s"
    assert review["request"]["options"]["fieldManager"] == "me"
    assert review["request"]["object"]["metadata"]["managedFields"][0]["manager"] == "me"


def test_a_webhook_that_denies(ask, hook):
    register(ask, "Validating", {"url": hook.url, "caBundle": hook.bundle})
    hook.answer = lambda review: admitted(review, allowed=False, message="no", code=403)
    code, status = ask("POST", CONFIG_MAPS, config_map())
    assert (code, status["message"]) == (403, 'admission webhook "h.example.com" denied the request: no')


def test_a_service_that_nobody_answers_for(ask, hook):
    register(ask, "Validating", {"service": {"namespace": "default", "name": "hook"}})
    code, status = ask("POST", CONFIG_MAPS, config_map())
    said = 'Post "https://hook.default.svc:443/?timeout=10s": service "hook" not found'
    assert (code, status["message"].partition("webhook: ")[2]) == (500, said)


def test_a_service_that_somebody_answers_for(ask, hook, kube):
    kube.cluster._server.services = {"default/hook": hook.url}
    config = {"service": {"namespace": "default", "name": "hook", "path": "/admit"}, "caBundle": hook.bundle}
    register(ask, "Validating", config)
    assert ask("POST", CONFIG_MAPS, config_map())[0] == 201
    assert [path for path, _ in hook.seen] == ["/admit?timeout=10s"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"url": "https://127.0.0.1:1/x"}, "dial tcp 127.0.0.1:1: connect: connection refused"),
        (None, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ],
)
def test_a_webhook_that_is_not_reached(ask, hook, config, said):
    register(ask, "Validating", config or {"url": hook.url})
    code, status = ask("POST", CONFIG_MAPS, config_map())
    assert code == 500
    assert status["message"].endswith(said)


def test_a_webhook_that_is_slow_and_one_that_is_too_slow(ask, hook, kube):
    register(ask, "Validating", {"url": hook.url, "caBundle": hook.bundle}, timeoutSeconds=1)

    def slowly(review):
        time.sleep(0.3 if review["request"]["name"] == "slow" else 3)
        return admitted(review)

    hook.answer = slowly
    assert ask("POST", CONFIG_MAPS, config_map("slow"))[0] == 201
    code, status = ask("POST", CONFIG_MAPS, config_map("slower"))
    assert (code, status["message"].rpartition(": ")[2]) == (500, "context deadline exceeded")


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
            for name in ("v1", "v2")
        ],
    },
}


def converted(review):
    """Move a field: v1 has `size`, v2 has `extent`."""
    wanted, made = review["request"]["desiredAPIVersion"], []
    for obj in review["request"]["objects"]:
        old, new = ("size", "extent") if wanted.endswith("v2") else ("extent", "size")
        rest = {key: value for key, value in obj.items() if key != old}
        made.append({**rest, "apiVersion": wanted, new: obj.get(old)})
    response = {"uid": review["request"]["uid"], "convertedObjects": made, "result": {"status": "Success"}}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def define(ask, hook):
    webhook = {"clientConfig": {"url": hook.url, "caBundle": hook.bundle}, "conversionReviewVersions": ["v1"]}
    conversion = {"strategy": "Webhook", "webhook": webhook}
    body = {**CRD, "spec": {**CRD["spec"], "conversion": conversion}}
    code, answer = ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
    assert code == 201, answer
    hook.answer = converted


def things(version):
    return f"/apis/example.com/{version}/namespaces/default/things"


def thing(version, name="t", **fields):
    return {"apiVersion": f"example.com/{version}", "kind": "Thing", "metadata": {"name": name}, **fields}


def test_a_conversion_webhook(ask, hook):
    define(ask, hook)
    code, made = ask("POST", things("v2"), thing("v2", extent=3))
    assert (code, made["apiVersion"], made["extent"]) == (201, "example.com/v2", 3)
    assert "size" not in made
    assert int(made["metadata"]["resourceVersion"]) > 1
    assert ask("GET", f"{things('v1')}/t")[1]["size"] == 3
    assert ask("POST", things("v1"), thing("v1", "u", size=4))[0] == 201
    code, listed = ask("GET", things("v2"))
    assert [item["extent"] for item in listed["items"]] == [3, 4]
    code, patched = ask("PATCH", f"{things('v2')}/u", {"extent": 5}, Content_Type="application/merge-patch+json")
    assert (code, patched["extent"]) == (200, 5)
    assert ask("GET", f"{things('v1')}/u")[1]["size"] == 5
    code, frames = ask("GET", f"{things('v2')}?watch=true&timeoutSeconds=1")
    told = [json.loads(line) for line in frames.splitlines()]
    assert [(each["type"], each["object"]["apiVersion"], each["object"]["extent"]) for each in told] == [
        ("ADDED", "example.com/v2", 3),
        ("ADDED", "example.com/v2", 5),
    ]


def test_a_conversion_that_fails(ask, hook):
    define(ask, hook)
    assert ask("POST", things("v1"), thing("v1", size=3))[0] == 201
    said = "conversion webhook for example.com/v1, Kind=Thing"
    hook.answer = lambda review: {**converted(review), "response": {"uid": review["request"]["uid"], "result": {}}}
    code, status = ask("GET", f"{things('v2')}/t")
    assert (code, status["message"]) == (500, f"{said} failed: response.result.status was '', not 'Success'")

    def renamed(review):
        answer = converted(review)
        answer["response"]["convertedObjects"][0]["metadata"]["name"] = "x"
        return answer

    hook.answer = renamed
    code, status = ask("GET", f"{things('v2')}/t")
    assert code == 500
    assert status["message"] == f"{said} returned invalid object: must have the same name: t != x"


def test_more_requests_at_once_than_are_served(ask, hook, kube, connect):
    # While a webhook is slow its request is under way, so that others find its seat taken.
    register(ask, "Validating", {"url": hook.url, "caBundle": hook.bundle})
    server = kube.cluster._server
    server.seats.gate.seats, server.seats.patience = 12, 0.2
    token = ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}})[1]["status"]["token"]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "x"}}
    role |= {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    assert ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", role)[0] == 201
    level = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations/workload-low"
    patch = {"spec": {"limited": {"nominalConcurrencyShares": 1}}}
    assert ask("PATCH", level, patch, Content_Type="application/merge-patch+json")[0] == 200
    release, codes, headers = threading.Event(), [], []

    def slowly(review):
        release.wait(10)
        return admitted(review)

    hook.answer = slowly
    context = ssl.create_default_context(cadata=base64.b64decode(_authority(kube)).decode())

    def post(name):
        connection, prefix = connect(context)
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        connection.request("POST", prefix + CONFIG_MAPS, json.dumps(config_map(name)), sent)
        response = connection.getresponse()
        response.read()
        codes.append(response.status)
        headers.append(response.getheader("Retry-After"))

    threads = [threading.Thread(target=post, args=(f"c{place}",)) for place in range(2)]
    threads[0].start()
    while not hook.seen:
        time.sleep(0.01)
    threads[1].start()
    threads[1].join(10)
    assert (codes, headers) == ([429], ["1"])
    release.set()
    threads[0].join(10)
    assert codes == [429, 201]


def _authority(kube):
    return json.loads(kube.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority-data"]


class Extender:
    """An extender at a port of its own, over plain HTTP: what it was asked, and what it is to answer."""

    def __init__(self, code=200):
        self.seen = []
        extender = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                args = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                extender.seen.append((self.path, args))
                body = json.dumps({"NodeNames": args["NodeNames"][:1]}).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.mark.parametrize(("code", "body"), [(200, {"NodeNames": ("n1",)}), (500, {"NodeNames": ("n1",)})])
def test_an_extender_over_plain_http(code, body):
    with Extender(code) as extender:
        url = f"http://127.0.0.1:{extender.server.server_address[1]}/v1/filter"
        call = CallWebhook("c", freeze({"NodeNames": ["n1", "n2"]}), 5 * SECOND, url, who="extender")
        answer = asyncio.run(called(call, {}))
        assert answer == WebhookAnswered("c", freeze(body), code)
        assert extender.seen == [("/v1/filter", {"NodeNames": ["n1", "n2"]})]


def asked_of(hook, **changes):
    call = CallWebhook("c", freeze({"NodeNames": ["n1"]}), 5 * SECOND, f"{hook.url}/filter", who="extender")
    return asyncio.run(called(attrs.evolve(call, **changes), {}))


def test_an_extender_whose_certificate_is_not_looked_at(hook):
    hook.answer = lambda _: [{"Host": "n1", "Score": 3}]
    assert asked_of(hook, insecure=True).body == freeze([{"Host": "n1", "Score": 3}])
    assert [path for path, _ in hook.seen] == ["/filter"]
    assert "certificate" in asked_of(hook).error


def test_an_extender_is_known_by_what_its_configuration_says(hook):
    hook.answer = lambda _: []
    assert asked_of(hook, ca_bundle=hook.bundle).code == 200
    assert "certificate" in asked_of(hook, ca_bundle=base64.b64encode(b"nobody").decode()).error


def test_an_extender_is_known_by_another_name(hook):
    hook.answer = lambda _: []
    assert asked_of(hook, ca_bundle=hook.bundle, server_name="hook.default.svc").code == 200
    said = "tls: failed to verify certificate: x509: certificate is not valid for else.default.svc"
    assert asked_of(hook, ca_bundle=hook.bundle, server_name="else.default.svc").error == said


def test_an_extender_is_shown_a_certificate(tmp_path):
    def text(pem):
        return base64.b64encode(pem).decode()

    hook = Hook(tmp_path, picky=True)
    try:
        hook.answer = lambda _: []
        pair = hook.authority.for_client("scheduler", [])
        shown = {"certificate": text(pair.certificate), "key": text(pair.key)}
        assert asked_of(hook, ca_bundle=hook.bundle, **shown).code == 200
        assert asked_of(hook, ca_bundle=hook.bundle).error in ("EOF", "remote error: tls: certificate required")
        shown["key"] = text(hook.authority.for_client("else", []).key)
        assert "private key does not match" in asked_of(hook, ca_bundle=hook.bundle, **shown).error
    finally:
        hook.close()
