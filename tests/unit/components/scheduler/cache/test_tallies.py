from collections import Counter

import attrs
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.scheduler.cache.census import Census, OpenCensus
from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.guises import ALL, Guise, PodTerm, Rule, Sought, is_sought
from reconcile.components.scheduler.cache.nodes import (
    Nodes,
    room_of,
    slots_in,
    with_pod,
    with_room,
    without_pod,
    without_room,
)
from reconcile.components.scheduler.cache.topologies import Scope
from reconcile.components.scheduler.cache.traits import Traits

REPELS = Rule("repels", 0, PodTerm("zone", ("default",), (), ()))
GUISES = [
    Guise("default", (("app", "a"),)),
    Guise("default", (("app", "a"),), leaving=True),
    Guise("default", (("app", "b"),), rules=(REPELS,)),
    Guise("other", (("app", "a"),)),
]
SOUGHT = [
    Sought(((("default",), (("app", "=", ("a",)),)),), staying=True),
    Sought(((ALL, (("app", "=", ("a",)),)),)),
    Sought(rules=(REPELS,)),
]
SCOPES = [Scope(), Scope(keys=("disk",))]


@given(st.data())
def test_counts_are_those_of_who_is_there(kit, data):
    nodes, census, here = Nodes(), Census(), []
    for _ in range(data.draw(st.integers(1, 25))):
        name = f"n{data.draw(st.integers(0, 3))}"
        match data.draw(st.sampled_from(["node", "node", "lose", "come", "come", "come", "go"])):
            case "node":
                labels = [(key, value) for key, value in (("zone", data.draw(st.sampled_from("xy"))), ("disk", "1"))]
                nodes = with_room(nodes, room_of(kit.node(name, labels=labels[: data.draw(st.integers(0, 2))])))
            case "lose":
                nodes = without_room(nodes, name)
            case "come":
                guise = data.draw(st.sampled_from(GUISES))
                nodes = with_pod(nodes, name, Demand(), Traits(guise))
                here.append((name, guise))
            case "go" if here:
                name, guise = here.pop(data.draw(st.integers(0, len(here) - 1)))
                nodes = without_pod(nodes, name, Demand(), Traits(guise))
        asked = OpenCensus(census, nodes, lambda: [(nodes.fleet.slots[name], guise) for name, guise in here])  # noqa: B023
        for sought in SOUGHT:
            counts = Counter([name for name, guise in here if is_sought(sought, guise)])
            assert by_name(nodes, asked.headcount(sought)) == dict(counts)
            for scope in SCOPES:
                agrees(nodes, asked.tally(sought, "zone", scope), counts, scope)
        census = asked.closed(census)


def agrees(nodes, tally, counts, scope):
    rooms = [room for room in nodes.fleet.rooms.values() if "zone" in room.labels]
    counted = [room for room in rooms if all(key in room.labels for key in scope.keys)]
    domains = {room.labels["zone"]: 0 for room in counted}
    for room in counted:
        domains[room.labels["zone"]] += counts[room.name]
    assert dict(tally.domains.items()) == domains
    shown = {}
    for room in rooms:
        if room.labels["zone"] in domains:
            shown.setdefault(domains[room.labels["zone"]], set()).add(room.name)
    assert {pods: names(nodes, members) for pods, members in tally.levels.items()} == shown
    assert names(nodes, tally.occupied) == {name for pods, found in shown.items() if pods for name in found}


def by_name(nodes, headcount):
    found = {nodes.fleet.names[slot]: pods for slot, pods in headcount.counts.items()}
    for place, members in enumerate(headcount.levels):
        assert names(nodes, members) == {name for name, pods in found.items() if pods == place + 1}
    return found


def names(nodes, members):
    return {nodes.fleet.names[slot] for slot in slots_in(members)}


def test_what_nobody_asked_for_is_the_same_census(kit):
    nodes = with_room(Nodes(), room_of(kit.node("n1")))
    census = Census()
    assert OpenCensus(census, nodes, list).closed(census) is census
    assert attrs.evolve(census, turn=1) != census
