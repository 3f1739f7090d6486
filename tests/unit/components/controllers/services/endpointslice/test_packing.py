"""Packing endpoints into slices: nothing lost, nothing twice, and few writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, discovery_v1, meta_v1
from reconcile.components.controllers.services.endpointslice._packing import MOST_ENDPOINTS, identity, pack


def endpoint(number, *, ready=True):
    return discovery_v1.Endpoint(
        addresses=(f"10.0.{number // 250}.{number % 250}",),
        conditions=discovery_v1.EndpointConditions(ready=ready),
        target_ref=core_v1.ObjectReference(uid=f"u{number}"),
    )


def sliced(name, endpoints):
    return discovery_v1.EndpointSlice(
        address_type="IPv4", metadata=meta_v1.ObjectMeta(name=name), endpoints=tuple(endpoints)
    )


def wanting(endpoints):
    return {identity(one): one for one in endpoints}


def test_new_endpoints_fill_slices_to_the_brim():
    packed = pack((), wanting(map(endpoint, range(250))))
    assert [len(one) for one in packed.creates] == [100, 100, 50]
    assert not packed.updates
    assert not packed.deletes


def test_what_is_right_stays():
    slices = (sliced("a", map(endpoint, range(3))),)
    assert pack(slices, wanting(map(endpoint, range(3)))).kept == slices


def test_a_change_writes_its_own_slice_only():
    slices = (sliced("a", map(endpoint, range(3))), sliced("b", map(endpoint, range(3, 6))))
    packed = pack(slices, wanting([endpoint(0, ready=False), *map(endpoint, range(1, 6))]))
    assert [(one.metadata.name, one.endpoints[0].conditions.ready) for one in packed.updates] == [("a", False)]
    assert packed.kept == slices[1:]


def test_a_slice_that_is_written_anyway_takes_in_what_is_new():
    slices = (sliced("a", map(endpoint, range(90))), sliced("b", map(endpoint, range(100, 103))))
    packed = pack(slices, wanting(map(endpoint, [*range(90), 101, 102, 104])))
    assert [one.metadata.name for one in packed.updates] == ["b"]
    assert not packed.creates


def test_the_fullest_slice_with_room_takes_the_rest():
    slices = (sliced("a", map(endpoint, range(50))), sliced("b", map(endpoint, range(100, 195))))
    four = pack(slices, wanting(map(endpoint, [*range(50), *range(100, 195), *range(200, 204)])))
    assert [(one.metadata.name, len(one.endpoints)) for one in four.updates] == [("b", 99)]
    ten = pack(slices, wanting(map(endpoint, [*range(50), *range(100, 195), *range(200, 210)])))
    assert [(one.metadata.name, len(one.endpoints)) for one in ten.updates] == [("a", 60)]
    many = pack(slices, wanting(map(endpoint, [*range(50), *range(100, 195), *range(200, 260)])))
    assert [len(one) for one in many.creates] == [60]


def test_a_slice_left_empty_goes():
    slices = (sliced("a", map(endpoint, range(3))), sliced("b", map(endpoint, range(3, 6))))
    packed = pack(slices, wanting(map(endpoint, range(3))))
    assert packed.deletes == slices[1:]


@given(
    st.lists(st.sets(st.integers(0, 400), max_size=MOST_ENDPOINTS), max_size=5),
    st.sets(st.integers(0, 400)),
    st.sets(st.integers(0, 400), max_size=20),
)
def test_packing_holds_what_is_wanted_and_writes_no_more_than_it_must(held, wanted, changed):
    taken = set()
    slices = []
    for place, numbers in enumerate(held):
        own = sorted(numbers - taken)
        taken |= numbers
        slices.append(sliced(f"s{place}", map(endpoint, own)))
    goal = {number: endpoint(number, ready=number not in changed) for number in sorted(wanted)}
    packed = pack(tuple(slices), wanting(goal.values()))
    after = [*packed.kept, *packed.updates]
    contents = [*[one.endpoints for one in after], *packed.creates]
    got = [one for content in contents for one in content]
    assert sorted(got, key=identity) == sorted(goal.values(), key=identity)
    assert all(len(content) <= MOST_ENDPOINTS for content in contents)
    assert len(packed.kept) + len(packed.updates) + len(packed.deletes) == len(slices)
    # A dumb count of the writes that cannot be helped: a slice with something that must change is written or deleted;
    # beyond that only what finds no room in those needs one more slice, or new ones.
    must = [one for one in slices if any(goal.get(int(e.target_ref.uid[1:])) != e for e in one.endpoints or ())]
    empty = [one for one in slices if not one.endpoints]
    spare = sum(
        MOST_ENDPOINTS - stays
        for stays in [sum(int(e.target_ref.uid[1:]) in goal for e in one.endpoints) for one in must]
        if stays
    )
    left = max(0, len(wanted - taken) - spare)
    allowed = len(must) + -(-left // MOST_ENDPOINTS)
    assert len(packed.updates) + len(packed.deletes) + len(packed.creates) <= allowed + len(empty)
