"""Whatever happens, in whatever order, no property breaks, and in the end the declared state is there."""

import gc
import re
from contextlib import contextmanager, suppress
from functools import cache

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.adapters.manifests import read_text
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.kubeadm import kubeadm
from reconcile.cluster.topology import Topology
from reconcile.components.controllers import Controller, Outcome, Source, controller_of, keys_of_itself
from reconcile.driver.client import create, patch
from reconcile.driver.run import settle
from reconcile.driver.wire import state_digest
from reconcile.events import StopHost
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model.balancers import Balancer
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host
from reconcile.model.requests import joined
from reconcile.testing.blocks import read
from reconcile.testing.fuzzing import HURRY, Schedule, Strike, Wait, Wander, play
from reconcile.testing.scenarios import Scenario
from reconcile.testing.schedules import IMAGES, schedules
from reconcile.testing.writing import scenario_of

SMALL = Map.of({"cpu": "1", "memory": "1Gi", "pods": "9", "ephemeral-storage": "1Gi"})


def skewed(number, skew, **more):
    name = f"node-{number}"
    return Host(name=name, ip=f"172.18.0.{number}", pod_cidr=f"10.128.{number}.0/24", clock_skew=skew, **more)


SHAPES = {
    "one": Topology(nodes=1),
    "two": Topology(nodes=2),
    "two masters": Topology(nodes=2, masters=2),
    "three": Topology(nodes=3, taint_masters=True),
    "three, two masters": Topology(nodes=3, masters=2, lock="endpoints"),
    "skewed": Topology(masters=2, hosts=(skewed(1, 0), skewed(2, 90 * SECOND), skewed(3, -7 * SECOND))),
    "small": Topology(masters=2, hosts=(skewed(1, 0, capacity=SMALL), skewed(2, 0, capacity=SMALL))),
}
# Dearer than the others, so it has a test of its own.
AGREED = "three members"
BALANCED = {
    "balanced": Topology(nodes=4, masters=3, balancer=Balancer()),
    "floating": Topology(nodes=4, masters=3, members=3, balancer=Balancer(kind="floating-address")),
    "kubeadm": attrs.evolve(kubeadm("stacked", masters=3, workers=1), balancer=Balancer()),
}
NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"word": "none"}}
# Of CI's profile, 2,100 in all; while you work, a few of each.
RUNS = settings.default.max_examples * 3 // 4 if settings.default.max_examples >= 200 else 8
COUNTED = settings(
    max_examples=RUNS,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


def shaped(shape):
    return Topology(nodes=4, masters=3, members=3) if shape == AGREED else (SHAPES | BALANCED)[shape]


@cache
def booted(shape, seed):
    topology = attrs.evolve(shaped(shape), behaviours=Behaviours.parse(IMAGES))
    settled = settle(Cluster.boot(topology, seed=seed))
    assert settled.settled, settled.moving
    return settled.cluster


@contextmanager
def uncollected():
    """Pause the collector: a state is acyclic, it would walk every version of every table for nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def judged(shape, seed, schedule):
    with uncollected():
        verdict = play(booted(shape, seed), schedule)
    if verdict.problems:
        pytest.fail(told(shape, seed, schedule, verdict))
    return verdict


def told(shape, seed, schedule, verdict):
    """Say what is wrong, and the scenario that shows it, to be saved as a file."""
    problems, happened = ("\n".join(lines) for lines in (verdict.problems, verdict.happened))
    name = re.sub(r"[^a-z0-9]+", "_", verdict.problems[0].lower())[:60].strip("_")
    saved = f"Fix the bug, and save this as tests/scenarios/fuzz/{name}.txt:"
    with uncollected():
        scenario = scenario_of(booted(shape, seed).topology, seed, schedule)
    return f"{problems}\n\nafter {verdict.steps} steps:\n{happened}\n\n{saved}\n\n{scenario}"


def documents(text):
    return tuple([manifest.content for manifest in read_text(text)]) if text else ()


def hosts(shape):
    return tuple([host.name for host in shaped(shape).machines()])


@pytest.mark.parametrize("shape", BALANCED, ids=str)
@settings(COUNTED, max_examples=max(RUNS // 8, 2))
@given(st.data(), st.integers(0, 1))
def test_api_servers_behind_a_balancer_come_to_the_same_end(shape, data, seed):
    judged(shape, seed, data.draw(schedules(hosts(shape), masters=hosts(shape)[:3])))


@settings(COUNTED, max_examples=max(RUNS // 8, 2))
@given(st.data(), st.integers(0, 1))
def test_members_of_etcd_that_agree_come_to_the_same_end(data, seed):
    judged(AGREED, seed, data.draw(schedules(hosts(AGREED))))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@COUNTED
@given(st.data(), st.integers(0, 1))
def test_users_and_any_order(shape, data, seed):
    judged(shape, seed, data.draw(schedules()))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@COUNTED
@given(st.data(), st.integers(0, 1))
def test_everything_fails(shape, data, seed):
    judged(shape, seed, data.draw(schedules(hosts(shape))))


@settings(COUNTED, max_examples=3)  # few: what a sandbox brings about is short
@given(schedules(hosts("two")), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=4))
def test_sandboxes_that_go_away_are_made_anew(schedule, gone):
    moves = list(schedule.moves)
    for place, number in gone:
        moves.insert(place, Strike("sandbox", number))
    judged("two", 0, attrs.evolve(schedule, moves=tuple(moves)))


def test_ci_makes_enough_runs():
    assert settings.default.max_examples < 200 or 2 * len(SHAPES) * RUNS >= 2_000


def replayed(text):
    """Play the scenario of a file, as tests/scenarios does; give it as it is then, and each command's output."""
    scenario, blocks = Scenario(documents), read(text)
    return scenario, [(block, scenario.play(block)) for block in blocks]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@settings(COUNTED, max_examples=max(4, RUNS // 15))
@given(st.data(), st.integers(0, 1), st.booleans())
def test_a_schedule_and_its_scenario_do_the_same(shape, data, seed, breaks):
    schedule = data.draw(schedules(hosts(shape) if breaks else ()))
    verdict = judged(shape, seed, schedule)
    with uncollected():
        text = scenario_of(booted(shape, seed).topology, seed, schedule)
        scenario, outputs = replayed(text)
    assert state_digest(scenario.cluster) == state_digest(verdict.cluster)
    assert [block.output for block, _ in outputs] == [output for _, output in outputs]
    assert outputs[-1][1] == "ok"


def test_a_failure_is_told_with_a_scenario_that_can_be_saved():
    wrong = {**NOTE, "metadata": {"name": "Note!"}}
    schedule = Schedule((wrong, NOTE), (Wander(3, 4), StopHost("node-1"), Strike("drop", 2)))
    verdict = play(booted("two", 1), schedule)
    (problem,) = verdict.problems
    assert problem.startswith('apply configmaps default/Note! was refused: 422 ConfigMap "Note!" is invalid')
    head, text = told("two", 1, schedule, verdict).split("txt:\n\n")
    assert head.endswith("as tests/scenarios/fuzz/apply_configmaps_default_note_was_refused_422_configmap_note.")
    _, outputs = replayed(text)
    block, output = outputs[-1]
    assert (block.command, block.output, output) == ("judge", "ok", f"VIOLATION {problem}")
    assert " ".join(line.strip("# ") for line in read(text)[0].comment) == f"Found by fuzzing. {problem}"


def says(word):
    """Make a controller that wants this word in the ConfigMap `note`."""

    def reconcile(ask):
        found = ask.views.get("configmaps", ask.key)
        if ask.key != "default/note" or found is None or found.data["word"] == word:
            return Outcome()
        return Outcome(calls=(patch("configmaps", "note", {"data": {"word": word}}, namespace="default"),))

    return Controller(name=word, sources=(Source("configmaps", keys_of_itself),), reconcile=reconcile)


@pytest.mark.parametrize("moves", [(), (Wait(SECOND),)])
def test_controllers_that_undo_each_others_work_are_found(moves):
    boot = settle(Cluster.boot(Topology(nodes=1), seed=1, controllers=(says("yes"), says("no")))).cluster
    (problem,) = play(boot, Schedule((NOTE,), moves)).problems
    assert problem.startswith("it does not come to rest: controller no and controller yes go round in a circle, ")
    assert f"{HURRY:,} steps at one instant; in the last {HURRY // 2:,} configmaps default/note data.word" in problem


def test_a_scenario_may_have_controllers_of_the_users_own():
    controllers = (says("yes"), says("no"))
    text = scenario_of(Topology(nodes=1), 1, Schedule((NOTE,)), controllers=controllers)
    scenario = Scenario(documents, controllers=controllers)
    outputs = [scenario.play(block) for block in read(text)]
    assert outputs[:-1] == ["ok", "configmap/note created"]
    assert outputs[-1].startswith("VIOLATION it does not come to rest: ")
    assert scenario_of(Topology(nodes=1), 1, Schedule((NOTE,))).endswith("\n\njudge\n----\nok\n")


# Stale caches ---------------------------------------------------------------------------------------------------------


def deployment_of(change, _):
    """Give the Deployment that owns an object."""
    found = change.new or change.old
    owner = controller_of(found)
    return () if owner is None or owner.kind != "Deployment" else (joined(found.metadata.namespace, owner.name),)


def token(deployment, **named):
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment.metadata.name, "controller": True}
    metadata = {**named, "ownerReferences": [{**owner, "uid": deployment.metadata.uid}]}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    return create(secret, namespace=deployment.metadata.namespace)


def lacks_one(ask):
    """Give the Deployment if it is there and, as far as the cache shows, has no secret of its own."""
    found = ask.views.get("deployments.apps", ask.key)
    if found is None or found.metadata.deletion_timestamp is not None:
        return None
    own = [controller_of(each) for each in ask.views.table("secrets").under("namespace", found.metadata.namespace)]
    return None if found.metadata.uid in [owner.uid for owner in own if owner is not None] else found


def hasty(ask):
    """Make a secret under a name that is drawn if the cache has none: wrong, since the cache may lag."""
    found = lacks_one(ask)
    return Outcome() if found is None else Outcome(calls=(token(found, generateName=f"{found.metadata.name}-"),))


def naming(ask):
    """Make it under a name that says whose it is: a second one is refused."""
    found = lacks_one(ask)
    return Outcome() if found is None else Outcome(calls=(token(found, name=f"{found.metadata.name}-token"),))


@cache
def with_tokens(reconcile):
    sources = (Source("deployments.apps", keys_of_itself), Source("secrets", deployment_of))
    controller = Controller(name="tokens", sources=sources, reconcile=reconcile)
    topology = attrs.evolve(SHAPES["two"], behaviours=Behaviours.parse(IMAGES))
    return settle(Cluster.boot(topology, seed=7, controllers=(controller,))).cluster


class Duplicate(Exception):  # noqa: N818 -- what is looked for
    pass


def drawn_for(reconcile, *, most):
    """Play schedules of the default moves against a controller; give how many, and the smallest that breaks it."""
    count, smallest = 0, None

    @settings(max_examples=most, database=None, phases=(Phase.generate, Phase.shrink), print_blob=False)
    @given(schedules(hosts("two")))
    def plays(schedule):
        nonlocal count, smallest
        count += smallest is None
        problems = play(with_tokens(reconcile), schedule).problems
        if problems:
            smallest = schedule
            raise Duplicate(problems)

    with suppress(Duplicate):
        plays()
    return count, smallest


def test_a_controller_that_makes_what_its_stale_cache_lacks_is_found():
    count, smallest = drawn_for(hasty, most=30)
    assert smallest is not None
    assert count <= 30
    problems = play(with_tokens(hasty), smallest).problems
    assert all(re.fullmatch(r"secrets default/[a-c]-\* is there .*, undisturbed once", each) for each in problems)
    # It is told as a scenario, which says the same as long as the controller is as it was.
    controllers = with_tokens(hasty).controllers
    text = scenario_of(with_tokens(hasty).topology, 7, smallest, controllers=controllers)
    scenario = Scenario(documents, controllers=controllers)
    said = [scenario.play(block) for block in read(text)]
    assert said[-1] == "\n".join(f"VIOLATION {problem}" for problem in problems)
    assert re.search(r"^(strike )?lag \d|^wander", text, re.MULTILINE)


def test_a_controller_that_minds_its_stale_cache_passes():
    assert drawn_for(naming, most=30) == (30, None)
