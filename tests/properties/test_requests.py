"""Whatever is asked, the API server answers: with the object, which reads back as it is stored, or with a Status."""

import json

from hypothesis import event, given
from hypothesis import strategies as st

from reconcile.api import convert, kinds, meta_v1
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.model.requests import Request, Response
from reconcile.store import Committed, Store, commit

NOW = 1_767_225_600 * 10**9
STATE = apiserver.begin("kube-apiserver/host-1", Dice(1, "kube-apiserver/host-1"))

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "ports": [{"containerPort": 80, "name": "http"}],
                "resources": {"limits": {"cpu": "1"}},
                "livenessProbe": {"httpGet": {"port": 80}},
                "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "nodeSelector": {"x": "y"},
    },
}
SELECTING = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}
MANIFESTS = (
    ("v1", "Pod", {"spec": TEMPLATE["spec"]}),
    ("apps/v1", "Deployment", {"spec": {**SELECTING, "replicas": 1, "strategy": ROLLING}}),
    ("apps/v1", "ReplicaSet", {"spec": SELECTING}),
    ("apps/v1", "DaemonSet", {"spec": SELECTING}),
    ("apps/v1", "StatefulSet", {"spec": {**SELECTING, "serviceName": "s"}}),
    ("v1", "ReplicationController", {"spec": {"selector": {"app": "web"}, "template": TEMPLATE}}),
    ("v1", "Service", {"spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "name": "a"}]}}),
    ("v1", "Service", {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    ("v1", "Service", {"spec": {"type": "ExternalName", "externalName": "example.com"}}),
    ("v1", "Endpoints", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
    ("v1", "Node", {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "podCIDR": "10.0.0.0/24"}}),
    ("v1", "Namespace", {}),
    ("v1", "ConfigMap", {"data": {"a": "b"}}),
    ("v1", "Secret", {"data": {"a": "Yg=="}}),
    ("v1", "Event", {"involvedObject": {"namespace": "default", "name": "x"}, "count": 1}),
    ("coordination.k8s.io/v1", "Lease", {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 3}}),
    ("policy/v1", "PodDisruptionBudget", {"spec": {"minAvailable": "50%", "selector": {}}}),
    ("scheduling.k8s.io/v1", "PriorityClass", {"value": 5}),
)
TEXTS = ("", "x", "None", "A B", "x" * 300, "9" * 5000, "-5%", "100%", "1e3", "é\x00", "10.96.0.1", "::1", "a/b/c")
VALUES = st.sampled_from(
    [None, 0, 1, -1, 2**31 - 1, 10**30, True, 1.5, [], {}, [None], [{}], ["a", "a"], {"": ""}, {"a": None}, *TEXTS]
)
POLICIES = st.sampled_from([None, "Foreground", "Background", "Orphan", "x"])


def _places(value, path=()):
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from _places(entry, (*path, key))


def _changed(value, path, entry):
    if not path:
        return entry
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], entry)
    return copy


@st.composite
def damaged(draw, content):
    """Give *content* with one value somewhere within it replaced."""
    place = draw(st.sampled_from([path for path in _places(content) if path not in {("apiVersion",), ("kind",)}]))
    return _changed(content, place, draw(VALUES))


class Server:
    """A server that any request can be asked of; every object that it stores reads back as it is."""

    def __init__(self, resource):
        self.store, self.resource, self.count = Store(), resource, 0
        self.namespace = "default" if resource.namespaced else ""
        for request in apiserver.bootstrap(STATE, NOW):
            self.answer(request)

    def ask(self, verb, body, name="x", subresource=""):
        if verb in ("create", "update"):
            try:
                body = convert.load(body, cls=self.resource.object_class, unknown="Ignore").object
            except convert.InvalidObject:
                event(f"{verb}, no object")
                return
        request = Request(
            verb=verb,
            resource=self.resource.key,
            namespace=self.namespace,
            name=name,
            body=body,
            subresource=subresource,
        )
        response = self.answer(request)
        event(f"{verb} {response.code}")
        written = convert.dump(response.body)
        assert json.loads(json.dumps(written)) == written
        assert response.ok or (response.body.code == response.code and response.body.message)
        for obj in self.store.table(self.resource.key).values():
            assert convert.load(convert.dump(obj)).object == obj

    def answer(self, request):
        self.count += 1
        dice = Dice(1, f"request/{self.count}")
        planned = apiserver.plan(STATE, request, apiserver.ITSELF, self.store, NOW, dice)
        if isinstance(planned, Response):
            return planned
        done = commit(self.store, planned.txn)
        assert isinstance(done, Committed)
        self.store = done.store
        for txn in planned.then:
            more = commit(self.store, txn)
            assert isinstance(more, Committed)
            self.store = more.store
        return apiserver.answer(planned, self.store, done.changes)


@given(st.data(), st.sampled_from(MANIFESTS))
def test_every_request_is_answered(data, manifest):
    version, kind, parts = manifest
    resource = kinds.resource_for(version, kind)
    metadata = {"name": "x", "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["e.f/g"]}
    content = {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}
    server = Server(resource)
    server.ask("create", data.draw(damaged(content)) if data.draw(st.integers(0, 5)) == 5 else content, name="")
    for _ in range(3):
        stored = server.store.get(resource.key, "/".join(filter(None, (server.namespace, "x"))))
        known = content if stored is None else convert.dump(stored)
        verb = data.draw(st.sampled_from(["update", "patch", "patch", "delete"]))
        subresource = data.draw(
            st.sampled_from(["", "", *[each for each in ("status", "scale") if each in resource.subresources]])
        )
        if verb == "delete":
            seconds = data.draw(st.sampled_from([None, 0, -5, 10, 2**62]))
            body = meta_v1.DeleteOptions(propagation_policy=data.draw(POLICIES), grace_period_seconds=seconds)
            subresource = ""
        elif verb == "patch" and subresource:
            field = {"scale": "spec", "status": "status"}[subresource]
            body = {field: data.draw(VALUES | VALUES.map(lambda value: {"replicas": value}))}
        else:
            body = data.draw(damaged(known))
            subresource = "" if subresource == "scale" else subresource
        server.ask(verb, body, subresource=subresource)
