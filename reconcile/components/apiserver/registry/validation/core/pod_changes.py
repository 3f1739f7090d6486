"""Validation of updates of pods: almost nothing of a pod's specification may change."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, internals
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.core.annotations import (
    MIRROR,
    annotation_causes,
    annotation_change_causes,
    unbound_mirror,
)
from reconcile.components.apiserver.registry.validation.core.containers import padded_image_causes
from reconcile.components.apiserver.registry.validation.core.scheduling import tolerations_causes
from reconcile.components.apiserver.registry.validation.parts import same
from reconcile.components.apiserver.registry.validation.values import LARGEST_INT32, between
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_MUTABLE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_TERMS: Final = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"


def pod_change_causes(new: core_v1.Pod, old: core_v1.Pod) -> Causes:
    """Say what an update of a pod may not change."""
    spec, before = new.spec, old.spec
    assert before is not None, "a stored pod has one"
    if spec is None:
        return ()
    found = _annotations_causes(new, old, spec)
    for field, containers, had in (
        ("spec.containers", spec.containers, before.containers),
        ("spec.initContainers", spec.init_containers or (), before.init_containers or ()),
    ):
        if len(containers) != len(had):
            return (*found, forbidden(field, "pod updates may not add or remove containers"))
        for place, container in enumerate(containers):
            if not container.image:
                found.append(required(f"{field}[{place}].image"))
            found += padded_image_causes(f"{field}[{place}]", container)
    late = _deadline_causes(spec, before)
    if late and spec.active_deadline_seconds is not None:
        return (*found, *late)
    found += late + _tolerations_causes(spec, before) + _gates_causes(spec, before)
    if spec == before:
        return tuple(found)
    expected, moved = _expected(spec, before)
    found += moved
    if not same(expected, before):
        found.append(forbidden("spec", f"{_MUTABLE}\n{internals.difference(before, expected)}"))
    return tuple(found)


def _annotations_causes(new: core_v1.Pod, old: core_v1.Pod, spec: core_v1.PodSpec) -> list[Cause]:
    if new.metadata is old.metadata:
        return []
    said = (new.metadata.annotations if new.metadata is not None else None) or Map[str]()
    had = (old.metadata.annotations if old.metadata is not None else None) or Map[str]()
    field = "metadata.annotations"
    found = annotation_change_causes(field, said, had) + annotation_causes(field, said, spec)
    if MIRROR in said and not spec.node_name:
        found.append(unbound_mirror(said))
    return found


def _expected(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> tuple[core_v1.PodSpec, list[Cause]]:
    """Give the specification with what may change as it was before, and what is wrong with where it now may go."""
    expected = replace(
        spec,
        containers=_with_images(spec.containers, before.containers),
        init_containers=_with_images(spec.init_containers, before.init_containers),
        active_deadline_seconds=before.active_deadline_seconds,
        tolerations=before.tolerations,
        scheduling_gates=before.scheduling_gates,
    )
    had = before.termination_grace_period_seconds
    if had is not None and had < 0 and spec.termination_grace_period_seconds == 1:
        expected = replace(expected, termination_grace_period_seconds=had)
    if not before.scheduling_gates:
        return expected, []
    # A pod that is not scheduled yet may still be told more narrowly where to go.
    found: list[Cause] = []
    if (spec.node_selector or Map()) != (before.node_selector or Map()):
        selector = spec.node_selector or Map[str]()
        why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        found += [
            wrong("spec.nodeSelector", selector, why)
            for key, value in (before.node_selector or Map[str]()).items()
            if selector.get(key) != value
        ]
        expected = replace(expected, node_selector=before.node_selector)
    wanted, had_wanted = _nodes(spec.affinity), _nodes(before.affinity)
    if wanted != had_wanted:
        found += _affinity_causes(wanted, had_wanted)
        expected = replace(expected, affinity=_with_nodes(spec.affinity, before.affinity, had_wanted))
    return expected, found


def _nodes(affinity: core_v1.Affinity | None) -> core_v1.NodeAffinity | None:
    return affinity.node_affinity if affinity is not None else None


def _with_nodes(
    affinity: core_v1.Affinity | None, before: core_v1.Affinity | None, nodes: core_v1.NodeAffinity | None
) -> core_v1.Affinity | None:
    if affinity is None:
        return None if nodes is None else core_v1.Affinity(node_affinity=nodes)
    if before is None and affinity.pod_affinity is None and affinity.pod_anti_affinity is None:
        return None
    return replace(affinity, node_affinity=nodes)


def _affinity_causes(new: core_v1.NodeAffinity | None, old: core_v1.NodeAffinity | None) -> list[Cause]:
    terms, before = _terms(new), _terms(old)
    if before and len(terms) != len(before):
        return [wrong(_TERMS, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")]
    return [
        wrong(f"{_TERMS}[{place}]", term, "only additions are allowed (no mutations or deletions)")
        for place, (term, was) in enumerate(zip(terms, before, strict=False))
        if not _only_adds(term, was)
    ]


def _terms(affinity: core_v1.NodeAffinity | None) -> tuple[core_v1.NodeSelectorTerm, ...]:
    needed = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return needed.node_selector_terms if needed is not None else ()


def _only_adds(new: core_v1.NodeSelectorTerm, old: core_v1.NodeSelectorTerm) -> bool:
    expressions, fields = old.match_expressions or (), old.match_fields or ()
    if not expressions and not fields:
        return not new.match_expressions and not new.match_fields
    return (new.match_expressions or ())[: len(expressions)] == expressions and (new.match_fields or ())[
        : len(fields)
    ] == fields


def _with_images(containers: Any, before: Any) -> Any:
    if not containers:
        return containers
    return tuple([replace(new, image=old.image) for new, old in zip(containers, before, strict=True)])


def _deadline_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    new, old, at = spec.active_deadline_seconds, before.active_deadline_seconds, "spec.activeDeadlineSeconds"
    if new is None and old is not None:
        return [wrong(at, new, "must not update from a positive integer to nil value")]
    found = [*between(at, new, 0, LARGEST_INT32)]
    if not found and new is not None and old is not None and new > old:
        return [wrong(at, new, "must be less than or equal to previous value")]
    return found


def _tolerations_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    if spec.tolerations == before.tolerations:
        return []
    kept = [replace(each, toleration_seconds=None) for each in spec.tolerations or ()]
    for old in before.tolerations or ():
        if replace(old, toleration_seconds=None) not in kept:
            why = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden("spec.tolerations", why)]
    return tolerations_causes("spec.tolerations", spec.tolerations or ())


def _gates_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    had = [gate.name for gate in before.scheduling_gates or ()]
    return [
        forbidden(
            f"spec.schedulingGates[{place}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.name}'",
        )
        for place, gate in enumerate(spec.scheduling_gates or ())
        if gate.name not in had
    ]
