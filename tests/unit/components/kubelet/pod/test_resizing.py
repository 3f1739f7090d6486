"""Resizing: other resources for a pod that runs."""

import json

import pytest

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host


def asks(cpu, memory="64Mi", *, limits=False):
    amounts = Map.of({"cpu": Quantity.parse(cpu), "memory": Quantity.parse(memory)})
    return core_v1.ResourceRequirements(requests=amounts, limits=amounts if limits else None)


def resize(lab, name, resources):
    pod = lab.pod(name)
    (container,) = pod.spec.containers
    spec = replace(pod.spec, containers=(replace(container, resources=resources),))
    metadata = replace(pod.metadata, generation=pod.metadata.generation + 1)
    lab.put("pods", replace(pod, metadata=metadata, spec=spec))


def cpu(amounts):
    return amounts["cpu"].text


def test_a_pod_gets_in_place_what_it_asks_for(lab, container):
    lab = lab()
    lab.bind(containers=(container("web", resources=asks("1")),))
    lab.run(10)
    before = lab.status()
    written = len(lab.written())
    resize(lab, "web", asks("2"))
    lab.run(1)
    status = lab.status()
    assert (cpu(status.resources.requests), cpu(status.allocated_resources)) == ("2", "2")
    assert (status.container_id, status.restart_count) == (before.container_id, 0)
    assert lab.reasons()[-2:] == ["ResizeStarted", "ResizeCompleted"]
    asked = '[{"name":"web","resources":{"requests":{"cpu":"2","memory":"64Mi"}}}]'
    assert lab.said("ResizeStarted") == [f'Pod resize started: {{"containers":{asked},"generation":2}}']
    progress = [
        [row.type for row in request.body.new.conditions if row.type.startswith("PodResize")]
        for request in lab.written()[written:]
    ]
    assert progress == [["PodResizeInProgress"], []]
    assert lab.kubelet.used["cpu"] == 2_000_000_000


def test_a_pod_for_which_there_is_no_room_waits_until_there_is(lab, container):
    lab = lab()
    lab.bind("web", containers=(container("web", resources=asks("1")),))
    lab.bind("other", containers=(container("web", resources=asks("2")),))
    lab.run(10)
    resize(lab, "web", asks("3"))
    lab.run(1)
    said = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"
    assert lab.conditions("web")["PodResizePending"] == ("True", "Deferred", said)
    assert (cpu(lab.status("web").allocated_resources), cpu(lab.status("web").resources.requests)) == ("1", "1")
    assert lab.reasons("web")[-1] == "ResizeDeferred"
    assert lab.kubelet.used["cpu"] == 3_000_000_000
    lab.mark("other", grace=1)
    lab.run(10)
    assert cpu(lab.status("web").resources.requests) == "3"
    assert "PodResizePending" not in lab.conditions("web")
    assert lab.kubelet.used["cpu"] == 3_000_000_000


def test_a_resize_that_is_taken_back_is_forgotten(lab, container):
    lab = lab()
    lab.bind(containers=(container("web", resources=asks("1")),))
    lab.run(10)
    resize(lab, "web", asks("9"))
    lab.run(1)
    resize(lab, "web", asks("1"))
    lab.run(1)
    assert "PodResizePending" not in lab.conditions()
    assert lab.kubelet.used["cpu"] == 1_000_000_000


def test_a_pod_that_waits_for_a_resize_ends_with_what_it_had(lab, container):
    lab = lab()
    lab.bind(containers=(container("web", resources=asks("1")),))
    lab.run(10)
    resize(lab, "web", asks("9"))
    lab.run(1)
    lab.mark(grace=5)
    lab.run(10)
    assert lab.kubelet.used["cpu"] == 0


def test_a_container_may_have_to_be_restarted_for_it(lab, container):
    lab = lab({"web:1": "stop 3s"})
    policy = (core_v1.ContainerResizePolicy(resource_name="memory", restart_policy="RestartContainer"),)
    lab.bind(containers=(container("web", resources=asks("1"), resize_policy=policy),))
    lab.run(10)
    resize(lab, "web", asks("2"))
    lab.run(1)
    assert lab.status().restart_count == 0
    resize(lab, "web", asks("2", "128Mi"))
    lab.run(1)
    assert lab.said("Killing") == ["Container web resize requires restart"]
    assert lab.conditions()["PodResizeInProgress"][0] == "True"
    assert lab.status().resources.requests["memory"].text == "64Mi"
    lab.run(10)
    assert lab.status().restart_count == 1
    assert lab.status().resources.requests["memory"].text == "128Mi"
    assert "PodResizeInProgress" not in lab.conditions()


@pytest.mark.parametrize(("policy", "reason"), [("static", "Infeasible"), ("none", None)])
def test_a_guaranteed_pod_keeps_its_own_cpus(lab, container, policy, reason):
    host = Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", kubelet=Map.of({"cpuManagerPolicy": policy}))
    lab = lab(host=host)
    lab.bind(containers=(container("web", resources=asks("1", limits=True)),))
    lab.run(10)
    resize(lab, "web", asks("2", limits=True))
    lab.run(1)
    found = lab.conditions().get("PodResizePending")
    assert (found and found[1]) == reason
    assert found is None or found[2].endswith('CPU Manager policy "static"')


def test_a_container_is_not_given_less_memory_than_it_uses(lab, container):
    lab = lab({"web:*": "memory 100Mi"})
    lab.bind(containers=(container("web", resources=asks("1", "200Mi", limits=True)),))
    lab.run(10)
    resize(lab, "web", asks("1", "50Mi", limits=True))
    lab.run(1)
    both = [f"attempting to set {what} memory limit (52428800)" for what in ("pod", 'container "web"')]
    said = "cannot decrease memory limits: [{} below current usage (104857600), {} below current usage (104857600)]"
    said = said.format(*both)
    assert lab.conditions()["PodResizeInProgress"] == ("True", "Error", said)
    assert lab.status().resources.limits["memory"].text == "200Mi"
    assert lab.reasons()[-2:] == ["ResizeStarted", "ResizeError"]
    assert lab.said("ResizeError")[0].endswith(f',"generation":2,"error":{json.dumps(said)}}}')
    lab.run(30)
    assert len(lab.said("ResizeError")) == 1


def test_it_is_given_less_once_it_uses_less(lab, container):
    lab = lab({"web:*": "memory 100Mi..20Mi over 100s"})
    lab.bind(containers=(container("web", resources=asks("1", "200Mi", limits=True)),))
    lab.run(10)
    resize(lab, "web", asks("1", "50Mi", limits=True))
    lab.run(100)
    assert "PodResizeInProgress" not in lab.conditions()
    assert lab.status().resources.limits["memory"].text == "50Mi"
    assert lab.reasons()[-1] == "ResizeCompleted"
    assert lab.status().restart_count == 0


def test_one_that_is_taken_back_is_forgotten_though_it_could_not_be_done(lab, container):
    lab = lab({"web:*": "memory 100Mi"})
    lab.bind(containers=(container("web", resources=asks("1", "200Mi", limits=True)),))
    lab.run(10)
    resize(lab, "web", asks("1", "50Mi", limits=True))
    lab.run(1)
    resize(lab, "web", asks("1", "200Mi", limits=True))
    lab.run(20)
    assert "PodResizeInProgress" not in lab.conditions()
    assert lab.status().resources.limits["memory"].text == "200Mi"
    assert lab.status().restart_count == 0


def test_what_grows_is_killed_later_once_it_has_more(lab, container):
    lab = lab({"web:*": "memory 10Mi..200Mi over 190s"})
    lab.bind(containers=(container("web", resources=asks("1", "60Mi", limits=True)),))
    lab.run(10)
    resize(lab, "web", asks("1", "110Mi", limits=True))
    lab.run(80)
    assert lab.status().restart_count == 0
    lab.run(30)
    assert lab.status().restart_count == 1
    assert lab.status().last_state.terminated.reason == "OOMKilled"


def whole(lab, name="web", **amounts):
    pod = lab.pod(name)
    given = Map.of({key: Quantity.parse(text) for key, text in amounts.items()})
    resources = core_v1.ResourceRequirements(requests=given, limits=given)
    metadata = replace(pod.metadata, generation=pod.metadata.generation + 1)
    lab.put("pods", replace(pod, metadata=metadata, spec=replace(pod.spec, resources=resources)))


def of_both(cpu, memory):
    given = Map.of({"cpu": Quantity.parse(cpu), "memory": Quantity.parse(memory)})
    return core_v1.ResourceRequirements(requests=given, limits=given)


def test_a_pod_as_a_whole_gets_what_it_asks_for(lab, container):
    lab = lab()
    lab.bind(
        containers=(container("a"), container("b", resources=asks("1", limits=True))), resources=of_both("2", "1Gi")
    )
    lab.run(10)
    orders = len(lab.orders)
    whole(lab, cpu="3", memory="1Gi")
    lab.run(1)
    assert lab.pod().status.allocated_resources["cpu"].text == "3"
    assert lab.pod().status.resources.limits["cpu"].text == "3"
    assert lab.reasons()[-2:] == ["ResizeStarted", "ResizeCompleted"]
    (order,) = lab.orders[orders:]
    assert (order.container, order.resources.limits["cpu"].text) == ("a", "3"), "who has no limit has the pod's"
    whole(lab, cpu="9", memory="1Gi")
    lab.run(1)
    assert lab.conditions()["PodResizePending"][1] == "Deferred"
    assert lab.kubelet.used["cpu"] == 3_000_000_000
    assert lab.pod().status.allocated_resources["cpu"].text == "3"


def test_a_pod_is_not_given_less_memory_than_it_uses_as_a_whole(lab, container):
    lab = lab({"web:*": "memory 100Mi"})
    lab.bind(containers=(container("a"), container("b")), resources=of_both("2", "1Gi"))
    lab.run(10)
    whole(lab, cpu="2", memory="150Mi")
    lab.run(1)
    why = (
        "cannot decrease memory limits: attempting to set pod memory limit (157286400) below current usage (209715200)"
    )
    assert lab.conditions()["PodResizeInProgress"] == ("True", "Error", why)
    lab.start()
    lab.run(1)
    assert lab.conditions()["PodResizeInProgress"] == ("True", "Error", why)
    whole(lab, cpu="2", memory="250Mi")
    lab.run(1)
    assert "PodResizeInProgress" not in lab.conditions()


def test_others_go_for_a_critical_pod_that_grows(lab, container):
    lab = lab({"web:*": "stop 3s"})
    lab.bind("web", containers=(container("web", resources=asks("1")),), priority=2_000_001_000)
    lab.bind("other", containers=(container("web", resources=asks("2")),))
    lab.bind("small", containers=(container("web", resources=asks("100m")),))
    lab.run(10)
    resize(lab, "web", asks("3500m"))
    lab.run(1)
    assert "PodResizePending" not in lab.conditions()
    assert lab.said("Preempting") == ["Preempted in order to admit critical pod"]
    lab.run(10)
    assert cpu(lab.status("web").resources.requests) == "3500m"
    assert lab.pod("other").status.reason == "Preempting"
    assert lab.kubelet.used["cpu"] == 3_600_000_000
    resize(lab, "web", asks("9"))
    lab.run(1)
    assert lab.conditions()["PodResizePending"][1] == "Deferred"
    assert (
        "no set of running pods found to reclaim resources: [(res: cpu, q: 5000), ]"
        in lab.conditions()["PodResizePending"][2]
    )


def test_what_waits_is_tried_every_three_minutes(lab, container):
    lab = lab()
    lab.bind("web", containers=(container("web", resources=asks("1")),))
    lab.bind("other", containers=(container("web", resources=asks("2")),))
    lab.run(10)
    resize(lab, "web", asks("3"))
    lab.run(1)
    assert ("kubelet", ("resizes",)) in lab.timers
    at, periodic = lab.timers["kubelet", ("resizes",)]
    assert (at - lab.now) // 1_000_000_000 == 179
    assert periodic
    lab.run(200)
    assert lab.timers["kubelet", ("resizes",)][0] > lab.now
    assert len(lab.said("ResizeDeferred")) == 1


def test_who_has_no_limit_starts_with_that_of_his_pod(lab, container):
    lab = lab({"web:*": "memory 100Mi"})
    lab.bind(containers=(container("a"),), resources=of_both("2", "50Mi"))
    lab.run(5)
    assert lab.status().last_state.terminated.reason == "OOMKilled"
