"""Metrics: what is measured over what is wanted."""

import pytest

from reconcile.api import convert
from reconcile.model.printing.metrics import metrics_text


def autoscaler(metrics, current=()):
    spec = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": metrics}
    status = {"desiredReplicas": 1, "currentMetrics": list(current)}
    made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    return convert.load({**made, "spec": spec, "status": status}).object


def resource(name="cpu", **target):
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", **target}}}


def external(**target):
    metric = {"name": "queue"}
    return {"type": "External", "external": {"metric": metric, "target": {"type": "Value", **target}}}


@pytest.mark.parametrize(
    ("metrics", "current", "text"),
    [
        ([], [], "<none>"),
        ([resource(averageUtilization=80)], [], "cpu: <unknown>/80%"),
        (
            [resource(averageUtilization=80)],
            [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 30}}}],
            "cpu: 30%/80%",
        ),
        ([resource(averageValue="100m")], [], "cpu: <unknown>/100m"),
        (
            [external(value="30"), external(averageValue="5")],
            [{"type": "External", "external": {"metric": {"name": "queue"}, "current": {"value": "7"}}}],
            "7/30, <unknown>/5 (avg)",
        ),
        (
            [resource(averageUtilization=1), resource("memory", averageUtilization=2), external(value="3")],
            [],
            "cpu: <unknown>/1%, memory: <unknown>/2% + 1 more...",
        ),
    ],
)
def test_the_first_two_are_shown(metrics, current, text):
    obj = autoscaler(metrics, current)
    assert metrics_text(obj.spec.metrics or (), obj.status.current_metrics or ()) == text
