"""
Links: the network between two hosts is cut, both ways or one, or slow, and mended.

Takes:    CutLink, MendLink, SlowLink.
Gives:    who reaches whom from then on; what waited for that goes on.
Source:   etcd's check-quorum and pre-vote, which are for networks that carry one way only.
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from typing import Final

from reconcile.cluster.links import Pace
from reconcile.cluster.topology import is_written
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.members import set_timers
from reconcile.driver.machine.members.messages import rouse_members
from reconcile.driver.machine.network.reach import unpark
from reconcile.driver.machine.network.travelling import put_links
from reconcile.driver.machine.processes import reach_changed
from reconcile.events import CutLink, MendLink, SlowLink
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR
from reconcile.lib.replacing import replace


def change_link(machine: Machine, event: CutLink | MendLink | SlowLink) -> None:
    """
    Cut or mend a link, or let it be slow.

    Raises:
        ReconcileError: there is no such host, the link is so already, or none can be so.
    """
    one, other = event.one, event.other
    if machine.host(one) is machine.host(other):
        raise ReconcileError(f"{one!r} has no link to itself" if isinstance(event, SlowLink) else _ITSELF.format(one))
    ways = {(one, other)} if event.one_way else {(one, other), (other, one)}
    if isinstance(event, SlowLink):
        _slow(machine, event, ways)
    else:
        _cut(machine, event, ways)
    reach_changed(machine)
    set_timers(machine)
    unpark(machine)


_ITSELF: Final = "{!r} cannot be cut off from itself"


def _cut(machine: Machine, event: CutLink | MendLink, ways: set[tuple[str, str]]) -> None:
    one, other, cut = event.one, event.other, isinstance(event, CutLink)
    lost = {*machine.links.ways, *machine.cuts, *[(after, before) for before, after in machine.cuts]}
    if ways <= lost if cut else not ways & lost:
        state = f"{'' if cut else 'not '}cut off {'on its way to' if event.one_way else 'from each other'}"
        said = f"{one} is {state} {other}" if event.one_way else f"{one} and {other} are {state}"
        raise ReconcileError(said + " already" * cut)
    rouse_members(machine)
    lost = lost | ways if cut else lost - ways
    machine.cuts = tuple(sorted(way for way in lost if way[0] < way[1] and way[::-1] in lost))
    put_links(machine, replace(machine.links, ways=tuple(sorted(way for way in lost if way[::-1] not in lost))))


def _slow(machine: Machine, event: SlowLink, ways: set[tuple[str, str]]) -> None:
    for name, value in (("delay", event.delay), ("jitter", event.jitter)):
        if not is_written(value) or not 0 <= value <= _LONGEST:
            raise ReconcileError(f"{name}: {value!r} is not between 0 and an hour, in nanoseconds")
    if not is_written(event.loss) or not 0 <= event.loss < _MILLION:
        raise ReconcileError(f"loss: {event.loss!r} is not between 0 and 999999; what loses all is to be cut")
    rouse_members(machine)
    pace, paces = Pace(event.delay, event.jitter, event.loss), machine.links.paces
    for way in sorted(ways):
        if pace != Pace():
            paces = paces.set(way, pace)
        elif way in paces:
            paces = paces.remove(way)
    put_links(machine, replace(machine.links, paces=paces))


_MILLION: Final = 1_000_000
_LONGEST: Final = HOUR
