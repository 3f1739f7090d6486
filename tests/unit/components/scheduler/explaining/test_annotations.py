import json

import attrs

from reconcile.api import core_v1, meta_v1
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


def test_scores_before_they_are_normalised(kit):
    nodes = [
        kit.node(
            "n1", labels=[("rack", "a"), ("kubernetes.io/hostname", "n1")], taints=[("t", "", "PreferNoSchedule")]
        ),
        kit.node("n2", labels=[("rack", "b"), ("kubernetes.io/hostname", "n2"), ("disk", "ssd")]),
    ]
    term = core_v1.PodAffinityTerm(topology_key="rack", label_selector=meta_v1.LabelSelector())
    near = core_v1.PodAffinity(
        preferred_during_scheduling_ignored_during_execution=(
            core_v1.WeightedPodAffinityTerm(weight=3, pod_affinity_term=term),
        )
    )
    preferred = kit.affinity(preferred=[(7, ((("disk", "In", "ssd"),),))])
    soft = core_v1.TopologySpreadConstraint(
        max_skew=1,
        topology_key="kubernetes.io/hostname",
        when_unsatisfiable="ScheduleAnyway",
        label_selector=meta_v1.LabelSelector(
            match_expressions=(meta_v1.LabelSelectorRequirement(key="x", operator="DoesNotExist"),)
        ),
    )
    pod = kit.pod(
        "web",
        kit.container(cpu="1", memory="1Gi"),
        affinity=attrs.evolve(preferred, pod_affinity=near),
        topology_spread_constraints=(soft,),
    )
    there = [kit.pod(name, node="n1") for name in ("a", "b")]
    found = read(explained(cluster_seen({"nodes": nodes, "pods": there}), pod))
    raw, final = found["score-result"], found["finalscore-result"]
    assert {name: {*row} for name, row in raw.items()} == {name: {*row} for name, row in final.items()}
    plugins = ("TaintToleration", "NodeAffinity", "InterPodAffinity", "PodTopologySpread")
    # Two pods are there, each counted with the logarithm of two nodes and two: 2 * 1.39, rounded.
    assert [raw["n1"][plugin] for plugin in plugins] == ["1", "0", "6", "3"]
    assert [raw["n2"][plugin] for plugin in plugins] == ["0", "7", "0", "0"]
    for plugin in ("NodeResourcesFit", "NodeResourcesBalancedAllocation", "ImageLocality"):
        assert [raw[name][plugin] for name in raw] == [final[name][plugin] for name in final]
