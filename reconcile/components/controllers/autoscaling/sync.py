"""
Look at one autoscaler every 15 seconds: ask for its target's scale, then for its metrics, and scale.

Takes:    Ask: an autoscaler's key, and the answers to what the look called for.
Gives:    Outcome.
Source:   pkg/controller/podautoscaler/horizontal.go: reconcileAutoscaler.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import kinds
from reconcile.api.autoscaling_v1 import Scale, ScaleSpec
from reconcile.api.autoscaling_v2 import HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import NOT_FOUND, message_of
from reconcile.components.controllers.autoscaling import limits
from reconcile.components.controllers.autoscaling.memory import (
    AUTOSCALERS,
    History,
    Look,
    Memory,
    Sample,
    without,
)
from reconcile.components.controllers.autoscaling.metrics import Proposal, Target, proposed, request_for
from reconcile.components.controllers.autoscaling.replicas import Tolerances
from reconcile.components.controllers.autoscaling.tuning import USUAL, Tuning
from reconcile.components.controllers.runtime import Ask, Outcome, Views
from reconcile.effects import Record
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, Duration
from reconcile.lib.replacing import replace
from reconcile.model import conditions, definitions, selectors
from reconcile.model.definitions import DEFINITIONS
from reconcile.model.requests import Request

# kube-controller-manager --horizontal-pod-autoscaler-sync-period

_CONFLICT: Final = 409
_TRIES: Final = 5  # client-go's retry.DefaultRetry
_YOUNG: Final[Duration] = 2 * MINUTE  # for so long at most a pod's first metrics may be on their way
_GROUP_AND_VERSION: Final = 1  # slashes
_GOT: Final = "the HPA controller was able to get the target's current scale"
_NOT_GOT: Final = "the HPA controller was unable to get the target's current scale: "
_ZERO: Final = "scaling is disabled since the replica count of the target is zero"
_BELOW: Final = "Current number of replicas below Spec.MinReplicas"
_ABOVE: Final = "Current number of replicas above Spec.MaxReplicas"


def reconcile(ask: Ask, *, to_zero: bool = False, tolerances: bool = True, tuning: Tuning = USUAL) -> Outcome:
    """
    Bring one autoscaler's target to the size that its metrics ask for.

    Args:
        ask: the autoscaler's key, and the answers.
        to_zero: a target may be scaled to no replicas, and from there.
        tolerances: an autoscaler may say its own.
        tuning: what flags say.
    """
    return _Sync(ask, to_zero=to_zero, tolerances=tolerances, tuning=tuning).outcome()


class _Sync:
    """One step of a look."""

    __slots__ = ("_ask", "_to_zero", "_tolerances", "_tuning")

    def __init__(self, ask: Ask, *, to_zero: bool, tolerances: bool, tuning: Tuning) -> None:
        self._ask = ask
        self._to_zero = to_zero
        self._tolerances = tolerances
        self._tuning = tuning

    def outcome(self) -> Outcome:
        ask = self._ask
        memory: Memory = ask.memory
        if ask.answers:
            look = memory.looks.get(ask.key, None)
            return Outcome() if look is None else self._gone_on(look)
        autoscaler = ask.views.get(AUTOSCALERS, ask.key)
        if autoscaler is None:
            return Outcome(memory=without(memory, ask.key))
        due = memory.due.get(ask.key, None)
        if due is None:
            due = ask.now + self._tuning.period
            memory = replace(memory, due=memory.due.set(ask.key, due), selectors=memory.selectors.set(ask.key, ""))
            return Outcome(memory=memory, after=self._tuning.period)
        if ask.now < due:
            return Outcome(after=due - ask.now, after_is_periodic=_is_looked_at(autoscaler))
        status = autoscaler.status or HorizontalPodAutoscalerStatus(desired_replicas=0)
        return self._begun(Look(autoscaler=autoscaler, status=status))

    def _gone_on(self, look: Look) -> Outcome:
        match look.stage:
            case "scale":
                return self._on_scale(look)
            case "metrics":
                return self._on_metrics(look)
            case "resize":
                return self._on_resized(look)
            case "refresh":
                return self._on_refreshed(look)
            case _:
                return self._on_saved(look)

    # The target -------------------------------------------------------------------------------------------------------

    def _begun(self, look: Look) -> Outcome:
        resource, fault = _resource_of(look.autoscaler.spec.scale_target_ref, self._ask.views)
        if fault:
            return self._unreached(look, fault)
        look = replace(look, resource=resource)
        return self._called(look, "scale", (self._of_scale(look, "get"),))

    def _of_scale(self, look: Look, verb: Any, body: Any = None) -> Request:
        autoscaler = look.autoscaler
        return Request(
            verb=verb,
            resource=look.resource,
            namespace=autoscaler.metadata.namespace,
            name=autoscaler.spec.scale_target_ref.name,
            subresource="scale",
            body=body,
        )

    def _unreached(self, look: Look, fault: str) -> Outcome:
        look = _recorded(look, "Warning", "FailedGetScale", fault)
        return self._saving(self._said(look, "AbleToScale", "False", "FailedGetScale", f"{_NOT_GOT}{fault}"))

    def _on_scale(self, look: Look) -> Outcome:
        response = self._ask.answers[0][1]
        if not response.ok:
            return self._unreached(look, message_of(response))
        look = self._said(look, "AbleToScale", "True", "SucceededGetScale", _GOT)
        look = replace(look, scale=response.body)
        memory: Memory = self._ask.memory
        current, spec = _replicas(look.scale.spec), look.autoscaler.spec
        if self._ask.key not in memory.histories:
            self._remember(histories=History((Sample(current, self._ask.now),)))
        least = _least(spec)
        if current == 0 and not self._from_zero(look, least):
            if not self._to_zero:
                look = _removed(look, "ScaledToZero")
            look = self._said(look, "ScalingActive", "False", "ScalingDisabled", _ZERO)
            return self._settled(replace(look, desired=0), rescaled=False)
        if current > spec.max_replicas:
            return self._resizing(replace(look, desired=spec.max_replicas, why=_ABOVE))
        if 0 < current < least:
            return self._resizing(replace(look, desired=least, why=_BELOW))
        return self._measuring(look)

    def _from_zero(self, look: Look, least: int) -> bool:
        """Tell whether a target of no replicas is still scaled: it was this controller that scaled it to none."""
        was_scaled = self._to_zero and conditions.is_true(look.status.conditions, "ScaledToZero")
        return was_scaled and (least != 0 or _has_own_metrics(look.autoscaler.spec))

    # Its metrics ------------------------------------------------------------------------------------------------------

    def _measuring(self, look: Look) -> Outcome:
        text = (look.scale.status.selector if look.scale.status else None) or ""
        why, event = self._ill_selected(look, text)
        if event:
            reason = "InvalidSelector" if event == "SelectorRequired" else event
            said = "the HPA target's scale is missing a selector" if event == "SelectorRequired" else why
            look = _recorded(look, "Warning", event, why)
            return self._failed(self._said(look, "ScalingActive", "False", reason, said), why, ())
        namespace, specs = look.autoscaler.metadata.namespace, look.autoscaler.spec.metrics or ()
        calls = tuple([request_for(spec, namespace, text) for spec in specs])
        return self._called(look, "metrics", calls)

    def _ill_selected(self, look: Look, text: str) -> tuple[str, str]:
        """Say what is wrong with the target's selector, and which event that is; empty texts for nothing."""
        if not text:
            return "selector is required", "SelectorRequired"
        try:
            selectors.parse_labels(text)
        except ReconcileError as error:
            said = f"couldn't convert selector into a corresponding internal selector object: {error}"
            return said, "InvalidSelector"
        self._remember(selectors=text)
        namespace = look.autoscaler.metadata.namespace
        labels = [pod.metadata.labels for pod in self._pods(look, text)]
        rivals = []
        for key, other in self._ask.memory.selectors.between(f"{namespace}/", f"{namespace}0"):
            if other and any(selectors.fits(selectors.parse_labels(other), each) for each in labels):
                rivals.append(key)
        if len(rivals) > 1:
            said = f"pods by selector {text} are controlled by multiple HPAs: [{' '.join(rivals)}]"
            return said, "AmbiguousSelector"
        return "", ""

    def _pods(self, look: Look, text: str) -> tuple[Any, ...]:
        wanted = selectors.parse_labels(text)
        namespace, table = look.autoscaler.metadata.namespace, self._ask.views.table("pods")
        equal = [each for each in wanted if each.operator == "=" and len(each.values) == 1]
        first = equal[0] if equal else None
        found = (
            table.under("namespace", namespace)
            if first is None
            else table.under("label", (namespace, first.key, first.values[0]))
        )
        return tuple([pod for pod in found if selectors.fits(wanted, pod.metadata.labels)])

    def _on_metrics(self, look: Look) -> Outcome:
        spec, scale = look.autoscaler.spec, look.scale
        target = Target(
            namespace=look.autoscaler.metadata.namespace,
            wanted=_replicas(scale.spec),
            there=_replicas(scale.status),
            pods=self._pods(look, scale.status.selector),
            tolerances=self._tolerated(spec),
            now=self._ask.now,
        )
        pairs = zip(spec.metrics or (), self._ask.answers, strict=True)
        found = [proposed(each, response, request, target) for each, (request, response) in pairs]
        for each in found:
            if each.reason:
                look = _recorded(look, "Warning", each.reason, each.message)
        statuses = tuple([each.status for each in found])
        bad = [each for each in found if each.reason]
        good = [each for each in found if not each.reason]
        best = good[0] if good else None
        for each in good[1:]:
            # The first of several that are equal gives the reason; none is less than nothing.
            if best is not None and (best.replicas == 0 or each.replicas > best.replicas):
                best = each
        if best is None or (bad and best.replicas < target.wanted):
            return self._unmeasured(look, bad, len(found), statuses, target)
        said = f"the HPA was able to successfully calculate a replica count from {best.name}"
        look = self._said(look, "ScalingActive", "True", "ValidMetricFound", said)
        return self._limited(replace(look, statuses=statuses), best)

    def _unmeasured(
        self, look: Look, bad: list[Proposal], count: int, statuses: tuple[Any, ...], target: Target
    ) -> Outcome:
        first = bad[0]
        said = f"the HPA was unable to compute the replica count: {first.message}"
        look = self._said(look, "ScalingActive", "False", first.reason, said)
        why = f"invalid metrics ({len(bad)} invalid out of {count}), first error is: {first.error}"
        unserved = any(
            response.code == NOT_FOUND and message_of(response).startswith("the server could not find the requested")
            for _, response in self._ask.answers
        )
        started = [pod.status.start_time for pod in target.pods if pod.status and pod.status.start_time]
        young = len(started) < len(target.pods) or any(self._ask.now - each.instant < _YOUNG for each in started)
        return self._failed(replace(look, moving=young and not unserved), why, statuses)

    def _tolerated(self, spec: Any) -> Tolerances:
        behavior = spec.behavior if self._tolerances else None
        tuning = self._tuning
        if behavior is None:
            return Tolerances(tuning.tolerance, tuning.tolerance, tuning.initialization, tuning.delay)
        down, up = [
            tuning.tolerance if rules is None or rules.tolerance is None else rules.tolerance.nanos / 1_000_000_000
            for rules in (behavior.scale_down, behavior.scale_up)
        ]
        return Tolerances(down, up, tuning.initialization, tuning.delay)

    # What becomes of it -----------------------------------------------------------------------------------------------

    def _limited(self, look: Look, best: Proposal) -> Outcome:
        spec, current, least = look.autoscaler.spec, _replicas(look.scale.spec), _least(look.autoscaler.spec)
        recommended = max(best.replicas, 0)
        why = ""
        if recommended > current:
            why = f"{best.name} above target"
        elif recommended < current:
            why = "All metrics below target"
        history = self._ask.memory.histories[self._ask.key]
        found = limits.limited(spec, history, current, recommended, least, self._ask.now, self._tuning.stabilization)
        self._remember(histories=found.history)
        look = self._said(look, "AbleToScale", "True", *found.able)
        look = self._said(look, "ScalingLimited", "True" if found.limited else "False", *found.why)
        desired = found.replicas
        if current == 0 and desired < least:
            desired, why = least, why or _BELOW
        # What is held back only for a while goes on later; what a bound holds back does not.
        held = recommended != current and desired != min(max(recommended, least), spec.max_replicas)
        look = replace(look, desired=desired, why=why, moving=held)
        return self._resizing(look) if desired != current else self._settled(look, rescaled=False)

    def _resizing(self, look: Look) -> Outcome:
        scale: Scale = look.scale
        body = replace(scale, spec=ScaleSpec(replicas=look.desired or None))
        return self._called(look, "resize", (self._of_scale(look, "update", body),))

    def _on_resized(self, look: Look) -> Outcome:
        response, current = self._ask.answers[0][1], _replicas(look.scale.spec)
        if response.code == _CONFLICT and look.tries + 1 < _TRIES:
            return self._called(replace(look, tries=look.tries + 1), "refresh", (self._of_scale(look, "get"),))
        if not response.ok:
            said = message_of(response)
            text = f"New size: {look.desired}; reason: {look.why}; error: {said}"
            look = _recorded(look, "Warning", "FailedRescale", text)
            said = f"the HPA controller was unable to update the target scale: {said}"
            look = self._said(look, "AbleToScale", "False", "FailedUpdateScale", said)
            return self._saving(self._counted(look, look.status.desired_replicas, rescaled=False))
        said = f"the HPA controller was able to update the target scale to {look.desired}"
        look = self._said(look, "AbleToScale", "True", "SucceededRescale", said)
        look = _recorded(look, "Normal", "SuccessfulRescale", f"New size: {look.desired}; reason: {look.why}")
        spec, history = look.autoscaler.spec, self._ask.memory.histories[self._ask.key]
        self._remember(histories=limits.scaled(spec, history, current, look.desired, self._ask.now))
        return self._settled(self._zeroed(look, current), rescaled=True)

    def _zeroed(self, look: Look, current: int) -> Look:
        """Say whether it was this scaling that left no replicas."""
        if not self._to_zero:
            return _removed(look, "ScaledToZero")
        spec = look.autoscaler.spec
        if current > 0 and look.desired == 0 and _least(spec) == 0 and _has_own_metrics(spec):
            said = "the HPA controller scaled the workload to zero"
            return self._said(look, "ScaledToZero", "True", "ScaledToZero", said)
        said = "the HPA controller did not scale the workload to zero"
        return self._said(look, "ScaledToZero", "False", "NotScaledToZero", said)

    def _on_refreshed(self, look: Look) -> Outcome:
        response = self._ask.answers[0][1]
        # How many there were counts as they were first seen: only what the write is compared with is another.
        if response.ok:
            look = replace(look, scale=replace(response.body, spec=look.scale.spec))
        return self._resizing(look)

    # The status -------------------------------------------------------------------------------------------------------

    def _failed(self, look: Look, why: str, statuses: tuple[Any, ...]) -> Outcome:
        """Save that nothing can be told of the metrics; the event comes after that."""
        look = self._counted(replace(look, statuses=statuses), look.status.desired_replicas, rescaled=False)
        return self._saving(look, Record(look.autoscaler, "Warning", "FailedComputeMetricsReplicas", why))

    def _settled(self, look: Look, *, rescaled: bool) -> Outcome:
        desired = look.desired if rescaled else _replicas(look.scale.spec)
        return self._saving(self._counted(replace(look, moving=look.moving or rescaled), desired, rescaled=rescaled))

    def _counted(self, look: Look, desired: int, *, rescaled: bool) -> Look:
        status = look.status
        return replace(
            look,
            status=HorizontalPodAutoscalerStatus(
                conditions=status.conditions,
                current_metrics=look.statuses or None,
                current_replicas=_replicas(look.scale.spec) or None,
                desired_replicas=desired,
                last_scale_time=Time.at(self._ask.now) if rescaled else status.last_scale_time,
            ),
        )

    def _saving(self, look: Look, *later: Record) -> Outcome:
        old = look.autoscaler.status
        if look.status == old:
            return self._done(replace(look, records=(*look.records, *later)))
        metadata = look.autoscaler.metadata
        request = Request(
            verb="update",
            resource=AUTOSCALERS,
            namespace=metadata.namespace,
            name=metadata.name,
            subresource="status",
            body=replace(look.autoscaler, status=look.status),
        )
        return self._called(look, "save", (request,), later)

    def _on_saved(self, look: Look) -> Outcome:
        response = self._ask.answers[0][1]
        if response.ok:
            return self._done(look)
        said = message_of(response)
        failed = Record(look.autoscaler, "Warning", "FailedUpdateStatus", said)
        return self._done(replace(look, records=(failed, *look.records)))

    def _done(self, look: Look) -> Outcome:
        memory, key = self._ask.memory, self._ask.key
        looks = memory.looks.remove(key) if key in memory.looks else memory.looks
        memory = replace(memory, looks=looks, due=memory.due.set(key, self._ask.now + self._tuning.period))
        period = self._tuning.period
        return Outcome(records=look.records, memory=memory, after=period, after_is_periodic=not look.moving)

    def _called(self, look: Look, stage: str, calls: tuple[Request, ...], later: tuple[Record, ...] = ()) -> Outcome:
        """Call, having recorded what there is to record but *later*, which is recorded once the answer is there."""
        kept = replace(look, stage=stage, records=later)
        memory = replace(self._ask.memory, looks=self._ask.memory.looks.set(self._ask.key, kept))
        return Outcome(calls=calls, records=look.records, memory=memory, again=True)

    def _said(self, look: Look, kind: str, status: str, reason: str, message: str) -> Look:
        new = HorizontalPodAutoscalerCondition(type=kind, status=status, reason=reason, message=message)
        found = conditions.set(look.status.conditions, new, self._ask.now)
        return replace(look, status=replace(look.status, conditions=found))

    def _remember(self, **of: Any) -> None:
        """Note something of this autoscaler for what follows in this step, and for later ones."""
        ask = self._ask
        changes = {name: getattr(ask.memory, name).set(ask.key, value) for name, value in of.items()}
        self._ask = replace(ask, memory=replace(ask.memory, **changes))


def _resource_of(reference: Any, views: Views) -> tuple[str, str]:
    """Give the resource of a scale target, or why there is none."""
    version, kind = reference.api_version or "", reference.kind
    if version.count("/") > _GROUP_AND_VERSION:
        return "", f"unexpected GroupVersion string: {version}"
    group = version.rpartition("/")[0]
    for each in kinds.all_resources():
        if each.group == group and each.kind == kind:
            return each.key, ""
    for crd in views.table(DEFINITIONS).values():
        if crd.spec.group == group and crd.spec.names.kind == kind and definitions.is_established(crd):
            return definitions.key_of(crd), ""
    return "", f'no matches for kind "{kind}" in group "{group}"'


def _is_looked_at(autoscaler: Any) -> bool:
    return autoscaler.status is not None and bool(autoscaler.status.conditions)


def _replicas(part: Any) -> int:
    return (part.replicas if part is not None else None) or 0


def _least(spec: Any) -> int:
    return 1 if spec.min_replicas is None else int(spec.min_replicas)


def _has_own_metrics(spec: Any) -> bool:
    """Tell whether one of an autoscaler's metrics says something while there are no pods."""
    return any(each.type in ("Object", "External") for each in spec.metrics or ())


def _recorded(look: Look, type: Any, reason: str, message: str) -> Look:
    return replace(look, records=(*look.records, Record(look.autoscaler, type, reason, message)))


def _removed(look: Look, kind: str) -> Look:
    kept = conditions.remove(look.status.conditions, kind)
    return (
        look if kept is look.status.conditions else replace(look, status=replace(look.status, conditions=kept or None))
    )
