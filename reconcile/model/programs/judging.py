"""
Judging: what a program refuses of flags that it can read.

Source:   the programs' validation of their options: leaderelection.NewLeaderElector, resourcelock.New, component-base's
          ValidateLeaderElectionConfiguration, the names of controllers and of admission plugins, etcd's Validate.
Left out: every other rule.
"""

from __future__ import annotations

from typing import Final

from reconcile.lib.instant import MILLISECOND, SECOND, duration_text
from reconcile.model.programs._facts import ADMISSION
from reconcile.model.programs.controllers import unknown_controllers
from reconcile.model.programs.options import Options, Refusal

_PANIC: Final = 2
_REMOVED: Final = ("endpoints", "configmaps", "endpointsleases", "configmapsleases")
_LONGEST: Final = 50 * SECOND
_BEATS: Final = 5  # heartbeats for which a member of etcd waits at the least before it stands for election


def failed(why: list[str]) -> Refusal:
    """Give how one of Kubernetes' programs ends that was told what it refuses."""
    text = why[0] if len(why) == 1 else f"[{', '.join(why)}]"
    return Refusal(1, (f'"command failed" err="{_quoted(text)}"',))


def unverified(why: str) -> Refusal:
    """Give how etcd ends that was told what it refuses."""
    return Refusal(1, (f'{{"level":"warn","msg":"failed to verify flags","error":"{_quoted(why)}"}}',))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def judged(program: str, options: Options) -> Options | Refusal:
    """Give the options, or how the program ends because of them."""
    match program:
        case "etcd":
            return _of_etcd(options) or options
        case "kube-apiserver":
            faults = [
                f'{flag} plugin "{name}" is unknown'
                for flag in ("enable-admission-plugins", "disable-admission-plugins")
                for name in options.words(flag)
                if name not in ADMISSION
            ]
            if options.duration("shutdown-delay-duration", 0) < 0:
                faults.append("--shutdown-delay-duration can not be negative value")
            faults += _of_elector(options)
            return failed(faults) if faults else options
        case "kube-controller-manager":
            faults = unknown_controllers(options.words("controllers"))
            return failed(faults) if faults else _of_candidate(options, scheduler=False) or options
        case "kube-scheduler":
            return _of_candidate(options, scheduler=True) or options
        case _:
            return options


def _of_etcd(options: Options) -> Refusal | None:
    beat = options.number("heartbeat-interval", 100) * MILLISECOND
    election = options.number("election-timeout", 1000) * MILLISECOND
    for flag, length in (("heartbeat-interval", beat), ("election-timeout", election)):
        if not length:
            return unverified(f"--{flag} must be >0 (set to 0s)")
    shown = f"--election-timeout[{election // MILLISECOND}ms]"
    if election < _BEATS * beat:
        least = f"--heartbeat-interval[{beat // MILLISECOND}ms]"
        return unverified(f"{shown} should be at least as 5 times as {least}")
    if election > _LONGEST:
        return unverified(f"{shown} is too long, and should be set less than {_LONGEST // MILLISECOND}ms")
    return None


def _of_candidate(options: Options, *, scheduler: bool) -> Refusal | None:
    if not options.truth("leader-elect", default=True):
        return None
    lock = options.text("leader-elect-resource-lock", "leases")
    if lock != "leases":
        said = f"{lock} lock is removed, migrate to leases" if lock in _REMOVED else f"Invalid lock-type {lock}"
        creating = Refusal(1, (f'"Error creating lock" err="{said}"',))
        return failed([f"couldn't create resource lock: {said}"]) if scheduler else creating
    lease = options.duration("leader-elect-lease-duration", 15 * SECOND)
    deadline = options.duration("leader-elect-renew-deadline", 10 * SECOND)
    retry = options.duration("leader-elect-retry-period", 2 * SECOND)
    why = _timing(lease, deadline, retry)
    if why and scheduler:
        return failed([f"leaderElection: Invalid value: {duration_text(lease)}: {why}"])
    return Refusal(_PANIC, (f"panic: {why}",)) if why else None


def _of_elector(options: Options) -> list[str]:
    """Say what is wrong with how an API server stands for the election of who elects."""
    flag = "coordinated-leadership"
    lease = options.duration(f"{flag}-lease-duration", 15 * SECOND)
    deadline = options.duration(f"{flag}-renew-deadline", 10 * SECOND)
    retry = options.duration(f"{flag}-retry-period", 2 * SECOND)
    rules = (
        (lease <= deadline, f"--{flag}-lease-duration must be greater than --{flag}-renew-deadline"),
        (deadline <= retry, f"--{flag}-renew-deadline must be greater than --{flag}-retry-period"),
    )
    found = [why for broken, why in rules if broken]
    why = "" if found else _timing(lease, deadline, retry)
    return [why] if why else found


def _timing(lease: int, deadline: int, retry: int) -> str:
    rules = (
        (lease <= deadline, "leaseDuration must be greater than renewDeadline"),
        (deadline * 5 <= retry * 6, "renewDeadline must be greater than retryPeriod*JitterFactor"),
        (lease < SECOND, "leaseDuration must be greater than zero"),
        (deadline < 1, "renewDeadline must be greater than zero"),
        (retry < 1, "retryPeriod must be greater than zero"),
    )
    return next((why for broken, why in rules if broken), "")
