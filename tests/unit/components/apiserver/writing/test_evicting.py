"""Evictions within budgets: who may go, what is taken, and what is said to who must wait."""

import pytest

from reconcile.api import core_v1, meta_v1, policy_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

BUDGETS = "poddisruptionbudgets.policy"
EVICTION = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name="web"))


def budget(name="b", **spec):
    selector = meta_v1.LabelSelector(match_labels=Map({"app": "web"}))
    return policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name=name),
        spec=policy_v1.PodDisruptionBudgetSpec(min_available=1, selector=selector, **spec),
    )


@pytest.fixture
def running(server, pod):
    made = server.made("pods", pod)
    conditions = (core_v1.PodCondition(type="Ready", status="True"),)
    status = replace(made.status, phase="Running", conditions=conditions)
    assert server("update", "pods", "default", "web", replace(made, status=status), subresource="status").ok
    return server


def counted(server, name="b", **status):
    body = {"status": {"observedGeneration": 1, "expectedPods": 1, **status}}
    assert server("patch", BUDGETS, "default", name, body, subresource="status").ok


def evicted(server, body=EVICTION, **others):
    return server("create", "pods", "default", "web", body, subresource="eviction", **others)


def test_without_a_budget_it_goes(running):
    assert evicted(running, dry_run=True).code == 201
    assert evicted(running).code == 201
    assert running("get", "pods", "default", "web").code == 404


@pytest.mark.parametrize(
    ("status", "why", "seconds"),
    [
        (None, "The disruption budget b is still being processed by the server.", 10),
        (
            {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1},
            "The disruption budget b needs 1 healthy pods and has 1 currently",
            None,
        ),
        (
            {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 1},
            "The disruption budget b does not allow evicting pods currently",
            None,
        ),
        (
            {
                "disruptionsAllowed": 0,
                "currentHealthy": 2,
                "desiredHealthy": 1,
                "conditions": [
                    {
                        "type": "DisruptionAllowed",
                        "status": "False",
                        "reason": "SyncFailed",
                        "message": "no",
                        "lastTransitionTime": "2026-01-01T00:00:00Z",
                    }
                ],
            },
            "The disruption budget b does not allow evicting pods currently because it failed sync: no",
            None,
        ),
    ],
)
def test_who_must_wait(running, status, why, seconds):
    running.made(BUDGETS, budget())
    if status is not None:
        counted(running, **status)
    response = evicted(running)
    details = response.body.details
    assert (response.code, response.reason, details.retry_after_seconds) == (429, "TooManyRequests", seconds)
    assert response.body.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert [(cause.reason, cause.message) for cause in details.causes] == [("DisruptionBudget", why)]


def test_one_is_taken_from_the_budget(running):
    running.made(BUDGETS, budget())
    counted(running, disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1)
    assert evicted(running, dry_run=True).code == 201
    assert running("get", BUDGETS, "default", "b").body.status.disruptions_allowed == 1
    assert evicted(running).code == 201
    status = running("get", BUDGETS, "default", "b").body.status
    assert (status.disruptions_allowed, tuple(status.disrupted_pods)) == (0, ("web",))
    assert [(each.type, each.status, each.reason) for each in status.conditions] == [
        ("DisruptionAllowed", "False", "InsufficientPods")
    ]


def test_what_was_taken_stays_taken_though_the_pod_is_another(running):
    running.made(BUDGETS, budget())
    counted(running, disruptionsAllowed=2, currentHealthy=3, desiredHealthy=1)
    options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid="other"))
    response = evicted(running, replace(EVICTION, delete_options=options))
    assert (response.code, response.body.details.kind) == (409, "Pod")
    assert running("get", BUDGETS, "default", "b").body.status.disruptions_allowed == 1


def test_two_budgets_are_not_supported(running):
    running.made(BUDGETS, budget())
    running.made(BUDGETS, budget("c"))
    said = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    assert (evicted(running).code, evicted(running).body.message) == (500, said)


@pytest.mark.parametrize("policy", [None, "AlwaysAllow"])
def test_who_is_not_ready_may_go(running, policy):
    running("patch", "pods", "default", "web", {"status": {"conditions": []}}, subresource="status")
    running.made(BUDGETS, budget(unhealthy_pod_eviction_policy=policy))
    if policy is None:
        assert evicted(running).code == 429
        counted(running, disruptionsAllowed=0, currentHealthy=1, desiredHealthy=1)
    assert evicted(running).code == 201


def test_names_must_agree(running):
    said = "name in URL does not match name in Eviction object"
    assert evicted(running, policy_v1.Eviction()).body.message == said
    said = 'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown'
    assert evicted(running, core_v1.Pod(spec=None)).body.message.startswith(said)


def test_options_are_looked_at_when_it_goes(running):
    wrong = replace(EVICTION, delete_options=meta_v1.DeleteOptions(propagation_policy="Nope"))
    running.made(BUDGETS, budget())
    assert evicted(running, wrong).code == 429
    running("delete", BUDGETS, "default", "b")
    assert evicted(running, wrong).code == 422
    running("delete", "pods", "default", "web", meta_v1.DeleteOptions(grace_period_seconds=0))
    assert evicted(running, wrong).code == 404
