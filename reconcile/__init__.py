"""
A Kubernetes cluster as an immutable value.

`Cluster.boot` makes one, `step` gives the next one and the effects that the outside world must carry out.
A name is imported when it is first asked for, so that `import reconcile` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.cluster import Cluster, Topology
    from reconcile.driver import choices, record, replay, run, settle, step
    from reconcile.events import Submit
    from reconcile.lib.errors import ReconcileError
    from reconcile.lib.version import __version__

__all__ = [
    "Cluster",
    "ReconcileError",
    "Submit",
    "Topology",
    "__version__",
    "choices",
    "record",
    "replay",
    "run",
    "settle",
    "step",
]

# The module where each name of __all__ stands.
_HOMES = {
    "Cluster": "reconcile.cluster",
    "ReconcileError": "reconcile.lib.errors",
    "Submit": "reconcile.events",
    "Topology": "reconcile.cluster",
    "__version__": "reconcile.lib.version",
    "choices": "reconcile.driver",
    "record": "reconcile.driver",
    "replay": "reconcile.driver",
    "run": "reconcile.driver",
    "settle": "reconcile.driver",
    "step": "reconcile.driver",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
