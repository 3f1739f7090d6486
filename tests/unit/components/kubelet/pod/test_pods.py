"""What a pod goes through on its node, from being bound to being gone."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Quantity
from reconcile.components.kubelet.pod import pods
from reconcile.effects import RunPodSandbox, StartContainer
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host
from reconcile.model.requests import Response


def test_a_pod_becomes_running(lab):
    lab = lab()
    lab.bind()
    lab.run(60)
    status = lab.pod().status
    assert (status.phase, status.pod_ip, status.host_ip) == ("Running", "10.244.1.2", "192.168.0.1")
    assert status.observed_generation == 1
    assert lab.status().state.running is not None
    assert (lab.status().ready, lab.status().started, lab.status().restart_count) == (True, True, 0)
    assert lab.reasons() == ["Pulling", "Pulled", "Created", "Started"]
    assert lab.said("Pulled") == [
        'Successfully pulled image "web:1" in 2s (2s including waiting). Image size: 67108864 bytes.'
    ]
    assert lab.said("Created") == ["Container created"]
    assert [request.body.new.phase for request in lab.written()] == ["Pending", "Running"]


def test_before_its_image_is_there_a_pod_says_what_it_waits_for(lab):
    lab = lab()
    lab.bind()
    lab.run(1)
    assert lab.status().state.waiting.reason == "ContainerCreating"
    unready = ("False", "ContainersNotReady", "containers with unready status: [web]")
    assert lab.conditions() == {
        "PodReadyToStartContainers": ("False", None, None),
        "Initialized": ("True", None, None),
        "Ready": unready,
        "ContainersReady": unready,
        "PodScheduled": ("True", None, None),
    }


def test_an_image_that_is_there_is_not_pulled_again(lab):
    lab = lab()
    lab.bind("one")
    lab.run(10)
    lab.bind("two")
    lab.run(10)
    assert lab.reasons("two") == ["Pulled", "Created", "Started"]
    assert lab.said("Pulled")[1] == 'Container image "web:1" already present on machine and can be accessed by the pod'


def test_pulls_wait_for_each_other(lab):
    lab = lab()
    lab.bind("one", image="a:1")
    lab.bind("two", image="b:1")
    lab.run(10)
    assert lab.said("Pulled")[1].startswith('Successfully pulled image "b:1" in 2s (4s including waiting)')


def test_an_image_that_does_not_exist_is_backed_off_from(lab):
    lab = lab({"web:1": "absent, pull 1s"})
    lab.bind()
    lab.run(1)
    assert lab.status().state.waiting.reason == "ErrImagePull"
    lab.run(2)
    assert lab.status().state.waiting.reason == "ImagePullBackOff"
    assert lab.status().state.waiting.message.startswith('Back-off pulling image "web:1": ErrImagePull: rpc error')
    assert lab.reasons() == ["Pulling", "Failed", "Failed", "BackOff", "Failed"]
    lab.run(9)
    assert lab.reasons().count("Pulling") == 2
    lab.run(400)
    assert lab.reasons().count("Pulling") == 6  # after 1, 11, 32, 73, 154 and 315 seconds


def test_a_policy_of_never_needs_the_image_to_be_there(lab, container):
    lab = lab()
    lab.bind(containers=(replace(container("web"), image_pull_policy="Never"),))
    lab.run(5)
    assert lab.status().state.waiting.reason == "ErrImageNeverPull"


def test_a_container_that_crashes_is_restarted_later_and_later(lab):
    lab = lab({"web:1": "pull 1s, start 0s, exit 1 after 1s"})
    lab.bind()
    lab.run(2)  # it has run and ended once: restarted at once
    assert (lab.status().restart_count, lab.status().last_state.terminated.exit_code) == (1, 1)
    lab.run(2)
    waiting = lab.status().state.waiting
    assert waiting.reason == "CrashLoopBackOff"
    assert waiting.message == "back-off 10s restarting failed container=web pod=web_default(pod-web)"
    assert lab.said("BackOff") == ["Back-off restarting failed container web in pod web_default(pod-web)"]
    assert lab.pod().status.phase == "Running"
    lab.run(10)
    assert lab.status().restart_count == 2
    lab.run(20)
    assert lab.status().restart_count == 3


def test_a_back_off_is_forgiven_after_ten_minutes(lab):
    lab = lab({"web:1": "pull 1s, start 0s, exit 1 after 11m"})
    lab.bind()
    lab.run(3600)
    assert lab.status().restart_count == 5
    assert "BackOff" not in lab.reasons()


def test_a_pod_that_never_restarts_ends(lab):
    lab = lab({"good": "exit 0 after 5s", "bad": "exit 3 after 5s", "greedy": "oom after 5s"})
    for name in ("good", "bad", "greedy"):
        lab.bind(name, image=name, restart_policy="Never")
    lab.run(60)
    assert [lab.pod(name).status.phase for name in ("good", "bad", "greedy")] == ["Succeeded", "Failed", "Failed"]
    ended = [lab.status(name).state.terminated for name in ("good", "bad", "greedy")]
    assert [(row.exit_code, row.reason) for row in ended] == [(0, "Completed"), (3, "Error"), (137, "OOMKilled")]
    assert lab.conditions("good")["Ready"] == ("False", "PodCompleted", None)
    assert lab.conditions("bad")["Ready"] == ("False", "PodFailed", None)
    assert lab.conditions("good")["PodReadyToStartContainers"] == ("False", None, None)
    assert lab.alive() == []


def test_on_failure_only_failures_are_restarted(lab):
    lab = lab({"good": "exit 0 after 1s", "bad": "exit 3 after 1s"})
    lab.bind("good", image="good", restart_policy="OnFailure")
    lab.bind("bad", image="bad", restart_policy="OnFailure")
    lab.run(30)
    assert lab.pod("good").status.phase == "Succeeded"
    assert lab.pod("bad").status.phase == "Running"
    assert lab.status("bad").restart_count > 0


def test_init_containers_run_one_after_the_other(lab, container):
    lab = lab({"init": "pull 1s, start 1s, exit 0 after 2s"})
    lab.bind(init_containers=(container("a", "init"), container("b", "init")))
    lab.run(3)
    assert lab.pod().status.phase == "Pending"
    assert lab.status().state.waiting.reason == "PodInitializing"
    incomplete = ("False", "ContainersNotInitialized", "containers with incomplete status: [a b]")
    assert lab.conditions()["Initialized"] == incomplete
    lab.run(20)
    assert lab.pod().status.phase == "Running"
    inits = lab.pod().status.init_container_statuses
    assert [(row.ready, row.state.terminated.reason) for row in inits] == [(True, "Completed")] * 2
    assert lab.conditions()["Initialized"] == ("True", None, None)


def test_an_init_container_that_fails_fails_a_pod_that_never_restarts(lab, container):
    lab = lab({"init": "exit 1 after 1s"})
    lab.bind(init_containers=(container("a", "init"),), restart_policy="Never")
    lab.run(30)
    assert lab.pod().status.phase == "Failed"
    assert lab.alive() == []


def test_sidecars_start_before_the_others_and_do_not_keep_a_pod_from_ending(lab, container):
    lab = lab({"job": "exit 0 after 5s"})
    sidecar = container("proxy", restart_policy="Always")
    lab.bind(init_containers=(sidecar,), containers=(container("job", "job"),), restart_policy="Never")
    lab.run(5)
    assert lab.pod().status.init_container_statuses[0].state.running is not None
    lab.run(60)
    assert lab.pod().status.phase == "Succeeded"
    assert lab.alive() == []


def test_a_pod_runs_until_its_last_sidecar_has_ended(lab, container):
    lab = lab({"job": "exit 0 after 5s", "proxy": "stop 5s"})
    sidecar = container("proxy", "proxy", restart_policy="Always")
    lab.bind(init_containers=(sidecar,), containers=(container("job", "job"),), restart_policy="Never")
    lab.run(13)
    assert lab.status().state.terminated is not None
    assert lab.pod().status.phase == "Running"
    assert lab.conditions()["Ready"] == ("False", "ContainersNotReady", "containers with unready status: [job]")
    lab.run(5)
    assert (lab.pod().status.phase, lab.conditions()["Ready"][1]) == ("Succeeded", "PodCompleted")


def test_what_comes_after_a_sidecar_waits_until_it_has_started_anew(lab, container):
    lab = lab({"proxy": "exit 1 after 1s, ready after 5s"})
    probe = core_v1.Probe(period_seconds=1, failure_threshold=60)
    sidecar = container("proxy", "proxy", restart_policy="Always", startup_probe=probe)
    lab.bind(init_containers=(sidecar,))
    lab.run(120)
    assert lab.pod().status.init_container_statuses[0].restart_count > 2
    assert lab.status().state.waiting.reason == "PodInitializing"
    assert lab.pod().status.phase == "Pending"


def test_a_restarted_kubelet_knows_that_a_pod_was_initialised(lab, container):
    lab = lab({"proxy": "exit 1 after 2s"})
    sidecar = container("proxy", "proxy", restart_policy="Always")
    lab.bind(init_containers=(sidecar,))
    lab.run(70)
    assert lab.pod().status.init_container_statuses[0].state.waiting.reason == "CrashLoopBackOff"
    before = lab.conditions()["Initialized"]
    lab.start()
    lab.run(1)
    assert lab.conditions()["Initialized"] == before == ("True", None, None)
    assert lab.pod().status.phase == "Running"


def test_containers_that_never_had_their_turn_go_on_waiting(lab, container):
    lab = lab({"setup": "exit 1 after 1s"})
    lab.bind(init_containers=(container("setup", "setup"),), restart_policy="Never")
    lab.run(30)
    assert lab.pod().status.phase == "Failed"
    assert lab.status().state.waiting.reason == "PodInitializing"


def test_a_container_that_cannot_be_started_was_created(lab):
    lab = lab({"web:1": "start fails"})
    lab.bind(restart_policy="Never")
    lab.run(30)
    assert lab.reasons() == ["Pulling", "Pulled", "Created", "Failed"]
    assert (lab.status().state.terminated.reason, lab.pod().status.phase) == ("StartError", "Failed")


def test_a_deleted_pod_ends_gracefully_and_is_removed(lab):
    lab = lab({"web:1": "stop 5s"})
    lab.bind()
    lab.run(30)
    lab.mark()
    lab.run(4)
    assert lab.pod().status.phase == "Running"
    assert lab.said("Killing") == ["Stopping container web"]
    lab.run(1)
    assert lab.pod() is None
    assert lab.phases["pod-web"][-1] == "Succeeded"
    assert lab.alive() == []
    assert len(lab.kubelet.pods) == 0
    assert lab.kubelet.used["pods"] == 0
    assert [key for key in lab.timers if key[0] == "kubelet" and key[1][0] not in ("lease", "node")] == []


def test_what_ignores_sigterm_is_killed_when_its_grace_is_over(lab):
    lab = lab({"web:1": "ignores SIGTERM"})
    lab.bind()
    lab.run(30)
    lab.mark(grace=10)
    lab.run(9)
    assert lab.pod() is not None
    lab.run(1)
    assert lab.pod() is None
    assert lab.phases["pod-web"][-1] == "Failed"


def test_a_pod_that_is_deleted_before_it_ran_is_removed(lab):
    lab = lab()
    lab.bind()
    lab.run(1)
    lab.mark()
    lab.run(1)
    assert lab.pod() is None
    lab.run(20)
    assert lab.alive() == []


def test_a_deletion_that_is_repeated_may_shorten_the_grace_but_not_lengthen_it(lab):
    lab = lab({"web:1": "ignores SIGTERM"})
    lab.bind()
    lab.run(30)
    lab.mark(grace=20)
    lab.run(5)
    lab.mark(grace=60)
    lab.run(5)
    assert lab.said("Killing") == ["Stopping container web"]
    lab.mark(grace=3)
    lab.run(2)
    assert lab.pod() is not None
    lab.run(1)
    assert lab.pod() is None
    assert lab.said("Killing") == ["Stopping container web"] * 2


def test_what_is_to_end_at_once_gets_two_seconds(lab):
    lab = lab({"web:1": "ignores SIGTERM"})
    for name in ("marked", "forced", "marked and forced"):
        lab.bind(name)
    lab.run(30)
    lab.mark("marked", grace=0)
    lab.remove("pods", lab.pod("forced"))
    lab.mark("marked and forced", grace=60)
    lab.run(5)
    assert lab.alive() == [("pod-marked and forced", "web")]
    lab.remove("pods", lab.pod("marked and forced"))
    lab.run(1.5)
    assert lab.alive() == [("pod-marked and forced", "web")]
    lab.run(1)
    assert lab.alive() == []


def test_a_container_that_restarts_in_a_pod_that_goes_on_gets_two_seconds(lab, container):
    lab = lab({"web:1": "liveness fails after 4s, stop 1500ms with code 7"})
    probe = core_v1.Probe(period_seconds=1, failure_threshold=1, termination_grace_period_seconds=1)
    lab.bind(containers=(container("web", liveness_probe=probe),))
    lab.run(15)
    assert lab.status().last_state.terminated.exit_code == 7


def test_a_pod_that_vanishes_is_stopped(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    lab.remove("pods", lab.pod())
    lab.run(30)
    assert lab.alive() == []
    assert len(lab.kubelet.pods) == 0


def test_a_pod_of_the_same_name_is_another_pod(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    lab.objects.pop(("pods", "default/web"))
    lab.revision += 1
    lab.bind(uid="second")
    lab.run(60)
    assert lab.pod().status.phase == "Running"
    assert ("second", "web") in lab.alive()


def test_an_active_deadline_fails_the_pod(lab):
    lab = lab()
    lab.bind(active_deadline_seconds=20)
    lab.run(60)
    status = lab.pod().status
    assert (status.phase, status.reason) == ("Failed", "DeadlineExceeded")
    assert lab.alive() == []


def test_a_new_image_restarts_the_container(lab, container):
    lab = lab()
    lab.bind()
    lab.run(30)
    pod = lab.pod()
    lab.put("pods", replace(pod, spec=replace(pod.spec, containers=(container("web", "web:2"),))))
    lab.run(30)
    assert (lab.status().image, lab.status().restart_count) == ("web:2", 1)
    assert lab.said("Killing") == ["Container web definition changed, will be restarted"]


def change(lab, **spec):
    pod = lab.pod()
    lab.put("pods", replace(pod, spec=replace(pod.spec, **spec)))


def test_a_new_image_ends_the_back_off(lab, container):
    lab = lab({"web:1": "exit 1 after 1s", "gone:1": "absent"})
    lab.bind()
    lab.run(60)
    assert lab.status().state.waiting.reason == "CrashLoopBackOff"
    change(lab, containers=(container("web", "gone:1"),))
    lab.run(30)
    assert lab.status().state.waiting.reason == "ImagePullBackOff"
    change(lab, containers=(container("web", "web:2"),))
    lab.run(5)
    assert (lab.status().state.running is not None, lab.pod().status.phase) == (True, "Running")
    assert [key for key in lab.timers if key[1][0] == "due"] == []


@pytest.mark.parametrize("after", [1, 3])
def test_a_new_image_counts_while_the_old_one_is_pulled_or_started(lab, container, after):
    lab = lab({"web:1": "pull 2s, start 5s"})
    lab.bind()
    lab.run(after)
    change(lab, containers=(container("web", "web:2"),))
    lab.run(30)
    assert lab.status().state.running is not None
    assert lab.orders[-1].image == "web:2"
    assert 'image "web:2"' in lab.said("Pulled")[-1]
    assert lab.alive() == [("pod-web", "web")]


def test_a_deadline_may_be_set_later(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    change(lab, active_deadline_seconds=40)
    lab.run(9)
    assert lab.pod().status.phase == "Running"
    lab.run(5)
    assert lab.pod().status.reason == "DeadlineExceeded"


def test_what_does_not_fit_is_refused(lab, container):
    lab = lab()
    asks = core_v1.ResourceRequirements(requests=Map({"cpu": Quantity.parse("3")}))
    lab.bind("one", containers=(container("web", resources=asks),))
    lab.bind("two", containers=(container("web", resources=asks),))
    lab.run(30)
    assert lab.pod("one").status.phase == "Running"
    status = lab.pod("two").status
    assert (status.phase, status.reason) == ("Failed", "OutOfcpu")
    assert status.message == (
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 3000, capacity: 4000"
    )
    lab.mark("one")
    lab.run(30)
    lab.bind("three", containers=(container("web", resources=asks),))
    lab.run(30)
    assert lab.pod("three").status.phase == "Running"


def test_many_pods_that_are_refused_fail_as_fast_as_upstreams_client_can_say_so(lab, container):
    lab = lab()
    lab.run(5)
    asks = core_v1.ResourceRequirements(requests=Map({"cpu": Quantity.parse("64")}))
    for number in range(80):
        lab.bind(f"big-{number:02}", containers=(container("web", resources=asks),))

    def failed():
        pods = [obj for (resource, _), obj in lab.objects.items() if resource == "pods"]
        return sum(pod.status is not None and pod.status.phase == "Failed" for pod in pods)

    lab.run()
    assert failed() == 50
    assert sum(reason == "OutOfcpu" for _, reason, *_ in lab.records) == 80
    lab.run(1)
    assert failed() == 75
    lab.mark("big-79")
    lab.run(1)
    assert failed() == 79
    assert ("pods", "default/big-79") not in lab.objects
    lab.run(10)
    lab.bind("late", containers=(container("web", resources=asks),))
    lab.run()
    assert failed() == 80


def test_of_several_things_that_are_missing_the_first_in_upstreams_order_is_named(lab, container):
    nothing = Map({"cpu": "1", "memory": "0", "pods": "0"})
    lab = lab(host=Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", capacity=nothing))
    lots = Map({"memory": Quantity.parse("1Gi"), "cpu": Quantity.parse("2")})
    lab.bind(containers=(container("web", resources=core_v1.ResourceRequirements(requests=lots)),))
    lab.run(5)
    assert lab.pod().status.message == (
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 0, capacity: 0"
    )


def test_an_extended_resource_that_the_node_does_not_know_is_not_its_to_count(lab, container):
    lab = lab()
    for name, asked in (("far", "example.com/licence"), ("near", "hugepages-2Mi")):
        asks = core_v1.ResourceRequirements(requests=Map({asked: Quantity.parse("1")}))
        lab.bind(name, containers=(container("web", resources=asks),))
    lab.run(5)
    assert (lab.pod("far").status.phase, lab.pod("near").status.reason) == ("Running", "OutOfhugepages-2Mi")


def test_a_pod_for_another_system_is_refused(lab):
    lab = lab()
    lab.bind("one", os=core_v1.PodOS(name="windows"))
    pod = lab.bind("two")
    labels = Map({"kubernetes.io/os": "windows"})
    lab.put("pods", replace(pod, metadata=replace(pod.metadata, name="three", uid="pod-three", labels=labels)))
    lab.run(5)
    assert (lab.pod("one").status.reason, lab.pod("one").status.message) == (
        "PodOSNotSupported",
        "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    )
    assert lab.pod("two").status.phase == "Running"
    assert lab.pod("three").status.reason == "PodOSSelectorNodeLabelDoesNotMatch"


def test_labels_are_looked_up_before_a_pod_is_refused_for_them(lab):
    lab = lab()
    lab.run(5)
    lab.tell = lambda *_: None  # the watch lags
    node = lab.objects["nodes", "node-1"]
    labels = node.metadata.labels.set("zone", "b")
    lab.objects["nodes", "node-1"] = replace(node, metadata=replace(node.metadata, labels=labels))
    del lab.tell
    lab.bind("here", node_selector=Map({"zone": "b"}))
    lab.bind("gone", node_selector=Map({"zone": "c"}))
    lab.mark("gone")
    lab.remove("pods", lab.pod("gone"))
    lab.bind("never", node_selector=Map({"zone": "c"}))
    lab.run(10)
    assert lab.pod("here").status.phase == "Running"
    assert lab.pod("never").status.reason == "NodeAffinity"
    assert sorted(pod.key for pod in lab.kubelet.pods.values()) == ["default/here", "default/never"]
    assert lab.kubelet.seldom.doubted == Map()


def test_a_node_selector_and_host_ports_are_checked(lab, container):
    lab = lab()
    lab.bind("here", node_selector=Map({"zone": "b"}))
    port = core_v1.ContainerPort(container_port=80, host_port=80)
    lab.bind("one", containers=(container("web", ports=(port,)),))
    lab.bind("two", containers=(container("web", ports=(port,)),))
    lab.run(30)
    assert lab.pod("here").status.reason == "NodeAffinity"
    assert lab.pod("one").status.phase == "Running"
    assert lab.pod("two").status.reason == "NodePorts"


def test_a_readiness_gate_is_waited_for(lab):
    lab = lab()
    lab.bind(readiness_gates=(core_v1.PodReadinessGate(condition_type="example.com/ok"),))
    lab.run(30)
    assert lab.conditions()["ContainersReady"][0] == "True"
    said = 'corresponding condition of pod readiness gate "example.com/ok" does not exist.'
    assert lab.conditions()["Ready"] == ("False", "ReadinessGatesNotReady", said)
    pod = lab.pod()
    ok = core_v1.PodCondition(type="example.com/ok", status="True")
    lab.put("pods", replace(pod, status=replace(pod.status, conditions=(ok, *pod.status.conditions))))
    lab.run(1)
    assert lab.conditions()["Ready"][0] == "True"
    assert lab.conditions()["example.com/ok"][0] == "True"


def test_what_another_says_of_a_pod_is_put_right(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    pod = lab.pod()
    unready = tuple([replace(row, status="False") if row.type == "Ready" else row for row in pod.status.conditions])
    lab.put("pods", replace(pod, status=replace(pod.status, conditions=unready)))
    lab.run(1)
    assert lab.conditions()["Ready"][0] == "True"


def test_a_status_that_was_refused_is_written_again(lab):
    lab = lab()
    serve, refusals = lab.serve, []

    def refuse(request):
        if request.subresource == "status" and request.resource == "pods" and len(refusals) < 2:
            refusals.append(request)
            from reconcile.model import statuses
            from reconcile.model.requests import Response

            return Response(500, statuses.internal("busy"))
        return serve(request)

    lab.serve = refuse
    lab.bind()
    lab.run(60)
    assert len(refusals) == 2
    assert lab.pod().status.phase == "Running"


def test_a_pod_that_comes_back_in_a_view_that_lags_goes_on_ending(lab):
    lab = lab({"web:1": "stop 5s"})
    pod = lab.bind()
    lab.run(30)
    lab.remove("pods", lab.pod())
    lab.run(1)
    lab.tell("pods", None, pod)
    lab.tell("pods", pod, None)
    lab.run(30)
    assert lab.alive() == []
    assert len(lab.kubelet.pods) == 0


def started(lab):
    """Give what was ordered to be started: container -> the order."""
    return {order.container: order for order in lab.orders if isinstance(order, StartContainer)}


def test_what_is_there_to_end_and_what_waits_for_it(lab, container):
    def purposes(policy, *mains, owner=None):
        at = lab()
        init = container("init", "init:1")
        sidecar = replace(container("sidecar", "sidecar:1"), restart_policy="Always")
        at.bind(init_containers=(init, sidecar), containers=mains, restart_policy=policy, owner=owner)
        at.run(30)
        found = {name: (order.task, order.awaited) for name, order in started(at).items()}
        assert (found.pop("init"), found.pop("sidecar")) == ((True, True), (False, False))
        return found

    job = meta_v1.OwnerReference(api_version="batch/v1", kind="Job", name="j", uid="j", controller=True)
    plain = container("plain", "plain:1")
    told = replace(container("told", "told:1"), command=("serve",))
    also = replace(container("also", "also:1"), args=("serve",))
    assert purposes("Always", plain, told) == {"plain": (False, False), "told": (False, False)}
    assert purposes("Never", plain, told) == {"plain": (False, False), "told": (True, False)}
    assert purposes("OnFailure", plain, also) == {"plain": (False, False), "also": (True, False)}
    assert purposes("Never", plain, owner=job) == {"plain": (True, True)}
    # A container's own policy counts before its pod's.
    assert purposes("Always", replace(told, restart_policy="Never")) == {"told": (True, False)}


def test_an_init_container_without_a_behaviour_ends(lab, container):
    lab = lab()
    lab.bind(init_containers=(container("a", "a:1"), replace(container("b", "b:1"), command=("sleep", "20"))))
    lab.run(20)
    assert lab.pod().status.phase == "Pending"
    lab.run(20)
    assert lab.pod().status.phase == "Running"


def test_a_command_that_fails_again_and_again_is_backed_off(lab, container):
    lab = lab()
    lab.bind(containers=(replace(container("a", "a:1"), command=("sh", "-c"), args=("exit 3",)),))
    lab.run(60)
    status = lab.pod().status.container_statuses[0]
    assert status.state.waiting.reason == "CrashLoopBackOff"
    assert (status.last_state.terminated.exit_code, status.restart_count) == (3, 3)


def test_the_environment_s_values_stand_in_commands(lab, container):
    env = (core_v1.EnvVar(name="A", value="1"), core_v1.EnvVar(name="B", value="$"))
    words = ("x$(A)y$(B)", "$(C)", "$$(A)", "$A $(", "plain")
    lab = lab()
    lab.bind(containers=(replace(container("a", "a:1"), command=words, args=("$(A)",), env=env),))
    lab.run(10)
    order = started(lab)["a"]
    assert order.command == ("x1y$", "$(C)", "$(A)", "$A $(", "plain")
    assert order.args == ("1",)


def test_a_sandbox_has_its_pod_s_labels(lab):
    lab = lab()
    lab.bind(labels={"app": "shop"})
    lab.bind("other")
    lab.run(10)
    assert [order.labels for order in lab.orders if isinstance(order, RunPodSandbox)] == [Map({"app": "shop"}), Map()]


@pytest.mark.parametrize(("answered", "calls"), [(900, 1), (901, 0)], ids=["beside what is written", "before it"])
def test_what_somebody_else_wrote_while_a_call_was_under_way_is_judged_with_its_answer(lab, answered, calls):
    lab = lab()
    lab.bind()
    lab.run(60)
    (pod,) = lab.kubelet.pods.values()
    rows = [replace(row, status="False") if row.type == "Ready" else row for row in pod.status.conditions]
    status = replace(pod.api.status, conditions=tuple(rows))
    metadata = replace(pod.api.metadata, resource_version="900")
    theirs = replace(pod.api, metadata=metadata, status=status)
    out = []
    waiting = replace(pod, calling="status", api=theirs)
    state = pods.compared(lab.kubelet, waiting, pod.api, lab.now, out)
    assert out == []
    body = replace(theirs, metadata=replace(metadata, resource_version=str(answered)))
    pods.answered(state, state.pods[pod.uid], Response(200, body), lab.now, out)
    assert [type(each.request.body).__name__ for each in out] == ["StatusPatch"] * calls
