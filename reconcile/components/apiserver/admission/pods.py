"""
New pods: everything that admission adds to one, in the order of its plugins.

Source:   the admission plugins in kube-apiserver's recommended order.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from functools import lru_cache

import attrs

from reconcile.api import core_v1
from reconcile.components.apiserver.admission import accounts, limits, merging, runtimeclasses
from reconcile.components.apiserver.admission.accounts import MIRROR
from reconcile.components.apiserver.admission.priorities import Priority, priority_of
from reconcile.components.apiserver.admission.tolerations import with_seconds
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Causes
from reconcile.components.apiserver.registry.defaults import pod_spec_defaulted
from reconcile.components.apiserver.registry.validation import pod_spec_causes
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import gates
from reconcile.model.pods.qos import qos_class


@quick
@attrs.frozen(weakref_slot=False)
class Admitted:
    """
    A pod's specification with defaults and admission's additions, its first status, and what is wrong with it.

    Args:
        causes: None where its rules about other pods name labels of its own: only `with_keys` can tell then.
        noted: what LimitRanger has to say.
    """

    spec: core_v1.PodSpec
    status: core_v1.PodStatus
    causes: Causes | None
    noted: str = ""


def admit_pod(ask: Ask, pod: core_v1.Pod, name: str) -> Admitted:
    """Give what a new pod's specification becomes; remembered by the specification's object."""
    assert pod.spec is not None, "a pod without a specification is refused before"
    mirror = pod.metadata is not None and MIRROR in (pod.metadata.annotations or ())
    state, spec, noted = ask.state, pod.spec, ""
    if spec.scheduling_group is not None and not gates.is_on(state.feature_gates, gates.GENERIC_WORKLOAD):
        spec = replace(spec, scheduling_group=None)
    if ask.store.ruled:
        spec, noted = limits.with_defaults(ask, spec)
    if spec.runtime_class_name is not None or spec.overhead:
        spec = runtimeclasses.with_class(ask, spec, name)
    account = None
    if state.accounts and "ServiceAccount" not in state.disabled:
        if mirror:
            accounts.check_mirror(spec, name)
        else:
            account = accounts.account_of(ask, spec, name)
    seconds = (state.not_ready_seconds, state.unreachable_seconds)
    if "DefaultTolerationSeconds" in state.disabled:
        seconds = (-1, -1)
    priority = None if "Priority" in state.disabled else priority_of(ask, spec, name)
    admitted = _admitted(Same(spec), priority, seconds, mirror)
    if account is not None:
        admitted = replace(admitted, spec=accounts.with_account(ask, admitted.spec, account, name))
    return replace(admitted, noted=noted) if noted else admitted


@lru_cache(maxsize=4096)
def _admitted(same: Same, priority: Priority | None, seconds: tuple[int, int], mirror: bool) -> Admitted:  # noqa: FBT001 -- a cached function's key
    spec = pod_spec_defaulted(same.value)
    if priority is not None:
        spec = replace(
            spec,
            priority=priority.value,
            priority_class_name=priority.name or spec.priority_class_name,
            preemption_policy=spec.preemption_policy or priority.preemption,
        )
    if not mirror:
        account = spec.service_account_name or accounts.DEFAULT
        spec = replace(spec, service_account_name=account, service_account=account)
    spec = replace(spec, tolerations=with_seconds(spec.tolerations or (), seconds) or None)
    waits: tuple[core_v1.PodCondition, ...] = ()
    if spec.scheduling_gates:
        said = "Scheduling is blocked due to non-empty scheduling gates"
        waits = (core_v1.PodCondition(type="PodScheduled", status="False", reason="SchedulingGated", message=said),)
    status = core_v1.PodStatus(phase="Pending", qos_class=qos_class(spec), conditions=waits or None)
    keyed = (spec.affinity is not None or spec.topology_spread_constraints) and merging.names_keys(spec)
    return Admitted(spec, status, None if keyed else pod_spec_causes("spec", spec))


def with_keys(admitted: Admitted, labels: Map[str] | None) -> Admitted:
    """Give what a pod of these labels becomes, with its own labels in the selectors of its rules about other pods."""
    spec = merging.merged(admitted.spec, labels)
    return replace(admitted, spec=spec, causes=pod_spec_causes("spec", spec))
