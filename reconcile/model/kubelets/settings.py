"""
Settings: how the kubelet of a host is configured, in the words of its KubeletConfiguration.

What holds a map there is written here as the kubelet's flags have it: `memory.available<100Mi,nodefs.available<10%`,
`memory.available=1m30s`, `cpu=100m,memory=1Gi`; grace by priority as `0=30s,100000=10s`; a field of a field with a dot:
`crashLoopBackOff.maxContainerRestartPeriod`; feature gates as `KubeletCrashLoopBackOffMax=false`.

Source:   KubeletConfiguration (kubelet.config.k8s.io/v1beta1), its defaults and validation;
          https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
Left out: every field that is not in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Final

import attrs

from reconcile.api.scalars import Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration
from reconcile.lib.mapping import Map
from reconcile.model.kubelets.reading import (
    Threshold,
    amount_of,
    check_signal,
    duration,
    number,
    pairs,
    percentage,
    policy,
    threshold,
    truth,
)
from reconcile.model.pods.images import name_fault

CRITICAL: Final = 2_000_000_000
"""From this priority on a pod is critical to its system."""
UNBOUNDED: Final = 1 << 31
"""As many images are pulled at a time as there are to be pulled."""
_HUNDRED: Final = 100
_LEAST_LOOK: Final = 3 * SECOND
_EVICTION_HARD: Final = (
    "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%"
)
RESTARTS: Final = "crashLoopBackOff.maxContainerRestartPeriod"
VERIFICATION: Final = "imagePullCredentialsVerificationPolicy"
ALLOWLIST: Final = "preloadedImagesVerificationAllowlist"
DEFAULTS: Final[dict[str, str]] = {
    "cpuManagerPolicy": "none",
    "memoryManagerPolicy": "None",
    "topologyManagerPolicy": "none",
    "topologyManagerScope": "container",
    "systemReserved": "",
    "kubeReserved": "",
    "maxPods": "",
    "podsPerCore": "0",
    "evictionHard": _EVICTION_HARD,
    "evictionSoft": "",
    "evictionSoftGracePeriod": "",
    "evictionMaxPodGracePeriod": "0",
    "evictionPressureTransitionPeriod": "5m",
    "evictionMinimumReclaim": "",
    "mergeDefaultEvictionSettings": "false",
    "imageGCHighThresholdPercent": "85",
    "imageGCLowThresholdPercent": "80",
    "imageMinimumGCAge": "2m",
    "imageMaximumGCAge": "0s",
    "serializeImagePulls": "",
    "maxParallelImagePulls": "",
    VERIFICATION: "NeverVerifyPreloadedImages",
    ALLOWLIST: "",
    RESTARTS: "",
    "syncFrequency": "1m",
    "containerLogMaxSize": "10Mi",
    "containerLogMaxFiles": "5",
    "containerLogMonitorInterval": "10s",
    "nodeStatusUpdateFrequency": "",
    "nodeStatusReportFrequency": "",
    "nodeStatusMaxImages": "50",
    "nodeLeaseDurationSeconds": "40",
    "shutdownGracePeriod": "0s",
    "shutdownGracePeriodCriticalPods": "0s",
    "shutdownGracePeriodByPodPriority": "",
    "registerWithTaints": "",
    "featureGates": "",
}
"""Each field that can be said, and what holds where nothing is said; empty where that depends on others."""

SANDBOXES: Final = "PodReadyToStartContainersCondition"
"""The gate that is on in Kubernetes too; only where it is said the condition has a write of its own, which it costs."""
WHOLES: Final = "InPlacePodLevelResourcesVerticalScaling"
"""The gate by which a pod's status says what the pod as a whole has."""
SECRETS: Final = "KubeletEnsureSecretPulledImages"
"""The gate by which a pod may use an image that was pulled with a secret only if its own give access to it."""
GATES: Final = {
    SECRETS: True,
    "KubeletCrashLoopBackOffMax": True,
    "ReduceDefaultCrashLoopBackOffDecay": False,
    SANDBOXES: False,
    WHOLES: True,
}
"""The kubelet's feature gates that can be switched, and how they are where nothing is said."""


@attrs.frozen(kw_only=True)
class Settings:
    """
    A kubelet's configuration, read.

    Args:
        thresholds: when it evicts, hard ones first.
        longest_grace: what pods get at most that go for a soft threshold.
        transition: how long a condition of pressure stays after it was last observed.
        images_high: from so many percent of the disk in use on it removes images, down to *images_low*.
        images_young: so old must an image be to be removed; *images_old*: so long may one be unused; 0 for ever.
        cpu_policy: the CPU manager's, `none` or `static`; *memory_policy*: the memory manager's, `None` or `Static`.
        topology_policy: the topology manager's; *by_pod*: it aligns pods, not containers.
        reserved: what pods may not use of the host, resource -> billionths.
        most_pods: at most so many; None if the host says it; *pods_per_core*: and so many for each core, if not 0.
        parallel: so many images are pulled at a time.
        verification: which images that are there a pod's secrets have to give access to; empty if that is not asked.
        unverified: those to which they need not, with NeverVerifyAllowlistedImages: repositories, or `REGISTRY/PATH/*`.
        first_restart: the back-off of a container that ended for the first time; *last_restart*: the longest.
        sync_every: how often it looks at a pod that nothing happens to, or up to half as long again, by chance.
        log_size: so large is a container's log when it is put away; below 0 never.
        logs_every: how often that is looked at.
        update_every: how often the Node's status is looked at; *report_every*: written, though it is the same.
        most_images: that the Node names; -1 for all.
        lease_seconds: how long its Lease holds.
        taints: with which it registers its Node beside those of its host: (key, value, effect).
        tells_sandboxes: a pod's sandbox that is ready is told at once, in a write of its own.
        tells_wholes: a pod's status says what the pod as a whole has.
        shutdown: (priority, grace) from low to high; none if it does not look after a shutdown.
    """

    thresholds: tuple[Threshold, ...]
    longest_grace: Duration
    transition: Duration
    images_high: int
    images_low: int
    images_young: Duration
    images_old: Duration
    cpu_policy: str
    memory_policy: str
    topology_policy: str
    by_pod: bool
    reserved: Map[int]
    most_pods: int | None
    pods_per_core: int
    parallel: int
    verification: str
    unverified: tuple[str, ...]
    first_restart: Duration
    last_restart: Duration
    sync_every: Duration
    log_size: int
    logs_every: Duration
    update_every: Duration
    report_every: Duration
    most_images: int
    lease_seconds: int
    taints: tuple[tuple[str, str, str], ...]
    tells_sandboxes: bool
    tells_wholes: bool
    shutdown: tuple[tuple[int, Duration], ...]


@lru_cache(maxsize=256)
def settings_of(written: Map[str], path: str = "kubelet") -> Settings:
    """
    Read a kubelet's configuration.

    Raises:
        ReconcileError: a field is not known or cannot be read; *path* and the value are shown.
    """
    for name in written:
        if name not in DEFAULTS:
            raise ReconcileError(f"{path}.{name}: there is no such field; known: {', '.join(DEFAULTS)}")
    said = {**DEFAULTS, **dict(written)}
    high, low = (_number(said, f"imageGC{which}ThresholdPercent", path) for which in ("High", "Low"))
    if not low < high <= _HUNDRED:
        raise ReconcileError(f"{path}.imageGCLowThresholdPercent: {low} is not below {high}, or that not at most 100")
    young, old = _duration(said, "imageMinimumGCAge", path), _duration(said, "imageMaximumGCAge", path)
    if 0 < old <= young:
        raise ReconcileError(f"{path}.imageMaximumGCAge: is not longer than imageMinimumGCAge")
    gates = _gates(said, path)
    first, last = _restarts(said, gates, path)
    update = said["nodeStatusUpdateFrequency"]
    report = said["nodeStatusReportFrequency"] or update
    lease = _number(said, "nodeLeaseDurationSeconds", path)
    if not lease:
        raise ReconcileError(f"{path}.nodeLeaseDurationSeconds: must be greater than 0")
    scope = policy(said["topologyManagerScope"], ("container", "pod"), f"{path}.topologyManagerScope")
    return Settings(
        thresholds=_thresholds(said, path),
        longest_grace=_number(said, "evictionMaxPodGracePeriod", path) * SECOND,
        transition=_duration(said, "evictionPressureTransitionPeriod", path) or 5 * MINUTE,
        images_high=high,
        images_low=low,
        images_young=young,
        images_old=old,
        cpu_policy=policy(said["cpuManagerPolicy"], ("none", "static"), f"{path}.cpuManagerPolicy"),
        memory_policy=policy(said["memoryManagerPolicy"], ("None", "Static"), f"{path}.memoryManagerPolicy"),
        topology_policy=policy(said["topologyManagerPolicy"], _TOPOLOGIES, f"{path}.topologyManagerPolicy"),
        by_pod=scope == "pod",
        reserved=_reserved(said, path),
        most_pods=_number(said, "maxPods", path) if said["maxPods"] else None,
        pods_per_core=_number(said, "podsPerCore", path),
        parallel=_parallel(said, path),
        verification=_verification(said, path) if gates[SECRETS] else "",
        unverified=_unverified(said, path),
        first_restart=first,
        last_restart=last,
        sync_every=_duration(said, "syncFrequency", path) or MINUTE,
        **_logs(said, path),
        update_every=(duration(update, f"{path}.nodeStatusUpdateFrequency") if update else 0) or 10 * SECOND,
        report_every=(duration(report, f"{path}.nodeStatusReportFrequency") if report else 0) or 5 * MINUTE,
        most_images=-1 if said["nodeStatusMaxImages"] == "-1" else _number(said, "nodeStatusMaxImages", path),
        lease_seconds=lease,
        taints=_taints(said["registerWithTaints"], f"{path}.registerWithTaints"),
        tells_sandboxes=gates[SANDBOXES],
        tells_wholes=gates[WHOLES],
        shutdown=_shutdown(said, path),
    )


def _verification(said: dict[str, str], path: str) -> str:
    return policy(said[VERIFICATION], _VERIFICATIONS, f"{path}.{VERIFICATION}")


def _unverified(said: dict[str, str], path: str) -> tuple[str, ...]:
    found = tuple(said[ALLOWLIST].split(",")) if said[ALLOWLIST] else ()
    if found and said[VERIFICATION] != ALLOWLISTED:
        raise ReconcileError(f"{path}.{ALLOWLIST}: can only be said with {VERIFICATION} {ALLOWLISTED}")
    for place, pattern in enumerate(found):
        where = f"{path}.{ALLOWLIST}[{place}]"
        name = pattern.removesuffix("/*")
        if pattern != pattern.strip():
            raise ReconcileError(f"{where}: leading/trailing spaces are not allowed: {pattern}")
        if "*" in name:
            raise ReconcileError(
                f"{where}: not a valid wildcard pattern, only patterns ending with '/*' are allowed: {pattern}"
            )
        if not name or "@" in name or ":" in name.rpartition("/")[2] or name_fault(name):
            raise ReconcileError(f"{where}: {pattern!r} is no repository: it has neither tag nor digest")
    return found


ALLOWLISTED: Final = "NeverVerifyAllowlistedImages"
_VERIFICATIONS: Final = ("NeverVerify", "NeverVerifyPreloadedImages", ALLOWLISTED, "AlwaysVerify")
_TOPOLOGIES: Final = ("none", "best-effort", "restricted", "single-numa-node")


def _number(said: dict[str, str], name: str, path: str) -> int:
    return number(said[name], f"{path}.{name}")


def _duration(said: dict[str, str], name: str, path: str) -> Duration:
    return duration(said[name], f"{path}.{name}")


def _logs(said: dict[str, str], path: str) -> dict[str, int]:
    size, files, every = (said[f"containerLog{name}"] for name in ("MaxSize", "MaxFiles", "MonitorInterval"))
    if number(files, f"{path}.containerLogMaxFiles") <= 1:
        raise ReconcileError(f"{path}.containerLogMaxFiles: must be greater than 1")
    look = duration(every, f"{path}.containerLogMonitorInterval")
    if look < _LEAST_LOOK:
        raise ReconcileError(f"{path}.containerLogMonitorInterval: {every!r} is less than 3s")
    most = -1 if size.startswith("-") else amount_of(size, f"{path}.containerLogMaxSize")
    return {"log_size": most, "logs_every": look}


def _thresholds(said: dict[str, str], path: str) -> tuple[Threshold, ...]:
    merged = truth(said["mergeDefaultEvictionSettings"], f"{path}.mergeDefaultEvictionSettings")
    rows = dict(pairs(said["evictionHard"], "<", f"{path}.evictionHard"))
    if merged:
        rows = {**dict(pairs(_EVICTION_HARD, "<", path)), **rows}
    where = f"{path}.evictionSoftGracePeriod"
    graces = {signal: duration(text, where) for signal, text in pairs(said["evictionSoftGracePeriod"], "=", where)}
    found = [threshold(signal, text, f"{path}.evictionHard") for signal, text in rows.items() if text not in _NEVER]
    for signal, text in pairs(said["evictionSoft"], "<", f"{path}.evictionSoft"):
        if text in _NEVER:
            continue
        row = threshold(signal, text, f"{path}.evictionSoft")
        if signal not in graces:
            raise ReconcileError(f"{path}.evictionSoft: {signal!r} has no grace in evictionSoftGracePeriod")
        found.append(attrs.evolve(row, grace=graces[signal], hard=False))
    least = dict(_reclaims(said["evictionMinimumReclaim"], f"{path}.evictionMinimumReclaim"))
    made = []
    for row in found:
        amount, percent = least.get(row.signal, (0, 0))
        made.append(attrs.evolve(row, reclaim=amount, reclaim_percent=percent))
    return tuple(made)


_NEVER: Final = ("0%", "100%")
"""A threshold that is none, as kubelets take it."""


def _reclaims(text: str, path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for signal, amount in pairs(text, "=", path):
        check_signal(signal, path)
        if amount.endswith("%"):
            yield signal, (0, percentage(amount, path))
        else:
            yield signal, (threshold(signal, amount, path).amount, 0)


def _reserved(said: dict[str, str], path: str) -> Map[int]:
    """Sum up what is reserved for the system and for Kubernetes itself."""
    found: dict[str, int] = {}
    for field in ("systemReserved", "kubeReserved"):
        for name, text in pairs(said[field], "=", f"{path}.{field}"):
            if name not in _RESERVED:
                raise ReconcileError(f"{path}.{field}: {name!r} cannot be reserved; there are {', '.join(_RESERVED)}")
            try:
                amount = Quantity.parse(text).nanos
            except ReconcileError as error:
                raise ReconcileError(f"{path}.{field}: {error}") from None
            if amount < 0:
                raise ReconcileError(f"{path}.{field}: {name}: {text!r} is negative")
            found[name] = found.get(name, 0) + amount
    return Map(found)


_RESERVED: Final = ("cpu", "memory", "ephemeral-storage", "pid")


def _parallel(said: dict[str, str], path: str) -> int:
    most = (
        number(said["maxParallelImagePulls"], f"{path}.maxParallelImagePulls") if said["maxParallelImagePulls"] else 0
    )
    if said["maxParallelImagePulls"] and most < 1:
        raise ReconcileError(f"{path}.maxParallelImagePulls: {most} is not a positive number")
    serial = (
        truth(said["serializeImagePulls"], f"{path}.serializeImagePulls")
        if said["serializeImagePulls"]
        else most < _MANY
    )
    if serial and most > 1:
        raise ReconcileError(
            f"{path}.maxParallelImagePulls: {most} is larger than 1, and serializeImagePulls is not false"
        )
    return 1 if serial else most or UNBOUNDED


_MANY: Final = 2


def _taints(text: str, path: str) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    for part in text.split(",") if text else ():
        match = re.fullmatch("([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)", part.strip())
        if match is None:
            raise ReconcileError(f"{path}: {part!r} is not KEY=VALUE:EFFECT")
        found.append((match[1], match[2] or "", match[3]))
    return tuple(found)


def _gates(said: dict[str, str], path: str) -> dict[str, bool]:
    gates = dict(GATES)
    for name, text in pairs(said["featureGates"], "=", f"{path}.featureGates"):
        if name not in GATES:
            known = ", ".join(GATES)
            raise ReconcileError(f"{path}.featureGates: {name!r} cannot be switched here; there are {known}")
        gates[name] = truth(text, f"{path}.featureGates: {name}")
        if name == SANDBOXES and not gates[name]:
            raise ReconcileError(f"{path}.featureGates: {name} cannot be switched off")
    return gates


def _restarts(said: dict[str, str], gates: dict[str, bool], path: str) -> tuple[Duration, Duration]:
    """Give the first and the longest back-off of a container that ends again and again."""
    less = gates["ReduceDefaultCrashLoopBackOffDecay"]
    first, last = (SECOND, MINUTE) if less else (10 * SECOND, 5 * MINUTE)
    if not gates["KubeletCrashLoopBackOffMax"]:
        if said[RESTARTS]:
            raise ReconcileError(f"{path}.{RESTARTS}: must not be set where KubeletCrashLoopBackOffMax is off")
        return first, last
    last = duration(said[RESTARTS], f"{path}.{RESTARTS}") if said[RESTARTS] else 5 * MINUTE
    if not SECOND <= last <= 5 * MINUTE:
        raise ReconcileError(f"{path}.{RESTARTS}: {said[RESTARTS]!r} is not between 1s and 300s")
    return min(first, last), last


def _shutdown(said: dict[str, str], path: str) -> tuple[tuple[int, Duration], ...]:
    by_priority = said["shutdownGracePeriodByPodPriority"]
    whole = _duration(said, "shutdownGracePeriod", path)
    critical = _duration(said, "shutdownGracePeriodCriticalPods", path)
    if by_priority:
        where = f"{path}.shutdownGracePeriodByPodPriority"
        if whole or critical:
            raise ReconcileError(f"{where}: cannot be said together with shutdownGracePeriod")
        rows = [(number(key, where), duration(text, where)) for key, text in pairs(by_priority, "=", where)]
        return tuple(sorted(rows))
    if critical > whole:
        raise ReconcileError(f"{path}.shutdownGracePeriodCriticalPods: is longer than shutdownGracePeriod")
    return ((0, whole - critical), (CRITICAL, critical)) if whole else ()


def cores_of(text: str) -> int:
    """Give how many cores a machine has of which so much cpu is said, in whole ones."""
    return int(Fraction(Quantity.parse(text).nanos, 10**9))
