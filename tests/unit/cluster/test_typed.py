import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.cluster import Cluster, Topology
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import CAPACITY, Host

HOST = {"name": "box", "ip": "172.18.0.9", "pod_cidr": "10.128.9.0/24"}
TAINT = core_v1.Taint(key="a", effect="NoSchedule")
POD = core_v1.Pod(
    metadata=meta_v1.ObjectMeta(name="own"), spec=core_v1.PodSpec(containers=(core_v1.Container(name="c", image="i"),))
)
DOCUMENT = {"images": {"web": "exit 1 after 3s"}}


def test_plain_dicts_and_lists_are_what_they_stand_for():
    plain = Topology(
        capacity=dict(CAPACITY),
        hosts=[
            Host(
                **HOST,
                reserved={"cpu": "1"},
                labels={"a": "b"},
                taints=[TAINT],
                manifests=[POD],
            )
        ],
        behaviours=DOCUMENT,
    )
    host = Host(**HOST, reserved=Map({"cpu": "1"}), labels=Map({"a": "b"}), taints=(TAINT,), manifests=(POD,))
    assert plain == Topology(hosts=(host,), behaviours=Behaviours.parse(DOCUMENT))
    assert hash(plain.hosts) == hash((host,))
    assert Cluster.boot(plain).hosts["box"].host.labels["a"] == "b"


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Topology)])
@pytest.mark.parametrize("value", [None, 2.5, "x", [3], {"a": 3}, {3: "a"}, object(), -1])
def test_whatever_a_topology_cannot_hold_is_refused_by_name(field, value):
    if (field, value) in (("start", -1), ("cloud", None), ("balancer", None)):
        return  # it is before 1970; it is no cloud; it is what is usual
    with pytest.raises(ReconcileError, match=rf"{field}|images|expected an object|hosts|unknown|behaviours"):
        Topology(**{field: value})


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Host)])
@pytest.mark.parametrize("value", [None, 2.5, "x", [3], {"a": 3}, {3: "a"}, object()])
def test_whatever_a_host_cannot_hold_is_refused_by_name(field, value):
    if (field, value) == ("name", "x"):
        return
    with pytest.raises(ReconcileError, match=rf"^topology: hosts\[0\]\.{field}"):
        Topology(hosts=(Host(**{**HOST, field: value}),))


@pytest.mark.parametrize("value", [{"nodes": 1}, 3, "x", ()])
def test_a_cluster_is_booted_from_a_topology(value):
    with pytest.raises(ReconcileError, match=r"^topology: expected a Topology, found "):
        Cluster.boot(value)


def test_behaviours_hold_behaviours():
    with pytest.raises(ReconcileError, match=r"^topology: behaviours: expected behaviours, such as"):
        Topology(behaviours=Behaviours(images={"web": "exit 1"}))
