"""What becomes of a pod whose sandbox goes away by itself, or for which there is none."""

from reconcile.api import core_v1, meta_v1
from reconcile.effects import PullImage, RunPodSandbox, StartContainer, StopContainer, StopPodSandbox
from reconcile.events import Ordered
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host

CHANGED = "Pod sandbox changed, it will be killed and re-created."


def starts(lab):
    return [(order.container, order.attempt) for order in lab.orders if isinstance(order, StartContainer)]


def counts(lab):
    status = lab.pod().status
    return {
        row.name: row.restart_count for row in (*(status.init_container_statuses or ()), *status.container_statuses)
    }


def test_what_is_in_it_is_told_to_end_and_begins_anew_with_another_ip(lab):
    lab = lab({"web:*": "stop 2s"})
    lab.bind()
    lab.run(10)
    assert (lab.pod().status.pod_ip, lab.status().restart_count) == ("10.244.1.2", 0)
    lab.lose_sandbox()
    lab.run(1)
    assert lab.said("SandboxChanged") == [CHANGED]
    assert lab.said("Killing") == ["Stopping container web"]
    assert lab.conditions()["PodReadyToStartContainers"][0] == "False"
    assert (lab.pod().status.pod_ip, lab.pod().status.phase) == ("10.244.1.2", "Running")
    lab.run(2)
    assert (lab.pod().status.pod_ip, lab.status().restart_count) == ("10.244.1.3", 1)
    assert lab.status().state.running is not None
    assert lab.status().last_state.terminated.exit_code == 0
    assert lab.conditions()["PodReadyToStartContainers"][0] == "True"
    assert lab.alive() == [("pod-web", "web")]


def test_until_it_runs_again_there_is_but_one_write(lab):
    lab = lab({"web:*": "stop 2s"})
    lab.bind()
    lab.run(10)
    before = len(lab.written())
    lab.lose_sandbox()
    lab.run(10)
    assert len(lab.written()) == before + 2


def test_init_containers_run_again_and_sidecars_end_last(lab, container):
    lab = lab({"web:*": "stop 2s", "init:*": "exit 0 after 3s", "mesh:*": "stop 1s"})
    lab.bind(
        init_containers=(container("prepare", "init:1"), container("mesh", "mesh:1", restart_policy="Always")),
    )
    lab.run(20)
    order = ["prepare", "mesh", "web"]
    assert counts(lab) == dict.fromkeys(order, 0)
    lab.lose_sandbox()
    lab.run(20)
    assert [order.container for order in lab.orders if isinstance(order, StopContainer)] == ["web", "mesh"]
    assert starts(lab) == [*[(name, 0) for name in order], *[(name, 1) for name in order]]
    assert counts(lab) == dict.fromkeys(order, 1)


def test_a_pod_that_is_never_restarted_ends(lab):
    lab = lab({"web:*": "stop 1s with code 3"})
    lab.bind(restart_policy="Never")
    lab.run(10)
    lab.lose_sandbox()
    lab.run(10)
    assert lab.pod().status.phase == "Failed"
    assert lab.status().state.terminated.exit_code == 3
    assert lab.said("SandboxChanged") == []
    assert len([order for order in lab.orders if isinstance(order, RunPodSandbox)]) == 1


def test_what_has_done_well_does_not_run_again_on_failure(lab, container):
    lab = lab({"done:*": "exit 0 after 1s"})
    lab.bind(restart_policy="OnFailure", containers=(container("web"), container("done", "done:1")))
    lab.run(10)
    lab.lose_sandbox()
    lab.run(10)
    assert counts(lab) == {"web": 1, "done": 0}
    assert lab.pod().status.phase == "Running"


def test_a_pod_that_waits_for_its_image_waits_for_it_again(lab):
    lab = lab({"web:*": "pull 20s"})
    lab.bind()
    lab.run(5)
    lab.lose_sandbox()
    lab.run(30)
    assert lab.status().state.running is not None
    assert counts(lab) == {"web": 0}
    assert len([order for order in lab.orders if isinstance(order, PullImage)]) == 2


def test_one_that_is_being_deleted_just_ends(lab):
    lab = lab({"web:*": "stop 5s"})
    lab.bind()
    lab.run(10)
    lab.lose_sandbox()
    lab.run(1)
    lab.mark(grace=30)
    lab.run(10)
    assert lab.pod() is None
    assert lab.alive() == []
    assert isinstance(lab.orders[-1], StopPodSandbox)


def test_a_kubelet_that_starts_finds_that_a_sandbox_is_lost(lab):
    lab = lab()
    lab.bind()
    lab.run(10)
    lab.lose_sandbox()
    lab.start()
    lab.run(10)
    assert lab.said("SandboxChanged") == [CHANGED]
    assert (lab.pod().status.pod_ip, lab.status().restart_count) == ("10.244.1.3", 1)


def test_a_sandbox_that_somebody_removed_is_made_again_too(lab):
    lab = lab()
    lab.bind()
    lab.run(10)
    lab.push("runtime", Ordered(lab.now, StopPodSandbox("pod-web")))
    lab.run(10)
    assert (lab.pod().status.pod_ip, lab.status().restart_count) == ("10.244.1.3", 1)
    assert lab.status().last_state.terminated.exit_code == 137


def test_volumes_stay(lab):
    lab = lab()
    lab.put("configmaps", core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="settings", namespace="default")))
    source = core_v1.ConfigMapVolumeSource(name="settings")
    lab.bind(volumes=(core_v1.Volume(name="settings", config_map=source),))
    lab.run(10)
    lab.lose_sandbox()
    lab.run(10)
    assert lab.status().restart_count == 1
    assert len([request for request in lab.calls if request.resource == "configmaps"]) == 1


def test_a_pod_for_which_there_is_no_address_is_tried_again(lab):
    lab = lab(host=Host(name="node-1", ip="192.168.0.1", pod_cidr="10.0.0.0/30"))
    lab.bind("first")
    lab.bind("second")
    lab.run(25)
    said = lab.said("FailedCreatePodSandBox")
    assert len(said) == 3
    assert said[0].startswith(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "
    )
    assert said[0].endswith("no IP addresses available in range set: 10.0.0.1-10.0.0.2")
    assert len(set(said)) == 3
    assert lab.pod("second").status.phase == "Pending"
    assert lab.status("second").state.waiting.reason == "ContainerCreating"
    lab.mark("first", grace=1)
    lab.run(12)
    assert lab.pod("second").status.pod_ip == "10.0.0.2"


def test_a_pod_that_waits_for_an_address_can_be_deleted(lab):
    lab = lab(host=Host(name="node-1", ip="192.168.0.1", pod_cidr="10.0.0.0/30"))
    lab.bind("first")
    lab.bind("second")
    lab.run(5)
    lab.mark("second", grace=1)
    lab.run(5)
    assert lab.pod("second") is None
    lab.run(20)
    assert len(lab.said("FailedCreatePodSandBox")) == 1


def test_a_pod_whose_fqdn_is_too_long_gets_no_sandbox(lab):
    lab = lab()
    lab.bind(hostname="a" * 40, subdomain="store", set_hostname_as_fqdn=True)
    lab.run(25)
    said = lab.said("FailedCreatePodSandBox")
    assert len(said) == 3
    assert said[0].endswith("is too long (64 characters is the max, 72 characters requested)")
    assert lab.pod().status.phase == "Pending"
    assert [order for order in lab.orders if isinstance(order, RunPodSandbox)] == []


def test_a_pod_of_which_somebody_says_that_it_has_ended_is_ended(lab):
    lab = lab({"web:*": "stop 3s"})
    lab.bind()
    lab.run(10)
    pod = lab.pod()
    lab.put(
        "pods", replace(pod, status=replace(pod.status, phase="Failed", reason="Orphaned", container_statuses=None))
    )
    lab.run(10)
    assert lab.said("Killing") == ["Stopping container web"]
    assert lab.alive() == []
    assert (lab.pod().status.phase, lab.pod().status.reason) == ("Failed", "Orphaned")
    assert lab.status().state.terminated is not None
