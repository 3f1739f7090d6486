"""
A Job's pods: how one is made, and which go first when there are too many.

Takes:    Jobs, completion indexes, active pods.
Gives:    requests, pods.
Source:   pkg/controller/job: job_controller.go, indexed_job_utils.go; pkg/controller/controller_utils.go: ActivePods.
Left out: nothing known.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.job import backoff, indexes, policies
from reconcile.components.controllers.workloads.job.memory import CLAIMANT, FINALIZER
from reconcile.components.controllers.workloads.replicaset import ranking
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request

INDEX_VARIABLE: Final = "JOB_COMPLETION_INDEX"
_LONGEST_PREFIX: Final = 58  # of a name of 63, of which chance makes five


def is_indexed(job: Any) -> bool:
    """Tell whether each of the Job's completions has an index."""
    return bool(job.spec.completion_mode == "Indexed")


def creation(job: Any, index: int, replaced: Any, group: str = "") -> Request:
    """
    Give the request that creates one more pod.

    Args:
        job: whose it is.
        index: the completion index; `indexes.UNKNOWN` for none.
        replaced: the failed pod of that index that it replaces, or None.
        group: the pod group that it is of; empty for none.
    """
    metadata, template = job.metadata, job.spec.template
    of_template = template.metadata or meta_v1.ObjectMeta()
    labels, annotations, spec = of_template.labels, of_template.annotations, template.spec
    prefix = f"{metadata.name}-"
    if is_indexed(job):
        spec = _with_variable(spec)
    if index != indexes.UNKNOWN:
        told = {indexes.COMPLETION_INDEX: str(index)}
        labels = Map(labels or {}).merge(told)
        annotations = Map(annotations or {}).merge({**told, **_counts(job, replaced)})
        spec = replace(spec, hostname=f"{metadata.name}-{index}")
        ending = f"-{index}-"
        prefix = f"{metadata.name[: _LONGEST_PREFIX - len(ending)]}{ending}"
    if group:
        spec = replace(spec, scheduling_group=core_v1.PodSchedulingGroup(pod_group_name=group))
    finalizers = of_template.finalizers or ()
    pod = core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generate_name=prefix,
            labels=labels,
            annotations=annotations,
            finalizers=finalizers if FINALIZER in finalizers else (*finalizers, FINALIZER),
            owner_references=(claims.reference_to(CLAIMANT, job),),
        ),
        spec=spec,
    )
    return Request(verb="create", resource="pods", namespace=metadata.namespace, body=pod)


def _with_variable(spec: Any) -> Any:
    """Give each container the completion index as a variable, unless it has one of that name."""
    inits = tuple([_told(each) for each in spec.init_containers]) if spec.init_containers else spec.init_containers
    return replace(spec, init_containers=inits, containers=tuple([_told(each) for each in spec.containers]))


def _told(container: Any) -> Any:
    known = container.env or ()
    if any(variable.name == INDEX_VARIABLE for variable in known):
        return container
    # Upstream's own words leave the version out, and the API server says it.
    field = core_v1.ObjectFieldSelector(field_path=f"metadata.labels['{indexes.COMPLETION_INDEX}']")
    source = core_v1.EnvVarSource(field_ref=field)
    return replace(container, env=(*known, core_v1.EnvVar(name=INDEX_VARIABLE, value_from=source)))


def _counts(job: Any, replaced: Any) -> dict[str, str]:
    """Give the annotations that count the failures of an index, where an index has a limit of its own."""
    if job.spec.backoff_limit_per_index is None:
        return {}
    if replaced is None:
        return {backoff.FAILURES: "0"}
    counted, ignored = backoff.counts_of(replaced)
    if policies.verdict(job, replaced).counts:
        counted += 1
    else:
        ignored += 1
    counts = {backoff.FAILURES: str(counted)}
    return {**counts, backoff.IGNORED: str(ignored)} if ignored else counts


def to_remove(job: Any, active: tuple[Any, ...], least: int) -> tuple[Any, ...]:
    """Give the pods that have to go: *least* of them, and of an Indexed Job those whose index another has, or none."""
    gone: tuple[Any, ...] = ()
    left = active
    if is_indexed(job):
        gone, left = _repeated(active, job.spec.completions)
    more = least - len(gone)
    return (*gone, *_ranked(left)[:more]) if more > 0 else gone


def _repeated(active: tuple[Any, ...], completions: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    gone: list[Any] = []
    left: list[Any] = []
    for index, group in groupby(sorted(active, key=indexes.index_of), key=indexes.index_of):
        same = list(group)
        if index == indexes.UNKNOWN or index >= completions:
            gone += same
        else:
            ranked = same if len(same) == 1 else _ranked(tuple(same))
            gone += ranked[:-1]
            left.append(ranked[-1])
    return tuple(gone), tuple(left)


def _ranked(active: tuple[Any, ...]) -> list[Any]:
    """Give the pods in the order in which they go: those that would be missed least first."""
    return sorted(active, key=_rank)


def _rank(pod: Any) -> tuple[Any, ...]:
    """Give what is compared: as for a ReplicaSet's, but without costs and neighbours, and with ages as they are."""
    rank = ranking.rank(pod, 0)
    ordinary, sidecars = rank.restarts
    return (*rank.first[:3], *_young_first(rank.ready_at), -ordinary, -sidecars, *_young_first(rank.created_at))


def _young_first(at: Instant | None) -> tuple[bool, int]:
    return at is not None, -(at or 0)
