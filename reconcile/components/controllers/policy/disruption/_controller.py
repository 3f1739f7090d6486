"""
Disruption: the status of a PodDisruptionBudget says how many of its pods are healthy, and how many may be evicted.

The eviction API takes from `disruptionsAllowed` and notes the pod in `disruptedPods`; here it is counted anew, and what
was noted is forgotten when the pod goes, or two minutes later if it does not.

Takes:    changes of PodDisruptionBudgets and pods; of what controls pods its cache, and the scales that it asks for.
Gives:    get of scales, update of the status of PodDisruptionBudgets, records.
Source:   pkg/controller/disruption: disruption.go; component-helpers' apps/poddisruptionbudget.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final, Literal

from reconcile.api import meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import message_of, text_of
from reconcile.components.controllers.policy.disruption._expected import SCALED, Expected, expected, scales_to_ask
from reconcile.components.controllers.runtime import (
    FIRST_BACK_OFF,
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.effects import Record
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions, definitions, selectors
from reconcile.model.requests import Request, Response, split_key
from reconcile.store import Change
from reconcile.store.indexes import is_ready

NAME: Final = "disruption"
BUDGETS: Final = "poddisruptionbudgets.policy"
COMPONENT: Final = "controllermanager"
USER: Final = service_account("disruption-controller")
# How long a pod that was noted as disrupted may take until it is seen being deleted.
DELETION_TIMEOUT: Final[Duration] = 2 * MINUTE

_ALLOWED: Final = "DisruptionAllowed"
_FAILED: Final = "SyncFailed"
_POD: Final = "pod "  # before the key of a pod that more than one budget covers; no key of a budget has a space
_CONFLICT: Final = "Conflict"
_NO_STATUS: Final = policy_v1.PodDisruptionBudgetStatus(
    current_healthy=0, desired_healthy=0, disruptions_allowed=0, expected_pods=0
)


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the budgets that cover a pod as it is, or was last; and the pod itself if they are several."""
    pod = change.old if change.new is None else change.new
    table = views.table(BUDGETS)
    namespace = pod.metadata.namespace
    if not table.count("namespace", namespace):
        return ()
    labels = pod.metadata.labels
    keys = [key for key in table.keys_under("namespace", namespace) if _covers(table[key], labels)]
    return (*keys, *([_POD + change.key] if len(keys) > 1 else []))


def reconcile(ask: Ask) -> Outcome:
    """Bring a budget's status to what its pods are; or say of a pod that several budgets cover it."""
    if ask.key.startswith(_POD):
        return _covered_twice(ask)
    scales: tuple[tuple[Request, Response], ...] = ()
    if ask.answers:
        if ask.answers[0][0].verb == "update":
            return _written(ask)
        scales = ask.answers
    budget = ask.views.get(BUDGETS, ask.key)
    if budget is None:
        return Outcome()
    pods = pods_of(budget, ask.views)
    asked = () if scales else scales_to_ask(budget, pods, ask.views)
    if asked:
        return Outcome(calls=asked, again=True)
    return _counted(ask, budget, pods, expected(budget, pods, ask.views, scales))


def pods_of(budget: Any, views: Views) -> tuple[Any, ...]:
    """Give the pods that a budget covers, in key order."""
    namespace, selector = budget.metadata.namespace, _selector(budget)
    if selector is None:
        return ()
    table = views.table("pods")
    for key, value in (selector.match_labels or {}).items():
        found = table.under("label", (namespace, key, value))
        break
    else:
        found = table.under("namespace", namespace)
    return tuple([pod for pod in found if selectors.matches(selector, pod.metadata.labels)])


def _covers(budget: Any, labels: Map[str] | None) -> bool:
    return selectors.matches(_selector(budget), labels)


def _selector(budget: Any) -> meta_v1.LabelSelector | None:
    return None if budget.spec is None else budget.spec.selector


# What a budget comes to ----------------------------------------------------------------------------------------------


def _counted(ask: Ask, budget: Any, pods: tuple[Any, ...], found: Expected) -> Outcome:
    records = [] if pods else [_said(budget, "Normal", "NoPods", "No matching pods found")]
    if found.why:
        message = f"Failed to calculate the number of expected pods: {found.why}"
        records.append(_said(budget, "Warning", "CalculateExpectedPodCountFailed", message))
        return _safe(budget, found.why, tuple(records), ask.now)
    if found.unmanaged:
        records.append(
            _said(budget, "Warning", "UnmanagedPods", _unmanaged(_selector(budget) or meta_v1.LabelSelector()))
        )
    old = budget.status or _NO_STATUS
    disrupted = _disrupted(old, pods, ask.now)
    records += [_not_deleted(budget, pod) for pod in _undeleted(old, pods, ask.now)]
    after = _recheck(disrupted, ask.now)
    new = _status(budget, old, found, _healthy(pods, disrupted, ask.now), disrupted, ask.now)
    if new == old:
        return Outcome(records=tuple(records), after=after)
    return Outcome(calls=(_update(replace(budget, status=new)),), records=tuple(records), again=True)


def _status(  # noqa: PLR0917 -- the parts of one status
    budget: Any, old: Any, found: Expected, healthy: int, disrupted: dict[str, Time], now: Instant
) -> policy_v1.PodDisruptionBudgetStatus:
    # A budget without pods allows nothing, so that it is safe when its first pods come and are not counted yet.
    allowed = max(0, healthy - found.desired) if found.count > 0 else 0
    generation = budget.metadata.generation
    condition = conditions.find(old.conditions, _ALLOWED)
    status, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    said = old.conditions
    if (
        condition is None
        or old.observed_generation != generation
        or (condition.status, condition.reason)
        != (
            status,
            reason,
        )
    ):
        said = conditions.set(said, _condition(status, reason, "", generation, now), now)
    return policy_v1.PodDisruptionBudgetStatus(
        conditions=said,
        current_healthy=healthy,
        desired_healthy=found.desired,
        disrupted_pods=Map(disrupted) or None,
        disruptions_allowed=allowed,
        expected_pods=found.count,
        observed_generation=generation,
    )


def _healthy(pods: tuple[Any, ...], disrupted: dict[str, Time], now: Instant) -> int:
    return sum(
        pod.metadata.deletion_timestamp is None
        and is_ready(pod)
        and not (pod.metadata.name in disrupted and _expires(disrupted[pod.metadata.name]) > now)
        for pod in pods
    )


def _disrupted(status: Any, pods: tuple[Any, ...], now: Instant) -> dict[str, Time]:
    """Give of the pods that were noted as disrupted those that may still be about to go."""
    noted = status.disrupted_pods or {}
    return {
        pod.metadata.name: noted[pod.metadata.name]
        for pod in pods
        if pod.metadata.deletion_timestamp is None
        and pod.metadata.name in noted
        and _expires(noted[pod.metadata.name]) >= now
    }


def _undeleted(status: Any, pods: tuple[Any, ...], now: Instant) -> list[Any]:
    noted = status.disrupted_pods or {}
    return [
        pod
        for pod in pods
        if pod.metadata.deletion_timestamp is None
        and pod.metadata.name in noted
        and _expires(noted[pod.metadata.name]) < now
    ]


def _expires(noted: Time) -> Instant:
    return noted.instant + DELETION_TIMEOUT


def _recheck(disrupted: dict[str, Time], now: Instant) -> Duration | None:
    if not disrupted:
        return None
    # Upstream's second queue hands the key on to the first with that one's rate limit.
    return min(map(_expires, disrupted.values())) - now + FIRST_BACK_OFF


def _written(ask: Ask) -> Outcome:
    """See what became of the status that was written."""
    request, response = ask.answers[0]
    written = request.body
    if response.ok:
        return Outcome(after=_recheck(dict(written.status.disrupted_pods or {}), ask.now))
    condition = conditions.find(written.status.conditions, _ALLOWED)
    was_safe = condition is not None and condition.reason == _FAILED
    if was_safe or response.reason == _CONFLICT:
        return Outcome(error=text_of(response))
    budget = ask.views.get(BUDGETS, ask.key)
    return Outcome() if budget is None else _safe(budget, message_of(response), (), ask.now)


def _safe(budget: Any, why: str, records: tuple[Record, ...], now: Instant) -> Outcome:
    """Let nothing be evicted while it is not known how much may be."""
    old = budget.status or _NO_STATUS
    condition = _condition("False", _FAILED, why, old.observed_generation, now)
    status = replace(old, disruptions_allowed=0, conditions=conditions.set(old.conditions, condition, now))
    return Outcome(calls=(_update(replace(budget, status=status)),), records=records, again=True)


def _condition(status: str, reason: str, message: str, generation: int | None, now: Instant) -> meta_v1.Condition:
    return meta_v1.Condition(
        type=_ALLOWED,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        last_transition_time=Time.at(now),
    )


def _update(body: Any) -> Request:
    namespace, name = body.metadata.namespace, body.metadata.name
    return Request(verb="update", resource=BUDGETS, namespace=namespace, name=name, subresource="status", body=body)


# What is said --------------------------------------------------------------------------------------------------------


def _covered_twice(ask: Ask) -> Outcome:
    pod = ask.views.get("pods", ask.key.removeprefix(_POD))
    if pod is None:
        return Outcome()
    namespace, name = split_key(ask.key.removeprefix(_POD))
    table = ask.views.table(BUDGETS)
    covering = [
        split_key(key)[1]
        for key in table.keys_under("namespace", namespace)
        if _covers(table[key], pod.metadata.labels)
    ]
    if len(covering) < 2:  # noqa: PLR2004 -- one is as it should be
        return Outcome()
    message = f'Pod "{namespace}"/"{name}" matches multiple PodDisruptionBudgets.  Chose "{covering[0]}" arbitrarily.'
    return Outcome(records=(_said(pod, "Warning", "MultiplePodDisruptionBudgets", message),))


def _not_deleted(budget: Any, pod: Any) -> Record:
    # Upstream names the namespace twice, never the budget.
    namespace = budget.metadata.namespace
    message = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
    return _said(pod, "Warning", "NotDeleted", message)


def _unmanaged(selector: meta_v1.LabelSelector | None) -> str:
    dumped = _dumped(selector or meta_v1.LabelSelector())
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {dumped}) were found to be unmanaged. As a result, the"
        " status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for"
        ' these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


def _dumped(selector: meta_v1.LabelSelector) -> str:
    """Write a selector as Go prints it."""
    labels = "".join([f"{key}: {value}," for key, value in sorted((selector.match_labels or {}).items())])
    expressions = "".join(
        [
            f"LabelSelectorRequirement{{Key:{each.key},Operator:{each.operator},"
            f"Values:[{' '.join(each.values or ())}],}},"
            for each in selector.match_expressions or ()
        ]
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _said(about: Any, kind: Literal["Normal", "Warning"], reason: str, message: str) -> Record:
    return Record(about, kind, reason, message)


def _no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source(BUDGETS, keys_of_itself),
        Source("pods", keys_of_pod),
        *[Source(resource, _no_keys) for resource in (*SCALED, definitions.DEFINITIONS)],
    ),
    reconcile=reconcile,
    workers=1,
    component=COMPONENT,
    user=USER,
    awaits=(BUDGETS,),
)
