"""Pull secrets: a registry that asks for a login, and images that were pulled with one."""

import base64
import json

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.effects import PullImage
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host

DENIED = "insufficient_scope: authorization failed"
PRESENT = 'Container image "r.io/app:1" already present on machine and can be accessed by the pod'
NEVER = 'Container image "r.io/app:1" is not present with pull policy of Never'
PULLED = 'Successfully pulled image "r.io/app:1" in '


def secret(name="key", user="me", password="word"):
    text = json.dumps({"auths": {"r.io": {"username": user, "password": password}}})
    data = Map({".dockerconfigjson": base64.b64encode(text.encode()).decode()})
    metadata = meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}-{password}")
    return core_v1.Secret(metadata=metadata, data=data, type="kubernetes.io/dockerconfigjson")


@pytest.fixture
def private(lab):
    """A host whose images come from a registry that knows one user, and how its kubelet is configured."""

    def make(**kubelet):
        host = Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", kubelet=kubelet)
        return lab(host=host, registries={"r.io": {"accounts": {"me": "word", "you": "other"}}})

    return make


def bind(lab, name, *secrets, policy="IfNotPresent"):
    container = core_v1.Container(name="web", image="r.io/app:1", image_pull_policy=policy)
    references = tuple([core_v1.LocalObjectReference(name=each) for each in secrets])
    lab.bind(name, containers=(container,), image_pull_secrets=references or None)
    lab.run(5)


def runs(lab, name):
    return lab.status(name).state.running is not None


def test_who_has_no_secret_is_refused(private):
    lab = private()
    bind(lab, "web")
    assert not runs(lab, "web")
    assert lab.status("web").state.waiting.reason in {"ErrImagePull", "ImagePullBackOff"}
    assert lab.said("Failed")[0].endswith(DENIED)


def test_who_has_one_may_pull(private):
    lab = private()
    lab.put("secrets", secret())
    bind(lab, "web", "key")
    assert runs(lab, "web")
    assert lab.said("FailedToRetrieveImagePullSecret") == []
    assert [order.logins for order in lab.orders if isinstance(order, PullImage)] == [(("me", "word"),)]


def test_a_wrong_password_is_refused_and_the_next_login_is_tried(private):
    lab = private()
    lab.put("secrets", secret("wrong", password="x"))
    bind(lab, "first", "wrong")
    assert not runs(lab, "first")
    lab.put("secrets", secret())
    bind(lab, "second", "wrong", "key")
    assert runs(lab, "second")


def test_a_secret_that_is_missing_counts_once_it_is_there(private):
    lab = private()
    bind(lab, "web", "key")
    said = "Unable to retrieve some image pull secrets (key); attempting to pull the image may not succeed."
    assert set(lab.said("FailedToRetrieveImagePullSecret")) == {said}
    lab.put("secrets", secret())
    lab.run(60)
    assert runs(lab, "web")


def test_a_secret_that_stays_missing_is_told_again_and_again(lab):
    lab = lab()
    lab.bind(image_pull_secrets=(core_v1.LocalObjectReference(name="key"),))
    lab.run(300)
    assert lab.status().state.running is not None
    assert 3 < len(lab.said("FailedToRetrieveImagePullSecret")) < 7
    lab.mark(grace=1)
    lab.run(5)
    told = len(lab.said("FailedToRetrieveImagePullSecret"))
    lab.run(300)
    assert len(lab.said("FailedToRetrieveImagePullSecret")) == told
    assert lab.kubelet.seldom.secrets == Map()


def test_an_image_that_was_pulled_with_a_secret_is_for_those_who_have_it(private):
    lab = private()
    lab.put("secrets", secret())
    bind(lab, "first", "key")
    bind(lab, "second", "key")
    assert lab.said("Pulled")[1] == PRESENT
    bind(lab, "third")
    assert not runs(lab, "third")
    bind(lab, "fourth", policy="Never")
    assert lab.said("ErrImageNeverPull")[0] == NEVER
    assert not runs(lab, "fourth")


def test_who_has_another_secret_pulls_it_anew_and_then_both_may_use_it(private):
    lab = private()
    lab.put("secrets", secret())
    lab.put("secrets", secret("other", "you", "other"))
    bind(lab, "first", "key")
    bind(lab, "second", "other")
    assert lab.said("Pulled")[1].startswith(PULLED)
    bind(lab, "third", "other")
    bind(lab, "fourth", "key")
    assert lab.said("Pulled")[2:] == [PRESENT, PRESENT]


def test_a_secret_of_the_same_login_gives_access_too(private):
    lab = private()
    lab.put("secrets", secret())
    lab.put("secrets", secret("copy"))
    bind(lab, "first", "key")
    bind(lab, "second", "copy")
    assert lab.said("Pulled")[1] == PRESENT


def test_how_it_was_pulled_outlives_the_kubelet_and_the_host(private):
    lab = private()
    lab.put("secrets", secret())
    bind(lab, "first", "key")
    lab.start()
    bind(lab, "second")
    lab.reboot()
    bind(lab, "third")
    assert (runs(lab, "first"), runs(lab, "second"), runs(lab, "third")) == (True, False, False)


def test_with_what_secret_it_was_pulled_does_too(private):
    lab = private()
    key = lab.put("secrets", secret())
    bind(lab, "first", "key")
    lab.put("secrets", replace(secret(password="changed"), metadata=key.metadata))
    lab.start()
    bind(lab, "second", "key")
    assert lab.said("Pulled")[1:] == [PRESENT]


@pytest.mark.parametrize(
    ("kubelet", "may"),
    [
        ({"imagePullCredentialsVerificationPolicy": "NeverVerify"}, True),
        ({"featureGates": "KubeletEnsureSecretPulledImages=false"}, True),
        ({"imagePullCredentialsVerificationPolicy": "NeverVerifyPreloadedImages"}, False),
        (
            {
                "imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
                "preloadedImagesVerificationAllowlist": "r.io/*",
            },
            True,
        ),
        (
            {
                "imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
                "preloadedImagesVerificationAllowlist": "r.io/other",
            },
            False,
        ),
        ({"imagePullCredentialsVerificationPolicy": "AlwaysVerify"}, False),
    ],
)
def test_the_policy_says_who_is_asked(private, kubelet, may):
    lab = private(**kubelet)
    lab.put("secrets", secret())
    bind(lab, "first", "key")
    bind(lab, "second")
    assert (runs(lab, "first"), runs(lab, "second")) == (True, may)


@pytest.mark.parametrize(("policy", "pulls"), [("NeverVerifyPreloadedImages", 0), ("AlwaysVerify", 1)])
def test_what_was_there_from_the_start_is_asked_for_only_if_all_is(lab, policy, pulls):
    host = Host(
        name="node-1",
        ip="192.168.0.1",
        pod_cidr="10.244.1.0/24",
        kubelet={"imagePullCredentialsVerificationPolicy": policy},
    )
    lab = lab({"r.io/app:1": "preloaded"}, host=host)
    bind(lab, "first")
    bind(lab, "second")
    assert runs(lab, "second")
    assert len([order for order in lab.orders if isinstance(order, PullImage)]) == pulls
