"""Validation of each kind by its resource."""

from __future__ import annotations

from typing import Any

from reconcile.components.apiserver.refusals import Causes


def object_causes(resource: str, obj: Any) -> Causes:
    """Say what is wrong with an object, beside its metadata."""
    return ()


def change_causes(resource: str, new: Any, old: Any) -> Causes:
    """Say what an update may not change, beside metadata."""
    return ()
