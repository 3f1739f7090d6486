"""Resources: what a pod asks of a node."""

from reconcile.api import convert, core_v1
from reconcile.model.resources import allocatable, requests_of


def spec(**content):
    return convert.load({"containers": [], **content}, cls=core_v1.PodSpec).object


def asks(name, always=False, **requests):
    return {"name": name, "resources": {"requests": requests}, **({"restartPolicy": "Always"} if always else {})}


def test_containers_run_together():
    pod = spec(containers=[asks("a", cpu="100m", memory="1Ki"), asks("b", cpu="1.5"), {"name": "c"}])
    assert requests_of(pod) == {"cpu": 1600, "memory": 1024}


def test_init_containers_run_one_after_the_other():
    pod = spec(containers=[asks("a", cpu="1")], initContainers=[asks("i", cpu="3"), asks("j", cpu="2", memory="5")])
    assert requests_of(pod) == {"cpu": 3000, "memory": 5}


def test_sidecars_run_beside_what_starts_after_them():
    sidecar = asks("s", always=True, cpu="1")
    assert requests_of(spec(containers=[asks("a", cpu="2")], initContainers=[sidecar])) == {"cpu": 3000}
    assert requests_of(spec(containers=[], initContainers=[sidecar, asks("i", cpu="4")])) == {"cpu": 5000}
    assert requests_of(spec(containers=[], initContainers=[asks("i", cpu="4"), sidecar])) == {"cpu": 4000}


def test_overhead_comes_on_top_and_the_pods_own_requests_count_instead():
    pod = spec(containers=[asks("a", cpu="1", memory="7")], overhead={"cpu": "250m"})
    assert requests_of(pod) == {"cpu": 1250, "memory": 7}
    pod = spec(containers=[asks("a", cpu="1", memory="7")], resources={"requests": {"cpu": "5"}})
    assert requests_of(pod) == {"cpu": 5000, "memory": 7}


def test_a_node_has_what_it_reports():
    node = {
        "kind": "Node",
        "apiVersion": "v1",
        "status": {"allocatable": {"cpu": "3900m", "memory": "1Gi", "pods": "110"}},
    }
    assert allocatable(convert.load(node).object) == {"cpu": 3900, "memory": 2**30, "pods": 110}
    assert allocatable(core_v1.Node()) == {}
