"""
Bring a DaemonSet's pods nearer to what it declares.

One look goes: find or make the revision of the present template; make what is missing and delete what is too much, node
by node; if nothing of that is under way, replace pods of former templates; forget revisions beyond the limit; write the
status.

Takes:    Ask: a DaemonSet's key, and the answers to what the look called for.
Gives:    Outcome.
Source:   pkg/controller/daemon: daemon_controller.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import NOT_FOUND, message_of, namespace_ends
from reconcile.components.controllers.runtime import Ask, Outcome
from reconcile.components.controllers.workloads import claims, sittings
from reconcile.components.controllers.workloads.daemonset import placement, revisions, rolling, status
from reconcile.components.controllers.workloads.daemonset.managing import Managing
from reconcile.components.controllers.workloads.daemonset.memory import Own
from reconcile.components.controllers.workloads.daemonset.rolling import Orders
from reconcile.components.controllers.workloads.daemonset.seeing import CLAIMANT, Seen, seen
from reconcile.components.controllers.workloads.replicaset import memory as expecting
from reconcile.components.controllers.workloads.sittings import End, Notes, Steps, batches
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, key_of

# The most pods that one look creates, and that it deletes.
BURST: Final = 250
_WRITTEN: Final = ("pods", CLAIMANT.resource)


@quick
@attrs.frozen(weakref_slot=False)
class Reconciler:
    """What reconciles DaemonSets: as a feature gate says."""

    consistent: bool

    def __call__(self, ask: Ask) -> Outcome:
        """Bring the DaemonSet with the asked key one step nearer to what it declares."""
        watched = _WRITTEN if self.consistent else ()
        daemon = ask.views.get(CLAIMANT.resource, ask.key)
        uid = "" if daemon is None else daemon.metadata.uid
        resumed = sittings.resume(ask, uid, script, watched)
        if resumed is not None:
            return resumed
        if daemon is None:
            return Outcome()
        selector = daemon.spec.selector
        if not selector.match_labels and not selector.match_expressions:
            said = "This daemon set is selecting all pods. A non-empty selector is required."
            return Outcome(records=(Record(daemon, "Warning", "SelectingAll", said),))
        if daemon.metadata.deletion_timestamp is not None:
            return Outcome()
        own: Own = ask.memory.own
        is_satisfied = expecting.is_satisfied(own.expected, uid, ask.now)
        found = seen(daemon, ask.views, is_satisfied=is_satisfied, back_offs=own.back_offs)
        return sittings.begin(ask, found, script, watched)


def script(found: Seen, now: Instant, notes: Notes) -> Steps[End]:
    """Look at a DaemonSet once."""
    history = yield from _history(found)
    if history.error:
        return End(f"failed to construct revisions of DaemonSet: {history.error}")
    if not found.is_satisfied:
        return (yield from _told(found, history.hash, now, observed=False))
    error = yield from _claimed(found, "pods", found.claimed)
    managing = Managing(found, history.hash, now, notes)
    if error:
        error = f"couldn't get node to daemon pod mapping for daemon set {found.daemon.metadata.name!r}: {error}"
    else:
        error = yield from _updated(found, managing, history, now, notes)
    end = yield from _told(found, history.hash, now, observed=True)
    waits = [each for each in (end.after, *managing.waits) if each is not None]
    return End(error or end.error, min(waits, default=None))


def _history(found: Seen) -> Steps[revisions.History]:
    error = yield from _claimed(found, "controllerrevisions.apps", found.histories)
    if error:
        return revisions.History(error=error)
    return (yield from revisions.history(found))


def _claimed(found: Seen, resource: str, wanted: claims.Claims) -> Steps[str]:
    """Adopt and release; say what is in the way."""
    if not wanted.adopt and not wanted.release:
        return ""
    metadata = found.daemon.metadata
    if wanted.adopt:
        (looked,) = yield (claims.look(CLAIMANT.resource, f"{metadata.namespace}/{metadata.name}"),)
        refusal = claims.refusal_to_adopt(CLAIMANT, found.daemon, looked)
        if refusal:
            return refusal
    calls = claims.patches(CLAIMANT, found.daemon, resource, wanted)
    answers = yield calls
    return claims.refused(tuple(zip(calls, answers, strict=True)), metadata.uid)


def _updated(found: Seen, managing: Managing, history: revisions.History, now: Instant, notes: Notes) -> Steps[str]:
    """Make, delete and replace pods; forget revisions. Say what went wrong."""
    orders = managing.orders()
    error = yield from _carried_out(found, orders, history.hash, now, notes)
    if error:
        return error
    # What was ordered is not seen yet, so that nothing more can be decided.
    if not orders.delete and not orders.create and rolling.is_rolling(found.daemon):
        orders = rolling.rolled(found, history.hash, now)
        error = yield from _carried_out(found, orders, history.hash, now, notes)
        if error:
            return error
    error = yield from revisions.truncated(found, history)
    return f"failed to clean up revisions of DaemonSet: {error}" if error else ""


def _carried_out(found: Seen, orders: Orders, hashed: str, now: Instant, notes: Notes) -> Steps[str]:
    """Create in batches that double, then delete all at once; say what went wrong."""
    nodes, going = orders.create[:BURST], orders.delete[:BURST]
    if not nodes and not going:
        return ""
    uid = found.daemon.metadata.uid
    keys = tuple([key_of(pod) for pod in going])
    notes.change(partial(_expecting, uid=uid, creates=len(nodes), deletes=keys, now=now))
    errors: list[str] = []
    pod = _pod(found.daemon, hashed)
    for begin, end in batches(len(nodes)):
        failed = yield from _created(found, pod, nodes[begin:end], notes)
        if failed:
            errors += failed
            notes.change(partial(_seen, uid=uid, creates=len(failed) + len(nodes) - end))
            break
    if going:
        errors += yield from _deleted(found, going, notes)
    return errors[0] if len(errors) == 1 else f"[{', '.join(dict.fromkeys(errors))}]" if errors else ""


def _expecting(own: Own, *, uid: str, creates: int, deletes: tuple[str, ...], now: Instant) -> Own:
    return replace(own, expected=expecting.expecting(own.expected, uid, creates, deletes, now))


def _seen(own: Own, *, uid: str, creates: int = 0, delete: str = "") -> Own:
    expected = expecting.fewer_creates(own.expected, uid, creates) if creates else own.expected
    return replace(own, expected=expecting.without_delete(expected, uid, delete) if delete else expected)


def _pod(daemon: Any, hashed: str) -> core_v1.Pod:
    """Make a pod that is tied to no node yet."""
    template, generation = daemon.spec.template, status.generation_of(daemon)
    of_template = template.metadata or meta_v1.ObjectMeta()
    labels = {**(of_template.labels or {}), status.REVISION: hashed}
    if generation:
        labels[status.GENERATION] = generation
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generate_name=f"{daemon.metadata.name}-",
            labels=Map(labels),
            annotations=of_template.annotations,
            finalizers=of_template.finalizers,
            owner_references=(claims.reference_to(CLAIMANT, daemon),),
        ),
        spec=replace(template.spec, tolerations=placement.tolerations_of(template.spec)),
    )


def _created(found: Seen, pod: core_v1.Pod, nodes: tuple[str, ...], notes: Notes) -> Steps[list[str]]:
    """Create a pod for each of these nodes; give what went wrong."""
    daemon, spec = found.daemon, pod.spec
    affinity = spec.affinity if spec is not None else None
    bodies = [replace(pod, spec=replace(spec, affinity=placement.tied(affinity, node))) for node in nodes]
    namespace = daemon.metadata.namespace
    answers = yield tuple([Request(verb="create", resource="pods", namespace=namespace, body=body) for body in bodies])
    failed: list[str] = []
    for answer in answers:
        if answer.ok:
            said = f"Created pod: {answer.body.metadata.name}"
            notes.record(Record(daemon, "Normal", "SuccessfulCreate", said))
        elif not namespace_ends(answer):
            failed.append(message_of(answer))
            notes.record(Record(daemon, "Warning", "FailedCreate", f"Error creating: {failed[-1]}"))
    return failed


def _deleted(found: Seen, pods: tuple[Any, ...], notes: Notes) -> Steps[list[str]]:
    """Delete these pods; give what went wrong."""
    daemon = found.daemon
    namespace = daemon.metadata.namespace
    names = [pod.metadata.name for pod in pods]
    answers = yield tuple([Request(verb="delete", resource="pods", namespace=namespace, name=name) for name in names])
    failed: list[str] = []
    for pod, answer in zip(pods, answers, strict=True):
        if answer.ok:
            notes.record(Record(daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}"))
            continue
        notes.change(partial(_seen, uid=daemon.metadata.uid, delete=key_of(pod)))
        if answer.code != NOT_FOUND:
            failed.append(message_of(answer))
            notes.record(Record(daemon, "Warning", "FailedDelete", f"Error deleting: {failed[-1]}"))
    return failed


def _told(found: Seen, hashed: str, now: Instant, *, observed: bool) -> Steps[End]:
    """Write the status if it is another one."""
    daemon = found.daemon
    after = status.next_check(daemon, found.pods, now)
    told = status.next_status(daemon, found.pods, found.nodes, hashed, now, observed=observed)
    if told is None:
        return End(after=after)
    metadata = daemon.metadata
    (answer,) = yield (
        Request(
            verb="update",
            resource=CLAIMANT.resource,
            namespace=metadata.namespace,
            name=metadata.name,
            subresource="status",
            body=replace(daemon, status=told),
        ),
    )
    return End(after=after) if answer.ok else End(f"error storing status for daemon set: {message_of(answer)}")
