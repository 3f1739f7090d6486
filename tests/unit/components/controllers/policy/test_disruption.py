"""How many of a budget's pods may be evicted; and what was said of a pod that was not evicted after all."""

from __future__ import annotations

import pytest

from reconcile.api import apps_v1, autoscaling_v1, core_v1, meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.policy.disruption import BUDGETS, CONTROLLER, STALE_CONDITIONS
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import conditions, statuses
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import pod

LABELS = Map({"app": "web"})
SELECTOR = meta_v1.LabelSelector(match_labels=LABELS)


def budget(name="b", selector=SELECTOR, **spec):
    return policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default"),
        spec=policy_v1.PodDisruptionBudgetSpec(selector=selector, **spec),
    )


def reference(kind, name, uid, api_version="apps/v1"):
    return (meta_v1.OwnerReference(api_version=api_version, kind=kind, name=name, uid=uid, controller=True),)


def replica_set(replicas=4, owners=None):
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(name="web-1", namespace="default", uid="rs", owner_references=owners),
        spec=apps_v1.ReplicaSetSpec(replicas=replicas, selector=SELECTOR),
    )


def laid(ready=3, total=3, owners=None, *kinds):
    """Give a lab with pods, of which some are ready, and with what owns them."""
    lab = Lab(CONTROLLER)
    for resource, obj in kinds:
        lab.put(resource, obj)
    for number in range(total):
        lab.put("pods", pod(f"p{number}", ready=number < ready, owners=owners))
    return lab


def counts(lab, name="b"):
    status = lab.get(BUDGETS, f"default/{name}").status
    return status.current_healthy, status.desired_healthy, status.disruptions_allowed, status.expected_pods


def allowed(lab):
    found = conditions.find(lab.get(BUDGETS, "default/b").status.conditions, "DisruptionAllowed")
    return found.status, found.reason, found.message, found.observed_generation


OWNED = (reference("ReplicaSet", "web-1", "rs"), ("replicasets.apps", replica_set(4)))


def test_a_number_that_must_be_available_needs_no_scale():
    lab = laid()
    lab.put(BUDGETS, budget(min_available=2))
    lab.run()
    assert counts(lab) == (3, 2, 1, 3)
    assert allowed(lab) == ("True", "SufficientPods", "", 1)
    assert lab.get(BUDGETS, "default/b").status.observed_generation == 1
    assert lab.writes() == [f"update {BUDGETS} status b"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"min_available": "50%"}, (3, 2, 1, 4)),
        ({"min_available": "51%"}, (3, 3, 0, 4)),
        ({"max_unavailable": 1}, (3, 3, 0, 4)),
        ({"max_unavailable": "30%"}, (3, 2, 1, 4)),
        ({"max_unavailable": 9}, (3, 0, 3, 4)),
        ({}, (3, 0, 0, 0)),
    ],
)
def test_shares_are_of_what_the_owner_is_to_have(spec, expected):
    lab = laid(3, 3, *OWNED)
    lab.put(BUDGETS, budget(**spec))
    lab.run()
    assert counts(lab) == expected


def test_a_deployment_says_how_many_its_replica_sets_share():
    deployment = apps_v1.Deployment(
        metadata=meta_v1.ObjectMeta(name="web", namespace="default", uid="d"),
        spec=apps_v1.DeploymentSpec(replicas=10, selector=SELECTOR, template=core_v1.PodTemplateSpec()),
    )
    above = replica_set(4, reference("Deployment", "web", "d"))
    lab = laid(3, 3, OWNED[0], ("deployments.apps", deployment), ("replicasets.apps", above))
    lab.put(BUDGETS, budget(max_unavailable=1))
    lab.run()
    assert counts(lab) == (3, 9, 0, 10)


@pytest.mark.parametrize(
    ("owners", "kind"),
    [
        (
            reference("ReplicationController", "rc", "r", "v1"),
            (
                "replicationcontrollers",
                core_v1.ReplicationController(
                    metadata=meta_v1.ObjectMeta(name="rc", namespace="default", uid="r"),
                    spec=core_v1.ReplicationControllerSpec(replicas=5),
                ),
            ),
        ),
        (
            reference("StatefulSet", "db", "s"),
            (
                "statefulsets.apps",
                apps_v1.StatefulSet(
                    metadata=meta_v1.ObjectMeta(name="db", namespace="default", uid="s"),
                    spec=apps_v1.StatefulSetSpec(
                        replicas=5, selector=SELECTOR, template=core_v1.PodTemplateSpec(), service_name=""
                    ),
                ),
            ),
        ),
    ],
)
def test_other_owners_with_replicas(owners, kind):
    lab = laid(3, 3, owners, kind)
    lab.put(BUDGETS, budget(max_unavailable=3))
    lab.run()
    assert counts(lab) == (3, 2, 1, 5)


class Scaled(Lab):
    """One whose API server has the scale of whatever it is asked for."""

    def ask(self, request):
        if request.subresource == "scale":
            self.requests.append(request)
            metadata = meta_v1.ObjectMeta(name=request.name, uid="rs")
            return Response(200, autoscaling_v1.Scale(metadata=metadata, spec=autoscaling_v1.ScaleSpec(replicas=6)))
        return super().ask(request)


def test_what_no_cache_tells_is_asked_for_its_scale():
    lab = Scaled(CONTROLLER)
    for number in range(3):
        lab.put("pods", pod(f"p{number}", owners=OWNED[0]))
    lab.put(BUDGETS, budget(max_unavailable="50%"))
    lab.run()
    assert counts(lab) == (3, 3, 0, 6)
    asked = [request for request in lab.requests if request.verb == "get"]
    assert {(each.resource, each.name, each.subresource) for each in asked} == {("replicasets.apps", "web-1", "scale")}


@pytest.mark.parametrize(
    ("owners", "why"),
    [
        (reference("Job", "j", "u", "batch/v1"), "jobs.batch does not implement the scale subresource"),
        (reference("Thing", "t", "u", "x.io/v1"), 'no matches for kind "Thing" in version "x.io/v1"'),
        (reference("ReplicaSet", "web-1", "other"), 'found no controllers for pod "p0"'),
    ],
)
def test_without_a_scale_nothing_may_be_evicted(owners, why):
    lab = laid(3, 3, owners)
    lab.put(BUDGETS, budget(max_unavailable=1))
    lab.run()
    assert lab.get(BUDGETS, "default/b").status.disruptions_allowed == 0
    assert allowed(lab)[:3] == ("False", "SyncFailed", why)
    said = ("CalculateExpectedPodCountFailed", f"Failed to calculate the number of expected pods: {why}")
    assert said in lab.said()


def test_a_pod_that_nobody_owns_is_told_of():
    lab = laid()
    tier = meta_v1.LabelSelectorRequirement(key="tier", operator="NotIn", values=("db", "x"))
    lab.put(BUDGETS, budget(selector=replace(SELECTOR, match_expressions=(tier,)), max_unavailable=1))
    lab.run()
    assert counts(lab) == (3, 0, 0, 0)
    reason, message = lab.said()[0]
    assert reason == "UnmanagedPods"
    assert (
        "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement"
        "{LabelSelectorRequirement{Key:tier,Operator:NotIn,Values:[db x],},},}) were found to be unmanaged." in message
    )


def test_a_budget_without_pods_allows_nothing():
    lab = laid(0, 0)
    lab.put(BUDGETS, budget(min_available=0))
    lab.run()
    assert counts(lab) == (0, 0, 0, 0)
    assert lab.said()[0] == ("NoPods", "No matching pods found")


def test_pods_come_and_go():
    lab = laid(3, 3)
    lab.put(BUDGETS, budget(min_available=1))
    lab.run()
    assert counts(lab) == (3, 1, 2, 3)
    lab.put("pods", replace(lab.get("pods", "default/p0"), status=pod("p0", ready=False).status))
    lab.remove("pods", "default/p1")
    lab.run()
    assert counts(lab) == (1, 1, 0, 2)
    assert allowed(lab)[1] == "InsufficientPods"


def test_what_was_evicted_does_not_count_until_it_is_gone_or_two_minutes_are_over():
    lab = laid(3, 3)
    noted = policy_v1.PodDisruptionBudgetStatus(
        current_healthy=3,
        desired_healthy=1,
        disruptions_allowed=1,
        expected_pods=3,
        disrupted_pods=Map({"p0": Time.at(START), "p1": Time.at(START), "gone": Time.at(START)}),
    )
    lab.put(
        "pods",
        replace(
            lab.get("pods", "default/p1"),
            metadata=replace(lab.get("pods", "default/p1").metadata, deletion_timestamp=Time.at(START)),
        ),
    )
    lab.put(BUDGETS, replace(budget(min_available=1), status=noted))
    lab.run(2 * MINUTE)
    status = lab.get(BUDGETS, "default/b").status
    assert dict(status.disrupted_pods) == {"p0": Time.at(START)}
    assert counts(lab) == (1, 1, 0, 3)
    lab.run(2 * MINUTE + SECOND)
    assert lab.get(BUDGETS, "default/b").status.disrupted_pods is None
    assert counts(lab) == (2, 1, 1, 3)
    assert lab.said() == [("NotDeleted", "Pod was expected by PDB default/default to be deleted but it wasn't")]


def test_a_conflict_comes_back_and_another_refusal_makes_it_safe():
    lab = laid(3, 3)
    lab.refusals = [Response(409, statuses.conflict(BUDGETS, "b")), Response(500, statuses.internal("no"))]
    lab.put(BUDGETS, budget(min_available=1))
    lab.run()
    said = [conditions.find(request.body.status.conditions, "DisruptionAllowed") for request in lab.requests]
    assert [each.reason for each in said] == ["SufficientPods", "SufficientPods", "SyncFailed", "SufficientPods"]
    assert said[2].message == "Internal error occurred: no"
    assert counts(lab) == (3, 1, 2, 3)


def test_a_pod_that_two_budgets_cover_counts_in_both_and_is_told_of():
    lab = laid(2, 2)
    lab.put(BUDGETS, budget("b", min_available=1))
    lab.put(BUDGETS, budget("c", min_available=2, selector=meta_v1.LabelSelector()))
    lab.run()
    assert (counts(lab, "b"), counts(lab, "c")) == ((2, 1, 1, 2), (2, 2, 0, 2))
    lab.put("pods", replace(lab.get("pods", "default/p0"), status=pod("p0", ready=False).status))
    lab.run()
    assert (counts(lab, "b"), counts(lab, "c")) == ((1, 1, 0, 2), (1, 2, 0, 2))
    message = 'Pod "default"/"p0" matches multiple PodDisruptionBudgets.  Chose "b" arbitrarily.'
    assert ("MultiplePodDisruptionBudgets", message) in lab.said()


def test_a_budget_without_a_selector_covers_nothing():
    lab = laid(2, 2)
    lab.put(BUDGETS, budget(selector=None, min_available=1))
    lab.run()
    assert counts(lab) == (0, 1, 0, 0)


# Stale conditions ----------------------------------------------------------------------------------------------------


def disrupted(reason="EvictionByEvictionAPI", **more):
    found = pod("p", **more)
    target = core_v1.PodCondition(
        type="DisruptionTarget", status="True", reason=reason, last_transition_time=Time.at(START)
    )
    return replace(found, status=replace(found.status, conditions=(*found.status.conditions, target)))


def test_a_pod_that_was_not_disrupted_after_all_is_so_no_more_after_two_minutes():
    lab = Lab(STALE_CONDITIONS)
    lab.put("pods", disrupted())
    lab.run(2 * MINUTE - SECOND)
    assert lab.writes() == []
    lab.run(2 * MINUTE)
    found = conditions.find(lab.get("pods", "default/p").status.conditions, "DisruptionTarget")
    assert (found.status, found.reason, found.message) == ("False", None, None)
    assert found.last_transition_time == Time.at(START + 2 * MINUTE)
    assert lab.writes() == ["update pods status p"]


@pytest.mark.parametrize("more", [{"reason": "TerminationByKubelet"}, {"phase": "Failed"}, {"deleted": Time.at(START)}])
def test_what_takes_its_time_is_not_stale(more):
    lab = Lab(STALE_CONDITIONS)
    lab.put("pods", disrupted(**more))
    lab.run(5 * MINUTE)
    assert lab.writes() == []


def test_nobody_waits_for_a_pod_that_goes_after_all():
    lab = Lab(STALE_CONDITIONS)
    lab.put("pods", disrupted())
    lab.settle()
    assert lab.timers.busy
    found = lab.get("pods", "default/p")
    lab.put("pods", replace(found, metadata=replace(found.metadata, deletion_timestamp=Time.at(START))))
    lab.settle()
    assert not lab.timers.busy
