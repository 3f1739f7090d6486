"""ServiceAccount: the account is there, and its token is in every container that does not say otherwise."""

import pytest

PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def account(server, name, **fields):
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **fields.pop("metadata", {})}}
    return server.made("serviceaccounts", {**body, **fields})


def refusal(server, pod):
    response = server("create", "pods", "default", body=pod)
    assert response.code == 403
    return response.body.message


def test_every_container_gets_the_token(faithful, pod):
    pod["spec"]["initContainers"] = [{"name": "first", "image": "nginx"}]
    spec = faithful.made("pods", pod).spec
    volume = spec.volumes[-1]
    assert volume.name.startswith("kube-api-access-")
    assert len(volume.name) == len("kube-api-access-") + 5
    token, authority, downward = volume.projected.sources
    assert (token.service_account_token.path, token.service_account_token.expiration_seconds) == ("token", 3607)
    assert authority.config_map.name == "kube-root-ca.crt"
    assert downward.downward_api.items[0].field_ref.field_path == "metadata.namespace"
    for container in (*spec.containers, *spec.init_containers):
        (mount,) = container.volume_mounts
        assert (mount.name, mount.mount_path, mount.read_only) == (volume.name, PATH, True)


def test_no_two_pods_of_one_specification_have_one_volume(faithful, pod):
    names = set()
    for name in ("a", "b"):
        pod["metadata"]["name"] = name
        names.add(faithful.made("pods", pod).spec.volumes[-1].name)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("of_pod", "of_account", "there"),
    [(None, None, True), (False, None, False), (True, False, True), (None, False, False), (False, True, False)],
)
def test_the_pods_word_counts_before_the_accounts(faithful, pod, of_pod, of_account, there):
    account(faithful, "robot", **({} if of_account is None else {"automountServiceAccountToken": of_account}))
    pod["spec"]["serviceAccountName"] = "robot"
    if of_pod is not None:
        pod["spec"]["automountServiceAccountToken"] = of_pod
    assert bool(faithful.made("pods", pod).spec.volumes) is there


def test_what_is_mounted_at_the_path_stays(faithful, pod):
    pod["spec"]["volumes"] = [{"name": "own", "emptyDir": {}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "own", "mountPath": PATH}]
    spec = faithful.made("pods", pod).spec
    assert [volume.name for volume in spec.volumes] == ["own"]


def test_an_account_that_is_not_there(faithful, pod):
    pod["spec"]["serviceAccountName"] = "nobody"
    assert refusal(faithful, pod) == (
        'pods "web" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found'
    )


def test_the_default_account_may_come_a_moment_after_its_namespace(faithful, pod):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    faithful.made("namespaces", namespace, "")
    assert faithful.made("pods", pod, "new").spec.service_account_name == "default"
    faithful.now += 2 * 10**9
    pod["metadata"]["name"] = "late"
    assert faithful("create", "pods", "new", body=pod).code == 403


def test_pull_secrets_come_from_the_account(faithful, pod):
    account(faithful, "robot", imagePullSecrets=[{"name": "pull"}])
    pod["spec"]["serviceAccountName"] = "robot"
    assert [each.name for each in faithful.made("pods", pod).spec.image_pull_secrets] == ["pull"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "other"}}]}, 'volume with secret.secretName="other"'),
        ({"imagePullSecrets": [{"name": "other"}]}, 'imagePullSecrets[0].name="other"'),
    ],
)
def test_a_strict_account_lists_its_secrets(faithful, pod, spec, said):
    account(faithful, "strict", metadata={"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}})
    pod["spec"] |= {"serviceAccountName": "strict", **spec}
    assert said in refusal(faithful, pod)
    assert "is not allowed because service account strict does not reference that" in refusal(faithful, pod)


def test_without_accounts_a_pods_specification_is_its_templates(server, pod):
    spec = server.made("pods", pod).spec
    assert spec.volumes is None
    assert spec.service_account_name == "default"
