"""Elections of the API server's: who is asked, who is elected, and what is written into the Lease."""

from __future__ import annotations

import attrs
import pytest

from reconcile.api import coordination_v1, coordination_v1beta1, meta_v1
from reconcile.api.scalars import MicroTime, Time
from reconcile.components.controllers import ELECTING
from reconcile.components.controllers.elections import electing
from reconcile.lib.instant import MINUTE, SECOND
from tests.unit.components.controllers.lab import START, Lab

CANDIDATES = "leasecandidates.coordination.k8s.io"
LEASES = "leases.coordination.k8s.io"
KEY = "kube-system/lock"
OLDEST = "OldestEmulationVersion"


def candidate(name, emulated="1.36.0", binary="1.36.0", renewed=START, made=START, **spec):
    metadata = meta_v1.ObjectMeta(name=name, namespace="kube-system", creation_timestamp=Time.at(made))
    said = {"lease_name": "lock", "strategy": OLDEST, "renew_time": MicroTime.at(renewed), **spec}
    return coordination_v1beta1.LeaseCandidate(
        metadata=metadata,
        spec=coordination_v1beta1.LeaseCandidateSpec(binary_version=binary, emulation_version=emulated, **said),
    )


def lease(holder, renewed=START, seconds=15, **spec):
    said = {"strategy": OLDEST, **spec}
    return coordination_v1.Lease(
        metadata=meta_v1.ObjectMeta(name="lock", namespace="kube-system"),
        spec=coordination_v1.LeaseSpec(
            holder_identity=holder, renew_time=MicroTime.at(renewed), lease_duration_seconds=seconds, **said
        ),
    )


def lab_of(*objects):
    lab = Lab(*ELECTING)
    for each in objects:
        lab.put(LEASES if isinstance(each, coordination_v1.Lease) else CANDIDATES, each)
    return lab


def held(lab):
    spec = lab.get(LEASES, KEY).spec
    return spec.holder_identity, spec.preferred_holder, spec.strategy


def pinged(lab):
    found = [lab.get(CANDIDATES, key) for key in lab.keys(CANDIDATES)]
    return [each.metadata.name for each in found if each.spec.ping_time is not None]


def answers(lab, name):
    """Let a candidate say that it lives."""
    found = lab.get(CANDIDATES, f"kube-system/{name}")
    renewed = attrs.evolve(found.spec, renew_time=MicroTime.at(lab.now))
    lab.put(CANDIDATES, attrs.evolve(found, spec=renewed))


def test_the_first_candidates_are_fresh_and_one_is_elected_at_once():
    lab = lab_of(candidate("b"), candidate("a", emulated="1.35.0"))
    lab.settle()
    assert held(lab) == ("a", None, OLDEST)
    spec = lab.get(LEASES, KEY).spec
    assert (spec.lease_duration_seconds, spec.acquire_time) == (5, None)
    assert pinged(lab) == []


def test_without_candidates_nothing_is_done_about_a_lease():
    lab = lab_of(lease("x", renewed=START - MINUTE))
    lab.run(30 * SECOND, periodic=True)
    assert lab.requests == []


def test_who_has_not_been_renewed_is_asked_and_who_does_not_answer_is_not_elected():
    old = START - 10 * SECOND
    lab = lab_of(candidate("a", emulated="1.35.0", renewed=old), candidate("b", renewed=old))
    lab.settle()
    assert pinged(lab) == ["a", "b"]
    assert lab.get(LEASES, KEY) is None
    lab.now += SECOND
    answers(lab, "b")
    lab.settle()
    assert lab.get(LEASES, KEY) is None  # a has four seconds left
    lab.run(5 * SECOND, periodic=True)
    answers(lab, "b")
    lab.settle()
    assert held(lab)[0] == "b"


def test_a_better_candidate_is_preferred_while_another_holds_the_lease():
    lab = lab_of(lease("b"), candidate("b"), candidate("a", emulated="1.35.0"))
    lab.settle()
    assert held(lab) == ("b", "a", OLDEST)
    assert lab.get(LEASES, KEY).spec.renew_time == MicroTime.at(START)


def test_a_lease_that_ran_out_is_given_to_who_is_best():
    lab = lab_of(lease("b", renewed=START - MINUTE, preferred_holder="a"), candidate("a", emulated="1.35.0"))
    lab.settle()
    assert held(lab) == ("a", None, OLDEST)
    assert lab.get(LEASES, KEY).spec.lease_duration_seconds == 5


def test_that_a_lease_ran_out_is_found_out_within_five_seconds():
    lab = lab_of(lease("gone"), candidate("a"))
    lab.settle()
    assert held(lab) == ("gone", "a", OLDEST)
    for turn in range(1, 5):
        lab.run(turn * 5 * SECOND, periodic=True)
        answers(lab, "a")
        lab.settle()
    assert held(lab)[0] == "a"


def test_the_best_leader_is_left_alone():
    lab = lab_of(lease("a"), candidate("b"), candidate("a", emulated="1.35.0"))
    lab.settle()
    assert lab.requests == []


def test_a_strategy_of_somebody_elses_is_written_down_and_its_leader_left_to_them():
    lab = lab_of(candidate("a", strategy="example.com/mine"))
    lab.settle()
    assert held(lab) == (None, None, "example.com/mine")
    lab = lab_of(lease("x", strategy=None), candidate("a", strategy="example.com/mine"))
    lab.settle()
    assert lab.requests == []  # it is held, and nobody says that it should not be
    lab = lab_of(lease("", strategy=None), candidate("a", strategy="example.com/mine"))
    lab.settle()
    assert held(lab) == ("", None, "example.com/mine")


def test_candidates_of_one_version_that_want_different_strategies_elect_nobody():
    lab = lab_of(candidate("a"), candidate("b", strategy="example.com/mine"))
    lab.settle()
    assert lab.get(LEASES, KEY) is None
    lab = lab_of(candidate("a"), candidate("b", strategy="example.com/mine", binary="1.35.0", emulated="1.35.0"))
    lab.settle()
    assert held(lab) == ("b", None, OLDEST)


@pytest.mark.parametrize(
    ("others", "best"),
    [
        ([candidate("b", emulated="1.35.0")], "b"),
        ([candidate("b", binary="1.36.1")], "a"),
        ([candidate("b", made=START - SECOND)], "b"),
        ([candidate("b", made=START + SECOND)], "a"),
        ([candidate("b", emulated="none")], "a"),
        ([candidate("b", emulated="1.35.0-alpha.1")], "b"),
    ],
)
def test_who_is_best(others, best):
    assert electing.best_of([candidate("a"), *others]).metadata.name == best


def test_a_candidate_that_was_not_renewed_for_a_quarter_of_an_hour_is_asked_whether_it_lives():
    lab = lab_of(lease("a"), candidate("a", renewed=START - 15 * MINUTE - SECOND))
    lab.settle()
    assert pinged(lab) == ["a"]


def test_a_candidate_that_was_not_renewed_for_half_an_hour_is_none_and_goes():
    lab = lab_of(candidate("a", renewed=START - 30 * MINUTE - SECOND), candidate("b"))
    lab.settle()
    assert lab.keys(CANDIDATES) == ("kube-system/b",)
    assert held(lab)[0] == "b"
    lab.run(59 * MINUTE, periodic=True)
    assert lab.keys(CANDIDATES) == ("kube-system/b",)
    lab.run(61 * MINUTE, periodic=True)
    assert lab.keys(CANDIDATES) == ()
