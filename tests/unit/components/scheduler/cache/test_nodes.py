from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import (
    Nodes,
    moved_since,
    nth,
    room_of,
    same_room,
    slots_from,
    slots_in,
    with_pod,
    with_room,
    without_pod,
    without_room,
)

DEMAND = Demand(100, 10, 1, (("gpu", 1),), 100, 10, (("TCP", 80, "0.0.0.0"),))


@given(st.sets(st.integers(0, 300), min_size=1), st.data())
def test_sets_of_nodes(slots, data):
    chosen = sum(1 << slot for slot in slots)
    assert slots_in(chosen) == sorted(slots)
    place = data.draw(st.integers(0, len(slots) - 1))
    assert nth(chosen, place) == sorted(slots)[place]
    assert list(slots_from(chosen, place)) == [*sorted(slots)[place:], *sorted(slots)[:place]]


def test_what_a_pod_takes_it_gives_back():
    nodes = with_pod(Nodes(), "n1", DEMAND)
    twice = with_pod(nodes, "n1", DEMAND)
    assert twice.used[0].others == (("gpu", 2),)
    assert without_pod(twice, "n1", DEMAND) == nodes


def test_a_slot_is_given_back_when_neither_node_nor_pod_is_there(kit):
    nodes = with_room(with_pod(Nodes(), "n1", DEMAND), room_of(kit.node("n1")))
    nodes = with_room(nodes, room_of(kit.node("n2")))
    nodes = without_room(nodes, "n1")
    assert dict(nodes.fleet.slots.items()) == {"n1": 0, "n2": 1}
    nodes = without_pod(nodes, "n1", DEMAND)
    assert dict(nodes.fleet.slots.items()) == {"n2": 1}
    assert with_pod(nodes, "n3", DEMAND).fleet.slots["n3"] == 0


def test_a_heartbeat_is_no_change(kit):
    node = kit.node("n1")
    assert same_room(node, node)
    assert not same_room(None, node)
    nodes = with_room(Nodes(), room_of(node))
    assert with_room(nodes, room_of(kit.node("n1"))) is nodes
    assert without_room(nodes, "n2") is nodes


def test_an_image_has_the_size_that_was_reported_first_until_nobody_has_it(kit):
    nodes = with_room(Nodes(), room_of(kit.node("n1", images=[("a:1", 5)])))
    nodes = with_room(nodes, room_of(kit.node("n2", images=[("a:1", 7)])))
    assert (nodes.fleet.images["a:1"].size, nodes.fleet.images["a:1"].nodes) == (5, 0b11)
    nodes = without_room(without_room(nodes, "n1"), "n2")
    assert len(nodes.fleet.images) == 0


def test_who_lags_too_far_behind_a_journal_is_told_so():
    nodes = Nodes()
    for _ in range(5000):
        nodes = with_pod(nodes, "n1", Demand())
    assert moved_since(nodes, 0) is None
    assert moved_since(nodes, nodes.moved.end - 3) == (0,)
    assert moved_since(nodes, nodes.moved.end) == ()
