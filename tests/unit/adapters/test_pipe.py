import io
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.adapters.pipe import serve
from reconcile.cluster import Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver.client import create, patch
from reconcile.driver.wire import to_json
from reconcile.events import Submit

BOOT = {"boot": {"topology": {"nodes": 1}, "seed": 7}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "image": "nginx"}]},
}
SUBMIT = {
    "event": "Submit",
    "tag": "mine",
    "request": {"verb": "create", "resource": "pods", "namespace": "default", "body": POD},
}


def play(*lines, **options):
    """Give the answer to each line; a line is what is written as JSON, or bytes as they are."""
    out = io.StringIO()
    sent = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]
    refused = serve(sent, out, **options)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(answers) == len(lines)
    assert refused == sum("error" in answer for answer in answers)
    return answers


def test_a_session():
    booted, settled, submitted, ran, got = play(
        BOOT, {"do": "settle"}, SUBMIT, {"do": "settle"}, {"do": "get", "resource": "po", "name": "web"}
    )
    assert booted == {"ok": True, "effects": [], "now": "1767225600000000000", "steps": 0}
    assert settled["settled"]
    assert settled["moving"] == []
    assert settled["taken"] == settled["steps"]
    assert submitted["steps"] == settled["steps"] + 1
    assert submitted["effects"] == []
    [answer] = ran["effects"]
    assert (answer["effect"], answer["client"], answer["tag"]) == ("Answer", "kubectl", "mine")
    assert answer["response"]["code"] == 201
    assert answer["response"]["body"]["metadata"]["uid"] == got["object"]["metadata"]["uid"]
    assert got["object"]["status"]["phase"] == "Running"
    assert got["now"] == ran["now"]


def test_a_session_without_a_boot_has_the_given_topology():
    listed, digest = play({"do": "settle"}, {"do": "digest"}, topology=Topology(nodes=1), seed=7)
    assert listed["settled"]
    assert digest["digest"] == play(BOOT, {"do": "settle"}, {"do": "digest"})[-1]["digest"]


def test_one_can_step_by_hand_what_settle_does():
    cluster = [BOOT]
    for _ in range(8):
        offered = play(*cluster, {"do": "choices"})[-1]
        assert len(offered["choices"]) == len(offered["texts"])
        cluster.append(offered["choices"][0])
    answers = play(*cluster)
    assert [answer["steps"] for answer in answers] == list(range(9))
    assert play(BOOT, {"do": "choices"})[-1]["texts"] == ["begin runtime/node-1", "begin kubelet/node-1"]


def test_run():
    answers = play(BOOT, {"do": "run", "steps": 5}, {"do": "run", "until": 1_767_225_610_000_000_000})
    assert (answers[1]["taken"], answers[1]["idle"]) == (5, False)
    assert answers[2]["now"] == "1767225610000000000"
    assert answers[2]["idle"]
    by_chance = play(BOOT, {"do": "settle"}, SUBMIT, {"do": "run", "steps": 20, "shuffled": 3})[-1]
    assert play(BOOT, {"do": "settle"}, SUBMIT, {"do": "run", "steps": 20, "shuffled": 3})[-1] == by_chance
    assert by_chance["taken"] == 20


def test_events_can_come_with_a_command():
    answers = play(BOOT, {"do": "settle"}, {"do": "settle", "events": [SUBMIT]})
    assert answers[-1]["effects"][0]["tag"] == "mine"


def test_forks():
    stop = {"event": "StopHost", "host": "node-1"}
    answers = play(
        BOOT,
        {"do": "settle"},
        {"do": "fork", "name": "dark"},
        {"do": "switch", "name": "dark"},
        stop,
        {"do": "digest"},
        {"do": "drop", "name": "main"},
        {"do": "fork", "name": "main"},
        stop,
    )
    assert answers[2]["forks"] == ["dark", "main"]
    assert (answers[2]["at"], answers[3]["at"]) == ("main", "dark")
    assert answers[6]["forks"] == ["dark"]
    assert "host node-1 is off already" in answers[8]["error"]["message"]
    assert answers[5]["digest"] != play(BOOT, {"do": "settle"}, {"do": "digest"})[-1]["digest"]
    kept = play(
        BOOT, {"do": "settle"}, {"do": "fork", "name": "a"}, stop, {"do": "switch", "name": "a"}, {"do": "digest"}
    )
    assert kept[-1]["digest"] == play(BOOT, {"do": "settle"}, {"do": "digest"})[-1]["digest"]


def test_a_boot_starts_anew():
    answers = play(BOOT, {"do": "fork", "name": "a"}, {"do": "settle"}, BOOT, {"do": "switch", "name": "a"})
    assert answers[3]["steps"] == 0
    assert "there is no cluster 'a'; there are main" in answers[4]["error"]["message"]


def test_get():
    answers = play(
        BOOT,
        {"do": "settle"},
        {"do": "get", "resource": "nodes"},
        {"do": "get", "resource": "nodes", "name": "node-1"},
        {"do": "get", "resource": "nodes", "name": "node-9"},
        {"do": "get", "resource": "pods", "namespace": "kube-system"},
        {"do": "get", "resource": "pods", "namespace": "default"},
    )
    assert [node["metadata"]["name"] for node in answers[2]["objects"]] == ["node-1"]
    assert answers[3]["object"] == answers[2]["objects"][0]
    assert answers[4]["object"] is None
    assert len(answers[5]["objects"]) == 5
    assert answers[6]["objects"] == []


def test_processes_and_state():
    _, _, processes, state = play(BOOT, {"do": "settle"}, {"do": "processes"}, {"do": "state"})
    kubelet = next(row for row in processes["processes"] if row["name"] == "kubelet/node-1")
    assert kubelet["host"] == "node-1"
    assert kubelet["watches"]
    assert set(kubelet["watches"].values()) == {0}
    assert state["state"]["seed"] == 7


@pytest.mark.parametrize(
    ("line", "message", "path"),
    [
        (b"nope\n", "column 1: not JSON: Expecting value", ""),
        (b"\n", "column 1: not JSON: Expecting value", ""),
        (b"\xff\n", "column 1: not UTF-8: byte 0xff", ""),
        (b'{"do":"settle","do":"run"}', 'column 16: duplicate key "do"', ""),
        (b"[" * 5000, "column 1: nested deeper than 200 levels", ""),
        (b"3", "expected an object with boot, event or do", ""),
        ({}, "expected an object with boot, event or do", ""),
        ({"boot": {}, "do": "settle"}, "expected nothing beside boot", ""),
        ({"boot": 3}, "boot: expected an object, found 3", "boot"),
        ({"boot": {"nodes": 3}}, 'unknown field "boot.nodes"', "boot.nodes"),
        ({"boot": {"topology": {"nodes": "3"}}}, "boot.topology.nodes: expected an integer", "boot.topology.nodes"),
        ({"boot": {"topology": {"nodes": 0}}}, "topology: nodes: 0 is not between", ""),
        ({"do": "fly"}, "do: expected one of settle, run, choices", "do"),
        (
            {"do": "settle", "limit": "1s"},
            'limit: expected an integer, as text ("5000000000") or as a number (in nanoseconds: "1000000000")',
            "limit",
        ),
        ({"do": "settle", "limit": -1}, "limit: expected 0 or more, found -1", ""),
        ({"do": "run", "steps": -1}, "steps: expected 0 or more, found -1", ""),
        ({"do": "get"}, "resource: required", "resource"),
        ({"do": "get", "resource": "podz"}, "no such resource: 'podz'; near: pod", ""),
        ({"do": "fork", "name": "main"}, "there is a cluster 'main' already", ""),
        ({"do": "fork", "name": ""}, "name: expected a name, found none", ""),
        ({"do": "drop", "name": "main"}, "cluster 'main' is in use", ""),
        ({"do": "settle", "events": [{"event": "Nope"}]}, "events[0].event: expected one of Submit", "events[0].event"),
        ({"event": "Nope"}, "event: expected one of Submit", "event"),
        ({"event": "Execute", "call": 99}, "99 is not the number of a pending Sent", ""),
        ({"event": "StopHost", "host": "node-9"}, "there is no host 'node-9'; there are node-1", ""),
        (
            {"event": "Advance", "to": 0},
            "to: expected an instant that is not past (it is 1767225600000000000 now",
            "to",
        ),
        ({"event": "Fire", "process": "kubelet/node-1", "key": [{"a": 1}]}, "kubelet/node-1 has no timer", ""),
        (
            {"event": "Submit", "request": {"verb": "create", "resource": "pods", "body": {**POD, "spec": {}}}},
            "request.body.spec.containers: required",
            "request.body.spec.containers",
        ),
    ],
)
def test_what_is_wrong_is_answered_and_changes_nothing(line, message, path):
    refused, digest = play(line, {"do": "digest"}, topology=Topology(nodes=1))[:2]
    assert refused["error"]["message"].startswith(message) or message in refused["error"]["message"]
    assert (refused["error"]["line"], refused["error"]["path"]) == (1, path)
    assert digest["digest"] == play({"do": "digest"}, topology=Topology(nodes=1))[0]["digest"]


def test_an_answer_is_one_line_of_ascii_read_at_once():
    class Out(io.StringIO):
        flushed = 0

        def flush(self):
            self.flushed += 1

    out = Out()
    assert serve([b'{"do":"get","resource":"\xc3\xa9"}', b'{"do":"digest"}'], out) == 1
    assert out.flushed == 2
    assert out.getvalue().isascii()
    assert out.getvalue().count("\n") == 2


NAMES = st.sampled_from(
    ["kubelet/node-1", "kube-scheduler/node-1", "runtime/node-1", "etcd/node-1", "node-1", "pods", "x", ""]
)
NUMBERS = st.integers(-2, 60)
EVENTS = st.one_of(
    st.fixed_dictionaries({"event": st.just("Deliver"), "process": NAMES, "watch": NAMES, "count": NUMBERS}),
    st.fixed_dictionaries({"event": st.just("SkipChanges"), "process": NAMES, "watch": NAMES, "count": NUMBERS}),
    st.fixed_dictionaries({"event": st.just("CutWatch"), "process": NAMES, "watch": NAMES}),
    st.fixed_dictionaries({"event": st.sampled_from(["Execute", "Return", "DropCall", "RepeatCall"]), "call": NUMBERS}),
    st.fixed_dictionaries({"event": st.just("Carry"), "message": NUMBERS}),
    st.fixed_dictionaries({"event": st.sampled_from(["Begin", "StopProcess", "StartProcess"]), "process": NAMES}),
    st.fixed_dictionaries({"event": st.just("Work"), "process": NAMES, "queue": NAMES}),
    st.fixed_dictionaries({"event": st.just("Fire"), "process": NAMES, "key": st.lists(NAMES, max_size=2)}),
    st.fixed_dictionaries(
        {"event": st.sampled_from(["StopHost", "StartHost", "Disconnect", "Reconnect"]), "host": NAMES}
    ),
    st.fixed_dictionaries({"event": st.just("Compact"), "revision": NUMBERS}),
    st.fixed_dictionaries({"do": st.just("run"), "steps": NUMBERS}),
    st.just({"do": "settle", "limit": 1_000_000_000}),
    st.just(SUBMIT),
)


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(EVENTS, max_size=12))
def test_whatever_comes_is_answered(lines):
    for answer in play(BOOT, *lines):
        assert ("ok" in answer) != ("error" in answer)


def test_a_circle_ends_settle_and_run():
    def more(asked):
        if asked.key != "default/a":
            return Outcome()  # every namespace has one of its own
        number = str(int(asked.views.get("configmaps", asked.key).data["n"]) + 1)
        return Outcome(calls=(patch("configmaps", "a", {"data": {"n": number}}),))

    counter = Controller(name="counter", sources=(Source("configmaps", keys_of_itself),), reconcile=more)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"n": "0"}}
    event = to_json(Submit(create(body)))
    first = [{"do": "settle"}, event, {"do": "fork", "name": "other"}]
    both = [{"do": "settle", "hurry": 2000}, {"do": "switch", "name": "other"}, {"do": "run", "hurry": 400}]
    _, _, _, settled, _, ran = play(*first, *both, topology=Topology(nodes=1), controllers=(counter,))
    assert not settled["settled"]
    assert settled["moving"][0].startswith("controller counter goes round in a circle, ")
    assert "2,000 steps at one instant; in the last 1,000 configmaps default/a data.n written" in settled["moving"][0]
    assert "400 steps at one instant; in the last 200 configmaps default/a data.n written" in ran["circle"]
    assert not ran["idle"]
    refused = play({"do": "settle", "hurry": 0}, topology=Topology(nodes=1))[0]
    assert refused["error"]["message"] == "hurry: expected a number of steps above 0, found 0"


# Clients whose numbers are doubles ------------------------------------------------------------------------------------

START = 1_767_225_600_000_000_000


def instants(value):
    """List every integer in plain JSON that a double does not hold."""
    if isinstance(value, dict | list):
        return [found for entry in (value.values() if isinstance(value, dict) else value) for found in instants(entry)]
    return [value] if isinstance(value, int) and abs(value) > 2**53 else []


def test_no_answer_has_a_number_that_a_double_does_not_hold():
    boot = {"boot": {"topology": {"nodes": 1}, "seed": str(2**63 + 1)}}
    watch = {"event": "Submit", "request": {"verb": "watch", "resource": "pods"}}
    commands = [{"do": "choices"}, {"do": "state"}, {"do": "processes"}, {"do": "digest"}]
    answers = play(boot, *commands, watch, SUBMIT, {"do": "run", "steps": 300, "until": str(START * 2)}, *commands)
    assert [instants(answer) for answer in answers] == [[] for _ in answers]
    assert answers[2]["state"]["seed"] == str(2**63 + 1)
    again = play(boot, {"do": "settle"}, {"do": "choices"})
    advance = again[2]["choices"][-1]
    assert advance["event"] == "Advance"
    assert play(boot, {"do": "settle"}, advance)[-1]["now"] == advance["to"]


@pytest.mark.parametrize("name", ["Advance", "run", "settle", "boot"])
def test_text_and_exact_numbers_are_the_same(name):
    at = START + 1_234_567  # of more digits than a double has
    lines = {
        "Advance": lambda how: [BOOT, {"event": "Advance", "to": how(at)}],
        "run": lambda how: [BOOT, {"do": "run", "until": how(at), "shuffled": how(2**53 + 1)}],
        "settle": lambda how: [BOOT, {"do": "settle", "limit": how(1_000_000_007), "quiet": how(0)}],
        "boot": lambda how: [{"boot": {"topology": {"start": how(at)}, "seed": how(2**53 + 1)}}],
    }[name]
    if name == "Advance":
        assert play(*lines(str))[-1].get("now") == str(at)
    assert [*play(*lines(int), {"do": "digest"}), 0] == [*play(*lines(str), {"do": "digest"}), 0]


def as_javascript(number):
    """Write an integer as JavaScript does: by the shortest text of the nearest double."""
    return int(Decimal(repr(float(number))))


def as_c(number):
    """Write it as languages do that turn a double into an integer of 64 bits."""
    return int(float(number))


@pytest.mark.parametrize("rounds", [as_javascript, as_c])
@pytest.mark.parametrize("after", [1_234_567_890, 2_500_000_300, 777_777_777])
@pytest.mark.parametrize(
    ("line", "path"),
    [
        (lambda at: {"event": "Advance", "to": at}, "to"),
        (lambda at: {"do": "run", "until": at}, "until"),
        (lambda at: {"do": "run", "shuffled": at, "steps": 1}, "shuffled"),
        (lambda at: {"do": "settle", "events": [{"event": "Advance", "to": at}]}, "events[0].to"),
        (lambda at: {"boot": {"seed": at}}, "boot.seed"),
        (lambda at: {"boot": {"topology": {"start": at}}}, "boot.topology.start"),
    ],
)
def test_a_number_that_may_have_been_rounded_is_refused(line, path, after, rounds):
    number = rounds(START + after)
    refused = play(BOOT, line(number))[-1]["error"]
    assert refused["path"] == path
    assert f'expected text, "{number}" if that is meant: as a number it may have been rounded' in refused["message"]
    assert "rounded" not in str(play(BOOT, line(str(number)))[-1])


@pytest.mark.parametrize("more", [1, 100, -1, -100])
@pytest.mark.parametrize(
    ("line", "path"),
    [
        (lambda at: {"do": "run", "until": at}, "until"),
        (lambda at: {"event": "Advance", "to": at}, "to"),
        (lambda at: {"do": "run", "events": [{"event": "Advance", "to": at}]}, "events[0].to"),
    ],
)
def test_time_does_not_stand_still_for_who_rounds(line, path, more):
    at = int(float(START + 7 + more))  # which is where the run stands, or just before
    answers = play(BOOT, {"do": "run", "until": str(START + 7)}, line(at))
    assert answers[1]["now"] == str(START + 7)
    assert answers[2]["error"]["path"] == path
    assert "send text" in answers[2]["error"]["message"]


def test_who_says_so_in_text_may_let_time_stand_still():
    answers = play(
        BOOT, {"do": "run", "until": START}, {"do": "run", "until": str(START)}, {"do": "run", "until": None}
    )
    assert "to let time stand still" in answers[1]["error"]["message"]
    assert answers[2]["ok"]
    assert (answers[2]["now"], answers[2]["taken"] > 0) == (str(START), True)
    assert answers[3]["taken"] == 0


@pytest.mark.parametrize(
    "said", [1.7672256e18, "1767225600000000000.0", "0x10", " 1", "+1", "-0", "01", "1" * 21, "", True]
)
def test_what_is_no_instant_is_refused(said):
    refused = play(BOOT, {"do": "run", "until": said})[-1]["error"]
    assert refused["path"] == "until"
    assert refused["message"].startswith('until: expected an integer, as text ("5000000000") or as a number, found ')
