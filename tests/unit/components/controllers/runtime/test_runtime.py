import pytest

from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Outcome,
    Source,
    Views,
    begin,
    failing,
    keys_of_itself,
    runtime,
    step,
    watches,
)
from reconcile.effects import Call, CancelTimer, Record, SetTimer, Wake
from reconcile.events import Answered, Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MILLISECOND, MINUTE, SECOND
from reconcile.lib.table import Table
from reconcile.model import statuses
from reconcile.model.requests import Request, Response
from reconcile.model.watches import Watch
from reconcile.store import Change
from reconcile.store.indexes import indexes_of
from tests.unit.components.controllers import objects

CALL = Request(verb="get", resource="pods", namespace="default", name="a")
OK = Response(200, None)
REFUSED = Response(409, statuses.conflict("pods", "a"))


def controller(reconcile, **fields):
    return Controller(name="test", sources=(Source("pods", keys_of_itself),), reconcile=reconcile, **fields)


def watched(*names, now=0, resource="pods"):
    table = Table(indexes_of(resource))
    changes = []
    for name in names:
        pod = objects.pod(name)
        table = table.set(f"default/{name}", pod)
        changes.append(Change(1, resource, f"default/{name}", None, pod))
    return Watched(now, resource, tuple(changes), table)


def begun(*controllers):
    return begin(controllers, Dice(1, "test"))


def test_one_watch_for_each_resource():
    both = Controller(
        name="other",
        sources=(Source("nodes", keys_of_itself), Source("pods", keys_of_itself)),
        reconcile=lambda _: Outcome(),
    )
    assert watches(begun(controller(lambda _: Outcome()), both)) == (Watch("pods", "pods"), Watch("nodes", "nodes"))


def test_observe_hears_only_of_observed_sources():
    counting = Controller(
        name="counting",
        sources=(Source("nodes", keys_of_itself, observed=False), Source("pods", keys_of_itself)),
        reconcile=lambda _: Outcome(),
        memory=int,
        observe=lambda memory, *_: memory + 1,
    )
    state, _ = step(begun(counting), watched("a", "b", resource="nodes"))
    assert state.works[0].memory == 0
    assert state.works[0].queue.count == 2
    state, _ = step(state, watched("a", "b"))
    assert state.works[0].memory == 2


def sleeping(**fields):
    return Controller(
        name="sleeping",
        sources=(Source("nodes", keys_of_itself), Source("pods", keys_of_itself)),
        reconcile=lambda _: Outcome(),
        memory=int,
        observe=lambda memory, *_: memory + 1,
        awaits=("nodes",),
        **fields,
    )


def test_who_awaits_a_resource_hears_nothing_before_there_is_an_object_of_it():
    state, _ = step(begun(controller(lambda _: Outcome()), sleeping()), watched(resource="nodes"))
    after, effects = step(state, watched("a", "b"))
    assert after.works[1] is state.works[1]
    assert effects == (Wake("test"),)


def test_who_awaits_a_resource_is_told_of_all_that_is_there_once_there_is_one():
    state, _ = step(begun(controller(lambda _: Outcome()), sleeping(resync=HOUR)), watched("a", "b"))
    state, effects = step(state, watched("n", resource="nodes"))
    assert [effect for effect in effects if isinstance(effect, Wake)] == [Wake("sleeping")]
    assert [effect.key for effect in effects if isinstance(effect, SetTimer)] == [("resync", "sleeping")]
    assert (state.works[1].queue.count, state.works[1].memory, state.works[1].synced) == (3, 3, True)
    state, _ = step(state, watched("c"))
    assert (state.works[1].queue.count, state.works[1].memory) == (4, 4)


def test_who_awaits_a_resource_wakes_before_its_other_sources_are_synced():
    state, effects = step(begun(sleeping()), watched("n", resource="nodes"))
    assert effects == ()
    state, effects = step(state, watched("a"))
    assert effects == (Wake("sleeping"),)
    assert state.works[0].queue.count == 2


def test_filled_gives_the_caches_that_hold_anything():
    views = Views.of(("nodes", "pods", "secrets"))
    pods = watched("a").view
    views = views.having("pods", pods).having("nodes", Table())
    assert views.filled(("secrets", "pods", "nodes")) == [("pods", pods)]
    with pytest.raises(ReconcileError, match="no controller has 'services' among its sources"):
        views.filled(("pods", "services"))


def test_change_wakes_once_and_turn_reconciles_the_key():
    asked = []

    def reconcile(ask: Ask) -> Outcome:
        asked.append((ask.key, ask.views.get("pods", ask.key).metadata.name, ask.now))
        return Outcome(records=(Record("pod", "Normal", "Seen", ask.key),))

    state, effects = step(begun(controller(reconcile)), watched("a", "b"))
    assert effects == (Wake("test"),)
    state, effects = step(state, watched("a", now=1))
    assert effects == ()
    state, effects = step(state, Turned(2, "test"))
    assert effects == (Record("pod", "Normal", "Seen", "default/a", component="test"), Wake("test"))
    state, effects = step(state, watched("a", "b", now=3))
    state, effects = step(state, Turned(3, "test"))
    assert asked == [("default/a", "a", 2), ("default/b", "b", 3)]


def test_a_key_is_given_up_after_so_many_retries_until_something_changes():
    state, _ = step(begun(controller(lambda _: Outcome(error="no"), retries=2)), watched("a"))
    timer = ("after", "test", "default/a")
    for now, delay in ((0, 5), (5, 10)):
        state, effects = step(state, Turned(now * MILLISECOND, "test"))
        assert effects == (SetTimer(timer, (now + delay) * MILLISECOND, periodic=False),)
        state, _ = step(state, TimerFired((now + delay) * MILLISECOND, timer))
    state, effects = step(state, Turned(15 * MILLISECOND, "test"))
    assert effects == ()
    assert [(failure.times, failure.why) for _, _, failure in failing(state)] == [(3, "no")]
    state, _ = step(state, watched("a", now=HOUR))
    _, effects = step(state, Turned(HOUR, "test"))
    assert effects == (SetTimer(timer, HOUR + 5 * MILLISECOND, periodic=False),)


def test_what_is_given_up_comes_back_no_more():
    outcomes = [Outcome(error="no"), Outcome(after=HOUR)]
    state, _ = step(begun(controller(lambda _: outcomes.pop(), retries=0)), watched("a"))
    state, _ = step(state, Turned(0, "test"))
    state, _ = step(state, watched("a", now=1))
    _, effects = step(state, Turned(1, "test"))
    assert effects == (CancelTimer(("after", "test", "default/a")),)


def test_events_are_recorded_in_the_controllers_name():
    by_another = Record("pod", "Normal", "Seen", "b", component="other")
    outcome = Outcome(records=(Record("pod", "Normal", "Seen", "a"), by_another))
    state, _ = step(begun(controller(lambda _: outcome, component="test-controller")), watched("a"))
    _, effects = step(state, Turned(0, "test"))
    assert effects == (Record("pod", "Normal", "Seen", "a", component="test-controller"), by_another)


def test_no_turn_before_every_source_is_synced():
    two = Controller(
        name="test",
        sources=(Source("pods", keys_of_itself), Source("nodes", lambda _, __: ())),
        reconcile=lambda _: Outcome(),
    )
    state, effects = step(begun(two), watched("a"))
    assert effects == ()
    state, effects = step(state, watched(resource="nodes"))
    assert effects == (Wake("test"),)


def test_spurious_turns_and_answers_change_nothing():
    state = begun(controller(lambda _: Outcome()))
    assert step(state, Turned(0, "test")) == (state, ())
    assert step(state, Turned(0, "nobody")) == (state, ())
    assert step(state, Answered(0, ("test", "default/a", 0, 0), OK)) == (state, ())
    assert step(state, TimerFired(0, ("after", "test", "default/a"))) == (state, ())


def test_key_waits_for_all_answers_and_changes_meanwhile_count_once():
    state, _ = step(begun(controller(lambda _: Outcome(calls=(CALL, CALL)))), watched("a"))
    state, effects = step(state, Turned(0, "test"))
    assert effects == (Call(CALL, ("test", "default/a", 0, 0)), Call(CALL, ("test", "default/a", 0, 1)))
    state, effects = step(state, watched("a"))
    state, effects = step(state, watched("a"))
    assert effects == ()
    state, effects = step(state, Answered(1, ("test", "default/a", 0, 1), OK))
    assert effects == ()
    waiting = state
    state, effects = step(state, Answered(1, ("test", "default/a", 0, 1), OK))
    assert (state, effects) == (waiting, ()), "a repeated answer is not another one"
    state, effects = step(state, Answered(1, ("test", "default/a", 0, 0), OK))
    assert effects == (Wake("test"),), "what changed meanwhile is reconciled afterwards"
    state, effects = step(state, Turned(2, "test"))
    assert [effect.tag[2] for effect in effects] == [1, 1]


def test_again_reconciles_with_the_answers():
    def reconcile(ask: Ask) -> Outcome:
        if ask.answers:
            return Outcome(records=(Record("pod", "Normal", "Answers", str([a.code for _, a in ask.answers])),))
        return Outcome(calls=(CALL, CALL), again=True)

    state, _ = step(begun(controller(reconcile)), watched("a"))
    state, _ = step(state, Turned(0, "test"))
    state, _ = step(state, Answered(1, ("test", "default/a", 0, 1), REFUSED))
    state, effects = step(state, Answered(1, ("test", "default/a", 0, 0), OK))
    assert effects == (Record("pod", "Normal", "Answers", "[200, 409]", component="test"),)
    assert failing(state) == (), "what a controller takes into account is no failure"


def test_workers_limit_how_many_keys_wait_at_a_time():
    state, _ = step(begun(controller(lambda _: Outcome(calls=(CALL,)), workers=2)), watched("a", "b", "c"))
    state, effects = step(state, Turned(0, "test"))
    assert Wake("test") in effects
    state, effects = step(state, Turned(0, "test"))
    assert Wake("test") not in effects
    state, effects = step(state, Turned(0, "test"))
    assert effects == ()
    state, effects = step(state, Answered(1, ("test", "default/a", 0, 0), OK))
    assert effects == (Wake("test"),)


def test_failures_back_off_exponentially_and_success_forgets():
    refusal = [REFUSED]
    state, _ = step(begun(controller(lambda _: Outcome(calls=(CALL,)))), watched("a"))
    key = ("after", "test", "default/a")
    waits = []
    for serial in range(20):
        state, _ = step(state, Turned(0, "test"))
        state, effects = step(state, Answered(0, ("test", "default/a", serial, 0), refusal[0]))
        (timer,) = effects
        waits.append(timer.at // MILLISECOND)
        assert (timer.key, timer.periodic) == (key, False)
        state, _ = step(state, TimerFired(timer.at, key))
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 1_000_000
    ((name, failed, failure),) = failing(state)
    assert (name, failed, failure.times) == ("test", "default/a", 20)
    assert failure.why.startswith("409 Conflict: Operation cannot be fulfilled")
    state, _ = step(state, Turned(0, "test"))
    state, effects = step(state, Answered(0, ("test", "default/a", 20, 0), OK))
    assert effects == ()
    assert failing(state) == ()


def test_many_keys_that_fail_come_back_ten_a_second_after_the_first_hundred():
    names = [f"n{number:03}" for number in range(130)]
    state, _ = step(begun(controller(lambda _: Outcome(error="no"))), watched(*names))
    waits = []
    for _ in names:
        state, (timer, *_) = step(state, Turned(0, "test"))
        waits.append(timer.at // MILLISECOND)
    assert waits[:100] == [5] * 100
    assert waits[100:] == list(range(100, 3100, 100))
    state, _ = step(state, TimerFired(MINUTE, ("after", "test", "default/n000")))
    _, (timer, *_) = step(state, Turned(MINUTE, "test"))
    assert timer.at == MINUTE + 10 * MILLISECOND


def test_what_is_to_be_deleted_may_be_gone():
    gone = Request(verb="delete", resource="pods", namespace="default", name="a")
    state, _ = step(begun(controller(lambda _: Outcome(calls=(gone,)))), watched("a"))
    state, _ = step(state, Turned(0, "test"))
    answer = Response(404, statuses.not_found("pods", "a"))
    state, effects = step(state, Answered(0, ("test", "default/a", 0, 0), answer))
    assert effects == ()


def test_error_counts_as_failure():
    state, _ = step(begun(controller(lambda _: Outcome(error="cannot"))), watched("a"))
    state, effects = step(state, Turned(7, "test"))
    assert effects == (SetTimer(("after", "test", "default/a"), 7 + 5 * MILLISECOND),)
    assert failing(state)[0][2] == runtime.Failure(1, "cannot")


def test_the_last_word_on_coming_back_counts():
    afters = [3 * SECOND, SECOND, None]
    state, _ = step(
        begun(controller(lambda ask: Outcome(after=afters[ask.now], after_is_periodic=ask.now == 1))), watched("a")
    )
    key = ("after", "test", "default/a")
    state, effects = step(state, Turned(0, "test"))
    assert effects == (SetTimer(key, 3 * SECOND),)
    state, _ = step(state, watched("a"))
    state, effects = step(state, Turned(1, "test"))
    assert effects == (SetTimer(key, SECOND + 1, periodic=True),)
    state, _ = step(state, watched("a"))
    state, effects = step(state, Turned(2, "test"))
    assert effects == (CancelTimer(key),)


def test_memory_is_observed_and_handed_on():
    def observe(memory, change, _views, now):
        return (*memory, (change.key, now))

    def reconcile(ask: Ask) -> Outcome:
        return Outcome(memory=(*ask.memory, "reconciled"))

    state, _ = step(begun(controller(reconcile, memory=tuple, observe=observe)), watched("a", now=4))
    state, _ = step(state, Turned(5, "test"))
    assert state.works[0].memory == (("default/a", 4), "reconciled")


def test_resync_takes_every_object_as_changed():
    state = begun(controller(lambda _: Outcome(), resync=HOUR))
    state, (timer,) = step(state, Started(0))
    assert timer.periodic
    assert HOUR <= timer.at < 2 * HOUR
    state, _ = step(state, watched("a", "b"))
    state, _ = step(state, Turned(1, "test"))
    state, _ = step(state, Turned(1, "test"))
    state, effects = step(state, TimerFired(timer.at, timer.key))
    assert effects == (SetTimer(timer.key, 2 * timer.at, periodic=True), Wake("test"))
    assert state.works[0].queue.waiting() == ("default/a", "default/b")
