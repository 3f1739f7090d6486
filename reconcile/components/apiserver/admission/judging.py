"""
Judging: the plugins that change nothing and may refuse, once an object is whole and valid, in upstream's order.

Most writes of a cluster are of objects that no plugin looks at: they cost one question.

Source:   the admission plugins in kube-apiserver's recommended order.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.apiserver.admission import (
    accounts,
    certificates,
    limits,
    matching,
    podgroups,
    priorities,
    quotas,
    resizes,
    storage,
    webhooks,
)
from reconcile.components.apiserver.admission.mutating import Again
from reconcile.components.apiserver.admission.security import judge_namespace, judge_pod, judge_workload
from reconcile.components.apiserver.state import Ask
from reconcile.lib.quick import quick
from reconcile.model.pods.grouping import GROUPS
from reconcile.store import Compare, Put

Plugins = Callable[[Ask, Any], Any]

CERTIFICATES: Final = "certificatesigningrequests.certificates.k8s.io"
_CLAIMS: Final = "persistentvolumeclaims"
_JOBS: Final = "jobs.batch"
_WORKLOADS: Final = frozenset(
    {
        "podtemplates",
        "replicationcontrollers",
        "replicasets.apps",
        "deployments.apps",
        "daemonsets.apps",
        "statefulsets.apps",
        "jobs.batch",
        "cronjobs.batch",
    }
)
_MUTATING: Final = f"mutatingadmissionpolicybindings.{matching.GROUP}"
_VALIDATING: Final = f"validatingadmissionpolicybindings.{matching.GROUP}"
# Subresources of pods that change what a pod's containers are.
_PARTS: Final = ("ephemeralcontainers", "resize")
# What is looked at whatever is stored: a resource, and a subresource or the object itself.
_LOOKED_AT: Final = frozenset(
    {
        *[
            (resource, "")
            for resource in (*_WORKLOADS, "pods", "namespaces", _CLAIMS, CERTIFICATES, priorities.CLASSES, GROUPS)
        ],
        *[("pods", part) for part in _PARTS],
        (CERTIFICATES, "status"),
        (CERTIFICATES, "approval"),
    }
)


@quick
@attrs.frozen(weakref_slot=False)
class Judged:
    """What plugins warn of, and what is to be written with the object."""

    warnings: tuple[str, ...] = ()
    compares: tuple[Compare, ...] = ()
    operations: tuple[Put, ...] = ()


_NOTHING: Final = Judged()


def judged(ask: Ask, new: Any, old: Any) -> Judged:
    """Refuse what a plugin does not let be written; *old* is None for what is created, *new* for what is deleted."""
    request = ask.request
    resource, subresource, ruled = request.resource, request.subresource, ask.store.ruled
    if not ruled and (new is None or (resource, subresource) not in _LOOKED_AT):
        return _NOTHING
    if new is None:
        return Judged(_ruled(ask, new, old))
    if subresource and not (resource == "pods" and subresource in _PARTS):
        if resource == CERTIFICATES:
            _check_certificates(ask, subresource, new, old)
        return Judged(_ruled(ask, new, old)) if ruled else _NOTHING
    if subresource:
        _check_part(ask, new, old)
    elif ruled and (resource == _CLAIMS or (resource == "pods" and old is None)):
        limits.check(ask, new)
    warnings = _secured(ask, resource, new, old)
    if resource == priorities.CLASSES:
        priorities.check_class(ask, new, old)
    elif resource == _CLAIMS and old is not None:
        storage.check_resize(ask, new, old)
    elif resource == CERTIFICATES and old is None:
        certificates.check_subject(ask, new)
    elif resource == _JOBS and old is not None and ask.state.feature_gates:
        podgroups.check_parallelism(ask, new, old)
    elif resource == GROUPS and old is None:
        podgroups.check_template(ask, new)
    if not ruled:
        return Judged(warnings) if warnings else _NOTHING
    warnings += _ruled(ask, new, old)
    charged = quotas.charge(ask, new, old)
    return Judged(warnings, charged.compares, charged.operations)


def mutates(ask: Ask) -> bool:
    """Tell whether policies or webhooks are stored that change what is written."""
    return bool(ask.store.table(_MUTATING) or ask.store.table(webhooks.MUTATING))


def mutated(ask: Ask, new: Any, old: Any, plugins: Plugins | None = None) -> Any:
    """
    Give an object with what policies and webhooks make of it before it is judged; itself if that is nothing.

    Args:
        ask: the write.
        new: what is to be written; None for what is deleted.
        old: what was there; None for what is created.
        plugins: what the server's own plugins make of it, before anybody else is asked.
    """
    by_policies, by_webhooks = Again(), Again()
    for number in (0, 1):
        by_policies.round = by_webhooks.round = number
        if plugins is not None:
            new = plugins(ask, new)
        if new is not None and ask.store.table(_MUTATING):
            from reconcile.components.apiserver.admission import policies  # noqa: PLC0415 -- few clusters speak CEL

            new = policies.mutate(ask, new, old, by_policies)
        if ask.store.table(webhooks.MUTATING):
            new = webhooks.mutate(ask, new, old, by_webhooks)
        if not (by_policies.changed or by_webhooks.changed):
            break
    return new


def carried(ask: Ask, obj: Any) -> Any:
    """Give what is sent to a subresource that is no part of its object, as policies and webhooks let it be."""
    if mutates(ask):
        obj = mutated(ask, obj, None)
    warnings = _ruled(ask, obj, None)
    if ask.notes is not None:
        ask.notes.warnings += warnings
    return obj


def _ruled(ask: Ask, new: Any, old: Any) -> tuple[str, ...]:
    """Ask the policies and the webhooks that are stored."""
    warnings: tuple[str, ...] = ()
    if new is None and ask.store.table(webhooks.MUTATING):
        mutated(ask, new, old)
    if ask.store.table(_VALIDATING):
        from reconcile.components.apiserver.admission import policies  # noqa: PLC0415 -- as above

        warnings = policies.validate(ask, new, old)
    if ask.store.table(webhooks.VALIDATING):
        webhooks.validate(ask, new, old)
    return warnings


def _check_part(ask: Ask, new: Any, old: Any) -> None:
    """Look at what changes a pod's containers."""
    if ask.request.subresource == "ephemeralcontainers":
        accounts.check_debugging(ask, new)
        return
    if ask.store.ruled:
        limits.check(ask, new)
    resizes.check(ask, new, old)


def _check_certificates(ask: Ask, subresource: str, new: Any, old: Any) -> None:
    if subresource == "status":
        certificates.check_signing(ask, new, old)
    elif subresource == "approval":
        certificates.check_approval(ask, new, old)


def _secured(ask: Ask, resource: str, new: Any, old: Any) -> tuple[str, ...]:
    if "PodSecurity" in ask.state.disabled:
        return ()
    if resource == "pods":
        return judge_pod(ask, new, old)
    if resource == "namespaces":
        return judge_namespace(ask, new, old)
    return judge_workload(ask, new) if resource in _WORKLOADS else ()
