"""A coordinated election, as one candidate sees it: it says that it is there, and leads when the lock has its name."""

import attrs
import pytest

from reconcile.api import coordination_v1, coordination_v1beta1, meta_v1
from reconcile.api.scalars import MicroTime
from reconcile.components import election
from reconcile.components.election import CANDIDATES, WATCH, Candidacy, Config
from reconcile.effects import Call, Exit, Record, SetTimer
from reconcile.events import Answered, Started, TimerFired, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response

NOW = 1_767_225_600 * SECOND
POLL = ("election", "poll")
DEADLINE = ("election", "deadline")
OWN = ("election", "candidate")
LEASES = "leases.coordination.k8s.io"
SAID = Candidacy(lease="kube-scheduler", binary_version="1.36.3", emulation_version="1.36.0")
CONFIG = Config(name="kube-scheduler", candidacy=SAID)
GET = Request(verb="get", resource=LEASES, namespace="kube-system", name="kube-scheduler")
NOT_FOUND = Response(404, meta_v1.Status(code=404))


def begun():
    return election.begin(CONFIG, "me", Dice(7, "election"))


def lease(holder, seconds=5, renewed=NOW, **spec):
    return coordination_v1.Lease(
        metadata=meta_v1.ObjectMeta(name="kube-scheduler", namespace="kube-system", resource_version="5"),
        spec=coordination_v1.LeaseSpec(
            holder_identity=holder,
            lease_duration_seconds=seconds,
            renew_time=MicroTime.at(renewed),
            strategy="OldestEmulationVersion",
            **spec,
        ),
    )


def candidate(renewed=NOW, pinged=None):
    return coordination_v1beta1.LeaseCandidate(
        metadata=meta_v1.ObjectMeta(name="me", namespace="kube-system"),
        spec=coordination_v1beta1.LeaseCandidateSpec(
            lease_name="kube-scheduler",
            binary_version="1.36.3",
            emulation_version="1.36.0",
            strategy="OldestEmulationVersion",
            renew_time=MicroTime.at(renewed),
            ping_time=None if pinged is None else MicroTime.at(pinged),
        ),
    )


def watched(obj=None, now=NOW):
    view = Table() if obj is None else Table().set("kube-system/me", obj)
    return Watched(now, WATCH, (), view, 1)


def looked(body, now=NOW, state=None):
    """The lock, as it is read at *now*."""
    state, effects = election.step(begun() if state is None else state, TimerFired(now, POLL))
    assert effects[0].request == GET
    return election.step(state, Answered(now, (*POLL, state.term.asked), Response(200, body)))


def leading(now=NOW):
    state, effects = looked(lease("me"), now)
    return election.step(state, Answered(now, (*POLL, state.term.asked), Response(200, effects[0].request.body)))[0]


def test_looks_at_the_lock_when_it_starts_and_takes_none_that_is_not_there():
    state, effects = election.step(begun(), Started(NOW))
    assert effects == (Call(GET, (*POLL, 1)), SetTimer(POLL, NOW + 5 * SECOND, periodic=True))
    state, (timer,) = election.step(state, Answered(NOW, (*POLL, 1), NOT_FOUND))
    assert timer.key == POLL
    assert NOW + 2 * SECOND <= timer.at <= NOW + 4.4 * SECOND
    assert not election.leads(state)


@pytest.mark.parametrize("found", [lease("other"), lease(""), lease("me", preferred_holder="other")])
def test_a_lock_that_is_not_its_own_is_left_alone(found):
    state, (timer,) = looked(found)
    assert (timer.key, election.leads(state)) == (POLL, False)


def test_a_lock_with_its_name_is_renewed_and_then_it_leads():
    state, effects = looked(lease("me"))
    request = effects[0].request
    spec = request.body.spec
    assert (request.verb, spec.holder_identity, spec.lease_duration_seconds) == ("update", "me", 15)
    assert (spec.strategy, spec.acquire_time, spec.lease_transitions) == ("OldestEmulationVersion", None, 0)
    assert not election.leads(state)
    state, effects = election.step(state, Answered(NOW, (*POLL, 2), Response(200, request.body)))
    assert election.leads(state)
    assert effects == (
        SetTimer(POLL, NOW + 2 * SECOND, periodic=True),
        SetTimer(DEADLINE, NOW + 12 * SECOND, periodic=True),
        Record(request.body, "Normal", "LeaderElection", "me became leader"),
    )


def test_a_lock_that_it_saw_unchanged_for_as_long_as_it_lasts_is_over():
    state, _ = looked(lease("other"))
    state, _ = looked(lease("me"), NOW + SECOND, state)
    state = attrs.evolve(state, term=attrs.evolve(state.term, asking=None))
    _, (timer,) = looked(lease("me"), NOW + 6 * SECOND + 1, state)
    assert timer.key == POLL


def test_a_leader_whose_term_is_at_its_end_goes_on_until_its_deadline():
    state = leading()
    state, (timer,) = looked(lease("me", 15, preferred_holder="other"), NOW + 2 * SECOND, state)
    assert timer == SetTimer(POLL, NOW + 4 * SECOND, periodic=True)
    assert election.leads(state)
    state, effects = election.step(state, TimerFired(NOW + 12 * SECOND, DEADLINE))
    assert (election.leads(state), election.lost(state)) == (False, True)
    assert effects[-1] == Exit(1, "leaderelection lost")


def test_an_answer_that_does_not_come_is_given_up():
    state, _ = election.step(begun(), Started(NOW))
    state, (timer,) = election.step(state, TimerFired(NOW + 5 * SECOND, POLL))
    assert timer.key == POLL
    assert election.step(state, Answered(NOW + 6 * SECOND, (*POLL, 1), Response(200, lease("me")))) == (state, ())


def test_it_says_that_it_is_there_once_it_knows_whether_it_has_said_so():
    state, (call,) = election.step(begun(), watched())
    assert call.request == Request(
        verb="create",
        resource=CANDIDATES,
        namespace="kube-system",
        body=attrs.evolve(candidate(), metadata=meta_v1.ObjectMeta(name="me", namespace="kube-system")),
    )
    state, effects = election.step(state, Answered(NOW, (*OWN, 1), Response(201, candidate())))
    assert effects == (SetTimer(OWN, NOW + 5 * MINUTE, periodic=True),)
    state, effects = election.step(state, watched(candidate()))
    assert effects == ()
    later = NOW + 5 * MINUTE
    state, (call,) = election.step(state, TimerFired(later, OWN))
    assert (call.request.verb, call.request.body.spec.renew_time) == ("update", MicroTime.at(later))


def test_it_answers_who_asks_whether_it_lives_and_once_more_if_it_is_asked_meanwhile():
    state, _ = election.step(begun(), watched(candidate()))
    state, _ = election.step(state, Answered(NOW, (*OWN, 1), Response(200, candidate())))
    later = NOW + MINUTE
    state, (call,) = election.step(state, watched(candidate(pinged=later), later))
    assert (call.request.verb, call.request.body.spec.renew_time) == ("update", MicroTime.at(later))
    state, effects = election.step(state, watched(candidate(pinged=later + SECOND), later + SECOND))
    assert effects == ()
    state, (call,) = election.step(state, Answered(later + SECOND, (*OWN, 2), Response(200, candidate())))
    assert call.request.body.spec.renew_time == MicroTime.at(later + SECOND)


def test_what_fails_is_tried_again_ever_later():
    state, _ = election.step(begun(), watched())
    waits = []
    for number in range(1, 4):
        state, (timer,) = election.step(state, Answered(NOW, (*OWN, number), NOT_FOUND))
        waits.append(timer.at - NOW)
        state, _ = election.step(state, TimerFired(NOW, OWN))
    assert waits == [5 * MILLISECOND, 10 * MILLISECOND, 20 * MILLISECOND]
