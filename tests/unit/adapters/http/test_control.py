"""Control beside Kubernetes' API: time, faults, snapshots, forks, the log, and what is refused."""

import json
import threading

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

from reconcile.driver.log.replay import replay
from reconcile.lib.errors import ReconcileError

pytestmark = pytest.mark.kube(nodes=2, speed="manual")

V1 = "/reconcile/v1"
SECOND = 1_000_000_000
WEB = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
}
PODS = "/api/v1/namespaces/default/pods"


def test_it_says_what_it_serves(ask):
    code, about = ask("GET", V1)
    assert code == 200
    assert (about["speed"], about["atRest"], about["circle"], about["recorded"]) == ("manual", True, "", True)


def test_time_moves_by_and_to(ask, kube):
    before = kube.cluster.now
    assert ask("POST", f"{V1}/advance", {"by": "90s"})[1]["now"] == str(before + 90 * SECOND)
    after = str(before + 100 * SECOND)
    assert ask("POST", f"{V1}/advance", {"to": after})[1]["now"] == after


def test_it_settles(ask):
    ask("POST", PODS, WEB)
    code, done = ask("POST", f"{V1}/settle")
    assert (code, done["settled"], done["moving"]) == (200, True, [])
    assert ask("GET", f"{PODS}/web")[1]["status"]["phase"] == "Running"


@pytest.mark.parametrize(
    "for_",
    [
        "condition=Ready",
        "condition=ready=true",
        "jsonpath={.status.phase}=Running",
        "jsonpath={.status.podIP}",
        "converged",
    ],
)
def test_it_waits_until_it_holds(ask, for_):
    ask("POST", PODS, WEB)
    code, done = ask("POST", f"{V1}/wait", {"for": for_, "resource": "po", "name": "web", "limit": "1m"})
    assert (code, done["met"], done["object"]["status"]["phase"]) == (200, True, "Running")


def test_it_waits_no_longer_than_it_is_told(ask, kube):
    before = kube.cluster.now
    asked = {"for": "create", "resource": "pods", "name": "nope", "limit": "5s"}
    code, done = ask("POST", f"{V1}/wait", asked)
    assert (code, done["met"], done["object"], done["now"]) == (200, False, None, str(before + 5 * SECOND))


def test_it_waits_until_something_is_gone(ask):
    ask("POST", PODS, WEB)
    ask("POST", f"{V1}/settle")
    ask("DELETE", f"{PODS}/web")
    assert ask("POST", f"{V1}/wait", {"for": "delete", "resource": "pods", "name": "web"})[1]["met"]


@pytest.mark.parametrize("form", ["one", "list", "events"])
def test_faults_happen(ask, kube, form):
    event = {"event": "StopHost", "host": "node-2"}
    body = {"one": event, "list": [event], "events": {"events": [event]}}[form]
    assert ask("POST", f"{V1}/events", body)[0] == 200
    assert not kube.cluster.value.hosts["node-2"].up


def test_choices_are_listed_and_taken(ask):
    ask("PUT", f"{V1}/speed", {"speed": "held"})
    ask("POST", f"{V1}/events", {"event": "StopProcess", "process": "kube-scheduler/node-1"})
    _, offered = ask("GET", f"{V1}/choices")
    assert offered["choices"][0]["event"] == "Carry"
    code, took = ask("POST", f"{V1}/choices", {"choice": 0, "steps": offered["steps"]})
    assert (code, took["steps"], took["took"]) == (200, offered["steps"] + 1, offered["texts"][0])
    assert ask("POST", f"{V1}/choices", {"choice": 0, "steps": offered["steps"]})[0] == 409


def test_a_snapshot_is_gone_back_to_and_watches_end(ask, kube, connect):
    _, before = ask("GET", f"{V1}/digest")
    assert ask("PUT", f"{V1}/snapshots/calm")[1]["snapshots"][0]["name"] == "calm"
    frames = []

    def watch():
        connection, prefix = connect()
        connection.request("GET", f"{prefix}{PODS}?watch=1")
        frames.extend([json.loads(line) for line in connection.getresponse()])

    thread = threading.Thread(target=watch)
    thread.start()
    while not [name for name in kube.cluster.value.processes if name.startswith("watch/")]:
        pass
    ask("POST", PODS, WEB)
    assert ask("POST", f"{V1}/snapshots/calm/restore")[0] == 200
    thread.join(10)
    assert (frames[0]["type"], frames[-1]["type"]) == ("ADDED", "ERROR")
    assert frames[-1]["object"]["code"] == 410
    assert ask("GET", f"{V1}/digest")[1]["digest"] == before["digest"]
    assert ask("GET", f"{PODS}/web")[0] == 404
    assert ask("DELETE", f"{V1}/snapshots/calm")[1] == {"snapshots": []}


def test_a_fork_is_a_cluster_of_its_own(ask, kube, connect):
    ask("POST", PODS, WEB)
    code, made = ask("POST", f"{V1}/clusters", {"name": f"{kube.cluster.name}-fork"})
    assert (code, made["path"]) == (200, f"/clusters/{kube.cluster.name}-fork")
    connection, _ = connect()
    connection.request("DELETE", f"{made['path']}{PODS}/web")
    assert connection.getresponse().status == 200
    assert ask("GET", f"{PODS}/web")[0] == 200
    names = [each["name"] for each in ask("GET", f"{V1}/clusters")[1]["clusters"]]
    assert made["name"] in names
    assert ask("DELETE", f"{V1}/clusters/{made['name']}")[0] == 200


def test_the_log_replays_even_after_going_back(ask, kube):
    ask("PUT", f"{V1}/snapshots/before")
    ask("POST", PODS, WEB)
    ask("POST", f"{V1}/settle")
    ask("POST", f"{V1}/snapshots/before/restore")
    ask("POST", f"{V1}/advance", {"by": "30s"})
    lines = [line.encode() for line in ask("GET", f"{V1}/log")[1].splitlines(keepends=True)]
    done = replay(lines)
    assert done.identical
    assert done.cluster.steps == kube.cluster.value.steps


def test_its_speed_is_changed(ask):
    assert ask("PUT", f"{V1}/speed", {"speed": "10"})[1]["speed"] == "10"
    assert ask("PUT", f"{V1}/speed", {"speed": "fast"})[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"),
    [
        ("GET", "/nope", None, 404, "there is nothing here; there are advance, choices"),
        ("GET", "/advance", None, 405, "/advance: GET is none of POST"),
        ("POST", "/advance", {}, 400, "expected either by or to"),
        ("POST", "/advance", {"by": "soon"}, 400, "by: 'soon' is not a duration"),
        ("POST", "/advance", {"by": "-3s"}, 400, "by: "),
        ("POST", "/advance", {"to": 5}, 400, "to: time cannot go back"),
        ("POST", "/advance", {"too": 5}, 400, "too"),
        ("POST", "/settle", b"{", 400, "line 1"),
        ("POST", "/wait", {"for": "ready", "resource": "pods", "name": "x"}, 400, "for: 'ready' is none of"),
        ("POST", "/wait", {"for": "jsonpath={a b[}", "resource": "pods", "name": "x"}, 400, "is no path"),
        ("POST", "/events", {"event": "StopHost", "host": "node-9"}, 400, "there is no host 'node-9'"),
        ("POST", "/events", {"event": "Nope"}, 400, "Nope"),
        ("POST", "/choices", {"choice": 99}, 400, "choice: 99 is not one of"),
        ("POST", "/snapshots/none/restore", None, 404, "there is no snapshot 'none'"),
        ("POST", "/clusters", {"name": "A"}, 400, "name: 'A' is not of small letters"),
        ("DELETE", "/clusters/main", None, 400, "is the one at the root"),
        ("DELETE", "/clusters/none", None, 404, "there is no cluster 'none'"),
    ],
)
def test_what_cannot_be_done_is_said(ask, method, path, body, code, message):  # noqa: PLR0917 -- what it draws
    found, status = ask(method, V1 + path, body)
    assert (found, status["kind"]) == (code, "Status")
    assert message in status["message"]


@pytest.mark.parametrize(
    ("for_", "holds"),
    [
        ("jsonpath={.spec.containers[0].image}=i:1", True),
        ("jsonpath={.spec.containers[*].image}=i:1", True),
        ("jsonpath=.metadata.name=web", True),
        ("jsonpath={.metadata['name']}=web", True),
        ("jsonpath={.metadata.labels.a\\.b}=c", True),
        ("jsonpath={.spec.containers[1].image}", False),
        ("condition=Ready", False),
        ("condition=Stale", False),
        ("create", True),
        ("delete", False),
    ],
)
def test_conditions(for_, holds):
    from reconcile.api import convert
    from reconcile.driver.telling.awaiting import condition

    content = WEB | {
        "metadata": {"name": "web", "labels": {"a.b": "c"}, "generation": 2},
        "status": {"conditions": [{"type": "Stale", "status": "True", "observedGeneration": 1}]},
    }
    pod = convert.load(content).object
    assert condition(for_, "pods")(pod) is holds
    assert condition(for_, "pods")(None) is (for_ == "delete")


def test_what_is_no_condition_is_refused():
    from reconcile.driver.telling.awaiting import condition

    with pytest.raises(ReconcileError, match="for: 'condition' is none of"):
        condition("condition", "pods")
