"""Quality of service: the class of a pod by what its containers ask for."""

import pytest

from reconcile.api import convert, core_v1
from reconcile.model.pods.qos import qos_class

BOTH = {"cpu": "1", "memory": "1Gi"}


def spec(*resources, init=(), whole=None):
    content = {
        "containers": [{"name": f"c{place}", "resources": each} for place, each in enumerate(resources)],
        "initContainers": [{"name": f"i{place}", "resources": each} for place, each in enumerate(init)],
    }
    return convert.load({**content, **({} if whole is None else {"resources": whole})}, cls=core_v1.PodSpec).object


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (spec({}), "BestEffort"),
        (spec({"requests": {"cpu": "0"}, "limits": {"example.com/gpu": "1"}}), "BestEffort"),
        (spec({"requests": {"cpu": "1"}}), "Burstable"),
        (spec({"limits": {"cpu": "1"}}), "Burstable"),
        (spec({"limits": BOTH}), "Guaranteed"),
        (spec({"limits": BOTH, "requests": {"cpu": "1000m", "memory": "1024Mi"}}), "Guaranteed"),
        (spec({"limits": BOTH, "requests": {"cpu": "0"}}), "Burstable"),
        (spec({"limits": BOTH}, {}), "Burstable"),
        (spec({"limits": BOTH}, init=({},)), "Burstable"),
        (spec({"limits": BOTH}, init=({"limits": BOTH},)), "Guaranteed"),
        (spec({}, whole={"limits": BOTH}), "Guaranteed"),
        (spec({"limits": BOTH}, whole={"requests": BOTH}), "Burstable"),
        (spec({"limits": BOTH}, whole={}), "Guaranteed"),
    ],
)
def test_classes(pod, expected):
    assert qos_class(pod) == expected
