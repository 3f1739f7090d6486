"""A kubelet that starts again admits what it finds running anew, the oldest first."""

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity, Time
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def test_what_fits_no_longer_ends_and_the_oldest_stays(lab, container):
    lab = lab()
    resources = core_v1.ResourceRequirements(requests=Map.of({"cpu": Quantity.parse("1500m")}))
    for age, name in enumerate(("b", "a")):
        pod = lab.bind(name, containers=(container("web", resources=resources),))
        made = Time.at(lab.now + age * SECOND)
        lab.put("pods", replace(pod, metadata=replace(pod.metadata, creation_timestamp=made)))
    lab.run(20)
    lab.host = replace(lab.host, capacity=lab.host.capacity.set("cpu", "2"))
    lab.start()
    lab.run(20)
    assert [uid for uid, _ in lab.alive()] == ["pod-b"]
    assert lab.pod("b").status.phase == "Running"
    status = lab.pod("a").status
    assert (status.phase, status.reason) == ("Failed", "OutOfcpu")
    assert status.message.startswith("Pod was rejected: Node didn't have enough resource: cpu, requested: 1500")
    assert lab.kubelet.used["cpu"] == 1_500_000_000


def test_what_still_fits_goes_on_untouched(lab):
    lab = lab()
    lab.bind()
    lab.run(20)
    before, records = lab.status(), len(lab.records)
    lab.start()
    lab.run(20)
    assert lab.status() == before
    assert not [row for row in lab.records[records:] if row[3] == "web"]


def test_a_pod_that_the_node_is_no_longer_labelled_for_ends(lab):
    lab = lab()
    lab.run(1)
    node = lab.objects["nodes", "node-1"]
    labels = Map.of({**dict(node.metadata.labels), "disk": "fast"})
    lab.put("nodes", replace(node, metadata=replace(node.metadata, labels=labels)))
    lab.run(1)
    lab.bind("picky", node_selector=Map({"disk": "fast"}))
    lab.bind("plain")
    lab.run(20)
    node = lab.objects["nodes", "node-1"]
    slow = labels.set("disk", "slow")
    lab.put("nodes", replace(node, metadata=replace(node.metadata, labels=slow)))
    lab.run(20)
    assert lab.pod("picky").status.phase == "Running"
    lab.start()
    lab.run(20)
    status = lab.pod("picky").status
    said = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    assert (status.phase, status.reason, status.message) == ("Failed", "NodeAffinity", f"Pod was rejected: {said}")
    assert lab.pod("plain").status.phase == "Running"
    assert [uid for uid, _ in lab.alive()] == ["pod-plain"]
