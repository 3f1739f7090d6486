"""
Managing: which pods a DaemonSet lacks, and which are too many, failed or out of place.

Takes:    what was seen.
Gives:    `Orders`; events to record.
Source:   pkg/controller/daemon: manage, podsShouldBeOnNode, getUnscheduledPodsWithoutNode.
Left out: nothing known.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from reconcile.components.controllers.workloads.daemonset import memory, placement, status
from reconcile.components.controllers.workloads.daemonset.rolling import Orders, max_surge
from reconcile.components.controllers.workloads.daemonset.seeing import Seen, by_node, is_ready
from reconcile.components.controllers.workloads.sittings import Notes
from reconcile.effects import Record
from reconcile.lib.instant import Duration, Instant


class Managing:
    """One look at every node; it lives for one step."""

    def __init__(self, found: Seen, hashed: str, now: Instant, notes: Notes) -> None:
        self._found = found
        self._daemon = found.daemon
        self._hashed = hashed
        self._now = now
        self._notes = notes
        self._delete: list[Any] = []
        self._create: list[str] = []
        self.waits: list[Duration] = []
        """After how long failed pods that are left alone now may go."""

    def orders(self) -> Orders:
        """Give what is to be made and deleted."""
        placed = by_node(self._found.pods)
        for name, node in self._found.nodes.items():
            runs, stays = placement.belongs(self._daemon, node)
            pods = placed.get(name, [])
            if runs and not pods:
                self._create.append(name)
            elif stays:
                self._settle(name, pods, runs=runs)
            else:
                self._delete += [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        for name in sorted(placed):
            if name not in self._found.nodes:
                # Nothing else would ever delete it: it is never bound.
                self._delete += [pod for pod in placed[name] if not pod.spec.node_name]
        return Orders(tuple(self._delete), tuple(self._create))

    def _settle(self, node: str, pods: list[Any], *, runs: bool) -> None:
        """Put right what is on a node where a pod may be."""
        running = [pod for pod in pods if pod.metadata.deletion_timestamp is None and not self._has_ended(node, pod)]
        running.sort(key=status.age_order)
        if not max_surge(self._daemon, 1):
            self._delete += running[1:]
        elif not running:
            if runs:
                self._create.append(node)
        elif len(running) > 1:
            self._surged(running)

    def _has_ended(self, node: str, pod: Any) -> bool:
        phase = pod.status.phase if pod.status is not None else ""
        where = f"daemon pod {pod.metadata.namespace}/{pod.metadata.name} on node {node}, will try to"
        if phase == "Succeeded":
            self._record("Normal", "SucceededDaemonPod", f"Found succeeded {where} delete it")
        elif phase == "Failed":
            told = self._daemon.status
            generation = (told.observed_generation or 0) if told is not None else 0
            key = (self._daemon.metadata.uid, generation, node)
            wait = memory.leaves_alone(self._found.back_offs, key, self._now)
            if wait:
                self.waits.append(wait)
                return True
            self._notes.change(partial(memory.failed_again, key=key, now=self._now))
            self._record("Warning", "FailedDaemonPod", f"Found failed {where} kill it")
        else:
            return False
        self._delete.append(pod)
        return True

    def _record(self, kind: Any, reason: str, message: str) -> None:
        self._notes.record(Record(self._daemon, kind, reason, message))

    def _surged(self, running: list[Any]) -> None:
        """Keep the oldest pod of the present template and the oldest other one, until one of them is not needed."""
        new = [pod for pod in running if (pod.metadata.labels or {}).get(status.REVISION) == self._hashed]
        old = [pod for pod in running if pod not in new]
        self._delete += [pod for pod in running if pod in (*new[1:], *old[1:])]
        if new and old:
            is_replaced = status.is_available(new[0], status.wait_of(self._daemon), self._now)
            if not is_ready(old[0]) or is_replaced:
                self._delete.append(old[0])
