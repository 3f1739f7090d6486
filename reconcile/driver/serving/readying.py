"""
Readying: what a cluster is brought to before clients come.

Takes:    a live cluster that was just powered on.
Gives:    it, with every node ready; or bare, with an API server and nothing that runs pods, as envtest has it.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import meta_v1
from reconcile.driver.client import asked
from reconcile.driver.serving.live import Live
from reconcile.events import StopProcess
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import Request


def ready(live: Live, *, bare: bool = False) -> Live:
    """
    Let *live* come to rest, and give it.

    Args:
        live: a cluster that was just powered on.
        bare: stop every kubelet then, and take the nodes, their pods and what they reported out of the API: what the
            kubelets started goes on, and nothing restarts it.

    Raises:
        ReconcileError: it does not come to rest; it is said why.
    """
    moving = live.settle()
    if moving:
        raise ReconcileError(f"the cluster does not come up: {'; '.join(moving)}")
    if bare:
        _strip(live)
    live.effects()
    return live


def _strip(live: Live) -> None:
    cluster = live.cluster
    for name in cluster.hosts:
        live.happen(StopProcess(f"kubelet/{name}"))
    at_once = meta_v1.DeleteOptions(grace_period_seconds=0)
    for word in ("pods", "nodes", "leases.coordination.k8s.io", "csinodes.storage.k8s.io", "events"):
        for obj in cluster.objects(word):
            namespace = obj.metadata.namespace or ""
            if word.startswith("leases") and namespace != "kube-node-lease":
                continue
            _ask(live, Request(verb="delete", resource=word, namespace=namespace, name=obj.metadata.name, body=at_once))
    live.settle()


def _ask(live: Live, request: Request) -> None:
    response = asked(live.machine, request, submit=None if live.recorder is None else live.happen)
    if not response.ok and response.code != _GONE:
        raise ReconcileError(f"{request.verb} {request.resource} {request.name}: {response.body.message}")


_GONE: Final = 404  # the controllers may be faster
