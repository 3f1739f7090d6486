"""Why pods were scheduled as they were: in the log, and on the pods."""

import json

import pytest

from reconcile import Cluster, Topology
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.telling.describe import describe
from reconcile.effects import Explain
from reconcile.lib.errors import ReconcileError

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "main", "image": "nginx"}]},
}


def recorded(*wanted):
    lines = []
    topology = Topology(nodes=2, explanations=wanted)
    recorder = Recorder(Cluster.boot(topology, seed=7), lambda line: lines.append(line.encode()))
    recorder.settle()
    recorder.apply(POD)
    said = [each for each in recorder.settle().effects if isinstance(each, Explain)]
    return recorder.end(), said, lines


def test_the_log_has_what_was_said():
    cluster, (said,), lines = recorded("log")
    (row,) = [row for line in lines for row in json.loads(line).get("explanations", ())]
    node = cluster.get("pods", "web").spec.node_name
    assert (row[1], row[2]["result"], row[2]["node"]) == ("default/web", "bound", node)
    assert describe(said) == f"explain default/web: bound {node}"
    assert replay(lines).identical


def test_pods_bear_it():
    cluster, said, lines = recorded("pods")
    pod = cluster.get("pods", "web")
    rows = {name.partition("/")[2]: text for name, text in pod.metadata.annotations.items()}
    assert rows["selected-node"] == pod.spec.node_name
    assert len(json.loads(rows["result-history"])) == 1
    assert not said
    assert replay(lines).identical


def test_where_it_can_be_said():
    with pytest.raises(ReconcileError, match="topology: explanations: 'screen' is neither 'log' nor 'pods'"):
        Topology(explanations=("screen",))
