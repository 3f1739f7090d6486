import attrs
import pytest
import yaml

from reconcile import Cluster, Topology, apply, settle
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.properties import heeding
from reconcile.properties.heeding import unheeded

RESTED = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec: {podSelector: {}}
"""

# what a pod's specification may have, beside the words that it brings
PODS = {
    "the ServiceAccount": "serviceAccountName: gone",
}
SERVICES = {
    "no cloud": "{type: LoadBalancer, ports: [{port: 80}]}",
    "IPv6": "{clusterIP: None, ipFamilies: [IPv6], ports: [{port: 80}]}",
}


def applied(*texts, cluster=RESTED):
    for text in texts:
        for content in yaml.safe_load_all(text):
            cluster, response = apply(cluster, content)
            assert response.ok, response.body.message
    return cluster


def sentences(cluster):
    return [str(each) for each in unheeded(cluster)]


def pod(more):
    return (
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, image: c}}], {more}}}}}"
    )


def test_a_cluster_at_rest_has_nothing_of_the_kind():
    assert unheeded(RESTED) == ()


def test_kinds_without_a_controller_are_counted():
    cluster = applied(POLICY, POLICY.replace("name: db}", "name: cache}"))
    assert sentences(cluster) == ["2 NetworkPolicies (cache in default and 1 more): no packet is held back"]


@pytest.mark.parametrize("keys", [keys_of_itself, lambda change, _: (change.key,)])
def test_a_kind_that_gets_a_users_controller_leaves_the_note(keys):
    controller = Controller(
        name="mine",
        sources=(Source("networkpolicies.networking.k8s.io", keys),),
        reconcile=lambda _: Outcome(error="not yet"),
    )
    cluster = attrs.evolve(applied(POLICY), controllers=(controller,))
    assert unheeded(cluster) == ()


def test_a_kind_that_gets_a_controller_of_kubernetes_own_leaves_the_note(monkeypatch):
    cluster = applied(POLICY)
    # To watch a kind is not to act upon it: the garbage collector watches them all.
    watching = Controller(
        name="a", sources=(Source("networkpolicies.networking.k8s.io", lambda *_: ()),), reconcile=Outcome
    )
    monkeypatch.setattr(heeding, "STANDARD", (watching,))
    assert len(unheeded(cluster)) == 1
    acting = Controller(
        name="b", sources=(Source("networkpolicies.networking.k8s.io", keys_of_itself),), reconcile=Outcome
    )
    monkeypatch.setattr(heeding, "STANDARD", (watching, acting))
    assert unheeded(cluster) == ()


def test_devices_are_acted_upon():
    assert unheeded(applied("{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: d}, spec: {}}")) == ()


def test_roles_are_acted_upon():
    assert unheeded(applied("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}}")) == ()


@pytest.mark.parametrize(("words", "more"), PODS.items())
def test_what_pods_ask_for(words, more):
    (found,) = sentences(applied(pod(more)))
    assert found.startswith("1 Pod (p in default): ")
    assert words in found


@pytest.mark.parametrize(("words", "spec"), SERVICES.items())
def test_what_services_ask_for(words, spec):
    (found,) = sentences(applied(f"{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {spec}}}"))
    assert found.startswith("1 Service (s in default): ")
    assert words in found


def test_an_api_service_that_nobody_answers_for():
    behind = "service: {name: s, namespace: d}"
    spec = f"{{group: %s, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100, {behind}}}"
    service = "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1beta1.%s}, spec: %s}"
    group = "example.com"
    (found,) = sentences(applied(service % (group, spec % group)))
    assert found == "1 APIService (v1beta1.example.com): no request is passed on"


def test_every_field_of_the_table_has_its_example():
    whys = [row.why for row in heeding._UNHEEDED_FIELDS]
    examples = [*PODS, *SERVICES, "no request is passed on"]
    assert [why for why in whys if not any(words in why for words in examples)] == []


def test_one_and_several():
    assert [
        heeding._words(resource) for resource in ("networkpolicies.networking.k8s.io", "ingresses.networking.k8s.io")
    ] == [("NetworkPolicy", "NetworkPolicies"), ("Ingress", "Ingresses")]
    assert heeding._words("endpoints") == ("Endpoints", "Endpoints")


def test_every_resource_of_the_table_is_one():
    resources = [resource for row in heeding._UNHEEDED_KINDS for resource in row.resources]
    assert [resource for resource in resources if resource not in heeding._BUILT_IN] == []
    assert len(resources) == len(set(resources))


def test_what_stages_play_is_acted_upon():
    stage = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "ready"},
        "spec": {
            "resourceRef": {"apiGroup": "example.com/v1", "kind": "Thing"},
            "selector": {},
            "next": {"statusTemplate": "phase: Ready"},
        },
    }
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]},
    }
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}}
    for stages, said in (((stage,), ()), ((), ("custom things.example.com",))):
        cluster = settle(Cluster.boot(Topology(nodes=1, stages=stages), seed=1)).cluster
        for each in (definition, thing):
            cluster, response = apply(cluster, each)
            assert response.ok, response.body
        assert tuple([each.what for each in unheeded(settle(cluster).cluster)]) == said
