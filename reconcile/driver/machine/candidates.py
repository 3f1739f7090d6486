"""
Candidates: how a process of which several may run is elected, as the topology and its own flags say.

Source:   the flags --leader-elect and --leader-elect-*; a scheduler's flags count more than its configuration.
Left out: a lock that 1.36 has removed is refused with the flags' other faults (see reconcile.model.programs).
"""

from __future__ import annotations

from typing import cast

import attrs

from reconcile.components import election
from reconcile.components.scheduler.configuration import Election
from reconcile.lib.instant import Duration
from reconcile.model.programs import Options

_RELEASE = "ControllerManagerReleaseLeaderElectionLockOnExit"


def candidacy(kind: str, lock: election.Form, asked: Election, options: Options) -> election.Config | None:
    """
    Give the lock that a process of this kind wants, and how long things take; None: it works without being elected.

    Args:
        kind: `kube-controller-manager` or `kube-scheduler`.
        lock: what kind of object is locked, if its flags do not say.
        asked: what a scheduler's configuration says.
        options: what it was told by its flags.
    """
    schedules = kind == "kube-scheduler"
    if not options.truth("leader-elect", default=asked.elects if schedules else True):
        return None
    config = election.Config(name=kind, lock=lock, release_on_cancel=schedules)
    if schedules:
        config = attrs.evolve(
            config,
            name=asked.name,
            namespace=asked.namespace,
            lease_duration=asked.lease_duration,
            renew_deadline=asked.renew_deadline,
            retry_period=asked.retry_period,
        )
    return _flagged(config, options) if options.given else config


def _flagged(config: election.Config, options: Options) -> election.Config:
    def length(flag: str, known: Duration) -> Duration:
        return options.duration(f"leader-elect-{flag}", known)

    return attrs.evolve(
        config,
        name=options.text("leader-elect-resource-name", config.name),
        namespace=options.text("leader-elect-resource-namespace", config.namespace),
        lock=cast("election.Form", options.text("leader-elect-resource-lock", config.lock)),
        lease_duration=length("lease-duration", config.lease_duration),
        renew_deadline=length("renew-deadline", config.renew_deadline),
        retry_period=length("retry-period", config.retry_period),
        release_on_cancel=config.release_on_cancel or options.gates.get(_RELEASE, False),
    )
