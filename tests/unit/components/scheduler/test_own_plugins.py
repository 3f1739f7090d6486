"""Plugins of a user's own, at each point."""

import re

import attrs
import pytest

from reconcile.components.scheduler import questions
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.components.scheduler.permitting import PERMITS
from reconcile.components.scheduler.plugin import Narrowed, On, Plugin, Unschedulable, Wait
from reconcile.effects import Call
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
ONLY_N2 = "node(s) are not n2"


def with_plugin(plugin, weight=1, **profile):
    enabled = {"multiPoint": {"enabled": [{"name": plugin.name, "weight": weight}]}}
    if plugin.queue_sort is not None:
        enabled["queueSort"] = {"disabled": [{"name": "PrioritySort"}]}
    return configuration_of({**HEAD, "profiles": [{"plugins": enabled, **profile}]}, (plugin,))


def named(node, name):
    return node.metadata.name == name


def not_n2(turn, node):
    return None if named(node, "n2") else Unschedulable(ONLY_N2)


def labelled(pod, **labels):
    return attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, labels=Map(labels)))


def test_a_filter_refuses_nodes_in_its_own_words(kit):
    mine = with_plugin(Plugin(name="Mine", filter=not_n2))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("web"))
    assert play.refused().startswith(f"0/1 nodes are available: 1 {ONLY_N2}.")
    # Whatever happens may help, as it names no events.
    play.tell("nodes", kit.node("n2"))
    assert questions.place_of(play.state, "default/web") == "backoff"
    assert play.placed() == "n2"


def test_only_what_it_names_wakes_whom_it_refused(kit):
    grown = On("nodes", lambda pod, old, new: named(new, "n2"))
    mine = with_plugin(Plugin(name="Mine", filter=not_n2, events=(grown,)))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("web"))
    play.refused()
    play.tell("nodes", kit.node("n3"))
    play.tell("pods", kit.pod("other", node="n1"))
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("nodes", kit.node("n2"))
    assert questions.place_of(play.state, "default/web") == "backoff"


def test_a_first_look_narrows_the_nodes(kit):
    def look(turn):
        return Narrowed(nodes=("n2", "n3"), found="seen")

    def check(turn, node):
        assert turn.filtered == "seen"
        return None if named(node, "n3") else Unschedulable("no")

    mine = with_plugin(Plugin(name="Mine", pre_filter=look, filter=check))
    play = kit.play(*[kit.node(f"n{number}") for number in range(4)], configuration=mine)
    play.tell("pods", kit.pod("web"))
    assert play.placed() == "n3"
    none = with_plugin(Plugin(name="Mine", pre_filter=lambda turn: Unschedulable("not today", final=True)))
    found = explained(cluster_seen({"nodes": [kit.node("n1")]}, profile=none), kit.pod("web"))
    assert (found.result, found.message) == ("unschedulable", "0/1 nodes are available: not today. not found")
    two = with_plugin(Plugin(name="Mine", pre_filter=lambda turn: Narrowed(nodes=())))
    found = explained(cluster_seen({"nodes": [kit.node("n1")]}, profile=two), kit.pod("web"))
    assert "1 node(s) didn't satisfy plugin(s) [Mine]" in found.message


def test_scores_are_normalised_and_weighed(kit):
    plugin = Plugin(
        name="Mine",
        pre_score=lambda turn, names: len(names),
        score=lambda turn, node: turn.scored * (1000 if named(node, "n2") else 500),
        normalize=lambda turn, scores: {name: score * 100 // max(scores.values()) for name, score in scores.items()},
    )
    objects = {"nodes": [kit.node("n1"), kit.node("n2")]}
    found = explained(cluster_seen(objects, profile=with_plugin(plugin, weight=3)), kit.pod("web"))
    assert [node.scores["Mine"] for node in found.nodes] == [150, 300]
    assert found.best == ("n2",)


def test_a_score_that_cannot_be_is_an_error_of_the_pod(kit):
    mine = with_plugin(Plugin(name="Mine", score=lambda turn, node: 101))
    play = kit.play(kit.node("n1"), kit.node("n2"), configuration=mine)
    play.tell("pods", kit.pod("web"))
    assert "returns an invalid score 101, it should in the range of [0, 100]" in play.refused()
    assert questions.place_of(play.state, "default/web") == "failed"


def test_a_pod_is_held_until_it_may_come(kit):
    def wait(turn):
        return None if "go" in turn.snapshot.objects("namespaces") else Unschedulable("not yet")

    mine = with_plugin(Plugin(name="Mine", pre_enqueue=wait))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("web"))
    assert questions.place_of(play.state, "default/web") == "gated"
    from reconcile.api import core_v1, meta_v1

    play.tell("namespaces", core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="go")))
    assert questions.place_of(play.state, "default/web") == "active"
    assert play.placed() == "n1"


def test_the_queue_is_sorted_as_it_says(kit):
    mine = with_plugin(Plugin(name="Mine", queue_sort=lambda pod: int(pod.metadata.labels["order"])))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", *[labelled(kit.pod(f"p{order}"), order=str(order)) for order in (3, 1, 2)])
    order = []
    for _ in range(3):
        (call,) = kit.calls(play.turn(), "binding")
        order.append(call.request.name)
    assert order == ["p1", "p2", "p3"]


def test_who_is_evicted_if_no_node_will_do(kit):
    def evict(turn, reasons):
        assert reasons == {"n1": ("Insufficient cpu",)}
        return "n1", ("default/there",)

    mine = with_plugin(Plugin(name="Mine", post_filter=evict))
    there = kit.pod("there", kit.container(cpu="4"), node="n1")
    play = kit.play(kit.node("n1"), pods=[there], configuration=mine)
    play.tell("pods", kit.pod("web", kit.container(cpu="4")))
    play.turn()
    assert {call.request.name for call in kit.calls(play.effects, "status")} == {"web", "there"}
    assert play.state.nominated["default/web"].node == "n1"


@pytest.mark.parametrize("point", ["reserve", "permit", "pre_bind"])
def test_what_is_refused_at_the_end_waits(kit, point):
    mine = with_plugin(Plugin(name="Mine", events=(), **{point: lambda turn, node: Unschedulable("not this one")}))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("web", kit.container(cpu="1")))
    assert play.refused() == "0/1 nodes are available: 1 not this one."
    assert questions.place_of(play.state, "default/web") == "waiting"
    assert play.state.nodes.used.get(0, None) is None
    assert not play.state.reserved.permits


def together(turn, node):
    there = sum(len(turn.snapshot.pods_on(name)) for name in turn.snapshot.nodes)
    return Wait(MINUTE) if there < 3 else None


def test_pods_wait_until_all_are_there(kit):
    mine = with_plugin(Plugin(name="Gang", permit=together, events=()))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", *[kit.pod(name) for name in "abc"])
    assert kit.calls(play.turn(), "binding") == []
    assert [pod.metadata.name for pod, _ in [(each.entry.pod, 0) for each in play.state.placed.values()]] == ["a"]
    assert kit.calls(play.turn(), "binding") == []
    # The third one lets all of them go.
    assert sorted(call.request.name for call in kit.calls(play.turn(), "binding")) == ["a", "b", "c"]
    assert play.state.clock.permits_at is None


def test_who_waits_for_too_long_is_refused(kit):
    mine = with_plugin(Plugin(name="Gang", permit=together, events=()))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("a"))
    (told,) = kit.calls(play.turn(), "status")
    assert told.request.body["status"] == {"nominatedNodeName": "n1"}  # while it waits it says where it will be
    assert play.state.clock.permits_at == MINUTE
    play.wait(60)
    (record,) = kit.records(play.fire(PERMITS))
    assert record.message == ("0/1 nodes are available: 1 rejected due to timeout after waiting 1m0s at plugin Gang.")
    assert play.state.nodes.used.get(0, None) is None


def test_what_is_done_once_a_pod_is_bound(kit):
    asked = Request(verb="delete", resource="configmaps", namespace="default", name="x")
    mine = with_plugin(Plugin(name="Mine", post_bind=lambda turn, node: (asked,)))
    play = kit.play(kit.node("n1"), configuration=mine)
    play.tell("pods", kit.pod("web"))
    (call,) = kit.calls(play.turn(), "binding")
    assert Call(asked) in play.answer(call)


def test_preemption_asks_its_filter_as_if_victims_were_gone(kit):
    def alone(turn, node):
        return Unschedulable("somebody is there") if turn.snapshot.pods_on(node.metadata.name) else None

    mine = with_plugin(Plugin(name="Mine", filter=alone))
    there = kit.pod("there", node="n1", priority=0)
    objects = {"nodes": [kit.node("n1")], "pods": [there]}
    found = explained(cluster_seen(objects, profile=mine), kit.pod("web", priority=1))
    assert (found.result, found.victims) == ("preempts", ("default/there",))


def test_it_is_made_as_its_arguments_say(kit):
    def made(arguments):
        return Plugin(name="Mine", score=lambda turn, node: 100 if named(node, arguments["best"]) else 0)

    plugin = Plugin(name="Mine", score=lambda turn, node: 0, configured=made)
    config = with_plugin(plugin, weight=9, pluginConfig=[{"name": "Mine", "args": {"best": "n2"}}])
    objects = {"nodes": [kit.node("n1"), kit.node("n2")]}
    assert explained(cluster_seen(objects, profile=config), kit.pod("web")).best == ("n2",)


def test_what_a_plugin_cannot_be():
    with pytest.raises(ReconcileError, match="plugin Mine: events: 'secrets' is not watched"):
        Plugin(name="Mine", events=(On("secrets"),))
    with pytest.raises(ReconcileError, match="plugin Mine: normalize: there is no score"):
        Plugin(name="Mine", normalize=lambda turn, scores: scores)
    with pytest.raises(ReconcileError, match="plugin '': needs a name"):
        Plugin(name="")
    with pytest.raises(ReconcileError, match="plugin Mine: filter: 3 is no function"):
        Plugin(name="Mine", filter=3)
    with pytest.raises(ReconcileError, match=r"plugin Mine: events: 'pods' is no On\(RESOURCE\)"):
        Plugin(name="Mine", events=("pods",))
    with pytest.raises(ReconcileError, match='FilterPlugin "Mine" does not exist'):
        configuration_of({**HEAD, "profiles": [{"plugins": {"filter": {"enabled": [{"name": "Mine"}]}}}]}, ())


@pytest.mark.parametrize(
    ("point", "given", "told"),
    [
        ("pre_enqueue", True, "gave True, which is no Unschedulable or None"),
        ("queue_sort", None, "gave None, which is no int"),
        ("pre_filter", ["n1"], "gave ['n1'], which is no Narrowed or Unschedulable or None"),
        ("filter", "no", "gave 'no', which is no Unschedulable or None"),
        ("post_filter", "n1", "gave 'n1', which is no tuple or list or None"),
        ("score", 0.5, "gave 0.5, which is no int"),
        ("reserve", False, "gave False, which is no Unschedulable or None"),
        ("permit", "wait", "gave 'wait', which is no Wait or Unschedulable or None"),
        ("pre_bind", "no", "gave 'no', which is no Unschedulable or None"),
        ("post_bind", 3, "gave 3, which is no tuple or list"),
    ],
)
def test_what_a_plugin_says_that_its_point_does_not_ask_for(kit, point, given, told):
    functions = {point: lambda *_: given}
    if point == "post_filter":
        functions["filter"] = lambda *_: Unschedulable("no")
    play = kit.play(kit.node("n1"), kit.node("n2"), configuration=with_plugin(Plugin(name="Mine", **functions)))
    with pytest.raises(ReconcileError, match=re.escape(f"{point} {told}")):  # noqa: PT012 -- at whichever point it is
        play.tell("pods", kit.pod("web"))
        play.placed()


def binder(turn, node):
    """Bind pods of a team by a request of their own; leave all others."""
    name = turn.pod.metadata.name
    if not (turn.pod.metadata.labels or {}).get("team"):
        return None
    body = Map({"metadata": Map({"labels": Map({"on": node.metadata.name})})})
    return Request(verb="patch", resource="pods", namespace="default", name=name, body=body)


def ordered(plugin, *names):
    """Give a configuration in which exactly these are asked to bind, in this order."""
    point = {"disabled": [{"name": "*"}], "enabled": [{"name": name} for name in names]}
    return configuration_of({**HEAD, "profiles": [{"plugins": {"bind": point}}]}, (plugin,))


def test_a_pod_is_bound_by_the_first_that_wants_to(kit):
    play = kit.play(kit.node("n1"), configuration=ordered(Plugin(name="Mine", bind=binder), "Mine", "DefaultBinder"))
    play.tell("pods", kit.pod("web"))
    assert play.placed() == "n1"
    play.tell("pods", labelled(kit.pod("mine"), team="a"))
    (call,) = kit.calls(play.turn(), "")
    assert call.request.body["metadata"]["labels"]["on"] == "n1"
    (record,) = kit.records(play.answer(call))
    assert record.message == "Successfully assigned default/mine to n1"


def test_nobody_is_asked_after_the_usual_one(kit):
    play = kit.play(kit.node("n1"), configuration=ordered(Plugin(name="Mine", bind=binder), "DefaultBinder", "Mine"))
    play.tell("pods", labelled(kit.pod("mine"), team="a"))
    assert play.placed() == "n1"


def test_a_binding_of_ones_own_that_fails_is_told_in_its_name(kit):
    play = kit.play(kit.node("n1"), configuration=ordered(Plugin(name="Mine", bind=binder), "Mine", "DefaultBinder"))
    play.tell("pods", labelled(kit.pod("mine"), team="a"))
    (call,) = kit.calls(play.turn(), "")
    (record,) = kit.records(play.answer(call, 409))
    assert record.message.startswith('running Bind plugin "Mine": ')


def in_order_of(plugin, *names):
    point = {"disabled": [{"name": "*"}], "enabled": [{"name": name} for name in names]}
    return configuration_of({**HEAD, "profiles": [{"plugins": {"filter": point}}]}, (plugin,))


def test_filters_of_ones_own_may_be_asked_before_others(kit):
    mine = Plugin(name="Mine", filter=not_n2)
    nodes = [kit.node("n1", cpu="1"), kit.node("n2", cpu="1")]
    pod = kit.pod("web", kit.container(cpu="2"))
    usual = explained(cluster_seen({"nodes": nodes}, profile=in_order_of(mine, "NodeResourcesFit", "Mine")), pod)
    assert [node.refused_by for node in usual.nodes] == ["NodeResourcesFit", "NodeResourcesFit"]
    first = explained(cluster_seen({"nodes": nodes}, profile=in_order_of(mine, "Mine", "NodeResourcesFit")), pod)
    assert [node.refused_by for node in first.nodes] == ["Mine", "NodeResourcesFit"]
    assert first.asked == ("Mine", "NodeResourcesFit")
