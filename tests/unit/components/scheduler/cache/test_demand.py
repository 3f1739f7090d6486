import attrs
import pytest

from reconcile.api import core_v1
from reconcile.components.scheduler.cache.demand import Demand, by_containers, demand_held, demand_of, overlaps
from reconcile.components.scheduler.explaining import cluster_seen, explained

MEBI = 1024 * 1024


def test_what_is_not_said_counts_for_scores_only(kit):
    assert demand_of(kit.pod("a")) == Demand(scored_cpu=100, scored_memory=200 * MEBI)
    both = demand_of(kit.pod("a", kit.container("x", cpu="250m"), kit.container("y", memory="1Mi")))
    assert both == Demand(250, MEBI, scored_cpu=350, scored_memory=201 * MEBI)


def test_one_container_is_read_the_short_way_and_alike(kit):
    container = kit.container(cpu="1500m", memory="1Gi", ephemeral_storage="1Gi", more=[("example.com/gpu", "2")])
    short = demand_of(kit.pod("a", container))
    assert short == Demand(1500, 1024 * MEBI, 1024 * MEBI, (("example.com/gpu", 2),), 1500, 1024 * MEBI)
    assert demand_of(kit.pod("a", container, overhead=kit.quantities(cpu="0"))) == short


def test_init_containers_run_before_and_sidecars_beside(kit):
    inits = (
        kit.container("first", cpu="300m"),
        kit.container("sidecar", cpu="100m", restart_policy="Always"),
        kit.container("last", cpu="450m"),
    )
    assert demand_of(kit.pod("a", kit.container(cpu="200m"), init_containers=inits)).cpu == 550
    assert demand_of(kit.pod("a", kit.container(cpu="500m"), init_containers=inits)).cpu == 600


def test_requests_of_the_pod_itself_stand_for_those_of_its_containers_and_overhead_comes_on_top(kit):
    pod = kit.pod("a", kit.container(cpu="200m", memory="1Mi"), overhead=kit.quantities(cpu="50m"))
    pod_level = core_v1.ResourceRequirements(requests=kit.quantities(cpu="1"))
    pod = attrs.evolve(pod, spec=attrs.evolve(pod.spec, resources=pod_level))
    assert demand_of(pod)[:2] == (1050, MEBI)


def test_nodes_are_scored_for_what_the_containers_of_a_pod_ask_for(kit):
    pod = kit.pod("a", kit.container(cpu="200m"), overhead=kit.quantities(cpu="50m"))
    demand = demand_of(pod)
    assert by_containers(demand) is demand
    pod_level = core_v1.ResourceRequirements(requests=kit.quantities(cpu="1", memory="1Gi"))
    whole = demand_of(attrs.evolve(pod, spec=attrs.evolve(pod.spec, resources=pod_level)))
    assert (whole.scored_cpu, whole.scored_memory) == (1050, 1024 * MEBI)
    scored = by_containers(whole)
    assert (scored.cpu, scored.scored_cpu, scored.scored_memory) == (1050, 250, 200 * MEBI)


def test_a_node_counts_what_pods_ask_for_as_a_whole(kit):
    pod_level = core_v1.ResourceRequirements(requests=kit.quantities(cpu="1", memory="1Gi"))
    state = cluster_seen(
        {"nodes": [kit.node("n1"), kit.node("n2")], "pods": [kit.pod("there", node="n1", resources=pod_level)]}
    )
    here, there = explained(state, kit.pod("web", kit.container(cpu="200m"), resources=pod_level)).nodes
    alone = explained(state, kit.pod("web", kit.container(cpu="200m"))).nodes
    assert [node.scores["NodeResourcesFit"] for node in (here, there)] == [
        node.scores["NodeResourcesFit"] for node in alone
    ]
    assert here.scores["NodeResourcesFit"] < there.scores["NodeResourcesFit"]


def test_host_ports_of_containers_and_sidecars(kit):
    sidecar = kit.container("s", ports=[(81, "10.0.0.1", "UDP")], restart_policy="Always")
    init = kit.container("i", ports=[(82, None, "TCP")])
    pod = kit.pod("a", kit.container(ports=[(80, None, None)]), init_containers=(sidecar, init))
    assert demand_of(pod).ports == (("TCP", 80, "0.0.0.0"), ("UDP", 81, "10.0.0.1"))


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        (("TCP", 80, "0.0.0.0"), ("TCP", 80, "10.0.0.1"), True),
        (("TCP", 80, "10.0.0.1"), ("TCP", 80, "10.0.0.1"), True),
        (("TCP", 80, "10.0.0.1"), ("TCP", 80, "10.0.0.2"), False),
        (("TCP", 80, "0.0.0.0"), ("UDP", 80, "0.0.0.0"), False),
        (("TCP", 80, "0.0.0.0"), ("TCP", 81, "0.0.0.0"), False),
    ],
)
def test_ports_overlap(one, other, collide):
    assert overlaps(one, other) is overlaps(other, one) is collide


def resized(kit, *, asks, has=None, allocated=None, generation=2, reason=None):
    """Give a pod whose container asks for some cpu now, and has, or is allocated, another amount."""
    pod = kit.pod("a", kit.container(cpu=asks), node="n1", conditions=())
    status = core_v1.ContainerStatus(
        name="main",
        image="nginx:1",
        image_id="",
        ready=True,
        restart_count=0,
        resources=core_v1.ResourceRequirements(requests=kit.quantities(cpu=has)) if has else None,
        allocated_resources=kit.quantities(cpu=allocated) if allocated else None,
    )
    pending = (core_v1.PodCondition(type="PodResizePending", status="True", reason=reason),) if reason else ()
    return attrs.evolve(
        pod,
        metadata=attrs.evolve(pod.metadata, generation=generation),
        status=attrs.evolve(pod.status, container_statuses=(status,), conditions=pending),
    )


def test_while_a_pod_is_resized_the_larger_amount_counts(kit):
    assert demand_held(resized(kit, asks="1", has="2", allocated="1")).cpu == 2000
    assert demand_held(resized(kit, asks="3", has="2", allocated="2", reason="Deferred")).cpu == 3000
    assert demand_held(resized(kit, asks="3", has="2", allocated="2", reason="Infeasible")).cpu == 2000
    assert demand_held(resized(kit, asks="1", has="1", allocated="1")).cpu == 1000
    # What has not started yet has nothing.
    assert demand_held(resized(kit, asks="1")) == demand_of(resized(kit, asks="1"))
    # Nor is there anything to look at before the first change.
    assert demand_held(resized(kit, asks="1", has="2", generation=1)).cpu == 1000


def test_what_a_pod_has_as_a_whole_counts_likewise(kit):
    pod = kit.pod(
        "a", kit.container(), node="n1", resources=core_v1.ResourceRequirements(requests=kit.quantities(cpu="1"))
    )
    held = core_v1.ResourceRequirements(requests=kit.quantities(cpu="2"))
    pod = attrs.evolve(pod, status=attrs.evolve(pod.status, resources=held))
    assert (demand_of(pod).cpu, demand_held(pod).cpu) == (1000, 2000)
