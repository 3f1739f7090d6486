"""
Kubelets: how the kubelet of a host is configured, in the words of its KubeletConfiguration.

What holds a map there is written here as the kubelet's flags have it: `memory.available<100Mi,nodefs.available<10%`,
`memory.available=1m30s`; grace by priority as `0=30s,100000=10s`.

Source:   KubeletConfiguration (kubelet.config.k8s.io/v1beta1); the eviction manager's parsing of thresholds;
          https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
Left out: every field that is not in the table.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs

from reconcile.api.scalars import Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND, Duration, parse_duration
from reconcile.lib.mapping import Map

SIGNALS: Final = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
)
CRITICAL: Final = 2_000_000_000
"""From this priority on a pod is critical to its system."""
_HUNDRED: Final = 100
_EVICTION_HARD: Final = (
    "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%"
)
DEFAULTS: Final[dict[str, str]] = {
    "cpuManagerPolicy": "none",
    "memoryManagerPolicy": "None",
    "evictionHard": _EVICTION_HARD,
    "evictionSoft": "",
    "evictionSoftGracePeriod": "",
    "evictionMaxPodGracePeriod": "0",
    "evictionPressureTransitionPeriod": "5m",
    "imageGCHighThresholdPercent": "85",
    "imageGCLowThresholdPercent": "80",
    "shutdownGracePeriod": "0s",
    "shutdownGracePeriodCriticalPods": "0s",
    "shutdownGracePeriodByPodPriority": "",
}
"""Each field that can be said, and what holds where nothing is said."""


@attrs.frozen(kw_only=True)
class Threshold:
    """
    What is too little of what a signal measures.

    Args:
        signal: what is measured.
        percent: of the host's capacity, in hundredths of a percent; 0 if *amount* says it.
        amount: in bytes, inodes or processes.
        grace: how long it may be so; 0 of a hard threshold.
        hard: whether pods get no time to end.
    """

    signal: str
    percent: int = 0
    amount: int = 0
    grace: Duration = 0
    hard: bool = True


@attrs.frozen(kw_only=True)
class Settings:
    """
    A kubelet's configuration, read.

    Args:
        thresholds: when it evicts, hard ones first.
        longest_grace: what pods get at most that go for a soft threshold.
        transition: how long a condition of pressure stays after it was last observed.
        images_high: from so many percent of the disk in use on it removes images, down to *images_low*.
        cpu_policy: the CPU manager's, `none` or `static`; *memory_policy*: the memory manager's, `None` or `Static`.
        shutdown: (priority, grace) from low to high; none if it does not look after a shutdown.
    """

    thresholds: tuple[Threshold, ...]
    longest_grace: Duration
    transition: Duration
    images_high: int
    images_low: int
    cpu_policy: str
    memory_policy: str
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
    graces = {
        signal: _duration(text, f"{path}.evictionSoftGracePeriod")
        for signal, text in _pairs(said["evictionSoftGracePeriod"], "=", f"{path}.evictionSoftGracePeriod")
    }
    hard = [
        _threshold(signal, text, f"{path}.evictionHard")
        for signal, text in _pairs(said["evictionHard"], "<", f"{path}.evictionHard")
    ]
    soft = [
        attrs.evolve(_threshold(signal, text, f"{path}.evictionSoft"), grace=graces.get(signal, 0), hard=False)
        for signal, text in _pairs(said["evictionSoft"], "<", f"{path}.evictionSoft")
    ]
    for row in soft:
        if row.signal not in graces:
            raise ReconcileError(f"{path}.evictionSoft: {row.signal!r} has no grace in evictionSoftGracePeriod")
    high = _number(said["imageGCHighThresholdPercent"], f"{path}.imageGCHighThresholdPercent")
    low = _number(said["imageGCLowThresholdPercent"], f"{path}.imageGCLowThresholdPercent")
    if not low < high <= _HUNDRED:
        raise ReconcileError(f"{path}.imageGCLowThresholdPercent: {low} is not below {high}, or that not at most 100")
    return Settings(
        thresholds=(*hard, *soft),
        longest_grace=_number(said["evictionMaxPodGracePeriod"], f"{path}.evictionMaxPodGracePeriod") * SECOND,
        transition=_duration(said["evictionPressureTransitionPeriod"], f"{path}.evictionPressureTransitionPeriod")
        or 5 * MINUTE,
        images_high=high,
        images_low=low,
        cpu_policy=_policy(said["cpuManagerPolicy"], ("none", "static"), f"{path}.cpuManagerPolicy"),
        memory_policy=_policy(said["memoryManagerPolicy"], ("None", "Static"), f"{path}.memoryManagerPolicy"),
        shutdown=_shutdown(said, path),
    )


def amount_of(text: str, path: str) -> int:
    """Read how much of something there is, in bytes, inodes or processes."""
    try:
        amount = Quantity.parse(text).whole
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if amount < 0:
        raise ReconcileError(f"{path}: {text!r} is negative")
    return amount


def check_signal(signal: str, path: str) -> None:
    """Refuse a signal that no kubelet measures."""
    if signal not in SIGNALS:
        raise ReconcileError(f"{path}: {signal!r} is no signal; there are {', '.join(SIGNALS)}")


def _shutdown(said: dict[str, str], path: str) -> tuple[tuple[int, Duration], ...]:
    by_priority = said["shutdownGracePeriodByPodPriority"]
    if by_priority:
        where = f"{path}.shutdownGracePeriodByPodPriority"
        rows = [(_number(key, where), _duration(text, where)) for key, text in _pairs(by_priority, "=", where)]
        return tuple(sorted(rows))
    whole = _duration(said["shutdownGracePeriod"], f"{path}.shutdownGracePeriod")
    critical = _duration(said["shutdownGracePeriodCriticalPods"], f"{path}.shutdownGracePeriodCriticalPods")
    if critical > whole:
        raise ReconcileError(f"{path}.shutdownGracePeriodCriticalPods: is longer than shutdownGracePeriod")
    return ((0, whole - critical), (CRITICAL, critical)) if whole else ()


def _policy(text: str, known: tuple[str, ...], path: str) -> str:
    if text not in known:
        raise ReconcileError(f"{path}: {text!r} is no policy; there are {', '.join(known)}")
    return text


def _pairs(text: str, between: str, path: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for part in text.split(",") if text else ():
        key, found, value = part.strip().partition(between)
        if not found or not key or not value:
            raise ReconcileError(f"{path}: {part!r} is not NAME{between}VALUE")
        if key in [row[0] for row in rows]:
            raise ReconcileError(f"{path}: {key!r} is said twice")
        rows.append((key, value))
    return rows


def _threshold(signal: str, text: str, path: str) -> Threshold:
    check_signal(signal, path)
    if text.endswith("%"):
        match = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%", text)
        if match is None:
            raise ReconcileError(f"{path}: {text!r} is no percentage")
        return Threshold(signal=signal, percent=int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")))
    return Threshold(signal=signal, amount=amount_of(text, path))


def _duration(text: str, path: str) -> Duration:
    try:
        span = parse_duration(text)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if span < 0:
        raise ReconcileError(f"{path}: {text!r} is negative")
    return span


def _number(text: str, path: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ReconcileError(f"{path}: {text!r} is no whole number")
    return int(text)
