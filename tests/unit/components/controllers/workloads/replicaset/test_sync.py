from collections import Counter
from itertools import pairwise

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components import controllers
from reconcile.components.controllers.workloads import replicaset, replicationcontroller
from reconcile.components.controllers.workloads.replicaset import memory as memories
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response
from tests.unit.components.controllers import objects
from tests.unit.components.controllers.toy_server import ToyCluster

SETS = "replicasets.apps"
KEY = "default/web"


def cluster(declared=None, *, pods=(), controller=replicaset.CONTROLLER):
    toy = ToyCluster((controller,))
    for pod in pods:
        toy.put("pods", pod)
    toy.put(SETS, declared or objects.replica_set())
    return toy


def pods(toy):
    return list(toy.store.table("pods").values())


def status(toy):
    return toy.store.get(SETS, KEY).status


def change(toy, **spec):
    toy.put(SETS, objects.changed(toy.store.get(SETS, KEY), **spec))


def verbs(toy, *wanted):
    return [request.verb for request in toy.requests if request.verb in wanted]


def test_creates_what_is_missing():
    toy = cluster()
    toy.settle()
    (first, *_) = pods(toy)
    assert len(pods(toy)) == 3
    assert first.metadata.generate_name == "web-"
    assert first.metadata.labels == objects.LABELS
    assert first.spec is toy.store.get(SETS, KEY).spec.template.spec
    assert first.metadata.owner_references == (
        meta_v1.OwnerReference(
            api_version="apps/v1",
            kind="ReplicaSet",
            name="web",
            uid="the-owner",
            controller=True,
            block_owner_deletion=True,
        ),
    )
    assert [record.reason for record in toy.records] == ["SuccessfulCreate"] * 3
    created = {f"Created pod: {pod.metadata.name}" for pod in pods(toy)}
    assert {record.message for record in toy.records} == created
    assert (status(toy).replicas, status(toy).fully_labeled_replicas) == (3, 3)
    assert (status(toy).ready_replicas, status(toy).terminating_replicas) == (None, 0)


def test_batches_double_up_to_the_burst():
    toy = cluster(objects.replica_set(700))
    batches = []
    for _ in range(30_000):
        moves = toy.moves()
        if not moves:
            break
        if toy.calls and toy.calls[0].request.verb == "create":
            batches.append(len(toy.calls))
            while toy.calls:
                toy.carry_out()
        else:
            moves[0]()
    assert batches == [1, 2, 4, 8, 16, 32, 64, 128, 245, 1, 2, 4, 8, 16, 32, 64, 73]
    assert len(pods(toy)) == 700


def test_failing_creation_stops_after_one_and_backs_off():
    toy = cluster(objects.replica_set(100))
    full = "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"
    refused = Response(403, statuses.forbidden("pods", "web-x", full))
    toy.refuse = lambda request: refused if request.verb == "create" else None
    toy.settle()
    # Its own status brings it back once more at once, as upstream; then it waits.
    assert [record.reason for record in toy.records] == ["FailedCreate"] * 2
    assert toy.records[0].message == f'Error creating: pods "web-x" is forbidden: {full}'
    (condition,) = status(toy).conditions
    assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", "FailedCreate")
    assert condition.message == f'pods "web-x" is forbidden: {full}'
    assert len(controllers.failing(toy.state)) == 1
    toy.refuse = lambda _: None
    began = toy.now
    toy.settle(timers=True)
    assert toy.now - began < SECOND, "what is not made is not paced"
    assert len(pods(toy)) == 100
    assert not status(toy).conditions


def test_terminating_namespace_is_no_failure():
    toy = cluster()
    cause = meta_v1.StatusCause(reason="NamespaceTerminating", field="metadata.namespace")
    body = replace(statuses.forbidden("pods", "", "x"), details=meta_v1.StatusDetails(causes=(cause,)))
    toy.refuse = lambda request: Response(403, body) if request.verb == "create" else None
    toy.settle()
    assert toy.records == []
    assert controllers.failing(toy.state) == ()


def test_scales_down_those_that_rank_first():
    toy = cluster(objects.replica_set(4))
    toy.settle()
    for pod in pods(toy)[:2]:
        toy.put("pods", objects.running(pod, toy.now))
    kept = [pod.metadata.name for pod in pods(toy)[:2]]
    toy.settle()
    change(toy, replicas=2)
    toy.records.clear()
    toy.settle()
    assert [pod.metadata.name for pod in pods(toy)] == kept
    assert [record.reason for record in toy.records] == ["SuccessfulDelete"] * 2
    assert (status(toy).replicas, status(toy).ready_replicas, status(toy).available_replicas) == (2, 2, 2)
    assert status(toy).observed_generation == 2


def test_lost_and_finished_pods_are_replaced():
    toy = cluster(objects.replica_set(2))
    toy.settle()
    first, second = pods(toy)
    toy.put("pods", replace(first, status=core_v1.PodStatus(phase="Failed")))
    toy.remove("pods", f"default/{second.metadata.name}")
    toy.settle()
    assert len(pods(toy)) == 3
    assert status(toy).replicas == 2


def flooded(toy, moves):
    """Let every pod fail as soon as it is there, for so many moves; give the instants at which pods were made."""
    began, made = toy.now, {}
    for _ in range(moves):
        offered = toy.moves()
        if not offered:
            toy.fire()
            continue
        offered[0]()
        for pod in pods(toy):
            if pod.metadata.name not in made:
                made[pod.metadata.name] = (toy.now - began) // MILLISECOND
                toy.put("pods", replace(pod, status=core_v1.PodStatus(phase="Failed")))
    return list(made.values())


def test_pods_that_fail_at_once_are_replaced_at_the_pace_of_upstreams_client():
    toy = cluster(objects.replica_set(1))
    made = flooded(toy, 1500)
    # The one that is declared, and ten at three requests each; then three requests for each, twenty a second.
    assert made[:14] == [0] * 11 + [150, 300, 450]
    assert {later - earlier for earlier, later in pairwise(made[11:])} == {150}
    assert memories.paced(toy.state.works[0].memory, "the-owner", 1, 1, toy.now + MINUTE)[1] == 0


def test_many_that_fail_at_once_are_replaced_together():
    toy = cluster(objects.replica_set(40))
    made = Counter(flooded(toy, 6000))
    # 70 requests at once: the forty that are declared, then forty more and two status writes, for which 12 are missing.
    assert list(made.items())[:4] == [(0, 40), (600, 40), (2700, 40), (4800, 40)]


def test_what_is_declared_is_made_at_once_however_much_it_is():
    toy = cluster(objects.replica_set(200))
    toy.settle()
    change(toy, replicas=900)
    toy.settle(most=100_000)
    assert len(pods(toy)) == 900
    toy.remove(SETS, KEY)
    toy.settle()
    assert len(toy.state.works[0].memory.paces) == 0


def test_terminating_pods_are_replaced_and_counted():
    toy = cluster(objects.replica_set(1))
    toy.settle()
    (pod,) = pods(toy)
    toy.put("pods", replace(pod, metadata=replace(pod.metadata, deletion_timestamp=Time.at(toy.now))))
    toy.settle()
    assert len(pods(toy)) == 2
    assert (status(toy).replicas, status(toy).terminating_replicas) == (1, 1)


def test_nothing_is_created_twice_while_the_cache_lags():
    toy = cluster(objects.replica_set(5))
    toy.deliver(SETS)
    toy.deliver("pods")
    for _ in range(200):
        for queue, move in ((toy.calls, toy.carry_out), (toy.answers, toy.answer), (toy.wakes, toy.turn)):
            if queue:
                move()
        toy.deliver(SETS)
    assert len(pods(toy)) == 5
    assert verbs(toy, "delete") == []
    change(toy, replicas=0)
    for _ in range(50):
        for queue, move in ((toy.calls, toy.carry_out), (toy.answers, toy.answer), (toy.wakes, toy.turn)):
            if queue:
                move()
        toy.deliver(SETS)
    assert verbs(toy, "delete") == [], "what it has not seen it does not delete"
    toy.settle()
    assert pods(toy) == []


@pytest.mark.parametrize("consistent", [False, True])
def test_expectation_is_given_up_after_five_minutes_unless_the_cache_is_older_than_what_was_made(consistent):
    toy = cluster(objects.replica_set(1), controller=replicaset.controller(consistent=consistent))
    toy.settle()
    change(toy, replicas=2)
    toy.deliver(SETS)
    toy.turn()
    toy.carry_out()
    toy.answer()
    lost = next(key for key, pod in toy.store.table("pods").items() if pod is pods(toy)[-1])
    toy.cursors["pods"] = toy.store.history("pods").end  # the change is missed
    assert lost
    toy.settle()
    toy.now += 5 * MINUTE + 1
    change(toy, replicas=3)
    toy.settle()
    assert len(pods(toy)) == (2 if consistent else 3)
    toy.put("pods", objects.pod("other", None))  # a later change comes, so that the cache is as new as what was made
    toy.settle()
    change(toy, min_ready_seconds=1)
    toy.settle()
    assert len(pods(toy)) == 4


def test_adopts_orphans_it_selects():
    stray = objects.pod("stray", Map({"app": "other"}))
    owned = objects.pod(
        "owned",
        owner_references=(
            meta_v1.OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="x", uid="x", controller=True),
        ),
    )
    toy = cluster(pods=(objects.pod("one"), stray, owned))
    toy.settle()
    adopted = toy.store.get("pods", "default/one")
    assert adopted.metadata.owner_references[0].uid == "the-owner"
    assert toy.store.get("pods", "default/stray").metadata.owner_references is None
    assert toy.store.get("pods", "default/owned").metadata.owner_references[0].uid == "x"
    assert verbs(toy, "get", "patch") == ["get", "patch"]
    assert status(toy).replicas == 3
    assert len(pods(toy)) == 5


def test_adopts_nothing_if_it_is_being_deleted():
    toy = cluster()
    toy.settle()
    owner = toy.store.get(SETS, KEY)
    toy.put(SETS, replace(owner, metadata=replace(owner.metadata, deletion_timestamp=Time.at(toy.now))))
    toy.put("pods", objects.pod("late"))
    toy.deliver("pods")  # before the owner's deletion is seen
    toy.turn()
    toy.settle()
    assert toy.store.get("pods", "default/late").metadata.owner_references is None


def test_releases_what_it_no_longer_selects_and_replaces_it():
    toy = cluster()
    toy.settle()
    (first, *_) = pods(toy)
    toy.put("pods", replace(first, metadata=replace(first.metadata, labels=Map({"app": "debug"}))))
    toy.settle()
    released = toy.store.get("pods", f"default/{first.metadata.name}")
    assert released.metadata.owner_references is None
    assert len(pods(toy)) == 4
    assert status(toy).replicas == 3


def test_two_owners_of_the_same_selector_share_nothing():
    toy = cluster(objects.replica_set(2))
    other = objects.replica_set(2)
    toy.put(SETS, replace(other, metadata=replace(other.metadata, name="other", uid="another-owner")))
    toy.put("pods", objects.pod("orphan"))
    toy.settle(timers=True)
    owners = [pod.metadata.owner_references[0].uid for pod in pods(toy)]
    assert sorted(owners) == ["another-owner"] * 2 + ["the-owner"] * 2
    assert controllers.failing(toy.state) == ()


def test_available_only_after_min_ready_seconds():
    toy = cluster(objects.replica_set(1, min_ready_seconds=10))
    toy.settle()
    toy.put("pods", objects.running(pods(toy)[0], toy.now))
    start = toy.now
    toy.settle()
    assert (status(toy).ready_replicas, status(toy).available_replicas) == (1, None)
    toy.settle(timers=True)
    assert (status(toy).available_replicas, toy.now - start) == (1, 10 * SECOND)
    assert len([timer for timer in toy.timers if not timer.periodic]) == 0


def test_labels_beside_the_templates_count_as_labelled():
    extra = objects.pod("extra", objects.LABELS.set("more", "yes"))
    toy = cluster(objects.replica_set(2), pods=(extra,))
    toy.settle()
    assert status(toy).fully_labeled_replicas == 2


@pytest.mark.parametrize(("wanted", "carried", "labelled"), [(None, "a", 2), ("a", "a", 2), ("a", "b", None)])
def test_the_zone_of_a_pods_node_is_no_label_of_its_template(wanted, carried, labelled):
    zone = "topology.kubernetes.io/zone"
    owner = objects.replica_set(2)
    if wanted is not None:
        of_template = replace(owner.spec.template.metadata, labels=objects.LABELS.set(zone, wanted))
        owner = replace(owner, spec=replace(owner.spec, template=replace(owner.spec.template, metadata=of_template)))
    toy = cluster(owner)
    toy.settle()
    for pod in pods(toy):
        toy.put("pods", replace(pod, metadata=replace(pod.metadata, labels=pod.metadata.labels.set(zone, carried))))
    toy.settle()
    assert status(toy).fully_labeled_replicas == labelled


def test_gone_owner_is_forgotten():
    toy = cluster()
    toy.settle()
    toy.put("pods", objects.pod("orphan", Map({"app": "none"})))
    toy.remove(SETS, KEY)
    toy.settle()
    assert toy.state.works[0].memory == replicaset.Memory()


@pytest.mark.parametrize("replicas", [0, 2])
def test_replication_controller(replicas):
    toy = ToyCluster((replicationcontroller.CONTROLLER,))
    toy.put("replicationcontrollers", objects.replication_controller(2))
    toy.settle()
    made = pods(toy)
    assert len(made) == 2
    reference = made[0].metadata.owner_references[0]
    assert (reference.api_version, reference.kind) == ("v1", "ReplicationController")
    found = toy.store.get("replicationcontrollers", KEY)
    assert found.status == core_v1.ReplicationControllerStatus(
        replicas=2, fully_labeled_replicas=2, observed_generation=1
    )
    toy.put("replicationcontrollers", objects.changed(found, replicas=replicas))
    toy.settle()
    assert len(pods(toy)) == replicas


def test_replication_controller_of_another_selector_releases_its_pods():
    toy = ToyCluster((replicationcontroller.CONTROLLER,))
    toy.put("replicationcontrollers", objects.replication_controller(1))
    toy.settle()
    labels = Map({"app": "new"})
    found = toy.store.get("replicationcontrollers", KEY)
    toy.put(
        "replicationcontrollers",
        objects.changed(found, selector=labels, template=objects.template("one", labels)),
    )
    toy.settle()
    owners = {pod.metadata.labels["app"]: pod.metadata.owner_references for pod in pods(toy)}
    assert owners["web"] is None
    assert owners["new"][0].uid == "the-owner"


@pytest.mark.parametrize(("controlled", "goes"), [(False, "alone"), (True, "first")])
def test_pods_that_crowd_a_node_go_first_only_if_a_controller_has_the_owner(controlled, goes):
    declared = objects.replica_set(2)
    above = meta_v1.OwnerReference(api_version="apps/v1", kind="Deployment", name="web", uid="above", controller=True)
    if controlled:
        declared = replace(declared, metadata=replace(declared.metadata, owner_references=(above,)))
    toy = cluster(declared)
    mine = replace(above, kind="ReplicaSet", uid="the-owner")
    # The one that is alone on its node is the youngest.
    for name, node, age in (("first", "n1", 900), ("second", "n1", 600), ("alone", "n2", 3)):
        born = toy.now - age * SECOND
        made = objects.pod(name, creation_timestamp=Time.at(born), owner_references=(mine,))
        toy.put("pods", objects.running(replace(made, spec=replace(made.spec, node_name=node)), toy.now))
    toy.settle()
    assert [request.name for request in toy.requests if request.verb == "delete"] == [goes]
