"""
What depends on other pods, twice: the plugins with their tallies, kept as pods and nodes come, change and go, against
functions that look at every pod on every node from scratch.
"""

import math
from collections import Counter

import attrs
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.components.scheduler.cache.demand import demand_of
from reconcile.components.scheduler.cache.traits import traits_of
from reconcile.components.scheduler.cache.wishes import wishes_of
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.components.scheduler.framework import company
from reconcile.components.scheduler.framework.cycle import looked_at
from reconcile.components.scheduler.framework.search import searched, weighed_up
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.selectors import matches

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
SPREAD = "node(s) didn't match pod topology spread constraints"


@st.composite
def selectors(draw):
    if draw(st.integers(0, 5)) == 0:
        return meta_v1.LabelSelector(
            match_expressions=(meta_v1.LabelSelectorRequirement(key="app", operator="NotIn", values=("b",)),)
        )
    return meta_v1.LabelSelector(match_labels=Map({"app": draw(st.sampled_from("ab"))}))


@st.composite
def terms(draw):
    return core_v1.PodAffinityTerm(
        topology_key=draw(st.sampled_from([ZONE, HOST])),
        label_selector=draw(selectors()),
        namespaces=draw(st.sampled_from([None, None, ("default", "other")])),
        namespace_selector=draw(
            st.sampled_from(
                [None, None, meta_v1.LabelSelector(match_labels=Map({"team": "x"})), meta_v1.LabelSelector()]
            )
        ),
    )


@st.composite
def affinities(draw):
    def some(odds):
        return tuple(draw(st.lists(terms(), min_size=1, max_size=2))) if draw(st.integers(0, odds)) == 0 else ()

    def weighed():
        return tuple(
            [
                core_v1.WeightedPodAffinityTerm(weight=draw(st.integers(1, 9)), pod_affinity_term=each)
                for each in some(3)
            ]
        )

    return core_v1.Affinity(
        pod_affinity=core_v1.PodAffinity(
            required_during_scheduling_ignored_during_execution=some(5),
            preferred_during_scheduling_ignored_during_execution=weighed(),
        ),
        pod_anti_affinity=core_v1.PodAntiAffinity(
            required_during_scheduling_ignored_during_execution=some(3),
            preferred_during_scheduling_ignored_during_execution=weighed(),
        ),
    )


@st.composite
def constraints(draw):
    return core_v1.TopologySpreadConstraint(
        max_skew=draw(st.sampled_from([1, 1, 1, 2])),
        topology_key=draw(st.sampled_from([ZONE, HOST])),
        when_unsatisfiable=draw(st.sampled_from(["DoNotSchedule", "ScheduleAnyway"])),
        label_selector=draw(selectors()),
        min_domains=draw(st.sampled_from([None, None, 3])),
        node_affinity_policy=draw(st.sampled_from([None, "Ignore", "Honor"])),
        node_taints_policy=draw(st.sampled_from([None, "Honor"])),
        match_label_keys=draw(st.sampled_from([None, None, ("rev",)])),
    )


@st.composite
def pods(draw, kit, name, *, demanding=True):
    asks = draw(st.sampled_from(["spread", "spread", "affinity", "both"])) if demanding else "affinity"
    pod = kit.pod(
        name,
        kit.container(cpu=draw(st.sampled_from(["100m", "1", "2"]))),
        affinity=draw(st.one_of(st.none(), affinities())) if asks != "spread" else None,
        priority=draw(st.sampled_from([None, 0, 5, 10])),
        topology_spread_constraints=tuple(draw(st.lists(constraints(), min_size=1, max_size=2)))
        if asks in {"spread", "both"}
        else (),
        node_selector=draw(st.sampled_from([None, None, None, Map({"disk": "ssd"})])),
    )
    labels = Map({"app": draw(st.sampled_from("ab")), "rev": draw(st.sampled_from("12"))})
    namespace = draw(st.sampled_from(["default", "default", "other"]))
    return attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, labels=labels, namespace=namespace))


@st.composite
def nodes(draw, kit, name):
    labels = {"disk": "ssd"} if draw(st.booleans()) else {}
    zone = draw(st.sampled_from(["z1", "z1", "z2", "z2", "z3", None]))
    node = kit.node(
        name,
        labels=[*labels.items(), *([(ZONE, zone)] if zone else [])],
        taints=[("x", "", "NoSchedule")] if draw(st.integers(0, 5)) == 0 else (),
    )
    if draw(st.integers(0, 9)) == 0:
        return attrs.evolve(node, metadata=attrs.evolve(node.metadata, labels=node.metadata.labels.remove(HOST)))
    return node


NAMESPACES = [
    core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="default")),
    core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="other", labels=Map({"team": "x"}))),
]


@given(st.data())
def test_decides_as_the_naive_plugins_do(kit, data):
    play = kit.play(namespaces=NAMESPACES)
    play.tell("nodes", *[data.draw(nodes(kit, f"n{number}")) for number in range(4)])
    for number in range(data.draw(st.integers(2, 7))):
        node = data.draw(st.sampled_from(sorted(names(play))))
        play.tell("pods", on(data.draw(pods(kit, f"first{number}", demanding=False)), node))
    for number in range(data.draw(st.integers(0, 8))):
        here = {key: each for (watch, key), each in play.objects.items() if watch == "pods" and each is not None}
        match data.draw(
            st.sampled_from(["bind", "bind", "bind", "turn", "turn", "leave", "mark", "relabel", "node", "lose"])
        ):
            case "bind":
                node = data.draw(st.sampled_from(sorted(names(play))))
                play.tell("pods", on(data.draw(pods(kit, f"p{number}")), node))
            case "turn":
                play.tell("pods", data.draw(pods(kit, f"p{number}")))
                for call in kit.calls(play.turn(), "binding"):
                    assert lands_where_it_may(play, call)
                    play.answer(call)
                    play.confirm(call)
            case "leave" if here:
                play.gone("pods", data.draw(st.sampled_from(sorted(here))))
            case "mark" if here:
                changed(play, here[data.draw(st.sampled_from(sorted(here)))], deletion_timestamp="now")
            case "relabel" if here:
                labels = Map({"app": data.draw(st.sampled_from("ab"))})
                changed(play, here[data.draw(st.sampled_from(sorted(here)))], labels=labels)
            case "node":
                play.tell("nodes", data.draw(nodes(kit, f"n{data.draw(st.integers(0, 5))}")))
            case "lose" if len(names(play)) > 1:
                play.gone("nodes", data.draw(st.sampled_from(sorted(names(play)))))
        agrees(play, data.draw(pods(kit, "asked")))
    for _ in range(3):
        agrees(play, data.draw(pods(kit, "asked")))


def agrees(play, pod):
    """Compare what is said of a pod with what the naive plugins say, and what a scheduler that has just begun says."""
    there = [each for (watch, _), each in play.objects.items() if watch == "nodes" and each is not None]
    others = [each for (watch, _), each in play.objects.items() if watch == "pods" and each is not None]
    naive = Naive(there, [each for each in others if each.spec.node_name])
    play.state = having_asked(play.state, pod)
    # Whom nodes are promised to only the one that promised knows.
    found = explained(attrs.evolve(play.state, nominated=Table()), pod)
    fresh = explained(cluster_seen({"nodes": there, "pods": others, "namespaces": NAMESPACES}), pod)
    assert [(row.name, row.refused_by, row.reasons, row.scores) for row in found.nodes] == [
        (row.name, row.refused_by, row.reasons, row.scores) for row in fresh.nodes
    ]
    for row in found.nodes:
        why = naive.refusal(pod, naive.nodes[row.name])
        if row.refused_by in {"", "PodTopologySpread", "InterPodAffinity"}:
            assert row.reasons == ((why,) if why else ())
    if any(row.scores for row in found.nodes):
        fit = [naive.nodes[name] for name in found.feasible]
        assert scores(found, "PodTopologySpread") == {k: 2 * v for k, v in naive.spread(pod, fit).items()}
        assert scores(found, "InterPodAffinity") == {k: 2 * v for k, v in naive.affinity(pod, fit).items()}
    if found.result == "preempts":
        never_more_than_needed(naive, pod, found)


def lands_where_it_may(play, call):
    """Tell whether no required rule forbids a pod the node that it is to be bound to, as of now."""
    there = [each for (watch, _), each in play.objects.items() if watch == "nodes" and each is not None]
    others = [each for (watch, _), each in play.objects.items() if watch == "pods" and each is not None]
    naive = Naive(there, [each for each in others if each.spec.node_name])
    return naive.fits(play.objects["pods", call.tag[1]], naive.nodes[call.request.body.target.name])


def test_a_pod_that_lands_where_it_may_not_is_found_out(kit, monkeypatch):
    """The property is worth something: a scheduler that does not heed anti-affinity breaks it."""
    term = core_v1.PodAffinityTerm(
        topology_key="kubernetes.io/hostname", label_selector=meta_v1.LabelSelector(match_labels=Map({"app": "a"}))
    )
    nothing = core_v1.Affinity(
        pod_affinity=core_v1.PodAffinity(required_during_scheduling_ignored_during_execution=()),
        pod_anti_affinity=core_v1.PodAntiAffinity(required_during_scheduling_ignored_during_execution=()),
    )
    required = core_v1.PodAntiAffinity(required_during_scheduling_ignored_during_execution=(term,))
    apart = attrs.evolve(nothing, pod_anti_affinity=required)
    small = kit.container(cpu="1")
    there, comes = (
        kit.pod("there", small, node="n1", affinity=nothing, topology_spread_constraints=()),
        kit.pod("comes", small, affinity=apart, topology_spread_constraints=()),
    )
    there = attrs.evolve(there, metadata=attrs.evolve(there.metadata, labels=Map({"app": "a"})))
    for heeds in (True, False):
        play = kit.play(kit.node("n1"), pods=[there], namespaces=NAMESPACES)
        play.tell("pods", comes)
        with monkeypatch.context() as patched:
            if not heeds:
                patched.setattr(company.interpod_affinity, "refused", lambda *_: [])
            calls = kit.calls(play.turn(), "binding")
        assert [lands_where_it_may(play, call) for call in calls] == ([] if heeds else [False])


def having_asked(state, pod):
    """Let a scheduler remember the tallies that it needs for a pod, so that it goes on with them the next time."""
    entry = Entry(pod, demand_of(pod), wishes_of(pod), traits_of(pod), "active", 0)
    memory, ranking, layout, around = looked_at(state, entry)
    search = searched(entry, ranking, layout, around, state.nominated)
    if search.fit:
        weighed_up(entry, search.fit, around)
    return attrs.evolve(state, memory=attrs.evolve(memory, census=around.census.closed(memory.census)))


def never_more_than_needed(naive, pod, found):
    """See that the pod fits without its victims, and with any one of them back it does not."""
    node = naive.nodes[found.nominated]
    stay = [each for each in naive.pods if key(each) not in found.victims]
    assert all(
        (each.spec.priority or 0) < (pod.spec.priority or 0) for each in naive.pods if key(each) in found.victims
    )
    assert naive.with_pods(stay).fits(pod, node)
    for victim in found.victims:
        back = [each for each in naive.pods if key(each) == victim]
        assert not naive.with_pods([*stay, *back]).fits(pod, node)


def scores(found, plugin):
    return {row.name: row.scores[plugin] for row in found.nodes if plugin in row.scores}


def names(play):
    return {key for (watch, key), each in play.objects.items() if watch == "nodes" and each is not None}


def on(pod, node):
    return attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=node))


def changed(play, pod, **metadata):
    play.tell("pods", attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, **metadata)))


def key(pod):
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


class Naive:
    def __init__(self, nodes, pods):
        self.nodes = {node.metadata.name: node for node in nodes}
        self.pods = [pod for pod in pods if pod.spec.node_name in self.nodes]

    def with_pods(self, pods):
        return Naive(self.nodes.values(), pods)

    def fits(self, pod, node):
        used = sum(cpu(each) for each in self.pods if each.spec.node_name == node.metadata.name)
        return used + cpu(pod) <= 4000 and self.refusal(pod, node) is None

    def refusal(self, pod, node):
        return self.skew(pod, node) or self.neighbours(pod, node)

    def skew(self, pod, node):
        hard = [each for each in pod.spec.topology_spread_constraints if each.when_unsatisfiable == "DoNotSchedule"]
        for each in hard:
            if each.topology_key not in node.metadata.labels:
                return f"{SPREAD} (missing required label)"
            counts = self.domains(pod, each, [other.topology_key for other in hard])
            least = min(counts.values(), default=0) if len(counts) >= (each.min_domains or 1) else 0
            here = counts.get(node.metadata.labels[each.topology_key], 0)
            if here + selected(each, pod, pod) - least > each.max_skew:
                return SPREAD
        return None

    def domains(self, pod, constraint, keys):
        """Count the pods of each domain, over nodes that have all of *keys* and are counted."""
        counts = Counter()
        for node in self.nodes.values():
            labels = node.metadata.labels
            if all(each in labels for each in keys) and eligible(constraint, pod, node):
                counts[labels[constraint.topology_key]] += sum(counted(constraint, pod, each) for each in self.on(node))
        return counts

    def on(self, node):
        return [each for each in self.pods if each.spec.node_name == node.metadata.name]

    def neighbours(self, pod, node):
        near, apart = required(pod)
        there = {
            term: self.near(lambda each: all(means(term, pod, each) for term in near), node, term) for term in near
        }
        if near and not all(term.topology_key in node.metadata.labels for term in near):
            return "node(s) didn't match pod affinity rules"
        if not all(there.values()):
            anywhere = any(
                all(means(term, pod, each) for term in near)
                and any(term.topology_key in self.nodes[each.spec.node_name].metadata.labels for term in near)
                for each in self.pods
            )
            if anywhere or not all(means(term, pod, pod) for term in near):
                return "node(s) didn't match pod affinity rules"
        if any(self.near(lambda each, term=term: means(term, pod, each), node, term) for term in apart):
            return "node(s) didn't match pod anti-affinity rules"
        for other in self.pods:
            for term in required(other)[1]:
                if means(term, other, pod) and self.near(lambda each, other=other: each is other, node, term):
                    return "node(s) didn't satisfy existing pods anti-affinity rules"
        return None

    def near(self, wanted, node, term):
        """Tell whether a pod that is wanted is in the node's domain."""
        place = node.metadata.labels.get(term.topology_key)
        return place is not None and any(
            wanted(each) and self.nodes[each.spec.node_name].metadata.labels.get(term.topology_key) == place
            for each in self.pods
        )

    def spread(self, pod, fit):
        soft = [each for each in pod.spec.topology_spread_constraints if each.when_unsatisfiable == "ScheduleAnyway"]
        if not soft:
            return {}
        keys = [each.topology_key for each in soft]
        scored = [node for node in fit if all(each in node.metadata.labels for each in keys)]
        raw = {node.metadata.name: 0.0 for node in scored}
        for each in soft:
            places = {node.metadata.labels[each.topology_key] for node in scored}
            domains = len(scored) if each.topology_key == HOST else len(places)
            counts = self.domains(pod, each, keys)
            for node in scored:
                if each.topology_key == HOST:
                    pods_ = sum(counted(each, pod, other) for other in self.on(node))
                else:
                    pods_ = counts.get(node.metadata.labels[each.topology_key], 0)
                raw[node.metadata.name] += pods_ * math.log(domains + 2) + each.max_skew - 1
        whole = {name: math.floor(score + 0.5) for name, score in raw.items()}
        most, least = max(whole.values(), default=0), min(whole.values(), default=0)
        found = {node.metadata.name: 0 for node in fit}
        return found | {name: 100 * (most + least - score) // most if most else 100 for name, score in whole.items()}

    def affinity(self, pod, fit):
        raw, touched = Counter(), False
        for other in self.pods:
            for weight, term, owner, about in [
                *[(weight, term, pod, other) for weight, term in preferred(pod)],
                *[(weight, term, other, pod) for weight, term in preferred(other)],
                *[(1, term, other, pod) for term in required(other)[0]],
            ]:
                place = self.nodes[other.spec.node_name].metadata.labels.get(term.topology_key)
                if place is None or not means(term, owner, about):
                    continue
                touched = True
                for node in fit:
                    if node.metadata.labels.get(term.topology_key) == place:
                        raw[node.metadata.name] += weight
        if not touched:
            return {}
        most, least = (pick(raw[node.metadata.name] for node in fit) for pick in (max, min))
        return {
            node.metadata.name: int(100 * ((raw[node.metadata.name] - least) / (most - least))) if most > least else 0
            for node in fit
        }


def cpu(pod):
    return sum(container.resources.requests["cpu"].milli for container in pod.spec.containers)


def selected(constraint, owner, pod):
    labels = pod.metadata.labels
    mine = owner.metadata.labels
    same = all(labels.get(each) == mine[each] for each in constraint.match_label_keys or () if each in mine)
    return same and matches(constraint.label_selector, labels)


def counted(constraint, owner, pod):
    return (
        pod.metadata.namespace == owner.metadata.namespace
        and pod.metadata.deletion_timestamp is None
        and selected(constraint, owner, pod)
    )


def eligible(constraint, pod, node):
    if constraint.node_affinity_policy != "Ignore":
        for name, value in (pod.spec.node_selector or {}).items():
            if node.metadata.labels.get(name) != value:
                return False
    return constraint.node_taints_policy != "Honor" or not node.spec.taints


def required(pod):
    found = pod.spec.affinity
    if found is None:
        return (), ()
    return (
        found.pod_affinity.required_during_scheduling_ignored_during_execution,
        found.pod_anti_affinity.required_during_scheduling_ignored_during_execution,
    )


def preferred(pod):
    found = pod.spec.affinity
    if found is None:
        return []
    near = found.pod_affinity.preferred_during_scheduling_ignored_during_execution
    apart = found.pod_anti_affinity.preferred_during_scheduling_ignored_during_execution
    return [(each.weight, each.pod_affinity_term) for each in near] + [
        (-each.weight, each.pod_affinity_term) for each in apart
    ]


def means(term, owner, pod):
    """Tell whether a term of *owner* is about *pod*."""
    namespace = pod.metadata.namespace
    named = term.namespaces or (() if term.namespace_selector is not None else (owner.metadata.namespace,))
    homes = {each.metadata.name: each.metadata.labels for each in NAMESPACES}
    home = namespace in named or (
        term.namespace_selector is not None and matches(term.namespace_selector, homes[namespace])
    )
    return home and matches(term.label_selector, pod.metadata.labels)
