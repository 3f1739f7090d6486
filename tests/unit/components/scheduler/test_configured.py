"""What a scheduler does that is configured otherwise than by default."""

import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.scheduler import questions
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map

DEVICES = ("resourceclaims.resource.k8s.io", "resourceslices.resource.k8s.io", "deviceclasses.resource.k8s.io")
HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
MOST = {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}


def configured(*profiles, **fields):
    return configuration_of({**HEAD, "profiles": list(profiles), **fields})


def told(name, **arguments):
    return configured({"pluginConfig": [{"name": name, "args": arguments}]})


def labelled(pod, **labels):
    return attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, labels=Map(labels)))


def test_each_pod_is_scheduled_by_the_profile_that_it_names(kit):
    both = configured({"schedulerName": "default-scheduler"}, {"schedulerName": "packing", "pluginConfig": [MOST]})
    there = kit.pod("there", kit.container(cpu="1"), node="n1")
    play = kit.play(kit.node("n1"), kit.node("n2"), pods=[there], configuration=both)
    play.tell("pods", kit.pod("spreads", kit.container(cpu="1", memory="1Gi")))
    assert play.placed() == "n2"
    play.tell("pods", kit.pod("packs", kit.container(cpu="2", memory="5Gi"), scheduler_name="packing"))
    (call,) = kit.calls(play.turn(), "binding")
    assert call.request.body.target.name in {"n1", "n2"}
    assert play.state.memory.apart.get("packing") is not None
    (record,) = kit.records(play.answer(call))
    assert (record.reason, record.component) == ("Scheduled", "packing")
    play.tell("pods", kit.pod("other", scheduler_name="someone-else"))
    assert questions.place_of(play.state, "default/other") is None


def test_a_pod_that_a_profile_cannot_place_is_told_so_in_its_name(kit):
    both = configured({"schedulerName": "default-scheduler"}, {"schedulerName": "packing"})
    play = kit.play(kit.node("n1", cpu="1"), configuration=both)
    play.tell("pods", kit.pod("big", kit.container(cpu="2"), scheduler_name="packing"))
    (record,) = kit.records(play.turn())
    assert (record.reason, record.component) == ("FailedScheduling", "packing")


def test_gates_can_be_turned_off(kit):
    off = configured({"plugins": {"preEnqueue": {"disabled": [{"name": "SchedulingGates"}]}}})
    gated = kit.pod("web", scheduling_gates=(core_v1.PodSchedulingGate(name="x"),))
    play = kit.play(kit.node("n1"), pods=[gated], configuration=off)
    assert questions.place_of(play.state, "default/web") == "active"


def test_back_offs(kit):
    play = kit.play(
        kit.node("n1", cpu="1"), configuration=configured(podInitialBackoffSeconds=3, podMaxBackoffSeconds=5)
    )
    play.tell("pods", kit.pod("big", kit.container(cpu="2")))
    play.turn()
    play.tell("nodes", kit.node("n2", cpu="1500m"))
    assert questions.place_of(play.state, "default/big") == "waiting"
    play.tell("nodes", kit.node("n2", cpu="3"))
    assert questions.place_of(play.state, "default/big") == "backoff"
    assert play.state.queue.backoff.first().at >> 33 == 3 * SECOND


def test_what_the_scheduler_asks_of_nodes_itself(kit):
    term = {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}
    added = told(
        "NodeAffinity",
        addedAffinity={"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}},
    )
    play = kit.play(kit.node("n1"), configuration=added)
    play.tell("pods", kit.pod("web"))
    assert play.refused() == (
        "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity. no new claims to deallocate,"
        " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    play.tell("nodes", kit.node("n2", labels=[("pool", "b")]))
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("nodes", kit.node("n3", labels=[("pool", "a")]))
    assert questions.place_of(play.state, "default/web") == "backoff"


def test_what_the_scheduler_prefers_itself(kit):
    term = {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}
    preferred = [{"weight": 1, "preference": term}]
    added = told("NodeAffinity", addedAffinity={"preferredDuringSchedulingIgnoredDuringExecution": preferred})
    nodes = [kit.node("n1"), kit.node("n2", labels=[("pool", "a")])]
    found = explained(cluster_seen({"nodes": nodes}, profile=added), kit.pod("web"))
    assert (found.best, found.nodes[1].scores["NodeAffinity"]) == (("n2",), 200)


def test_resources_that_nodes_need_not_have(kit):
    pod = kit.pod("web", kit.container(more=[("example.com/gpu", "1")]))
    nodes = {"nodes": [kit.node("n1")]}
    assert explained(cluster_seen(nodes), pod).result == "unschedulable"
    assert explained(cluster_seen(nodes, profile=told("NodeResourcesFit", ignoredResources=["example.com/gpu"])), pod)
    for arguments in ({"ignoredResources": ["example.com/gpu"]}, {"ignoredResourceGroups": ["example.com"]}):
        configuration = told("NodeResourcesFit", **arguments)
        assert explained(cluster_seen(nodes, profile=configuration), pod).result == "bound"
        play = kit.play(kit.node("n1"), pods=[pod], configuration=configuration)
        for resource in DEVICES:  # which are watched once somebody asks for what may be one
            play.tell(resource)
        assert play.placed() == "n1"
        # The node counts what is there all the same.
        assert play.state.nodes.used[0].others == (("example.com/gpu", 1),)
        assert play.state.placed["default/web"].demand.ignored == ()


def test_constraints_for_pods_that_have_none(kit):
    constraint = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    hard = told("PodTopologySpread", defaultingType="List", defaultConstraints=[constraint])
    service = core_v1.Service(
        metadata=meta_v1.ObjectMeta(name="web", namespace="default"),
        spec=core_v1.ServiceSpec(selector=Map({"app": "x"})),
    )
    there = labelled(kit.pod("a", node="n1"), app="x")
    play = kit.play(kit.node("n1"), kit.node("n2", cpu="0"), pods=[there], services=[service], configuration=hard)
    play.tell("pods", labelled(kit.pod("b", kit.container(cpu="1")), app="x"))
    assert "1 node(s) didn't match pod topology spread constraints" in play.refused()
    assert questions.place_of(play.state, "default/b") == "waiting"
    # Whom a change helps is known by the constraints as well.
    play.gone("pods", "default/a")
    assert questions.place_of(play.state, "default/b") == "backoff"
    # A pod that belongs to nothing is not held to them.
    play.tell("pods", kit.pod("alone", kit.container(cpu="1")))
    assert play.placed() == "n1"


def test_what_others_prefer_can_be_ignored(kit):
    near = core_v1.WeightedPodAffinityTerm(
        weight=100,
        pod_affinity_term=core_v1.PodAffinityTerm(
            topology_key="kubernetes.io/hostname", label_selector=meta_v1.LabelSelector(match_labels=Map({"app": "x"}))
        ),
    )
    affinity = core_v1.Affinity(
        pod_affinity=core_v1.PodAffinity(preferred_during_scheduling_ignored_during_execution=(near,))
    )
    there = kit.pod("there", kit.container(cpu="1"), node="n1", affinity=affinity)
    objects = {"nodes": [kit.node("n1"), kit.node("n2")], "pods": [there]}
    pod = labelled(kit.pod("web", kit.container(cpu="1")), app="x")
    assert explained(cluster_seen(objects), pod).best == ("n1",)
    ignoring = told("InterPodAffinity", ignorePreferredTermsOfExistingPods=True)
    assert explained(cluster_seen(objects, profile=ignoring), pod).best == ("n2",)


def test_preemption_tries_as_many_nodes_as_it_is_told(kit):
    low = [kit.pod(f"low-{number}", kit.container(cpu="4"), node=f"n{number}", priority=number) for number in range(4)]
    objects = {"nodes": [kit.node(f"n{number}") for number in range(4)], "pods": low}
    pod = kit.pod("web", kit.container(cpu="4"), priority=10)
    assert explained(cluster_seen(objects), pod).nominated == "n0"
    one = told("DefaultPreemption", minCandidateNodesPercentage=0, minCandidateNodesAbsolute=1)
    found = {explained(cluster_seen(objects, seed, profile=one), pod).nominated for seed in range(20)}
    assert found == {"n0", "n1", "n2", "n3"}


@pytest.mark.parametrize(("share", "looked_for"), [(0, 120), (75, 187)])
def test_in_a_big_cluster_some_nodes_are_enough(kit, share, looked_for):
    nodes = [kit.node(f"n{number:03}") for number in range(250)]
    play = kit.play(*nodes, configuration=configured(percentageOfNodesToScore=share))
    assert explained(play.state, kit.pod("web")).best == tuple([node.metadata.name for node in nodes[:looked_for]])
    play.tell("pods", kit.pod("one"))
    play.placed()
    assert play.state.clock.start == looked_for
    second = explained(play.state, kit.pod("web"))
    assert len(second.feasible) == 250
    assert second.best[-1] == nodes[min(2 * looked_for, 250) - 1].metadata.name


def test_without_scores_the_first_node_is_taken(kit):
    off = configured({"plugins": {"score": {"disabled": [{"name": "*"}]}}})
    play = kit.play(kit.node("n1"), kit.node("n2"), configuration=off)
    play.tell("pods", kit.pod("a"), kit.pod("b"), kit.pod("c"))
    assert [play.placed() for _ in range(3)] == ["n1", "n2", "n1"]


def test_the_filter_that_is_asked_first_is_named(kit):
    point = {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}, {"name": "TaintToleration"}]}
    tainted = kit.node("n1", cpu="1", taints=[("ded", "x", "NoSchedule")])
    pod = kit.pod("big", kit.container(cpu="2"))
    usual = explained(cluster_seen({"nodes": [tainted]}), pod)
    assert usual.nodes[0].refused_by == "TaintToleration"
    other = configured({"plugins": {"filter": point}})
    found = explained(cluster_seen({"nodes": [tainted]}, profile=other), pod)
    assert (found.nodes[0].refused_by, found.message.split(". ")[0]) == (
        "NodeResourcesFit",
        "0/1 nodes are available: 1 Insufficient cpu",
    )
    play = kit.play(tainted, configuration=other)
    play.tell("pods", pod)
    assert play.refused() == found.message


def test_preemption_may_help_where_the_first_filter_says_so(kit):
    # What is refused for its taint first is hopeless; what is refused for its room first is not.
    tainted = kit.node("n1", cpu="1", taints=[("ded", "x", "NoSchedule")])
    there = kit.pod("low", kit.container(cpu="1"), node="n1", priority=0)
    pod = kit.pod("high", kit.container(cpu="1"), priority=9)

    def why(*names):
        point = {"disabled": [{"name": "*"}], "enabled": [{"name": name} for name in names]}
        state = cluster_seen({"nodes": [tainted], "pods": [there]}, profile=configured({"plugins": {"filter": point}}))
        return explained(state, pod).message.partition("preemption: ")[2]

    assert "1 Preemption is not helpful" in why("TaintToleration", "NodeResourcesFit")
    assert "1 node(s) had untolerated taint(s)" in why("NodeResourcesFit", "TaintToleration")


def test_what_a_profile_asks_first_of_the_pod_is_told(kit):
    point = {"disabled": [{"name": "VolumeRestrictions"}]}
    claim = core_v1.Volume(
        name="v", persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(claim_name="gone")
    )
    nobody = kit.affinity(((), (("metadata.name", "In", "n1"), ("metadata.name", "In", "n2"))))
    pod = kit.pod("web", volumes=(claim,), affinity=nobody)
    seen = cluster_seen({"nodes": [kit.node("n1")]})
    assert "pod affinity terms conflict" in explained(seen, pod).message
    off = configured({"plugins": {"preFilter": {"disabled": [{"name": "NodeAffinity"}]}, "filter": point}})
    found = explained(cluster_seen({"nodes": [kit.node("n1")]}, profile=off), pod)
    assert 'persistentvolumeclaim "gone" not found' in found.message
