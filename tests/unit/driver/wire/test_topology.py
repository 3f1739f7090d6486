import pytest

from reconcile.cluster import Topology
from reconcile.driver.wire import topology_from_json, topology_to_json
from reconcile.lib.errors import ReconcileError
from reconcile.model.behaviours import Behaviours


def test_a_topology_says_what_differs_from_the_default():
    assert topology_to_json(Topology()) == {}
    assert topology_to_json(Topology(nodes=5, lock="endpoints")) == {"nodes": 5, "lock": "endpoints"}
    behaviours = Behaviours.parse({"images": {"web": "pull 3s"}})
    written = topology_to_json(Topology(behaviours=behaviours))
    assert written["behaviours"]["images"]["web"] == "pull 3s"
    assert topology_from_json({"behaviours": {"images": {"web": {"pull": "3s"}}}}).behaviours == behaviours
    assert topology_from_json(topology_to_json(Topology(behaviours=Behaviours()))).behaviours == Behaviours()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"nodes": 0}, "topology: nodes: 0 is not between 1"),
        ({"lock": "secrets"}, 'lock: expected one of leases, endpoints, configmaps, found "secrets"'),
        ({"behaviours": {"images": {"web": "fly"}}}, "behaviours: expected behaviours .*'fly' is no clause"),
        ({"hosts": [{"name": "a", "ip": "1.2.3.4"}]}, r"hosts\[0\].podCIDR: required"),
        (
            {"hosts": [{"name": "a", "ip": "", "podCIDR": "", "taints": [{"key": "x"}]}]},
            r"hosts\[0\].taints\[0\].effect",
        ),
    ],
)
def test_a_wrong_topology_is_refused(content, message):
    with pytest.raises(ReconcileError, match=message):
        topology_from_json(content)
