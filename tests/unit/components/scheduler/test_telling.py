"""Why a scheduler decided as it did, where it is asked to say so."""

import json

import attrs
import pytest

from reconcile.api.scalars import thaw
from reconcile.components.scheduler.configuration import Configuration
from reconcile.components.scheduler.explaining import explanation_of, plain_of
from reconcile.effects import Explain
from reconcile.lib.mapping import Map

PREFIX = "kube-scheduler-simulator.sigs.k8s.io/"
LOG, PODS = Configuration(explanations=("log",)), Configuration(explanations=("pods",))


def explanations(effects):
    return [thaw(each.explanation) for each in effects if isinstance(each, Explain)]


def written(kit, effects):
    """Give the annotations that are to be written, without their prefix."""
    (call,) = kit.calls(effects, "")
    assert (call.request.verb, call.request.resource, call.user.groups[0]) == ("patch", "pods", "system:masters")
    rows = thaw(call.request.body)["metadata"]["annotations"]
    return {name.removeprefix(PREFIX): text for name, text in rows.items()}


def test_nothing_is_said_where_nobody_asks(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("web")])
    assert not explanations(play.turn())


def test_a_turn_is_told_as_it_was_decided(kit):
    play = kit.play(kit.node("n1"), kit.node("n2", cpu="1"), configuration=LOG)
    play.tell("pods", kit.pod("web", kit.container(cpu="2")))
    effects = play.turn()
    (found,) = explanations(effects)
    (binding,) = kit.calls(effects, "binding")
    assert (found["pod"], found["result"], found["node"]) == ("default/web", "bound", binding.request.body.target.name)
    assert [node["refusedBy"] for node in found["nodes"]] == ["", "NodeResourcesFit"]
    play.answer(binding)
    play.confirm(binding)
    # What has been bound meanwhile counts for the next one.
    play.tell("pods", kit.pod("next", kit.container(cpu="2")))
    play.turn()
    play.tell("pods", kit.pod("last", kit.container(cpu="2")))
    effects = play.turn()
    (found,) = explanations(effects)
    (record,) = kit.records(effects)
    assert (found["result"], found["node"], found["message"]) == ("unschedulable", "", record.message)


def test_scores_are_told_and_read_again(kit):
    play = kit.play(kit.node("n1"), kit.node("n2"), configuration=LOG)
    play.tell("pods", kit.pod("web", kit.container(cpu="2")))
    (found,) = explanations(play.turn())
    assert all(node["total"] == sum(node["scores"].values()) > 0 for node in found["nodes"])
    again = explanation_of(found)
    assert {**plain_of(again), "node": found["node"]} == found


def test_the_pod_bears_what_was_found(kit):
    play = kit.play(kit.node("n1"), configuration=PODS)
    play.tell("pods", kit.pod("web"))
    rows = written(kit, play.turn())
    assert rows["selected-node"] == "n1"
    assert json.loads(rows["filter-result"])["n1"]["NodeName"] == "passed"
    (only,) = json.loads(rows.pop("result-history"))
    assert {name.removeprefix(PREFIX): text for name, text in only.items()} == rows


@pytest.mark.parametrize(("before", "turns"), [('[{"a": "b"}]', 2), ("{", 0), ("3", 0)])
def test_earlier_turns_are_kept(kit, before, turns):
    play = kit.play(kit.node("n1", cpu="1"), configuration=PODS)
    pod = kit.pod("web", kit.container(cpu="2"))
    noted = Map({f"{PREFIX}result-history": before})
    play.tell("pods", attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, annotations=noted)))
    rows = written(kit, play.turn())
    assert rows["selected-node"] == ""
    assert len(json.loads(rows.get("result-history", "[]"))) == turns
