"""Pods that nobody will finish, in a whole cluster; garbage is looked for every 20 seconds."""

from reconcile.api import core_v1
from reconcile.components.controllers.nodes import podgc
from reconcile.driver.step import apply_event
from reconcile.events import StopHost
from reconcile.lib.instant import SECOND
from tests.unit.components.controllers.real import Real

PERIOD = 20


def pod(name, image="work", **spec):
    finalizers = spec.pop("finalizers", [])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "finalizers": finalizers},
        "spec": {"containers": [{"name": "c", "image": image}], **spec},
    }


def at_a_look(real, before=0.0):
    """Let time pass until *before* seconds before the next look."""
    real.run((-(real.machine.now / SECOND) - before) % PERIOD)


def test_one_that_was_never_bound_is_failed_at_the_next_look():
    real = Real()
    at_a_look(real, before=15)
    real.create(pod("p", nodeSelector={"no": "node"}, finalizers=["test/held"]))
    real.run(1)
    real.delete("pods", "p")
    at_a_look(real, before=1)
    assert real.get("pods", "p")["status"]["phase"] == "Pending"
    real.run(2)
    assert real.get("pods", "p")["status"]["phase"] == "Failed"


def test_those_of_a_node_that_is_gone():
    real = Real()
    real.create(pod("p", nodeName="node-2"))
    real.run(5)
    at_a_look(real, before=15)
    apply_event(real.machine, StopHost("node-2"))
    real.remove("nodes", "node-2")
    at_a_look(real)
    real.run(39)
    assert real.get("pods", "p")["status"]["phase"] == "Running"
    real.run(2)
    assert real.get("pods", "p") is None


def test_those_of_a_node_out_of_service():
    real = Real()
    real.create(pod("p", nodeName="node-2", tolerations=[{"operator": "Exists"}]))
    real.run(5)
    apply_event(real.machine, StopHost("node-2"))
    real.run(60)
    node = real.machine.store.get("nodes", "node-2")
    assert isinstance(node, core_v1.Node)
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "shutdown", "effect": "NoExecute"}
    real.patch("nodes", "node-2", {"spec": {"taints": [taint]}})
    real.delete("pods", "p")
    real.run(1)
    real.run(PERIOD)
    assert real.get("pods", "p") is None


def test_nothing_is_waited_for_where_there_is_nothing_to_look_at():
    real = Real()
    real.create(pod("p"))
    real.run(60)
    assert not any(podgc.NAME in map(str, timer.key) for timer in _timers(real))


def _timers(real):
    timers = real.machine.timers
    return [timers.pop() for _ in iter(timers.first, None)]
