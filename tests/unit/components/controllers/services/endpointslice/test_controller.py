"""EndpointSlices: what is in them, and that a cache that lags does no harm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components import controllers
from reconcile.components.controllers.services import endpointslice
from reconcile.components.controllers.services.endpointslice._controller import RESOURCE
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import node, pod, refused, service

ZONE = {"topology.kubernetes.io/zone": "a"}


def lab_of(*objects):
    lab = Lab(endpointslice.CONTROLLER)
    lab.put("nodes", node("node-1", labels=ZONE))
    for obj in objects:
        lab.put("services" if isinstance(obj, core_v1.Service) else "pods", obj)
    lab.run()
    return lab


def slices(lab):
    return tuple(lab.store.table(RESOURCE).values())


def test_a_slice_says_all_of_its_endpoints():
    lab = lab_of(
        service(ports=((80, 8080),), labels={"team": "a"}),
        pod("a", ip="10.0.0.1"),
        pod("b", ip="10.0.0.2", ready=False),
        pod("c", ip="10.0.0.3", deleted=Time.at(START)),
        pod("d", ip="10.0.0.4", phase="Failed"),
    )
    (found,) = slices(lab)
    metadata = found.metadata
    assert metadata.generate_name == "web-"
    assert metadata.labels == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "team": "a",
    }
    (owner,) = metadata.owner_references
    assert (owner.kind, owner.name, owner.controller, owner.block_owner_deletion) == ("Service", "web", True, True)
    assert metadata.annotations == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}
    assert (found.address_type, found.ports[0].port, found.ports[0].name) == ("IPv4", 8080, "")
    conditions = [(one.conditions.ready, one.conditions.serving, one.conditions.terminating) for one in found.endpoints]
    assert conditions == [(True, True, False), (False, False, False), (False, True, True)]
    first = found.endpoints[0]
    assert (first.addresses, first.node_name, first.zone) == (("10.0.0.1",), "node-1", "a")
    assert first.target_ref.uid == lab.get("pods", "default/a").metadata.uid


def test_a_service_without_endpoints_has_one_empty_slice():
    lab = lab_of(service())
    (found,) = slices(lab)
    assert not found.endpoints
    assert found.ports is None
    lab.put("pods", pod("a", ip="10.0.0.1"))
    lab.run()
    (after,) = slices(lab)
    assert after.metadata.uid == found.metadata.uid
    assert len(after.endpoints) == 1
    assert lab.writes() == [f"create {RESOURCE}", f"update {RESOURCE} {after.metadata.name}"]


def test_many_pods_need_several_slices_and_one_change_one_write():
    lab = lab_of(service(), *[pod(f"p{n:03d}", ip=f"10.0.{n // 200}.{n % 200}") for n in range(230)])
    assert sorted(len(one.endpoints) for one in slices(lab)) == [30, 100, 100]
    lab.requests.clear()
    found = lab.get("pods", "default/p007")
    lab.put("pods", replace(found, status=pod("x", ip="10.0.0.7", ready=False).status))
    lab.run()
    assert len(lab.writes()) == 1
    assert sum(not one.conditions.ready for each in slices(lab) for one in each.endpoints) == 1


def test_a_stale_cache_makes_no_second_slice():
    lab = lab_of(service())
    lab.late = {RESOURCE}
    lab.put("pods", pod("a", ip="10.0.0.1"))
    lab.run(SECOND)
    lab.put("pods", pod("b", ip="10.0.0.2"))
    lab.run(2 * SECOND)
    assert len(slices(lab)[0].endpoints) == 1
    lab.late = set()
    lab.run(20 * SECOND)
    assert [len(one.endpoints) for one in slices(lab)] == [2]
    assert not [request for request in lab.requests if request.verb == "create"][1:]


def test_a_slice_that_someone_changed_or_deleted_is_put_right():
    lab = lab_of(service(), pod("a", ip="10.0.0.1"))
    (found,) = slices(lab)
    lab.put(RESOURCE, replace(found, endpoints=(), metadata=replace(found.metadata, generation=2)))
    lab.run()
    assert len(slices(lab)[0].endpoints) == 1
    lab.remove(RESOURCE, lab.keys(RESOURCE)[0])
    lab.run()
    assert len(slices(lab)[0].endpoints) == 1


def test_a_pod_whose_node_nobody_knows_waits():
    lab = lab_of(service())
    lab.put("pods", pod("a", ip="10.0.0.1", node="node-2"))
    lab.run(SECOND)
    assert not slices(lab)[0].endpoints
    lab.put("nodes", node("node-2"))
    lab.run(60 * SECOND)
    assert len(slices(lab)[0].endpoints) == 1


def test_both_families_have_slices_of_their_own():
    double = pod("a", ip="10.0.0.1")
    status = replace(double.status, pod_ips=(core_v1.PodIP(ip="10.0.0.1"), core_v1.PodIP(ip="fd00::1")))
    lab = lab_of(service(ip_families=("IPv4", "IPv6")), replace(double, status=status))
    found = sorted((one.address_type, one.endpoints[0].addresses) for one in slices(lab))
    assert found == [("IPv4", ("10.0.0.1",)), ("IPv6", ("fd00::1",))]


def test_traffic_distribution_gives_hints():
    lab = lab_of(
        service(traffic_distribution="PreferClose"), pod("a", ip="10.0.0.1"), pod("b", ip="10.0.0.2", ready=False)
    )
    one, other = slices(lab)[0].endpoints
    assert one.hints.for_zones[0].name == "a"
    assert other.hints is None


def test_changed_ports_write_over_the_old_slice():
    lab = lab_of(service(ports=((80, 8080),)), pod("a", ip="10.0.0.1"))
    old = lab.get("services", "default/web")
    lab.put("services", replace(old, spec=service(ports=((80, 9090),)).spec))
    lab.run()
    (found,) = slices(lab)
    assert found.ports[0].port == 9090
    assert lab.writes()[-1] == f"update {RESOURCE} {found.metadata.name}"


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["ready", "unready", "gone"]), st.booleans()), max_size=25)
)
def test_whatever_happens_the_slices_end_as_the_pods_are(happenings):
    lab = lab_of(service())
    for number, what, late in happenings:
        lab.late = {RESOURCE} if late else set()
        key = f"default/p{number}"
        if what == "gone":
            if lab.get("pods", key):
                lab.remove("pods", key)
        else:
            made = pod(f"p{number}", ip=f"10.0.0.{number}", ready=what == "ready")
            found = lab.get("pods", key)
            lab.put("pods", replace(found, status=made.status) if found else made)
        lab.settle()
    lab.late = set()
    lab.run()
    got = {one.addresses[0]: one.conditions.ready for each in slices(lab) for one in each.endpoints or ()}
    pods = lab.store.table("pods").values()
    assert got == {one.status.pod_ip: one.status.conditions[0].status == "True" for one in pods}
    assert sum(len(each.endpoints or ()) for each in slices(lab)) == len(got)
    lab.requests.clear()
    lab.run()
    assert lab.requests == []


def test_slices_that_cannot_be_written_are_told_and_tried_again():
    lab = Lab(endpointslice.CONTROLLER)
    lab.refusals = [refused(RESOURCE, "web-x", "no")]
    lab.put("nodes", node("node-1"))
    lab.put("services", service())
    lab.run()
    said = "Error updating Endpoint Slices for Service default/web: failed to create EndpointSlice for Service web: "
    assert lab.said() == [("FailedToUpdateEndpointSlices", f'{said}{RESOURCE} "web-x" is forbidden: no')]
    assert lab.records[0].component == "endpoint-slice-controller"
    (found,) = slices(lab)
    lab.refusals = [refused(RESOURCE, found.metadata.name, "no")]
    lab.put("pods", pod("a", ip="10.0.0.1"))
    lab.run()
    assert f"failed to update {found.metadata.name} EndpointSlice for Service web: " in lab.said()[1][1]
    assert len(slices(lab)[0].endpoints) == 1


def test_no_slices_are_missed_in_a_namespace_that_is_being_deleted():
    lab = Lab(endpointslice.CONTROLLER)
    lab.refusals = [refused(RESOURCE, "web-x", "it ends", ending=True)]
    lab.put("nodes", node("node-1"))
    lab.put("services", service())
    lab.run()
    assert (lab.said(), controllers.failing(lab.state)) == ([], ())
    assert lab.writes() == [f"create {RESOURCE}"]
