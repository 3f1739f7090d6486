"""Reports that come late, twice, or for what is not there any more."""

from reconcile.components import kubelet
from reconcile.effects import CancelTimer, StopPodSandbox
from reconcile.events import ContainerExited, ContainerStarted, Reported, SandboxReady, TimerFired, Watched
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.watches import Watch


def test_it_watches_its_own_pods_and_its_own_node(lab):
    assert kubelet.watches(lab().kubelet) == (Watch("pods", "pods", "node-1"), Watch("nodes", "nodes", "node-1"))


def test_the_end_of_an_earlier_run_is_not_taken_for_that_of_this_one(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    late = Reported(lab.now, ContainerExited("pod-web", "web", "containerd://earlier", 1, "Error"))
    assert kubelet.step(lab.kubelet, late) == (lab.kubelet, ())


def test_pods_are_judged_once_the_node_is_known(lab):
    lab = lab()
    lab.run(1)
    selector = Map.of({"kubernetes.io/hostname": "node-1", "disk": "ssd"})
    lab.put("nodes", replace(node := lab.objects["nodes", "node-1"], metadata=_labelled(node, disk="ssd")))
    lab.run(1)
    lab.start()
    nodes, pods = [item for item in lab.queue if isinstance(item[2], Watched)]
    lab.queue = [item for item in lab.queue if item not in (nodes, pods)]
    lab.bind(node_selector=selector)
    lab.run(1)
    assert lab.pod().status.phase == "Pending"
    assert lab.pod().status.reason is None
    lab.queue.append(nodes)
    lab.run(30)
    assert lab.pod().status.phase == "Running"


def _labelled(node, **more):
    return replace(node.metadata, labels=(node.metadata.labels or Map()).merge(more))


def test_a_start_that_is_reported_twice_counts_once(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    again = Reported(lab.now, ContainerStarted("pod-web", "web", lab.status().container_id, "x"))
    assert kubelet.step(lab.kubelet, again) == (lab.kubelet, ())


def test_a_sandbox_that_comes_too_late_is_removed(lab):
    lab = lab({"job": "exit 0 after 1s"})
    lab.bind("job", image="job", restart_policy="Never")
    lab.run(30)
    for uid in ("pod-job", "never heard of"):
        late = Reported(lab.now, SandboxReady(uid, "10.244.1.9"))
        assert kubelet.step(lab.kubelet, late) == (lab.kubelet, (StopPodSandbox(uid),))


def test_a_pod_that_is_deleted_while_its_container_starts_again_goes(lab):
    lab = lab({"web:1": "preloaded, start 5s"})
    lab.bind()
    lab.run(30)
    lab.reboot()
    lab.run(2)
    assert lab.status().restart_count == 0
    lab.mark()
    lab.run(60)
    assert lab.pod() is None


def test_timers_of_what_is_gone_do_nothing(lab):
    lab = lab()
    lab.run(1)
    for key in (("due", "u", "c"), ("probe", "u", "c", "liveness"), ("retry", "u"), ("deadline", "u"), ("mirror", "u")):
        assert kubelet.step(lab.kubelet, TimerFired(lab.now, key)) == (lab.kubelet, ())


def test_a_failed_pod_stays_failed_though_the_kubelet_is_restarted_while_it_ends(lab):
    lab = lab({"web:1": "stop 3s"})
    lab.bind(active_deadline_seconds=10)
    lab.run(12)
    assert lab.pod().status.phase == "Running"
    lab.start()
    lab.run(20)
    assert lab.pod().status.reason == "DeadlineExceeded"
    lab.start()
    lab.run(20)
    assert (lab.pod().status.phase, lab.pod().status.reason) == ("Failed", "DeadlineExceeded")


def test_an_ended_pods_timers_are_unset(lab, container):
    from reconcile.api import core_v1

    lab = lab()
    probe = core_v1.Probe(tcp_socket=core_v1.TCPSocketAction(port=1))
    lab.bind(containers=(container("web", liveness_probe=probe),))
    lab.run(30)
    taken, seen = lab.take, []
    lab.take = lambda who, effects: (seen.extend(effects), taken(who, effects))
    lab.mark()
    lab.run(30)
    assert CancelTimer(("probe", "pod-web", "web", "liveness")) in seen
