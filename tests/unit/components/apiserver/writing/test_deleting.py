"""Deleting: gracefully, at once, when finalizers let go."""

import pytest

from reconcile.api import core_v1, meta_v1, policy_v1

options = meta_v1.DeleteOptions


@pytest.fixture
def bound(server, pod):
    server.made("pods", pod)
    binding = core_v1.Binding(
        metadata=meta_v1.ObjectMeta(name="web"), target=core_v1.ObjectReference(kind="Node", name="n1")
    )
    assert server("create", "pods", "default", "web", binding, subresource="binding").code == 201
    return server


def test_bound_pod_has_its_grace(bound):
    response = bound("delete", "pods", "default", "web")
    metadata = response.body.metadata
    assert (response.code, metadata.deletion_grace_period_seconds, metadata.generation) == (200, 30, 2)
    assert metadata.deletion_timestamp.instant == bound.now + 30 * 10**9


def test_grace_may_be_shortened_only(bound):
    bound("delete", "pods", "default", "web")
    before = bound.store
    assert bound("delete", "pods", "default", "web", options(grace_period_seconds=60)).code == 200
    assert bound.store is before
    metadata = bound("delete", "pods", "default", "web", options(grace_period_seconds=10)).body.metadata
    assert metadata.deletion_timestamp.instant == bound.now + 10 * 10**9


def test_a_negative_grace_of_the_specification_is_a_second(server, pod):
    pod["spec"].update(terminationGracePeriodSeconds=-1, nodeName="n1")
    server.made("pods", pod)
    assert server("delete", "pods", "default", "web").body.metadata.deletion_grace_period_seconds == 1


def test_the_longest_grace_ends_with_the_year_9999(bound):
    forever = options(grace_period_seconds=2**62)
    assert bound("delete", "pods", "default", "web", forever).body.metadata.deletion_timestamp.text == (
        "9999-12-31T23:59:59Z"
    )
    shorter = bound("delete", "pods", "default", "web", options(grace_period_seconds=0))
    assert shorter.code == 200
    assert bound("get", "pods", "default", "web").code == 404


def test_kubelet_deletes_at_last(bound):
    uid = bound("delete", "pods", "default", "web").body.metadata.uid
    wrong = options(grace_period_seconds=0, preconditions=meta_v1.Preconditions(uid="other"))
    response = bound("delete", "pods", "default", "web", wrong)
    assert response.reason == "Conflict"
    assert "the UID in the precondition (other) does not match the UID in record" in response.body.message
    right = options(grace_period_seconds=0, preconditions=meta_v1.Preconditions(uid=uid))
    assert bound("delete", "pods", "default", "web", right).body.metadata.uid == uid
    assert bound("get", "pods", "default", "web").body.message == 'pods "web" not found'


def test_unbound_and_finished_pods_go_at_once(server, pod):
    server.made("pods", pod)
    assert server("delete", "pods", "default", "web").code == 200
    assert server("get", "pods", "default", "web").code == 404


def test_others_are_answered_with_a_status(server, deployment):
    made = server.made("deployments.apps", deployment)
    response = server("delete", "deployments.apps", "default", "web")
    assert (response.code, response.body.status) == (200, "Success")
    assert response.body.details == meta_v1.StatusDetails(
        name="web", group="apps", kind="deployments", uid=made.metadata.uid
    )


def test_foreground_waits_for_the_garbage_collector(server, deployment):
    server.made("deployments.apps", deployment)
    response = server("delete", "deployments.apps", "default", "web", options(propagation_policy="Foreground"))
    metadata = response.body.metadata
    assert (metadata.finalizers, metadata.deletion_grace_period_seconds) == (("foregroundDeletion",), 0)
    assert metadata.generation == 2
    before = server.store
    assert server("delete", "deployments.apps", "default", "web", options(propagation_policy="Foreground")).ok
    assert server.store is before


def test_replication_controllers_orphan_by_default(server):
    body = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "rc"},
        "spec": {
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        },
    }
    server.made("replicationcontrollers", body)
    response = server("delete", "replicationcontrollers", "default", "rc")
    assert response.body.metadata.finalizers == ("orphan",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dry_run": ("Some",)}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (
            {"orphan_dependents": True, "propagation_policy": "Orphan"},
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
    ],
)
def test_options_must_make_sense(bound, given, said):
    message = f'DeleteOptions.meta.k8s.io "" is invalid: {said}'
    assert bound("delete", "pods", "default", "web", options(**given)).body.message == message
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"), delete_options=options(**given))
    assert bound("create", "pods", "default", "web", eviction, subresource="eviction").body.message == message


def test_a_dry_run_deletes_nothing(bound):
    before, dry = bound.store, options(dry_run=("All",))
    assert bound("delete", "pods", "default", "web", dry).body.metadata.deletion_grace_period_seconds == 30
    assert bound("deletecollection", "pods", "default", body=dry).code == 200
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"), delete_options=dry)
    assert bound("create", "pods", "default", "web", eviction, subresource="eviction").code == 201
    assert bound.store is before


def test_policy_must_be_one(server, deployment):
    server.made("deployments.apps", deployment)
    response = server("delete", "deployments.apps", "default", "web", options(propagation_policy="Sideways"))
    assert response.reason == "Invalid"


def test_namespace_goes_when_it_is_finalized(server):
    server.made("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "")
    going = server("delete", "namespaces", name="x").body
    assert (going.status.phase, going.spec.finalizers) == ("Terminating", ("kubernetes",))
    empty = core_v1.Namespace(metadata=going.metadata, spec=core_v1.NamespaceSpec())
    assert server("update", "namespaces", name="x", body=empty, subresource="finalize").code == 200
    assert server("get", "namespaces", name="x").code == 404
    message = server("delete", "namespaces", name="kube-system").body.message
    assert message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'


def test_collection_is_deleted_together(server, pod):
    for name in ("a", "b", "c"):
        pod["metadata"] = {"name": name, "labels": {"app": "x" if name != "b" else "y"}}
        server.made("pods", pod)
    response = server("deletecollection", "pods", "default", label_selector="app=x")
    assert [each.metadata.name for each in response.body.items] == ["a", "c"]
    assert [each.metadata.name for each in server("list", "pods", "default").body.items] == ["b"]


def test_eviction_deletes(bound):
    body = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"))
    response = bound("create", "pods", "default", "web", body, subresource="eviction")
    assert (response.code, response.body.status) == (201, "Success")
    assert bound("get", "pods", "default", "web").body.metadata.deletion_timestamp is not None


def test_a_system_class_stays(server):
    response = server("delete", "priorityclasses.scheduling.k8s.io", "", "system-node-critical")
    assert response.code == 403
    assert response.body.message.endswith("is forbidden: this is a system priority class and cannot be deleted")


def test_a_pod_without_grace_is_marked_and_then_gone(bound):
    since = bound.store.revision
    gone = bound("delete", "pods", "default", "web", options(grace_period_seconds=0)).body
    history = bound.store.history("pods")
    changes = [change for change in history.between(0, history.end) if change.revision > since]
    assert [(change.revision - since, change.new is None) for change in changes] == [(1, False), (2, True)]
    assert changes[0].new.metadata.deletion_grace_period_seconds == 0
    assert gone.metadata.resource_version == str(since + 2)


def test_a_second_deletion_may_change_the_policy(server):
    metadata = {"name": "c", "finalizers": ["a.b/c"]}
    server.made("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    seen = []
    for policy in (None, "Foreground", "Orphan", "Background"):
        body = options(propagation_policy=policy)
        seen.append(server("delete", "configmaps", "default", "c", body).body.metadata.finalizers)
    assert seen == [
        ("a.b/c",),
        ("a.b/c", "foregroundDeletion"),
        ("a.b/c", "orphan"),
        ("a.b/c",),
    ]


def test_preconditions_name_the_kind(server):
    server.made("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    wrong = options(preconditions=meta_v1.Preconditions(resource_version="1"))
    message = server("delete", "configmaps", "default", "c", wrong).body.message
    assert message.startswith('Operation cannot be fulfilled on ConfigMap "c": the ResourceVersion in the precondition')
    body = server("delete", "namespaces", "", "default", wrong).body
    assert body.message == 'namespaces "default" is forbidden: this namespace may not be deleted'


def test_who_makes_what_is_going_is_told_so(bound):
    bound("delete", "pods", "default", "web")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    pod["spec"] = {"containers": [{"name": "a", "image": "b"}]}
    assert (
        bound("create", "pods", "default", body=pod).body.message
        == 'object is being deleted: pods "web" already exists'
    )


def test_an_evicted_pod_says_so(bound):
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"))
    assert bound("create", "pods", "default", "web", eviction, subresource="eviction").code == 201
    (condition,) = [
        each
        for each in bound("get", "pods", "default", "web").body.status.conditions
        if each.type == "DisruptionTarget"
    ]
    assert (condition.status, condition.reason) == ("True", "EvictionByEvictionAPI")
