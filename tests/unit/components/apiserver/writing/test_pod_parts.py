"""Ephemeral containers and resizes: what is taken of a pod, what is dropped, and what may not be."""

import pytest

from reconcile.lib.replacing import replace


@pytest.fixture
def made(server, pod):
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    return server.made("pods", pod)


def part(server, subresource, body, **others):
    others = {"patch_type": "strategic", **others}
    return server("patch", "pods", "default", "web", {"spec": body}, subresource=subresource, **others)


def test_ephemeral_containers_come_and_stay(server, made):
    added = part(server, "ephemeralcontainers", {"ephemeralContainers": [{"name": "e", "image": "i"}]}).body
    assert [each.name for each in added.spec.ephemeral_containers] == ["e"]
    assert (added.metadata.generation, added.spec.ephemeral_containers[0].image_pull_policy) == (2, "Always")
    changed = part(server, "ephemeralcontainers", {"ephemeralContainers": [{"name": "e", "image": "j"}]})
    assert 'existing ephemeral containers "e" may not be changed' in changed.body.message
    gone = part(server, "ephemeralcontainers", {"ephemeralContainers": []}, patch_type="merge")
    assert 'existing ephemeral containers "e" may not be removed' in gone.body.message
    dropped = part(server, "ephemeralcontainers", {"containers": [{"name": "main", "image": "other"}]}).body
    assert dropped.spec == added.spec


def test_ephemeral_containers_have_no_other_way_in(server, made):
    assert server("get", "pods", "default", "web", subresource="ephemeralcontainers").body == made
    body = replace(made, metadata=replace(made.metadata, labels=None))
    written = server("update", "pods", "default", "web", body, subresource="ephemeralcontainers").body
    assert written.metadata.labels == made.metadata.labels


def resources(**kinds):
    return {"containers": [{"name": "main", "resources": kinds}]}


def test_resources_are_resized(server, made):
    resized = part(server, "resize", resources(requests={"cpu": "200m"})).body
    assert resized.spec.containers[0].resources.requests["cpu"].text == "200m"
    assert resized.metadata.generation == 2
    dropped = part(server, "resize", {"containers": [{"name": "main", "image": "other"}]}).body
    assert dropped.spec == resized.spec


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            resources(requests={"cpu": None}),
            (
                '[spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing,'
                " spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed]"
            ),
        ),
        (
            {"containers": [{"name": "new", "image": "i"}]},
            "spec.containers: Forbidden: containers may not be added or removed on resize",
        ),
        (
            resources(requests={"ephemeral-storage": "1Gi"}),
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
    ],
)
def test_what_a_resize_may_not_do(server, made, body, said):
    response = part(server, "resize", body)
    assert (response.code, response.body.message) == (422, f'Pod "web" is invalid: {said}')


def test_static_pods_keep_what_they_have(server, pod):
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    pod["spec"]["nodeName"] = "n1"
    server.made("pods", pod)
    response = part(server, "ephemeralcontainers", {"ephemeralContainers": [{"name": "e", "image": "i"}]})
    assert "static pods do not support ephemeral containers" in response.body.message
    assert "static pods cannot be resized" in part(server, "resize", resources()).body.message


def test_there_has_to_be_a_pod(server):
    assert part(server, "resize", {}).code == 404
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    applied = server(
        "patch", "pods", "default", "web", body, subresource="resize", patch_type="apply", field_manager="a"
    )
    assert applied.code == 404


def test_init_containers_keep_what_they_ask_for(server, pod):
    pod["spec"]["initContainers"] = [{"name": "first", "image": "i", "resources": {"requests": {"cpu": "1"}}}]
    server.made("pods", pod)
    body = {"initContainers": [{"name": "first", "resources": {"requests": {"cpu": None}}}]}
    said = part(server, "resize", body).body.message
    assert "spec.initContainers[0].resources.requests: Forbidden: resource requests cannot be removed" in said


def test_a_resize_may_name_claims_but_nobody_who_has_some_is_resized(server, pod):
    pod["spec"]["resourceClaims"] = [{"name": "c", "resourceClaimName": "c"}]
    server.made("pods", pod)
    assert part(server, "resize", resources(claims=[{"name": "c"}])).ok
    said = part(server, "resize", resources(requests={"cpu": "1"})).body.message
    assert "only cpu and memory resources are mutable" in said


def test_windows_keeps_its_size(server, pod):
    pod["spec"]["os"] = {"name": "windows"}
    server.made("pods", pod)
    said = part(server, "resize", resources(requests={"cpu": "1"})).body.message
    assert said == 'Pod "web" is invalid: []: Forbidden: windows pods cannot be resized'
