"""Shutdown: pods end before their host does."""

from reconcile.events import HostShutsDown, Reported
from reconcile.model.hosts import Host


def host(**settings):
    return Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", kubelet=settings)


def tell(lab, *, cancelled=False):
    lab.push("kubelet", Reported(lab.now, HostShutsDown(cancelled)))
    lab.run()


def ready(lab):
    (row,) = [row for row in lab.objects["nodes", "node-1"].status.conditions if row.type == "Ready"]
    return row.status, row.reason, row.message


def test_pods_end_by_priority_and_the_node_is_not_ready(lab):
    lab = lab(
        {"slow:1": "ignores SIGTERM", "web:1": "stop 2s"},
        host=host(shutdownGracePeriod="30s", shutdownGracePeriodCriticalPods="10s"),
    )
    lab.bind("web", image="slow:1", termination_grace_period_seconds=60)
    lab.bind("quick", termination_grace_period_seconds=30)
    lab.bind("critical", priority=2_000_000_000)
    lab.run(20)
    tell(lab)
    assert ready(lab) == ("False", "KubeletNotReady", "node is shutting down")
    assert ("Normal", "Shutdown", "Shutdown manager detected shutdown event", "node-1") in lab.records
    lab.run(3)
    assert lab.pod("quick").status.reason == "Terminated"
    assert lab.pod("critical").status.phase == "Running"
    lab.run(16)
    assert len(lab.alive()) == 2
    lab.run(2)
    status = lab.pod("web").status
    said = "Pod was terminated in response to imminent node shutdown."
    assert (status.phase, status.reason, status.message) == ("Failed", "Terminated", said)
    assert lab.conditions("web")["DisruptionTarget"] == ("True", "TerminationByKubelet", said)
    lab.run(3)
    assert not lab.alive()
    lab.bind("late")
    lab.run(1)
    assert lab.pod("late").status.reason == "NodeShutdown"
    assert lab.pod("late").status.message == "Pod was rejected: Pod was rejected as the node is shutting down."


def test_grace_may_go_by_priority(lab):
    lab = lab({"web:1": "ignores SIGTERM"}, host=host(shutdownGracePeriodByPodPriority="100=4s,0=8s,50=6s"))
    for priority in (0, 60, 1000):
        lab.bind(f"p{priority}", priority=priority)
    lab.run(20)
    tell(lab)
    seen = []
    for _ in range(4):
        seen.append(len(lab.alive()))
        lab.run(7)
    assert seen == [3, 3, 1, 0]


def test_a_shutdown_that_is_cancelled_leaves_a_ready_node(lab):
    lab = lab(host=host(shutdownGracePeriod="30s"))
    lab.bind()
    lab.run(20)
    tell(lab)
    tell(lab, cancelled=True)
    lab.run(10)
    assert lab.pod().status.phase == "Failed"
    assert ready(lab)[0] == "True"
    lab.bind("again")
    lab.run(20)
    assert lab.pod("again").status.phase == "Running"


def test_a_kubelet_that_is_not_set_up_for_it_does_nothing(lab):
    lab = lab()
    lab.bind()
    lab.run(20)
    tell(lab)
    lab.run(60)
    assert lab.pod().status.phase == "Running"
    assert ready(lab)[0] == "True"
