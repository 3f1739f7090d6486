"""Lifecycle hooks, and the order in which a pod's containers end."""

import pytest

from reconcile.api import core_v1


def hook(path="/up", **spec):
    return core_v1.LifecycleHandler(**(spec or {"http_get": core_v1.HTTPGetAction(port=80, path=path)}))


def lifecycle(**hooks):
    return core_v1.Lifecycle(**hooks)


def running_since(lab, container=0):
    state = lab.status(container=container).state
    return state.running and state.running.started_at


def test_a_container_counts_as_running_when_its_post_start_hook_has_ended(lab, container):
    lab = lab({"web:1": 'start 1s, answers "GET :80/up" takes 5s'})
    lab.bind(containers=(container("web", lifecycle=lifecycle(post_start=hook())), container("other", "other:1")))
    lab.run(7)
    assert lab.status().state.waiting.reason == "ContainerCreating"
    assert lab.reasons().count("Started") == 1
    lab.run(10)
    assert lab.pod().status.phase == "Running"
    assert lab.reasons().count("Started") == 2


def test_a_post_start_hook_that_fails_ends_its_container(lab, container):
    lab = lab({"web:1": 'start 1s, answers "GET :80/up" fails'})
    lab.bind(containers=(container("web", lifecycle=lifecycle(post_start=hook())),), restart_policy="Never")
    lab.run(30)
    assert ("Warning", "FailedPostStartHook", "PostStartHook failed", "web") in lab.records
    assert lab.said("Killing") == ["FailedPostStartHook"]
    assert lab.status().state.terminated.exit_code == 0
    assert lab.pod().status.phase == "Succeeded"


def test_a_container_that_ends_during_its_post_start_hook_has_ended(lab, container):
    lab = lab({"web:1": 'start 1s, exit 3 after 2s, answers "*" takes 5s'})
    lab.bind(containers=(container("web", lifecycle=lifecycle(post_start=hook())),), restart_policy="Never")
    lab.run(30)
    ended = lab.status().state.terminated
    assert ended.exit_code == 3
    assert (ended.finished_at.instant - ended.started_at.instant) / 1e9 == 2


@pytest.mark.parametrize(
    ("handler", "images", "after"),
    [
        (hook(sleep=core_v1.SleepAction(seconds=5)), {}, 6),
        (hook(exec=core_v1.ExecAction(command=("sh", "-c", "sleep 4; true"))), {}, 5),
        (hook(), {"web:1": 'answers "GET :80/up" takes 3s'}, 4),
        (hook(exec=core_v1.ExecAction(command=("tail", "-f", "/dev/null"))), {}, 11),
        (hook(sleep=core_v1.SleepAction(seconds=9)), {"web:1": "ignores SIGTERM"}, 11),
    ],
)
def test_a_pre_stop_hook_takes_of_the_grace(lab, container, handler, images, after):
    lab = lab(images)
    lab.bind(containers=(container("web", lifecycle=lifecycle(pre_stop=handler)),))
    lab.run(30)
    lab.mark(grace=10)
    lab.run(after - 0.5)
    assert lab.alive()
    assert lab.reasons()[-1] == "Killing"
    lab.run(1)
    assert not lab.alive()
    lab.run(1)
    assert lab.pod() is None


def test_a_pre_stop_hook_that_fails_is_told(lab, container):
    lab = lab({"web:1": 'answers "exec bye" fails takes 2s'})
    handler = hook(exec=core_v1.ExecAction(command=("bye",)))
    lab.bind(containers=(container("web", lifecycle=lifecycle(pre_stop=handler)),))
    lab.run(30)
    lab.mark(grace=10)
    lab.run(1)
    assert "FailedPreStopHook" not in lab.reasons()
    lab.run(1.5)
    assert ("Warning", "FailedPreStopHook", "PreStopHook failed", "web") in lab.records
    lab.run(1)
    assert not lab.alive()


def test_a_pod_that_is_told_to_hurry_does(lab, container):
    lab = lab()
    handler = hook(sleep=core_v1.SleepAction(seconds=60))
    lab.bind(containers=(container("web", lifecycle=lifecycle(pre_stop=handler)),))
    lab.run(30)
    lab.mark(grace=90)
    lab.run(5)
    lab.mark(grace=3)
    lab.run(5)
    assert not lab.alive()
    assert lab.pod() is None


def test_a_liveness_probe_that_kills_runs_the_pre_stop_hook(lab, container):
    lab = lab({"web:1": "liveness fails after 10s"})
    probe = core_v1.Probe(
        tcp_socket=core_v1.TCPSocketAction(port=80),
        period_seconds=1,
        failure_threshold=1,
        termination_grace_period_seconds=4,
    )
    handler = hook(sleep=core_v1.SleepAction(seconds=60))
    lab.bind(containers=(container("web", liveness_probe=probe, lifecycle=lifecycle(pre_stop=handler)),))
    lab.run(13)
    assert lab.status().state.running is not None
    lab.run(8)
    ended = lab.status().last_state.terminated
    assert (ended.finished_at.instant - ended.started_at.instant) / 1e9 == 10 + 4 + 1


def test_sidecars_end_in_reverse_order_after_the_others(lab, container):
    lab = lab({"web:1": "stop 3s", "side:1": "stop 2s"})
    sidecars = tuple([container(name, "side:1", restart_policy="Always") for name in ("one", "two")])
    lab.bind(init_containers=sidecars)
    lab.run(30)
    lab.mark(grace=30)
    seen = []
    for _ in range(8):
        seen.append([name for _, name in lab.alive()])
        lab.run(1)
    assert seen == [
        ["one", "two", "web"],
        ["one", "two", "web"],
        ["one", "two", "web"],
        ["one", "two"],
        ["one", "two"],
        ["one"],
        ["one"],
        [],
    ]
    assert lab.said("Killing") == ["Stopping container web", "Stopping container two", "Stopping container one"]


def test_sidecars_end_when_the_grace_is_over(lab, container):
    lab = lab({"web:1": "ignores SIGTERM", "side:1": "ignores SIGTERM"})
    lab.bind(init_containers=(container("side", "side:1", restart_policy="Always"),))
    lab.run(30)
    lab.mark(grace=5)
    lab.run(6)
    assert [name for _, name in lab.alive()] == ["side"]
    lab.run(1.5)
    assert not lab.alive()


def test_the_pre_stop_hook_is_run_of_a_container_that_has_just_started(lab, container):
    lab = lab({"web:1": 'preloaded, start 3s, answers "GET :80/down" takes 2s'})
    down = lifecycle(pre_stop=hook("/down"))
    lab.bind(containers=(container("web", lifecycle=down), container("other", "web:1")))
    lab.run(2)
    lab.mark()
    lab.run(0)
    assert [row for row in lab.alive() if row[1] == "web"], "it starts first"
    assert lab.said("Killing") == []
    lab.run(2)
    (order,) = [order for order in lab.orders if type(order).__name__ == "RunHook"]
    assert (order.container, order.kind) == ("web", "preStop")
    assert lab.said("Killing") == ["Stopping container web"]
    lab.run(5)
    assert lab.pod() is None
