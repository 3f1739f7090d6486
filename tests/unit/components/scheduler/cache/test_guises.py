"""What pods look like to each other."""

from reconcile.api import core_v1, meta_v1
from reconcile.components.scheduler.cache.guises import rules_of
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.lib.mapping import Map

EVERYONE = core_v1.PodAffinityTerm(topology_key="rack", label_selector=meta_v1.LabelSelector())
OTHERS = core_v1.PodAffinityTerm(
    topology_key="zone", label_selector=meta_v1.LabelSelector(match_labels=Map({"a": "b"}))
)


def affinity(*required, preferred=(), apart=()):
    def weighed(rows):
        return tuple([core_v1.WeightedPodAffinityTerm(weight=weight, pod_affinity_term=term) for weight, term in rows])

    return core_v1.Affinity(
        pod_affinity=core_v1.PodAffinity(
            required_during_scheduling_ignored_during_execution=required,
            preferred_during_scheduling_ignored_during_execution=weighed(preferred),
        ),
        pod_anti_affinity=core_v1.PodAntiAffinity(preferred_during_scheduling_ignored_during_execution=weighed(apart)),
    )


def test_what_is_said_twice_weighs_twice():
    rules = rules_of(affinity(EVERYONE, OTHERS, EVERYONE, preferred=[(3, EVERYONE), (4, EVERYONE)]), "default")
    assert [(rule.role, rule.weight, rule.term.key) for rule in rules] == [
        ("attracts", 2, "rack"),
        ("attracts", 1, "zone"),
        ("prefers", 7, "rack"),
    ]


def test_likes_and_dislikes_stay_apart():
    rules = rules_of(affinity(preferred=[(3, EVERYONE)], apart=[(3, EVERYONE)]), "default")
    assert [rule.weight for rule in rules] == [3, -3]


def test_a_pod_that_is_there_counts_as_often_as_it_says_something(kit):
    twice = kit.pod("twice", node="n1", affinity=affinity(EVERYONE, EVERYONE))
    once = kit.pod("once", node="n2", affinity=affinity(EVERYONE))
    nodes = [kit.node(name, labels=[("rack", name)]) for name in ("n1", "n2", "n3")]
    found = explained(cluster_seen({"nodes": nodes, "pods": [twice, once]}), kit.pod("web"))
    assert [node.scores["InterPodAffinity"] for node in found.nodes] == [200, 100, 0]
