"""Which nodes are found first, against a second implementation that goes from node to node."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.scheduler.cache.nodes import Nodes, room_of, slots_in, with_room, without_room
from reconcile.components.scheduler.framework.rota import Rota, in_order, sampled, wanted


def test_how_many_are_looked_for():
    assert [wanted(nodes, 0) for nodes in (99, 100, 200, 1000, 5000, 6000)] == [99, 100, 100, 420, 500, 300]
    assert [wanted(1000, share) for share in (5, 50, 100)] == [100, 500, 1000]


class Naive:
    """Zones in the order in which they came, each with its nodes in the order in which they did."""

    def __init__(self):
        self.zones = {}

    def remove(self, name):
        for zone in [zone for zone, names in self.zones.items() if name in names]:
            self.zones[zone].remove(name)
            if not self.zones[zone]:
                del self.zones[zone]

    def put(self, name, zone):
        if name not in self.zones.get(zone, ()):
            self.remove(name)
            self.zones.setdefault(zone, []).append(name)

    def order(self):
        lines, found = [list(names) for names in self.zones.values()], []
        while any(lines):
            found += [line.pop(0) for line in lines if line]
        return found


@given(
    fit=st.integers(0, (1 << 200) - 1),
    start=st.integers(0, 199),
    count=st.integers(1, 150),
    slots=st.permutations(range(200)),
)
def test_parts_are_but_a_shorter_way(fit, start, count, slots):
    parts = [sum(1 << slot for slot in slots[place : place + 64]) for place in range(0, 200, 64)]
    found, after = [], start
    for step in range(200):
        place = (start + step) % 200
        if fit >> slots[place] & 1:
            if len(found) == count:
                after = place
                break
            found.append(slots[place])
    chosen, then = sampled(Rota(0, 200, tuple(slots), tuple(parts)), fit, start, count)
    assert (slots_in(chosen), then) == (sorted(found), after)


@given(
    steps=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["a", "b", "c", "", None])), max_size=30),
    picks=st.data(),
)
def test_one_node_of_each_zone_in_turn(kit, steps, picks):
    nodes, naive = Nodes(), Naive()
    for number, zone in steps:
        name = f"n{number}"
        if zone is None:
            nodes = without_room(nodes, name)
            naive.remove(name)
        else:
            labels = [("topology.kubernetes.io/zone", zone)] if zone else []
            nodes = with_room(nodes, room_of(kit.node(name, labels=labels)))
            naive.put(name, zone)
    rota = in_order(None, nodes.fleet)
    slots = slots_in(nodes.fleet.known) if not rota.slots else list(rota.slots)
    names = [nodes.fleet.names[slot] for slot in slots]
    assert names == naive.order()
    if not names:
        return
    fit = picks.draw(st.sets(st.sampled_from(slots)))
    start, count = picks.draw(st.integers(0, len(slots) - 1)), picks.draw(st.integers(1, 4))
    found, after = [], start
    for step in range(len(slots)):
        place = (start + step) % len(slots)
        if slots[place] in fit:
            if len(found) == count:
                after = place
                break
            found.append(slots[place])
    chosen, then = sampled(rota, sum(1 << slot for slot in fit), start, count)
    assert (slots_in(chosen), then) == (sorted(found), after)


def test_the_order_is_kept_until_a_node_changes(kit):
    nodes = with_room(Nodes(), room_of(kit.node("n1")))
    rota = in_order(None, nodes.fleet)
    assert in_order(rota, nodes.fleet) is rota
    assert in_order(rota, with_room(nodes, room_of(kit.node("n2"))).fleet) == Rota(2, 2)
