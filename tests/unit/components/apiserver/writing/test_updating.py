"""Updating and patching: what changes, what stays, what is refused."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import convert, core_v1, meta_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import patches


def changed(obj, **spec):
    return replace(obj, spec=replace(obj.spec, **spec))


def test_specification_counts_a_generation(server, deployment):
    made = server.made("deployments.apps", deployment)
    response = server("update", "deployments.apps", "default", "web", changed(made, replicas=3))
    assert (response.code, response.body.spec.replicas, response.body.metadata.generation) == (200, 3, 2)
    assert response.body.spec.template is made.spec.template


def test_what_changes_nothing_is_no_write(server, deployment):
    made = server.made("deployments.apps", deployment)
    before = server.store
    same = convert.load(convert.dump(made)).object
    response = server("update", "deployments.apps", "default", "web", same)
    assert (response.code, response.body) == (200, made)
    assert server.store is before


def test_stale_update_conflicts(server, deployment):
    made = server.made("deployments.apps", deployment)
    server("update", "deployments.apps", "default", "web", changed(made, replicas=3))
    response = server("update", "deployments.apps", "default", "web", changed(made, replicas=4))
    assert (response.code, response.reason) == (409, "Conflict")
    assert response.body.message == (
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your'
        " changes to the latest version and try again"
    )


def test_update_without_version_overwrites_where_that_is_allowed(server, deployment):
    made = server.made("deployments.apps", deployment)
    blind = replace(changed(made, replicas=3), metadata=replace(made.metadata, resource_version=None))
    assert server("update", "deployments.apps", "default", "web", blind).body.spec.replicas == 3
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    server.made("leases.coordination.k8s.io", lease)
    response = server("update", "leases.coordination.k8s.io", "default", "l", lease)
    assert response.body.message == (
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for'
        " an update"
    )


def test_another_uid_conflicts(server, pod):
    made = server.made("pods", pod)
    other = replace(made, metadata=replace(made.metadata, uid="other"))
    assert server("update", "pods", "default", "web", other).body.message == (
        'Operation cannot be fulfilled on pods "web": StorageError: invalid object, Code: 4, Key:'
        " /registry/pods/default/web, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition:"
        f" other, UID in object meta: {made.metadata.uid}"
    )


def test_client_cannot_change_what_is_the_servers(server, pod):
    made = server.made("pods", pod)
    meta = replace(made.metadata, generation=9, creation_timestamp=None, uid=None, labels=Map({"a": "b"}))
    response = server("update", "pods", "default", "web", replace(made, metadata=meta))
    kept = response.body.metadata
    assert (kept.generation, kept.creation_timestamp, kept.uid) == (
        1,
        made.metadata.creation_timestamp,
        made.metadata.uid,
    )
    assert kept.labels == {"a": "b"}


def test_update_leaves_the_status_and_status_leaves_the_rest(server, pod):
    made = server.made("pods", pod)
    failed = core_v1.PodStatus(phase="Failed", qos_class="BestEffort")
    assert server("update", "pods", "default", "web", replace(made, status=failed)).body.status == made.status
    body = replace(made, spec=replace(made.spec, containers=()), status=failed)
    response = server("update", "pods", "default", "web", body, subresource="status")
    assert (response.body.status, response.body.spec) == (failed, made.spec)
    assert response.body.metadata.generation == 1


def test_pod_may_change_its_images_and_little_else(server, pod):
    made = server.made("pods", pod)
    container = made.spec.containers[0]
    response = server("update", "pods", "default", "web", changed(made, containers=(replace(container, image="b"),)))
    assert (response.code, response.body.metadata.generation) == (200, 2)
    moved = changed(response.body, node_name="n1")
    response = server("update", "pods", "default", "web", moved)
    assert response.code == 422
    assert "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`" in (
        response.body.message
    )
    more = changed(made, containers=(container, replace(container, name="two")))
    blind = replace(more, metadata=replace(more.metadata, resource_version=None))
    message = server("update", "pods", "default", "web", blind).body.message
    assert message.endswith("spec.containers: Forbidden: pod updates may not add or remove containers")


def test_selector_is_for_ever(server, deployment):
    made = server.made("deployments.apps", deployment)
    deployment["spec"]["selector"]["matchLabels"] = {"app": "x"}
    deployment["spec"]["template"]["metadata"]["labels"] = {"app": "x"}
    response = server("update", "deployments.apps", "default", "web", deployment)
    assert response.body.message == (
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is'
        " immutable"
    )
    assert server("get", "deployments.apps", "default", "web").body is made


def test_patch_merges_and_null_removes(server, deployment):
    deployment["metadata"]["labels"] = {"a": "1", "b": "2"}
    made = server.made("deployments.apps", deployment)
    body = {"metadata": {"labels": {"a": None, "c": "3"}}, "spec": {"replicas": 5}}
    patched = server("patch", "deployments.apps", "default", "web", body).body
    assert patched.metadata.labels == {"b": "2", "c": "3"}
    assert patched.spec == replace(made.spec, replicas=5)
    assert patched.metadata.generation == 2


def test_patch_with_another_version_conflicts(server, deployment):
    server.made("deployments.apps", deployment)
    body = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 5}}
    assert server("patch", "deployments.apps", "default", "web", body).reason == "Conflict"


def test_patch_that_makes_no_object_is_refused(server, deployment):
    server.made("deployments.apps", deployment)
    response = server("patch", "deployments.apps", "default", "web", {"spec": {"replicas": "many"}})
    assert (response.code, response.reason) == (422, "Invalid")
    assert response.body.message.startswith(' "" is invalid: patch: Invalid value: "{')


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"metadata": {"name": "x"}}, 400, "the name of the object (x) does not match the name on the URL (web)"),
        (
            {"metadata": {"namespace": "x"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": None},
            400,
            "the name of the object (web based on URL) was undeterminable: name must be provided",
        ),
        ({"spec": None}, 422, 'Pod "web" is invalid: spec.containers: Required value'),
        ({"kind": "Service"}, 422, ' "" is invalid: patch: Invalid value: '),
        (
            [],
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        ({"metadata": {"labels": {"a": float("nan")}}}, 400, "JSON knows no such number: nan"),
        ({"spec": {"x": 10**5000}}, 400, "a number beyond 64 bits"),
        ({"spec": functools.reduce(lambda inner, _: {"x": inner}, range(5000), {})}, 400, "nested deeper than 200"),
    ],
)
def test_patches_that_are_refused(server, pod, body, code, said):
    server.made("pods", pod)
    response = server("patch", "pods", "default", "web", body)
    assert (response.code, response.body.message[: len(said)]) == (code, said)


def test_a_patch_of_what_is_no_field_is_warned_of(server, deployment):
    server.made("deployments.apps", deployment)
    before = server.store
    response = server("patch", "deployments.apps", "default", "web", {"spec": {"foo": 1}})
    assert (response.code, response.warnings) == (200, ('unknown field "spec.foo"',))
    assert server.store is before
    response = server("patch", "deployments.apps", "default", "web", {"spec": {"foo": 1}}, subresource="scale")
    assert (response.code, response.warnings) == (200, ('unknown field "spec.foo"',))


def test_version_0_is_any_version(server, pod):
    pod["metadata"]["resourceVersion"] = "0"
    made = server.made("pods", pod)
    any_version = replace(made, metadata=replace(made.metadata, resource_version="0", labels=Map({"a": "b"})))
    assert server("update", "pods", "default", "web", any_version).body.metadata.labels == {"a": "b"}
    assert server("patch", "pods", "default", "web", {"metadata": {"resourceVersion": "7"}}).reason == "Conflict"
    response = server("patch", "pods", "default", "web", {"metadata": {"resourceVersion": "x"}})
    assert (response.code, response.body.message) == (500, 'strconv.ParseUint: parsing "x": invalid syntax')


def test_an_update_is_of_the_object_that_the_path_names(server, pod):
    made = server.made("pods", pod)
    nameless = replace(made, metadata=replace(made.metadata, name=None))
    assert server("update", "pods", "default", "web", nameless).body.message == (
        "the name of the object (web based on URL) was undeterminable: name must be provided"
    )
    assert server("update", "pods", "default", "web", replace(made, spec=None)).reason == "Invalid"


def test_a_status_that_is_taken_away_is_empty(server, pod, deployment):
    server.made("pods", pod)
    for empty in ({"status": None}, {"status": {"phase": None, "conditions": None}}):
        status = server("patch", "pods", "default", "web", empty, subresource="status").body.status
        assert convert.dump(status) == {"qosClass": "BestEffort"}
    deployment["kind"] = "ReplicaSet"
    server.made("replicasets.apps", deployment)
    status = server("patch", "replicasets.apps", "default", "web", {"status": None}, subresource="status").body.status
    assert convert.dump(status) == {"replicas": 0}


def test_a_pods_class_of_service_is_for_ever(server, pod):
    made = server.made("pods", pod)
    body = replace(made, status=core_v1.PodStatus(phase="Failed"))
    status = server("update", "pods", "default", "web", body, subresource="status").body.status
    assert (status.phase, status.qos_class) == ("Failed", "BestEffort")


def test_status_can_be_patched(server, pod):
    server.made("pods", pod)
    response = server(
        "patch", "pods", "default", "web", Map({"status": Map({"phase": "Running"})}), subresource="status"
    )
    assert response.body.status == core_v1.PodStatus(phase="Running", qos_class="BestEffort")


def test_finalizer_may_go_but_not_come_once_deleted(server, pod):
    pod["metadata"]["finalizers"] = ["example.com/wait"]
    server.made("pods", pod)
    server("delete", "pods", "default", "web")
    response = server("patch", "pods", "default", "web", {"metadata": {"finalizers": ["example.com/wait", "x.y/z"]}})
    assert "no new finalizers can be added if the object is being deleted" in response.body.message
    assert server("patch", "pods", "default", "web", {"metadata": {"finalizers": None}}).ok
    assert server("get", "pods", "default", "web").code == 404


def test_update_creates_where_upstream_lets_it(server):
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"namespace": "default"},
    }
    assert server("update", "events", "default", "e", event).code == 201
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    assert server("update", "pods", "default", "p", pod).body.message == 'pods "p" not found'


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_objects = st.dictionaries(st.sampled_from("abc"), _json, max_size=3)


def _without_nulls(value):
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return value


@given(_objects, _objects)
def test_difference_is_the_patch_that_makes_the_other(old, new):
    old, new = _without_nulls(old), _without_nulls(new)
    assert patches.merge(old, patches.difference(old, new)) == new


def test_node_status_is_written_at_its_own_place(server):
    made = server.made("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")), "")
    body = changed(replace(made, status=core_v1.NodeStatus(phase="Odd")), unschedulable=True)
    updated = server("update", "nodes", name="n1", body=body).body
    assert (updated.spec.unschedulable, updated.status) == (True, made.status)
    assert server("update", "nodes", name="n1", body=replace(updated, status=body.status), subresource="status").ok
    assert server("get", "nodes", name="n1").body.status == body.status


def test_a_pod_that_says_what_is_so_anyway_can_be_written(server, pod):
    pod["spec"]["hostIPC"] = False
    server.made("pods", pod)
    body = [{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]
    assert server("patch", "pods", "default", "web", body, patch_type="json").ok


def test_what_a_status_has_seen_is_not_taken_away(server, pod):
    server.made("pods", pod)
    conditions = [{"type": "A", "status": "True", "observedGeneration": 2}]
    first = {"status": {"observedGeneration": 3, "conditions": conditions}}
    second = {"status": {"observedGeneration": 0, "conditions": [{"type": "A", "status": "False"}]}}
    for body in (first, second):
        others = {"subresource": "status", "patch_type": "merge", "warned": True}
        status = server("patch", "pods", "default", "web", body, **others).body.status
        assert (status.observed_generation, status.conditions[0].observed_generation) == (3, 2)
