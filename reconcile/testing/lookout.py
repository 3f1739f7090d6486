"""
Lookout: what is wrong with a step, and for how long a host was silent.

Takes:    a machine whose changes are observed, properties that hold after every step, promises that are followed.
Gives:    `Broken` when something is wrong.
"""

from __future__ import annotations

from operator import is_
from typing import Any, Final

from reconcile.cluster.cluster import Cluster, Process
from reconcile.driver.machine import Machine
from reconcile.lib.instant import SECOND, Duration
from reconcile.properties import Following, Passage, Promise, Property, broken_by, uids_after, uids_of
from reconcile.testing.strikes import UNWATCHED

_GRACE: Final = 40 * SECOND  # from then on a host that is silent may lose its pods


class Broken(Exception):  # noqa: N818 -- it is no error, it ends a play
    """Something is wrong: *problems* says what, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Lookout:
    """What is seen of a machine from step to step; local to one play."""

    def __init__(self, machine: Machine, properties: tuple[Property, ...], promises: tuple[Promise, ...]) -> None:
        self.machine = machine
        self.properties = properties
        self.struck = False  # something failed, or a pod was taken away
        self._following = Following(promises)
        self._runtimes = tuple([f"runtime/{host}" for host in machine.closed().hosts])
        self._elected = tuple(machine.closed().elections)
        self._outage: Duration = 0
        self._silent_since: int | None = None
        self.begin_anew()

    @property
    def lost(self) -> bool:
        """Whether a host was silent for so long that it may have lost its pods."""
        return self._outage >= _GRACE

    def begin_anew(self) -> None:
        """Take the cluster as it is: what came until now was not looked at step by step, or is known to be wrong."""
        self._seen = self.machine.closed()
        self._uids = uids_of(self._seen)
        self.machine.observed = []
        self._ran, self._led = self._running(), self._leading()
        self._following.begin(self._seen)

    def mind_fault(self) -> None:
        """Mind that something fails: less is promised from now on."""
        self.struck = True
        self._following.end("fault")

    def mind_loss(self) -> None:
        """Mind that somebody takes a pod away: who promised that there would be so many does so no more."""
        self.struck = True
        self._following.end("loss")

    def mind_haste(self) -> None:
        """Mind that somebody applies or deletes once more what is on its way out: it may wait no more."""
        self._following.end("haste")

    def look(self) -> None:
        """Judge if the last step stored, ran or led something that a property is about."""
        machine = self.machine
        changed = machine.observed
        stored = changed and changed[-1][1].resource not in UNWATCHED
        if stored or self._has_run() or self._led != self._leading():
            self.judge(machine.closed())

    def judge(self, cluster: Cluster) -> None:
        """
        Judge what came since the last time, up to *cluster*.

        Raises:
            Broken: a property or a promise.
        """
        self._ran, self._led = self._running(), self._leading()
        self._count_silence(cluster)
        changes = tuple([change for _, change in self.machine.observed or ()])
        passage = Passage(self._seen, cluster, changes, self._uids)
        self._uids = uids_after(self._uids, changes)
        self.machine.observed = []
        self._seen = cluster
        said = broken_by(passage, self.properties)
        if changes:
            said += self._following.seen(passage)
        if said:
            raise Broken(said)

    def _running(self) -> tuple[Any, ...]:
        return tuple([self.machine.states.get(name) for name in self._runtimes])

    def _leading(self) -> tuple[Process | None, ...]:
        return tuple([self.machine.processes.get(name) for name in self._elected])

    def _has_run(self) -> bool:
        return not all(map(is_, map(self.machine.states.get, self._runtimes), self._ran))

    def _count_silence(self, cluster: Cluster) -> None:
        """Keep how long any host was silent at a stretch."""
        silent = bool(cluster.cuts or cluster.links.ways) or any(
            not status.up or not status.connected or f"kubelet/{name}" not in cluster.processes
            for name, status in cluster.hosts.items()
        )
        if silent and self._silent_since is None:
            self._silent_since = cluster.now
        elif not silent and self._silent_since is not None:
            self._silent_since = None
        if self._silent_since is not None:
            self._outage = max(self._outage, cluster.now - self._silent_since)
