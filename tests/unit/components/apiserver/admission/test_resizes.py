"""Resizes: what a node has room for, and what its kubelet declares."""

import pytest

WHOLES = "InPlacePodLevelResourcesVerticalScaling"
INITS = "InPlacePodVerticalScalingInitContainers"


@pytest.fixture
def node():
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux"}},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}, "declaredFeatures": [WHOLES, INITS]},
    }


@pytest.fixture
def bound(pod):
    pod["spec"]["nodeName"] = "n1"
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "1Mi"}}
    pod["spec"]["initContainers"] = [{"name": "i", "image": "i", "resources": {"requests": {"cpu": "1m"}}}]
    return pod


def resized(server, **resources):
    body = {"containers": [{"name": "main", "resources": {"requests": resources}}]}
    return _resized(server, body)


def _resized(server, body):
    return server("patch", "pods", "default", "web", {"spec": body}, subresource="resize", patch_type="strategic")


def test_what_the_node_has_may_be_asked_for(server, node, bound):
    server.made("nodes", node, "")
    server.made("pods", bound)
    assert resized(server, cpu="2").ok
    refused = resized(server, cpu="2001m", memory="2Gi")
    said = "cpu, requested: 2001, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824"
    wanted = f'pods "web" is forbidden: node didn\'t have enough allocatable resources: {said}'
    assert (refused.code, refused.body.message) == (403, wanted)
    assert [cause.reason for cause in refused.body.details.causes] == ["NodeCapacity"]


def test_what_is_as_it_was_is_not_looked_at(server, node, bound):
    bound["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "3"
    server.made("nodes", node, "")
    server.made("pods", bound)
    assert resized(server, cpu="3").ok
    assert not resized(server, cpu="2900m").ok


def test_only_linux_resizes(server, node, bound):
    node["metadata"]["labels"]["kubernetes.io/os"] = "windows"
    server.made("nodes", node, "")
    server.made("pods", bound)
    refused = resized(server, cpu="200m")
    assert 'pod resize is only supported on linux nodes, node "n1" is "windows"' in refused.body.message
    assert [cause.reason for cause in refused.body.details.causes] == ["UnsupportedPlatform"]


def test_a_node_that_is_not_there_has_nothing(server, bound):
    server.made("pods", bound)
    assert resized(server, cpu="200m").body.message == 'pods "web" is forbidden: node "n1" not found'


def test_kubelets_have_to_know_how(server, node, bound):
    node["status"]["declaredFeatures"] = []
    server.made("nodes", node, "")
    bound["spec"]["resources"] = {"requests": {"cpu": "1"}}
    server.made("pods", bound)
    assert resized(server, cpu="200m").ok
    said = 'pods "web" is forbidden: pod update requires features {} which are not available on node "n1"'
    whole = _resized(server, {"resources": {"requests": {"cpu": "1500m"}}})
    assert (whole.code, whole.body.message) == (403, said.format(WHOLES))
    init = {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "2m"}}}]}
    assert _resized(server, init).body.message == said.format(INITS)
