"""
Judging: pods, workloads and namespaces against what their namespace's labels say.

Source:   pod-security-admission: admission.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.admission.security.levels import (
    LEVELS,
    Level,
    detailed,
    policy_of,
    summed_up,
    violations,
)
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Refusal, refuse_invalid
from reconcile.components.apiserver.state import Ask
from reconcile.model import statuses

_MOST_CHECKED: Final = 3000
_NO_METADATA: Final = meta_v1.ObjectMeta()
_TEMPLATED: Final = frozenset(
    {
        "replicationcontrollers",
        "replicasets.apps",
        "deployments.apps",
        "daemonsets.apps",
        "statefulsets.apps",
        "jobs.batch",
    }
)
_ENFORCED: Final = "pod-security.kubernetes.io/enforce-policy"
_VIOLATIONS: Final = "pod-security.kubernetes.io/audit-violations"


def judge_pod(ask: Ask, pod: core_v1.Pod, old: core_v1.Pod | None) -> tuple[str, ...]:
    """Refuse a pod that violates what is enforced; give the warnings about one that does not."""
    policy = policy_of(_labels(ask))
    if ask.notes is not None:
        ask.notes.annotations[_ENFORCED] = policy.enforce.text
    if policy.enforce.name == policy.warn.name == policy.audit.name == "privileged" and not policy.causes:
        return ()
    if old is not None and not _is_significant(pod.spec, old.spec):
        return ()
    metadata, spec = Same(pod.metadata), Same(pod.spec)
    found = violations(policy.enforce, metadata, spec)
    if found:
        why = f'violates PodSecurity "{policy.enforce.text}": {detailed(found)}'
        name = pod.metadata.name if pod.metadata is not None else None
        _note(ask, policy.audit, pod.metadata, pod.spec)
        raise Refusal(statuses.forbidden("pods", name or "", why))
    _note(ask, policy.audit, pod.metadata, pod.spec)
    return _warnings(policy.warn, pod.metadata, pod.spec)


def judge_workload(ask: Ask, obj: Any) -> tuple[str, ...]:
    """Give the warnings about the pods that a workload will make."""
    policy = policy_of(_labels(ask))
    template = _template(ask.request.resource, obj)
    if template is None or template.spec is None:
        return ()
    _note(ask, policy.audit, template.metadata or _NO_METADATA, template.spec)
    return _warnings(policy.warn, template.metadata or _NO_METADATA, template.spec)


def judge_namespace(ask: Ask, new: core_v1.Namespace, old: core_v1.Namespace | None) -> tuple[str, ...]:
    """Refuse labels that cannot be read; give the warnings about pods that violate what is newly enforced."""
    assert new.metadata is not None, "an object on its way to the store has metadata"
    name = new.metadata.name or ""
    policy = policy_of(new.metadata.labels)
    before = policy_of(old.metadata.labels if old is not None and old.metadata is not None else None)
    if policy.causes and (old is None or policy.causes != before.causes):
        refuse_invalid("Namespace", "v1", name, policy.causes)
    if old is None or policy.enforce == before.enforce or policy.enforce.name == "privileged":
        return ()
    if policy.enforce.version == before.enforce.version and _strictness(policy.enforce) <= _strictness(before.enforce):
        return ()
    return _existing(ask, name, policy.enforce)


def _strictness(level: Level) -> int:
    return LEVELS.index(level.name)


def _labels(ask: Ask) -> Any:
    namespace = ask.store.get("namespaces", ask.request.namespace)
    return None if namespace is None else namespace.metadata.labels


def _warnings(level: Level, metadata: Any, spec: Any) -> tuple[str, ...]:
    found = violations(level, Same(metadata), Same(spec))
    return (f'would violate PodSecurity "{level.text}": {detailed(found)}',) if found else ()


def _note(ask: Ask, level: Level, metadata: Any, spec: Any) -> None:
    """Note for the audit what violates the level that is audited."""
    if ask.notes is None:
        return
    found = violations(level, Same(metadata), Same(spec))
    if found:
        ask.notes.annotations[_VIOLATIONS] = f'would violate PodSecurity "{level.text}": {detailed(found)}'


def _template(resource: str, obj: Any) -> Any:
    if resource == "podtemplates":
        return obj.template
    if resource == "cronjobs.batch":
        job = obj.spec.job_template.spec if obj.spec is not None else None
        return job.template if job is not None else None
    return obj.spec.template if resource in _TEMPLATED and obj.spec is not None else None


def _is_significant(new: Any, old: Any) -> bool:
    """Tell whether an update changes what containers there are, or what they run."""
    if new is old:
        return False
    for field in ("containers", "init_containers"):
        one, other = getattr(new, field) or (), getattr(old, field) or ()
        if [each.image for each in one] != [each.image for each in other]:
            return True
    images = {each.name: each.image for each in old.ephemeral_containers or ()}
    return any(images.get(each.name, "") != each.image for each in new.ephemeral_containers or ())


def _existing(ask: Ask, namespace: str, level: Level) -> tuple[str, ...]:
    """Warn of the pods of a namespace that violate a level; of those alike, the first's name stands for all."""
    pods = _prioritised(list(ask.store.table("pods").under("namespace", namespace)))
    counted: dict[str, list[str]] = {}
    for pod in pods[:_MOST_CHECKED]:
        found = violations(level, Same(pod.metadata), Same(pod.spec))
        if found:
            counted.setdefault(summed_up(found), []).append(pod.metadata.name)
    said = []
    if len(pods) > _MOST_CHECKED:
        checked = f"the first {_MOST_CHECKED} of {len(pods)} existing pods"
        said.append(f"new PodSecurity enforce level only checked against {checked}")
    if counted:
        said.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{level.text}"'
        )
    return (*said, *sorted([f"{_together(names)}: {why}" for why, names in counted.items()]))


def _together(names: list[str]) -> str:
    others = len(names) - 1
    return min(names) + (f" (and {others} other pod{'s' if others > 1 else ''})" if others else "")


def _prioritised(pods: list[Any]) -> list[Any]:
    """Give pods with one of each controller first."""
    first: list[Any] = []
    rest: list[Any] = []
    seen = set()
    for pod in pods:
        owner = next((each.uid for each in pod.metadata.owner_references or () if each.controller), None)
        (rest if owner in seen else first).append(pod)
        if owner is not None:
            seen.add(owner)
    return first + rest
