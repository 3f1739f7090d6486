"""A member of etcd: what it makes of the log, of requests, of its timers."""

import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components import etcd
from reconcile.components.etcd import raft
from reconcile.effects import Exit, SetTimer
from reconcile.events import Started, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.instant import HOUR, SECOND
from reconcile.store import Compare, Put, Refused, Store, Txn, grant


def note(name):
    return core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name=name, namespace="default"))


def put(name, *, was=0):
    key = f"default/{name}"
    return Txn((Compare("configmaps", key, was),), (Put("configmaps", key, note(name)),))


def begun(*voters, store=None, now=0):
    """Give the member a, which has started, and its orders."""
    disk = raft.founded(voters, Store() if store is None else store)
    return etcd.step(etcd.begin("a", disk, Dice(1, "a")), Started(now))


def told(member, *events):
    """Tell a lone member, whose disk is prompt, one event after the other; give all its orders."""
    orders = []
    for event in events:
        member, more = etcd.step(member, event)
        orders += more
        for order in more:
            if isinstance(order, etcd.Sync):
                member, later = told(member, etcd.Synced(event.now, order.order.number))
                orders += later
    return member, orders


@pytest.fixture
def leading():
    member, _ = begun("a")
    member, _ = told(member, TimerFired(member.raft.deadline, ("raft",)))
    assert etcd.leads(member)
    return member


def of(orders, kind):
    return [order for order in orders if isinstance(order, kind)]


def write(number, *txns, **more):
    return etcd.WriteWanted(5 * SECOND, etcd.Write("a", number, txns, at=5 * SECOND, **more))


def test_it_begins_with_what_is_on_its_disk():
    store = grant(Store(), HOUR, 0, 7)
    member, orders = begun("a", store=store)
    assert member.store is store
    assert of(orders, etcd.Restored) == [etcd.Restored(1, store)]
    assert etcd.leader_of(member) == ""


def test_a_write_is_answered_once_it_is_applied(leading):
    member, orders = told(leading, write(3, put("one"), put("two")))
    (written,) = of(orders, etcd.Written)
    (applied,) = of(orders, etcd.Applied)
    assert (written.number, written.store) == (3, member.store)
    assert [change.key for change in written.outcome] == ["default/one"]
    assert [change.key for change in applied.changes] == ["default/one", "default/two"]
    assert member.store.revision == 2
    assert not member.asked


def test_a_write_whose_compare_fails_changes_nothing(leading):
    member, orders = told(leading, write(3, put("one", was=9), put("two")))
    (written,) = of(orders, etcd.Written)
    assert written.outcome == Refused(Compare("configmaps", "default/one", 9), 0)
    assert member.store == leading.store


def test_members_that_apply_the_same_share_what_it_makes(leading):
    other = attrs.evolve(leading)
    entry = write(3, put("one"))
    assert told(leading, entry)[0].store is told(other, entry)[0].store


def test_a_write_brings_its_lease_and_the_leader_ends_it(leading):
    member, orders = told(leading, write(3, put("one"), lease=7, ttl=HOUR))
    assert SetTimer(("lease", 7), 5 * SECOND + HOUR, periodic=True) in orders
    assert member.store.leases[7].expires == 5 * SECOND + HOUR
    ended, orders = told(member, TimerFired(2 * HOUR, ("lease", 7)))
    assert ended.store.get("configmaps", "default/one") is None
    assert [change.new for change in of(orders, etcd.Applied)[0].changes] == [None]
    assert told(ended, TimerFired(3 * HOUR, ("lease", 7))) == (ended, [])


def test_a_new_leader_gives_every_lease_its_whole_time():
    member, _ = begun("a", store=grant(Store(), HOUR, 0, 7))
    at = member.raft.deadline
    _, orders = told(member, TimerFired(at, ("raft",)))
    assert SetTimer(("lease", 7), at + HOUR, periodic=True) in orders


def test_a_leader_compacts_to_where_history_stood_when_it_was_last_asked(leading):
    member, _ = told(leading, write(3, put("one")))
    member, orders = told(member, TimerFired(6 * SECOND, ("compact",)))
    assert not of(orders, etcd.Sync)
    member, _ = told(member, write(4, put("two")), TimerFired(9 * SECOND, ("compact",)))
    assert (member.store.compacted, member.store.revision) == (1, 2)
    behind, _ = told(member, TimerFired(9 * SECOND, ("compact",)))
    assert behind.store.compacted == 2


def test_a_read_waits_for_nobody_where_there_is_nobody_else(leading):
    member, orders = told(leading, etcd.ReadWanted(SECOND, 4))
    assert of(orders, etcd.Readable) == [etcd.Readable(4)]
    assert not member.asked


def test_what_is_asked_without_a_leader_is_refused_at_once():
    member, _ = begun("a", "b", "c")
    member, orders = told(member, write(3, put("one")))
    assert of(orders, etcd.Failed) == [etcd.Failed(3, "etcdserver: no leader")]
    assert not member.asked


def test_what_is_not_answered_is_given_up_after_seven_seconds():
    member, _ = begun("a", "b", "c")
    term = member.raft.term
    member, _ = told(member, etcd.Heard(0, raft.Heartbeat("b", "a", term, 1)))
    member, orders = told(member, write(3, put("one")))
    until = 5 * SECOND + etcd.REQUEST_TIMEOUT
    assert SetTimer(("timeout",), until, periodic=True) in orders
    member, _ = told(member, etcd.ReadWanted(6 * SECOND, 4))
    member, orders = told(member, TimerFired(until, ("timeout",)))
    assert orders == [
        etcd.Failed(3, etcd.TIMED_OUT, unknown=True),
        SetTimer(("timeout",), until + SECOND, periodic=True),
    ]
    _, orders = told(member, TimerFired(until + SECOND, ("timeout",)))
    assert orders == [etcd.Failed(4, etcd.TIMED_OUT)]


def test_a_read_is_asked_again_of_a_new_leader_and_a_write_is_not():
    member, _ = begun("a", "b", "c")
    term = member.raft.term
    member, _ = told(member, etcd.Heard(0, raft.Heartbeat("b", "a", term, 1)))
    member, _ = told(member, write(3, put("one")), etcd.ReadWanted(6 * SECOND, 4))
    _, orders = told(member, etcd.Heard(7 * SECOND, raft.Heartbeat("c", "a", term + 1, 1)))
    asked = [order.message for order in of(orders, etcd.Post) if not isinstance(order.message, raft.HeartbeatReply)]
    assert asked == [raft.ReadIndex("a", "c", term + 1, 4)]


def test_a_snapshot_takes_the_place_of_many_entries(leading):
    member = leading
    for number in range(600):
        member, _ = told(member, write(number, put(f"n{number}")))
    assert member.raft.log.snapshot.index > 400
    assert len(member.raft.log.entries) < 500
    assert member.store.revision == 600


def removed(name, *voters):
    """Give the member a of a cluster of *voters*, whose disk says that *name* was removed, and its orders."""
    disk = raft.founded(voters, Store())
    entry = raft.Entry(2, 2, raft.Change("remove", name))
    disk = raft.written(disk, raft.Persist(1, 2, "", 2, entries=(entry,)))
    return etcd.step(etcd.begin("a", disk, Dice(1, "a")), Started(5 * SECOND))


def test_who_has_applied_its_own_removal_ends_a_second_later():
    member, orders = removed("a", "a", "b")
    assert SetTimer(("removed",), 6 * SECOND) in orders
    _, (ended,) = etcd.step(member, TimerFired(6 * SECOND, ("removed",)))
    assert ended.code == 0
    assert "the member has been permanently removed from the cluster" in ended.wrote[0]
    assert ("removed",) not in [order.key for order in of(removed("b", "a", "b")[1], SetTimer)]


def test_who_was_added_again_since_goes_on():
    member, _ = removed("a", "a", "b")
    again = attrs.evolve(member, raft=attrs.evolve(member.raft, membership=raft.Membership(("b",), ("a",))))
    assert etcd.step(again, TimerFired(6 * SECOND, ("removed",))) == (again, ())


def test_who_is_told_that_it_was_removed_ends_at_once(leading):
    _, (ended,) = etcd.step(leading, etcd.Heard(5 * SECOND, etcd.Gone("b", "a", 2)))
    assert isinstance(ended, Exit)
    assert ended.code == 0
