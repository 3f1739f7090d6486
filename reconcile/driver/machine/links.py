"""
Links: the network between two hosts is cut, both ways or one, and mended.

Takes:    CutLink, MendLink.
Gives:    who reaches whom from then on; what waited for that goes on.
Source:   etcd's check-quorum and pre-vote, which are for networks that carry one way only.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from reconcile.cluster.links import NO_LINKS, Links
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members import set_timers
from reconcile.driver.machine.messages import rouse_members
from reconcile.driver.machine.processes import reach_changed
from reconcile.driver.machine.reach import unpark
from reconcile.events import CutLink, MendLink
from reconcile.lib.errors import ReconcileError


def change_link(machine: Machine, event: CutLink | MendLink) -> None:
    """
    Cut or mend a link.

    Raises:
        ReconcileError: there is no such host, or the link is so already.
    """
    one, other, cut = event.one, event.other, isinstance(event, CutLink)
    if machine.host(one) is machine.host(other):
        raise ReconcileError(f"{one!r} cannot be cut off from itself")
    ways = {(one, other)} if event.one_way else {(one, other), (other, one)}
    lost = {*machine.links.ways, *machine.cuts, *[(after, before) for before, after in machine.cuts]}
    if ways <= lost if cut else not ways & lost:
        state = f"{'' if cut else 'not '}cut off {'on its way to' if event.one_way else 'from each other'}"
        said = f"{one} is {state} {other}" if event.one_way else f"{one} and {other} are {state}"
        raise ReconcileError(said + " already" * cut)
    rouse_members(machine)
    lost = lost | ways if cut else lost - ways
    machine.cuts = tuple(sorted(way for way in lost if way[0] < way[1] and way[::-1] in lost))
    left = tuple(sorted(way for way in lost if way[::-1] not in lost))
    machine.links = Links(left) if left else NO_LINKS
    machine.apart = machine.plural or machine.fronted or bool(left)
    reach_changed(machine)
    set_timers(machine)
    unpark(machine)
