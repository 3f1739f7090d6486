"""Static pods, and what outlives a kubelet."""

from reconcile.components import world
from reconcile.effects import EndProcess, LaunchProcess
from reconcile.events import ManifestsChanged, Reported
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host


def host(*manifests):
    return Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", manifests=manifests)


def test_a_static_pod_runs_without_an_api_server_as_its_process(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.serve = lambda _: None
    push = lab.push
    lab.push = lambda to, event: None if to == "api" else push(to, event)
    lab.run(3)
    assert lab.processes == [LaunchProcess("kube-scheduler")]


def test_a_static_pod_is_mirrored(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.run(5)
    mirror = lab.pod("kube-scheduler-node-1", "kube-system")
    annotations = mirror.metadata.annotations
    assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
    assert annotations["kubernetes.io/config.source"] == "file"
    assert (mirror.spec.node_name, mirror.status.phase, mirror.status.pod_ip) == ("node-1", "Running", "192.168.0.1")
    owner = mirror.metadata.owner_references[0]
    assert (owner.kind, owner.name, owner.controller) == ("Node", "node-1", True)


def test_a_deleted_mirror_comes_back_and_the_pod_runs_on(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.run(5)
    first = lab.pod("kube-scheduler-node-1", "kube-system")
    lab.mark("kube-scheduler-node-1", namespace="kube-system")
    lab.run(5)
    second = lab.pod("kube-scheduler-node-1", "kube-system")
    assert second.metadata.uid != first.metadata.uid
    assert second.status.phase == "Running"
    assert second.status.container_statuses[0].restart_count == 0
    assert lab.processes == [LaunchProcess("kube-scheduler")]


def test_a_process_that_ends_is_restarted(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.run(5)
    lab.world, effects = world.ended(lab.world, "kube-scheduler", 1, lab.now)
    lab.take("runtime", effects)
    lab.run(5)
    assert lab.processes == [LaunchProcess("kube-scheduler")] * 2
    status = lab.pod("kube-scheduler-node-1", "kube-system").status.container_statuses[0]
    assert (status.restart_count, status.last_state.terminated.exit_code) == (1, 1)


def test_a_restarted_kubelet_takes_over_what_runs(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.bind()
    lab.run(30)
    before, orders = lab.pod(), len(lab.orders)
    lab.start()
    lab.run(5)
    assert lab.pod() == before
    assert lab.orders[orders:] == []
    assert lab.processes == [LaunchProcess("kube-scheduler")]
    assert ("pod-web", "web") in lab.alive()


def test_a_restarted_kubelet_sees_what_ended_meanwhile(lab):
    lab = lab({"web:1": "exit 1 after 20s"})
    lab.bind()
    lab.run(10)
    lab.kubelet, alive = None, lab.deliver
    lab.deliver = lambda item: alive(item) if item[0] == "runtime" else None
    lab.run(30)
    lab.deliver = alive
    lab.start()
    lab.run(5)
    assert (lab.status().restart_count, lab.status().last_state.terminated.exit_code) == (1, 1)


def test_a_restarted_kubelet_stops_what_nobody_wants_any_more(lab):
    lab = lab()
    lab.bind()
    lab.run(30)
    del lab.objects["pods", "default/web"]
    lab.start()
    lab.run(5)
    assert lab.alive() == []


def test_after_a_power_cycle_pods_are_started_again(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.bind()
    lab.run(30)
    lab.reboot()
    lab.run(10)
    assert lab.pod().status.phase == "Running"
    assert (lab.status().restart_count, lab.status().last_state.terminated.reason) == (1, "Unknown")
    assert lab.said("SandboxChanged") == ["Pod sandbox changed, it will be killed and re-created."] * 2
    assert lab.said("Pulled")[-1].startswith("Container image")
    assert lab.processes == [LaunchProcess("kube-scheduler")]
    assert EndProcess("kube-scheduler") not in lab.processes


def test_after_a_power_cycle_a_static_pods_restarts_are_counted_on(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.run(30)
    first = lab.status("kube-scheduler-node-1", namespace="kube-system")
    lab.start()
    lab.run(30)
    assert lab.status("kube-scheduler-node-1", namespace="kube-system") == first
    for boots in (1, 2):
        lab.reboot()
        late = lab.queue.pop()
        lab.run(5)  # etcd and the API server run before anybody can say what there was
        lab.queue.append(late)
        lab.run(25)
        status = lab.status("kube-scheduler-node-1", namespace="kube-system")
        assert (status.restart_count, status.last_state.terminated.reason) == (boots, "Unknown")
    assert status.last_state.terminated.container_id not in (status.container_id, first.container_id)
    assert lab.said("SandboxChanged") == ["Pod sandbox changed, it will be killed and re-created."] * 2
    lab.start()
    lab.run(30)
    assert lab.status("kube-scheduler-node-1", namespace="kube-system") == status


def test_finished_pods_stay_finished(lab):
    lab = lab({"job": "exit 0 after 1s"})
    lab.bind("job", image="job", restart_policy="Never")
    lab.run(30)
    before = lab.pod("job")
    lab.reboot()
    lab.run(30)
    assert lab.pod("job") == before
    lab.mark("job")
    lab.run(5)
    assert lab.pod("job") is None


def wrote(lab, *manifests):
    lab.push("kubelet", Reported(lab.now, ManifestsChanged(manifests)))
    lab.run()


def test_a_manifest_that_is_written_is_run_and_mirrored(lab, manifest):
    lab = lab()
    lab.run(5)
    wrote(lab, manifest())
    lab.run(20)
    assert lab.pod("kube-scheduler-node-1", "kube-system").status.phase == "Running"


def test_a_manifest_that_is_removed_takes_its_pod_and_mirror_along(lab, manifest):
    lab = lab(host=host(manifest()))
    lab.run(20)
    wrote(lab)
    lab.run(20)
    assert not lab.alive()
    assert lab.pod("kube-scheduler-node-1", "kube-system") is None
    assert not list(lab.kubelet.pods.values())


def test_a_manifest_that_is_changed_is_run_anew_when_the_old_pod_has_ended(lab, manifest):
    lab = lab({"registry.k8s.io/kube-scheduler:*": "stop 5s"}, host=host(manifest()))
    lab.run(20)
    old = lab.pod("kube-scheduler-node-1", "kube-system").metadata
    new = manifest()
    new = replace(new, metadata=replace(new.metadata, labels=Map.of({"tier": "other"})))
    wrote(lab, new)
    lab.run(3)
    assert len(lab.alive()) == 1
    lab.run(30)
    metadata = lab.pod("kube-scheduler-node-1", "kube-system").metadata
    assert metadata.labels["tier"] == "other"
    assert metadata.uid != old.uid
    assert len(lab.alive()) == 1
    assert len(list(lab.kubelet.pods.values())) == 1
