from itertools import pairwise

import pytest

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.workloads import history, statefulset
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response
from tests.unit.components.controllers import objects
from tests.unit.components.controllers.lab import START, Lab

SETS, CLAIMS, REVISIONS = "statefulsets.apps", "persistentvolumeclaims", "controllerrevisions.apps"
KEY = "default/web"
CLAIM = core_v1.PersistentVolumeClaim(
    metadata=meta_v1.ObjectMeta(name="data"),
    spec=core_v1.PersistentVolumeClaimSpec(
        access_modes=("ReadWriteOnce",),
        resources=core_v1.VolumeResourceRequirements(requests=Map({"storage": Quantity.parse("1Gi")})),
    ),
)


def declared(replicas=3, *, partition=0, kind="RollingUpdate", **spec):
    rolling = apps_v1.RollingUpdateStatefulSetStrategy(partition=partition) if kind == "RollingUpdate" else None
    fields = {
        "service_name": "web",
        "revision_history_limit": 10,
        "pod_management_policy": "OrderedReady",
        "selector": meta_v1.LabelSelector(match_labels=objects.LABELS),
        "template": objects.template(),
        "update_strategy": apps_v1.StatefulSetUpdateStrategy(type=kind, rolling_update=rolling),
        **spec,
    }
    metadata = meta_v1.ObjectMeta(name="web", namespace="default", uid="the-set", generation=1)
    return apps_v1.StatefulSet(metadata=metadata, spec=apps_v1.StatefulSetSpec(replicas=replicas, **fields))


class Sets(Lab):
    """A lab whose pods are Pending when they are made, and run when a test says so."""

    def put(self, name, obj):
        if name == "pods" and obj.status is None:
            obj = replace(obj, status=core_v1.PodStatus(phase="Pending"))
        return super().put(name, obj)

    def ask(self, request):
        if request.verb != "patch":
            return super().ask(request)
        self.requests.append(request)
        found = self.get(request.resource, f"{request.namespace}/{request.name}")
        (mine,) = request.body["metadata"]["ownerReferences"]
        owner = meta_v1.OwnerReference(
            api_version=mine["apiVersion"], kind=mine["kind"], name=mine["name"], uid=mine["uid"], controller=True
        )
        metadata = replace(found.metadata, owner_references=(owner,))
        return Response(200, self.put(request.resource, replace(found, metadata=metadata)))

    def names(self):
        return [pod.metadata.name for pod in self.store.table("pods").values()]

    def pod(self, number):
        return self.get("pods", f"default/web-{number}")

    def run_pod(self, number, *, ready=True, at=None):
        self.put("pods", objects.running(self.pod(number), self.now if at is None else at, ready=ready))
        self.settle()

    def phase(self, number, phase):
        self.put("pods", replace(self.pod(number), status=core_v1.PodStatus(phase=phase)))
        self.settle()

    def change(self, **spec):
        found = self.get(SETS, KEY)
        metadata = replace(found.metadata, generation=found.metadata.generation + 1)
        self.put(SETS, replace(found, metadata=metadata, spec=replace(found.spec, **spec)))
        self.settle()

    def status(self):
        return self.get(SETS, KEY).status


def lab(one=None, controller=statefulset.CONTROLLER):
    found = Sets(controller)
    found.put(SETS, declared() if one is None else one)
    found.settle()
    return found


def grown(one=None, controller=statefulset.CONTROLLER):
    """Give a lab in which every pod runs."""
    found = lab(one, controller)
    for _ in range(20):
        waiting = [pod for pod in found.store.table("pods").values() if pod.status.phase == "Pending"]
        if not waiting:
            return found
        for pod in waiting:
            found.put("pods", objects.running(pod, found.now))
        found.settle()
    raise AssertionError("it never ends")


def test_it_sleeps_until_there_is_one():
    found = Sets(statefulset.CONTROLLER)
    found.put("pods", objects.pod("a"))
    found.settle()
    assert found.requests == []
    assert not found.wakes


def test_a_pod_has_its_identity():
    found = lab()
    assert found.names() == ["web-0"]
    pod = found.pod(0)
    (revision,) = found.store.table(REVISIONS).values()
    assert pod.metadata.generate_name == "web-"
    assert dict(pod.metadata.labels) == {
        "app": "web",
        "statefulset.kubernetes.io/pod-name": "web-0",
        "apps.kubernetes.io/pod-index": "0",
        "controller-revision-hash": revision.metadata.name,
    }
    assert (pod.spec.hostname, pod.spec.subdomain) == ("web-0", "web")
    assert pod.metadata.owner_references[0].uid == "the-set"
    assert revision.revision == 1
    assert history.template_of(revision) == objects.template()
    assert [record.message for record in found.records] == ["Create Pod web-0 in StatefulSet web successful"]


def test_pods_come_one_after_the_other_and_go_in_reverse():
    found = lab()
    for number in range(3):
        assert found.names() == [f"web-{each}" for each in range(number + 1)]
        found.run_pod(number, ready=False)
        assert len(found.names()) == number + 1
        found.run_pod(number)
    assert (found.status().replicas, found.status().ready_replicas, found.status().available_replicas) == (3, 3, 3)
    found.change(replicas=1)
    assert found.names() == ["web-0"]
    assert [request.name for request in found.requests if request.verb == "delete"] == ["web-2", "web-1"]


def test_in_parallel_all_come_and_go_at_once():
    found = lab(declared(pod_management_policy="Parallel"))
    assert found.names() == ["web-0", "web-1", "web-2"]
    found.change(replicas=0)
    assert found.names() == []


def test_ordinals_start_where_it_is_said():
    found = grown(declared(2, ordinals=apps_v1.StatefulSetOrdinals(start=5)))
    assert found.names() == ["web-5", "web-6"]
    found.change(ordinals=apps_v1.StatefulSetOrdinals(start=6))
    assert "web-7" in found.names()


def test_a_pod_is_available_only_after_its_time():
    found = lab(declared(2, min_ready_seconds=10))
    found.run_pod(0)
    assert found.names() == ["web-0"]
    assert (found.status().ready_replicas, found.status().available_replicas) == (1, 0)
    found.run(until=11 * SECOND)
    assert found.names() == ["web-0", "web-1"]
    assert found.status().available_replicas == 1


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_ended_is_replaced(phase):
    found = grown()
    before = found.pod(1).metadata.uid
    found.phase(1, phase)
    assert found.pod(1).metadata.uid != before
    assert "Delete Pod web-1 in StatefulSet web successful" in [record.message for record in found.records]


def updated(found, image="two"):
    found.change(template=objects.template(image))


def images(found):
    return [pod.spec.containers[0].image for pod in found.store.table("pods").values()]


def test_an_update_goes_from_the_last_to_the_first():
    found = grown()
    updated(found)
    assert images(found) == ["one", "one", "two"]
    status = found.status()
    assert status.current_revision != status.update_revision
    found.run_pod(2)
    assert images(found) == ["one", "two", "two"]
    found.run_pod(1)
    found.run_pod(0)
    assert images(found) == ["two"] * 3
    assert found.status().current_revision == found.status().update_revision


def test_a_partition_keeps_those_below_it():
    found = grown(declared(partition=2))
    updated(found)
    found.run_pod(2)
    assert images(found) == ["one", "one", "two"]
    found.remove("pods", "default/web-0")
    found.settle()
    assert images(found) == ["one", "one", "two"], "what is below it is made of the current revision"


def test_on_delete_waits_for_somebody_to_delete():
    found = grown(declared(kind="OnDelete"))
    updated(found)
    assert images(found) == ["one"] * 3
    found.remove("pods", "default/web-1")
    found.settle()
    assert images(found) == ["one", "two", "one"]


def test_a_bad_revision_is_stuck_though_the_template_is_mended():
    found = grown()
    updated(found, "bad")
    updated(found, "one")
    found.run(until=60 * SECOND)
    assert images(found) == ["one", "one", "bad"]
    found.remove("pods", "default/web-2")
    found.settle()
    assert images(found) == ["one"] * 3


def test_max_unavailable_counts_where_its_gate_is_on():
    rolling = apps_v1.RollingUpdateStatefulSetStrategy(partition=0, max_unavailable=2)
    strategy = apps_v1.StatefulSetUpdateStrategy(type="RollingUpdate", rolling_update=rolling)
    one = declared(4, pod_management_policy="Parallel", update_strategy=strategy)
    for gate, expected in ((False, 1), (True, 2)):
        found = grown(one, statefulset.controller(max_unavailable=gate))
        updated(found)
        assert images(found).count("two") == expected


def test_old_revisions_are_cut_and_an_old_template_gets_the_next_number():
    found = grown(declared(1, revision_history_limit=1))
    for image in ("two", "three", "four"):
        updated(found, image)
        found.run_pod(0)
        found.settle()
    known = sorted([each.revision for each in found.store.table(REVISIONS).values()])
    assert known == [3, 4]
    updated(found, "three")
    found.run_pod(0)
    assert sorted([each.revision for each in found.store.table(REVISIONS).values()]) == [4, 5]


def test_a_name_that_is_taken_counts_as_a_collision():
    found = Sets(statefulset.CONTROLLER)
    one = declared(1)
    name = f"web-{history.hash_for(one.spec.template, 0)}"
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    found.put(REVISIONS, apps_v1.ControllerRevision(metadata=metadata, data=Map({"x": 1}), revision=1))
    found.put(SETS, one)
    found.settle()
    assert found.status().collision_count == 1
    assert found.status().update_revision != name


def test_claims_are_made_before_the_pod_and_mounted():
    found = lab(declared(1, volume_claim_templates=(CLAIM,)))
    claim = found.get(CLAIMS, "default/data-web-0")
    assert dict(claim.metadata.labels) == {"app": "web"}
    assert claim.metadata.owner_references is None
    (volume,) = found.pod(0).spec.volumes
    assert (volume.name, volume.persistent_volume_claim.claim_name) == ("data", "data-web-0")
    created = [request.resource for request in found.requests if request.verb == "create"]
    assert created == [REVISIONS, CLAIMS, "pods"]
    assert found.records[0].message == "Create Claim data-web-0 Pod web-0 in StatefulSet web success"
    found.remove(CLAIMS, "default/data-web-0")
    found.put("pods", replace(found.pod(0), status=core_v1.PodStatus(phase="Pending", message="no node")))
    found.settle()
    assert found.get(CLAIMS, "default/data-web-0") is not None, "a pod that waits gets its claim again"


def policy(deleted, scaled):
    return apps_v1.StatefulSetPersistentVolumeClaimRetentionPolicy(when_deleted=deleted, when_scaled=scaled)


@pytest.mark.parametrize(
    ("deleted", "scaled", "owners", "after"),
    [
        ("Retain", "Retain", [[], []], [[], []]),
        ("Delete", "Retain", [["StatefulSet"], ["StatefulSet"]], [["StatefulSet"], ["StatefulSet"]]),
        ("Retain", "Delete", [[], []], [[], ["Pod"]]),
        ("Delete", "Delete", [["StatefulSet"], ["StatefulSet"]], [["StatefulSet"], ["Pod"]]),
    ],
)
def test_who_owns_a_claim(deleted, scaled, owners, after):
    kept = policy(deleted, scaled)
    found = grown(declared(2, volume_claim_templates=(CLAIM,), persistent_volume_claim_retention_policy=kept))

    def kinds():
        table = found.store.table(CLAIMS).values()
        return [[each.kind for each in claim.metadata.owner_references or ()] for claim in table]

    found.phase(0, "Pending")
    found.run_pod(0)
    assert kinds() == owners
    found.change(replicas=1)
    assert kinds() == after


def test_it_adopts_and_releases():
    found = Sets(statefulset.CONTROLLER)
    found.put("pods", objects.running(objects.pod("web-0"), START))
    found.put("pods", objects.pod("other-0"))
    found.put(SETS, declared(1))
    found.settle()
    patched = [request.name for request in found.requests if request.verb == "patch"]
    assert patched == ["web-0"]


def test_what_is_refused_is_told():
    found = lab(declared(1))
    found.remove("pods", "default/web-0")
    found.refusals = [Response(403, statuses.forbidden("pods", "web-0", "full"))]
    found.settle()
    told = [record for record in found.records if record.type == "Warning"]
    assert [record.reason for record in told[:1]] == ["FailedCreate"]
    assert told[0].message == 'Create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: full'


def test_the_status_is_written_though_a_pod_cannot_be_made():
    found = lab(declared(1))
    found.run_pod(0)
    found.refusals = [Response(403, statuses.forbidden("pods", "web-1", "full"))]
    before = len(found.requests)
    found.change(replicas=2)
    assert [(request.verb, request.subresource) for request in found.requests[before : before + 3]] == [
        ("create", ""),
        ("update", "status"),
        ("create", ""),
    ]


def test_a_conflict_is_not_told_for_it_is_tried_again():
    found = grown(declared(1))
    pod = found.pod(0)
    found.refusals = [Response(409, statuses.conflict("pods", "web-0", "changed"))]
    labels = Map.of({key: text for key, text in pod.metadata.labels.items() if "pod-name" not in key})
    found.put("pods", replace(pod, metadata=replace(pod.metadata, labels=labels)))
    found.run(until=found.now - START + SECOND)
    assert not found.refusals
    assert found.pod(0).metadata.labels == pod.metadata.labels
    assert not [record for record in found.records if record.type == "Warning"]


def test_it_waits_until_it_sees_what_it_wrote():
    for consistent, expected in ((True, 1), (False, 2)):
        found = Sets(statefulset.controller(consistent=consistent))
        found.settle()
        found.late.add("pods")
        found.put(SETS, declared(1))
        found.settle()
        found.change(replicas=2)
        found.run(until=2 * SECOND)
        created = [request for request in found.requests if (request.verb, request.resource) == ("create", "pods")]
        assert (len(created) == 1) is (expected == 1), "a pod that is not seen is made once more, and refused"


def test_nothing_is_done_to_one_that_is_being_deleted():
    one = declared()
    gone = replace(one.metadata, deletion_timestamp=objects.Time.at(START), finalizers=("x",))
    found = lab(replace(one, metadata=gone))
    assert found.names() == []
    assert found.status().observed_generation == 1


def test_every_status_is_newer():
    found = grown()
    written = [request.body.status for request in found.requests if request.subresource == "status"]
    assert all(one != other for one, other in pairwise(written))
