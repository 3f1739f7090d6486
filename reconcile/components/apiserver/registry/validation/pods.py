"""Validation of pods: a pod's specification, and what of it may change."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.shapes import fields_of
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.affinity import affinity_causes, spread_causes
from reconcile.components.apiserver.registry.validation.containers import containers_causes
from reconcile.components.apiserver.registry.validation.metadata import labels_causes, one_of
from reconcile.lib.replacing import replace
from reconcile.model import names

_RESTART: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_LONGEST: Final = 2**31 - 1
_MUTABLE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_spec_causes(field: str, spec: core_v1.PodSpec) -> Causes:
    """Say what is wrong with a pod's specification, which has its defaults; remembered by object."""
    return _pod_spec_causes(field, Same(spec))


@lru_cache(maxsize=4096)
def _pod_spec_causes(field: str, same: Same) -> Causes:
    spec: core_v1.PodSpec = same.value
    found = [*_volumes_causes(f"{field}.volumes", spec.volumes or ()), *containers_causes(field, spec)]
    found += one_of(f"{field}.restartPolicy", spec.restart_policy, _RESTART)
    found += one_of(f"{field}.dnsPolicy", spec.dns_policy, _DNS)
    if spec.node_selector:
        found += labels_causes(f"{field}.nodeSelector", spec.node_selector)
    found += _names_causes(field, spec)
    deadline = spec.active_deadline_seconds
    if deadline is not None and not 1 <= deadline <= _LONGEST:
        found.append(wrong(f"{field}.activeDeadlineSeconds", deadline, f"must be between 1 and {_LONGEST}, inclusive"))
    for place, toleration in enumerate(spec.tolerations or ()):
        found += _toleration_causes(f"{field}.tolerations[{place}]", toleration)
    if spec.affinity is not None:
        found += affinity_causes(f"{field}.affinity", spec.affinity)
    if spec.topology_spread_constraints:
        found += spread_causes(f"{field}.topologySpreadConstraints", spec.topology_spread_constraints)
    for place, alias in enumerate(spec.host_aliases or ()):
        if not is_address(alias.ip):
            found.append(wrong(f"{field}.hostAliases[{place}].ip", alias.ip, ADDRESS))
    return tuple(found)


def pod_change_causes(new: core_v1.Pod, old: core_v1.Pod) -> Causes:
    """Say what an update of a pod's specification may not change."""
    spec, before = new.spec, old.spec
    assert before is not None, "a stored pod has one"
    if spec is None:
        return ()
    for field, count, had in (
        ("containers", len(spec.containers), len(before.containers)),
        ("initContainers", len(spec.init_containers or ()), len(before.init_containers or ())),
    ):
        if count != had:
            return (forbidden(f"spec.{field}", "pod updates may not add or remove containers"),)
    found = [*_deadline_causes(spec, before), *_tolerations_causes(spec, before), *_gates_causes(spec, before)]
    expected = replace(
        before,
        containers=_with_images(spec.containers, before.containers),
        init_containers=_with_images(spec.init_containers, before.init_containers),
        active_deadline_seconds=spec.active_deadline_seconds,
        tolerations=spec.tolerations,
        scheduling_gates=spec.scheduling_gates,
    )
    if (before.termination_grace_period_seconds or 0) < 0 and spec.termination_grace_period_seconds == 1:
        expected = replace(expected, termination_grace_period_seconds=1)
    if before.scheduling_gates:
        # A pod that is not scheduled yet may still be told more narrowly where to go.
        expected = replace(expected, node_selector=spec.node_selector, affinity=spec.affinity)
    if expected != spec:
        found.append(forbidden("spec", _MUTABLE))
    return tuple(found)


ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


@lru_cache(maxsize=65536)
def is_address(text: str) -> bool:
    """Tell whether *text* is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _names_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    for name, text in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if text:
            found += [wrong(f"{field}.{name}", text, fault) for fault in names.label_faults(text)]
    for name, text in (
        ("serviceAccountName", spec.service_account_name),
        ("nodeName", spec.node_name),
        ("priorityClassName", spec.priority_class_name),
        ("runtimeClassName", spec.runtime_class_name),
    ):
        if text:
            found += [wrong(f"{field}.{name}", text, fault) for fault in names.subdomain_faults(text)]
    if spec.scheduler_name is not None:
        for fault in names.qualified_faults(spec.scheduler_name):
            found.append(wrong(f"{field}.schedulerName", spec.scheduler_name, fault))
    return found


def _volumes_causes(field: str, volumes: tuple[core_v1.Volume, ...]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, volume in enumerate(volumes):
        at = f"{field}[{place}]"
        if not volume.name:
            found.append(required(f"{at}.name"))
        found += [wrong(f"{at}.name", volume.name, fault) for fault in names.label_faults(volume.name) if volume.name]
        if volume.name in seen:
            found.append(duplicate(f"{at}.name", volume.name))
        seen.add(volume.name)
        found += _source_causes(at, volume)
    return found


def _source_causes(field: str, volume: core_v1.Volume) -> list[Cause]:
    fields = fields_of(core_v1.Volume)
    given = [field.json for field in fields if field.name != "name" and getattr(volume, field.name) is not None]
    if not given:
        return [required(field, "must specify a volume type")]
    found = [forbidden(f"{field}.{name}", "may not specify more than 1 volume type") for name in given[1:]]
    needed: tuple[tuple[str, Any, str], ...] = (
        ("secret.secretName", volume.secret, "secret_name"),
        ("configMap.name", volume.config_map, "name"),
        ("persistentVolumeClaim.claimName", volume.persistent_volume_claim, "claim_name"),
        ("hostPath.path", volume.host_path, "path"),
        ("nfs.server", volume.nfs, "server"),
        ("csi.driver", volume.csi, "driver"),
    )
    for path, source, name in needed:
        if source is not None and not getattr(source, name):
            found.append(required(f"{field}.{path}"))
    return found


def _toleration_causes(field: str, toleration: core_v1.Toleration) -> list[Cause]:
    found: list[Cause] = []
    key, operator, effect = toleration.key, toleration.operator, toleration.effect
    if key:
        found += [wrong(f"{field}.key", key, fault) for fault in names.qualified_faults(key)]
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(wrong(f"{field}.operator", operator, why))
    if toleration.toleration_seconds is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        found.append(wrong(f"{field}.effect", effect, why))
    if operator in (None, "", "Equal"):
        value = toleration.value or ""
        found += [wrong(f"{field}.operator", value, fault) for fault in names.label_value_faults(value)]
    elif operator == "Exists":
        if toleration.value:
            found.append(wrong(f"{field}.operator", toleration, "value must be empty when `operator` is 'Exists'"))
    else:
        found += one_of(f"{field}.operator", operator, ("Equal", "Exists"))
    if effect:
        found += one_of(f"{field}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
    return found


def _with_images(containers: Any, before: Any) -> Any:
    if not before:
        return before
    return tuple([replace(old, image=new.image) for new, old in zip(containers or (), before, strict=True)])


def _deadline_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    new, old = spec.active_deadline_seconds, before.active_deadline_seconds
    if new is None and old is not None:
        return [wrong("spec.activeDeadlineSeconds", new, "must not update from a positive integer to nil value")]
    if new is not None and old is not None and new > old:
        return [wrong("spec.activeDeadlineSeconds", new, "must be less than or equal to previous value")]
    return []


def _tolerations_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    kept = [replace(each, toleration_seconds=None) for each in spec.tolerations or ()]
    for old in before.tolerations or ():
        if replace(old, toleration_seconds=None) not in kept:
            why = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden("spec.tolerations", why)]
    return []


def _gates_causes(spec: core_v1.PodSpec, before: core_v1.PodSpec) -> list[Cause]:
    had = [gate.name for gate in before.scheduling_gates or ()]
    added = [gate.name for gate in spec.scheduling_gates or () if gate.name not in had]
    return [
        forbidden("spec.schedulingGates", f"only deletion is allowed, but found new scheduling gate '{name}'")
        for name in added
    ]
