"""What is asked of each kind's status, by resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation import registrations
from reconcile.components.apiserver.registry.validation.asking import update_causes
from reconcile.components.apiserver.registry.validation.core.nodes import node_change_causes
from reconcile.components.apiserver.registry.validation.core.quotas import amounts_causes
from reconcile.components.apiserver.registry.validation.statuses.conditions import conditions_causes, once
from reconcile.components.apiserver.registry.validation.statuses.counts import (
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    autoscaler_causes,
    budget_causes,
    counted,
)
from reconcile.components.apiserver.registry.validation.statuses.jobs import job_causes
from reconcile.components.apiserver.registry.validation.statuses.pods import pod_causes
from reconcile.components.apiserver.registry.validation.values import address_causes, is_address, one_of, subdomain

Look = Callable[[Any, Any], Causes]

_MODES: Final = ("Proxy", "VIP")


def status_causes(resource: str, new: Any, old: Any) -> Causes:
    """Say what is wrong with the status of *new*, which is to replace *old*, beside its metadata."""
    look = _KINDS.get(resource)
    return () if look is None else look(new, old)


def _namespace_causes(new: Any, _: Any) -> Causes:
    phase = (new.status.phase if new.status is not None else None) or ""
    goes = new.metadata.deletion_timestamp is not None
    wanted = "Terminating" if goes else "Active"
    said = f"may only be '{wanted}' if `deletionTimestamp` is {'not ' if goes else ''}empty"
    return () if phase == wanted else (wrong("status.Phase", phase, said),)


def _quota_causes(new: Any, _: Any) -> Causes:
    status = new.status
    if status is None:
        return ()
    return amounts_causes("status.hard", status.hard) + amounts_causes("status.used", status.used)


def _service_causes(new: Any, old: Any) -> Causes:
    at, balancer = "status.loadBalancer.ingress", new.status.load_balancer if new.status is not None else None
    ingresses = (balancer.ingress if balancer is not None else None) or ()
    if ingresses and new.spec.type != "LoadBalancer":
        return (forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'"),)
    known, found = _addresses(old), list[Cause]()
    for place, ingress in enumerate(ingresses):
        here = f"{at}[{place}]"
        found += address_causes(f"{here}.ip", ingress.ip, known) if ingress.ip else []
        if ingress.ip_mode is None:
            found += [required(f"{here}.ipMode", "must be specified when `ip` is set")] if ingress.ip else []
        elif not ingress.ip:
            found.append(forbidden(f"{here}.ipMode", "may not be specified when `ip` is not set"))
        else:
            found += one_of(f"{here}.ipMode", ingress.ip_mode, _MODES)
        found += _host_causes(here, ingress.hostname)
    return tuple(found)


def _ingress_causes(new: Any, old: Any) -> Causes:
    at, balancer = "status.loadBalancer.ingress", new.status.load_balancer if new.status is not None else None
    known, found = _addresses(old), list[Cause]()
    for place, ingress in enumerate((balancer.ingress if balancer is not None else None) or ()):
        here = f"{at}[{place}]"
        found += address_causes(f"{here}.ip", ingress.ip, known) if ingress.ip else []
        found += _host_causes(here, ingress.hostname)
    return tuple(found)


def _addresses(obj: Any) -> tuple[str, ...]:
    balancer = obj.status.load_balancer if obj.status is not None else None
    return tuple([each.ip for each in (balancer.ingress if balancer is not None else None) or () if each.ip])


def _host_causes(field: str, name: str | None) -> list[Cause]:
    if not name:
        return []
    at = f"{field}.hostname"
    return subdomain(at, name) + (
        [wrong(at, name, "must be a DNS name, not an IP address")] if is_address(name) else []
    )


def _flow_causes(new: Any, _: Any) -> Causes:
    conditions = (new.status.conditions if new.status is not None else None) or ()
    found: list[Cause] = []
    for place, again in once(conditions):
        here, kind = f"status.conditions[{place}].type", conditions[place].type
        found += [duplicate(here, kind)] if again else []
        found += [] if kind else [required(here)]
    return tuple(found)


def _policy_causes(new: Any, _: Any) -> Causes:
    status = new.status
    checking = status.type_checking if status is not None else None
    found: list[Cause] = []
    for place, warning in enumerate((checking.expression_warnings if checking is not None else None) or ()):
        here = f"status.typeChecking.expressionWarnings[{place}]"
        found += [] if warning.warning else [required(f"{here}.warning")]
        found += [] if warning.field_ref else [required(f"{here}.fieldRef")]
    return (*found, *conditions_causes("status.conditions", status.conditions if status is not None else None))


def _attachment_causes(new: Any, old: Any) -> Causes:
    return update_causes("volumeattachments.storage.k8s.io", new, old)


_KINDS: Final[Mapping[str, Look]] = {
    "pods": pod_causes,
    "nodes": node_change_causes,
    "namespaces": _namespace_causes,
    "resourcequotas": _quota_causes,
    "services": _service_causes,
    "replicationcontrollers": counted(REPLICA_SETS),
    "replicasets.apps": counted(REPLICA_SETS),
    "deployments.apps": counted(DEPLOYMENTS),
    "daemonsets.apps": counted(DAEMON_SETS),
    "statefulsets.apps": counted(STATEFUL_SETS),
    "jobs.batch": job_causes,
    "poddisruptionbudgets.policy": budget_causes,
    "horizontalpodautoscalers.autoscaling": autoscaler_causes,
    "ingresses.networking.k8s.io": _ingress_causes,
    "flowschemas.flowcontrol.apiserver.k8s.io": _flow_causes,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _flow_causes,
    "validatingadmissionpolicies.admissionregistration.k8s.io": _policy_causes,
    "certificatesigningrequests.certificates.k8s.io": registrations.signing_status_causes,
    "volumeattachments.storage.k8s.io": _attachment_causes,
}
