import attrs
import pytest

from reconcile.components.applications import (
    Application,
    Failed,
    Interest,
    Keep,
    Listen,
    Log,
    Place,
    Send,
    Terminating,
    answers,
    begin,
    check,
    own,
    step,
    terminated,
)
from reconcile.components.frozen import State as Frozen
from reconcile.effects import Call, CancelTimer, Exit, Install, OpenWatch, Record, SetTimer, Wake
from reconcile.events import Answered, Started, TimerFired, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response, User
from reconcile.store import Change

PLACE = Place(
    pod="shop/web-0",
    uid="u",
    container="web",
    host="node-1",
    ip="10.128.0.2",
    labels=Map(),
    environment=Map(),
    args=(),
    attempt=0,
    volumes=Map(),
    dice=Dice(1, "web"),
    now=5,
)


def playing(effects=(), interests=(), **more):
    """An application that remembers what it heard, and gives *effects* each time."""
    application = Application(
        name="web",
        begin=lambda place: (),
        step=lambda heard, event: ((*heard, event), tuple(effects)),
        watches=lambda _: interests,
        **more,
    )
    return begin(application, PLACE)


def test_its_place_says_which_pod_it_is_in():
    assert (PLACE.namespace, PLACE.name) == ("shop", "web-0")


def test_tags_and_keys_are_its_own_whatever_they_are():
    request = Request(verb="get", resource="pods", namespace="shop", name="web-0")
    given = (
        Call(request, ("election", 1), User(name="root")),
        Call(request),
        SetTimer(("election", "next"), 9, periodic=True),
        CancelTimer(("recorder",)),
        Record(None, "Normal", "Up", "it is up"),
    )
    state, effects = step(playing(given), Started(5))
    assert effects == (
        Call(request, ("own", ("election", 1))),  # and as nobody but its own ServiceAccount
        Call(request),
        SetTimer(("own", ("election", "next")), 9, periodic=True),
        CancelTimer(("own", ("recorder",))),
        Record(None, "Normal", "Up", "it is up", component="web"),
    )
    response = Response(200)
    state, _ = step(state, Answered(6, ("own", ("election", 1)), response))
    state, _ = step(state, TimerFired(7, ("own", ("election", "next"))))
    state, _ = step(state, Failed(8, ("a",), "connection refused"))
    assert own(state) == (
        Started(5),
        Answered(6, ("election", 1), response),
        TimerFired(7, ("election", "next")),
        Failed(8, ("a",), "connection refused"),
    )


@pytest.mark.parametrize(
    "effect", [Send("web", 80, "x"), Listen(80), Keep("/data", "n", 1), Log("up"), Exit(1), Wake("work")]
)
def test_what_it_may_order_is_passed_on(effect):
    assert step(playing((effect,)), Started(5))[1] == (effect,)


@pytest.mark.parametrize("effect", [Install(None), Listen(0), Send("web", 65536, "x"), "up"])
def test_what_it_may_not_order_is_refused(effect):
    with pytest.raises(ReconcileError, match="application 'web'"):
        step(playing((effect,)), Started(5))


@pytest.mark.parametrize("given", [None, 3, (3,), (3, None), (3, (), ())])
def test_a_step_that_gives_no_state_with_effects_is_refused(given):
    application = Application(name="web", begin=lambda place: 0, step=lambda state, event: given)
    with pytest.raises(ReconcileError, match=r"application 'web': its step gave .*, which is no "):
        step(begin(application, PLACE), Started(5))


def test_what_it_watches_it_asks_for_by_list_and_watch():
    state, effects = step(playing(interests=(Interest("pods", "shop"),)), Started(5))
    asked = Request(verb="list", resource="pods", namespace="shop", limit=1)
    assert effects == (Call(asked, ("interest", "pods", "list")),)
    state, effects = step(state, Answered(6, ("interest", "pods", "list"), Response(200)))
    assert effects == (Call(Request(verb="watch", resource="pods", namespace="shop"), ("interest", "pods", "watch")),)
    state, effects = step(state, Answered(7, ("interest", "pods", "watch"), Response(200)))
    assert effects == (OpenWatch("pods"),)
    assert own(state) == (Started(5),)  # it hears nothing of all this


def test_what_it_may_not_watch_it_tries_again_later_and_later():
    state, _ = step(playing(interests=(Interest("pods"),)), Started(5))
    refused = Answered(6, ("interest", "pods", "list"), Response(403, attrs.make_class("Status", ["message"])("no")))
    state, (said, timer) = step(state, refused)
    assert said == Log("Failed to watch pods: failed to list pods: no")
    assert timer == SetTimer(("interest", "pods"), 6 + 800 * MILLISECOND, periodic=True)
    state, effects = step(state, TimerFired(7, ("interest", "pods")))
    assert effects == (Call(Request(verb="list", resource="pods", limit=1), ("interest", "pods", "list")),)
    waits = []
    for _ in range(7):
        state, (_, timer) = step(state, refused)
        waits.append((timer.at - 6) / SECOND)
    assert waits == [1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]


def test_it_hears_of_its_namespace_only():
    state = attrs.evolve(playing(), interests=(Interest("pods", "shop"),))
    here, there = Change(3, "pods", "shop/web-0", None, 1), Change(4, "pods", "kube-system/dns", None, 2)
    view = Table()
    state, _ = step(state, Watched(9, "pods", (here, there), view))
    state, _ = step(state, Watched(10, "pods", (there,), view))
    state, _ = step(state, Watched(11, "pods", (), view))  # which says that the watch is synced
    assert own(state) == (Watched(9, "pods", (here,), view), Watched(11, "pods", (), view))


def test_what_it_watches_is_an_interest():
    with pytest.raises(ReconcileError, match="'pods' is no Interest"):
        step(playing(interests=("pods",)), Started(5))


def test_probes_ask_it_and_succeed_if_it_says_nothing():
    assert answers(playing(), "GET :80/", 5)
    asked = playing(answers=lambda heard, action, now: (len(heard), action, now) == (0, "GET :80/", 5))
    assert answers(asked, "GET :80/", 5)
    assert not answers(asked, "GET :80/", 6)


def test_a_signal_is_heard_by_those_that_are_graceful():
    assert terminated(playing(), 5) is None
    assert terminated(playing(graceful=True), 5) == Terminating(5)


def test_the_own_state_is_found_in_a_frozen_process_too():
    assert own(Frozen(kind="application", state=playing())) == ()
    assert own("something else") is None


def test_applications_are_told_apart_and_all_that_are_named_are_there():
    web = playing().application
    check((web,), ("web",))
    with pytest.raises(ReconcileError, match=r"component 'db' is none of the applications that are given \(web\)"):
        check((web,), ("web", "db"))
    with pytest.raises(ReconcileError, match="another's too"):
        check((web, web), ())
    with pytest.raises(ReconcileError, match="lowercase RFC 1123"):
        check((attrs.evolve(web, name="Web 1"),), ())
