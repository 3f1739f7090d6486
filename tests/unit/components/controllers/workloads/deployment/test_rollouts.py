"""Whole rollouts of Deployment and ReplicaSet controller against a naive API server, under any schedule."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.components import controllers
from reconcile.components.controllers.workloads import deployment as deployments
from reconcile.components.controllers.workloads import replicaset
from reconcile.components.controllers.workloads.deployment.bounds import max_surge, max_unavailable
from tests.unit.components.controllers import objects
from tests.unit.components.controllers.toy_server import ToyCluster

RUN = (deployments.CONTROLLER, replicaset.CONTROLLER)
KEY = "default/web"


def cluster(declared):
    toy = ToyCluster(RUN)
    toy.put("deployments.apps", declared)
    return toy


def pods_come_up(toy, *, images=None):
    """Let every pod that is not ready be so; tell whether there was one."""
    found = False
    for pod in list(toy.store.table("pods").values()):
        if pod.status is None and (images is None or pod.spec.containers[0].image in images):
            toy.put("pods", objects.running(pod, toy.now))
            found = True
    return found


def run(toy, *, images=None):
    toy.settle()
    while pods_come_up(toy, images=images):
        toy.settle()


def change(toy, **spec):
    toy.put("deployments.apps", objects.changed(toy.store.get("deployments.apps", KEY), **spec))


def sizes(toy):
    found = toy.store.table("replicasets.apps").values()
    return {one.spec.template.spec.containers[0].image: one.spec.replicas for one in found}


def said(toy, reason="ScalingReplicaSet"):
    """Give the messages of this reason, each ReplicaSet called by its image."""
    names = {
        one.metadata.name: one.spec.template.spec.containers[0].image
        for one in toy.store.table("replicasets.apps").values()
    }
    return [
        " ".join([names.get(word, word) for word in record.message.split()])
        for record in toy.records
        if record.reason == reason
    ]


def status(toy):
    return toy.store.get("deployments.apps", KEY).status


def condition(toy, kind):
    return next((one for one in status(toy).conditions if one.type == kind), None)


@given(
    st.data(),
    st.integers(1, 6),
    st.sampled_from([("25%", "25%"), (1, 0), (0, 1), (0, 0), (2, 1), ("100%", 0), (0, "50%")]),
)
def test_bounds_hold_under_any_schedule(data, replicas, bounds):
    declared = objects.deployment(replicas, strategy=objects.rolling(*bounds))
    toy = cluster(declared)
    run(toy)
    most = replicas + max_surge(declared)
    least = replicas - max_unavailable(declared)
    for image in data.draw(st.lists(st.sampled_from(["two", "three", "one"]), min_size=1, max_size=3)):
        change(toy, template=objects.template(image))
        for _ in range(data.draw(st.integers(0, 150))):
            moves = toy.moves()
            waiting = [pod for pod in toy.store.table("pods").values() if pod.status is None]
            choice = data.draw(st.integers(0, len(moves) + len(waiting) - 1)) if moves or waiting else None
            if choice is None:
                break
            if choice < len(moves):
                moves[choice]()
            else:
                toy.put("pods", objects.running(waiting[choice - len(moves)], toy.now))
            pods = list(toy.store.table("pods").values())
            assert len(pods) <= most
            assert sum(1 for pod in pods if pod.status is not None) >= least
    for _ in range(50):
        toy.settle()
        if not pods_come_up(toy) and not toy.fire():
            break
    assert set(sizes(toy).values()) <= {0, replicas}
    assert [size for size in sizes(toy).values() if size] == [replicas]
    assert status(toy).updated_replicas == status(toy).available_replicas == replicas
    assert len(toy.store.table("pods")) == replicas


def test_first_rollout():
    toy = cluster(objects.deployment(3))
    run(toy)
    assert said(toy) == ["Scaled up replica set one from 0 to 3"]
    assert condition(toy, "Progressing").reason == "NewReplicaSetAvailable"
    name = next(iter(toy.store.table("replicasets.apps").values())).metadata.name
    assert condition(toy, "Progressing").message == f'ReplicaSet "{name}" has successfully progressed.'
    assert condition(toy, "Available").message == "Deployment has minimum availability."
    found = toy.store.get("deployments.apps", KEY)
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "1"
    assert (found.status.replicas, found.status.ready_replicas, found.status.unavailable_replicas) == (3, 3, None)


def test_replica_set_has_the_hash_in_name_labels_and_selector():
    toy = cluster(objects.deployment(1))
    run(toy)
    (found,) = toy.store.table("replicasets.apps").values()
    hashed = found.metadata.labels["pod-template-hash"]
    assert found.metadata.name == f"web-{hashed}"
    assert found.spec.selector.match_labels == {"app": "web", "pod-template-hash": hashed}
    assert found.spec.template.metadata.labels == {"app": "web", "pod-template-hash": hashed}
    (reference,) = found.metadata.owner_references
    assert (reference.kind, reference.uid, reference.controller) == ("Deployment", "the-deployment", True)


def test_rolling_update_one_by_one():
    toy = cluster(objects.deployment(3))
    run(toy)
    toy.records.clear()
    change(toy, template=objects.template("two"))
    run(toy)
    assert said(toy) == [
        "Scaled up replica set two from 0 to 1",
        "Scaled down replica set one from 3 to 2",
        "Scaled up replica set two from 1 to 2",
        "Scaled down replica set one from 2 to 1",
        "Scaled up replica set two from 2 to 3",
        "Scaled down replica set one from 1 to 0",
    ]


def test_rollback_uses_the_old_replica_set_again():
    toy = cluster(objects.deployment(2))
    run(toy)
    change(toy, template=objects.template("two"))
    run(toy)
    change(toy, template=objects.template("one"))
    run(toy)
    assert sizes(toy) == {"one": 2, "two": 0}
    first = next(one for one in toy.store.table("replicasets.apps").values() if one.spec.replicas)
    assert first.metadata.annotations["deployment.kubernetes.io/revision"] == "3"
    assert first.metadata.annotations["deployment.kubernetes.io/revision-history"] == "1"
    found = toy.store.get("deployments.apps", KEY)
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "3"


def test_history_limit_deletes_the_lowest_revisions():
    toy = cluster(objects.deployment(1, revision_history_limit=1))
    for image in ("two", "three", "four"):
        run(toy)
        change(toy, template=objects.template(image))
    run(toy)
    assert sizes(toy) == {"three": 0, "four": 1}


def test_recreate_waits_for_the_last_old_pod():
    toy = cluster(objects.deployment(3, strategy=objects.apps_v1.DeploymentStrategy(type="Recreate")))
    run(toy)
    toy.records.clear()
    change(toy, template=objects.template("two"))
    while toy.moves():
        toy.moves()[0]()
        images = {pod.spec.containers[0].image for pod in toy.store.table("pods").values()}
        assert len(images) <= 1
    run(toy)
    assert said(toy) == ["Scaled down replica set one from 3 to 0", "Scaled up replica set two from 0 to 3"]


def test_paused_scales_in_proportion_but_does_not_roll():
    toy = cluster(objects.deployment(10, strategy=objects.rolling(3, 2)))
    run(toy)
    change(toy, template=objects.template("broken"))
    run(toy, images={"one"})
    assert sizes(toy) == {"one": 8, "broken": 5}
    change(toy, replicas=15)
    run(toy, images={"one"})
    # https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
    assert sizes(toy) == {"one": 11, "broken": 7}


def test_paused_deployment_says_so_and_creates_nothing_new():
    toy = cluster(objects.deployment(3))
    run(toy)
    change(toy, paused=True, template=objects.template("two"))
    run(toy)
    assert sizes(toy) == {"one": 3}
    assert condition(toy, "Progressing").reason == "DeploymentPaused"
    change(toy, replicas=5)
    run(toy)
    assert sizes(toy) == {"one": 5}
    change(toy, paused=False)
    run(toy)
    assert sizes(toy) == {"one": 0, "two": 5}
    assert condition(toy, "Progressing").reason == "NewReplicaSetAvailable"


def test_what_is_resumed_before_it_had_a_replica_set_is_not_said_to_have_got_one():
    toy = cluster(objects.deployment(1, paused=True))
    run(toy)
    assert condition(toy, "Progressing").reason == "DeploymentPaused"
    seen, ask = [], toy.ask

    def noted(request):
        if request.subresource == "status" and request.resource == "deployments.apps":
            seen.extend(one.reason for one in request.body.status.conditions if one.type == "Progressing")
        return ask(request)

    toy.ask = noted
    change(toy, paused=False)
    run(toy)
    assert seen[0] == "DeploymentResumed"
    assert seen[-1] == "NewReplicaSetAvailable"
    assert "NewReplicaSetCreated" not in seen


def test_unhealthy_old_pods_go_first():
    toy = cluster(objects.deployment(4, strategy=objects.rolling(0, 1)))
    run(toy, images=())
    change(toy, template=objects.template("two"))
    run(toy, images=())
    # None is available, so nothing is lost by letting the old ones go.
    assert sizes(toy) == {"one": 3, "two": 1}


def test_deadline_passes():
    toy = cluster(objects.deployment(1, progress_deadline_seconds=60))
    toy.settle()
    assert condition(toy, "Progressing").reason == "ReplicaSetUpdated"
    start = toy.now
    toy.settle(timers=True)
    assert condition(toy, "Progressing").reason == "ProgressDeadlineExceeded"
    assert condition(toy, "Progressing").status == "False"
    assert toy.now - start == 61 * 10**9


def test_complete_rollout_leaves_no_timer():
    toy = cluster(objects.deployment(2))
    run(toy)
    assert all(timer.periodic for timer in toy.timers)


def test_hash_collision_counts_and_tries_again():
    toy = cluster(objects.deployment(1))
    run(toy)
    (found,) = toy.store.table("replicasets.apps").values()
    toy = ToyCluster(RUN)
    other = objects.replica_set(0, selector=objects.meta_v1.LabelSelector(match_labels=objects.Map({"app": "other"})))
    toy.put(
        "replicasets.apps", objects.replace(other, metadata=objects.replace(other.metadata, name=found.metadata.name))
    )
    toy.put("deployments.apps", objects.deployment(1))
    for _ in range(10):
        run(toy)
        toy.fire()
    assert status(toy).collision_count == 1
    assert status(toy).available_replicas == 1


def test_stale_cache_is_not_decided_from_twice():
    toy = cluster(objects.deployment(4, strategy=objects.rolling(2, 0)))
    run(toy)
    change(toy, template=objects.template("two"))
    while toy.moves() and sizes(toy).get("two") is None:
        toy.moves()[0]()
    # The ReplicaSet "two" is there, the cache has not shown it, and the template changes again.
    change(toy, template=objects.template("three"))
    for _ in range(60):
        for move in (toy.carry_out, toy.answer, toy.turn):
            if {toy.carry_out: toy.calls, toy.answer: toy.answers, toy.turn: toy.wakes}[move]:
                move()
        toy.deliver("deployments.apps")
        assert sum(sizes(toy).values()) <= 6
    run(toy)
    assert sizes(toy) == {"one": 0, "two": 0, "three": 4}


def test_watches_are_shared():
    watches = controllers.watches(controllers.begin(RUN, ToyCluster(RUN).dice))
    assert [watch.resource for watch in watches] == ["deployments.apps", "replicasets.apps", "pods"]
