"""
A Kubernetes cluster as an immutable value.

`Cluster.boot` makes one, `step` gives the next one and the effects that the outside world must carry out.
A name is imported when it is first asked for, so that `import reconcile` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.cluster.cluster import Cluster
    from reconcile.cluster.topology import Topology
    from reconcile.driver.choices import choices
    from reconcile.driver.client import apply, ask, create, delete, get, patch, scale
    from reconcile.driver.log.recording import Recorder
    from reconcile.driver.log.replay import replay
    from reconcile.driver.policies import Recorded, Shuffled
    from reconcile.driver.run import collector_paused, run, settle
    from reconcile.driver.step import step
    from reconcile.driver.wire import state_digest
    from reconcile.events import Submit
    from reconcile.lib.errors import ReconcileError
    from reconcile.lib.version import __version__
    from reconcile.model.behaviours import Behaviours
    from reconcile.model.requests import Request
    from reconcile.properties.heeding import unheeded

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
    "unheeded",
]

# The module where each name of __all__ stands.
_HOMES = {
    "Behaviours": "reconcile.model.behaviours",
    "Cluster": "reconcile.cluster.cluster",
    "ReconcileError": "reconcile.lib.errors",
    "Recorded": "reconcile.driver.policies",
    "Recorder": "reconcile.driver.log.recording",
    "Request": "reconcile.model.requests",
    "Shuffled": "reconcile.driver.policies",
    "Submit": "reconcile.events",
    "Topology": "reconcile.cluster.topology",
    "__version__": "reconcile.lib.version",
    "apply": "reconcile.driver.client",
    "ask": "reconcile.driver.client",
    "choices": "reconcile.driver.choices",
    "collector_paused": "reconcile.driver.run",
    "create": "reconcile.driver.client",
    "delete": "reconcile.driver.client",
    "get": "reconcile.driver.client",
    "patch": "reconcile.driver.client",
    "replay": "reconcile.driver.log.replay",
    "run": "reconcile.driver.run",
    "scale": "reconcile.driver.client",
    "settle": "reconcile.driver.run",
    "state_digest": "reconcile.driver.wire",
    "step": "reconcile.driver.step",
    "unheeded": "reconcile.properties.heeding",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
