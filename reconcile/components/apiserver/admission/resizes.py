"""
Resizes: a bound pod asks for no more than its node has, and for nothing that the node's kubelet does not know.

Source:   the admission plugins NodeDeclaredFeatureValidator and PodResizeValidator.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.api.quantity import Quantity
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace
from reconcile.model import amounts, statuses

_WHOLES: Final = "InPlacePodLevelResourcesVerticalScaling"
_INITS: Final = "InPlacePodVerticalScalingInitContainers"
_OS: Final = "kubernetes.io/os"
_NOTHING: Final = Quantity.parse("0")


def check(ask: Ask, new: Any, old: Any) -> None:
    """Refuse what a resize makes of a pod that is on a node, if that cannot be had there."""
    name = new.spec.node_name
    if not name or new.spec == old.spec:
        return
    disabled = ask.state.disabled
    node = ask.store.get("nodes", name)
    wanted = _needed(new.spec, old.spec) if "NodeDeclaredFeatureValidator" not in disabled else []
    if node is None:
        if wanted or "PodResizeValidator" not in disabled:
            raise _refusal(ask, new, f'node "{name}" not found')
        return
    declared = (node.status.declared_features if node.status is not None else None) or ()
    missing = [feature for feature in wanted if feature not in declared]
    if missing:
        why = f'pod update requires features {", ".join(missing)} which are not available on node "{name}"'
        raise _refusal(ask, new, why)
    if "PodResizeValidator" not in disabled:
        _check_room(ask, new, node)


def _needed(new: Any, old: Any) -> list[str]:
    """Give the features that a kubelet has to have for this change of a specification."""
    found = [_WHOLES] if new.resources != old.resources else []
    before = {each.name: each.resources for each in old.init_containers or ()}
    if any(
        each.restart_policy != "Always" and each.resources != before.get(each.name)
        for each in new.init_containers or ()
    ):
        found.append(_INITS)
    return found


def _check_room(ask: Ask, pod: Any, node: Any) -> None:
    name = node.metadata.name
    system = (node.metadata.labels or {}).get(_OS, "linux")
    if system != "linux":
        why = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
        raise _refusal(ask, pod, why, "UnsupportedPlatform")
    allocatable = (node.status.allocatable if node.status is not None else None) or {}
    asked = _requests(pod.spec)
    said = [
        f"{resource}, requested: {_count(resource, asked[resource])}, allocatable: {_count(resource, most)}"
        for resource in ("cpu", "memory")
        if asked.get(resource, _NOTHING) > (most := allocatable.get(resource, _NOTHING))
    ]
    if said:
        why = f"node didn't have enough allocatable resources: {'; '.join(said)}"
        raise _refusal(ask, pod, why, "NodeCapacity")


def _requests(spec: Any) -> dict[str, Quantity]:
    whole = (spec.resources.requests if spec.resources is not None else None) or {}
    return amounts.with_overhead({**amounts.of_pod(spec, "requests"), **dict(whole)}, spec, only_known=False)


def _count(resource: str, amount: Quantity) -> int:
    return amount.milli if resource == "cpu" else amount.whole


def _refusal(ask: Ask, pod: Any, why: str, kind: str = "") -> Refusal:
    status = statuses.forbidden(ask.request.resource, pod.metadata.name, why)
    if kind and status.details is not None:
        cause = meta_v1.StatusCause(reason=kind)
        status = replace(status, details=replace(status.details, causes=(cause,)))
    return Refusal(status)
