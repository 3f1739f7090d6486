"""Namespaces: emptied pods first, with what is left in their conditions, then let go."""

from __future__ import annotations

from reconcile.api import coordination_v1beta1, core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.deletion import namespace
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.conditions import find
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import pod


def lab_of(*objects, finalizers=None):
    lab = Lab(namespace.CONTROLLER)
    for obj in objects:
        lab.put("pods" if isinstance(obj, core_v1.Pod) else "configmaps", obj)
    lab.put(
        "namespaces",
        core_v1.Namespace(
            metadata=meta_v1.ObjectMeta(name="default", deletion_timestamp=Time.at(START), finalizers=finalizers),
            spec=core_v1.NamespaceSpec(finalizers=("kubernetes",)),
            status=core_v1.NamespaceStatus(phase="Terminating"),
        ),
    )
    return lab


def config_map(name, finalizers=None):
    return core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name=name, namespace="default", finalizers=finalizers))


def said(lab, type_):
    found = find(lab.get("namespaces", "default").status.conditions, type_)
    return found.status, found.reason, found.message


def test_nothing_happens_for_five_seconds_then_it_goes():
    lab = lab_of(config_map("a"), config_map("b"))
    lab.run(4 * SECOND)
    assert lab.requests == []
    lab.run(5 * SECOND)
    assert lab.keys("configmaps") == ()
    assert lab.keys("namespaces") == ()
    assert lab.writes() == [
        "deletecollection configmaps",
        "update namespaces status default",
        "update namespaces finalize default",
    ]
    assert lab.timers.busy == 0
    assert len(lab.state.works[0].memory) == 0


def test_a_namespace_that_lives_is_left_alone():
    lab = Lab(namespace.CONTROLLER)
    lab.put("namespaces", core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="default")))
    lab.run(60 * SECOND)
    assert lab.requests == []


def test_pods_go_first_and_have_their_time():
    lab = lab_of(pod("a"), config_map("b"))
    lab.run(5 * SECOND)
    assert lab.keys("configmaps") == ("default/b",)
    # What is left is counted once the pods are gone.
    well = "False", "ContentRemoved", "All content successfully removed"
    assert said(lab, "NamespaceContentRemaining") == well
    assert said(lab, "NamespaceDeletionContentFailure")[1] == "ContentDeleted"
    lab.run(11 * SECOND)  # it was looked into again 5 s after its status was written
    lab.remove("pods", "default/a")
    lab.run(25 * SECOND)
    assert lab.keys("configmaps") == ("default/b",)
    lab.run(26 * SECOND)  # half of the 30 s of grace, and one
    assert lab.keys("namespaces") == ()


def test_a_change_of_it_brings_the_next_look_five_seconds_later():
    lab = lab_of(pod("a"))
    lab.run(11 * SECOND)
    lab.remove("pods", "default/a")
    found = lab.get("namespaces", "default")
    lab.put("namespaces", replace(found, metadata=replace(found.metadata, annotations={"a": "b"})))
    lab.run(15 * SECOND)
    assert lab.keys("namespaces") == ("default",)
    lab.run(16 * SECOND)
    assert lab.keys("namespaces") == ()


def test_what_is_left_though_nothing_keeps_it_is_an_error():
    lab = lab_of(config_map("a"), pod("p", phase="Succeeded"))
    lab.ask = lambda request, ask=lab.ask: Response(200, None) if request.verb == "deletecollection" else ask(request)
    lab.run(5 * SECOND)
    assert said(lab, "NamespaceDeletionContentFailure")[2] == (
        "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: default for "
        "gvr: /v1, Resource=pods"
    )
    lab.remove("pods", "default/p")
    lab.run(12 * SECOND)
    assert said(lab, "NamespaceDeletionContentFailure")[2] == (
        "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: default for "
        "gvr: /v1, Resource=configmaps"
    )


def test_pods_that_have_had_their_time_are_unexpected():
    found = pod("p")
    lab = lab_of(replace(found, spec=replace(found.spec, termination_grace_period_seconds=5)))
    lab.run(5 * SECOND)
    assert said(lab, "NamespaceDeletionContentFailure")[1] == "ContentDeletionFailed"
    lab.remove("pods", "default/p")
    lab.run(6 * SECOND)
    assert lab.keys("namespaces") == ()


def test_finalizers_are_waited_for_and_named():
    lab = lab_of(config_map("a", ("example.com/hold",)), config_map("b", ("example.com/hold",)), config_map("c"))
    lab.run(5 * SECOND)
    assert said(lab, "NamespaceFinalizersRemaining") == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances",
    )
    assert (
        said(lab, "NamespaceContentRemaining")[2]
        == "Some resources are remaining: configmaps. has 2 resource instances"
    )
    first = find(lab.get("namespaces", "default").status.conditions, "NamespaceFinalizersRemaining")
    lab.run(13 * SECOND)
    again = find(lab.get("namespaces", "default").status.conditions, "NamespaceFinalizersRemaining")
    assert again.last_transition_time == first.last_transition_time
    lab.remove("configmaps", "default/a")
    lab.remove("configmaps", "default/b")
    lab.run(40 * SECOND)
    assert lab.keys("namespaces") == ()


def test_the_conditions_of_one_that_lacks_nothing():
    lab = lab_of(finalizers=("example.com/hold",))
    lab.run(6 * SECOND)
    assert [
        (each.type, each.status, each.reason, each.message)
        for each in lab.get("namespaces", "default").status.conditions
    ] == [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"),
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ]


def test_its_own_finalizers_keep_it_after_the_content_is_gone():
    lab = lab_of(finalizers=("example.com/hold",))
    lab.run(60 * SECOND)
    assert lab.get("namespaces", "default").spec.finalizers is None
    assert len([line for line in lab.writes() if "finalize" in line]) == 1


def test_a_refusal_is_said_and_tried_again():
    lab = lab_of(config_map("a"))
    honest, refusals = lab.ask, [True]

    def refusing(request):
        if request.verb == "deletecollection" and refusals:
            refusals.pop()
            return Response(500, statuses.internal("disk full"))
        return honest(request)

    lab.ask = refusing
    lab.run(5 * SECOND)
    first = next(request for request in lab.requests if request.subresource == "status")
    failure = find(first.body.status.conditions, "NamespaceDeletionContentFailure")
    assert (failure.status, failure.reason) == ("True", "ContentDeletionFailed")
    assert "disk full" in failure.message
    lab.run(6 * SECOND)
    assert lab.keys("namespaces") == ()


def test_a_namespace_of_the_same_name_starts_anew():
    lab = lab_of()
    lab.run(5 * SECOND)
    lab.put("namespaces", core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="default")))
    lab.put("configmaps", config_map("a"))
    lab.run(30 * SECOND)
    assert lab.keys("configmaps") == ("default/a",)
    found = lab.get("namespaces", "default")
    gone = replace(found.metadata, deletion_timestamp=Time.at(lab.now))
    lab.put("namespaces", replace(found, metadata=gone, spec=core_v1.NamespaceSpec(finalizers=("kubernetes",))))
    lab.run(36 * SECOND)
    assert lab.keys("namespaces") == ()


def test_what_a_feature_gate_lets_be_goes_too():
    assert namespace.switched(Map({"HPAScaleToZero": True})) == {}
    lab = Lab(namespace.switched(Map({"CoordinatedLeaderElection": True}))["namespace"])
    metadata = meta_v1.ObjectMeta(name="a", namespace="default")
    spec = coordination_v1beta1.LeaseCandidateSpec(lease_name="lock", binary_version="1.36.0", strategy="a/b")
    lab.put("leasecandidates.coordination.k8s.io", coordination_v1beta1.LeaseCandidate(metadata=metadata, spec=spec))
    ending = core_v1.Namespace(
        metadata=meta_v1.ObjectMeta(name="default", deletion_timestamp=Time.at(START)),
        spec=core_v1.NamespaceSpec(finalizers=("kubernetes",)),
    )
    lab.put("namespaces", ending)
    lab.run(6 * SECOND)
    assert lab.keys("leasecandidates.coordination.k8s.io") == ()
    assert lab.keys("namespaces") == ()
