"""
What the controller remembers between two looks at caches that lag.

Expectations say what it has ordered and not seen yet: until it has seen it, it counts nothing anew. The unsure are the
owners whose pods have to be looked through, because one may have to be adopted or released; all others' are only
counted.

The pace bounds what would otherwise go on for ever at one instant: a pod fails as soon as it is there, is replaced, and
fails. An owner may have as many pods as it declares at once. Those that replace others are made as fast as upstream's
client lets its controller make them: a request for each, and two for the owner's status, which loses them and gets them
back.

Takes:    every change of pods and of their owners.
Gives:    Memory.
Source:   pkg/controller/controller_utils.go, UIDTrackingControllerExpectations; for the pace, the client that the
          controller-manager gives each of its controllers: --kube-api-qps 20, --kube-api-burst 30.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.controllers.runtime import Views
from reconcile.components.controllers.workloads.claims import Claimant, becomes_orphan, selecting
from reconcile.lib.bucket import Bucket
from reconcile.lib.instant import MILLISECOND, MINUTE, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier
from reconcile.lib.table import Table
from reconcile.model.owners import controller_of
from reconcile.store import Change

# After this long an expectation is given up: whatever it waits for was missed.
EXPIRES: Final = 5 * MINUTE

PACE: Final[Duration] = 50 * MILLISECOND
PACED: Final = 30
_STATUS_WRITES: Final = 2

_NONE: Final[Table[str, bool]] = Table()
_YES: Final = True  # the value of a table of which only the keys count


@quick
@attrs.frozen(weakref_slot=False)
class Expectation:
    """
    What one owner's controller has ordered and not seen.

    Args:
        creates: how many pods are to appear.
        deletes: the keys of the pods that are to go; only the keys count.
        at: when it was ordered.
        left: how many of the creations are not even sent: they wait for the batch before them.
        version: the newest resource version of what was created.
    """

    creates: int
    deletes: Table[str, bool]
    at: Instant
    left: int = 0
    version: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    By the owner's uid; of the unsure only the uids count.

    *paces* say when an owner's bucket of requests is full again.
    """

    expectations: Table[str, Expectation] = attrs.field(factory=Table)
    unsure: Table[str, bool] = attrs.field(factory=Table)
    paces: Table[str, Instant] = attrs.field(factory=Table)


_with_expectations: Final[Callable[[Memory, Table[str, Expectation]], Memory]] = copier(Memory, "expectations")
_with_unsure: Final[Callable[[Memory, Table[str, bool]], Memory]] = copier(Memory, "unsure")
_with_paces: Final[Callable[[Memory, Table[str, Instant]], Memory]] = copier(Memory, "paces")


def is_satisfied(memory: Memory, uid: str, now: Instant, seen: int | None = None) -> bool:
    """
    Tell whether everything that was ordered for this owner was seen, or is too long ago.

    Args:
        memory: the controller's.
        uid: the owner's.
        now: the instant.
        seen: the revision as of which the pods are seen. However long ago they were made, what is older is waited for;
            None to give it up.
    """
    expected = memory.expectations.get(uid, None)
    if expected is None or (expected.creates <= 0 and not len(expected.deletes)):
        return True
    return now - expected.at > EXPIRES and (seen is None or seen >= expected.version)


def expecting_creates(memory: Memory, uid: str, count: int, sent: int, now: Instant) -> Memory:
    """Expect *count* creations, of which *sent* are sent."""
    return _expecting(memory, uid, Expectation(count, _NONE, now, count - sent))


def expecting(memory: Memory, uid: str, creates: int, deletes: tuple[str, ...], now: Instant) -> Memory:
    """Expect so many creations, all of them sent, and that the pods with the keys *deletes* go."""
    return _expecting(memory, uid, Expectation(creates, Table.of([(key, _YES) for key in deletes]), now))


def paced(memory: Memory, uid: str, wanted: int, count: int, now: Instant) -> tuple[Memory, Duration]:
    """
    Let an owner that declares *wanted* pods have *count* more; or say how long it has to wait, and change nothing.

    A controller that was restarted begins with a full bucket, as a new process's client does.
    """
    bucket, full_at = Bucket(PACE, PACED + wanted), memory.paces.get(uid, 0)
    replaces = bucket.missing(full_at, now) + count > wanted
    full_at = bucket.taken(full_at, now, count + _STATUS_WRITES if replaces else count)
    wait = bucket.owed(full_at, now)
    return (memory, wait) if wait else (_with_paces(memory, memory.paces.set(uid, full_at)), 0)


def expecting_deletes(memory: Memory, uid: str, keys: list[str], now: Instant) -> Memory:
    """Expect the deletion of the pods with these keys."""
    return _expecting(memory, uid, Expectation(0, Table.of([(key, _YES) for key in keys]), now))


def sending(memory: Memory, uid: str, count: int, version: int) -> Memory:
    """Note that *count* more of the expected creations are sent, and the newest *version* of those that were made."""
    old = memory.expectations.get(uid, None)
    if old is None:
        assert not count, "what is left to be sent is known from the expectation"
        return memory  # all of them are seen
    made = Expectation(old.creates, old.deletes, old.at, old.left - count, max(old.version, version))
    return _expecting(memory, uid, made)


def left_to_send(memory: Memory, uid: str) -> int:
    """Count the expected creations that are not sent."""
    expected = memory.expectations.get(uid, None)
    return 0 if expected is None else expected.left


def fewer_creates(memory: Memory, uid: str, count: int) -> Memory:
    """Expect *count* creations less: they were seen, or will not be. None is left to be sent if one will not be."""
    old = memory.expectations.get(uid, None)
    if old is None:
        return memory
    return _expecting(memory, uid, Expectation(old.creates - count, old.deletes, old.at, old.left, old.version))


def skipping(memory: Memory, uid: str, failed: int) -> Memory:
    """Expect none of the *failed* creations, and none that is not sent: a batch failed. Only what is made is paced."""
    old = memory.expectations.get(uid, None)
    if old is None:
        return memory
    full_at = memory.paces.get(uid, 0) - (failed + old.left) * PACE
    memory = _with_paces(memory, memory.paces.set(uid, full_at))
    return _expecting(memory, uid, Expectation(old.creates - failed - old.left, old.deletes, old.at, 0, old.version))


def without_delete(memory: Memory, uid: str, key: str) -> Memory:
    """Expect the deletion of the pod with this key no more: it was seen, or will not be."""
    old = memory.expectations.get(uid, None)
    if old is None or key not in old.deletes:
        return memory
    return _expecting(memory, uid, Expectation(old.creates, old.deletes.remove(key), old.at, old.left, old.version))


def made_sure(memory: Memory, uid: str) -> Memory:
    """Note that the owner has exactly the pods that it is to have."""
    return _with_unsure(memory, memory.unsure.remove(uid)) if uid in memory.unsure else memory


def observe(claimant: Claimant, memory: Memory, change: Change, views: Views) -> Memory:
    """Take a change in; it costs next to nothing unless it concerns an expectation or a claim."""
    if change.resource == claimant.resource:
        return _owner_observed(memory, change)
    old, new = change.old, change.new
    owner = controller_of(old if new is None else new)
    if owner is None:
        return _orphan_observed(claimant, memory, change, views)
    if owner.kind != claimant.kind:
        return memory
    uid = owner.uid
    if uid in memory.expectations:
        if new is None or new.metadata.deletion_timestamp is not None:
            memory = without_delete(memory, uid, change.key)
        elif old is None:
            memory = fewer_creates(memory, uid, 1)
    if new is not None and (old is None or _is_other(old.metadata.labels, new.metadata.labels)):
        found = views.get(claimant.resource, f"{new.metadata.namespace}/{owner.name}")
        if found is None or not claimant.selects(found, new.metadata.labels):
            memory = _unsure(memory, uid)
    return memory


def _is_other(before: Any, after: Any) -> bool:
    return before is not after and before != after


def _orphan_observed(claimant: Claimant, memory: Memory, change: Change, views: Views) -> Memory:
    if becomes_orphan(change):
        for _, owner in selecting(claimant, change.new, views):
            memory = _unsure(memory, owner.metadata.uid)
    return memory


def _owner_observed(memory: Memory, change: Change) -> Memory:
    old, new = change.old, change.new
    if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
        uid = old.metadata.uid
        memory = made_sure(memory, uid)
        if uid in memory.expectations:
            memory = _with_expectations(memory, memory.expectations.remove(uid))
        if uid in memory.paces:
            memory = _with_paces(memory, memory.paces.remove(uid))
        old = None
    if new is not None and (old is None or _is_other(old.spec.selector, new.spec.selector)):
        memory = _unsure(memory, new.metadata.uid)
    return memory


def _unsure(memory: Memory, uid: str) -> Memory:
    return memory if uid in memory.unsure else _with_unsure(memory, memory.unsure.set(uid, _YES))


def _expecting(memory: Memory, uid: str, expected: Expectation) -> Memory:
    if expected.creates <= 0 and not expected.left and not len(expected.deletes):
        return _with_expectations(memory, memory.expectations.remove(uid)) if uid in memory.expectations else memory
    return _with_expectations(memory, memory.expectations.set(uid, expected))
