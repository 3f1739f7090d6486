"""`kubectl logs`: each line at its time, up to the end of the run that is asked for."""

import pytest

from reconcile import Cluster, Topology, apply, settle
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.components.applications import Application, Log
from reconcile.driver.machine import Machine
from reconcile.driver.run import run
from reconcile.driver.serving.exchange import exchange, serving
from reconcile.driver.telling.containerlogs import further, logs, runs
from reconcile.effects import SetTimer
from reconcile.events import Started
from reconcile.lib.instant import SECOND, rfc3339

BEHAVIOURS = {
    "images": {
        "ticks:1": 'preloaded, start 0s, logs "up", logs "tick" every 10s',
        "ends:1": 'preloaded, start 0s, logs "up", logs "tick" every 10s, exit 3 after 25s',
    }
}


def test_a_line_for_each_request_that_comes():
    behaviours = {
        "images": {"shop:1": 'preloaded, start 0s, logs "up", logs "GET \\"/\\"" per request, logs "done" per request'},
        "load": {"default/web": "2"},
    }
    cluster = settle(Cluster.boot(Topology(nodes=1, behaviours=behaviours), seed=1)).cluster
    service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    container = {"name": "c", "image": "shop:1"}
    for manifest in (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"containers": [container]},
        },
    ):
        cluster, response = apply(cluster, manifest)
        assert response.ok
    cluster = run(cluster, until=cluster.now + 20 * SECOND).cluster
    lines = shown(cluster).splitlines()
    assert lines[:3] == ["up", 'GET "/"', "done"]
    assert 2 * 17 <= lines.count("done") <= 2 * 20
    later = run(cluster, until=cluster.now + 10 * SECOND).cluster
    assert shown(later).splitlines()[: len(lines)] == lines
    assert shown(later).splitlines().count("done") == lines.count("done") + 20
    assert shown(later, sinceSeconds=1).splitlines() == ['GET "/"', "done"] * 3  # both ends included


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1, behaviours=BEHAVIOURS), seed=1)).cluster


def after(cluster, image, span):
    spec = {"containers": [{"name": "c", "image": image}]}
    cluster, response = apply(cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
    assert response.ok
    return run(cluster, until=cluster.now + span * SECOND).cluster


def request(**query):
    path = "/api/v1/namespaces/default/pods/web/log"
    pairs = tuple([(key, str(value)) for key, value in query.items()])
    return HttpRequest(method="GET", path=path, query=pairs, certificate=("kubernetes-admin", ("system:masters",)))


def shown(cluster, **query):
    _, response = exchange(cluster, request(**query))
    assert response.code == 200, response.body
    return response.body.decode()


def test_lines_at_their_time(booted):
    cluster = after(booted, "ticks:1", 35)
    assert shown(cluster) == "up\ntick\ntick\ntick\n"
    assert shown(cluster, tailLines=1) == "tick\n"
    assert shown(cluster, sinceSeconds=12) == "tick\n"
    started = cluster.get("pods", "web").status.container_statuses[0].state.running.started_at.instant
    assert shown(cluster, sinceTime=rfc3339(started + 15 * SECOND)) == "tick\ntick\n"
    stamps = [rfc3339(started + turn * 10 * SECOND) for turn in range(4)]
    assert [line.split(" ")[0] for line in shown(cluster, timestamps="true").splitlines()] == stamps


def test_a_run_that_is_over_wrote_up_to_its_end(booted):
    cluster = after(booted, "ends:1", 33)
    assert cluster.get("pods", "web").status.container_statuses[0].restart_count == 1
    assert shown(cluster, previous="true") == "up\ntick\ntick\n"
    assert shown(cluster) == "up\n"


def test_what_is_followed_goes_on(booted):
    machine = Machine(after(booted, "ticks:1", 15))
    found = logs(machine, serving(machine), request(follow="true"))
    assert (found.text, found.follow) == ("up\ntick\n", True)
    assert further(machine, found).text == ""
    later = Machine(run(machine.closed(), until=machine.now + 20 * SECOND).cluster)
    found = further(later, found)
    assert found.text == "tick\ntick\n"
    assert further(later, found).text == ""


def test_what_is_followed_ends_after_so_many_bytes(booted):
    machine = Machine(after(booted, "ticks:1", 15))
    found = logs(machine, serving(machine), request(follow="true", limitBytes=11))
    assert (found.text, found.left) == ("up\ntick\n", 3)
    assert runs(machine, found)
    later = Machine(run(machine.closed(), until=machine.now + 30 * SECOND).cluster)
    found = further(later, found)
    assert (found.text, found.left) == ("tic", 0)
    assert not runs(later, found)
    assert shown(machine.closed(), limitBytes=4) == "up\nt"


def test_only_the_newest_file_is_shown(booted):
    kubelet = {"containerLogMaxSize": "100", "containerLogMonitorInterval": "20s"}
    topology = Topology(nodes=1, behaviours=BEHAVIOURS, kubelet=kubelet)
    cluster = after(settle(Cluster.boot(topology, seed=1)).cluster, "ticks:1", 15)
    assert shown(cluster) == "up\ntick\n"  # 88 bytes in the file
    machine = Machine(cluster)
    found = logs(machine, serving(machine), request(follow="true"))
    later = run(cluster, until=cluster.now + 30 * SECOND).cluster  # a tick at 20 s, 30 s, 40 s; looks at 20 s, 40 s
    assert shown(later) == "tick\n"
    assert further(Machine(later), found).text == "tick\n" * 3


def test_what_an_application_writes_is_followed():
    def stepped(place, event):
        said = () if isinstance(event, Started) else (Log(f"at {event.now // SECOND - place.now // SECOND}"),)
        return place, (*said, SetTimer(("tick",), event.now + 10 * SECOND, periodic=True))

    clock = Application(name="clock", begin=lambda place: place, step=stepped)
    topology = Topology(nodes=1, behaviours={"images": {"clock:1": "preloaded, start 0s, component clock"}})
    cluster = after(settle(Cluster.boot(topology, seed=1, controllers=(clock,))).cluster, "clock:1", 15)
    machine = Machine(cluster)
    found = logs(machine, serving(machine), request(follow="true"))
    assert found.text == "at 10\n"
    later = Machine(run(cluster, until=cluster.now + 20 * SECOND).cluster)
    found = further(later, found)
    assert found.text == "at 20\nat 30\n"
    assert further(later, found).text == ""


def test_a_termination_message_falls_back_to_what_was_written(booted):
    spec = {"restartPolicy": "Never"}
    container = {"name": "c", "image": "ends:1", "terminationMessagePolicy": "FallbackToLogsOnError"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {**spec, "containers": [container]}}
    cluster, _ = apply(booted, pod)
    ended = settle(cluster).cluster.get("pods", "web").status.container_statuses[0].state.terminated
    assert ended.message == "up\ntick\ntick\n"
