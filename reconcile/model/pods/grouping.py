"""
Groups of pods: what pods and pod groups say of each other, where GenericWorkload is on.

Source:   pkg/apis/scheduling/types.go; the pod's spec.schedulingGroup.
"""

from __future__ import annotations

from typing import Any, Final

GROUPS: Final = "podgroups.scheduling.k8s.io"
WORKLOADS: Final = "workloads.scheduling.k8s.io"
PROTECTION: Final = "scheduling.k8s.io/podgroup-protection"
"""The finalizer that keeps a group while pods name it."""


def group_of(pod: Any) -> str:
    """Give the key of the group that a pod names; empty if it names none."""
    group = pod.spec.scheduling_group
    if group is None or not group.pod_group_name:
        return ""
    return f"{pod.metadata.namespace or ''}/{group.pod_group_name}"
