import pytest

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Fleet, Used, room_of
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.framework.scoring import Merits, score_of_use, weighed

GIBI = 1 << 30


@pytest.mark.parametrize(
    ("demand", "used", "score"),
    [
        # Nothing asked: (96 + 97) // 2 of the defaults are left, balance does not count.
        (Demand(scored_cpu=100, scored_memory=200 << 20), Used(), 97),
        # Half of both: 50 left, and as balanced as before.
        (Demand(2000, 4 * GIBI, scored_cpu=2000, scored_memory=4 * GIBI), Used(), 125),
        # All cpu and no memory, on an empty node: the worst that can happen to its balance.
        (Demand(4000, 0, scored_cpu=4000, scored_memory=0), Used(), 100),
        # The memory that cpu was waiting for: the best.
        (
            Demand(0, 8 * GIBI, scored_cpu=0, scored_memory=8 * GIBI),
            Used(cpu=4000, scored_cpu=4000),
            100,
        ),
    ],
)
def test_use(kit, demand, used, score):
    assert score_of_use(demand, room_of(kit.node("n1", cpu="4", memory="8Gi")), used) == score


def test_a_node_without_memory_is_scored_by_cpu_and_has_no_balance(kit):
    room = room_of(kit.node("n1", cpu="4", memory="0"))
    assert score_of_use(Demand(1000, scored_cpu=1000), room, Used()) == 75 + 75
    assert score_of_use(Demand(), room_of(kit.node("n1", cpu="0", memory="0")), Used()) == 0


def test_merits_are_scaled_by_the_largest():
    found = weighed([Merits(0, 10), Merits(1, 30), Merits(2, 0)], Wishes(), Fleet())
    assert found == [3 * 100 + 2 * 33, 3 * 50 + 2 * 100, 0]
