"""
NamespaceLifecycle: nothing is created in a namespace that is not there or that is going; some namespaces stay.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace
from reconcile.model import statuses

IMMORTAL: Final = ("default", "kube-system", "kube-public")
_CLASSES: Final = "priorityclasses.scheduling.k8s.io"
_SYSTEM_CLASSES: Final = ("system-node-critical", "system-cluster-critical")


def admit_namespace(ask: Ask, name: str) -> core_v1.Namespace:
    """Give the namespace that something called *name* is created in, if it takes anything."""
    namespace = ask.store.get("namespaces", ask.request.namespace)
    if namespace is None:
        raise Refusal(statuses.not_found("namespaces", ask.request.namespace))
    if namespace.metadata.deletion_timestamp is not None:
        where = ask.request.namespace
        why = f"unable to create new content in namespace {where} because it is being terminated"
        status = statuses.forbidden(ask.request.resource, name, why)
        said = f"namespace {where} is being terminated"
        cause = meta_v1.StatusCause(reason="NamespaceTerminating", message=said, field="metadata.namespace")
        raise Refusal(replace(status, details=replace(status.details, causes=(cause,))))
    found: core_v1.Namespace = namespace
    return found


def check_mortal(ask: Ask) -> None:
    """Refuse to delete a namespace or a priority class without which no cluster is one."""
    resource, name = ask.request.resource, ask.request.name
    if resource == "namespaces" and name in IMMORTAL:
        raise Refusal(statuses.forbidden(resource, name, "this namespace may not be deleted"))
    if resource == _CLASSES and name in _SYSTEM_CLASSES:
        why = "this is a system priority class and cannot be deleted"
        raise Refusal(statuses.forbidden(resource, name, why))
