"""The binder: which volume a claim gets, by which writes, and what becomes of a volume that is free again."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.volumes import binder
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import PROVISIONED_BY, PROVISIONER, SELECTED_NODE
from tests.unit.components.controllers.lab import Lab
from tests.unit.components.controllers.volumes.things import (
    BOUND,
    CLAIMS,
    CLASSES,
    VOLUMES,
    claim,
    pod,
    reference,
    size,
    storage_class,
    volume,
)


@pytest.fixture
def lab():
    return Lab(binder.CONTROLLER)


def bound(lab, name="data"):
    return lab.get(CLAIMS, f"default/{name}").spec.volume_name


def phase(lab, name):
    status = lab.get(VOLUMES, name).status
    return status.phase


def test_four_writes_bind_a_claim_to_the_smallest_volume_that_is_large_enough(lab):
    for name, has in (("s", "1Gi"), ("m", "3Gi"), ("l", "9Gi")):
        lab.put(VOLUMES, volume(name, has))
    lab.run()
    assert [phase(lab, name) for name in "sml"] == ["Available"] * 3
    lab.requests.clear()
    lab.put(CLAIMS, claim(asks="2Gi"))
    lab.run()
    assert lab.writes() == [
        "update persistentvolumes m",
        "update persistentvolumes status m",
        "update persistentvolumeclaims data",
        "update persistentvolumeclaims status data",
    ]
    found, its = lab.get(CLAIMS, "default/data"), lab.get(VOLUMES, "m")
    assert found.metadata.annotations == Map.of(BOUND)
    assert found.status == core_v1.PersistentVolumeClaimStatus(
        phase="Bound", access_modes=("ReadWriteOnce",), capacity=size("3Gi")
    )
    assert its.metadata.annotations == Map.of({"pv.kubernetes.io/bound-by-controller": "yes"})
    assert (its.status.phase, its.spec.claim_ref.uid) == ("Bound", found.metadata.uid)
    assert lab.records == []


def test_a_claim_says_how_its_volume_may_be_mounted_now(lab):
    lab.put(VOLUMES, volume("v", "1Gi"))
    lab.put(CLAIMS, claim())
    lab.run()
    its = lab.get(VOLUMES, "v")
    lab.put(VOLUMES, replace(its, spec=replace(its.spec, access_modes=("ReadWriteOnce", "ReadOnlyMany"))))
    lab.run()
    assert lab.get(CLAIMS, "default/data").status.access_modes == ("ReadWriteOnce", "ReadOnlyMany")


def test_a_claim_that_was_first_is_bound_once_there_is_a_volume(lab):
    lab.put(CLAIMS, claim())
    lab.run()
    assert lab.said() == [("ProvisioningFailed", 'storageclass.storage.k8s.io "manual" not found')]
    lab.put(VOLUMES, volume("v"))
    lab.run()
    assert bound(lab) == "v"


def test_two_claims_never_get_one_volume(lab):
    lab.put(CLAIMS, claim("a"))
    lab.put(CLAIMS, claim("b"))
    lab.put(VOLUMES, volume("v"))
    lab.run()
    assert sorted([str(bound(lab, name)) for name in "ab"]) == ["None", "v"]


def test_a_claim_never_gets_two_volumes_though_its_watches_lag(lab):
    lab.put(VOLUMES, volume("big", "5Gi", phase="Available"))
    lab.settle()
    lab.late = {VOLUMES}
    lab.put(CLAIMS, claim())
    lab.run()
    lab.late = set()
    lab.put(VOLUMES, volume("small", "1Gi", phase="Available"))
    lab.run()
    assert bound(lab) == "big"
    assert lab.get(VOLUMES, "small").spec.claim_ref is None


@pytest.mark.parametrize("broken", range(4))
def test_a_binder_that_is_stopped_between_two_writes_is_gone_on_with(lab, broken):
    lab.put(VOLUMES, volume("v", phase="Available"))
    lab.put(CLAIMS, claim())
    done = len(lab.writes())
    for _ in range(10_000):
        if len(lab.writes()) - done > broken or not lab.move():
            break
    again = Lab(binder.CONTROLLER)
    again.store = lab.store
    again.run()
    assert bound(again) == "v"
    assert again.get(CLAIMS, "default/data").status.phase == "Bound"


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"cls": "other"}, False),
        ({"modes": ("ReadOnlyMany",)}, False),
        ({"modes": ("ReadOnlyMany", "ReadWriteOnce")}, True),
        ({"volume_mode": "Block"}, False),
        ({"volume_attributes_class_name": "gold"}, False),
        ({"labels": {"tier": "x"}}, True),
    ],
)
def test_what_a_volume_must_be_like(lab, changes, fits):
    lab.put(VOLUMES, volume("v", phase="Available", **changes))
    lab.put(CLAIMS, claim())
    lab.run()
    assert (bound(lab) == "v") is fits


def test_a_selector_chooses_by_labels(lab):
    lab.put(VOLUMES, volume("a", phase="Available", labels={"tier": "x"}))
    lab.put(VOLUMES, volume("b", phase="Available", labels={"tier": "y"}))
    lab.put(CLAIMS, claim(selector=meta_v1.LabelSelector(match_labels=Map.of({"tier": "y"}))))
    lab.run()
    assert bound(lab) == "b"


def test_a_volume_with_fewer_modes_comes_before_a_smaller_one(lab):
    lab.put(VOLUMES, volume("few", "9Gi", phase="Available"))
    lab.put(VOLUMES, volume("many", "1Gi", phase="Available", modes=("ReadWriteOnce", "ReadWriteMany")))
    lab.put(CLAIMS, claim())
    lab.run()
    assert bound(lab) == "few"


def test_a_volume_that_names_its_claim_is_kept_for_it(lab):
    wanted = claim()
    lab.put(VOLUMES, volume("v", cls="other", claim_ref=reference(wanted)))
    lab.put(CLAIMS, claim("thief", cls="other"))
    lab.run()
    assert phase(lab, "v") == "Available"
    lab.put(CLAIMS, wanted)
    lab.run()
    assert (bound(lab), bound(lab, "thief")) == ("v", None)
    its = lab.get(VOLUMES, "v")
    assert its.metadata.annotations is None
    assert its.spec.claim_ref.uid == lab.get(CLAIMS, "default/data").metadata.uid


def test_a_claim_that_names_its_volume_waits_for_it_and_takes_no_other(lab):
    lab.put(VOLUMES, volume("other", phase="Available"))
    lab.put(CLAIMS, claim(volume_name="mine"))
    lab.run()
    assert lab.get(CLAIMS, "default/data").metadata.annotations is None
    lab.put(VOLUMES, volume("mine"))
    lab.run()
    found = lab.get(CLAIMS, "default/data")
    assert found.status.phase == "Bound"
    assert found.metadata.annotations == Map.of({"pv.kubernetes.io/bind-completed": "yes"})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"has": "1Mi"}, "requested PV is too small"),
        ({"cls": "other"}, "storageClassName does not match"),
        ({"volume_mode": "Block"}, "incompatible volumeMode"),
        ({"modes": ("ReadOnlyMany",)}, "incompatible accessMode"),
        ({"volume_attributes_class_name": "gold"}, "volumeAttributesClassName does not match"),
    ],
)
def test_a_claim_is_told_why_it_cannot_have_the_volume_that_it_names(lab, changes, why):
    lab.put(VOLUMES, volume("v", phase="Available", **changes))
    lab.put(CLAIMS, claim(volume_name="v"))
    lab.run()
    assert lab.said()[-1] == ("VolumeMismatch", f'Cannot bind to requested volume "v": {why}')


def test_a_claim_is_told_that_its_volume_is_anothers(lab):
    lab.put(VOLUMES, volume("v", claim_ref=reference(claim("other"), "another"), phase="Bound"))
    lab.put(CLAIMS, claim("other", uid="another", volume_name="v", phase="Bound", marks=BOUND))
    lab.put(CLAIMS, claim(volume_name="v"))
    lab.run()
    assert ("FailedBinding", 'volume "v" already bound to a different claim.') in lab.said()


def test_without_a_class_and_a_default_it_waits_and_says_so_every_fifteen_seconds(lab):
    lab.put(CLAIMS, claim(cls=None))
    lab.run()
    said = ("FailedBinding", "no persistent volumes available for this claim and no storage class is set")
    assert lab.said() == [said]
    assert not lab.timers.busy
    lab.run(until=31 * SECOND)
    assert lab.said() == [said] * 3


def test_the_newest_default_class_is_assigned_afterwards(lab):
    lab.put(CLAIMS, claim(cls=None))
    lab.put(CLAIMS, claim("none", cls=""))
    lab.run()
    lab.put(CLASSES, storage_class("old", default=True, since=1 * SECOND))
    lab.put(CLASSES, storage_class("new", default=True, since=2 * SECOND))
    lab.run()
    names = [lab.get(CLAIMS, f"default/{name}").spec.storage_class_name for name in ("data", "none")]
    assert names[1] == ""
    assert names[0] in ("old", "new")
    other = Lab(binder.CONTROLLER)
    other.put(CLASSES, storage_class("old", default=True, since=1 * SECOND))
    other.put(CLASSES, storage_class("new", default=True, since=2 * SECOND))
    other.put(CLAIMS, claim(cls=None))
    other.run()
    assert other.get(CLAIMS, "default/data").spec.storage_class_name == "new"


def test_a_class_may_wait_for_the_first_consumer(lab):
    lab.put(CLASSES, storage_class(waits=True))
    lab.put(VOLUMES, volume("v", phase="Available"))
    lab.put(CLAIMS, claim())
    lab.run()
    assert bound(lab) is None
    assert lab.said() == [("WaitForFirstConsumer", "waiting for first consumer to be created before binding")]
    lab.put("pods", pod("a", "data", node=None))
    lab.run(until=16 * SECOND)
    assert lab.said()[-1] == ("WaitForPodScheduled", "waiting for pod a to be scheduled")
    its = lab.get(VOLUMES, "v")
    found = lab.get(CLAIMS, "default/data")
    lab.put(VOLUMES, replace(its, spec=replace(its.spec, claim_ref=reference(found))))  # as the scheduler does
    lab.run()
    assert bound(lab) == "v"


def test_a_provisioner_is_asked_and_waited_for(lab):
    lab.put(CLASSES, storage_class("fast", provisioner="csi.example.com"))
    lab.put(CLAIMS, claim(cls="fast"))
    lab.run()
    marks = lab.get(CLAIMS, "default/data").metadata.annotations
    assert marks[PROVISIONER] == "csi.example.com"
    assert lab.said()[0][0] == "ExternalProvisioning"
    assert "external provisioner 'csi.example.com'" in lab.said()[0][1]


def test_a_provisioner_is_asked_for_a_chosen_node_only(lab):
    lab.put(CLASSES, storage_class("fast", provisioner="csi.example.com", waits=True))
    found = lab.put(CLAIMS, claim(cls="fast"))
    lab.run()
    assert lab.get(CLAIMS, "default/data").metadata.annotations is None
    marks = Map.of({SELECTED_NODE: "node-1"})
    lab.put(CLAIMS, replace(found, metadata=replace(found.metadata, annotations=marks)))
    lab.run()
    assert PROVISIONER in lab.get(CLAIMS, "default/data").metadata.annotations


def test_a_class_without_a_provisioner_says_so(lab):
    lab.put(CLASSES, storage_class())
    lab.put(CLAIMS, claim())
    lab.run()
    why = "no volume plugin matched name: kubernetes.io/no-provisioner"
    assert lab.said() == [("ProvisioningFailed", why)]


def test_a_claim_whose_volume_is_gone_is_lost(lab):
    lab.put(VOLUMES, volume("v"))
    lab.put(CLAIMS, claim())
    lab.run()
    lab.remove(VOLUMES, "v")
    lab.run()
    found = lab.get(CLAIMS, "default/data")
    assert found.status == core_v1.PersistentVolumeClaimStatus(phase="Lost")
    said = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert lab.said()[-1] == ("ClaimLost", said)


def test_of_two_claims_of_one_volume_one_is_bound_incorrectly(lab):
    lab.put(VOLUMES, volume("v"))
    lab.put(CLAIMS, claim())
    lab.run()
    lab.put(CLAIMS, claim("other", volume_name="v", phase="Bound", marks=BOUND))
    lab.run()
    assert lab.get(CLAIMS, "default/other").status.phase == "Lost"
    assert lab.said()[-1][0] == "ClaimMisbound"


# A volume that is free again ------------------------------------------------------------------------------------------


def freed(lab, **changes):
    lab.put(VOLUMES, volume("v", **changes))
    lab.put(CLAIMS, claim())
    lab.run()
    assert bound(lab) == "v"
    lab.remove(CLAIMS, "default/data")
    lab.run()
    return lab.get(VOLUMES, "v")


def test_it_is_kept(lab):
    found = freed(lab)
    assert (found.status.phase, found.spec.claim_ref.name) == ("Released", "data")
    lab.put(CLAIMS, claim())
    lab.run()
    assert bound(lab) is None


def test_a_cache_that_lags_does_not_free_it(lab):
    lab.put(CLAIMS, claim())
    lab.settle()
    lab.late = {CLAIMS}
    uid = lab.get(CLAIMS, "default/data").metadata.uid
    lab.put(CLAIMS, claim("new", uid="new", volume_name="v"))
    lab.put(VOLUMES, volume("v", phase="Bound", claim_ref=reference(claim("new"), "new")))
    lab.run()
    assert phase(lab, "v") == "Bound"
    assert uid


RECYCLER = "default/recycler-for-v"


def ended(lab, phase="Succeeded", message=None):
    """Let the pod that empties a volume come to its end."""
    found = lab.get("pods", RECYCLER)
    lab.put("pods", replace(found, status=core_v1.PodStatus(phase=phase, message=message)))
    lab.run()
    return lab.get(VOLUMES, "v")


def test_it_is_recycled_by_a_pod(lab):
    found = freed(lab, policy="Recycle")
    assert (found.status.phase, found.spec.claim_ref.name) == ("Released", "data")
    spec = lab.get("pods", RECYCLER).spec
    assert (spec.active_deadline_seconds, spec.restart_policy) == (60, "Never")
    assert spec.volumes[0].host_path.path == "/data"
    found = ended(lab)
    assert (found.status.phase, found.spec.claim_ref, found.metadata.annotations) == ("Available", None, None)
    assert ("VolumeRecycled", "Volume recycled") in lab.said()
    assert lab.get("pods", RECYCLER) is None


@pytest.mark.parametrize(
    ("message", "why"),
    [(None, "pod failed, pod.Status.Message unknown"), ("too slow", "too slow")],
)
def test_a_pod_that_does_not_empty_it(lab, message, why):
    freed(lab, policy="Recycle")
    found = ended(lab, "Failed", message)
    assert (found.status.phase, found.status.message) == ("Failed", f"Recycle failed: failed to recycle volume: {why}")
    assert ("VolumeFailedRecycle", found.status.message) in lab.said()
    lab.run(20 * SECOND)
    assert ended(lab).status.phase == "Available"  # it is tried again


def test_a_pod_that_is_deleted_meanwhile(lab):
    freed(lab, policy="Recycle")
    lab.remove("pods", RECYCLER)
    lab.move()
    lab.run()
    said = "Recycle failed: failed to recycle volume: recycler pod was deleted"
    assert ("VolumeFailedRecycle", said) in lab.said()


def test_the_pod_of_a_controller_before_this_one_goes_first(lab):
    lab.put("pods", pod("recycler-for-v"))
    freed(lab, policy="Recycle")
    assert ("VolumeFailedRecycle", "Recycle failed: old recycler pod found, will retry later") in lab.said()
    lab.remove("pods", RECYCLER)
    lab.run(20 * SECOND)
    assert ended(lab).status.phase == "Available"


def event(pod, name="e1", message="Started container"):
    about = core_v1.ObjectReference(kind="Pod", namespace="default", name=pod.metadata.name, uid=pod.metadata.uid)
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    return core_v1.Event(metadata=metadata, involved_object=about, type="Normal", reason="Started", message=message)


def test_what_is_told_of_its_pod_is_told_of_the_volume(lab):
    freed(lab, policy="Recycle")
    found = lab.get("pods", RECYCLER)
    told = lab.put("events", event(found))
    lab.run()
    lab.put("events", replace(told, count=2))
    lab.put("events", event(pod("other"), "e2"))
    lab.put("events", event(replace(found, metadata=replace(found.metadata, uid="before")), "e3"))
    lab.run()
    assert [said for said in lab.said() if said[0] == "RecyclerPod"] == [
        ("RecyclerPod", "Recycler pod: Started container")
    ]


def test_not_every_kind_can_be_recycled(lab):
    found = freed(lab, policy="Recycle", local=core_v1.LocalVolumeSource(path="/x"))
    assert (found.status.phase, found.status.message) == ("Failed", "No recycler plugin found for the volume!")


@pytest.mark.parametrize(
    ("changes", "phase_then", "why"),
    [
        (
            {},
            "Failed",
            "host_path deleter only supports /tmp/.+ but received provided /data",
        ),
        (
            {"local": core_v1.LocalVolumeSource(path="/x")},
            "Failed",
            'error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
        ),
        ({"csi": core_v1.CSIPersistentVolumeSource(driver="d", volume_handle="h")}, "Released", None),
        ({"marks": {PROVISIONED_BY: "csi.example.com"}}, "Released", None),
    ],
)
def test_what_cannot_be_deleted_here(lab, changes, phase_then, why):
    found = freed(lab, policy="Delete", **changes)
    assert (found.status.phase, found.status.message) == (phase_then, why)


def test_a_directory_below_tmp_is_deleted(lab):
    path = core_v1.HostPathVolumeSource(path="/tmp/x")
    found = freed(lab, policy="Delete", host_path=path)
    assert found.metadata.deletion_timestamp is not None


def test_a_claim_that_takes_another_volume_lets_go_of_the_first(lab):
    uid = "u"
    lab.put(CLAIMS, claim(uid=uid, volume_name="other", marks=BOUND, phase="Bound"))
    lab.put(VOLUMES, volume("other", claim_ref=reference(claim(), uid), phase="Bound"))
    marks = {"pv.kubernetes.io/bound-by-controller": "yes"}
    lab.put(VOLUMES, volume("mine", claim_ref=reference(claim(), uid), marks=marks, phase="Bound"))
    lab.put(VOLUMES, volume("set-aside", claim_ref=reference(claim(), uid), phase="Bound"))
    lab.run()
    assert (lab.get(VOLUMES, "mine").spec.claim_ref, phase(lab, "mine")) == (None, "Available")
    kept = lab.get(VOLUMES, "set-aside")
    assert (kept.spec.claim_ref.name, kept.spec.claim_ref.uid, kept.status.phase) == ("data", None, "Available")


def test_the_rule_that_a_volume_is_one_claims_is_what_keeps_it_so(lab, monkeypatch):
    """Without it two claims would have the one volume, and the property says so."""

    def greedy(claim, candidates):
        return next(iter(candidates), None)

    monkeypatch.setattr(binder.claims, "best_match", greedy)
    monkeypatch.setattr(binder.claims, "_candidates", lambda world, claim, delayed: [world.get(VOLUMES, "v")])
    lab.put(VOLUMES, volume("v", phase="Available"))
    lab.put(CLAIMS, claim("a"))
    lab.put(CLAIMS, claim("b"))
    lab.settle()
    phases = [lab.get(CLAIMS, f"default/{name}").status.phase for name in "ab"]
    assert [bound(lab, name) for name in "ab"] == ["v", "v"]
    assert sorted(phases) == ["Bound", "Lost"]  # the second rule, that of bound claims, then tells them apart
