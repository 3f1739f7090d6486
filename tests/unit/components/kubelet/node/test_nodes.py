"""The kubelet's Node and its heartbeat."""

import itertools

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.events import Answered
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host
from reconcile.model.requests import Response

LEASE = ("leases.coordination.k8s.io", "kube-node-lease/node-1")


def test_a_node_is_registered(lab):
    taint = core_v1.Taint(key="dedicated", value="db", effect="NoSchedule")
    host = Host(
        name="node-1",
        ip="192.168.0.1",
        pod_cidr="10.244.1.0/24",
        labels=Map({"zone": "a"}),
        taints=(taint,),
        reserved=Map({"cpu": "500m"}),
    )
    lab = lab(host=host)
    lab.run(1)
    node = lab.objects["nodes", "node-1"]
    assert node.metadata.labels == Map(
        {
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": "node-1",
            "kubernetes.io/os": "linux",
            "zone": "a",
        }
    )
    assert (node.spec.pod_cidr, node.spec.taints) == ("10.244.1.0/24", (taint,))
    assert node.status.allocatable["cpu"] == Quantity.parse("3500m")
    assert node.status.node_info.kubelet_version.startswith("v1.36")
    assert [(row.type, row.status, row.reason) for row in node.status.conditions] == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]
    assert lab.reasons("node-1")[0] == "Starting"


def test_the_heartbeat_renews_a_lease_every_ten_seconds(lab):
    lab = lab()
    lab.run(35)
    lease = lab.objects[LEASE]
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("node-1", 40)
    assert lease.spec.renew_time.instant == lab.now - 5 * SECOND
    assert lease.metadata.owner_references[0].uid == lab.objects["nodes", "node-1"].metadata.uid
    assert all(periodic for _, periodic in lab.timers.values())


def test_an_idle_node_is_reported_every_five_minutes(lab):
    lab = lab()
    lab.run(1000)
    reports = [request for request in lab.calls if (request.resource, request.subresource) == ("nodes", "status")]
    assert len(reports) == 3


def test_a_new_image_is_reported_at_the_next_update(lab):
    lab = lab()
    lab.run(1)
    lab.bind()
    lab.run(12)
    images = lab.objects["nodes", "node-1"].status.images
    assert [(row.names, row.size_bytes) for row in images] == [(("web:1",), 67108864)]


def test_a_kubelet_that_was_away_takes_its_node_up_again(lab):
    lab = lab()
    lab.run(1)
    node = lab.objects["nodes", "node-1"]
    gone = tuple([replace(row, status="Unknown", reason="NodeStatusUnknown") for row in node.status.conditions])
    lab.put("nodes", replace(node, status=replace(node.status, conditions=gone)))
    lab.queue = []
    lab.start()
    lab.run(1)
    assert [row.status for row in lab.objects["nodes", "node-1"].status.conditions] == ["False"] * 3 + ["True"]
    assert lab.said("NodeReady") == ["Node node-1 status is now: NodeReady"]


def test_a_node_that_is_called_unready_says_otherwise_at_the_next_update(lab):
    lab = lab()
    lab.run(3)
    node = lab.objects["nodes", "node-1"]
    unready = tuple([replace(row, status="Unknown") if row.type == "Ready" else row for row in node.status.conditions])
    lab.put("nodes", replace(node, status=replace(node.status, conditions=unready)))
    lab.run(8)
    assert lab.objects["nodes", "node-1"].status.conditions[-1].status == "True"


def test_a_report_that_comes_late_does_not_hide_what_another_said_before_it(lab):
    lab = lab()
    lab.run(3)
    push, late = lab.push, []
    lab.push = lambda to, event: late.append(event) if to == "api" and event[1] == ("node",) else push(to, event)
    lab.run(300)
    assert len(late) == 1
    lab.push = push
    node = lab.objects["nodes", "node-1"]
    unknown = tuple([replace(row, status="Unknown") if row.type == "Ready" else row for row in node.status.conditions])
    found = lab.put("nodes", replace(node, status=replace(node.status, conditions=unknown)))
    lab.run(1)
    lab.push("kubelet", Answered(lab.now, ("node",), Response(200, found)))  # it changed nothing but times
    lab.run(10)
    assert lab.objects["nodes", "node-1"].status.conditions[-1].status == "True"


def test_a_report_that_is_never_answered_is_not_waited_for_when_another_speaks(lab):
    lab = lab()
    lab.run(3)
    push = lab.push
    lab.push = lambda to, event: None if to == "api" and event[1] == ("node",) else push(to, event)
    lab.run(300)
    lab.run(60)
    lab.push = push
    node = lab.objects["nodes", "node-1"]
    unknown = tuple([replace(row, status="Unknown") if row.type == "Ready" else row for row in node.status.conditions])
    lab.put("nodes", replace(node, status=replace(node.status, conditions=unknown)))
    lab.run(11)
    assert lab.objects["nodes", "node-1"].status.conditions[-1].status == "True"


def test_what_another_says_that_a_node_has_is_kept(lab):
    lab = lab()
    lab.run(3)
    node = lab.objects["nodes", "node-1"]
    dongles = {"example.com/dongle": Quantity.parse("4")}
    lab.put(
        "nodes",
        replace(
            node, status=replace(node.status, capacity=Map({"cpu": Quantity.parse("99"), **dongles}), allocatable=None)
        ),
    )
    lab.run(600)
    status = lab.objects["nodes", "node-1"].status
    assert status.capacity == Map({**node.status.capacity, **dongles})
    assert status.allocatable == Map({**node.status.allocatable, **dongles})


def test_heartbeats_do_not_pile_up_while_none_is_answered(lab):
    lab = lab()
    lab.run(1)
    lab.serve, sent = lambda _: None, []
    push = lab.push
    lab.push = lambda to, event: sent.append(event) if to == "api" else push(to, event)
    lab.run(125)
    assert len(sent) == 3  # after 10, 50 and 90 seconds


def test_a_lease_that_another_wrote_is_taken_up(lab):
    lab = lab()
    lab.run(1)
    lease = lab.objects[LEASE]
    lab.put(LEASE[0], replace(lease, metadata=replace(lease.metadata, labels=Map({"a": "b"}))))
    lab.run(20)
    assert lab.objects[LEASE].spec.renew_time.instant == lab.now - SECOND
    assert lab.objects[LEASE].metadata.labels == Map({"a": "b"})


def test_registering_is_tried_until_it_succeeds(lab):
    lab = lab()
    serve, tries = lab.serve, []

    def refuse(request):
        if request.resource == "nodes" and request.verb == "create" and len(tries) < 5:
            from reconcile.model import statuses
            from reconcile.model.requests import Response

            tries.append(lab.now)
            return Response(403, statuses.forbidden("nodes", "", "not yet"))
        return serve(request)

    lab.serve = refuse
    lab.run(20)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert waits == [SECOND // 5, 2 * SECOND // 5, 4 * SECOND // 5, 8 * SECOND // 5]
    assert ("nodes", "node-1") in lab.objects


def test_what_is_recorded_about_the_node_names_it_as_its_uid(lab):
    lab = lab()
    lab.run(1)
    assert {about.metadata.uid for about in lab.about if about.kind == "Node"} == {"node-1"}


def test_a_node_that_was_off_says_so(lab):
    lab = lab()
    lab.run(30)
    first = lab.objects["nodes", "node-1"].status.node_info
    lab.start()
    lab.run(30)
    assert lab.said("Rebooted") == []
    lab.reboot()
    lab.run(30)
    second = lab.objects["nodes", "node-1"].status.node_info
    assert second == replace(first, boot_id=second.boot_id)
    assert second.boot_id != first.boot_id
    assert lab.said("Rebooted") == [f"Node node-1 has been rebooted, boot id: {second.boot_id}"]
