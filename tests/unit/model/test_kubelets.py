"""Kubelets: what their configuration says, and what is refused."""

import pytest

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.model.kubelets import CRITICAL, Threshold, settings_of


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
        ("nodeLeaseDurationSeconds", "40", "there is no such field"),
        ("evictionHard", "memory.free<1Gi", "'memory.free' is no signal"),
        ("evictionHard", "memory.available", "'memory.available' is not NAME<VALUE"),
        ("evictionHard", "memory.available<1Gi,memory.available<2Gi", "is said twice"),
        ("evictionHard", "memory.available<x", "'x'"),
        ("evictionHard", "memory.available<1x%", "'1x%' is no percentage"),
        ("evictionHard", "memory.available<-1", "'-1' is negative"),
        ("evictionSoft", "memory.available<1Gi", "has no grace in evictionSoftGracePeriod"),
        ("evictionPressureTransitionPeriod", "5", "'5'"),
        ("evictionPressureTransitionPeriod", "-5s", "is negative"),
        ("evictionMaxPodGracePeriod", "x", "'x' is no whole number"),
        ("imageGCLowThresholdPercent", "90", "90 is not below 85"),
        ("shutdownGracePeriodCriticalPods", "5s", "is longer than shutdownGracePeriod"),
        ("cpuManagerPolicy", "other", "'other' is no policy; there are none, static"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(field, text, why):
    with pytest.raises(ReconcileError) as refused:
        settings_of(Map.of({field: text}), "hosts[0].kubelet")
    assert str(refused.value).startswith(f"hosts[0].kubelet.{field}")
    assert why in str(refused.value)
