"""Subresources: binding and scale."""

from reconcile.api import autoscaling_v1, core_v1, meta_v1
from reconcile.lib.mapping import Map


def binding(node="n1", **metadata):
    target = core_v1.ObjectReference(kind="Node", name=node)
    return core_v1.Binding(metadata=meta_v1.ObjectMeta(name="web", **metadata), target=target)


def bind(server, body):
    return server("create", "pods", "default", "web", body, subresource="binding")


def test_binding_assigns_once(server, pod):
    made = server.made("pods", pod)
    response = bind(server, binding(annotations=Map({"a": "b"})))
    assert (response.code, response.body.status) == (201, "Success")
    bound = server("get", "pods", "default", "web").body
    assert (bound.spec.node_name, bound.metadata.annotations) == ("n1", {"a": "b"})
    assert [(each.type, each.status) for each in bound.status.conditions] == [("PodScheduled", "True")]
    assert bound.metadata.generation == made.metadata.generation
    response = bind(server, binding("n2"))
    assert (response.code, response.reason) == (409, "Conflict")
    assert response.body.message == (
        'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "n1"'
    )


def test_a_bound_pod_is_promised_no_node_any_more(server, pod):
    server.made("pods", pod)
    promise = Map({"status": Map({"nominatedNodeName": "n2"})})
    assert server("patch", "pods", "default", "web", promise, subresource="status").ok
    assert server("get", "pods", "default", "web").body.status.nominated_node_name == "n2"
    assert bind(server, binding()).ok
    bound = server("get", "pods", "default", "web").body
    assert (bound.spec.node_name, bound.status.nominated_node_name) == ("n1", None)


def test_binding_checks_the_pod(server, pod):
    assert bind(server, binding()).code == 404
    server.made("pods", pod)
    response = bind(server, binding(uid="other"))
    assert response.reason == "Conflict"
    assert response.body.message.startswith('Operation cannot be fulfilled on pods "web": StorageError: invalid object')
    other = core_v1.Binding(metadata=meta_v1.ObjectMeta(name="x"), target=binding().target)
    assert bind(server, other).body.message == "name in URL does not match name in Binding object"
    nowhere = core_v1.Binding(metadata=binding().metadata, target=core_v1.ObjectReference(kind="Pod"))
    response = bind(server, nowhere)
    said = '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]'
    assert (response.code, response.reason, response.body.message) == (500, "", said)


def test_topology_of_the_node_goes_to_its_pods(server, pod):
    labels = Map({"topology.kubernetes.io/zone": "z1", "other": "x"})
    server.made("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1", labels=labels)), "")
    server.made("pods", pod)
    assert bind(server, binding()).ok
    bound = server("get", "pods", "default", "web").body
    assert bound.metadata.labels == {"app": "web", "topology.kubernetes.io/zone": "z1"}


def test_scale_is_read_and_written(server, deployment):
    server.made("deployments.apps", deployment)
    found = server("get", "deployments.apps", "default", "web", subresource="scale").body
    assert (found.spec.replicas, found.status) == (1, autoscaling_v1.ScaleStatus(replicas=0, selector="app=web"))
    asked = autoscaling_v1.Scale(metadata=found.metadata, spec=autoscaling_v1.ScaleSpec(replicas=4))
    response = server("update", "deployments.apps", "default", "web", asked, subresource="scale")
    assert (response.code, response.body.spec.replicas) == (200, 4)
    response = server("patch", "deployments.apps", "default", "web", {"spec": {"replicas": -1}}, subresource="scale")
    assert response.body.message.startswith('Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1')
    assert server("get", "deployments.apps", "default", "web").body.metadata.generation == 2
    assert server("update", "deployments.apps", "default", "web", asked, subresource="scale").reason == "Conflict"


def test_a_binding_gives_its_labels_and_says_which_pod_it_means(server, pod):
    made = server.made("pods", pod)
    old = bind(server, binding(resource_version="1"))
    assert f"ResourceVersion in object meta: {made.metadata.resource_version}" in old.body.message
    elsewhere = bind(server, binding(namespace="other")).body.message
    assert elsewhere == "the namespace of the provided object does not match the namespace sent on the request"
    assert bind(server, binding(labels=Map({"l": "m"}))).code == 201
    assert server("get", "pods", "default", "web").body.metadata.labels["l"] == "m"


def test_a_binding_by_itself_has_no_uid_yet(server, pod):
    server.made("pods", pod)
    target = core_v1.ObjectReference(kind="Node", name="n1")
    nobody = core_v1.Binding(metadata=meta_v1.ObjectMeta(), target=target)
    assert server("create", "bindings", "default", "", nobody).body.message == "Name parameter required."
    assert server("create", "bindings", "default", "", binding(uid="other")).code == 201
