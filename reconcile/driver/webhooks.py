"""
Webhooks of a user's own, and a scheduler's extenders, as pure functions of what they are asked.

They answer what leaves a cluster as `CallWebhook`, wherever nothing else is left to do at an instant; each answer is an
event like any other, so that a log of the run needs none of them.

Takes:    functions from an AdmissionReview or ConversionReview to the one that answers it, both plain JSON; from what
          an extender is asked (ExtenderArgs, ExtenderPreemptionArgs, ExtenderBindingArgs) to what it answers.
Gives:    WebhookAnswered.
Source:   https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/;
          k8s.io/kube-scheduler/extender/v1.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from reconcile.api.scalars import freeze, thaw
from reconcile.driver.machine import Machine
from reconcile.driver.step import apply_event
from reconcile.effects import CallWebhook
from reconcile.events import ClusterEvent, WebhookAnswered
from reconcile.lib.errors import ReconcileError

Reviewer: TypeAlias = Callable[[dict[str, Any]], Mapping[str, Any] | Sequence[Any] | None]
"""Gives the review that answers a review, or what an extender answers: a list of priorities when it prioritizes."""

Webhooks: TypeAlias = Mapping[str, Reviewer]
"""Who answers: by URL (an extender's `urlPrefix`, a slash and the verb), or by a service's `namespace/name`."""


def admitted(
    review: Mapping[str, Any],
    *,
    allowed: bool = True,
    message: str = "",
    code: int = 0,
    patch: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """
    Give the AdmissionReview that answers *review*.

    Args:
        review: what was asked.
        allowed: whether the write may be.
        message: why not.
        code: the HTTP status code of a refusal; 0 for the usual one.
        patch: operations of a JSON patch (RFC 6902) on the object.
        warnings: for the client.
        annotations: for the audit.
    """
    response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": allowed}
    if message or code:
        response["status"] = {"message": message} if not code else {"message": message, "code": code}
    if patch:
        text = json.dumps(list(patch), separators=(",", ":"))
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(text.encode()).decode()}
    if warnings:
        response["warnings"] = list(warnings)
    if annotations:
        response["auditAnnotations"] = dict(annotations)
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def answer(webhooks: Webhooks, call: CallWebhook) -> WebhookAnswered:
    """Give what one of *webhooks* answers to a call; nobody is reached if it is for none of them."""
    found = webhooks.get(call.url or call.service)
    if found is None:
        return WebhookAnswered(call.call, code=0)
    try:
        body = freeze(found(thaw(call.review)))
    except ReconcileError as error:
        raise ReconcileError(f"the webhook at {call.url or call.service} answers what is no JSON: {error}") from None
    return WebhookAnswered(call.call, body)


def answering(
    webhooks: Webhooks | None, happen: Callable[[ClusterEvent], None] | None = None
) -> Callable[[Machine], bool] | None:
    """
    Give what lets *webhooks* answer all that has left a machine for them, and tells whether anything had.

    Args:
        webhooks: who answers; None for nobody.
        happen: lets an event happen, if it is to be written down too.
    """
    if webhooks is None:
        return None

    def answer_all(machine: Machine) -> bool:
        calls, machine.calls = machine.calls, []
        for call in calls:
            event = answer(webhooks, call)
            if happen is None:
                apply_event(machine, event)
            else:
                happen(event)
        return bool(calls)

    return answer_all
