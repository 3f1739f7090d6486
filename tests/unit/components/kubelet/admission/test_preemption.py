"""Preemption: a critical pod is taken in place of others."""

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Quantity
from reconcile.events import ManifestsChanged, Reported
from reconcile.lib.mapping import Map

CRITICAL = 2_000_000_000


def asks(cpu, **limits):
    requests = Map.of({"cpu": Quantity.parse(cpu)})
    if not limits:
        return core_v1.ResourceRequirements(requests=requests)
    amounts = Map.of({"cpu": Quantity.parse(cpu), "memory": Quantity.parse("1Mi")})
    return core_v1.ResourceRequirements(requests=amounts, limits=amounts)


def test_a_critical_pod_waits_for_the_pods_that_make_room(lab, container):
    lab = lab({"web:1": "stop 5s"})
    for name, cpu in (("large", "2"), ("small", "500m"), ("middle", "1500m")):
        lab.bind(name, containers=(container("web", resources=asks(cpu)),))
    lab.run(20)
    lab.bind("critical", containers=(container("web", resources=asks("1")),), priority=CRITICAL)
    lab.run(3)
    assert lab.said("Preempting") == ["Preempted in order to admit critical pod"]
    assert not lab.pod("critical").status.start_time
    lab.run(20)
    assert lab.pod("critical").status.phase == "Running"
    status = lab.pod("middle").status
    assert (status.phase, status.reason) == ("Failed", "Preempting")
    why = "Pod was preempted by Kubelet to accommodate a critical pod."
    assert lab.conditions("middle")["DisruptionTarget"] == ("True", "TerminationByKubelet", why)
    assert {lab.pod(name).status.phase for name in ("large", "small")} == {"Running"}


def test_guaranteed_pods_go_last(lab, container):
    lab = lab()
    lab.bind("guaranteed", containers=(container("web", resources=asks("2", limits=True)),))
    lab.bind("burstable", containers=(container("web", resources=asks("2")),))
    lab.run(20)
    lab.bind("critical", containers=(container("web", resources=asks("2")),), priority=CRITICAL)
    lab.run(30)
    assert lab.pod("burstable").status.reason == "Preempting"
    assert lab.pod("guaranteed").status.phase == "Running"


def test_a_critical_pod_that_cannot_fit_is_refused(lab, container):
    lab = lab()
    lab.bind("web", containers=(container("web", resources=asks("1")),))
    lab.run(20)
    lab.bind("critical", containers=(container("web", resources=asks("5")),), priority=CRITICAL)
    lab.run(5)
    status = lab.pod("critical").status
    assert (status.phase, status.reason) == ("Failed", "UnexpectedAdmissionError")
    assert status.message.endswith("no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]")
    assert lab.pod("web").status.phase == "Running"


def test_a_critical_pod_that_goes_while_it_waits_is_forgotten(lab, container):
    lab = lab({"web:1": "stop 5s"})
    lab.bind("web", containers=(container("web", resources=asks("4")),))
    lab.run(20)
    pod = lab.bind("critical", containers=(container("web", resources=asks("1")),), priority=CRITICAL)
    lab.run(1)
    lab.remove("pods", pod)
    lab.run(20)
    assert not lab.alive()
    assert not lab.kubelet.seldom.trouble.critical


def static(container, cpu):
    metadata = meta_v1.ObjectMeta(name="agent", namespace="kube-system")
    spec = core_v1.PodSpec(containers=(container("web", resources=asks(cpu)),), restart_policy="Always")
    return core_v1.Pod(metadata=metadata, spec=spec)


def test_a_static_pod_makes_others_go(lab, container):
    lab = lab({"web:1": "stop 5s"})
    for name, cpu in (("large", "2500m"), ("small", "1")):
        lab.bind(name, containers=(container("web", resources=asks(cpu)),))
    lab.run(20)
    lab.push("kubelet", Reported(lab.now, ManifestsChanged((static(container, "1"),))))
    lab.run(3)
    assert lab.said("Preempting") == ["Preempted in order to admit critical pod"]
    assert lab.pod("agent-node-1", "kube-system") is None
    lab.run(20)
    assert lab.pod("small").status.reason == "Preempting"
    assert lab.pod("agent-node-1", "kube-system").status.phase == "Running"
    assert lab.kubelet.used["cpu"] == 3_500_000_000


def test_a_static_pod_whose_manifest_goes_while_it_waits_never_runs(lab, container):
    lab = lab({"web:1": "stop 5s"})
    lab.bind("large", containers=(container("web", resources=asks("3500m")),))
    lab.run(20)
    lab.push("kubelet", Reported(lab.now, ManifestsChanged((static(container, "1"),))))
    lab.run(1)
    lab.push("kubelet", Reported(lab.now, ManifestsChanged(())))
    lab.run(30)
    assert lab.pod("agent-node-1", "kube-system") is None
    assert lab.alive() == []


def test_a_static_pod_that_cannot_fit_is_shown_as_failed(lab, container):
    lab = lab()
    lab.run(5)
    lab.push("kubelet", Reported(lab.now, ManifestsChanged((static(container, "9"),))))
    lab.run(20)
    status = lab.pod("agent-node-1", "kube-system").status
    assert (status.phase, status.reason) == ("Failed", "UnexpectedAdmissionError")
