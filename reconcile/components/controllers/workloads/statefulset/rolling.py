"""
Rolling: which pods of a StatefulSet are made, replaced, taken away and updated by one look.

Takes:    what was seen, the revisions.
Gives:    `Done`; events to record.
Source:   pkg/controller/statefulset: updateStatefulSet, processReplica, processCondemned.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.api.apps_v1 import StatefulSetStatus
from reconcile.components.controllers.workloads import history as kept
from reconcile.components.controllers.workloads.deployment.bounds import scaled
from reconcile.components.controllers.workloads.sittings import Notes, Steps, batches, together
from reconcile.components.controllers.workloads.statefulset import identity, status
from reconcile.components.controllers.workloads.statefulset.podcontrol import PodControl
from reconcile.components.controllers.workloads.statefulset.revisions import History
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMANT, Seen
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.quick import quick

_PARALLEL: Final = "Parallel"
_ON_DELETE: Final = "OnDelete"
_ROLLING: Final = "RollingUpdate"
_ENDED: Final = ("Failed", "Succeeded")


@quick
@attrs.frozen(weakref_slot=False)
class Done:
    """What a look came to: the status to write, if it could be told, and what went wrong, if anything did."""

    status: StatefulSetStatus | None
    error: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class _Handled:
    """What became of one pod: whether the look ends here if it goes in order, and what went wrong."""

    ends: bool = False
    error: str = ""


_GOES_ON: Final = _Handled()
_ENDS: Final = _Handled(ends=True)


def _ended(error: str = "") -> _Handled:
    return _Handled(ends=True, error=error)


def manage(found: Seen, pods: tuple[Any, ...], history: History, now: Instant, notes: Notes) -> Steps[Done]:
    """Bring the pods nearer to what is declared; in order, one thing is done."""
    stateful = found.stateful
    try:
        replicas = _replicas(stateful, pods, history)
    except kept.Unreadable as error:
        return Done(None, str(error))
    wanted = identity.ordinals(stateful)
    condemned = [pod for pod in pods if (ordinal := identity.ordinal_of(pod)) >= 0 and ordinal not in wanted]
    condemned.sort(key=identity.ordinal_of, reverse=True)
    if stateful.metadata.deletion_timestamp is not None:
        return Done(_counted(stateful, pods, history, now))
    look = _Look(found, now, notes, tuple(replicas), tuple(condemned))
    counts = _counted(stateful, (*replicas, *condemned), history, now)
    for pods_, handle in ((replicas, look.replica), (condemned, look.reclaimed), (condemned, look.condemned)):
        handled = yield from look.for_all(pods_, handle)
        if handled.ends:
            return Done(counts, handled.error)
    strategy = stateful.spec.update_strategy
    if strategy is not None and strategy.type == _ON_DELETE:
        return Done(counts)
    if found.max_unavailable:
        return (yield from look.updated_together(counts, history.update.metadata.name))
    return (yield from look.updated(counts, history.update.metadata.name))


def _counted(stateful: Any, pods: Any, history: History, now: Instant) -> StatefulSetStatus:
    return status.counted(stateful, pods, history, now)


def _replicas(stateful: Any, pods: tuple[Any, ...], history: History) -> list[Any]:
    """Give the pod of each ordinal: the one that is there, or the one that is to be made."""
    there = {identity.ordinal_of(pod): pod for pod in pods}
    found = []
    for ordinal in identity.ordinals(stateful):
        pod = there.get(ordinal)
        if pod is None:
            revision = history.current if _stays(stateful, ordinal) else history.update
            template = stateful.spec.template if revision is history.update else kept.template_of(revision)
            pod = identity.made(CLAIMANT, stateful, template, revision.metadata.name, ordinal)
        found.append(pod)
    return found


def _stays(stateful: Any, ordinal: int) -> bool:
    """Tell whether a pod of this ordinal that has to be made is to be of the current revision."""
    strategy, start = stateful.spec.update_strategy, identity.first(stateful)
    rolling = strategy.rolling_update if strategy is not None else None
    if rolling is not None:
        return ordinal < start + (rolling.partition or 0)
    current = (stateful.status.current_replicas or 0) if stateful.status is not None else 0
    return strategy is not None and strategy.type == _ROLLING and ordinal < start + current


class _Look:
    """One look's pods and how they are handled; it lives for one step."""

    def __init__(
        self, found: Seen, now: Instant, notes: Notes, replicas: tuple[Any, ...], condemned: tuple[Any, ...]
    ) -> None:
        self.stateful = found.stateful
        self.now = now
        self.replicas = replicas
        self.in_order = found.stateful.spec.pod_management_policy != _PARALLEL
        self.wait: Duration = status.wait_of(found.stateful)
        self.control = PodControl(found, notes)
        unavailable = [pod for pod in (*replicas, *reversed(condemned)) if self.is_unavailable(pod)]
        self.first_unavailable = unavailable[0] if unavailable else None

    def is_unavailable(self, pod: Any) -> bool:
        return status.is_unavailable(pod, self.wait, self.now)

    def for_all(self, pods: Any, handle: Callable[[Any], Steps[_Handled]]) -> Steps[_Handled]:
        """Handle pods: in order, until one ends the look; or in batches that double, until something goes wrong."""
        if self.in_order:
            for pod in pods:
                handled = yield from handle(pod)
                if handled.ends or handled.error:
                    return _ended(handled.error)
            return _GOES_ON
        for begin, end in batches(len(pods)):
            found = yield from together([handle(pod) for pod in pods[begin:end]])
            errors = [handled.error for handled in found if handled.error]
            if errors:
                return _ended(errors[0] if len(errors) == 1 else f"[{', '.join(dict.fromkeys(errors))}]")
        return _GOES_ON

    def replica(self, pod: Any) -> Steps[_Handled]:
        """Handle a pod that is to be there."""
        control = self.control
        if pod.status is not None and pod.status.phase in _ENDED:
            error = ""
            if pod.metadata.deletion_timestamp is None:
                error = yield from control.deleted(pod)
            return _ended(error)  # it is made anew once it is gone
        if not status.is_created(pod):
            if control.is_blocked(pod):
                return _ENDS
            error = yield from control.created(pod)
            if error or self.in_order:
                return _ended(error)
        elif pod.status.phase == "Pending":
            error = yield from control.supplied(pod)
            if error:
                return _ended(error)
        if self.in_order and (
            pod.metadata.deletion_timestamp is not None
            or not status.is_ready(pod)
            or not status.is_available(pod, self.wait, self.now)
        ):
            return _ENDS
        error = yield from control.corrected(pod)
        return _Handled(bool(error), error)

    def reclaimed(self, pod: Any) -> Steps[_Handled]:
        """Let the claims of a pod that goes have the owners that they are to have."""
        error = yield from self.control.reclaimed(pod)
        return _Handled(bool(error), error)

    def condemned(self, pod: Any) -> Steps[_Handled]:
        """Handle a pod that is too many."""
        if pod.metadata.deletion_timestamp is not None:
            return _ENDS if self.in_order else _GOES_ON
        is_well = status.is_ready(pod) and status.is_available(pod, self.wait, self.now)
        if self.in_order and not is_well and pod is not self.first_unavailable:
            return _ENDS
        return _ended((yield from self.control.deleted(pod)))

    def updated(self, counts: StatefulSetStatus, revision: str) -> Steps[Done]:
        """Take away the pod of the highest ordinal that is not of *revision*, unless one above it is unavailable."""
        rolling = self.stateful.spec.update_strategy.rolling_update
        least = (rolling.partition or 0) if rolling is not None else 0
        for pod in reversed(self.replicas[least:]):
            if identity.revision_of(pod) != revision and pod.metadata.deletion_timestamp is None:
                error = yield from self.control.deleted(pod)
                return Done(counts, error) if error else Done(status.with_fewer_current(counts, 1))
            if self.is_unavailable(pod):
                break
        return Done(counts)

    def updated_together(self, counts: StatefulSetStatus, revision: str) -> Steps[Done]:
        """Take away as many pods that are not of *revision*, the highest first, as may be unavailable."""
        rolling = self.stateful.spec.update_strategy.rolling_update
        least, most = 0, 1
        if rolling is not None:
            least = rolling.partition or 0
            allowed = 1 if rolling.max_unavailable is None else rolling.max_unavailable
            most = max(scaled(allowed, len(self.replicas), up=False), 1)
        room = most - len([pod for pod in self.replicas if self.is_unavailable(pod)])
        gone = 0
        for pod in reversed(self.replicas[least:]):
            if gone >= room:
                break
            if identity.revision_of(pod) != revision and pod.metadata.deletion_timestamp is None:
                error = yield from self.control.deleted(pod)
                if error:
                    return Done(status.with_fewer_current(counts, gone), error)
                gone += 1
        return Done(status.with_fewer_current(counts, gone))
