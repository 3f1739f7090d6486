from reconcile.api import meta_v1
from reconcile.api.scalars import Time
from reconcile.components import controllers
from reconcile.components.controllers.workloads import deployment as deployments
from reconcile.components.controllers.workloads import replicaset
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects
from tests.unit.components.controllers.parts import refused
from tests.unit.components.controllers.toy_server import ToyCluster

RUN = (deployments.CONTROLLER, replicaset.CONTROLLER)
KEY = "default/web"


def cluster(declared=None):
    toy = ToyCluster(RUN)
    toy.put("deployments.apps", declared or objects.deployment(2))
    return toy


def found(toy):
    return toy.store.get("deployments.apps", KEY)


def sets(toy):
    return list(toy.store.table("replicasets.apps").values())


def condition(toy, kind):
    return next(one for one in found(toy).status.conditions if one.type == kind)


def test_refused_replica_set_is_told_and_tried_again():
    toy = cluster()
    no = refused("replicasets.apps", "web-x", "no")
    toy.refuse = lambda request: no if request.verb == "create" and "apps" in request.resource else None
    toy.settle()
    said = [record for record in toy.records if record.reason == "ReplicaSetCreateError"]
    assert said[0].type == "Warning"
    assert said[0].message.startswith('Failed to create new replica set "web-')
    assert said[0].message.endswith('replicasets.apps "web-x" is forbidden: no')
    assert condition(toy, "Progressing").reason == "ReplicaSetCreateError"
    assert len(controllers.failing(toy.state)) == 1
    toy.refuse = lambda _: None
    toy.settle(timers=True)
    assert len(sets(toy)) == 1
    assert controllers.failing(toy.state) == ()


def test_in_a_namespace_that_is_being_deleted_nothing_is_missed():
    toy = cluster()
    ending = refused("replicasets.apps", "web-x", "it ends", ending=True)
    toy.refuse = lambda request: ending if request.verb == "create" else None
    toy.settle(timers=True)
    assert (sets(toy), toy.records, controllers.failing(toy.state)) == ([], [], ())


def test_replica_set_failure_is_the_deployments_too():
    toy = cluster()
    no = refused("pods", "web-x", "exceeded quota")
    toy.refuse = lambda request: no if request.verb == "create" and request.resource == "pods" else None
    toy.settle()
    failure = condition(toy, "ReplicaFailure")
    assert (failure.status, failure.reason) == ("True", "FailedCreate")
    assert failure.message == 'pods "web-x" is forbidden: exceeded quota'


def test_empty_selector_is_refused():
    toy = cluster(objects.deployment(2, selector=meta_v1.LabelSelector()))
    toy.settle()
    assert sets(toy) == []
    assert {record.reason for record in toy.records} == {"SelectingAll"}
    assert found(toy).status.observed_generation == 1


def test_adopts_an_orphan_of_its_template_instead_of_creating_one():
    toy = ToyCluster(RUN)
    orphan = objects.replica_set(1)
    metadata = replace(orphan.metadata, name="old", labels=objects.LABELS)
    toy.put("replicasets.apps", replace(orphan, metadata=metadata))
    toy.put("deployments.apps", objects.deployment(2))
    toy.settle()
    (adopted,) = sets(toy)
    assert adopted.metadata.owner_references[0].uid == "the-deployment"
    assert adopted.spec.replicas == 2
    assert adopted.metadata.annotations["deployment.kubernetes.io/revision"] == "1"
    assert condition(toy, "Progressing").reason in ("FoundNewReplicaSet", "ReplicaSetUpdated")


def test_releases_what_it_no_longer_selects():
    toy = cluster()
    toy.settle()
    (one,) = sets(toy)
    toy.put("replicasets.apps", replace(one, metadata=replace(one.metadata, labels=Map({"app": "other"}))))
    toy.settle()
    released = toy.store.get("replicasets.apps", f"default/{one.metadata.name}")
    assert released.metadata.owner_references is None


def test_being_deleted_only_the_status_is_kept_up():
    toy = cluster()
    toy.settle()
    metadata = replace(found(toy).metadata, deletion_timestamp=Time.at(toy.now), generation=2)
    spec = replace(found(toy).spec, replicas=5)
    toy.put("deployments.apps", replace(found(toy), metadata=metadata, spec=spec))
    toy.requests.clear()
    toy.settle()
    assert {(request.verb, request.subresource) for request in toy.requests} == {("update", "status")}
    assert found(toy).status.observed_generation == 2


def test_changed_annotations_and_min_ready_seconds_reach_the_new_replica_set():
    toy = cluster()
    toy.settle()
    metadata = replace(found(toy).metadata, annotations=found(toy).metadata.annotations.set("team", "x"))
    toy.put(
        "deployments.apps", replace(found(toy), metadata=metadata, spec=replace(found(toy).spec, min_ready_seconds=7))
    )
    toy.settle()
    (one,) = sets(toy)
    assert one.metadata.annotations["team"] == "x"
    assert one.spec.min_ready_seconds == 7


def test_nothing_to_do_gives_no_effect():
    toy = cluster()
    toy.settle()
    toy.requests.clear()
    toy.put("deployments.apps", replace(found(toy), metadata=replace(found(toy).metadata, labels=Map({"a": "b"}))))
    toy.settle()
    assert toy.requests == []


def test_gone_deployment_is_forgotten():
    toy = cluster()
    toy.settle()
    assert len(toy.state.works[0].memory.written) == 1
    toy.remove("deployments.apps", KEY)
    toy.settle()
    assert len(toy.state.works[0].memory.written) == 0
