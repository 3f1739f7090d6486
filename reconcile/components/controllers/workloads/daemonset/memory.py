"""
What the DaemonSet controller remembers: what it has ordered and not seen yet, and how often pods failed on a node.

Takes:    every change of DaemonSets and of pods.
Gives:    `sittings.Memory` whose own part is `Own`.
Source:   pkg/controller/daemon: expectations, failedPodsBackoff (1 s to 15 min); client-go's flowcontrol.Backoff.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.controllers.runtime import Views
from reconcile.components.controllers.workloads import sittings
from reconcile.components.controllers.workloads.daemonset.seeing import CLAIMANT
from reconcile.components.controllers.workloads.replicaset import memory as expecting
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.store import Change

FIRST_BACK_OFF: Final[Duration] = SECOND
LONGEST_BACK_OFF: Final[Duration] = 15 * MINUTE


@quick
@attrs.frozen(weakref_slot=False)
class BackOff:
    """How long a failed pod is left alone on a node, and since when that counts."""

    lasts: Duration
    since: Instant


@quick
@attrs.frozen(weakref_slot=False)
class Own:
    """
    What it remembers beside its looks.

    Args:
        expected: what it has ordered and not seen.
        back_offs: by (uid, observed generation, node).
    """

    expected: expecting.Memory = attrs.field(factory=expecting.Memory)
    back_offs: Table[tuple[str, int, str], BackOff] = attrs.field(factory=Table)


def begin() -> sittings.Memory:
    """Give the first memory."""
    return sittings.Memory(own=Own())


def observe(memory: sittings.Memory, change: Change, views: Views, _: Instant) -> sittings.Memory:
    """Take a change in: something that was ordered may be seen; what is gone is forgotten."""
    own: Own = memory.own
    old, new = change.old, change.new
    if change.resource == "pods":
        expected = expecting.observe(CLAIMANT, own.expected, change, views)
        return memory if expected is own.expected else replace(memory, own=replace(own, expected=expected))
    if old is None or (new is not None and new.metadata.uid == old.metadata.uid):
        return memory
    uid = old.metadata.uid
    expected = expecting.observe(CLAIMANT, own.expected, change, views)
    back_offs = own.back_offs
    for key in [known for known in own.back_offs if known[0] == uid]:
        back_offs = back_offs.remove(key)
    return replace(sittings.forgotten(memory, change.key), own=Own(expected, back_offs))


def leaves_alone(back_offs: Table[tuple[str, int, str], BackOff], key: tuple[str, int, str], now: Instant) -> Duration:
    """Tell for how long a failed pod is not to be deleted yet; 0 if it may be."""
    known = back_offs.get(key, None)
    if known is None or _is_over(known, now) or now - known.since >= known.lasts:
        return 0
    return known.lasts


def failed_again(own: Own, key: tuple[str, int, str], now: Instant) -> Own:
    """Let the next failure of this key be left alone for longer."""
    known = own.back_offs.get(key, None)
    lasts = FIRST_BACK_OFF if known is None or _is_over(known, now) else min(2 * known.lasts, LONGEST_BACK_OFF)
    return replace(own, back_offs=own.back_offs.set(key, BackOff(lasts, now)))


def _is_over(known: BackOff, now: Instant) -> bool:
    return now - known.since > 2 * LONGEST_BACK_OFF
