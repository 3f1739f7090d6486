"""Load balancers of a simulated cloud."""

from __future__ import annotations

import attrs

from reconcile.api.scalars import Time
from reconcile.components.controllers.cloud import controllers_of
from reconcile.components.controllers.cloud.balancing import FINALIZER
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.clouds import Cloud
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import node, refused, service

SERVICE = "default/web"


def lab_of(cloud=Cloud(), *, nodes=2, **spec):  # noqa: B008 -- it is a value
    lab = Lab(controllers_of(cloud)[0])
    for number in range(nodes):
        lab.put("nodes", node(f"node-{number + 1}"))
    lab.put("services", service(type="LoadBalancer", **spec))
    lab.settle()
    return lab


def change(lab, **changes):
    old = lab.get("services", SERVICE)
    lab.put("services", replace(old, spec=replace(old.spec, **changes)))


def delete(lab):
    old = lab.get("services", SERVICE)
    lab.put("services", replace(old, metadata=replace(old.metadata, deletion_timestamp=Time.at(lab.now))))


def ingress(lab):
    found = lab.get("services", SERVICE).status
    return [each.ip or each.hostname for each in (found.load_balancer.ingress if found else None) or ()]


def reasons(lab):
    return [reason for reason, _ in lab.said()]


def test_a_balancer_is_made_while_its_finalizer_holds_the_service():
    lab = lab_of()
    assert lab.get("services", SERVICE).metadata.finalizers == (FINALIZER,)
    assert ingress(lab) == []
    assert lab.timers.busy == 1
    lab.run()
    assert lab.now == START + 5 * SECOND
    (address,) = ingress(lab)
    assert address.startswith("203.0.113.")
    assert lab.get("services", SERVICE).status.load_balancer.ingress[0].ip_mode == "VIP"
    assert lab.said() == [
        ("EnsuringLoadBalancer", "Ensuring load balancer"),
        ("EnsuredLoadBalancer", "Ensured load balancer"),
    ]
    assert lab.records[0].component == "service-controller"
    assert lab.writes() == ["patch services status web"] * 2


def test_a_cloud_that_fails_is_asked_again_after_five_seconds_doubling():
    lab = lab_of(Cloud(failures=2))
    lab.run()
    assert lab.now == START + (5 + 5 + 5 + 10 + 5) * SECOND
    assert reasons(lab).count("SyncLoadBalancerFailed") == 2
    why = "Error syncing load balancer: failed to ensure load balancer: the cloud refuses to make a load balancer"
    assert ("SyncLoadBalancerFailed", why) in lab.said()
    assert len(ingress(lab)) == 1


def test_a_refused_finalizer_is_told():
    lab = Lab(controllers_of(Cloud())[0])
    lab.refusals = [refused("services", "web", "no")]
    lab.put("services", service(type="LoadBalancer"))
    lab.run()
    why = 'failed to add load balancer cleanup finalizer: services "web" is forbidden: no'
    assert ("SyncLoadBalancerFailed", f"Error syncing load balancer: {why}") in lab.said()
    assert reasons(lab)[-1] == "EnsuredLoadBalancer"


def test_a_service_of_another_class_is_another_clouds():
    lab = lab_of(load_balancer_class="example.com/other")
    assert lab.requests == []


def test_without_nodes_it_is_made_all_the_same_and_told():
    lab = lab_of(nodes=0)
    lab.run()
    assert reasons(lab) == ["EnsuringLoadBalancer", "UnAvailableLoadBalancer", "EnsuredLoadBalancer"]


def test_it_follows_the_nodes():
    lab = lab_of()
    lab.run()
    lab.put("nodes", node("node-3"))
    lab.settle()
    assert reasons(lab)[2:] == ["UpdatedLoadBalancer"]
    excluded = Map({"node.kubernetes.io/exclude-from-external-load-balancers": "true"})
    found = lab.get("nodes", "node-3")
    lab.put("nodes", replace(found, metadata=replace(found.metadata, labels=excluded)))
    lab.settle()
    assert reasons(lab)[3:] == ["UpdatedLoadBalancer"]
    lab.put("nodes", replace(lab.get("nodes", "node-2"), status=node("x", ready="False").status))
    lab.settle()
    assert len(lab.records) == 4


def test_a_service_that_changes_is_ensured_again_and_keeps_its_address():
    lab = lab_of()
    lab.run()
    before, at = ingress(lab), lab.now
    change(lab, external_traffic_policy="Local")
    lab.run()
    assert (ingress(lab), lab.now) == (before, at + 5 * SECOND)
    assert reasons(lab) == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"] * 2


def test_what_changes_while_it_is_made_is_not_missed():
    lab = lab_of()
    lab.run(2 * SECOND)
    change(lab, external_traffic_policy="Local")
    lab.run()
    assert lab.now == START + 10 * SECOND
    assert reasons(lab).count("EnsuredLoadBalancer") == 2


def test_a_service_that_is_deleted_goes_when_its_balancer_is_gone():
    lab = lab_of()
    lab.run()
    delete(lab)
    lab.settle()
    assert lab.get("services", SERVICE) is not None
    lab.run()
    assert lab.get("services", SERVICE) is None
    assert reasons(lab)[2:] == ["DeletingLoadBalancer", "DeletedLoadBalancer"]
    assert len(lab.state.works[0].memory.balancers) == len(lab.state.works[0].memory.taken) == 0


def test_one_that_is_deleted_while_it_is_made_is_made_first():
    lab = lab_of()
    lab.run(SECOND)
    delete(lab)
    lab.run()
    assert lab.get("services", SERVICE) is None
    assert reasons(lab) == [
        "EnsuringLoadBalancer",
        "EnsuredLoadBalancer",
        "DeletingLoadBalancer",
        "DeletedLoadBalancer",
    ]


def test_a_service_that_wants_none_any_more_loses_it():
    lab = lab_of()
    lab.run()
    change(lab, type="ClusterIP")
    lab.run()
    assert ingress(lab) == []
    assert lab.get("services", SERVICE).metadata.finalizers is None
    assert reasons(lab)[2:] == ["DeletingLoadBalancer", "DeletedLoadBalancer"]


def test_no_two_services_have_one_address():
    lab = lab_of(Cloud(addresses="203.0.113.0/30"))
    for number in range(2):
        lab.put("services", service(f"other-{number}", type="LoadBalancer"))
    lab.run(20 * SECOND)
    services = lab.store.table("services").values()
    found = [each.status.load_balancer.ingress[0].ip for each in services if each.status]
    assert sorted(found) == ["203.0.113.1", "203.0.113.2"]
    assert lab.said()[-1][1].endswith("no address is left") or "SyncLoadBalancerFailed" in reasons(lab)


def test_an_address_that_is_asked_for():
    lab = lab_of(load_balancer_ip="203.0.113.9")
    lab.run()
    assert ingress(lab) == ["203.0.113.9"]
    other = lab_of(load_balancer_ip="198.51.100.1")
    other.run(5 * SECOND)
    assert other.said()[-1][1].endswith("address 198.51.100.1 is not to be had")


def test_a_balancer_with_a_name():
    lab = lab_of(attrs.evolve(Cloud(), hostnames=True, region="r1"))
    lab.run()
    (name,) = ingress(lab)
    assert name.startswith("a") and name.endswith(".r1.example.com")  # noqa: PT018


def test_a_new_leader_knows_what_is_there():
    lab = lab_of()
    lab.run()
    before = ingress(lab)
    again = Lab(controllers_of(Cloud())[0])
    again.store = lab.store
    again.run()
    assert ingress(again) == before
    delete(again)
    again.run()
    assert reasons(again)[-2:] == ["DeletingLoadBalancer", "DeletedLoadBalancer"]
