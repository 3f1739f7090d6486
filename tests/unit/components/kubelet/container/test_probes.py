"""Probes: what makes a container ready, and what gets it killed."""

import pytest

from reconcile.api import core_v1
from reconcile.lib.instant import SECOND

LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
GET = core_v1.HTTPGetAction(port=80)


def probe(**spec):
    return core_v1.Probe(http_get=GET, period_seconds=2, **spec)


def test_a_container_is_ready_once_its_readiness_probe_succeeds(lab, container):
    lab = lab({"web:1": "pull 1s, start 1s, ready after 5s"})
    lab.bind(containers=(container("web", readiness_probe=probe()),))
    lab.run(3)
    assert lab.pod().status.phase == "Running"
    assert lab.conditions()["Ready"][0] == "False"
    assert lab.said("Unhealthy")[0] == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    lab.run(10)
    assert lab.conditions()["Ready"][0] == "True"
    assert all(periodic for key, (_, periodic) in lab.timers.items() if key[1][0] == "probe")


def test_a_container_that_serves_no_longer_is_not_ready(lab, container):
    lab = lab({"web:1": "readiness fails after 20s"})
    lab.bind(containers=(container("web", readiness_probe=probe(failure_threshold=3)),))
    lab.run(20)
    assert lab.conditions()["Ready"][0] == "True"
    lab.run(20)
    assert lab.conditions()["Ready"] == ("False", "ContainersNotReady", "containers with unready status: [web]")
    assert lab.status().restart_count == 0


@pytest.mark.parametrize(
    ("policy", "said", "phase"),
    [
        ("Always", "Container web failed liveness probe, will be restarted", "Running"),
        ("Never", "Container web failed liveness probe", "Failed"),
    ],
)
def test_a_container_that_is_not_alive_is_killed(lab, container, policy, said, phase):
    lab = lab({"web:1": "liveness fails after 20s, ignores SIGTERM"})
    lab.bind(containers=(container("web", liveness_probe=probe(failure_threshold=2)),), restart_policy=policy)
    lab.run(58)
    assert lab.said("Killing") == [said]
    assert lab.pod().status.phase == phase
    state = lab.status().last_state if policy == "Always" else lab.status().state
    assert state.terminated.exit_code == 137


def test_other_probes_wait_for_the_startup_probe(lab, container):
    lab = lab({"web:1": "ready after 20s"})
    probes = {"startup_probe": probe(failure_threshold=30), "readiness_probe": probe(), "liveness_probe": probe()}
    lab.bind(containers=(container("web", **probes),))
    lab.run(10)
    assert lab.status().started is False
    assert {order.kind for order in lab.orders if type(order).__name__ == "ProbeContainer"} == {"startup"}
    lab.run(30)
    assert (lab.status().started, lab.status().ready) == (True, True)
    assert ("kubelet", ("probe", "pod-web", "web", "startup")) not in lab.timers


def test_a_startup_probe_that_never_succeeds_kills(lab, container):
    lab = lab({"web:1": "ready after 1h"})
    lab.bind(containers=(container("web", startup_probe=probe(failure_threshold=3)),))
    lab.run(10)
    assert lab.said("Killing") == ["Container web failed startup probe, will be restarted"]


def test_probes_that_say_nothing_new_cost_nothing(lab, container):
    lab = lab()
    lab.bind(containers=(container("web", readiness_probe=probe(), liveness_probe=probe()),))
    lab.run(30)
    before, written = lab.kubelet.pods, len(lab.written())
    lab.run(60)
    assert lab.kubelet.pods is before
    assert len(lab.written()) == written


def test_an_initial_delay_is_waited_for(lab, container):
    lab = lab()
    lab.bind(containers=(container("web", readiness_probe=probe(initial_delay_seconds=10)),))
    lab.run(11)
    assert lab.conditions()["Ready"][0] == "False"
    lab.run(4)
    assert lab.conditions()["Ready"][0] == "True"


def test_an_initial_delay_counts_from_the_start_of_the_container_not_of_its_probing(lab, container):
    lab = lab({"web:1": "start 0s, ready after 20s"})
    probes = {"startup_probe": probe(failure_threshold=30), "readiness_probe": probe(initial_delay_seconds=20)}
    lab.bind(containers=(container("web", **probes),))
    lab.run(40)
    assert lab.conditions()["Ready"][0] == "True"
    started = lab.status().state.running.started_at.instant
    since = next(row.last_transition_time for row in lab.pod().status.conditions if row.type == "Ready")
    assert since.instant - started == 20 * SECOND


def test_a_behaviour_answers_by_what_is_asked(lab, container):
    lab = lab({"web:1": 'answers "GET :8080/live*" fails after 20s, answers "GET :8080/ready" ready after 6s'})
    named = core_v1.ContainerPort(name="http", container_port=8080)
    probes = {
        "readiness_probe": core_v1.Probe(http_get=core_v1.HTTPGetAction(port="http", path="/ready"), period_seconds=1),
        "liveness_probe": core_v1.Probe(
            http_get=core_v1.HTTPGetAction(port=8080, path="/livez"), period_seconds=1, failure_threshold=2
        ),
    }
    lab.bind(containers=(container("web", ports=(named,), **probes),))
    lab.run(7)
    assert lab.conditions()["Ready"][0] == "False"
    lab.run(5)
    assert lab.conditions()["Ready"][0] == "True"
    assert lab.said("Killing") == []
    lab.run(15)
    assert lab.said("Killing") == ["Container web failed liveness probe, will be restarted"]


@pytest.mark.parametrize(
    ("handler", "action", "said"),
    [
        (
            {"http_get": core_v1.HTTPGetAction(port=80, path="/ok", scheme="HTTPS")},
            "GET :80/ok",
            f'Get "https://10.244.1.2:80/ok": {LATE}',
        ),
        (
            {"tcp_socket": core_v1.TCPSocketAction(port=5432)},
            "tcp :5432",
            "dial tcp 10.244.1.2:5432: i/o timeout",
        ),
        (
            {"exec": core_v1.ExecAction(command=("cat", "/ok"))},
            "exec cat /ok",
            'command timed out: "cat /ok" timed out after 2s',
        ),
        (
            {"grpc": core_v1.GRPCAction(port=9000, service="shop")},
            "grpc :9000/shop",
            'timeout: failed to connect service "10.244.1.2:9000" within 2s: context deadline exceeded',
        ),
    ],
)
def test_an_answer_that_takes_longer_than_its_timeout_is_a_failure(lab, container, handler, action, said):
    lab = lab({"web:1": f'answers "{action}" takes 3s'})
    spec = core_v1.Probe(**handler, timeout_seconds=2, period_seconds=10)
    lab.bind(containers=(container("web", readiness_probe=spec),))
    lab.run(5)
    assert lab.said("Unhealthy") == [f"Readiness probe failed: {said}"]
    assert lab.status().ready is False


def test_readiness_is_probed_while_a_pod_ends_and_liveness_is_not(lab, container):
    lab = lab({"web:1": "stop 20s, readiness fails after 20s, liveness fails after 20s"})
    checks = {name: probe(failure_threshold=1) for name in ("readiness_probe", "liveness_probe")}
    lab.bind(containers=(container("web", **checks),))
    lab.run(10)
    lab.mark(grace=30)
    lab.run(5)
    assert lab.status().ready is True
    lab.run(10)
    assert lab.status().ready is False
    assert lab.conditions()["Ready"][0] == "False"
    assert lab.said("Killing") == ["Stopping container web"]
    lab.run(20)
    assert lab.pod() is None
    assert not [key for key in lab.timers if key[1][0] == "probe"]


@pytest.mark.parametrize(("takes", "asked"), [(3, [0, 3, 6, 9, 12]), (1, [0, 2, 4, 6, 8, 10, 12])])
def test_a_probe_waits_for_the_answer_to_the_one_before(lab, container, takes, asked):
    lab = lab({"web:1": f'preloaded, start 0s, answers "GET :80/" takes {takes}s'})
    lab.bind(containers=(container("web", readiness_probe=probe(timeout_seconds=5)),))
    found = []
    for second in range(13):
        before = len(lab.orders)
        lab.run(1 if second else 0)
        found += [second for order in lab.orders[before:] if type(order).__name__ == "ProbeContainer"]
    assert found == asked
    assert lab.conditions()["Ready"][0] == "True"
    assert not lab.said("Unhealthy")
