import attrs

from reconcile.components.scheduler.explaining import FILTERS, cluster_seen, drained, explained, placed, room_for
from tests.unit.components.scheduler.groups.gangs import Gangs, group


def seen(*nodes, pods=(), **others):
    return cluster_seen({"nodes": nodes, "pods": pods, **others})


def test_each_plugin_says_something_of_each_node(kit):
    state = seen(kit.node("n1"), kit.node("n2"), kit.node("n3", cpu="1"), kit.node("n4", unschedulable=True))
    found = explained(state, kit.pod("web", kit.container(cpu="2")))
    assert (found.result, found.feasible, found.best) == ("bound", ("n1", "n2"), ("n1", "n2"))
    assert [(node.name, node.refused_by, node.reasons, node.resolvable) for node in found.nodes] == [
        ("n1", "", (), False),
        ("n2", "", (), False),
        ("n3", "NodeResourcesFit", ("Insufficient cpu",), False),
        ("n4", "NodeUnschedulable", ("node(s) were unschedulable",), False),
    ]
    assert dict(found.nodes[0].scores) == {
        "TaintToleration": 300,
        "NodeResourcesFit": 73,
        "DynamicResources": 0,
        "NodeResourcesBalancedAllocation": 62,
        "ImageLocality": 0,
    }
    assert found.nodes[0].total == 435
    assert {node.refused_by for node in found.nodes} <= {"", *FILTERS}


def test_with_one_node_nothing_is_scored(kit):
    found = explained(seen(kit.node("n1")), kit.pod("web"))
    assert (found.best, found.nodes[0].scores) == (("n1",), {})


def test_why_no_node_will_do_and_who_would_have_to_go(kit):
    low = kit.pod("low", kit.container(cpu="3"), node="n1", priority=0)
    state = seen(kit.node("n1"), pods=[low])
    found = explained(state, kit.pod("web", kit.container(cpu="2"), priority=1))
    assert (found.result, found.nominated, found.victims) == ("preempts", "n1", ("default/low",))
    assert found.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert found.nodes[0].resolvable
    assert explained(state, kit.pod("web", kit.container(cpu="2"))).result == "unschedulable"


def test_a_pod_whose_gang_is_not_there_yet_is_not_looked_at(kit):
    gangs = Gangs(kit, "a", groups=(group(count=2),))
    found = explained(gangs.play.state, gangs.pod("p0"))
    assert (found.result, found.nodes) == ("gated", ())
    assert found.message == "waiting for minCount pods from a gang to appear in scheduling queue"
    other = explained(gangs.play.state, gangs.pod("p1", group="h"))
    assert other.message == 'waiting for pods\'s pod group "h" to appear in scheduling queue'
    gangs.come("p1")
    assert explained(gangs.play.state, gangs.pod("p0")).result == "bound"


def test_a_gated_pod_is_not_looked_at(kit):
    from reconcile.api.core_v1 import PodSchedulingGate

    found = explained(seen(kit.node("n1")), kit.pod("web", scheduling_gates=(PodSchedulingGate(name="x"),)))
    assert (found.result, found.nodes) == ("gated", ())


def test_where_pods_would_go_one_after_the_other(kit):
    state = seen(kit.node("n1"), kit.node("n2"))
    moves, after = placed(state, [kit.pod(name, kit.container(cpu="3")) for name in ("a", "b", "c")])
    assert [(move.pod, move.node) for move in moves] == [("default/a", "n1"), ("default/b", "n2"), ("default/c", "")]
    assert moves[2].message.startswith("0/2 nodes are available: 2 Insufficient cpu.")
    assert len(after.placed) == 2
    assert not state.placed


def test_how_many_more_would_fit(kit):
    found, why = room_for(seen(kit.node("n1"), kit.node("n2", cpu="1")), kit.pod("web", kit.container(cpu="1")))
    assert found == {"n1": 4, "n2": 1}
    assert why.startswith("0/2 nodes are available: 2 Insufficient cpu.")
    assert room_for(seen(kit.node("n1")), kit.pod("web"), most=3) == ({"n1": 3}, "")


def test_who_could_not_move_if_a_node_was_drained(kit):
    there = [
        kit.pod("small", kit.container(cpu="1"), node="n1", phase="Running"),
        kit.pod("big", kit.container(cpu="4"), node="n1", phase="Running", priority=0),
        kit.pod("done", node="n1", phase="Succeeded"),
        kit.pod("other", kit.container(cpu="1"), node="n2", phase="Running"),
    ]
    moves = drained(seen(kit.node("n1", cpu="8"), kit.node("n2"), pods=there), ["n1"])
    assert [(move.pod, move.node) for move in moves] == [("default/big", ""), ("default/small", "n2")]


def test_a_pod_of_a_scheduler_that_is_not_there_goes_nowhere(kit):
    state = seen(kit.node("n1", cpu="4"))
    mine, stray = kit.pod("mine", kit.container(cpu="3")), kit.pod("stray", kit.container(cpu="3"))
    stray = attrs.evolve(stray, spec=attrs.evolve(stray.spec, scheduler_name="nobody"))
    said = 'no scheduler of this cluster has a profile for schedulerName "nobody"'
    first, second = placed(state, [stray, mine], strict=True)[0]
    assert (first.node, first.message, second.node) == ("", said, "n1")
    assert room_for(state, stray, strict=True) == ({}, said)
    assert placed(state, [stray])[0][0].node == "n1"  # else it is asked by the first profile
