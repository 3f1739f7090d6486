import json

from reconcile.components.scheduler.explaining import annotations_of, cluster_seen, explained


def read(found, node=""):
    """Give what is written, without the prefix, and read."""
    rows = {
        name.removeprefix("kube-scheduler-simulator.sigs.k8s.io/"): text
        for name, text in annotations_of(found, node).items()
    }
    return {name: text if name == "selected-node" else json.loads(text) for name, text in rows.items()}


def test_a_pod_that_is_placed(kit):
    state = cluster_seen({"nodes": [kit.node("n1"), kit.node("n2"), kit.node("n3", cpu="1")]})
    found = read(explained(state, kit.pod("web", kit.container(cpu="2"))), "n2")
    passed = dict.fromkeys(["NodeUnschedulable", "NodeName", "TaintToleration"], "passed")
    assert found["filter-result"] == {
        "n1": {**passed, "NodeResourcesFit": "passed"},
        "n2": {**passed, "NodeResourcesFit": "passed"},
        "n3": {**passed, "NodeResourcesFit": "Insufficient cpu"},
    }
    assert found["finalscore-result"]["n1"]["TaintToleration"] == "300"
    assert {*found["finalscore-result"]} == {"n1", "n2"}
    assert found["prefilter-result-status"] == {"NodeResourcesFit": "success"}
    assert (found["bind-result"], found["selected-node"]) == ({"DefaultBinder": "success"}, "n2")
    assert (found["reserve-result"], found["permit-result"], found["postfilter-result"]) == ({}, {}, {})


def test_a_pod_for_which_room_is_made(kit):
    low = kit.pod("low", kit.container(cpu="3"), node="n1", priority=0)
    state = cluster_seen({"nodes": [kit.node("n1"), kit.node("n2", cpu="1")], "pods": [low]})
    found = read(explained(state, kit.pod("web", kit.container(cpu="2"), priority=1)))
    assert found["postfilter-result"] == {"n1": {"DefaultPreemption": "preemption victim"}, "n2": {}}
    assert (found["bind-result"], found["finalscore-result"], found["selected-node"]) == ({}, {}, "")


def test_only_filters_that_are_needed_are_named(kit):
    state = cluster_seen({"nodes": [kit.node("n1", labels=[("disk", "ssd")])]})
    pod = kit.pod("web", kit.container(ports=[(80, None, "TCP")]), node_selector={"disk": "ssd"})
    assert {"NodeAffinity", "NodePorts"} <= {*read(explained(state, pod))["filter-result"]["n1"]}
    assert not {"NodeAffinity", "NodePorts"} & {*read(explained(state, kit.pod("web")))["filter-result"]["n1"]}
