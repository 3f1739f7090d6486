"""
Stale conditions: a pod that is said to be disrupted, but two minutes later is not being deleted, is so no more.

Takes:    changes of pods.
Gives:    update of the status of pods.
Source:   pkg/controller/disruption: syncStalePodDisruption.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.controllers.policy.disruption._controller import COMPONENT, USER
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views
from reconcile.lib.instant import MINUTE, Duration
from reconcile.lib.replacing import replace
from reconcile.model import conditions
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

NAME: Final = "disruption-stale-conditions"
STALE_AFTER: Final[Duration] = 2 * MINUTE

_TARGET: Final = "DisruptionTarget"
_BY_KUBELET: Final = "TerminationByKubelet"
_ENDED: Final = ("Succeeded", "Failed")


def keys_of_pod(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the pod if it is, or was at its end, said to be disrupted: it is waited for, or not any more."""
    pod = change.old if change.new is None else change.new
    if pod.status is None:
        return ()
    for condition in pod.status.conditions or ():
        if condition.type == _TARGET:
            return (change.key,)
    return ()


def reconcile(ask: Ask) -> Outcome:
    """Take back what was said of a pod two minutes ago, if it did not come about."""
    pod = ask.views.get("pods", ask.key)
    target = None if pod is None else _target(pod)
    if target is None:
        return Outcome()
    since = target.last_transition_time
    wait = 0 if since is None else since.instant + STALE_AFTER - ask.now
    if wait > 0:
        return Outcome(after=wait)
    # Upstream's condition bears nothing but its status, and the generation if it had one before.
    generation = None if target.observed_generation is None else pod.metadata.generation
    untrue = core_v1.PodCondition(type=_TARGET, status="False", observed_generation=generation)
    status = replace(pod.status, conditions=conditions.set(pod.status.conditions, untrue, ask.now))
    namespace, name = split_key(ask.key)
    body = replace(pod, status=status)
    call = Request(verb="update", resource="pods", namespace=namespace, name=name, subresource="status", body=body)
    return Outcome(calls=(call,))


def _target(pod: Any) -> Any:
    """Give the condition by which a pod that lives and is not being deleted is disrupted; None if there is none."""
    status = pod.status
    if pod.metadata.deletion_timestamp is not None or status is None or status.phase in _ENDED:
        return None
    # The kubelet's own may take as long as the pod takes to end.
    found = conditions.find(status.conditions, _TARGET)
    return None if found is None or found.status != "True" or found.reason == _BY_KUBELET else found


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("pods", keys_of_pod),),
    reconcile=reconcile,
    workers=1,
    component=COMPONENT,
    user=USER,
)
