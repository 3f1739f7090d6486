"""
Candidates: how a process of which several may run is elected, as the topology and its own flags say.

Source:   the flags --leader-elect and --leader-elect-*; a scheduler's flags count more than its configuration; the
          flags --coordinated-leadership-* of kube-apiserver, and --emulated-version.
Left out: a lock that 1.36 has removed is refused with the flags' other faults (see reconcile.model.programs).
"""

from __future__ import annotations

from typing import cast

import attrs

from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.components import election
from reconcile.components.scheduler.configuration import Election
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.mapping import Map
from reconcile.model import gates
from reconcile.model.programs import ELECTOR, Options
from reconcile.model.text.semver import parsed

_RELEASE = "ControllerManagerReleaseLeaderElectionLockOnExit"


def candidacy(
    kind: str, lock: election.Form, asked: Election, options: Options, switched: Map[bool]
) -> election.Config | None:
    """
    Give the lock that a process of this kind wants, and how long things take; None: it works without being elected.

    Args:
        kind: `kube-controller-manager` or `kube-scheduler`; or `leader-election-controller`, which elects these in a
            coordinated election.
        lock: what kind of object is locked, if its flags do not say.
        asked: what a scheduler's configuration says.
        options: what it was told by its flags; an elector what its API server was told.
        switched: the feature gates that are not as they are by default.
    """
    if kind == ELECTOR:
        return _elector(options)
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
    if options.given:
        config = _flagged(config, options)
    if switched and gates.is_on(switched, gates.COORDINATED_LEADER_ELECTION) and config.lock == "leases":
        binary, emulated = _versions(options)
        said = election.Candidacy(lease=kind, binary_version=binary, emulation_version=emulated)
        config = attrs.evolve(config, candidacy=said)
    return config


def _elector(options: Options) -> election.Config:
    def length(flag: str, seconds: int) -> Duration:
        return options.duration(f"coordinated-leadership-{flag}", seconds * SECOND)

    return election.Config(
        name=ELECTOR,
        lease_duration=length("lease-duration", 15),
        renew_deadline=length("renew-deadline", 10),
        retry_period=length("retry-period", 2),
        release_on_cancel=True,
    )


def _versions(options: Options) -> tuple[str, str]:
    """Give the version of a program, and that of which it behaves: a minor one's first, if nothing else is said."""
    binary = parsed(options.version, tolerant=True) or parsed(KUBERNETES_VERSION)
    assert binary is not None, "Kubernetes' version is one"
    asked = [word.removeprefix("kube=") for word in options.words("emulated-version")]
    emulated = parsed(asked[-1], tolerant=True) if asked else None
    major, minor, _ = (binary if emulated is None else emulated).numbers
    return ".".join(map(str, binary.numbers)), f"{major}.{minor}.0"


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
