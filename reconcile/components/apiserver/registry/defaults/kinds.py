"""Defaults of each kind by its resource."""

from __future__ import annotations

from typing import Any

from reconcile.components.apiserver.registry.defaults import core
from reconcile.components.apiserver.registry.defaults.groups import GROUPS


def defaulted(resource: str, obj: Any) -> Any:
    """Give *obj* with its defaults."""
    default = core.DEFAULTS.get(resource) or GROUPS.get(resource)
    return obj if default is None else default(obj)
