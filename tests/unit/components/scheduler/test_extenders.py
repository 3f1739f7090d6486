"""Extenders: what they are asked during a turn, what their answers do, and what waits meanwhile."""

import attrs
import pytest

from reconcile.api.scalars import freeze, thaw
from reconcile.components.scheduler import questions
from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.components.scheduler.explaining import cluster_seen, explained
from reconcile.effects import CallWebhook
from reconcile.events import Answered, WebhookAnswered
from reconcile.lib.instant import SECOND
from reconcile.model.requests import Response

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
URL = "http://ext:8080/v1"
NAMES = {"nodeCacheCapable": True}


def with_extenders(*extenders):
    return configuration_of({**HEAD, "extenders": [{"urlPrefix": URL, **each} for each in extenders]})


def playing(kit, *extenders, nodes=3, **more):
    made = [kit.node(f"n{number}", **more) for number in range(1, nodes + 1)]
    return kit.play(*made, configuration=with_extenders(*extenders))


def asked(effects):
    return [each for each in effects if isinstance(each, CallWebhook)]


def answer(play, call, body=None, **more):
    told = WebhookAnswered(call.call, freeze(body), **more)
    return play.hear(Answered(play.now, ("asked", call.call, ""), Response(told.code, told)))


def only(effects):
    (call,) = asked(effects)
    return call


def placed_on(kit, effects):
    (call,) = kit.calls(effects, "binding")
    return call.request.body.target.name


def said(kit, effects):
    (record,) = kit.records(effects)
    assert record.reason == "FailedScheduling"
    return record.message


def test_a_filter_is_asked_for_names_and_the_turn_waits(kit):
    play = playing(kit, {"filterVerb": "filter", **NAMES, "httpTimeout": "7s"})
    play.tell("pods", kit.pod("web"))
    call = only(play.turn())
    assert (call.url, call.timeout, call.who) == (f"{URL}/filter", 7 * SECOND, "extender")
    args = thaw(call.review)
    assert args["Nodes"] is None
    assert args["NodeNames"] == ["n1", "n2", "n3"]
    assert args["Pod"]["metadata"]["name"] == "web"
    assert "kind" not in args["Pod"]
    # Nobody else has a turn meanwhile.
    assert play.tell("pods", kit.pod("other")) == ()
    assert play.turn() == ()
    effects = answer(play, call, {"NodeNames": ["n2"]})
    assert placed_on(kit, effects) == "n2"
    # Now the other has its turn.
    assert questions.place_of(play.state, "default/other") == "active"
    assert only(play.turn()).review["Pod"]["metadata"]["name"] == "other"


def test_an_extender_without_a_cache_is_shown_nodes(kit):
    play = playing(kit, {"filterVerb": "filter"})
    play.tell("pods", kit.pod("web"))
    call = only(play.turn())
    items = call.review["Nodes"]["items"]
    assert call.review["NodeNames"] is None
    assert [each["metadata"]["name"] for each in items] == ["n1", "n2", "n3"]
    effects = answer(play, call, {"nodes": {"items": [thaw(items[2])]}})
    assert placed_on(kit, effects) == "n3"


def test_those_refused_are_counted_by_what_is_said_of_them(kit):
    play = playing(kit, {"filterVerb": "filter", **NAMES}, nodes=4)
    play.tell("pods", kit.pod("web"))
    effects = answer(
        play,
        only(play.turn()),
        {
            "NodeNames": [],
            "FailedNodes": {"n1": "too loud", "n2": "too loud", "n3": "too far"},
            "FailedAndUnresolvableNodes": {"n3": "gone"},
        },
    )
    assert said(kit, effects) == (
        "0/4 nodes are available: 1 gone, 2 too loud. no new claims to deallocate, preemption: "
        "0/4 nodes are available: 2 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )
    # Any change may help it.
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("pods", kit.pod("loose"))
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("nodes", kit.node("n5"))
    assert questions.place_of(play.state, "default/web") == "backoff"


def test_what_changes_while_a_turn_waits_may_help_its_pod(kit):
    play = playing(kit, {"filterVerb": "filter", **NAMES}, nodes=1)
    play.tell("pods", kit.pod("web"))
    call = only(play.turn())
    play.tell("nodes", kit.node("n2"))
    answer(play, call, {"NodeNames": [], "FailedNodes": {"n1": "no"}})
    assert questions.place_of(play.state, "default/web") == "backoff"


def test_extenders_are_asked_one_after_the_other_and_those_that_may_fail_last(kit):
    first = {"filterVerb": "lenient", **NAMES, "ignorable": True}
    play = playing(kit, first, {"filterVerb": "strict", **NAMES})
    play.tell("pods", kit.pod("web"))
    call = only(play.turn())
    assert call.url == f"{URL}/strict"
    call = only(answer(play, call, {"NodeNames": ["n1", "n3"]}))
    assert (call.url, call.review["NodeNames"]) == (f"{URL}/lenient", ("n1", "n3"))
    effects = answer(play, call, code=500)
    assert placed_on(kit, effects) in ("n1", "n3")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"code": 500}, f"failed filter with extender at URL {URL}/filter, code 500"),
        ({"code": 0}, f'Post "{URL}/filter": dial tcp ext:8080: connect: connection refused'),
        (
            {"error": "context deadline exceeded"},
            f'Post "{URL}/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        ),
        ({"body": {"Error": "out of order"}}, "out of order"),
        ({"body": "oh"}, "invalid character 'o' looking for beginning of value"),
        ({"body": [1]}, "json: cannot unmarshal array into Go value of type v1.ExtenderFilterResult"),
        (
            {"body": {"NodeNames": "n1"}},
            "json: cannot unmarshal string into Go struct field ExtenderFilterResult.NodeNames",
        ),
        (
            {"body": {"NodeNames": ["n9"]}},
            f'extender "{URL}" claims a filtered node "n9" which is not found in the input node list',
        ),
    ],
)
def test_an_extender_that_fails_stops_the_turn(kit, told, why):
    play = playing(kit, {"filterVerb": "filter", **NAMES})
    play.tell("pods", kit.pod("web"))
    effects = answer(play, only(play.turn()), **told)
    assert said(kit, effects) == why
    assert questions.place_of(play.state, "default/web") == "failed"


def test_priorities_are_weighed_and_added_and_all_are_asked_at_once(kit):
    one = {"prioritizeVerb": "one", "weight": 2, **NAMES}
    two = {"prioritizeVerb": "two", "weight": 1, **NAMES}
    play = playing(kit, one, two)
    play.tell("pods", kit.pod("web"))
    first, second = asked(play.turn())
    assert (first.url, second.url) == (f"{URL}/one", f"{URL}/two")
    assert answer(play, second, [{"Host": "n1", "Score": 10}]) == ()
    effects = answer(play, first, [{"Host": "n2", "Score": 6}, {"Host": "elsewhere", "Score": 10}])
    assert placed_on(kit, effects) == "n2"  # 2 * 6 against 10


def test_one_that_cannot_prioritize_adds_nothing(kit):
    play = playing(kit, {"prioritizeVerb": "p", "weight": 1, **NAMES}, {"prioritizeVerb": "q", "weight": 1, **NAMES})
    play.tell("pods", kit.pod("web"))
    first, second = asked(play.turn())
    answer(play, first, code=503)
    assert placed_on(kit, answer(play, second, [{"host": "n3", "score": 1}])) == "n3"


def test_nothing_is_prioritized_if_one_node_is_left(kit):
    play = playing(kit, {"prioritizeVerb": "p", "weight": 1, **NAMES}, nodes=1)
    play.tell("pods", kit.pod("web"))
    assert placed_on(kit, play.turn()) == "n1"


def test_an_extender_is_asked_about_the_resources_that_it_manages(kit):
    managed = {"managedResources": [{"name": "example.com/foo", "ignoredByScheduler": True}]}
    play = playing(kit, {"filterVerb": "filter", **NAMES, **managed})
    play.tell("pods", kit.pod("web"))
    assert placed_on(kit, play.turn()) in ("n1", "n2", "n3")
    # No node has any of it, which the scheduler is not to look at.
    play.tell("pods", kit.pod("foo", kit.container(more=[("example.com/foo", "1")])))
    for watch in OF_DEVICES:  # such a resource may stand for devices, so they are watched from now on
        play.tell(watch)
    assert placed_on(kit, answer(play, only(play.turn()), {"NodeNames": ["n2"]})) == "n2"


def test_an_extender_chooses_where_room_is_made(kit):
    play = playing(kit, {"preemptVerb": "preempt", **NAMES}, nodes=2, cpu="1")
    for name in ("n1", "n2"):
        play.tell("pods", kit.pod(f"on-{name}", kit.container(cpu="1"), node=name, phase="Running"))
    play.tell("pods", kit.pod("big", kit.container(cpu="1"), priority=10))
    call = only(play.turn())
    args = thaw(call.review)
    assert args["NodeNameToVictims"] is None
    assert args["NodeNameToMetaVictims"] == {
        name: {"Pods": [{"UID": f"uid-on-{name}"}], "NumPDBViolations": 0} for name in ("n1", "n2")
    }
    chosen = {"n2": {"Pods": [{"UID": "uid-on-n2"}], "NumPDBViolations": 0}}
    effects = answer(play, call, {"NodeNameToMetaVictims": chosen})
    assert [each.message for each in kit.records(effects)][1] == "Preempted by pod uid-big on node n2"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"NodeNameToMetaVictims": {}}, "no candidate node for preemption"),
        ({"NodeNameToMetaVictims": {"n1": {"Pods": []}}}, 'expected at least one victim pod on node "n1"'),
        (
            {"NodeNameToMetaVictims": {"n1": {"Pods": [{"UID": "x"}]}}},
            f"extender: {URL} claims to preempt pod (UID: &{{x}}) on node: n1, but the pod is not found on that node",
        ),
    ],
)
def test_an_extender_may_forbid_that_room_is_made(kit, told, why):
    play = playing(kit, {"preemptVerb": "preempt", **NAMES}, nodes=1, cpu="1")
    play.tell("pods", kit.pod("there", kit.container(cpu="1"), node="n1", phase="Running"))
    play.tell("pods", kit.pod("big", kit.container(cpu="1"), priority=10))
    assert said(kit, answer(play, only(play.turn()), told)).endswith(f"preemption: {why}")


def test_an_extender_binds(kit):
    play = playing(kit, {"bindVerb": "bind"}, nodes=1)
    play.tell("pods", kit.pod("web"))
    effects = play.turn()
    assert kit.calls(effects, "binding") == []
    call = only(effects)
    assert thaw(call.review) == {"PodName": "web", "PodNamespace": "default", "PodUID": "uid-web", "Node": "n1"}
    # Binding is no part of the turn: the next pod has its own.
    play.tell("pods", kit.pod("other"))
    assert only(play.turn()).review["PodName"] == "other"
    (record,) = kit.records(answer(play, call, {}))
    assert (record.reason, record.message) == ("Scheduled", "Successfully assigned default/web to n1")


def test_an_extender_that_cannot_bind(kit):
    play = playing(kit, {"bindVerb": "bind"}, nodes=1)
    play.tell("pods", kit.pod("web"))
    assert said(kit, answer(play, only(play.turn()), {"Error": "no"})) == "no"
    assert questions.place_of(play.state, "default/web") == "failed"
    lenient = playing(kit, {"bindVerb": "bind", "ignorable": True}, nodes=1)
    lenient.tell("pods", kit.pod("web"))
    assert placed_on(kit, answer(lenient, only(lenient.turn()), code=500)) == "n1"


def test_a_pod_that_is_gone_meanwhile_is_let_go(kit):
    play = playing(kit, {"filterVerb": "filter", **NAMES})
    play.tell("pods", kit.pod("web"), kit.pod("other"))
    call = only(play.turn())
    play.gone("pods", "default/web")
    answer(play, call, {"NodeNames": ["n2"]})
    assert only(play.turn()).review["Pod"]["metadata"]["name"] == "other"


def test_a_promised_node_is_asked_about_first(kit):
    play = playing(kit, {"filterVerb": "filter", **NAMES})
    pod = kit.pod("web")
    play.tell("pods", attrs.evolve(pod, status=attrs.evolve(pod.status, nominated_node_name="n3")))
    call = only(play.turn())
    assert call.review["NodeNames"] == ("n3",)
    call = only(answer(play, call, code=500))
    assert call.review["NodeNames"] == ("n1", "n2", "n3")
    assert placed_on(kit, answer(play, call, {"NodeNames": ["n1"]})) == "n1"


def test_an_explanation_names_who_is_not_asked(kit):
    seen = cluster_seen({"nodes": [kit.node("n1")]}, profile=with_extenders({"filterVerb": "filter"}))
    found = explained(seen, kit.pod("web"))
    assert (found.result, found.unasked) == ("bound", (URL,))
