import heapq
import itertools
import json
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import coordination_v1, core_v1, meta_v1
from reconcile.api.scalars import MicroTime
from reconcile.components import election
from reconcile.components.election import ANNOTATION, Config, Lock, begin, lost, step
from reconcile.effects import Call, Exit, Record, SetTimer
from reconcile.events import Answered, Started, TimerFired, Turned
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.requests import Request, Response

NOW = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
NEXT = ("election", "next")
DEADLINE = ("election", "deadline")
LEASES = "leases.coordination.k8s.io"
CONFIG = Config(name="kube-scheduler")
GET = Request(verb="get", resource=LEASES, namespace="kube-system", name="kube-scheduler")
NOT_FOUND = Response(404, meta_v1.Status(code=404, reason="NotFound"))
CONFLICT = Response(409, meta_v1.Status(code=409, reason="Conflict"))


def lease(holder, acquired, renewed, transitions=0, version=None):
    return coordination_v1.Lease(
        metadata=meta_v1.ObjectMeta(name="kube-scheduler", namespace="kube-system", resource_version=version),
        spec=coordination_v1.LeaseSpec(
            holder_identity=holder,
            lease_duration_seconds=15,
            acquire_time=MicroTime(acquired),
            renew_time=MicroTime(renewed),
            lease_transitions=transitions,
        ),
    )


def candidate(**changes):
    return attrs.evolve(begin(CONFIG, "a_1", Dice(7, "election")), **changes)


def leader(seconds_ago=0):
    """A candidate that leads, and renewed some seconds before NOW."""
    at = NOW - seconds_ago * SECOND
    body = lease("a_1", at, at, version="5")
    return candidate(
        leads=True, body=body, lock=Lock("a_1", 15, at, at, 0), observed_at=at, asked=2, asked_at=at, dice=Dice(7, "e")
    )


def sent(state, verb, body=None, name="kube-scheduler"):
    request = Request(verb=verb, resource=LEASES, namespace="kube-system", name=name, body=body)
    return Call(request, ("election", state.asked))


def test_asks_for_the_lock_when_it_starts():
    state, effects = step(candidate(), Started(NOW))
    assert state == candidate(asked=1, asking="get", asked_at=NOW)
    assert effects == (Call(GET, ("election", 1)), SetTimer(NEXT, NOW + 5 * SECOND, periodic=True))


def test_creates_a_lock_that_is_not_there():
    state, effects = step(candidate(asked=1, asking="get", asked_at=NOW), Answered(NOW, ("election", 1), NOT_FOUND))
    assert effects[0] == sent(state, "create", lease("a_1", NOW, NOW), name="")


def test_leads_when_its_lock_is_created():
    created = lease("a_1", NOW, NOW, version="5")
    state = candidate(asked=2, asking="create", asked_at=NOW)
    state, effects = step(state, Answered(NOW + SECOND, ("election", 2), Response(201, created)))
    assert election.leads(state)
    assert not lost(state)
    said, renewal, patience, deadline = effects
    assert said == Record(created, "Normal", "LeaderElection", "a_1 became leader")
    assert (renewal.request.verb, renewal.tag) == ("update", ("election", 3))  # at once, as client-go does
    assert patience == SetTimer(NEXT, NOW + 6 * SECOND, periodic=True)
    assert deadline == SetTimer(DEADLINE, NOW + 11 * SECOND, periodic=True)


def test_waits_while_another_holds_the_lock():
    state = candidate(asked=1, asking="get", asked_at=NOW)
    found = lease("b_2", NOW, NOW, version="5")
    state, effects = step(state, Answered(NOW, ("election", 1), Response(200, found)))
    (timer,) = effects
    assert timer.key == NEXT
    assert NOW + 2 * SECOND <= timer.at <= NOW + 4.4 * SECOND
    assert timer.periodic
    assert (state.lock.holder, state.observed_at, state.asking) == ("b_2", NOW, None)


@pytest.mark.parametrize(("waited", "takes"), [(14, False), (15, True)])
def test_takes_a_lock_that_it_saw_unchanged_for_the_lease_duration(waited, takes):
    # The holder's clock is an hour ahead: what it wrote does not matter.
    found = lease("b_2", NOW + 3600 * SECOND, NOW + 3600 * SECOND, transitions=3, version="5")
    lock = Lock("b_2", 15, NOW + 3600 * SECOND, NOW + 3600 * SECOND, 3)
    now = NOW + waited * SECOND
    state = candidate(asked=1, asking="get", asked_at=now, body=found, lock=lock, observed_at=NOW)
    state, effects = step(state, Answered(now, ("election", 1), Response(200, found)))
    if takes:
        assert effects[0] == sent(state, "update", lease("a_1", now, now, transitions=4, version="5"))
    else:
        assert [effect.key for effect in effects] == [NEXT]


def test_takes_a_released_lock_at_once():
    state = candidate(asked=1, asking="get", asked_at=NOW)
    released = coordination_v1.Lease(metadata=meta_v1.ObjectMeta(name="kube-scheduler", namespace="kube-system"))
    state, effects = step(state, Answered(NOW, ("election", 1), Response(200, released)))
    assert effects[0].request.body == lease("a_1", NOW, NOW, transitions=1)


def test_a_leader_renews_without_looking_first():
    state, effects = step(leader(2), TimerFired(NOW, NEXT))
    assert effects[0] == sent(state, "update", lease("a_1", NOW - 2 * SECOND, NOW, version="5"))


def test_a_leader_whose_renewal_is_refused_looks_and_renews():
    state, _ = step(leader(2), TimerFired(NOW, NEXT))
    state, effects = step(state, Answered(NOW, ("election", 3), CONFLICT))
    assert effects[0] == sent(state, "get")
    now = NOW + SECOND
    found = lease("a_1", NOW - 2 * SECOND, NOW - 2 * SECOND, version="9")
    state, effects = step(state, Answered(now, ("election", 4), Response(200, found)))
    assert effects[0] == sent(state, "update", lease("a_1", NOW - 2 * SECOND, now, version="9"))
    renewed = lease("a_1", NOW - 2 * SECOND, now, version="10")
    state, effects = step(state, Answered(now, ("election", 5), Response(200, renewed)))
    assert effects == (
        SetTimer(NEXT, now + 2 * SECOND, periodic=True),
        SetTimer(DEADLINE, now + 12 * SECOND, periodic=True),
    )


def test_a_leader_stops_at_the_deadline():
    state, effects = step(leader(12), TimerFired(NOW, DEADLINE))
    assert not election.leads(state)
    assert lost(state)
    assert effects == (
        Record(leader(12).body, "Normal", "LeaderElection", "a_1 stopped leading"),
        Exit(1, "leaderelection lost"),
    )
    assert step(state, TimerFired(NOW, NEXT)) == (state, ())


def test_a_leader_that_sees_another_tries_on_until_its_deadline_as_upstream_does():
    state = attrs.evolve(leader(2), asked=3, asking="get", asked_at=NOW)
    state, effects = step(state, Answered(NOW, ("election", 3), Response(200, lease("b_2", NOW, NOW, 1, "9"))))
    assert election.leads(state)
    assert election.overdue(state, NOW)
    assert effects == (SetTimer(NEXT, NOW + 2 * SECOND, periodic=True),)
    state, effects = step(state, TimerFired(NOW + 2 * SECOND, NEXT))
    assert effects[0] == sent(state, "get")  # it does not write over what it has not read
    state, _ = step(state, TimerFired(NOW + 10 * SECOND, DEADLINE))
    assert lost(state)


def test_the_deadline_counts_from_the_answer_so_a_leader_may_be_overdue():
    state, _ = step(leader(2), TimerFired(NOW, NEXT))
    late = NOW + 4 * SECOND
    answer = Answered(late, ("election", 3), Response(200, lease("a_1", NOW - 2 * SECOND, NOW, version="6")))
    state, effects = step(state, answer)
    assert effects[1] == SetTimer(DEADLINE, late + 12 * SECOND, periodic=True)
    assert not election.overdue(state, NOW + 15 * SECOND - 1)
    assert election.overdue(state, NOW + 15 * SECOND)
    assert election.leads(state)


RELEASING = attrs.evolve(CONFIG, release_on_cancel=True)


def test_a_leader_that_is_to_end_lets_go_of_its_lock():
    state, effects = election.release(attrs.evolve(leader(2), config=RELEASING), NOW)
    assert not election.leads(state)
    assert effects[0] == Record(leader(2).body, "Normal", "LeaderElection", "a_1 stopped leading")
    assert effects[1] == sent(state, "get")
    assert effects[-1] == SetTimer(DEADLINE, NOW + 10 * SECOND, periodic=True)
    found = lease("a_1", NOW - 9 * SECOND, NOW - 2 * SECOND, 4, "8")
    state, effects = step(state, Answered(NOW, ("election", 3), Response(200, found)))
    free = attrs.evolve(lease("", NOW, NOW, 4, "8"))
    free = attrs.evolve(free, spec=attrs.evolve(free.spec, lease_duration_seconds=1))
    assert effects[0] == sent(state, "update", free)
    state, effects = step(state, Answered(NOW, ("election", 4), Response(200, free)))
    assert effects == (Exit(0, "Requested to terminate, exiting"),)
    assert step(state, TimerFired(NOW, DEADLINE)) == (state, ())


@pytest.mark.parametrize(
    "event",
    [
        Answered(NOW, ("election", 3), CONFLICT),
        Answered(NOW, ("election", 3), NOT_FOUND),
        Answered(NOW, ("election", 3), Response(200, lease("b_2", NOW, NOW))),
        TimerFired(NOW + 10 * SECOND, DEADLINE),
        TimerFired(NOW + 5 * SECOND, NEXT),
    ],
)
def test_a_release_that_fails_ends_it_all_the_same(event):
    state, _ = election.release(attrs.evolve(leader(2), config=RELEASING), NOW)
    state, effects = step(state, event)
    assert effects == (Exit(0, "Requested to terminate, exiting"),)


def test_who_does_not_lead_or_does_not_release_ends_at_once():
    assert election.release(candidate(config=RELEASING), NOW)[1] == (Exit(0, "Requested to terminate, exiting"),)
    assert election.release(leader(2), NOW)[1][-1] == Exit(0, "Requested to terminate, exiting")
    lost_it, effects = step(attrs.evolve(leader(12), config=RELEASING), TimerFired(NOW, DEADLINE))
    assert effects[1] == sent(lost_it, "get")  # it held the lock when it saw it last
    assert step(lost_it, TimerFired(NOW + 5 * SECOND, NEXT))[1] == (Exit(1, "leaderelection lost"),)


def test_the_lock_may_be_an_annotation_on_a_config_map():
    state, effects = step(candidate(config=attrs.evolve(CONFIG, lock="configmaps")), Started(NOW))
    assert effects[0].request == attrs.evolve(GET, resource="configmaps")
    state, effects = step(state, Answered(NOW, ("election", 1), NOT_FOUND))
    body = effects[0].request.body
    assert isinstance(body, core_v1.ConfigMap)
    assert json.loads(body.metadata.annotations[ANNOTATION])["holderIdentity"] == "a_1"


def test_a_strategy_that_somebody_wrote_does_not_outlive_a_renewal():
    body = leader(2).body
    body = attrs.evolve(body, spec=attrs.evolve(body.spec, strategy="OldestEmulationVersion", preferred_holder="b"))
    _, effects = step(attrs.evolve(leader(2), body=body), TimerFired(NOW, NEXT))
    assert effects[0].request.body.spec.strategy is None
    assert effects[0].request.body.spec.preferred_holder is None


def test_an_unanswered_call_is_given_up():
    waiting, _ = step(leader(2), TimerFired(NOW, NEXT))
    state, effects = step(waiting, TimerFired(NOW + 5 * SECOND, NEXT))
    assert effects == (SetTimer(NEXT, NOW + 5 * SECOND, periodic=True),)
    late = Answered(NOW + 5 * SECOND, ("election", 3), Response(200, waiting.body))
    assert step(state, late) == (state, ())
    # Nor does it count if it comes before the timer, but too late.
    late = Answered(NOW + 5 * SECOND + 1, ("election", 3), Response(200, waiting.body))
    assert step(waiting, late)[0] == state


def test_what_does_not_concern_it_changes_nothing():
    state = leader()
    assert step(state, Turned(NOW, "pods")) == (state, ())
    assert step(state, Answered(NOW, ("election", 2), NOT_FOUND)) == (state, ())
    assert step(state, TimerFired(NOW, ("election", "else"))) == (state, ())
    assert election.watches(state) == ()


def test_the_lock_may_be_an_annotation_on_endpoints():
    config = Config(name="kube-scheduler", lock="endpoints")
    state = attrs.evolve(begin(config, "a_1", Dice(7, "e")), asked=1, asking="get", asked_at=NOW)
    state, (create, _) = step(state, Answered(NOW, ("election", 1), NOT_FOUND))
    assert create.request.resource == "endpoints"
    assert isinstance(create.request.body, core_v1.Endpoints)
    assert create.request.body.metadata.annotations[ANNOTATION] == (
        '{"holderIdentity":"a_1","leaseDurationSeconds":15,"acquireTime":"2026-01-01T00:00:00Z",'
        '"renewTime":"2026-01-01T00:00:00Z","leaderTransitions":0}'
    )
    state, (_, renewal, *_) = step(state, Answered(NOW, ("election", 2), Response(201, create.request.body)))
    assert election.leads(state)
    assert state.lock == Lock("a_1", 15, NOW, NOW, 0)
    state, _ = step(state, Answered(NOW, ("election", 3), Response(200, renewal.request.body)))
    now = NOW + 2 * SECOND
    state, (update, _) = step(state, TimerFired(now, NEXT))
    record = json.loads(update.request.body.metadata.annotations[ANNOTATION])
    assert (record["acquireTime"], record["renewTime"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z")


@pytest.mark.parametrize("text", ["{", "[]", '{"leaseDurationSeconds": "x"}', '{"renewTime": "yesterday"}'])
def test_a_lock_that_cannot_be_read_is_left_alone(text):
    config = Config(name="kube-scheduler", lock="endpoints")
    state = attrs.evolve(begin(config, "a_1", Dice(7, "e")), asked=1, asking="get", asked_at=NOW)
    body = core_v1.Endpoints(metadata=meta_v1.ObjectMeta(name="kube-scheduler", annotations={ANNOTATION: text}))
    _, effects = step(state, Answered(NOW, ("election", 1), Response(200, body)))
    assert [effect.key for effect in effects] == [NEXT]


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease_duration": 10 * SECOND},
        {"renew_deadline": 2 * SECOND},
        {"lease_duration": SECOND // 2, "renew_deadline": SECOND // 4, "retry_period": SECOND // 8},
        {"retry_period": 0},
    ],
)
def test_timings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ReconcileError, match="leader election kube-system/kube-scheduler"):
        Config(name="kube-scheduler", **wrong)


# Several candidates --------------------------------------------------------------------------------------------------


class World:
    """Candidates with clocks of their own, a lock store, and a network that delays, loses and repeats."""

    def __init__(self, seed, count, lock, calm_at):
        self.random = random.Random(seed)
        self.queue = []
        self.order = itertools.count()
        self.now = 0
        self.calm_at = calm_at
        self.config = Config(name="lock", lock=lock)
        self.stored = None
        self.version = 0
        self.lives = [0] * count
        self.states = [None] * count
        self.timers = [{} for _ in range(count)]
        self.skews = [self.random.randrange(-3600, 3600) * SECOND for _ in range(count)]
        self.led = set()
        for who in range(count):
            self.at(self.random.randrange(3 * SECOND), self.start, who)

    def at(self, when, act, *args):
        heapq.heappush(self.queue, (when, next(self.order), act, args))

    def run(self, until):
        while self.queue and self.queue[0][0] <= until:
            self.now, _, act, args = heapq.heappop(self.queue)
            act(*args)
            leaders = [state.identity for who, state in enumerate(self.states) if state and self.surely(who)]
            assert len(leaders) <= 1, f"at {self.now}: {leaders}"
            self.led.update(leaders)

    def surely(self, who):
        """Tell whether a candidate leads by a lease that is not over, by its own clock."""
        state = self.states[who]
        return election.leads(state) and not election.overdue(state, self.now + self.skews[who])

    def start(self, who):
        self.lives[who] += 1
        self.states[who] = begin(self.config, f"{who}_{self.lives[who]}", Dice(self.lives[who], f"election/{who}"))
        self.hear(who, self.lives[who], Started)
        if self.now < self.calm_at:
            self.at(self.now + self.random.randrange(90 * SECOND), self.stop, who, self.lives[who])

    def stop(self, who, life):
        if self.lives[who] == life and self.states[who] is not None and self.now < self.calm_at:
            self.end(who)

    def end(self, who):
        self.states[who] = None
        self.timers[who] = {}
        self.at(self.now + self.random.randrange(1, 20 * SECOND), self.start, who)

    def hear(self, who, life, event, *args):
        if self.lives[who] != life or self.states[who] is None:
            return
        self.states[who], effects = step(self.states[who], event(self.now + self.skews[who], *args))
        for effect in effects:
            match effect:
                case SetTimer(key, at, True):
                    self.timers[who][key] = at
                    self.at(max(self.now, at - self.skews[who]), self.fire, who, life, key, at)
                case Call(request, tag):
                    self.send(who, life, request, tag)
                case Exit(1, _):
                    self.end(who)

    def fire(self, who, life, key, at):
        if self.lives[who] == life and self.timers[who].get(key) == at:
            del self.timers[who][key]
            self.hear(who, life, TimerFired, key)

    def delay(self):
        if self.now >= self.calm_at or self.random.random() < 0.5:
            return self.random.randrange(SECOND // 10)
        # A client gives up after five seconds: what comes just before that is what makes it lead longest.
        return self.random.choice([self.random.randrange(30), self.random.randrange(3, 5)]) * SECOND

    def send(self, who, life, request, tag):
        for _ in range(self.copies()):
            self.at(self.now + self.delay(), self.carry_out, who, life, request, tag)

    def copies(self):
        return 1 if self.now >= self.calm_at else self.random.choice([0, 1, 1, 1, 1, 2])

    def carry_out(self, who, life, request, tag):
        response = self.answer(request)
        for _ in range(self.copies()):
            self.at(self.now + self.delay(), self.hear, who, life, Answered, tag, response)

    def answer(self, request):
        if self.now < self.calm_at and self.random.random() < 0.1:
            return Response(503)
        if request.verb == "get":
            return Response(200, self.stored) if self.stored is not None else NOT_FOUND
        if request.verb == "create" and self.stored is not None:
            return Response(409)
        if request.verb == "update" and self.stored is None:
            return NOT_FOUND
        if request.verb == "update" and request.body.metadata.resource_version != str(self.version):
            return CONFLICT
        self.version += 1
        metadata = attrs.evolve(request.body.metadata, resource_version=str(self.version))
        self.stored = attrs.evolve(request.body, metadata=metadata)
        return Response(200, self.stored)


@given(st.integers(0, 2**32), st.integers(2, 3), st.sampled_from(["leases", "endpoints", "configmaps"]))
def test_never_two_lead_and_in_the_end_one_does(seed, count, lock):
    calm_at = 240 * SECOND
    world = World(seed, count, lock, calm_at)
    world.run(calm_at + 90 * SECOND)
    leaders = [state for state in world.states if state is not None and election.leads(state)]
    assert len(leaders) == 1
    before = leaders[0].identity
    world.run(calm_at + 150 * SECOND)
    assert [state.identity for state in world.states if state is not None and election.leads(state)] == [before]


def test_the_lock_changes_hands_in_these_worlds():
    worlds = [World(seed, 3, "leases", 240 * SECOND) for seed in range(5)]
    for world in worlds:
        world.run(300 * SECOND)
    assert max(len(world.led) for world in worlds) > 2
