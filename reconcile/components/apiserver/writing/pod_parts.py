"""
Pod parts: what is written of a pod by a subresource that shows the whole pod and takes a part: its ephemeral
containers, or the resources of its containers.

What else a body says is dropped, though whoever says it owns it.

Source:   the pod's strategies for `ephemeralcontainers` and `resize`.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import core_v1, internals
from reconcile.api.zeros import empty
from reconcile.components.apiserver.reading.objects import found
from reconcile.components.apiserver.refusals import Cause, Causes, Refusal, forbidden, wrong
from reconcile.components.apiserver.registry.validation import pod_spec_causes
from reconcile.components.apiserver.state import Ask, Plan
from reconcile.components.apiserver.writing import applying, creating, managing, updating
from reconcile.components.apiserver.writing.applying import warned
from reconcile.components.apiserver.writing.patched import patched
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.pods import qos

_MIRROR: Final = "kubernetes.io/config.mirror"
_RESIZED: Final = ("cpu", "memory")
_WHOLE: Final = "[]"
"""How upstream writes the path of the pod itself."""
_ONLY: Final = "only cpu and memory resources are mutable"
_NO_RESOURCES: Final = core_v1.ResourceRequirements()

Containers = tuple[core_v1.Container, ...]


def update(ask: Ask) -> Plan:
    """Plan an update of a part of a pod."""
    return _updated(ask, creating.named_body(ask, ask.request.body), found(ask))


def patch(ask: Ask) -> Plan:
    """Plan a patch of a part of a pod."""
    if ask.request.patch_type == "apply":
        old = ask.store.get("pods", ask.key)
        body, managed, warnings = applying.applied_to(ask, old, Refusal(statuses.not_found("pods", ask.request.name)))
        return warned(_updated(ask, body, old, managed), warnings)
    old = found(ask)
    made, warnings = patched(ask, old)
    return warned(_updated(ask, creating.named_body(ask, made), old), warnings)


def _updated(ask: Ask, body: core_v1.Pod, old: core_v1.Pod, managed: managing.Entries = managing.NOT_SAID) -> Plan:
    made, check = _PARTS[ask.request.subresource]
    if body.spec is None:
        body = replace(body, spec=empty(core_v1.PodSpec))
    return updating.part_updated(ask, body, old, updating.Part(made, check, generation=True), managed)


# ---------------------------------------------------------------- ephemeral containers


def _with_ephemeral(body: core_v1.Pod, old: core_v1.Pod) -> core_v1.Pod:
    wanted = body.spec.ephemeral_containers if body.spec is not None else None
    return replace(old, spec=replace(old.spec, ephemeral_containers=wanted or None))


def _ephemeral_causes(new: core_v1.Pod, old: core_v1.Pod) -> Causes:
    if _is_mirror(old):
        return (forbidden(_WHOLE, "static pods do not support ephemeral containers"),)
    assert new.spec is not None and old.spec is not None, "a stored pod has a specification"  # noqa: PT018
    known = {container.name: container for container in new.spec.ephemeral_containers or ()}
    causes = list(pod_spec_causes("spec", new.spec))
    for container in old.spec.ephemeral_containers or ():
        now = known.get(container.name)
        if now is None:
            said = f'existing ephemeral containers "{container.name}" may not be removed\n'
            causes.append(forbidden("spec.ephemeralContainers", said))
        elif now != container:
            said = f'existing ephemeral containers "{container.name}" may not be changed\n'
            causes.append(forbidden("spec.ephemeralContainers", said + internals.difference(container, now)))
    return tuple(causes)


# ---------------------------------------------------------------- resize


def _resized(body: core_v1.Pod, old: core_v1.Pod) -> core_v1.Pod:
    spec, before = body.spec, old.spec
    assert before is not None, "a stored pod has a specification"
    if spec is None or _counts(spec) != _counts(before):
        # Validation says why that cannot be.
        return replace(old, spec=spec)
    return replace(
        old,
        spec=replace(
            before,
            resources=spec.resources,
            containers=_with_resources(spec.containers, before.containers),
            init_containers=_with_resources(spec.init_containers or (), before.init_containers or ()) or None,
        ),
    )


def _with_resources(new: Containers, old: Containers) -> Containers:
    if [container.name for container in new] != [container.name for container in old]:
        return new
    return tuple(
        [
            replace(was, resources=now.resources, resize_policy=now.resize_policy)
            for now, was in zip(new, old, strict=True)
        ]
    )


def _resize_causes(new: core_v1.Pod, old: core_v1.Pod) -> Causes:
    if _is_mirror(old):
        return (forbidden(_WHOLE, "static pods cannot be resized"),)
    spec, before = new.spec, old.spec
    assert spec is not None and before is not None, "a stored pod has a specification"  # noqa: PT018
    if before.os is not None and before.os.name == "windows":
        return (forbidden(_WHOLE, "windows pods cannot be resized"),)
    causes = list(pod_spec_causes("spec", spec))
    standing = (old.status.qos_class if old.status is not None else None) or qos.qos_class(before)
    if qos.qos_class(spec) != standing:
        causes.append(wrong("spec", standing, "Pod QOS Class may not change as a result of resizing"))
    if not _can_resize(old):
        causes.append(forbidden("spec", "Pod running on node without support for resize"))
    unordered = _order_causes(spec, before)
    if unordered:
        return (*causes, *unordered)
    first = list(zip(spec.init_containers or (), before.init_containers or (), strict=True))
    pairs = list(zip(spec.containers, before.containers, strict=True))
    for field, both in (("spec.initContainers", first), ("spec.containers", pairs)):
        for place, (now, was) in enumerate(both):
            causes += _removed_causes(f"{field}[{place}].resources", now.resources, was.resources)
    causes += [forbidden("spec", _ONLY) for now, was in pairs if not _is_resize(now, was)]
    for place, (now, was) in enumerate(first):
        causes += _init_causes(f"spec.initContainers[{place}]", now, was)
    return tuple(causes)


def _is_resize(new: core_v1.Container, old: core_v1.Container) -> bool:
    """Tell whether a container differs in nothing but what a resize may change; one that has claims never does."""
    return _beside_resized(new) == _beside_resized(old) and not (old.resources or _NO_RESOURCES).claims


def _init_causes(field: str, new: core_v1.Container, old: core_v1.Container) -> list[Cause]:
    found = []
    if not _is_resize(new, old):
        found.append(forbidden(field, "only cpu and memory resources for init or sidecar containers are mutable"))
    if new != old and new.restart_policy != "Always":
        why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
        anew = [each for each in new.resize_policy or () if each.restart_policy == "RestartContainer"]
        found += [forbidden(field, why)] * len(anew)
    return found


def _order_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    causes = []
    for name, new, old in (
        ("containers", spec.containers, before.containers),
        ("initContainers", spec.init_containers or (), before.init_containers or ()),
    ):
        if len(new) != len(old):
            causes.append(forbidden(f"spec.{name}", f"{name} may not be added or removed on resize"))
            continue
        causes += [
            forbidden(f"spec.{name}[{place}].name", f"{name} may not be renamed or reordered on resize")
            for place, (now, was) in enumerate(zip(new, old, strict=True))
            if now.name != was.name
        ]
    return causes


def _removed_causes(field: str, new: Any, old: Any) -> list[Cause]:
    """Say of requests or limits that were there that they cannot be taken away."""
    now, was = new or _NO_RESOURCES, old or _NO_RESOURCES
    found = []
    for name, wanted, had in (("requests", now.requests, was.requests), ("limits", now.limits, was.limits)):
        if any(key not in (wanted or {}) for key in had or {}):
            found.append(forbidden(f"{field}.{name}", f"resource {name} cannot be removed"))
    return found


def _beside_resized(container: core_v1.Container) -> Any:
    """Give a container without what a resize may change."""
    given = container.resources or _NO_RESOURCES
    rest = [
        {name: value for name, value in (kind or {}).items() if name not in _RESIZED}
        for kind in (given.requests, given.limits)
    ]
    return replace(container, resources=None), rest


def _can_resize(pod: core_v1.Pod) -> bool:
    """Tell whether the pod's node says what its containers have; where none runs nobody knows."""
    running = [
        status
        for status in (pod.status.container_statuses if pod.status is not None else None) or ()
        if status.state is not None and status.state.running is not None
    ]
    return not running or running[0].resources is not None


def _counts(spec: core_v1.PodSpec) -> tuple[int, int]:
    return len(spec.containers), len(spec.init_containers or ())


def _is_mirror(pod: core_v1.Pod) -> bool:
    return pod.metadata is not None and _MIRROR in (pod.metadata.annotations or {})


_PARTS: Final[dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Causes]]]] = {
    "ephemeralcontainers": (_with_ephemeral, _ephemeral_causes),
    "resize": (_resized, _resize_causes),
}
