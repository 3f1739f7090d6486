"""LimitRanger: defaults, and how little and how much may be asked for."""

import pytest


def limited(server, **limit):
    body = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "l"},
        "spec": {"limits": [{"type": "Container", **limit}]},
    }
    return server.made("limitranges", body)


def asking(pod, **resources):
    pod["spec"]["containers"][0]["resources"] = resources
    return pod


def test_what_nobody_says_is_filled_in(server, pod):
    limited(server, default={"cpu": "2"}, defaultRequest={"cpu": "1", "memory": "1Gi"})
    made = server.made("pods", pod)
    resources = made.spec.containers[0].resources
    assert (resources.requests["cpu"].text, resources.requests["memory"].text) == ("1", "1Gi")
    assert resources.limits["cpu"].text == "2"
    said = "LimitRanger plugin set: cpu, memory request for container main; cpu limit for container main"
    assert made.metadata.annotations["kubernetes.io/limit-ranger"] == said


def test_what_is_said_stays(server, pod):
    limited(server, default={"cpu": "2"}, defaultRequest={"cpu": "1"})
    made = server.made("pods", asking(pod, requests={"cpu": "100m"}, limits={"cpu": "200m"}))
    assert made.spec.containers[0].resources.requests["cpu"].text == "100m"
    assert made.metadata.annotations is None


@pytest.mark.parametrize(
    ("limit", "resources", "said"),
    [
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        ({"max": {"cpu": "1"}, "type": "Pod"}, {}, "maximum cpu usage per Pod is 1.  No limit is specified"),
        ({"min": {"cpu": "1"}}, {"requests": {"cpu": "1m"}}, "minimum cpu usage per Container is 1, but request is 1m"),
        ({"min": {"cpu": "1"}, "type": "Pod"}, {}, "minimum cpu usage per Pod is 1.  No request is specified"),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ],
)
def test_what_is_too_little_or_too_much(server, pod, limit, resources, said):
    limited(server, **limit)
    response = server("create", "pods", "default", body=asking(pod, **resources))
    assert (response.code, response.body.message) == (403, f'pods "web" is forbidden: {said}')


def test_several_faults_stand_in_brackets(server, pod):
    limited(server, max={"cpu": "1"})
    pod["spec"]["containers"] = [
        {"name": name, "image": "i", "resources": {"limits": {"cpu": cpu}}} for name, cpu in (("a", "2"), ("b", "3"))
    ]
    message = server("create", "pods", "default", body=pod).body.message
    assert message.endswith(
        "[maximum cpu usage per Container is 1, but limit is 2, maximum cpu usage per Container is 1, but limit is 3]"
    )


def test_a_claim_has_its_own_limits(server):
    body = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "l"},
        "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]},
    }
    server.made("limitranges", body)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
    }
    response = server("create", "persistentvolumeclaims", "default", body=claim)
    assert "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi" in response.body.message
