"""
A Kubernetes cluster as an immutable value.

`Cluster.boot` makes one, `step` gives the next one and the effects that the outside world must carry out.
A name is imported when it is first asked for, so that `import reconcile` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.cluster import Cluster, Topology
    from reconcile.driver import (
        Recorded,
        Recorder,
        Shuffled,
        choices,
        collector_paused,
        replay,
        run,
        settle,
        state_digest,
        step,
    )
    from reconcile.driver.client import apply, ask, create, delete, get, patch, scale
    from reconcile.events import Submit
    from reconcile.lib.errors import ReconcileError
    from reconcile.lib.version import __version__
    from reconcile.model.behaviours import Behaviours
    from reconcile.model.requests import Request

__all__ = [
    "Behaviours",
    "Cluster",
    "ReconcileError",
    "Recorded",
    "Recorder",
    "Request",
    "Shuffled",
    "Submit",
    "Topology",
    "__version__",
    "apply",
    "ask",
    "choices",
    "collector_paused",
    "create",
    "delete",
    "get",
    "patch",
    "replay",
    "run",
    "scale",
    "settle",
    "state_digest",
    "step",
]

# The module where each name of __all__ stands.
_HOMES = {
    "Behaviours": "reconcile.model.behaviours",
    "Cluster": "reconcile.cluster",
    "ReconcileError": "reconcile.lib.errors",
    "Recorded": "reconcile.driver",
    "Recorder": "reconcile.driver",
    "Request": "reconcile.model.requests",
    "Shuffled": "reconcile.driver",
    "Submit": "reconcile.events",
    "Topology": "reconcile.cluster",
    "__version__": "reconcile.lib.version",
    "apply": "reconcile.driver.client",
    "ask": "reconcile.driver.client",
    "choices": "reconcile.driver",
    "collector_paused": "reconcile.driver",
    "create": "reconcile.driver.client",
    "delete": "reconcile.driver.client",
    "get": "reconcile.driver.client",
    "patch": "reconcile.driver.client",
    "replay": "reconcile.driver",
    "run": "reconcile.driver",
    "scale": "reconcile.driver.client",
    "settle": "reconcile.driver",
    "state_digest": "reconcile.driver",
    "step": "reconcile.driver",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
