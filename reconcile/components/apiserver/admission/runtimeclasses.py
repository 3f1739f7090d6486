"""
RuntimeClass: what a pod of one runtime costs beside its containers, and where it can run.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses

_CLASSES: Final = "runtimeclasses.node.k8s.io"
_REJECTED: Final = "pod rejected: "


def with_class(ask: Ask, spec: core_v1.PodSpec, name: str) -> core_v1.PodSpec:
    """Give the specification of a new pod called *name* with what its runtime class brings."""
    wanted = spec.runtime_class_name
    if "RuntimeClass" in ask.state.disabled or (wanted is None and not spec.overhead):
        return spec
    found = None
    if wanted is not None:
        found = ask.store.get(_CLASSES, wanted)
        if found is None:
            _refuse(name, f'{_REJECTED}RuntimeClass "{wanted}" not found')
    fixed = found.overhead.pod_fixed if found is not None and found.overhead is not None else None
    if spec.overhead and fixed is None:
        _refuse(name, f"{_REJECTED}Pod Overhead set without corresponding RuntimeClass defined Overhead")
    if spec.overhead and spec.overhead != fixed:
        _refuse(name, f"{_REJECTED}Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if fixed:
        spec = replace(spec, overhead=fixed)
    scheduling = found.scheduling if found is not None else None
    return spec if scheduling is None else _placed(spec, scheduling, name)


def _placed(spec: core_v1.PodSpec, scheduling: Any, name: str) -> core_v1.PodSpec:
    """Give the specification with the class's node selector and tolerations beside its own."""
    selector = dict(spec.node_selector or {})
    for key, value in (scheduling.node_selector or {}).items():
        if selector.setdefault(key, value) != value:
            said = f"runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}]"
            _refuse(name, f"conflict: {said} = {selector[key]}")
    given = spec.tolerations or ()
    added = [each for each in scheduling.tolerations or () if each not in given]
    return replace(
        spec, node_selector=Map(selector) if selector else spec.node_selector, tolerations=(*given, *added) or None
    )


def _refuse(name: str, why: str) -> None:
    raise Refusal(statuses.forbidden("pods", name, why))
