"""Endpoints of a user's own are mirrored to EndpointSlices."""

from __future__ import annotations

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.services import endpointslicemirroring as mirroring
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers.lab import Lab
from tests.unit.components.controllers.parts import refused, service

SLICES = "endpointslices.discovery.k8s.io"
LABELS = {
    "kubernetes.io/service-name": "db",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
}


def endpoints(*subsets, name="db", labels=None, annotations=None):
    return core_v1.Endpoints(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            labels=Map(labels) if labels else None,
            annotations=Map(annotations) if annotations else None,
        ),
        subsets=subsets or None,
    )


def subset(ready, unready=(), ports=((None, 5432),)):
    return core_v1.EndpointSubset(
        addresses=tuple([core_v1.EndpointAddress(ip=ip) for ip in ready]) or None,
        not_ready_addresses=tuple([core_v1.EndpointAddress(ip=ip) for ip in unready]) or None,
        ports=tuple([core_v1.EndpointPort(name=name, port=port, protocol="TCP") for name, port in ports]),
    )


def lab_of(*subsets, selector=(), **more):
    lab = Lab(mirroring.CONTROLLER)
    lab.put("services", service("db", selector=dict(selector)))
    lab.put("endpoints", endpoints(*subsets, **more))
    lab.run()
    return lab


def slices(lab):
    return list(lab.store.table(SLICES).values())


def change(lab, *subsets, **more):
    old = lab.get("endpoints", "default/db")
    new = endpoints(*subsets, **more)
    lab.put("endpoints", replace(old, subsets=new.subsets, metadata=replace(old.metadata, labels=new.metadata.labels)))
    lab.run()


def shown(lab):
    return [
        (each.address_type, [(end.addresses[0], end.conditions.ready) for end in each.endpoints])
        for each in slices(lab)
    ]


def test_a_subset_is_a_slice_of_each_family():
    lab = lab_of(
        subset(["10.0.0.1", "fd00::1"], ["10.0.0.2"]),
        labels={"team": "a"},
        annotations={"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    )
    assert shown(lab) == [("IPv4", [("10.0.0.1", True), ("10.0.0.2", False)]), ("IPv6", [("fd00::1", True)])]
    four = slices(lab)[0]
    assert four.metadata.labels == {"team": "a", **LABELS}
    assert four.metadata.annotations == {"note": "x"}
    assert four.metadata.name.startswith("db-")
    owner = four.metadata.owner_references[0]
    assert (owner.kind, owner.name, owner.controller) == ("Endpoints", "db", True)
    assert [(port.name, port.port, port.protocol) for port in four.ports] == [("", 5432, "TCP")]
    assert lab.writes() == [f"create {SLICES}"] * 2
    lab.deliver(SLICES)
    lab.run()
    assert len(lab.writes()) == 2


def test_a_slice_is_written_over_where_its_subset_changes():
    lab = lab_of(subset(["10.0.0.1"]))
    name = slices(lab)[0].metadata.name
    change(lab, subset(["10.0.0.1", "10.0.0.3"]))
    assert shown(lab) == [("IPv4", [("10.0.0.1", True), ("10.0.0.3", True)])]
    change(lab, subset(["10.0.0.3"], ports=((None, 5433),)))
    assert [each.ports[0].port for each in slices(lab)] == [5433]
    assert [each.metadata.name for each in slices(lab)] == [name]
    assert lab.writes() == [f"create {SLICES}", f"update {SLICES} {name}", f"update {SLICES} {name}"]


def test_what_is_not_to_be_mirrored_any_more_is_deleted():
    lab = lab_of(subset(["10.0.0.1"]))
    change(lab, subset(["10.0.0.1"]), labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    assert slices(lab) == []
    change(lab, subset(["10.0.0.1"]))
    assert len(slices(lab)) == 1
    lab.remove("services", "default/db")
    lab.run()
    assert slices(lab) == []


def test_a_service_that_gets_a_selector_has_its_slices_from_another_controller():
    lab = lab_of(subset(["10.0.0.1"]))
    old = lab.get("services", "default/db")
    lab.put("services", replace(old, spec=replace(old.spec, selector=Map({"app": "db"}))))
    lab.run()
    assert slices(lab) == []


def test_endpoints_of_a_service_with_a_selector_cost_nothing():
    lab = lab_of(subset(["10.0.0.1"]), selector={"app": "db"})
    assert lab.requests == []


def test_locks_are_not_mirrored():
    lab = lab_of(subset(["10.0.0.1"]), annotations={"control-plane.alpha.kubernetes.io/leader": "{}"})
    assert lab.requests == []


def test_a_slice_that_somebody_deletes_or_changes_is_mended():
    lab = lab_of(subset(["10.0.0.1"]))
    lab.remove(SLICES, f"default/{slices(lab)[0].metadata.name}")
    lab.run()
    assert shown(lab) == [("IPv4", [("10.0.0.1", True)])]
    made = slices(lab)[0]
    lab.put(SLICES, replace(made, endpoints=(), metadata=replace(made.metadata, generation=2)))
    lab.run()
    assert shown(lab) == [("IPv4", [("10.0.0.1", True)])]


def test_no_more_than_a_thousand_addresses_of_a_subset():
    many = [f"10.0.{number // 250}.{number % 250}" for number in range(1002)]
    lab = lab_of(subset(many))
    assert [len(each.endpoints) for each in slices(lab)] == [1000]
    said = "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped"
    assert lab.said() == [("TooManyAddressesToMirror", said)]
    assert lab.records[0].component == "endpoint-slice-mirroring-controller"


def test_addresses_that_are_none_are_told():
    lab = lab_of(subset(["10.0.0.01", "nowhere", "::ffff:10.0.0.9"]))
    assert shown(lab) == [("IPv4", [("10.0.0.1", True), ("10.0.0.9", True)])]
    assert lab.said() == [("InvalidIPAddress", "Skipped 1 invalid IP addresses when mirroring to EndpointSlices")]


def test_a_refusal_is_tried_again_after_a_second():
    lab = Lab(mirroring.CONTROLLER)
    lab.refusals = [refused(SLICES, "", "no")]
    lab.put("services", service("db", selector={}))
    lab.put("endpoints", endpoints(subset(["10.0.0.1"])))
    before = lab.now
    lab.run()
    assert lab.now == before + SECOND
    assert len(slices(lab)) == 1
