"""Why plain data is no object, in the words of Go's converter."""

import pytest

from reconcile.api import core_v1
from reconcile.api.unstructured import refusal


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"spec": "x"}, "cannot restore struct from: string"),
        ({"spec": {"containers": {}}}, "cannot restore slice from map"),
        ({"spec": {"containers": [{"ports": [1]}]}}, "cannot restore struct from: int64"),
        ({"metadata": {"labels": []}}, "cannot restore map from slice"),
        ({"spec": {"nodeName": 1}}, "cannot convert int64 to string"),
        ({"spec": {"nodeName": True}}, "unrecognized type: string"),
        ({"spec": {"priority": "1"}}, "unrecognized type: int32"),
        ({"spec": {"priority": 1.5}}, "cannot convert float64 to int32"),
        ({"spec": {"priority": 1.0, "hostNetwork": None, "containers": [{"resources": {"limits": {"cpu": 1}}}]}}, ""),
    ],
)
def test_refusals(data, said):
    assert refusal(core_v1.Pod, data) == said
