"""
Ordering: whose verdict stands for a node where a profile asks its filters in an order of its own.

Which nodes will do does not depend on it; which of several filters that refuse a node is named does, and so does
whether preemption might help there.

Source:   the scheduler framework's RunFilterPluginsWithNominatedPods: the first filter that refuses ends it, with those
          who are promised the node thought there first.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.components.scheduler.cache.nodes import slots_in
from reconcile.components.scheduler.framework.company import Around, Refused
from reconcile.components.scheduler.framework.one_node import NO_CHANGE, Body, Change, verdict
from reconcile.components.scheduler.framework.search import Search, key_of, promised
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.node_affinity import ELSEWHERE
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.components.scheduler.state import Nominee
from reconcile.lib.table import Table


def ordered(entry: Entry, search: Search, around: Around, nominated: Table[str, Nominee]) -> Search:
    """Give what was found, with the verdict of the filter that the profile asks first of those that refuse a node."""
    if not around.profile.order or search.barred is not None:
        return search
    body = Body(entry.demand, entry.traits)
    waiting = promised(key_of(entry.pod), entry.traits.priority, around.nodes, nominated)
    rows: dict[Refusal, int] = {}
    found: Refused = []
    for refusal, members in search.refused:
        if refusal == ELSEWHERE:
            found.append((refusal, members))  # nobody is asked about these
            continue
        for slot in slots_in(members):
            changes = (Change(came=waiting[slot]), NO_CHANGE) if slot in waiting else (NO_CHANGE,)
            verdicts = [verdict(body, entry.wishes, slot, around, change) for change in changes]
            why = next((each for each in verdicts if each is not None), refusal)
            rows[why] = rows.get(why, 0) | 1 << slot
    return search._replace(refused=[*found, *sorted(rows.items())])
