"""Access: who may what."""

import base64

import pytest

from reconcile.api import core_v1, meta_v1, policy_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import certificates
from reconcile.model.requests import User

KNOWN = "system:authenticated"
SCHEDULER = User(name="system:kube-scheduler", groups=(KNOWN,))
MANAGER = User(name="system:kube-controller-manager", groups=(KNOWN,))
DEPLOYMENTS = User(name="system:serviceaccount:kube-system:deployment-controller", groups=(KNOWN,))
REPLICAS = User(name="system:serviceaccount:kube-system:replicaset-controller", groups=(KNOWN,))
NODE = User(name="system:node:n1", groups=("system:nodes", KNOWN))
PROXY = User(name="system:kube-proxy", groups=(KNOWN,))
BOB = User(name="bob", groups=(KNOWN,))


def test_strangers_are_forbidden_with_upstreams_words(server):
    response = server("list", "pods", "default", user=BOB)
    assert (response.code, response.reason) == (403, "Forbidden")
    assert response.body.message == (
        'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    response = server("update", "deployments.apps", "default", "web", user=BOB, subresource="status")
    assert response.body.message == (
        'deployments.apps "web" is forbidden: User "bob" cannot update resource "deployments/status" in API group'
        ' "apps" in the namespace "default"'
    )
    message = server("get", "nodes", name="n", user=BOB).body.message
    assert message.endswith('in API group "" at the cluster scope')


def test_nobody_is_anonymous_or_refused(server):
    nobody = User(name="")
    assert 'User "system:anonymous" cannot' in server("list", "pods", user=nobody).body.message
    server.state = replace(server.state, anonymous=False)
    assert server("list", "pods", user=nobody).code == 401


@pytest.mark.parametrize(
    ("user", "verb", "resource", "subresource", "allowed"),
    [
        (SCHEDULER, "create", "pods", "binding", True),
        (SCHEDULER, "create", "pods", "", False),
        (SCHEDULER, "delete", "nodes", "", False),
        (MANAGER, "create", "pods", "", False),
        (MANAGER, "update", "deployments.apps", "status", False),
        (MANAGER, "watch", "deployments.apps", "", True),
        (DEPLOYMENTS, "create", "pods", "", False),
        (DEPLOYMENTS, "update", "deployments.apps", "status", True),
        (DEPLOYMENTS, "create", "replicasets.apps", "", True),
        (REPLICAS, "create", "pods", "", True),
        (REPLICAS, "create", "replicasets.apps", "", False),
        (SCHEDULER, "create", "leases.coordination.k8s.io", "", True),
        (SCHEDULER, "update", "leases.coordination.k8s.io", "", False),
        (NODE, "list", "nodes", "", False),
        (NODE, "get", "nodes", "", False),
        (NODE, "get", "pods", "", False),
        (NODE, "list", "pods", "", False),
        (NODE, "get", "csinodes.storage.k8s.io", "", False),
        (MANAGER, "create", "nodes", "", False),
        (PROXY, "list", "services", "", True),
        (PROXY, "list", "pods", "", False),
        (NODE, "delete", "nodes", "", False),
        (BOB, "create", "pods", "", False),
    ],
)
def test_roles(server, user, verb, resource, subresource, allowed):  # noqa: PLR0917 -- a table's columns
    namespace = "" if "nodes" in resource else "default"
    name = "" if verb in ("list", "create") and not subresource else "x"
    response = server(verb, resource, namespace, name, None, user, subresource=subresource)
    assert (response.code != 403) is allowed


def test_kubelet_writes_only_what_is_its_own(server, pod):
    server.made("pods", pod)
    pod["metadata"]["name"] = "other"
    server.made("pods", pod)
    for name, node in (("web", "n1"), ("other", "n2")):
        target = core_v1.ObjectReference(kind="Node", name=node)
        assert server(
            "create",
            "pods",
            "default",
            name,
            core_v1.Binding(metadata=meta_v1.ObjectMeta(name=name), target=target),
            subresource="binding",
        ).ok
    for name, code in (("web", 200), ("other", 403)):
        body = replace(server("get", "pods", "default", name).body, status=core_v1.PodStatus(phase="Running"))
        assert server("update", "pods", "default", name, body, NODE, subresource="status").code == code
    response = server("delete", "pods", "default", "other", user=NODE)
    assert response.body.message == (
        'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself'
    )


def test_kubelet_makes_only_mirror_pods_of_its_own(server, pod):
    response = server("create", "pods", "default", body=pod, user=NODE)
    assert response.body.message == (
        'pods "web" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only'
        " create mirror pods"
    )
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    pod["spec"]["nodeName"] = "n2"
    assert "with spec.nodeName set to itself" in server("create", "pods", "default", body=pod, user=NODE).body.message
    pod["spec"]["nodeName"] = "n1"
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u"}

    def message(**changes):
        owner.update(changes)
        pod["metadata"]["ownerReferences"] = [owner]
        return server("create", "pods", "default", body=pod, user=NODE).body.message

    assert message().endswith('node "n1" can only create pods with a controller owner reference set to itself')
    assert message(controller=True, blockOwnerDeletion=True).endswith(
        "must not set blockOwnerDeletion on an owner reference"
    )
    assert message(blockOwnerDeletion=False) == 'nodes "n1" not found'
    node = server.made("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")), "")
    assert message().endswith(f"node n1 UID mismatch: expected u got {node.metadata.uid}")
    pod["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "c"}}]
    assert message(uid=node.metadata.uid).endswith("can not create pods that reference configmaps")
    del pod["spec"]["volumes"]
    response = server("create", "pods", "default", body=pod, user=NODE)
    assert (response.code, response.body.spec.service_account_name) == (201, None)


def test_kubelet_evicts_and_reads_only_its_own(server, pod):
    for name, node in (("web", "n1"), ("other", "n2")):
        pod["metadata"]["name"], pod["spec"]["nodeName"] = name, node
        server.made("pods", pod)
    assert server("get", "pods", "default", "web", user=NODE).code == 200
    assert server("get", "pods", "default", "other", user=NODE).code == 403
    assert server("list", "pods", user=NODE, field_selector="status.phase=Pending,spec.nodeName=n1").code == 200
    assert server("list", "pods", user=NODE, field_selector="spec.nodeName!=n1").code == 403
    assert server("list", "nodes", user=NODE, field_selector="metadata.name=n1").code == 200
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="other"))
    response = server("create", "pods", "default", "other", eviction, NODE, subresource="eviction")
    assert response.body.message == (
        'pods "other" is forbidden: node n1 can only evict pods with spec.nodeName set to itself'
    )
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"))
    assert server("create", "pods", "default", "web", eviction, NODE, subresource="eviction").code == 201


def test_who_leads_writes_locks_of_its_own_namespace(server):
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "kube-scheduler"}}
    resource = "leases.coordination.k8s.io"
    made = server("create", resource, "kube-system", body=lease, user=SCHEDULER).body
    assert server("update", resource, "kube-system", "kube-scheduler", made, SCHEDULER).code == 200
    # Elsewhere it may make any, and write the one of its own name: its cluster role says so, its role no more.
    assert server("create", resource, "default", body=lease, user=SCHEDULER).code == 201
    lease["metadata"]["name"] = "other"
    other = server("create", resource, "default", body=lease, user=SCHEDULER).body
    assert server("update", resource, "default", "other", other, SCHEDULER).code == 403
    found = server("list", resource, "default", user=SCHEDULER, field_selector="metadata.name=kube-scheduler")
    assert found.code == 200
    assert server("list", resource, "default", user=SCHEDULER).code == 403


def test_kubelet_has_one_lease_and_one_node(server):
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n1"}}
    resource = "leases.coordination.k8s.io"
    assert server("create", resource, "kube-node-lease", body=lease, user=NODE).code == 201
    assert server("create", resource, "kube-system", body=lease, user=NODE).code == 403
    lease["metadata"]["name"] = "n2"
    assert server("create", resource, "kube-node-lease", body=lease, user=NODE).code == 403
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}}
    message = server("create", "nodes", body=node, user=NODE).body.message
    assert message == 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'


def test_kubelet_asks_for_its_own_certificates_and_says_what_devices_it_has_itself(server, monkeypatch):
    asked = certificates.Asked("system:node:n2", ("system:nodes",), 0, 0, 0, 0, b"", b"", b"")
    monkeypatch.setattr(certificates, "parse", lambda pem: asked)
    spec = {
        "request": base64.b64encode(b"x").decode(),
        "signerName": "kubernetes.io/kubelet-serving",
        "usages": ["server auth"],
    }
    body = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "spec": spec}
    resource = "certificatesigningrequests.certificates.k8s.io"
    response = server("create", resource, "", body={**body, "metadata": {"name": "c"}}, user=NODE)
    assert response.body.message == f'{resource} "c" is forbidden: can only create a node CSR with CN=system:node:n1'
    resource, spec = "resourceslices.resource.k8s.io", {"driver": "a.b", "nodeName": "n2"}
    spec["pool"] = {"name": "p", "resourceSliceCount": 1, "generation": 1}
    body = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec}
    response = server("create", resource, "", body=body, user=NODE)
    assert response.body.message == (
        f'{resource} "s" is forbidden: can only create ResourceSlice with the same NodeName as the requesting node'
    )


def test_kubelet_cannot_change_its_taints(server):
    node = server.made("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")), "")
    body = replace(node, metadata=replace(node.metadata, labels=Map({"a": "b"})), spec=core_v1.NodeSpec())
    assert "not allowed to modify taints" in server("update", "nodes", name="n1", body=body, user=NODE).body.message
    for spec in ({"taints": None}, None):
        response = server("patch", "nodes", name="n1", body={"spec": spec}, user=NODE)
        assert response.body.message == 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints'
    assert server("patch", "nodes", name="n1", body={"metadata": {"labels": {"a": "b"}}}, user=NODE).code == 200


@pytest.mark.parametrize(
    ("label", "allowed"),
    [
        ("a", True),
        ("example.com/a", True),
        ("topology.kubernetes.io/zone", True),
        ("node.kubernetes.io/instance-type", True),
        ("x.kubelet.kubernetes.io/a", True),
        ("node-role.kubernetes.io/control-plane", False),
        ("node-restriction.kubernetes.io/a", False),
        ("x.k8s.io/a", False),
        ("notkubernetes.io/a", True),
    ],
)
def test_kubelet_changes_the_labels_that_are_for_it(server, label, allowed):
    server.made("nodes", core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")), "")
    labelled = {"metadata": {"labels": {label: "x"}}}
    response = server("patch", "nodes", name="n1", body=labelled, user=NODE)
    assert response.ok is allowed
    assert allowed or response.body.message.endswith(f"is not allowed to modify labels: {label}")


def test_kubelet_reads_the_secrets_of_its_pods(server, pod):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    server.made("secrets", secret)
    assert server("get", "secrets", "default", "s", user=NODE).code == 403
    pod["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "s"}}]
    pod["spec"]["nodeName"] = "n1"
    server.made("pods", pod)
    assert server("get", "secrets", "default", "s", user=NODE).code == 200
