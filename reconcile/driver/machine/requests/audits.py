"""
Audits: what API servers write down of the requests that they serve, as effects.

Source:   the API server's audit.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any

from reconcile.api import kinds
from reconcile.api.scalars import freeze
from reconcile.cluster.cluster import Process
from reconcile.cluster.pending import Sent
from reconcile.components import apiserver
from reconcile.components.apiserver import auditing
from reconcile.driver.machine.machine import Machine
from reconcile.effects import Audit
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request, Response, User


def audit(machine: Machine, item: Sent, response: Response, annotations: dict[str, str]) -> None:
    """Let what the policy wants of a request that is answered leave the cluster."""
    client, tag = item.tag if item.tag is not None and not item.process else ("", "")
    last = "ResponseStarted" if item.request.verb == "watch" and response.ok else "ResponseComplete"
    _audit(machine, item.user, item.request, response, (item.at, client, tag), ("RequestReceived", last), annotations)


def audit_end(machine: Machine, process: Process, watching: Any) -> None:
    """Let what the policy wants of a watch that has ended leave the cluster."""
    asked = (watching.asked, watching.client, watching.tag)
    _audit(machine, process.user, watching.request, Response(200), asked, ("ResponseComplete",), {})


def _audit(  # noqa: PLR0917 -- what an event is made of
    machine: Machine,
    user: User,
    request: Request,
    response: Response,
    asked: tuple[Instant, str, str],
    stages: tuple[str, ...],
    annotations: dict[str, str],
) -> None:
    policy, subject = machine.audits, subject_of(user, request)
    assert policy is not None, "asked only where there is one"
    how, (received, client, tag) = auditing.audited(policy, subject), asked
    if how.level == "None":
        return
    uid = Dice(machine.cluster.seed, f"audit/{machine.serial}", machine.steps).next_uuid()
    event = auditing.begun(how, uid, subject, subject.path, received)
    decision = apiserver.decided(user, request, machine.store)
    notes = {
        "authorization.k8s.io/decision": "allow" if decision.allowed else "forbid",
        "authorization.k8s.io/reason": decision.reason,
        **annotations,
    }
    for stage in stages:
        if how.writes(stage):
            later = stage != "RequestReceived"
            made = freeze(auditing.ended(how, event, stage, request, response, machine.now, notes) if later else event)
            assert isinstance(made, Map), "an event is an object"
            machine.outbox.append(Audit(made, client, tag))


def subject_of(user: User, request: Request) -> auditing.Subject:
    """Give what a policy asks about a request of the engine's own."""
    plural, _, group = request.resource.partition(".")
    try:
        version = request.version.rpartition("/")[2] or kinds.resource(request.resource).version
    except ReconcileError:
        version = request.version
    at = f"/apis/{group}/{version}" if group else f"/api/{version}"
    space = f"/namespaces/{request.namespace}" if request.namespace else ""
    parts = [part for part in (plural, request.name, request.subresource) if part]
    return auditing.Subject(
        user=user,
        verb=request.verb,
        path=f"{at}{space}/{'/'.join(parts)}",
        group=group,
        version=version,
        resource=plural,
        subresource=request.subresource,
        namespace=request.namespace or (request.name if request.resource == "namespaces" else ""),
        name=request.name,
    )
