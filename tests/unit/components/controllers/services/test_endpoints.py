"""Endpoints: subsets of a service's pods, and when they are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components import controllers
from reconcile.components.controllers.services import endpoints
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import pod, refused, service


def lab_of(*objects):
    lab = Lab(endpoints.CONTROLLER)
    for obj in objects:
        lab.put("services" if isinstance(obj, core_v1.Service) else "pods", obj)
    lab.run()
    return lab


def ips(found):
    return [
        (
            [address.ip for address in subset.addresses or ()],
            [address.ip for address in subset.not_ready_addresses or ()],
            [(port.name, port.port) for port in subset.ports or ()],
        )
        for subset in found.subsets or ()
    ]


def test_ready_and_unready_pods_become_addresses_in_order():
    lab = lab_of(
        service(ports=((80, 8080),)),
        pod("a", ip="10.0.0.2"),
        pod("b", ip="10.0.0.1"),
        pod("c", ip="10.0.0.3", ready=False),
        pod("d"),
        pod("e", ip="10.0.0.5", phase="Succeeded"),
        pod("f", ip="10.0.0.6", deleted=Time.at(START)),
        pod("g", ip="10.0.0.7", labels={"app": "other"}),
    )
    found = lab.get("endpoints", "default/web")
    assert ips(found) == [(["10.0.0.1", "10.0.0.2"], ["10.0.0.3"], [(None, 8080)])]
    first = found.subsets[0].addresses[0]
    assert first.node_name == "node-1"
    assert (first.target_ref.kind, first.target_ref.namespace, first.target_ref.name) == ("Pod", "default", "b")
    assert first.target_ref.uid == lab.get("pods", "default/b").metadata.uid
    assert found.metadata.labels == {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    assert lab.writes() == ["create endpoints"]


def test_a_service_without_pods_has_empty_endpoints():
    lab = lab_of(service(labels={"team": "a"}))
    found = lab.get("endpoints", "default/web")
    assert found.subsets is None
    assert found.metadata.labels["team"] == "a"
    assert found.metadata.annotations == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}


def test_named_ports_are_resolved_for_each_pod():
    lab = lab_of(
        service(ports=((80, "http"), (443, "https"))),
        pod("a", ip="10.0.0.1", ports=(core_v1.ContainerPort(name="http", container_port=8080),)),
        pod("b", ip="10.0.0.2", ports=(core_v1.ContainerPort(name="http", container_port=9090),)),
        pod("c", ip="10.0.0.3"),
    )
    assert ips(lab.get("endpoints", "default/web")) == [
        (["10.0.0.1"], [], [("p80", 8080)]),
        (["10.0.0.2"], [], [("p80", 9090)]),
    ]


def test_headless_services_are_marked_and_may_lack_ports():
    lab = lab_of(service(ports=(), cluster_ip="None"), pod("a", ip="10.0.0.1", hostname="a", subdomain="web"))
    found = lab.get("endpoints", "default/web")
    assert ips(found) == [(["10.0.0.1"], [], [])]
    assert found.subsets[0].addresses[0].hostname == "a"
    assert found.metadata.labels["service.kubernetes.io/headless"] == ""


def test_unready_addresses_are_published_on_request():
    lab = lab_of(
        service(publish_not_ready_addresses=True),
        pod("a", ip="10.0.0.1", ready=False),
        pod("b", ip="10.0.0.2", deleted=Time.at(START)),
    )
    assert ips(lab.get("endpoints", "default/web")) == [(["10.0.0.1", "10.0.0.2"], [], [(None, 80)])]


def test_services_that_are_served_by_others_are_left_alone():
    lab = lab_of(service(selector={}), service("name", type="ExternalName"), pod("a", ip="10.0.0.1"))
    assert lab.keys("endpoints") == ()


def test_what_does_not_matter_writes_nothing():
    lab = lab_of(service(), pod("a", ip="10.0.0.1"))
    lab.requests.clear()
    found = lab.get("pods", "default/a")
    lab.put("pods", replace(found, status=replace(found.status, message="hello")))
    lab.put("pods", pod("b", ip="10.0.0.9", labels={"app": "other"}))
    lab.run()
    assert lab.requests == []


def test_a_pod_that_becomes_ready_is_written_with_the_time_it_did():
    lab = lab_of(service(), pod("a", ip="10.0.0.1", ready=False))
    found = lab.get("pods", "default/a")
    now_ready = pod("a", ip="10.0.0.1", since=START + 7 * SECOND).status
    lab.put("pods", replace(found, status=now_ready))
    lab.run()
    written = lab.get("endpoints", "default/web")
    assert ips(written) == [(["10.0.0.1"], [], [(None, 80)])]
    assert written.metadata.annotations[endpoints.backends.LAST_CHANGE] == "2026-01-01T00:00:07Z"
    assert lab.writes() == ["create endpoints", "update endpoints web"]


def test_a_pod_that_leaves_the_selector_is_taken_out():
    lab = lab_of(service(), pod("a", ip="10.0.0.1"))
    found = lab.get("pods", "default/a")
    lab.put("pods", replace(found, metadata=replace(found.metadata, labels=Map({"app": "old"}))))
    lab.run()
    assert lab.get("endpoints", "default/web").subsets is None


def test_a_pod_without_labels_comes_and_goes():
    bare = pod("a", ip="10.0.0.1")
    lab = lab_of(service(), replace(bare, metadata=replace(bare.metadata, labels=None)))
    lab.remove("pods", "default/a")
    lab.run()
    assert lab.get("endpoints", "default/web").subsets is None


def test_endpoints_go_with_their_service():
    lab = lab_of(service(), pod("a", ip="10.0.0.1"))
    lab.remove("services", "default/web")
    lab.run()
    assert lab.keys("endpoints") == ()
    assert len(lab.state.works[0].memory.seen) == 0


def test_endpoints_that_someone_deleted_come_back():
    lab = lab_of(service(), pod("a", ip="10.0.0.1"))
    lab.remove("endpoints", "default/web")
    lab.run()
    assert lab.keys("endpoints") == ("default/web",)


def test_the_lock_of_an_election_is_none_of_its_business():
    lab = Lab(endpoints.CONTROLLER)
    lab.put("services", service())
    lock = lab.put("endpoints", core_v1.Endpoints(metadata=service().metadata))
    lock = replace(lock, metadata=replace(lock.metadata, annotations=Map({endpoints.LEADER: "{}"})))
    lab.put("endpoints", lock)
    lab.run()
    lab.remove("services", "default/web")
    lab.run()
    assert lab.writes() == []


def test_more_than_a_thousand_addresses_are_cut_ready_ones_kept():
    pods = [pod(f"p{n:04d}", ip=f"10.0.{n // 250}.{n % 250}", ready=n % 2 == 0, uid=f"u{n}") for n in range(1200)]
    whole = endpoints.subsets_of(service(), pods)
    subsets, truncated = endpoints._truncated(whole)
    assert truncated
    assert (len(subsets[0].addresses), len(subsets[0].not_ready_addresses)) == (600, 400)
    more = [pod(f"p{n:04d}", ip=f"10.0.{n // 250}.{n % 250}", uid=f"u{n}") for n in range(1200)]
    (cut,), _ = endpoints._truncated(endpoints.subsets_of(service(), more))
    assert (len(cut.addresses), cut.not_ready_addresses) == (1000, None)


@given(st.lists(st.integers(0, 900), min_size=1, max_size=5), st.integers(0, 1000))
def test_shares_use_all_there_is(sizes, most):
    shares = endpoints._shares(sizes, most)
    assert sum(shares) == min(most, sum(sizes))
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))


_PORTS = (
    (),
    (core_v1.ContainerPort(name="a", container_port=1),),
    (core_v1.ContainerPort(name="b", container_port=2),),
    (core_v1.ContainerPort(name="a", container_port=1), core_v1.ContainerPort(name="b", container_port=2)),
)
_PODS = st.lists(
    st.builds(
        lambda number, ready, phase, deleted, ports: pod(
            f"p{number}",
            ip=f"10.0.0.{number}" if number % 7 else None,
            uid=f"u{number}",
            ready=ready,
            phase=phase,
            deleted=Time.at(START) if deleted else None,
            ports=ports,
        ),
        st.integers(1, 40),
        st.booleans(),
        st.sampled_from(["Running", "Running", "Failed"]),
        st.booleans(),
        st.sampled_from(_PORTS),
    ),
    max_size=12,
    unique_by=lambda made: made.metadata.name,
)
_TARGETS = st.sampled_from([((80, 8080),), ((80, "a"),), ((80, "a"), (81, "b")), ((80, 8080), (81, "b")), ()])


def dumb_subsets(svc, pods):
    """For every pod and port one line; then, for every set of addresses, which ports they have."""
    lines = set()
    publishes = bool(svc.spec.publish_not_ready_addresses)
    for one in pods:
        if one.status.phase == "Failed" or not one.status.pod_ip:
            continue
        if one.metadata.deletion_timestamp and not publishes:
            continue
        ready = publishes or one.status.conditions[0].status == "True"
        offered = {p.name: p.container_port for p in one.spec.containers[0].ports or ()}
        for port in svc.spec.ports or ():
            number = offered.get(port.target_port) if isinstance(port.target_port, str) else port.target_port
            if number:
                lines.add((one.metadata.uid, one.status.pod_ip, ready, port.name, number))
    by_port = {}
    for uid, ip, ready, name, number in lines:
        by_port.setdefault((name or "", number), set()).add((ip, uid, ready))
    found = []
    for who in {frozenset(who) for who in by_port.values()}:
        ready = [ip for ip, _, ready in sorted(who) if ready]
        unready = [ip for ip, _, ready in sorted(who) if not ready]
        found.append((ready, unready, sorted([port for port, own in by_port.items() if own == who])))
    return sorted(found, key=lambda subset: subset[2])


@given(_PODS, _TARGETS, st.booleans())
def test_subsets_are_those_of_a_dumber_implementation(pods, targets, publishes):
    svc = service(ports=targets, publish_not_ready_addresses=publishes)
    made = core_v1.Endpoints(subsets=endpoints.subsets_of(svc, pods))
    got = [(ready, unready, [(name or "", port) for name, port in ports]) for ready, unready, ports in ips(made)]
    assert got == dumb_subsets(svc, pods)
    assert endpoints.subsets_of(svc, pods[::-1]) == made.subsets


def test_a_cache_that_does_not_show_the_last_write_is_waited_for():
    lab = lab_of(service())
    lab.late = {"endpoints"}
    lab.put("pods", pod("a", ip="10.0.0.1"))
    lab.settle()
    assert ips(lab.get("endpoints", "default/web")) == [(["10.0.0.1"], [], [(None, 80)])]
    lab.remove("pods", "default/a")
    lab.settle()
    lab.late = set()
    lab.run()
    assert lab.get("endpoints", "default/web").subsets is None


def test_endpoints_that_cannot_be_written_are_told_and_tried_again():
    lab = Lab(endpoints.CONTROLLER)
    lab.refusals = [refused("endpoints", "web", "no")]
    lab.put("services", service())
    lab.run()
    said = 'Failed to create endpoint for service default/web: endpoints "web" is forbidden: no'
    assert lab.said() == [("FailedToCreateEndpoint", said)]
    assert lab.records[0].component == "endpoint-controller"
    assert lab.get("endpoints", "default/web") is not None
    lab.refusals = [refused("endpoints", "web", "no")]
    lab.put("pods", pod("a", ip="10.0.0.1"))
    lab.run()
    said = 'Failed to update endpoint default/web: endpoints "web" is forbidden: no'
    assert lab.said()[1:] == [("FailedToUpdateEndpoint", said)]
    assert ips(lab.get("endpoints", "default/web")) == [(["10.0.0.1"], [], [(None, 80)])]


def test_no_endpoints_are_missed_in_a_namespace_that_is_being_deleted():
    lab = Lab(endpoints.CONTROLLER)
    lab.refusals = [refused("endpoints", "web", "it ends", ending=True)]
    lab.put("services", service())
    lab.run()
    assert (lab.said(), controllers.failing(lab.state)) == ([], ())
    assert lab.writes() == ["create endpoints"]
