"""Classes: of storage, of ingresses, of runtimes, of priority; and what keeps volumes while they are in use."""

import pytest

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def storage_class(server, name, *, default=False, grows=None):
    metadata = {"name": name, "annotations": {DEFAULT: "true"} if default else {}}
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": "p"}
    return server.made(
        "storageclasses.storage.k8s.io", body | ({} if grows is None else {"allowVolumeExpansion": grows}), ""
    )


def claim(size="1Gi", **spec):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec},
    }


def test_a_claim_is_kept_and_gets_the_newest_default_class(server):
    storage_class(server, "old", default=True)
    server.now += 10**9
    storage_class(server, "new", default=True)
    made = server.made("persistentvolumeclaims", claim())
    assert made.spec.storage_class_name == "new"
    assert made.metadata.finalizers == ("kubernetes.io/pvc-protection",)


def test_a_claim_that_wants_no_class_gets_none(server):
    storage_class(server, "gold", default=True)
    assert server.made("persistentvolumeclaims", claim(storageClassName="")).spec.storage_class_name == ""


@pytest.mark.parametrize(
    ("grows", "phase", "said"),
    [
        (True, "Pending", "is immutable after creation except resources.requests"),
        (
            False,
            "Bound",
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc",
        ),
        (True, "Bound", ""),
    ],
)
def test_claims_grow_where_their_class_lets_them(server, grows, phase, said):
    storage_class(server, "gold", grows=grows)
    body = claim(storageClassName="gold", volumeName="v")
    server.made("persistentvolumeclaims", body)
    body["status"] = {"phase": phase}
    server("update", "persistentvolumeclaims", "default", "c", body, subresource="status")
    patch = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    response = server("patch", "persistentvolumeclaims", "default", "c", patch)
    assert response.ok if not said else (response.code in (403, 422), said in response.body.message) == (True, True)


def test_an_ingress_gets_the_default_class(server):
    metadata = {"name": "nginx", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": metadata,
        "spec": {"controller": "x.io/y"},
    }
    server.made("ingressclasses.networking.k8s.io", body, "")
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "i"},
        "spec": {"defaultBackend": backend},
    }
    assert server.made("ingresses.networking.k8s.io", ingress).spec.ingress_class_name == "nginx"


def runtime_class(server, **fields):
    body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata"}
    return server.made("runtimeclasses.node.k8s.io", body | fields, "")


def test_what_a_runtime_costs_and_where_it_runs(server, pod):
    scheduling = {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]}
    runtime_class(server, overhead={"podFixed": {"cpu": "250m"}}, scheduling=scheduling)
    pod["spec"] |= {"runtimeClassName": "kata", "nodeSelector": {"disk": "ssd"}}
    spec = server.made("pods", pod).spec
    assert spec.overhead["cpu"].text == "250m"
    assert dict(spec.node_selector) == {"disk": "ssd", "vm": "yes"}
    assert spec.tolerations[0].key == "vm"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"runtimeClassName": "gvisor"}, 'pod rejected: RuntimeClass "gvisor" not found'),
        (
            {"runtimeClassName": "kata", "overhead": {"cpu": "1"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"overhead": {"cpu": "1"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            {"runtimeClassName": "kata", "nodeSelector": {"vm": "no"}},
            "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no",
        ),
    ],
)
def test_what_a_runtime_class_refuses(server, pod, spec, said):
    runtime_class(server, overhead={"podFixed": {"cpu": "250m"}}, scheduling={"nodeSelector": {"vm": "yes"}})
    pod["spec"] |= spec
    response = server("create", "pods", "default", body=pod)
    assert (response.code, response.body.message) == (403, f'pods "web" is forbidden: {said}')


def test_a_preemption_policy_is_the_class_own(server, pod):
    body = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "calm"},
        "value": 5,
        "preemptionPolicy": "Never",
    }
    server.made("priorityclasses.scheduling.k8s.io", body, "")
    pod["spec"] |= {"priorityClassName": "calm", "preemptionPolicy": "PreemptLowerPriority"}
    assert "admission controller computed Never from" in server("create", "pods", "default", body=pod).body.message


# Of O=system:masters, CN=x.
MASTERS_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIZ01JR0hBZ0VBTUNVeEZ6QVZCZ05WQkFvTURuTjVjM1JsYlRw"
    "dFlYTjBaWEp6TVFvd0NBWURWUVFEREFGNApNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVYWWVxanZDdzE1dzlO"
    "Y0c3SE41R1M0blcwOXVvCmJRQnQydDg1Sk04bE5SVXA1OTJVU0VBUElYTTVvWXRvN3A3eUxkZ2JFSWx4cFZqNkVaWngzMGdDS0tB"
    "QU1Bb0cKQ0NxR1NNNDlCQU1DQTBnQU1FVUNJRklrbXhQdzlvbGhUNk5ka2s5SXJnejJPbGplNmZHYk43MHVDR1JxQzQwSQpBaUVB"
    "c2VndE9RaVFYNmZRVXhKUHYzTlZ3L0NMb3dSSXVFT3ZXTSs4RUI4KzBBWT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0t"
    "LS0tCg=="
)


def test_no_certificate_makes_a_master(server):
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "r"},
        "spec": {
            "request": MASTERS_REQUEST,
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "username": "somebody else",
        },
    }
    response = server("create", "certificatesigningrequests.certificates.k8s.io", body=body)
    assert response.body.message.endswith(
        "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    )
    body["spec"]["signerName"] = "example.com/own"
    made = server.made("certificatesigningrequests.certificates.k8s.io", body, "")
    assert made.spec.username == "system:apiserver"
