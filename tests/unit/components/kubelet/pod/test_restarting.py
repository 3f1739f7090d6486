"""What the restart rule RestartAllContainers does to a pod."""

import pytest

from reconcile.api import core_v1
from reconcile.effects import RunPodSandbox, StartContainer, StopContainer
from reconcile.lib.replacing import replace

RULE = core_v1.ContainerRestartRule(
    action="RestartAllContainers",
    exit_codes=core_v1.ContainerRestartRuleOnExitCodes(operator="In", values=(42,)),
)
STARTED = ("True", "RestartAllContainersStarted", "container exited with restart policy rule")


@pytest.fixture
def ruled(lab, container):
    """A pod of an init container, a sidecar, a service, and a worker that ends with 42 after 20 seconds."""

    def make(worker="exit 42 after 20s", rules=(RULE,), web="start 1s", **spec):
        made = lab(
            {"web:*": web, "worker:*": f"pull 1s, start 1s, {worker}", "init:*": "pull 1s, start 1s, exit 0 after 3s"}
        )
        made.bind(
            init_containers=(
                container("prepare", "init:1"),
                container("mesh", "mesh:1", restart_policy="Always"),
            ),
            containers=(
                container("web"),
                replace(container("worker", "worker:1"), restart_policy="Never", restart_policy_rules=rules),
            ),
            **{"restart_policy": "Never", **spec},
        )
        return made

    return make


def starts(lab):
    return [(order.container, order.attempt) for order in lab.orders if isinstance(order, StartContainer)]


def counts(lab):
    status = lab.pod().status
    return {row.name: row.restart_count for row in (*status.init_container_statuses, *status.container_statuses)}


def until(lab, condition, seconds=120):
    for _ in range(seconds):
        if condition():
            return
        lab.run(1)
    raise AssertionError("it has not come about")


def test_all_containers_are_started_again_from_the_first_init_container(ruled):
    lab = ruled()
    until(lab, lambda: len(starts(lab)) == 8)
    lab.run(1)
    order = ["prepare", "mesh", "web", "worker"]
    assert starts(lab) == [*[(name, 0) for name in order], *[(name, 1) for name in order]]
    assert counts(lab) == dict.fromkeys(order, 1)


def test_the_sandbox_and_its_ip_stay(ruled):
    lab = ruled()
    until(lab, lambda: len(starts(lab)) == 4)
    ip = lab.pod().status.pod_ip
    until(lab, lambda: len(starts(lab)) == 8)
    assert lab.pod().status.pod_ip == ip
    assert len([order for order in lab.orders if isinstance(order, RunPodSandbox)]) == 1


def test_the_others_are_told_to_end_one_by_one_and_sidecars_last(ruled):
    lab = ruled()
    until(lab, lambda: len(starts(lab)) == 8)
    assert [order.container for order in lab.orders if isinstance(order, StopContainer)] == ["web", "mesh"]
    assert lab.said("Killing") == ["killing", "killing"]


def test_a_condition_says_so_until_all_have_been_removed(ruled):
    lab = ruled()
    until(lab, lambda: len(starts(lab)) == 4)
    lab.run(2)
    assert lab.conditions()["AllContainersRestarting"] == ("False", None, None)
    until(lab, lambda: lab.conditions()["AllContainersRestarting"][0] == "True")
    assert lab.conditions()["AllContainersRestarting"] == STARTED
    until(lab, lambda: lab.conditions()["AllContainersRestarting"][0] == "False")
    assert lab.conditions()["Initialized"][0] == "True"


def test_what_was_removed_says_so_once_and_as_its_last_state(ruled):
    lab = ruled()
    until(lab, lambda: len(starts(lab)) == 8)
    lab.run(2)
    removed = [
        row.body.new
        for row in lab.written()
        if any(
            (kept.state.waiting and kept.state.waiting.reason) == "RestartingAllContainers"
            for kept in row.body.new.container_statuses
        )
    ]
    assert [status.phase for status in removed] == ["Running"]
    assert [row.restart_count for row in removed[0].container_statuses] == [1, 1]
    assert {row.state.waiting.reason for row in removed[0].init_container_statuses} == {"RestartingAllContainers"}
    last = lab.status().last_state.terminated
    assert (last.exit_code, last.reason) == (137, "RestartingAllContainers")


def test_there_is_no_back_off(ruled):
    lab = ruled()
    lab.run(200)
    assert max(counts(lab).values()) >= 5
    assert "BackOff" not in lab.reasons()
    assert set(lab.phases["pod-web"]) <= {"Pending", "Running"}


def test_an_exit_code_that_no_rule_names_restarts_nothing(ruled):
    lab = ruled("exit 7 after 20s")
    lab.run(60)
    assert len(starts(lab)) == 4
    assert lab.conditions()["AllContainersRestarting"] == ("False", None, None)


def test_a_pod_without_such_a_rule_has_no_such_condition(ruled):
    lab = ruled(rules=(replace(RULE, action="Restart"),))
    lab.run(60)
    assert "AllContainersRestarting" not in lab.conditions()
    assert [name for name, attempt in starts(lab) if attempt] == ["worker"] * (len(starts(lab)) - 4)


def test_an_init_container_may_ask_for_it(lab, container):
    lab = lab({"init:*": "pull 1s, start 1s, exit 42 after 2s", "first:*": "start 1s, exit 0 after 1s"})
    asking = replace(container("second", "init:1"), restart_policy="Never", restart_policy_rules=(RULE,))
    lab.bind(init_containers=(container("first", "first:1"), asking), restart_policy="Never")
    until(lab, lambda: len(starts(lab)) == 4)
    assert starts(lab) == [("first", 0), ("second", 0), ("first", 1), ("second", 1)]
    assert lab.pod().status.phase == "Pending"


def test_one_that_waits_in_a_back_off_starts_at_once(ruled):
    lab = ruled(web="start 1s, exit 1 after 1s", restart_policy="Always")
    until(lab, lambda: ("worker", 1) in starts(lab))
    names = [name for name, _ in starts(lab)]
    second = len(names) - 1 - names[::-1].index("prepare")
    assert names[second:] == ["prepare", "mesh", "web", "worker"]


def test_a_pod_that_is_over_its_time_meanwhile_fails(ruled):
    lab = ruled(web="start 1s, ignores SIGTERM", active_deadline_seconds=36)
    until(lab, lambda: lab.said("Killing"))
    lab.run(60)
    assert lab.pod().status.phase == "Failed"
    assert lab.conditions()["AllContainersRestarting"] == ("False", "PodFailed", None)
    assert lab.alive() == []


def test_a_pod_that_is_deleted_meanwhile_ends(ruled):
    lab = ruled()
    until(lab, lambda: lab.said("Killing"))
    lab.mark()
    lab.run(60)
    assert lab.pod() is None
    assert lab.alive() == []


@pytest.mark.parametrize("second", range(24, 48))
@pytest.mark.parametrize("web", ["start 1s", "start 1s, ignores SIGTERM"])
def test_a_kubelet_that_starts_anew_in_between_goes_on(ruled, web, second):
    lab = ruled(web=web)
    lab.run(second)
    lab.start()
    until(lab, lambda: ("worker", 2) in starts(lab))
    order = ["prepare", "mesh", "web", "worker"]
    assert starts(lab) == [(name, attempt) for attempt in range(3) for name in order]
    assert lab.pod().status.phase in {"Running", "Pending"}
