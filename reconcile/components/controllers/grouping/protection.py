"""
PodGroup protection: a pod group that pods name stays until the last of them has ended or is gone, though deleted.

A finalizer holds it, which the API server puts on when it is created.

Takes:    changes of PodGroups and Pods.
Gives:    updates of pod groups.
Source:   pkg/controller/scheduling/podgroupprotection.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.lib.table import Index, Table
from reconcile.model.pods.grouping import GROUPS, PROTECTION, group_of
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "podgroup-protection"
_ENDED: Final = ("Succeeded", "Failed")
_INDEXES: Final[tuple[Index[str], ...]] = (Index("group", lambda group: (group,)),)


def remember() -> Table[Key, str]:
    """Give the memory: each pod that has not ended and names a group -> the group."""
    return Table(_INDEXES)


def observe(memory: Table[Key, str], change: Change, _: Views, now: Instant) -> Table[Key, str]:  # noqa: ARG001 -- as all
    """Note which pods keep a group."""
    if change.resource != "pods":
        return memory
    group = "" if change.new is None or _has_ended(change.new) else group_of(change.new)
    if group:
        return memory.set(change.key, group)
    return memory.remove(change.key) if change.key in memory else memory


def keys_of_group(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the group if its finalizer may go."""
    return (change.key,) if _is_going(change.new) else ()


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the group that a pod, being done or gone, may have kept."""
    pod = change.new if change.new is not None and _has_ended(change.new) else None
    if change.new is None:
        pod = change.old
    group = "" if pod is None else group_of(pod)
    return (group,) if group and _is_going(views.get(GROUPS, group)) else ()


def reconcile(ask: Ask) -> Outcome:
    """Let a group that is deleted go once no pod keeps it."""
    for _, response in ask.answers:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    group = ask.views.get(GROUPS, ask.key)
    if not _is_going(group) or ask.memory.count("group", ask.key):
        return Outcome()
    metadata = group.metadata
    left = tuple([each for each in metadata.finalizers if each != PROTECTION])
    body = replace(group, metadata=replace(metadata, finalizers=left or None))
    request = Request(verb="update", resource=GROUPS, namespace=metadata.namespace, name=metadata.name, body=body)
    return Outcome(calls=(request,), again=True)


def _is_going(group: Any) -> bool:
    if group is None or group.metadata.deletion_timestamp is None:
        return False
    return PROTECTION in (group.metadata.finalizers or ())


def _has_ended(pod: Any) -> bool:
    return pod.status is not None and pod.status.phase in _ENDED


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(GROUPS, keys_of_group), Source("pods", keys_of_pod)),
    reconcile=reconcile,
    memory=remember,
    observe=observe,
    user=service_account("podgroup-protection-controller"),
    awaits=(GROUPS,),
)
