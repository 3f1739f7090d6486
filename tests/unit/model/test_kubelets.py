"""Kubelets: what their configuration says, and what is refused."""

import pytest

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.model.hosts import Host
from reconcile.model.kubelets import CRITICAL, Threshold, quantity_of, settings_of, texts_of
from reconcile.model.kubelets.settings import RESTARTS as PERIOD
from reconcile.model.kubelets.settings import UNBOUNDED


def test_what_is_not_said_is_as_kubernetes_has_it():
    settings = settings_of(Map())
    assert [row.signal for row in settings.thresholds] == [
        "memory.available",
        "nodefs.available",
        "nodefs.inodesFree",
        "imagefs.available",
        "imagefs.inodesFree",
    ]
    assert settings.thresholds[0] == Threshold(signal="memory.available", amount=100 << 20)
    assert settings.thresholds[1] == Threshold(signal="nodefs.available", percent=1000)
    assert (settings.transition, settings.images_high, settings.images_low) == (5 * MINUTE, 85, 80)
    assert settings.shutdown == ()


def test_what_is_said_is_read():
    said = {
        "evictionHard": "memory.available<1Gi",
        "evictionSoft": "nodefs.available<12.5%",
        "evictionSoftGracePeriod": "nodefs.available=1m30s",
        "shutdownGracePeriod": "30s",
        "shutdownGracePeriodCriticalPods": "10s",
    }
    settings = settings_of(Map.of(said))
    assert settings.thresholds == (
        Threshold(signal="memory.available", amount=1 << 30),
        Threshold(signal="nodefs.available", percent=1250, grace=90 * SECOND, hard=False),
    )
    assert settings.shutdown == ((0, 20 * SECOND), (CRITICAL, 10 * SECOND))
    rows = settings_of(Map.of({"shutdownGracePeriodByPodPriority": "100=5s,0=30s"})).shutdown
    assert rows == ((0, 30 * SECOND), (100, 5 * SECOND))


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("nodeLeaseDuration", "40", "there is no such field"),
        ("nodeLeaseDurationSeconds", "0", "must be greater than 0"),
        ("maxPods", "-1", "'-1' is no whole number"),
        ("systemReserved", "cpu=x", "systemReserved: "),
        ("systemReserved", "cpu=-1", "'-1' is negative"),
        ("kubeReserved", "pods=1", "'pods' cannot be reserved"),
        ("imageMaximumGCAge", "1m", "is not longer than imageMinimumGCAge"),
        ("containerLogMaxFiles", "1", "must be greater than 1"),
        ("containerLogMonitorInterval", "2s", "'2s' is less than 3s"),
        ("containerLogMaxSize", "much", "not a quantity"),
        ("maxParallelImagePulls", "0", "0 is not a positive number"),
        ("serializeImagePulls", "no", "'no' is neither true nor false"),
        ("crashLoopBackOff.maxContainerRestartPeriod", "6m", "'6m' is not between 1s and 300s"),
        ("topologyManagerPolicy", "numa", "'numa' is no policy; there are none, best-effort, restricted, single-numa"),
        ("registerWithTaints", "a:Never", "'a:Never' is not KEY=VALUE:EFFECT"),
        ("featureGates", "Other=true", "'Other' cannot be switched here"),
        ("featureGates", "PodReadyToStartContainersCondition=false", "cannot be switched off"),
        ("evictionMinimumReclaim", "memory.free=1Gi", "'memory.free' is no signal"),
        ("evictionHard", "memory.free<1Gi", "'memory.free' is no signal"),
        ("evictionHard", "memory.available", "'memory.available' is not NAME<VALUE"),
        ("evictionHard", "memory.available<1Gi,memory.available<2Gi", "is said twice"),
        ("evictionHard", "memory.available<x", "'x'"),
        ("evictionHard", "memory.available<1x%", "'1x%' is no percentage"),
        ("evictionHard", "memory.available<-1", "'-1' is negative"),
        ("evictionHard", "memory.available<0", "'0' is not positive"),
        ("evictionHard", "memory.available<150%", "'150%' is more than 100%"),
        ("evictionSoft", "memory.available<1Gi", "has no grace in evictionSoftGracePeriod"),
        ("evictionPressureTransitionPeriod", "5", "'5'"),
        ("evictionPressureTransitionPeriod", "-5s", "is negative"),
        ("evictionMaxPodGracePeriod", "x", "'x' is no whole number"),
        ("imageGCLowThresholdPercent", "90", "90 is not below 85"),
        ("shutdownGracePeriodCriticalPods", "5s", "is longer than shutdownGracePeriod"),
        ("imagePullCredentialsVerificationPolicy", "Never", "'Never' is no policy; there are NeverVerify, "),
        (
            "preloadedImagesVerificationAllowlist",
            "r.io/*",
            "can only be said with imagePullCredentials",
        ),
        ("cpuManagerPolicy", "other", "'other' is no policy; there are none, static"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(field, text, why):
    with pytest.raises(ReconcileError) as refused:
        settings_of(Map.of({field: text}), "hosts[0].kubelet")
    assert str(refused.value).startswith(f"hosts[0].kubelet.{field}")
    assert why in str(refused.value)


def test_the_images_that_need_no_verification_are_a_list():
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
        "preloadedImagesVerificationAllowlist": ["r.io/*", "q.io/app"],
    }
    assert settings_of(texts_of(document)).unverified == ("r.io/*", "q.io/app")
    with pytest.raises(ReconcileError, match=r"kubelet.preloadedImagesVerificationAllowlist: expected a list"):
        texts_of({**document, "preloadedImagesVerificationAllowlist": "r.io"})


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("r.io/a*", "not a valid wildcard pattern, only patterns ending with '/*' are allowed: r.io/a*"),
        (" r.io", "leading/trailing spaces are not allowed:  r.io"),
        ("r.io/app:1", "'r.io/app:1' is no repository: it has neither tag nor digest"),
        ("/*", "'/*' is no repository"),
    ],
)
def test_what_is_no_pattern_of_images_is_refused(pattern, why):
    said = {
        "imagePullCredentialsVerificationPolicy": "NeverVerifyAllowlistedImages",
        "preloadedImagesVerificationAllowlist": f"r.io/*,{pattern}",
    }
    with pytest.raises(ReconcileError) as refused:
        settings_of(Map.of(said))
    assert str(refused.value).startswith(f"kubelet.preloadedImagesVerificationAllowlist[1]: {why}")


@pytest.mark.parametrize(
    ("said", "parallel"),
    [
        ({}, 1),
        ({"serializeImagePulls": "false"}, UNBOUNDED),
        ({"maxParallelImagePulls": "3"}, 3),
        ({"maxParallelImagePulls": "1"}, 1),
        ({"maxParallelImagePulls": "1", "serializeImagePulls": "false"}, 1),
    ],
)
def test_how_many_images_are_pulled_at_a_time(said, parallel):
    assert settings_of(Map.of(said)).parallel == parallel


def test_several_pulls_at_a_time_are_not_one_after_the_other():
    with pytest.raises(ReconcileError, match="2 is larger than 1, and serializeImagePulls is not false"):
        settings_of(Map.of({"maxParallelImagePulls": "2", "serializeImagePulls": "true"}))


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ({}, 10, 300),
        ({PERIOD: "5s"}, 5, 5),
        ({"featureGates": "KubeletCrashLoopBackOffMax=false"}, 10, 300),
        ({"featureGates": "ReduceDefaultCrashLoopBackOffDecay=true"}, 1, 300),
        ({"featureGates": "ReduceDefaultCrashLoopBackOffDecay=true,KubeletCrashLoopBackOffMax=false"}, 1, 60),
    ],
)
def test_how_long_a_container_waits_that_ends_again_and_again(said, first, last):
    settings = settings_of(Map.of(said))
    assert (settings.first_restart, settings.last_restart) == (first * SECOND, last * SECOND)


def test_the_period_needs_its_gate():
    with pytest.raises(ReconcileError, match="must not be set where KubeletCrashLoopBackOffMax is off"):
        settings_of(Map.of({PERIOD: "5s", "featureGates": "KubeletCrashLoopBackOffMax=false"}))


def test_thresholds_may_be_said_beside_those_that_there_are_anyway():
    said = {"evictionHard": "memory.available<1Gi", "mergeDefaultEvictionSettings": "true"}
    rows = settings_of(Map.of(said)).thresholds
    assert [(row.signal, row.amount, row.percent) for row in rows[:2]] == [
        ("memory.available", 1 << 30, 0),
        ("nodefs.available", 0, 1000),
    ]


def test_what_kubernetes_takes_for_nothing_said():
    head = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    assert texts_of({**head, "maxPods": 0, "nodeLeaseDurationSeconds": 0, "imageMinimumGCAge": "0s"}) == Map()
    assert texts_of({**head, "syncFrequency": "0s", "containerLogMaxSize": ""}) == Map()
    said = {"syncFrequency": "20s", "containerLogMaxSize": "1Mi", "containerLogMaxFiles": 3}
    assert texts_of({**head, **said}) == Map({**said, "containerLogMaxFiles": "3"})


def test_a_log_that_is_below_nothing_is_never_put_away():
    assert settings_of(Map({"containerLogMaxSize": "-1"})).log_size == -1
    ignored = settings_of(Map({"evictionHard": "memory.available<100%,nodefs.available<0%,pid.available<10%"}))
    assert [row.signal for row in ignored.thresholds] == ["pid.available"]
    soft = settings_of(Map({"evictionHard": "", "evictionSoft": "memory.available<100%"}))
    assert soft.thresholds == ()


def test_a_percentage_is_a_number_of_32_bits():
    assert quantity_of(Threshold(signal="nodefs.available", percent=1000), 100 << 30) == 10737418400


DOCUMENT = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": False}},
    "clusterDNS": ["10.96.0.10"],
    "crashLoopBackOff": {"maxContainerRestartPeriod": "30s"},
    "evictionHard": {"memory.available": "5%", "nodefs.available": "1Gi"},
    "evictionSoft": None,
    "featureGates": {"KubeletCrashLoopBackOffMax": True},
    "maxPods": 20,
    "registerWithTaints": [{"key": "gpu", "effect": "NoSchedule"}, {"key": "a", "value": "b", "effect": "NoExecute"}],
    "serializeImagePulls": False,
    "shutdownGracePeriodByPodPriority": [{"priority": 0, "shutdownGracePeriodSeconds": 30}],
    "systemReserved": {"cpu": "100m", "memory": "1Gi"},
}


def test_a_kubelet_configuration_is_read():
    found = texts_of(DOCUMENT)
    assert dict(found) == {
        PERIOD: "30s",
        "evictionHard": "memory.available<5%,nodefs.available<1Gi",
        "featureGates": "KubeletCrashLoopBackOffMax=true",
        "maxPods": "20",
        "registerWithTaints": "gpu=:NoSchedule,a=b:NoExecute",
        "serializeImagePulls": "false",
        "shutdownGracePeriodByPodPriority": "0=30s",
        "systemReserved": "cpu=100m,memory=1Gi",
    }
    settings = settings_of(found)
    assert settings.taints == (("gpu", "", "NoSchedule"), ("a", "b", "NoExecute"))
    assert settings.reserved == {"cpu": 10**8, "memory": (1 << 30) * 10**9}
    assert Host(name="a", ip="10.0.0.1", pod_cidr="", kubelet=DOCUMENT).kubelet == found


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": "Kubelet"}, "expected a KubeletConfiguration of kubelet.config.k8s.io/v1beta1"),
        ({"maxPod": 3}, 'strict decoding error: unknown field "maxPod"'),
        ({"crashLoopBackOff": {"period": "3s"}}, 'unknown field "period"'),
        ({"maxPods": 1.5}, "maxPods: expected text or a whole number, found 1.5"),
        ({"registerWithTaints": [{"key": "a"}]}, "expected key, value and effect"),
        ({"registerWithTaints": "a"}, "expected a list, found 'a'"),
        ({"shutdownGracePeriodByPodPriority": [{"priority": 1}]}, "expected priority and shutdownGracePeriodSeconds"),
    ],
)
def test_what_is_no_kubelet_configuration_is_refused(changed, why):
    with pytest.raises(ReconcileError) as refused:
        texts_of({**DOCUMENT, **changed})
    assert why in str(refused.value)
