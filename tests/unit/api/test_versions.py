"""Objects in two shapes: what one of them cannot say comes back from it unharmed."""

import json

from reconcile.api import convert, versions

SPEC = {
    "maxReplicas": 9,
    "minReplicas": 2,
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
    "behavior": {"scaleDown": {"selectPolicy": "Disabled"}},
    "metrics": [
        {
            "type": "Object",
            "object": {
                "metric": {"name": "o"},
                "describedObject": {"kind": "Service", "name": "s"},
                "target": {"type": "AverageValue", "averageValue": "500m"},
            },
        },
        {
            "type": "External",
            "external": {"metric": {"name": "e"}, "target": {"type": "Value", "value": "30"}},
        },
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
    ],
}


def autoscaler(**annotations):
    metadata = {"name": "x", **({"annotations": annotations} if annotations else {})}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": SPEC}
    return convert.load(body).object


def test_an_autoscaler_goes_to_v1_and_comes_back():
    old = versions.served(autoscaler(a="b"), "autoscaling/v1")
    assert old.spec.target_cpu_utilization_percentage == 50
    kept = json.loads(old.metadata.annotations["autoscaling.alpha.kubernetes.io/metrics"])
    target = {"kind": "Service", "name": "s"}
    assert kept == [
        {
            "type": "Object",
            "object": {"target": target, "metricName": "o", "targetValue": "0", "averageValue": "500m"},
        },
        {"type": "External", "external": {"metricName": "e", "targetValue": "30"}},
    ]
    again = versions.stored(old)
    assert (again.spec, again.metadata) == (autoscaler(a="b").spec, autoscaler(a="b").metadata)


def test_an_annotation_that_is_no_json_says_nothing():
    old = versions.served(autoscaler(), "autoscaling/v1")
    annotations = old.metadata.annotations.set("autoscaling.alpha.kubernetes.io/metrics", "nonsense")
    body = {**convert.dump(old), "metadata": {"name": "x", "annotations": dict(annotations)}}
    again = versions.stored(convert.load(body).object)
    assert [metric.type for metric in again.spec.metrics] == ["Resource"]
    assert again.metadata.annotations is None


def test_an_event_goes_to_its_own_group_and_comes_back():
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "n"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "n"},
        "message": "m",
        "count": 3,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "source": {"component": "c"},
        "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"},
    }
    event = convert.load(body).object
    other = versions.served(event, "events.k8s.io/v1")
    assert (other.note, other.deprecated_count, other.regarding.name) == ("m", 3, "p")
    assert versions.stored(other) == event


def test_what_has_one_shape_stays_itself():
    obj = autoscaler()
    assert versions.stored(obj) is obj
    assert versions.served(obj, "autoscaling/v2") is obj
