"""What the author of a controller is told."""

import pytest

from reconcile.components import controllers
from reconcile.components.controllers import STANDARD, Controller, Outcome, Source, keys_of_itself
from reconcile.events import Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.table import Table
from reconcile.model.requests import Request
from reconcile.store import Change
from reconcile.store.indexes import indexes_of
from tests.unit.components.controllers import objects

CALL = Request(verb="get", resource="pods", namespace="default", name="a")


def controller(**fields):
    given = {"name": "x", "sources": (Source("pods", keys_of_itself),), "reconcile": lambda _: Outcome()}
    return Controller(**{**given, **fields})


def begun(*found):
    return controllers.begin(found, Dice(1, "test"))


def watched():
    pod = objects.pod("a")
    table = Table(indexes_of("pods")).set("default/a", pod)
    return Watched(0, "pods", (Change(1, "pods", "default/a", None, pod),), table)


def looked(reconcile):
    """Let a controller look at a pod once."""
    state, _ = controllers.step(begun(controller(reconcile=reconcile)), watched())
    return controllers.step(state, Turned(0, "x"))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("x", "controllers: 'x' is not a Controller"),
        (controller(name=""), "controller '': name: it is empty, or another controller's"),
        (controller(name="deployment"), "controller 'deployment': name: it is empty, or another controller's"),
        (
            controller(sources=(Source("pods", keys_of_itself), Source("deployments", keys_of_itself))),
            "controller 'x': sources[1].resource: no such resource: 'deployments'; near: deployments.apps, endpoints",
        ),
        (controller(workers=0), "controller 'x': workers: 0 is not at least 1"),
        (controller(resync=0), "controller 'x': resync: 0 is not at least 1 nanosecond"),
    ],
)
def test_controllers_that_cannot_run_are_refused(found, said):
    with pytest.raises(ReconcileError) as refused:
        begun(*STANDARD, found)
    assert str(refused.value) == said


def test_standard_controllers_can_run_with_another():
    assert len(begun(*STANDARD, controller()).works) == len(STANDARD) + 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "gave None, not an Outcome"),
        (Outcome(calls=CALL), f"gave calls={CALL!r}, not a tuple"),
        (Outcome(calls=({"kind": "Pod"},)), "gave calls=({'kind': 'Pod'},), not all of which are Requests"),
        (Outcome(records="x"), "gave records='x', not a tuple"),
        (Outcome(after=1.5), "gave after=1.5, not a whole number of nanoseconds"),
    ],
)
def test_what_the_runtime_cannot_carry_out_is_refused(given, said):
    with pytest.raises(ReconcileError) as refused:
        looked(lambda _: given)
    assert str(refused.value) == f"controller 'x': reconcile of 'default/a' {said}"


@pytest.mark.parametrize("given", ["default/a", None, ["default/a"]])
def test_keys_are_a_tuple(given):
    state = begun(controller(sources=(Source("pods", lambda _, __: given),)))
    with pytest.raises(ReconcileError) as refused:
        controllers.step(state, watched())
    assert str(refused.value) == (
        f"controller 'x': keys of pods 'default/a' gave {given!r}, which is not a tuple of keys"
    )


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("deployments", "no such resource: 'deployments'; near: deployments.apps, endpoints"),
        ("nodes", "no controller has 'nodes' among its sources: nothing is known of it"),
    ],
)
def test_views_know_only_what_is_watched(resource, said):
    for look in (lambda ask: ask.views.get(resource, "a"), lambda ask: ask.views.table(resource)):
        with pytest.raises(ReconcileError) as refused:
            looked(look)
        assert str(refused.value) == said
