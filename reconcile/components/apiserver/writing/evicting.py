"""
Evicting: a pod's graceful deletion, if the budget of disruptions that covers it allows that.

What upstream does in three writes (take it from the budget, say on the pod why, delete it) is one here.

Source:   the pod's eviction storage.
Left out: that the pod's DisruptionTarget condition is seen before its deletion.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver import admission
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask, Plan, Planned
from reconcile.components.apiserver.writing import creating, deleting, managing
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions, selectors, statuses
from reconcile.model.requests import Response
from reconcile.store import Compare, Put, Txn

_BUDGETS: Final = "poddisruptionbudgets.policy"
_ALLOWED: Final = "DisruptionAllowed"
_VIOLATES: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_MOST_DISRUPTED: Final = 2000
_SECONDS_TO_WAIT: Final = 10
_TWO: Final = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_DONE: Final = meta_v1.Status(metadata=meta_v1.ListMeta(), status="Success", code=201)
_NO_STATUS: Final = policy_v1.PodDisruptionBudgetStatus(
    current_healthy=0, desired_healthy=0, disruptions_allowed=0, expected_pods=0
)


def evict(ask: Ask) -> Plan:
    """Plan the eviction of a pod: its graceful deletion."""
    eviction = ask.request.body
    if not isinstance(eviction, policy_v1.Eviction):
        raise Refusal(statuses.bad_request(creating.misplaced(eviction, "Eviction", "policy")))
    given = eviction.metadata.name if eviction.metadata is not None else None
    if given != ask.request.name:
        raise Refusal(statuses.bad_request("name in URL does not match name in Eviction object"))
    if ask.store.ruled:
        eviction = admission.carried(ask, eviction)
    options = eviction.delete_options or meta_v1.DeleteOptions()
    pod: core_v1.Pod = found(ask)
    dry = ask.request.dry_run or bool(options.dry_run)
    budget = None if _is_beyond_budgets(pod) else _budget(ask, pod)
    taken = None if budget is None else _taken(ask, budget, pod)
    from_budget = Txn((), ())
    if taken is not None and budget is not None:
        key = f"{ask.request.namespace}/{budget.metadata.name}"
        compare = Compare(_BUDGETS, key, int(budget.metadata.resource_version))
        from_budget = Txn((compare,), (Put(_BUDGETS, key, taken),))
    try:
        options = deleting.checked_options(options)
        plan = deleting.deleted(ask, pod if dry else _disrupted(ask, pod), options)
    except Refusal as refusal:
        if dry or not from_budget.operations:
            raise
        # By then it is taken from the budget.
        return Planned(from_budget, refusal.response.code, body=refusal.response.body)
    if isinstance(plan, Response):
        if not plan.ok or dry:
            return plan if not plan.ok else Response(201, _DONE)
        # It goes already: what is left to do is to say why.
        assert pod.metadata is not None, "a stored pod has metadata"
        compare = Compare("pods", ask.key, int(pod.metadata.resource_version or 0))
        plan = Planned(Txn((compare,), (Put("pods", ask.key, _disrupted(ask, pod)),)), 201)
    txn = plan.txn
    txn = Txn((*txn.compares, *from_budget.compares), (*txn.operations, *from_budget.operations))
    return Planned(txn, 201, body=_DONE, then=plan.then)


def _is_beyond_budgets(pod: core_v1.Pod) -> bool:
    """Tell whether a pod disrupts nobody by going: it is done, dies already, or has not begun."""
    assert pod.metadata is not None, "a stored pod has metadata"
    phase = pod.status.phase if pod.status is not None else None
    return phase in ("Succeeded", "Failed", "Pending") or pod.metadata.deletion_timestamp is not None


def _budget(ask: Ask, pod: core_v1.Pod) -> Any:
    """Give the budget that covers a pod; None if none does."""
    labels = (pod.metadata.labels if pod.metadata is not None else None) or Map[str]()
    table = ask.store.table(_BUDGETS)
    prefix = f"{ask.request.namespace}/"
    covering = [
        budget
        for key, budget in table.items()
        if key.startswith(prefix) and budget.spec is not None and _selects(budget.spec.selector, labels)
    ]
    if len(covering) > 1:
        raise Refusal(statuses.unexpected(_TWO))
    return covering[0] if covering else None


def _selects(selector: meta_v1.LabelSelector | None, labels: Map[str]) -> bool:
    return selector is not None and selectors.matches(selector, labels)


def _taken(ask: Ask, budget: Any, pod: core_v1.Pod) -> Any:
    """
    Give the budget with one disruption taken from it; None if this one costs nothing.

    Raises:
        Refusal: 429, there is none left, or nobody knows yet; 403, the budget makes no sense.
    """
    name, status = budget.metadata.name, budget.status or _NO_STATUS
    healthy, wanted, allowed = status.current_healthy or 0, status.desired_healthy or 0, status.disruptions_allowed or 0
    if not conditions.is_true(pod.status.conditions if pod.status is not None else None, "Ready"):
        if budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
            return None
        if healthy >= wanted > 0:
            return None
    if (status.observed_generation or 0) < (budget.metadata.generation or 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise Refusal(statuses.too_many_requests(_VIOLATES, why, _SECONDS_TO_WAIT))
    if allowed < 0:
        raise Refusal(_forbidden(name, "pdb disruptions allowed is negative"))
    if len(status.disrupted_pods or ()) > _MOST_DISRUPTED:
        said = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise Refusal(_forbidden(name, said))
    if allowed == 0:
        raise Refusal(statuses.too_many_requests(_VIOLATES, _reason(name, status), 0))
    left = allowed - 1
    disrupted = (status.disrupted_pods or Map[Any]()).merge([(ask.request.name, Time.at(ask.now))])
    status = replace(status, disruptions_allowed=left, disrupted_pods=disrupted)
    if left == 0:
        none = meta_v1.Condition(
            type=_ALLOWED,
            status="False",
            reason="InsufficientPods",
            message="",
            observed_generation=status.observed_generation,
            last_transition_time=Time.at(ask.now),
        )
        status = replace(status, conditions=conditions.set(status.conditions, none, ask.now))
    return managing.by_server(ask, _BUDGETS, replace(budget, status=status), budget, "status")


def _reason(name: str, status: policy_v1.PodDisruptionBudgetStatus) -> str:
    """Say why a budget that nobody may take from is used up."""
    condition = conditions.find(status.conditions, _ALLOWED)
    message = condition.message if condition is not None and condition.status == "False" else ""
    reason = condition.reason if condition is not None else ""
    said = f"The disruption budget {name} does not allow evicting pods currently"
    if message and reason == "SyncFailed":
        return f"{said} because it failed sync: {message}"
    healthy, wanted = status.current_healthy or 0, status.desired_healthy or 0
    if healthy <= wanted:
        counts = f"needs {wanted} healthy pods and has {healthy} currently"
        return f"The disruption budget {name} {counts}"
    return f"{said} ({reason}): {message}" if message else said


def _forbidden(name: str, why: str) -> Any:
    return statuses.forbidden("poddisruptionbudget.policy", name, why)


def _disrupted(ask: Ask, pod: core_v1.Pod) -> core_v1.Pod:
    """Give a pod that says that it is evicted."""
    target = core_v1.PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
        last_transition_time=Time.at(ask.now),
    )
    status = pod.status or core_v1.PodStatus()
    return replace(pod, status=replace(status, conditions=conditions.set(status.conditions, target, ask.now)))
