"""Validation of pods: a pod's specification, and what of it may change."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Causes, required


def pod_spec_causes(field: str, spec: core_v1.PodSpec) -> Causes:
    """Say what is wrong with a pod's specification."""
    if not spec.containers:
        return (required(f"{field}.containers"),)
    return ()
