"""
API services: whether whoever serves a group of the API beside the API server can be reached.

It runs within each API server upstream; here once, with the other controllers. An APIService that names no service is
of the API server itself, and always available.

Takes:    changes of APIServices, of Services and of EndpointSlices.
Gives:    status updates of APIServices: the condition Available.
Source:   kube-aggregator pkg/controllers/status: remote_available_controller.go, local_available_controller.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from reconcile.api.apiregistration_v1 import APIServiceCondition, APIServiceStatus
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, keys_of_itself
from reconcile.lib.replacing import replace
from reconcile.model import conditions, measured
from reconcile.model.requests import Request, User, joined
from reconcile.store import Change

NAME: Final = "apiservice-availability"
SERVICE_NAME: Final = "kubernetes.io/service-name"
SLICES: Final = "endpointslices.discovery.k8s.io"
_PORT: Final = 443

Verdict: TypeAlias = tuple[str, str, str]
"""Status, reason and message of the condition."""

_PASSED: Final[Verdict] = ("True", "Passed", "all checks passed")
_LOCAL: Final[Verdict] = ("True", "Local", "Local APIServices are always available")


def keys_of_service(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the APIServices that are served by a service."""
    return _served_by(change.key, views)


def keys_of_slice(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the APIServices that are served by the service of a slice."""
    metadata = (change.new or change.old).metadata
    name = (metadata.labels or {}).get(SERVICE_NAME)
    return _served_by(joined(metadata.namespace or "", name), views) if name else ()


def _served_by(service: Key, views: Views) -> tuple[Key, ...]:
    return tuple([key for key, each in views.table(measured.API_SERVICES).items() if _service_of(each) == service])


def _service_of(api_service: Any) -> Key:
    reference = api_service.spec.service if api_service.spec is not None else None
    return joined(reference.namespace or "", reference.name or "") if reference is not None else ""


def reconcile(ask: Ask) -> Outcome:
    """Say of an APIService whether its service answers."""
    if ask.answers:
        answer = ask.answers[0][1]
        return Outcome() if answer.ok or answer.code == NOT_FOUND else Outcome(error=text_of(answer))
    found = ask.views.get(measured.API_SERVICES, ask.key)
    if found is None:
        return Outcome()
    status, reason, message = _verdict(found, ask.views) if _service_of(found) else _LOCAL
    known = (found.status.conditions if found.status is not None else None) or ()
    wanted = APIServiceCondition(type="Available", status=status, reason=reason, message=message)
    said = conditions.set(known, wanted, ask.now)
    if said == known:
        return Outcome()
    body = replace(found, status=replace(found.status or APIServiceStatus(), conditions=said))
    call = Request(verb="update", resource=measured.API_SERVICES, name=ask.key, subresource="status", body=body)
    return Outcome(calls=(call,), again=True)


def _verdict(api_service: Any, views: Views) -> Verdict:
    """Judge by what is known of the service: who is ready to serve answers."""
    reference = api_service.spec.service
    name, space, number = reference.name or "", reference.namespace or "", reference.port or _PORT
    key = joined(space, name)
    service = views.get("services", key)
    if service is None:
        if measured.is_answered(api_service):
            return _PASSED
        return "False", "ServiceNotFound", f'service/{name} in "{space}" is not present'
    if service.spec.type not in (None, "ClusterIP"):
        return _PASSED
    port = next((each for each in service.spec.ports or () if each.port == number), None)
    if port is None:
        return "False", "ServicePortError", f'service/{name} in "{space}" is not listening on port {number}'
    slices = views.table(SLICES).under("service", (space, name))
    if not slices:
        return "False", "EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{space}"'
    if not any(_is_available(each, port.name or "") for each in slices):
        lacks = f'endpointslices for service/{name} in "{space}" have no addresses with port name "{port.name or ""}"'
        return "False", "MissingEndpoints", lacks
    return _PASSED


def _is_available(slice_: Any, port: str) -> bool:
    ready = any(each.conditions is None or each.conditions.ready is not False for each in slice_.endpoints or ())
    return ready and any((each.name or "") == port and each.port for each in slice_.ports or ())


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source(measured.API_SERVICES, keys_of_itself),
        Source("services", keys_of_service),
        Source(SLICES, keys_of_slice),
    ),
    reconcile=reconcile,
    awaits=(measured.API_SERVICES,),
    user=User(name="system:apiserver", groups=("system:masters", "system:authenticated")),
)
