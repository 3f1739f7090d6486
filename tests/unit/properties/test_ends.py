"""What a run ends with, and where two ends part."""

import attrs
import pytest

from reconcile.api import convert
from reconcile.api.scalars import Time
from reconcile.driver import client
from reconcile.driver.run import settle
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.properties import PAST, Past, differences, normal

NOTE = {"name": "note", "namespace": "default", "uid": "u"}
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}


def secret(name, *, word="b", owner=None, namespace="default"):
    metadata = {"name": name, "namespace": namespace, "generateName": "web-", "uid": f"uid-{name}"}
    if owner is not None:
        metadata["ownerReferences"] = [{**OWNER, "uid": owner.metadata.uid}]
    return convert.load({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": word * 4}}).object


@pytest.fixture
def with_secrets(cluster, written):
    """Give the cluster with secrets of these names, owned by the Deployment."""

    def write(*names, **more):
        after, (web,) = cluster, cluster.objects("deployments", namespace="default")
        for name in names:
            made = secret(name, owner=web, **more)
            after = written(after, "secrets", f"{made.metadata.namespace}/{name}", made).after
        return after

    return write


def test_the_end_of_a_deployment(cluster):
    ends = normal(cluster)
    (web,) = ends["deployments.apps default/web"]
    assert (web["spec"]["replicas"], web["observed"]) == (2, True)
    assert web["conditions"] == {"Available": "True", "Progressing": "True"}
    pods = ends["pods default/web-*-*"]
    assert [(pod["of"], pod["status"]) for pod in pods] == [
        ("replicasets.apps default/web-*", {"phase": "Running", "ready": True})
    ] * 2
    assert [service["backends"] for service in ends["services default/web"]] == [2]


def test_every_object_but_what_is_past_is_in_it(cluster):
    ends = normal(cluster)
    kinds = {place.partition(" ")[0] for place in ends}
    stored = {resource for resource, table in cluster.store.tables.items() if len(table)}
    assert stored - kinds == {"events", "leases.coordination.k8s.io"}
    count = sum(len(found) for found in ends.values())
    assert count == sum(len(cluster.objects(resource)) for resource in kinds)


def test_nothing_drawn_is_in_it(cluster):
    text = str(normal(cluster))
    for resource, table in cluster.store.tables.items():
        for obj in table.values():
            assert obj.metadata.uid not in text
            if obj.metadata.generate_name and resource != "events":
                assert obj.metadata.name not in text
    assert not [pod for pod in cluster.objects("pods", namespace="default") if pod.status.pod_ip in text]
    assert "resourceVersion" not in text
    assert "T00:" not in text


def test_another_run_of_the_same_ends_the_same(cluster):
    other = settle(attrs.evolve(settle(cluster.boot(cluster.topology, seed=99)).cluster)).cluster
    for word in ("deployments", "services"):
        (found,) = [each for each in cluster.objects(word, namespace="default") if each.metadata.name == "web"]
        plain = convert.dump(found)
        spec = {key: part for key, part in plain["spec"].items() if key not in ("clusterIP", "clusterIPs")}
        manifest = {"apiVersion": found.api_version, "kind": found.kind, "metadata": {"name": "web"}, "spec": spec}
        other, response = client.apply(other, manifest)
        assert response.ok, response
    other = settle(other).cluster
    assert cluster.objects("pods", namespace="default") != other.objects("pods", namespace="default")
    assert differences(normal(cluster), normal(other)) == ()


@pytest.mark.parametrize("namespace", ["default", "kube-system"])
def test_how_many_there_are_of_each_is_compared(with_secrets, namespace):
    one, two = with_secrets("web-aaaaa", namespace=namespace), with_secrets("web-bbbbb", "web-c", namespace=namespace)
    place = f"secrets {namespace}/web-*"
    assert differences(normal(two), normal(one)) == (f"{place} is there twice, undisturbed once",)
    assert differences(normal(one), normal(two)) == (f"{place} is there once, undisturbed twice",)
    none = normal(with_secrets())
    assert differences(none, normal(two)) == (f"{place} is there not at all, undisturbed twice",)


def test_names_that_were_drawn_are_matched_by_content(cluster, written):
    def holding(**words):
        after = cluster
        for name, word in words.items():
            after = written(after, "secrets", f"default/web-{name}", secret(f"web-{name}", word=word)).after
        return normal(after)

    assert differences(holding(a="b", b="c"), holding(y="c", z="b")) == ()
    assert differences(holding(a="b", b="c"), holding(y="d", z="b")) == (
        'secrets default/web-*: data.a is "cccc", undisturbed "dddd"',
    )


def test_names_in_contents_are_known_again(cluster, written):
    def noted(pod):
        data = {"pods": f"{pod.metadata.name},{pod.status.pod_ip}", "uid": pod.metadata.uid}
        plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": NOTE, "data": data}
        return written(cluster, "configmaps", "default/note", convert.load(plain).object).after

    one, other = map(noted, cluster.objects("pods", namespace="default"))
    assert normal(one)["configmaps default/note"] == normal(other)["configmaps default/note"]
    assert normal(one)["configmaps default/note"][0]["data"] == {"pods": "web-*-*,an address", "uid": "a uid"}


def test_what_differs_is_said_by_its_path(cluster, rewritten):
    (web,) = [each for each in cluster.objects("services", namespace="default") if each.metadata.name == "web"]
    (node,) = [each for each in cluster.objects("nodes") if each.metadata.name == "node-2"]
    after = rewritten(cluster, "services", web, spec=replace(web.spec, selector=Map({"app": "other"}))).after
    labels = Map({**node.metadata.labels, "rack": "1"})
    after = rewritten(after, "nodes", node, metadata=replace(node.metadata, labels=labels)).after
    assert differences(normal(after), normal(cluster)) == (
        'nodes node-2: metadata.labels.rack is "1", undisturbed not there',
        "services default/web: backends is 0, undisturbed 2",
        'services default/web: spec.selector.app is "other", undisturbed "web"',
    )


def test_what_is_past_is_a_list_that_can_be_changed(with_secrets):
    one, two = with_secrets("web-a"), with_secrets("web-b", "web-c")
    assert differences(normal(one, (*PAST, Past("secrets"))), normal(two, (*PAST, Past("secrets")))) == ()
    some = (*PAST, Past("secrets", "b", lambda _, obj: obj.metadata.name == "web-b"))
    assert differences(normal(one, some), normal(two, some)) == ()
    assert any(place.startswith("events ") for place in normal(one, ()))


def test_the_replica_sets_of_former_templates_are_past(cluster, rewritten):
    (web,) = cluster.objects("deployments", namespace="default")
    (one,) = cluster.objects("replicasets", namespace="default")
    template = replace(web.spec.template, metadata=replace(web.spec.template.metadata, labels=Map({"app": "new"})))
    after = rewritten(cluster, "deployments.apps", web, spec=replace(web.spec, template=template)).after
    assert "replicasets.apps default/web-*" in normal(after)
    emptied = rewritten(after, "replicasets.apps", one, spec=replace(one.spec, replicas=0)).after
    assert "replicasets.apps default/web-*" not in normal(emptied)
    # Of the present template it is not past, even without pods.
    assert "replicasets.apps default/web-*" in normal(
        rewritten(cluster, "replicasets.apps", one, spec=replace(one.spec, replicas=0)).after
    )


def test_pods_that_ended_and_were_replaced_are_past(cluster, rewritten, pod):
    failed = replace(pod.status, phase="Failed")
    assert len(normal(rewritten(cluster, "pods", pod, status=failed).after)["pods default/web-*-*"]) == 1
    alone = replace(pod.metadata, owner_references=None)
    after = rewritten(cluster, "pods", pod, metadata=alone, status=failed).after
    assert len(normal(after)["pods default/web-*-*"]) == 2


def test_what_neither_run_touched_is_left_out(cluster, with_secrets):
    one, two = with_secrets("web-a"), with_secrets("web-a", "web-b")
    ends, others = normal(one, but=two), normal(two, but=one)
    assert set(ends) | set(others) == {"secrets default/web-*"}
    assert differences(ends, others) == differences(normal(one), normal(two))


def test_times_are_no_part_of_it(cluster, rewritten):
    (node, *_) = cluster.objects("nodes")
    later = tuple([replace(each, last_heartbeat_time=Time.at(1)) for each in node.status.conditions])
    after = rewritten(cluster, "nodes", node, status=replace(node.status, conditions=later)).after
    assert normal(after) == normal(cluster)
