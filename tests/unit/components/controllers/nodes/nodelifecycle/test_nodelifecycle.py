"""Node lifecycle: heartbeats, verdicts, taints, evictions, pods of nodes that are no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.nodes import nodelifecycle, tainteviction, taints
from reconcile.components.controllers.nodes.nodelifecycle._controller import TAINTING_PASS as PASS
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.conditions import find
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import lease, node, pod

LEASES = "leases.coordination.k8s.io"


def lab_of(count=3, *pods, beating=()):
    lab = Lab(nodelifecycle.CONTROLLER, tainteviction.CONTROLLER)
    for number in range(1, count + 1):
        lab.put("nodes", node(f"node-{number}"))
        lab.put(LEASES, lease(f"node-{number}", START))
    for one in pods:
        lab.put("pods", one)
    lab.settle()
    return lab


def beat(lab, until, *names, first=None):
    """Let the leases of *names* be renewed every ten seconds, until then."""
    start = (lab.now - START) // SECOND if first is None else first
    for second in range(start - start % 10 + 10, until + 1, 10):
        lab.run(second * SECOND)
        for name in names:
            old = lab.get(LEASES, f"kube-node-lease/{name}")
            lab.put(LEASES, replace(old, spec=lease(name, START + second * SECOND).spec))
        lab.settle()
    lab.run(until * SECOND)


def keys_of(found):
    return [(taint.key.removeprefix("node.kubernetes.io/"), taint.effect) for taint in found.spec.taints or ()]


def ready(lab, name="node-1"):
    return find(lab.get("nodes", name).status.conditions, "Ready")


def tolerating(seconds, **more):
    return (
        core_v1.Toleration(
            key=taints.UNREACHABLE, operator="Exists", effect="NoExecute", toleration_seconds=seconds, **more
        ),
    )


def test_healthy_nodes_cost_nothing_and_leave_nothing_to_wait_for():
    lab = lab_of()
    beat(lab, 300, "node-1", "node-2", "node-3")
    assert lab.requests == []
    assert lab.timers.busy == 0
    assert lab.said() == [
        ("RegisteredNode", f"Node node-{n} event: Registered Node node-{n} in Controller") for n in (1, 2, 3)
    ]


def test_a_node_that_falls_silent_is_unknown_after_fifty_seconds_and_not_before():
    lab = lab_of(3, pod("p", ip="10.0.0.1"))
    beat(lab, 49, "node-2", "node-3")
    assert ready(lab).status == "True"
    beat(lab, 50, "node-2", "node-3", first=40)
    said = ready(lab)
    assert (said.status, said.reason, said.message) == (
        "Unknown",
        "NodeStatusUnknown",
        "Kubelet stopped posting node status.",
    )
    assert said.last_transition_time == Time.at(START + 50 * SECOND)
    others = [
        find(lab.get("nodes", "node-1").status.conditions, f"{kind}Pressure") for kind in ("Memory", "Disk", "PID")
    ]
    assert [one.status for one in others] == ["Unknown"] * 3
    assert lab.said()[3:5] == [
        ("NodeNotReady", "Node node-1 status is now: NodeNotReady"),
        ("NodeNotReady", "Node is not ready"),
    ]
    assert find(lab.get("pods", "default/p").status.conditions, "Ready").status == "False"
    assert keys_of(lab.get("nodes", "node-1")) == [("unreachable", "NoSchedule")]
    assert lab.get("nodes", "node-1").spec.taints[0].time_added == Time.at(START + 50 * SECOND)
    lab.run(50 * SECOND + PASS)
    assert keys_of(lab.get("nodes", "node-1")) == [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]


def test_a_late_heartbeat_is_something_to_wait_for():
    lab = lab_of()
    lab.run(19 * SECOND)
    assert lab.timers.busy == 0
    lab.run(20 * SECOND)
    assert lab.timers.busy == 3
    lab.run()
    assert ready(lab).status == "Unknown"


def test_the_time_written_in_a_lease_counts_for_nothing():
    lab = lab_of()
    for name in ("node-1", "node-2", "node-3"):  # a clock that is an hour ahead, and then stands still
        old = lab.get(LEASES, f"kube-node-lease/{name}")
        lab.put(LEASES, replace(old, spec=lease(name, START + 3600 * SECOND).spec))
    beat(lab, 50, "node-2", "node-3")
    assert ready(lab).status == "Unknown"


def test_a_status_update_is_a_heartbeat_too():
    lab = lab_of()
    lab.run(30 * SECOND)
    found = lab.get("nodes", "node-1")
    lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
    lab.run(79 * SECOND)
    assert ready(lab).status == "True"
    lab.run(80 * SECOND)
    assert ready(lab).status == "Unknown"


def test_a_node_that_comes_back_loses_its_taints():
    lab = lab_of()
    beat(lab, 60, "node-2", "node-3")
    found = lab.get("nodes", "node-1")
    assert len(found.spec.taints) == 2
    lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
    lab.settle()
    assert lab.get("nodes", "node-1").spec.taints is None


def test_a_node_that_says_it_is_not_ready_is_tainted_so():
    lab = lab_of()
    found = lab.get("nodes", "node-1")
    lab.put("nodes", replace(found, status=node("x", ready="False", heartbeat=lab.now).status))
    lab.run(PASS)
    assert keys_of(lab.get("nodes", "node-1")) == [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")]
    beat(lab, 55, "node-2", "node-3")
    assert keys_of(lab.get("nodes", "node-1")) == [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]


def test_a_node_whose_kubelet_never_spoke_has_a_minute():
    lab = lab_of()
    lab.put("nodes", node("node-4", ready=None))
    beat(lab, 59, "node-1", "node-2", "node-3")
    assert find(lab.get("nodes", "node-4").status.conditions, "Ready") is None
    beat(lab, 60, "node-1", "node-2", "node-3")
    assert ready(lab, "node-4").reason == "NodeStatusNeverUpdated"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"also": (("NetworkUnavailable", "True"),)}, [("network-unavailable", "NoSchedule")]),
        ({"unschedulable": True}, [("unschedulable", "NoSchedule")]),
        ({"taints": (core_v1.Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule"),)}, []),
        ({"taints": (core_v1.Taint(key="gpu", effect="NoExecute"),)}, [("gpu", "NoExecute")]),
    ],
)
def test_conditions_and_spec_become_taints_and_others_stay(more, expected):
    lab = lab_of()
    lab.put("nodes", node("node-4", **more))
    lab.settle()
    assert keys_of(lab.get("nodes", "node-4")) == expected


def test_old_labels_follow_the_new_ones():
    lab = lab_of()
    lab.put("nodes", node("node-4", labels={"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}))
    lab.settle()
    labels = lab.get("nodes", "node-4").metadata.labels
    assert (labels["beta.kubernetes.io/os"], labels["beta.kubernetes.io/arch"]) == ("linux", "arm64")


def test_nodes_of_a_zone_are_tainted_one_in_ten_seconds():
    lab = lab_of(8)
    names = [f"node-{n}" for n in range(3, 9)]
    beat(lab, 50, *names)
    lab.run(50 * SECOND + PASS)
    tainted = [("unreachable", "NoExecute") in keys_of(lab.get("nodes", f"node-{n}")) for n in (1, 2)]
    assert sorted(tainted) == [False, True]
    assert all(("unreachable", "NoSchedule") in keys_of(lab.get("nodes", f"node-{n}")) for n in (1, 2))
    lab.run(60 * SECOND + PASS)
    assert all(("unreachable", "NoExecute") in keys_of(lab.get("nodes", f"node-{n}")) for n in (1, 2))


def test_nodes_that_are_lost_together_are_counted_before_any_is_tainted():
    lab = lab_of(4, pod("p"))
    beat(lab, 300, "node-4")
    assert [ready(lab, f"node-{n}").status for n in (1, 2, 3)] == ["Unknown"] * 3
    # Three of four in a small zone: rather the network is at fault.
    assert all(keys_of(lab.get("nodes", f"node-{n}")) == [("unreachable", "NoSchedule")] for n in (1, 2, 3))
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is None
    assert lab.timers.busy == 0


def test_nothing_is_evicted_while_no_node_at_all_is_heard_of():
    lab = lab_of(3, pod("p"))
    beat(lab, 120)
    assert [ready(lab, f"node-{n}").status for n in (1, 2, 3)] == ["Unknown"] * 3
    assert all(keys_of(lab.get("nodes", f"node-{n}")) == [("unreachable", "NoSchedule")] for n in (1, 2, 3))
    found = lab.get("nodes", "node-3")
    lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
    beat(lab, 140, "node-3")
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is not None


def test_pods_that_bear_nothing_go_at_once_others_after_their_time():
    lab = lab_of(
        3,
        pod("none"),
        pod("short", tolerations=tolerating(30)),
        pod("ever", tolerations=tolerating(None)),
        pod("other", node="node-2"),
    )
    beat(lab, 50, "node-2", "node-3")

    def going():
        return {k.removeprefix("default/") for k, v in lab.store.table("pods").items() if v.metadata.deletion_timestamp}

    lab.run(50 * SECOND + PASS)
    assert going() == {"none"}
    condition = find(lab.get("pods", "default/none").status.conditions, "DisruptionTarget")
    assert (condition.reason, condition.message) == (
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
    )
    assert lab.said()[-1] == ("TaintManagerEviction", "Marking for deletion Pod default/none")
    assert lab.timers.busy == 1
    beat(lab, 79, "node-2", "node-3")
    assert going() == {"none"}
    beat(lab, 80, "node-2", "node-3", first=70)
    lab.run(80 * SECOND + PASS)
    assert going() == {"none", "short"}
    beat(lab, 1000, "node-2", "node-3")
    assert going() == {"none", "short"}
    assert lab.timers.busy == 0


def test_an_eviction_is_called_off_when_the_taint_goes():
    lab = lab_of(3, pod("p", tolerations=tolerating(300)))
    beat(lab, 60, "node-2", "node-3")
    assert lab.timers.busy == 1
    found = lab.get("nodes", "node-1")
    lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
    lab.settle()
    assert lab.said()[-1] == ("TaintManagerEviction", "Cancelling deletion of Pod default/p")
    assert lab.timers.busy == 0
    beat(lab, 600, "node-1", "node-2", "node-3")
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is None


def test_a_pod_that_is_deleted_meanwhile_is_forgotten():
    lab = lab_of(3, pod("p", tolerations=tolerating(300)))
    beat(lab, 60, "node-2", "node-3")
    lab.remove("pods", "default/p")
    lab.settle()
    assert lab.timers.busy == 0
    assert len(lab.state.works[1].memory) == 0


@pytest.mark.parametrize("leaving", [False, True])
def test_what_a_kubelet_says_before_its_node_is_ready_is_not_taken_back(leaving):
    lab = lab_of(3, pod("p", tolerations=tolerating(300)))
    beat(lab, 60, "node-2", "node-3")
    assert ready(lab).status == "Unknown"
    gone = {"deletion_timestamp": Time.at(lab.now)} if leaving else {}
    found = lab.get("pods", "default/p")
    lab.put("pods", replace(found, metadata=replace(found.metadata, **gone)))
    lab.settle()
    for number in range(3):
        found = lab.get("pods", "default/p")
        said = core_v1.PodCondition(type="Ready", status="True", message=str(number))
        lab.put("pods", replace(found, status=replace(found.status or core_v1.PodStatus(), conditions=(said,))))
        lab.settle()
        assert find(lab.get("pods", "default/p").status.conditions, "Ready") == said


def test_a_pod_bound_to_a_tainted_node_is_evicted():
    lab = lab_of()
    beat(lab, 60, "node-2", "node-3")
    lab.put("pods", pod("late"))
    lab.settle()
    assert lab.get("pods", "default/late").metadata.deletion_timestamp is not None


def test_a_renewal_sets_no_timer_and_wakes_nobody():
    lab = lab_of()
    before = lab.timers
    old = lab.get(LEASES, "kube-node-lease/node-1")
    lab.put(LEASES, replace(old, spec=lease("node-1", START + 10 * SECOND).spec))
    lab.deliver(LEASES)
    assert lab.timers is before
    assert lab.wakes == []


_TOLERATIONS = st.lists(
    st.builds(
        lambda key, op, value, effect, seconds: core_v1.Toleration(
            key=key, operator=op if key else "Exists", value=value, effect=effect, toleration_seconds=seconds
        ),
        st.sampled_from([None, "a", "b", taints.UNREACHABLE]),
        st.sampled_from(["Exists", "Equal", None]),
        st.sampled_from([None, "v"]),
        st.sampled_from([None, "NoExecute", "NoSchedule"]),
        st.sampled_from([None, None, 0, 10, 30, -5]),
    ),
    max_size=4,
)
_TAINTS = st.lists(
    st.builds(
        lambda key, value: core_v1.Taint(key=key, value=value, effect="NoExecute"),
        st.sampled_from(["a", "b", taints.UNREACHABLE]),
        st.sampled_from([None, "v"]),
    ),
    max_size=3,
)


def dumb_bearing(tolerations, found):
    """Try every second: a pod bears all taints at that second, or it goes."""

    def tolerates(toleration, taint):
        key = toleration.key in (None, taint.key)
        value = toleration.operator == "Exists" or toleration.value == taint.value
        return key and value and toleration.effect in (None, "NoExecute")

    def bears_at(second):
        for taint in found:
            first = [one for one in tolerations if tolerates(one, taint)][:1]
            if not first:
                return False
            limit = first[0].toleration_seconds
            if limit is not None and second >= max(limit, 0):
                return False
        return True

    return next((second for second in range(100) if not bears_at(second)), None)


@given(_TOLERATIONS, _TAINTS)
def test_pods_go_when_a_dumb_clock_says_so(tolerations, found):
    lasts = taints.bears(tuple(tolerations), tuple(found))
    assert (None if lasts is None else lasts // SECOND) == dumb_bearing(tolerations, found)


@given(st.lists(st.tuples(st.sampled_from(["taint", "untaint", "wait"]), st.integers(1, 40)), max_size=12))
def test_an_eviction_comes_when_the_taint_has_stood_long_enough(happenings):
    lab = Lab(tainteviction.CONTROLLER)
    lab.put("nodes", node("node-1"))
    own = (core_v1.Toleration(key="a", operator="Exists", toleration_seconds=30),)
    lab.put("pods", pod("p", tolerations=own))
    lab.settle()
    second, since, due = 0, None, None
    for what, length in happenings:
        found = lab.get("nodes", "node-1")
        marks = None if what == "untaint" else (core_v1.Taint(key="a", effect="NoExecute"),)
        if what != "wait":
            lab.put("nodes", replace(found, spec=replace(found.spec, taints=marks)))
            lab.settle()
            if what == "untaint":
                since = None
            elif since is None:
                since = second
        second += length
        if since is not None and due is None and second - since >= 30:
            due = since + 30
        found = lab.get("nodes", "node-1")
        lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
        lab.run(second * SECOND)
    stamp = lab.get("pods", "default/p").metadata.deletion_timestamp
    assert stamp == (None if due is None else Time.at(START + due * SECOND))


def test_while_no_node_is_heard_of_taints_go_and_time_begins_anew_when_one_is():
    lab = lab_of(3)
    beat(lab, 60, "node-2", "node-3")
    assert ("unreachable", "NoExecute") in keys_of(lab.get("nodes", "node-1"))
    beat(lab, 120)
    assert [ready(lab, f"node-{n}").status for n in (1, 2, 3)] == ["Unknown"] * 3
    assert keys_of(lab.get("nodes", "node-1")) == [("unreachable", "NoSchedule")]
    found = lab.get("nodes", "node-3")
    lab.put("nodes", replace(found, status=node("x", heartbeat=lab.now).status))
    lab.settle()
    assert [health.probed for health in lab.state.works[0].memory.nodes.values()] == [lab.now] * 3
