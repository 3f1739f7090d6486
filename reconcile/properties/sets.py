"""
What StatefulSets and DaemonSets promise on the way: who comes and goes when, and how many there are of one place.

- Of an ordinal at most one pod runs, whatever happens: a new one comes when the old one is known to be gone.
- Of a StatefulSet whose pods come in order, none comes before each one below it was ready once, and none is taken away
  while one above it is there.
- A DaemonSet has at most one pod for a node; two, if its rollouts surge.

Takes:    clusters, passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees;
          .../daemonset/.
Left out: order while a StatefulSet rolls: with a new template pods are deleted from the last to the first, and that is
          told only by what its controller noted. Whoever deletes a pod with no grace gives the ordinal away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.lib.mapping import Map
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.properties.always import running
from reconcile.properties.identities import ordinal_of
from reconcile.properties.property import Passage, Promise
from reconcile.store import Change
from reconcile.store.indexes import is_ready

_SETS: Final = "statefulsets.apps"
_DAEMONS: Final = "daemonsets.apps"
_ENDED: Final = ("Succeeded", "Failed")


# One pod of an ordinal ------------------------------------------------------------------------------------------------


@attrs.frozen
class _Gone:
    """The pods of StatefulSets that are no more, uid -> (StatefulSet's uid, key), as long as they may still run."""

    pods: Map[tuple[str, str]] = Map()


def _begin_ordinals(_: Cluster) -> _Gone:
    return _Gone()


def _one_of_an_ordinal(gone: _Gone, passage: Passage) -> tuple[_Gone, tuple[str, ...]]:
    """Tell whether a pod comes whose forerunner, which is stored no more, has a container that lives."""
    pods, said = gone.pods, []
    for change in passage.changes:
        subject = change.new or change.old
        owner = _owner(subject, "StatefulSet") if change.resource == "pods" else None
        if owner is None:
            continue
        if change.new is None:
            pods = pods.set(subject.metadata.uid, (owner.uid, change.key))
        elif change.old is None and any(row == (owner.uid, change.key) for row in pods.values()):
            lives = {uid: host for host, uid in running(passage.after)}
            for uid, row in pods.items():
                if row == (owner.uid, change.key) and uid in lives:
                    said.append(f"pod {change.key} is made while the one before it, {uid}, runs on {lives[uid]}")
            pods = Map([(uid, row) for uid, row in pods.items() if uid in lives])
    return (gone if pods is gone.pods else _Gone(pods)), tuple(said)


# Order ----------------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Readied:
    """Which ordinals of each StatefulSet, by its uid, have had a pod that was ready."""

    by_set: Map[frozenset[int]] = Map()


def _begin_order(cluster: Cluster) -> _Readied:
    found: dict[str, frozenset[int]] = {}
    for pod in cluster.store.table("pods").values():
        owner = _owner(pod, "StatefulSet")
        ordinal = None if owner is None or not is_ready(pod) else ordinal_of(owner.name, pod.metadata.name)
        if ordinal is not None:
            found[owner.uid] = found.get(owner.uid, frozenset()) | {ordinal}
    return _Readied(Map(found))


def _in_order(readied: _Readied, passage: Passage) -> tuple[_Readied, tuple[str, ...]]:
    said: list[str] = []
    for change in passage.changes:
        subject = change.new or change.old
        owner = _owner(subject, "StatefulSet") if change.resource == "pods" else None
        ordinal = None if owner is None else ordinal_of(owner.name, subject.metadata.name)
        if owner is None or ordinal is None:
            continue
        known = readied.by_set.get(owner.uid, frozenset())
        if change.new is not None and ordinal not in known and is_ready(change.new):
            readied = _Readied(readied.by_set.set(owner.uid, known | {ordinal}))
        found = passage.after.store.get(_SETS, joined(subject.metadata.namespace, owner.name))
        if found is not None and found.metadata.uid == owner.uid and found.spec.pod_management_policy != "Parallel":
            said += _out_of_order(passage, change, found, ordinal, known)
    return readied, tuple(said)


def _out_of_order(passage: Passage, change: Change, owner: Any, ordinal: int, known: frozenset[int]) -> Iterator[str]:
    first = (owner.spec.ordinals.start or 0) if owner.spec.ordinals is not None else 0
    if change.old is None:
        missing = [below for below in range(first, ordinal) if below not in known]
        if missing and owner.metadata.generation == 1:
            yield f"pod {change.key} comes before {missing[0]} of StatefulSet {owner.metadata.name} was ready"
        return
    size = 1 if owner.spec.replicas is None else owner.spec.replicas
    if _goes(change) and ordinal >= first + size and owner.metadata.deletion_timestamp is None:
        above = [
            other
            for pod in passage.after.store.table("pods").under("owner", owner.metadata.uid)
            if (other := ordinal_of(owner.metadata.name, pod.metadata.name)) is not None and other > ordinal
        ]
        if above:
            yield f"pod {change.key} of StatefulSet {owner.metadata.name} goes while {max(above)} is there"


def _goes(change: Change) -> bool:
    old, new = change.old, change.new
    if old is None or old.metadata.deletion_timestamp is not None:
        return False
    return new is None or new.metadata.deletion_timestamp is not None


# One daemon on a node -------------------------------------------------------------------------------------------------


def _one_on_a_node(_: None, passage: Passage) -> tuple[None, tuple[str, ...]]:
    said: list[str] = []
    for change in passage.changes:
        owner = _owner(change.new, "DaemonSet") if change.resource == "pods" and change.old is None else None
        if owner is None:
            continue
        store, pod = passage.after.store, change.new
        found = store.get(_DAEMONS, joined(pod.metadata.namespace, owner.name))
        if found is None or found.metadata.uid != owner.uid or not _is_observed(found):
            continue
        node, most = node_of(pod), 2 if _surges(found) else 1
        others = [each for each in store.table("pods").under("owner", owner.uid) if _counts(each, node)]
        if node and len(others) > most:
            said.append(f"DaemonSet {owner.name} has {len(others)} pods for node {node} with {change.key}")
    return None, tuple(said)


def node_of(pod: Any) -> str:
    """Give the node that a daemon is on, or is meant for; empty if it does not say."""
    if pod.spec.node_name:
        return str(pod.spec.node_name)
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = None if affinity is None else affinity.required_during_scheduling_ignored_during_execution
    for term in () if required is None else required.node_selector_terms:
        for each in term.match_fields or ():
            if each.key == "metadata.name" and each.values:
                return str(each.values[0])
    return ""


def _counts(pod: Any, node: str) -> bool:
    ended = pod.status is not None and pod.status.phase in _ENDED
    return pod.metadata.deletion_timestamp is None and not ended and node_of(pod) == node


def _surges(owner: Any) -> bool:
    strategy = owner.spec.update_strategy
    rolling = strategy.rolling_update if strategy is not None else None
    return rolling is not None and str(rolling.max_surge or 0).rstrip("%") != "0"


def _is_observed(obj: Any) -> bool:
    return obj.status is not None and (obj.status.observed_generation or 0) >= (obj.metadata.generation or 0)


def _owner(pod: Any, kind: str) -> Any:
    owner = controller_of(pod)
    return owner if owner is not None and owner.kind == kind else None


SETS: Final[tuple[Promise, ...]] = (
    Promise("at most one pod of an ordinal", ("pods",), _one_of_an_ordinal, _begin_ordinals, "always"),
    Promise("a StatefulSet keeps its order", ("pods",), _in_order, _begin_order, "undisturbed"),
    Promise("at most one daemon for a node", ("pods",), _one_on_a_node),
)
"""What StatefulSets and DaemonSets promise."""
