"""
Taint eviction: pods that do not tolerate the taints NoExecute of their node are deleted, at once or when the time for
which they bear them is over.

Takes:    changes of nodes and of pods.
Gives:    a look at the pod, its condition DisruptionTarget, its deletion; Kubernetes Events about it.
Source:   pkg/controller/tainteviction: taint_eviction.go, timed_workers.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.marking import marked_for_disruption
from reconcile.components.controllers.nodes.taints import bears, no_execute
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.lib.instant import MILLISECOND, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

NAME: Final = "taint-eviction-controller"

# A deletion that fails is tried again so often, so much later; then the pod stays until something changes.
RETRIES: Final = 4
RETRY: Final = 10 * MILLISECOND

_REASON: Final = "DeletionByTaintManager"
_MESSAGE: Final = "Taint manager: deleting due to NoExecute taint"


@quick
@attrs.frozen(weakref_slot=False)
class Eviction:
    """
    A pod that is to go because of its node's taints.

    Args:
        uid: the pod's; a later pod of the same name is another one.
        due: when it is to go.
        begun: the event is recorded, and the pod on its way out.
    """

    uid: str
    due: Instant
    begun: bool = False


Memory: TypeAlias = Table[Key, Eviction]
"""By the pod's key."""


def keys_of_node(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the node's pods, if its taints NoExecute have changed."""
    old, new = change.old, change.new
    if new is None:
        return ()
    before = () if old is None else no_execute(old)
    if old is not None and (old.spec is new.spec or old.spec.taints == new.spec.taints):
        return ()
    return () if before == no_execute(new) else views.table("pods").keys_under("node", change.key)


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give a pod that came to a tainted node or bears its taints otherwise, and one that is gone from there."""
    old, new = change.old, change.new
    if new is not None and old is not None:
        before, after = old.spec, new.spec
        if before is after or (before.node_name == after.node_name and before.tolerations == after.tolerations):
            return ()
    name = (new or old).spec.node_name
    node = views.get("nodes", name) if name else None
    if node is None:
        return (change.key,) if name and new is None else ()
    return (change.key,) if no_execute(node) else ()


def reconcile(ask: Ask) -> Outcome:
    """Evict one pod if its node's taints say so, now or when the time that it bears them is over."""
    if ask.answers:
        return _answered(ask)
    pod = ask.views.get("pods", ask.key)
    planned: Eviction | None = ask.memory.get(ask.key, None)
    if pod is None:
        return _cancelled(ask, planned)
    if planned is not None and planned.uid != pod.metadata.uid:
        planned = None
    if planned is not None and planned.begun:
        return _looked_at(ask, planned)
    node = ask.views.get("nodes", pod.spec.node_name) if pod.spec.node_name else None
    records: tuple[Record, ...] = ()
    if node is not None:  # that a node is gone calls nothing off
        lasts = bears(pod.spec.tolerations, no_execute(node))
        if lasts is None:
            return _cancelled(ask, planned)
        if lasts == 0 and planned is not None and planned.due > ask.now:
            # It bears its taints no more: what was planned is called off for what is done at once.
            records, planned = _cancelling(ask.key), None
        planned = planned or Eviction(pod.metadata.uid, ask.now + lasts)
    if planned is None:
        return Outcome()
    if planned.due > ask.now:
        return Outcome(memory=ask.memory.set(ask.key, planned), records=records, after=planned.due - ask.now)
    records = (*records, _record(ask.key, f"Marking for deletion Pod {ask.key}"))
    return replace(_looked_at(ask, replace(planned, begun=True)), records=records)


def _looked_at(ask: Ask, planned: Eviction) -> Outcome:
    namespace, name = split_key(ask.key)
    look = Request(verb="get", resource="pods", namespace=namespace, name=name)
    return Outcome(calls=(look,), memory=ask.memory.set(ask.key, planned), again=True)


def _answered(ask: Ask) -> Outcome:
    """Go on after the look with the pod's condition, and after that with its deletion."""
    request, answer = ask.answers[0]
    if not answer.ok:
        return Outcome(error=text_of(answer))
    if request.verb == "delete":
        return Outcome(memory=ask.memory.remove(ask.key) if ask.key in ask.memory else ask.memory)
    if request.verb == "get":
        marked = marked_for_disruption(answer.body, _REASON, _MESSAGE, ask.now)
        if marked is not None:
            return Outcome(calls=(marked,), again=True)
    namespace, name = split_key(ask.key)
    options = meta_v1.DeleteOptions()
    return Outcome(
        calls=(Request(verb="delete", resource="pods", namespace=namespace, name=name, body=options),), again=True
    )


def _cancelled(ask: Ask, planned: Eviction | None) -> Outcome:
    """Drop a planned eviction; say so if it had not begun."""
    if planned is None and ask.key not in ask.memory:
        return Outcome()
    memory = ask.memory.remove(ask.key)
    return Outcome(memory=memory, records=() if planned is None or planned.begun else _cancelling(ask.key))


def _cancelling(key: Key) -> tuple[Record, ...]:
    return (_record(key, f"Cancelling deletion of Pod {key}"),)


def _record(key: Key, message: str) -> Record:
    namespace, name = split_key(key)
    about = core_v1.Pod(metadata=meta_v1.ObjectMeta(namespace=namespace, name=name))
    return Record(about, "Normal", "TaintManagerEviction", message)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("nodes", keys_of_node), Source("pods", keys_of_pod)),
    reconcile=reconcile,
    memory=Table,
    workers=8,
    retries=RETRIES,
    back_off=(RETRY, RETRY),
    user=service_account("node-controller"),
)
