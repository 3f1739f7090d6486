"""PodSecurity: what a level lets pods do, in upstream's words."""

import pytest

PREFIX = "pod-security.kubernetes.io/"
DROPPED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def labelled(server, **labels):
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "n",
            "labels": {f"{PREFIX}{key.replace('_', '-')}": value for key, value in labels.items()},
        },
    }
    return server("create", "namespaces", body=body)


def refusal(server, pod):
    response = server("create", "pods", "n", body=pod)
    assert response.code == 403
    return response.body.message.partition("violates PodSecurity ")[2]


@pytest.mark.parametrize(
    ("level", "spec", "container", "said"),
    [
        ("baseline", {"hostNetwork": True, "hostPID": True}, {}, "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            "baseline",
            {},
            {"securityContext": {"privileged": True}},
            'privileged (container "main" must not set securityContext.privileged=true)',
        ),
        (
            "baseline",
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            {},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        ("baseline", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, {}, 'hostPath volumes (volume "v")'),
        (
            "baseline",
            {},
            {"securityContext": {"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}},
            (
                'non-default capabilities (container "main" must not include "SYS_ADMIN" in'
                " securityContext.capabilities.add)"
            ),
        ),
        (
            "baseline",
            {},
            {"ports": [{"containerPort": 1, "hostPort": 1}]},
            'hostPort (container "main" uses hostPort 1)',
        ),
        (
            "baseline",
            {"securityContext": {"sysctls": [{"name": "kernel.x", "value": "1"}]}},
            {},
            "forbidden sysctls (kernel.x)",
        ),
        (
            "restricted",
            {},
            {"securityContext": {**DROPPED, "runAsUser": 0}},
            'runAsUser=0 (container "main" must not set runAsUser=0)',
        ),
        (
            "restricted",
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            {"securityContext": DROPPED},
            'restricted volume types (volume "v" uses restricted volume type "hostPath")',
        ),
    ],
)
def test_what_a_level_forbids(server, pod, level, spec, container, said):  # noqa: PLR0917 -- a row of the table
    assert labelled(server, enforce=level).ok
    pod["spec"] |= spec
    pod["spec"]["containers"][0] |= container
    assert refusal(server, pod) == f'"{level}:latest": {said}'


def test_a_hardened_pod_is_let_in(server, pod):
    labelled(server, enforce="restricted")
    pod["spec"]["containers"][0]["securityContext"] = DROPPED
    assert server("create", "pods", "n", body=pod).ok


def test_a_plain_pod_violates_four_things(server, pod):
    labelled(server, enforce="restricted", enforce_version="v1.24")
    said = refusal(server, pod)
    assert said.startswith('"restricted:v1.24": allowPrivilegeEscalation != false')
    assert [each in said for each in ("unrestricted capabilities", "runAsNonRoot != true", "seccompProfile")] == [
        True
    ] * 3


def test_versions_differ(server, pod):
    labelled(server, enforce="baseline", enforce_version="v1.26")
    pod["spec"]["securityContext"] = {"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports", "value": "1"}]}
    assert "forbidden sysctls" in refusal(server, pod)


def test_workloads_are_warned_of(server, deployment):
    labelled(server, warn="baseline")
    deployment["spec"]["template"]["spec"]["hostPID"] = True
    response = server("create", "deployments.apps", "n", body=deployment)
    assert response.warnings == ('would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)',)


def test_what_is_enforced_is_warned_of_too(server, deployment):
    labelled(server, enforce="baseline")
    deployment["spec"]["template"]["spec"]["hostPID"] = True
    assert server("create", "deployments.apps", "n", body=deployment).warnings


def test_labels_that_say_nothing(server):
    response = labelled(server, enforce="strict", warn_version="1.2")
    assert response.code == 422
    assert [cause.field for cause in response.body.details.causes] == [
        f"metadata.labels[{PREFIX}enforce]",
        f"metadata.labels[{PREFIX}warn-version]",
    ]
    assert response.body.details.causes[0].message == (
        'Invalid value: "strict": must be one of privileged, baseline, restricted'
    )


def test_pods_that_are_there_already_are_warned_of(server, pod):
    labelled(server)
    pod["spec"]["hostPID"] = True
    for name in ("b", "a"):
        pod["metadata"]["name"] = name
        server.made("pods", pod, "n")
    patch = {"metadata": {"labels": {f"{PREFIX}enforce": "baseline"}}}
    response = server("patch", "namespaces", name="n", body=patch)
    assert response.warnings == (
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    )
