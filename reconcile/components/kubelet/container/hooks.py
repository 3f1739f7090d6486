"""
Hooks: what a container's lifecycle hooks and probes ask, in words, and what becomes of a hook that was run.

Takes:    Hooked, the timer `grace`.
Gives:    RunHook, Record, and what `stopping` gives.
Source:   the kubelet's lifecycle package; kuberuntime's startContainer and executePreStopHook.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.kubelet.container import containers, stopping
from reconcile.components.kubelet.state import Container, LocalPod, field_path, with_container
from reconcile.effects import Effect, Record
from reconcile.events import Hooked
from reconcile.lib.instant import Instant


def answered(pod: LocalPod, container: Container, report: Hooked, now: Instant, out: list[Effect]) -> LocalPod:
    """Take in how a hook ended."""
    aside = container.aside
    if aside is None or aside.hook != report.kind:
        return pod
    if report.kind == "preStop":
        if not report.success:
            out.append(Record(pod.pod, "Warning", "FailedPreStopHook", "PreStopHook failed", field_path(container)))
        return stopping.hooked(pod, container, now, out)
    if report.success:
        return containers.serves(pod, container, now, out)
    out.append(Record(pod.pod, "Warning", "FailedPostStartHook", "PostStartHook failed", field_path(container)))
    pod = with_container(pod, containers.unserving(container))
    spec: Any = pod.pod.spec
    grace = stopping.seconds(pod, spec.termination_grace_period_seconds)
    return stopping.stop(pod, _of(pod, container.name), grace, now, out, why="FailedPostStartHook")


def _of(pod: LocalPod, name: str) -> Container:
    return next(container for container in pod.containers if container.name == name)
