"""A Deployment's bounds, and who breaks them."""

import pytest

from reconcile.api import apps_v1, convert
from reconcile.api.scalars import Time
from reconcile.lib.replacing import replace
from reconcile.properties import Rollouts
from reconcile.properties.rollouts import Bounds, bounds


def deployment(replicas, **strategy):
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
        "strategy": strategy,
    }
    plain = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}
    loaded = convert.load(plain).object
    assert isinstance(loaded, apps_v1.Deployment)
    return loaded


@pytest.mark.parametrize(
    ("replicas", "strategy", "expected"),
    [
        (4, {}, Bounds(5, 3)),
        (3, {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "50%"}}, Bounds(5, 2)),
        (3, {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}}, Bounds(3, 1)),
        (3, {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}, Bounds(3, 2)),
        (2, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 4}}, Bounds(3, 0)),
        (3, {"type": "Recreate"}, Bounds(3, 0)),
        (0, {}, Bounds(0, 0)),
    ],
)
def test_bounds(replicas, strategy, expected):
    assert bounds(deployment(replicas, **strategy)) == expected


def test_a_cluster_that_is_well_is_within_them(cluster, rewritten, pod):
    passage = rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, generation=9))
    assert Rollouts.of(cluster).seen(passage) == (Rollouts.of(cluster), ())


def test_a_replica_set_that_wants_too_many_is_found(cluster, rewritten):
    (one,) = cluster.objects("replicasets", namespace="default")
    passage = rewritten(cluster, "replicasets.apps", one, spec=replace(one.spec, replicas=4))
    _, said = Rollouts.of(cluster).seen(passage)
    assert said == (f"deployment default/web wants 4 pods of at most 3 since default/{one.metadata.name} changed",)


def test_a_pod_too_many_is_found(cluster, written, pod):
    extra = replace(pod, metadata=replace(pod.metadata, name="extra", uid="extra"))
    _, said = Rollouts.of(cluster).seen(written(cluster, "pods", "default/extra", extra))
    owner = pod.metadata.owner_references[0].name
    assert said == (f"ReplicaSet {owner} has 3 pods of at most 2 with default/extra",)


def test_a_ready_pod_too_few_is_found(cluster, rewritten, pod):
    leaving = replace(pod.metadata, deletion_timestamp=Time.at(cluster.now))
    _, said = Rollouts.of(cluster).seen(rewritten(cluster, "pods", pod, metadata=leaving))
    assert said == (f"deployment default/web has 1 ready pods of at least 2 since default/{pod.metadata.name} changed",)


def test_the_bounds_of_before_count_until_the_controller_has_seen_the_new_ones(cluster, rewritten, pod):
    (web,) = cluster.objects("deployments", namespace="default")
    metadata = replace(web.metadata, generation=web.metadata.generation + 1)
    passage = rewritten(cluster, "deployments.apps", web, metadata=metadata, spec=replace(web.spec, replicas=1))
    rollouts, said = Rollouts.of(cluster).seen(passage)
    assert said == ()
    assert rollouts.known[web.metadata.uid] == Bounds(3, 1)
    leaving = replace(pod.metadata, deletion_timestamp=Time.at(cluster.now))
    assert rollouts.seen(rewritten(passage.after, "pods", pod, metadata=leaving))[1] == ()


ANY = {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "100%"}}


@pytest.fixture
def told_to_shrink(cluster, rewritten):
    """
    A Deployment that may miss all its pods has told its ReplicaSet to have none, and then may miss none any more; both
    controllers have observed what they are to be. Gives the cluster, and what is known of it.
    """
    (web,), (one,) = (cluster.objects(word, namespace="default") for word in ("deployments", "replicasets"))
    rollouts = Rollouts.of(cluster)

    def write(resource, obj, spec, **status):
        nonlocal cluster, rollouts
        metadata = replace(obj.metadata, generation=obj.metadata.generation + 1)
        seen = replace(obj.status, observed_generation=metadata.generation, **status)
        passage = rewritten(cluster, resource, obj, metadata=metadata, spec=spec, status=seen)
        rollouts, said = rollouts.seen(passage)
        assert said == ()
        cluster = passage.after
        return passage.changes[-1].new

    web = write("deployments.apps", web, replace(web.spec, strategy=deployment(2, **ANY).spec.strategy))
    write("replicasets.apps", one, replace(one.spec, replicas=0))
    assert rollouts.known[web.metadata.uid] == Bounds(3, 0)
    write("deployments.apps", web, replace(web.spec, strategy=deployment(2).spec.strategy))
    return cluster, rollouts


def test_what_was_ordered_under_wider_bounds_is_carried_out(told_to_shrink, rewritten):
    cluster, rollouts = told_to_shrink
    uid = cluster.get("deployments", "web").metadata.uid
    for pod in cluster.objects("pods", namespace="default"):
        assert rollouts.known[uid] == Bounds(3, 0)
        leaving = replace(pod.metadata, deletion_timestamp=Time.at(cluster.now))
        passage = rewritten(cluster, "pods", pod, metadata=leaving)
        rollouts, said = rollouts.seen(passage)
        assert said == ()
        cluster = passage.after
    # Nothing is left of the order: from now on the new bounds count.
    assert rollouts.known[uid] == bounds(cluster.get("deployments", "web")) == Bounds(3, 2)


def test_a_pod_is_missed_by_what_was_noted_when_it_was_ordered_away(cluster, rewritten, pod):
    (one,) = cluster.objects("replicasets", namespace="default")
    none_yet = replace(one.status, ready_replicas=None, available_replicas=None)
    unnoted = rewritten(cluster, "replicasets.apps", one, status=none_yet)
    ordered = rewritten(unnoted.after, "replicasets.apps", unnoted.changes[0].new, spec=replace(one.spec, replicas=0))
    noted = rewritten(ordered.after, "replicasets.apps", ordered.changes[0].new, status=one.status)
    rollouts = Rollouts.of(cluster)
    for passage in (unnoted, ordered, noted):
        rollouts, said = rollouts.seen(passage)
        assert said == ()
    assert rollouts.noted == {one.metadata.uid: 0}
    leaving = replace(pod.metadata, deletion_timestamp=Time.at(cluster.now))
    assert rollouts.seen(rewritten(noted.after, "pods", pod, metadata=leaving))[1] == ()
    # The same order, but given when both were noted as available: that pod was meant.
    passage = rewritten(cluster, "replicasets.apps", one, spec=replace(one.spec, replicas=0))
    rollouts, _ = Rollouts.of(cluster).seen(passage)
    assert rollouts.noted == {one.metadata.uid: 2}
    assert len(rollouts.seen(rewritten(passage.after, "pods", pod, metadata=leaving))[1]) == 1
