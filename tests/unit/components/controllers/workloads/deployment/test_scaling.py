"""Properties of the pure decisions on sizes: each step stays within the bounds, and steps lead somewhere."""

import attrs
from hypothesis import assume, given
from hypothesis import strategies as st

from reconcile.api import apps_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.workloads.deployment import notes, scaling
from reconcile.components.controllers.workloads.deployment.bounds import max_surge, max_unavailable
from reconcile.components.controllers.workloads.deployment.fleet import Fleet, declared
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from tests.unit.components.controllers import objects

BOUNDS = st.sampled_from([("25%", "25%"), (1, 0), (0, 1), (0, 0), (2, 1), ("100%", 0), (0, "50%"), (3, "30%")])


def member(name, size, available, *, age=0, replicas=None, most=None):
    made = objects.replica_set(size)
    annotations = {notes.DESIRED_REPLICAS: replicas, notes.MAX_REPLICAS: most}
    metadata = objects.replace(
        made.metadata,
        name=name,
        creation_timestamp=Time.at(age * SECOND),
        annotations=Map({key: str(value) for key, value in annotations.items() if value is not None}) or None,
    )
    status = apps_v1.ReplicaSetStatus(replicas=size, available_replicas=available)
    return objects.replace(made, metadata=metadata, status=status)


@st.composite
def fleets(draw, least=0):
    """Draw a Deployment and a fleet within its bounds, as rollouts leave them; two members have *least* or more."""
    replicas = draw(st.integers(max(2 * least, 1), 12))
    deployment = objects.deployment(replicas, strategy=objects.rolling(*draw(BOUNDS)))
    most = replicas + max_surge(deployment)
    sizes = [draw(st.integers(least, replicas - least))]
    for number in range(draw(st.integers(1, 3))):
        sizes.append(draw(st.integers(least if number == 0 else 0, most - sum(sizes))))
    members = [
        member(f"rs-{age}", size, draw(st.integers(0, size)), age=age, replicas=replicas, most=most)
        for age, size in enumerate(sizes)
    ]
    return deployment, Fleet(members[0], tuple(members[1:]))


def available(one):
    return min(one.status.available_replicas or 0, one.spec.replicas)


@given(fleets())
def test_a_step_stays_within_the_bounds(drawn):
    deployment, fleet = drawn
    stepped = scaling.rolled(deployment, fleet)
    assert declared(stepped.all) <= deployment.spec.replicas + max_surge(deployment)
    least = deployment.spec.replicas - max_unavailable(deployment)
    # What is kept is available if it was, but for pods that were missing before.
    before, after = sum(map(available, fleet.all)), sum(map(available, stepped.all))
    assert after >= min(least, before)


@given(fleets())
def test_steps_lead_to_the_new_one_having_all(drawn):
    deployment, fleet = drawn
    for _ in range(200):
        stepped = scaling.rolled(deployment, fleet)
        if stepped is fleet:
            break
        healthy = [
            attrs.evolve(
                one, status=apps_v1.ReplicaSetStatus(replicas=one.spec.replicas, available_replicas=one.spec.replicas)
            )
            for one in stepped.all
        ]
        fleet = Fleet(healthy[-1], tuple(healthy[:-1]))
    else:
        raise AssertionError("it never ends")
    healthy = [one for one in fleet.all if (one.status.available_replicas or 0) == one.spec.replicas]
    if len(healthy) == len(fleet.all):
        assert [one.spec.replicas for one in fleet.olds] == [0] * len(fleet.olds)
        assert fleet.new.spec.replicas == deployment.spec.replicas


@given(fleets(least=1), st.integers(0, 30))
def test_sharing_gives_out_exactly_what_there_is(drawn, replicas):
    deployment, fleet = drawn
    resized = objects.changed(deployment, replicas=replicas)
    assume(not (available(fleet.new) == fleet.new.spec.replicas == replicas))
    shared = scaling.shared(resized, fleet)
    assert declared(shared.all) == (replicas + max_surge(resized) if replicas else 0)
    assert all(one.spec.replicas >= 0 for one in shared.all)
    assert not scaling.is_scaling(resized, shared)


def test_sharing_is_proportional():
    deployment = objects.deployment(15, strategy=objects.rolling(3, 2))
    fleet = Fleet(member("new", 5, 0, age=1, replicas=10, most=13), (member("old", 8, 8, replicas=10, most=13),))
    shared = scaling.shared(deployment, fleet)
    assert (shared.new.spec.replicas, shared.olds[0].spec.replicas) == (7, 11)


def test_what_stays_as_it_is_stays_the_same_object():
    deployment = objects.deployment(3)
    fleet = Fleet(member("new", 3, 3, age=1, replicas=3, most=4), (member("old", 0, 0, replicas=3, most=4),))
    assert scaling.rolled(deployment, fleet) is fleet
    assert not scaling.is_scaling(deployment, fleet)
