"""An autoscaler in a whole cluster that is measured."""

import pytest

from reconcile import Behaviours, Cluster, Topology, settle
from reconcile.api import convert
from reconcile.api.shapes import CustomObject
from reconcile.driver import client
from reconcile.driver.machine import Machine
from reconcile.model.requests import Request
from tests.unit.components.controllers.real import Real, conditions

IMAGES = {
    "shop": "pull 100ms, start 50ms, ready after 1s, cpu 20m + 10m per request, memory 64Mi, metric queue 6",
    "idle": "pull 100ms, start 50ms, cpu 10m",
}


def measured(load=None, external=None, **fields):
    document = {"images": IMAGES, "load": load or {}, "external": external or {}}
    topology = Topology(
        nodes=2, behaviours=Behaviours.parse(document), managed_fields=True, **{"metrics": True, **fields}
    )
    real = Real()
    real.machine = Machine(settle(Cluster.boot(topology, seed=1)).cluster)
    real.create(SERVICE)
    return real


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def deployment(image="shop", replicas=1, request="100m"):
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": request} if request else {}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


def cpu(share=50):
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def autoscaler(*metrics, name="web", target=None, **spec):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", **(target or {})}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 10, "metrics": list(metrics) or [cpu()], **spec},
    }


def replicas(real):
    return real.get("deployments", "web")["spec"].get("replicas", 0)


def status(real, name="web"):
    return real.get("horizontalpodautoscalers", name)["status"]


def test_load_is_followed_up_and_after_five_minutes_down():
    real = measured(load={"default/web": "10..10 over 1h"})
    real.create(deployment())
    real.create(autoscaler())
    real.run(14)
    # Nothing is looked at before 15 seconds have passed.
    assert "conditions" not in (real.get("horizontalpodautoscalers", "web").get("status") or {})
    real.run(106)
    # 20m and 10 requests of 10m: 120 percent of what one asks for; shared among three it is near enough to 50.
    assert replicas(real) == 3
    assert conditions(real.get("horizontalpodautoscalers", "web"))[1] == ("ScalingActive", "True", "ValidMetricFound")
    assert status(real)["currentMetrics"][0]["resource"]["current"]["averageUtilization"] in (53, 54)
    real.patch("horizontalpodautoscalers", "web", {"spec": {"metrics": [cpu(400)]}})
    real.run(120)
    assert replicas(real) == 3
    assert conditions(real.get("horizontalpodautoscalers", "web"))[0] == ("AbleToScale", "True", "ScaleDownStabilized")
    real.run(300)
    assert replicas(real) == 1
    reasons = [reason for reason, _ in real.events("HorizontalPodAutoscaler")]
    assert reasons.count("SuccessfulRescale") >= 2
    assert ("SuccessfulRescale", "New size: 1; reason: All metrics below target") in real.events(
        "HorizontalPodAutoscaler"
    )


@pytest.mark.parametrize(
    ("metric", "wanted", "name"),
    [
        (
            {
                "type": "Pods",
                "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "2"}},
            },
            3,
            "pods metric queue",
        ),
        (
            {
                "type": "Object",
                "object": {
                    "metric": {"name": "requests_per_second"},
                    "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
                    "target": {"type": "Value", "value": "4"},
                },
            },
            3,
            "Service metric requests_per_second",
        ),
        (
            {
                "type": "Object",
                "object": {
                    "metric": {"name": "requests_per_second"},
                    "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
                    "target": {"type": "AverageValue", "averageValue": "4"},
                },
            },
            3,
            "external metric requests_per_second(nil)",
        ),
        (
            {
                "type": "External",
                "external": {"metric": {"name": "jobs"}, "target": {"type": "AverageValue", "averageValue": "10"}},
            },
            4,
            "external metric jobs(nil)",
        ),
        (
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": "c",
                    "target": {"type": "Utilization", "averageUtilization": 60},
                },
            },
            3,
            "cpu container resource utilization (percentage of request)",
        ),
        (
            {
                "type": "Resource",
                "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "32Mi"}},
            },
            2,
            "memory resource",
        ),
    ],
)
def test_every_kind_of_metric(metric, wanted, name):
    real = measured(load={"default/web": "12"}, external={"jobs": "40"})
    real.create(deployment())
    real.create(autoscaler(metric))
    real.run(75)
    first = next(message for reason, message in real.events("HorizontalPodAutoscaler") if reason == "SuccessfulRescale")
    assert first == f"New size: {wanted}; reason: {name} above target"


def test_of_several_the_largest_counts_and_one_that_is_not_there_only_keeps_it_from_falling():
    real = measured(external={"jobs": "40"})
    real.create(deployment("idle", replicas=2))
    jobs = {
        "type": "External",
        "external": {"metric": {"name": "jobs"}, "target": {"type": "AverageValue", "averageValue": "10"}},
    }
    none = {"type": "External", "external": {"metric": {"name": "none"}, "target": {"type": "Value", "value": "1"}}}
    real.create(autoscaler(cpu(), none, jobs))
    real.run(60)
    assert replicas(real) == 4
    assert [each["type"] for each in status(real)["currentMetrics"]] == ["Resource", "", "External"]
    real.patch("horizontalpodautoscalers", "web", {"spec": {"metrics": [cpu(), none]}})
    real.run(400)
    assert replicas(real) == 4
    said = "the HPA was unable to compute the replica count: unable to get external metric default/none/nil: no metrics"
    active = next(each for each in status(real)["conditions"] if each["type"] == "ScalingActive")
    assert active["reason"] == "FailedGetExternalMetric"
    assert said in active["message"]


@pytest.mark.parametrize(
    ("body", "of", "kind", "reason", "said"),
    [
        (
            autoscaler(),
            deployment(request=""),
            "ScalingActive",
            "FailedGetResourceMetric",
            "missing request for cpu in",
        ),
        (
            autoscaler(target={"kind": "Nope"}),
            deployment(),
            "AbleToScale",
            "FailedGetScale",
            'no matches for kind "Nope" in group',
        ),
        (
            autoscaler(target={"name": "x"}),
            deployment(),
            "AbleToScale",
            "FailedGetScale",
            'deployments.apps "x" not found',
        ),
        (
            autoscaler(),
            deployment(replicas=0),
            "ScalingActive",
            "ScalingDisabled",
            "replica count of the target is zero",
        ),
    ],
)
def test_why_nothing_is_scaled(body, of, kind, reason, said):
    real = measured()
    real.create(of)
    real.create(body)
    real.run(60)
    condition = next(each for each in status(real)["conditions"] if each["type"] == kind)
    assert (condition["status"], condition["reason"]) == ("False", reason)
    assert said in condition["message"]


def test_two_for_the_same_pods():
    real = measured()
    real.create(deployment())
    for name in ("one", "two"):
        real.create(autoscaler(name=name))
    real.run(60)
    active = next(each for each in status(real, "two")["conditions"] if each["type"] == "ScalingActive")
    assert active["reason"] == "AmbiguousSelector"
    assert active["message"] == "pods by selector app=web are controlled by multiple HPAs: [default/one default/two]"


def test_a_custom_resource_is_scaled():
    real = measured(external={"jobs": "40"})
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".spec.selector",
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"scale": scale},
    }
    names = {"plural": "queues", "singular": "queue", "kind": "Queue"}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "queues.example.com", "namespace": None},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    real.create(crd)
    real.run(5)
    queue = {
        "apiVersion": "example.com/v1",
        "kind": "Queue",
        "metadata": {"name": "q", "namespace": "default"},
        "spec": {"replicas": 2, "selector": "app=q"},
    }
    body = convert.load(queue, cls=CustomObject).object
    made = client.asked(
        real.machine, Request(verb="create", resource="queues.example.com", namespace="default", body=body)
    )
    assert made.ok
    metric = {
        "type": "External",
        "external": {"metric": {"name": "jobs"}, "target": {"type": "AverageValue", "averageValue": "10"}},
    }
    real.create(autoscaler(metric, target={"apiVersion": "example.com/v1", "kind": "Queue", "name": "q"}))
    real.run(40)
    found = real.machine.store.get("queues.example.com", "default/q")
    assert found.body["spec"]["replicas"] == 4


def test_to_no_replicas_and_back_if_the_gate_is_on():
    jobs = {
        "type": "External",
        "external": {"metric": {"name": "jobs"}, "target": {"type": "AverageValue", "averageValue": "10"}},
    }
    # Nothing for twenty minutes, then more and more.
    load = {"jobs": "daily 00:00=0 00:20=0 00:40=40 12:00=40"}
    real = measured(external=load, feature_gates={"HPAScaleToZero": True})
    real.create(deployment("idle"))
    real.create(autoscaler(jobs, minReplicas=0, behavior={"scaleDown": {"stabilizationWindowSeconds": 0}}))
    real.run(120)
    assert replicas(real) == 0
    assert ("ScaledToZero", "True", "ScaledToZero") in conditions(real.get("horizontalpodautoscalers", "web"))
    real.run(2400)
    assert replicas(real) == 4
    assert ("ScaledToZero", "False", "NotScaledToZero") in conditions(real.get("horizontalpodautoscalers", "web"))


def test_nothing_of_it_happens_without_an_autoscaler():
    plain, with_metrics = measured(metrics=False), measured()
    found_available = 2  # the APIService of the metrics: a look at it, and what that writes
    assert with_metrics.machine.steps - plain.machine.steps == found_available
