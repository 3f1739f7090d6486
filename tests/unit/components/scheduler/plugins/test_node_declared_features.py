"""NodeDeclaredFeatures: which pods need a feature, and which nodes are refused for want of it."""

import attrs
import pytest

from reconcile.api import core_v1
from reconcile.components.scheduler import questions
from reconcile.components.scheduler.cache.wishes import wishes_of
from reconcile.components.scheduler.configuration import configuration_of

RESTARTS = "RestartAllContainersOnContainerExits"
HOSTS = "UserNamespacesHostNetworkSupport"
UNFIT = "node(s) didn't match Pod's required features"


def declaring(node, *features):
    return attrs.evolve(node, status=attrs.evolve(node.status, declared_features=features))


def needing(kit, name="web", action="RestartAllContainers"):
    rule = core_v1.ContainerRestartRule(action=action)
    return kit.pod(name, attrs.evolve(kit.container(), restart_policy_rules=(rule,)))


def test_what_pods_need(kit):
    assert wishes_of(needing(kit)).features == (RESTARTS,)
    assert wishes_of(needing(kit, action="Restart")).features == ()
    assert wishes_of(kit.pod("web", host_network=True, host_users=False)).features == (HOSTS,)
    assert wishes_of(kit.pod("web", host_network=True)).features == ()
    assert wishes_of(kit.pod("web", init_containers=needing(kit).spec.containers)).features == (RESTARTS,)


def test_a_pod_goes_where_it_is_declared(kit):
    play = kit.play(kit.node("n1"), declaring(kit.node("n2"), "Other", RESTARTS), kit.node("n3"))
    play.tell("pods", needing(kit))
    assert play.placed() == "n2"


def test_it_waits_until_it_is_declared(kit):
    play = kit.play(declaring(kit.node("n1"), "Other"))
    play.tell("pods", needing(kit))
    assert play.refused() == (
        f"0/1 nodes are available: 1 {UNFIT}. no new claims to deallocate, preemption: 0/1 nodes are available: "
        "1 Preemption is not helpful for scheduling."
    )
    play.tell("nodes", declaring(kit.node("n1", unschedulable=True), "Other"))
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("nodes", declaring(kit.node("n1"), "Other", RESTARTS))
    assert questions.place_of(play.state, "default/web") == "backoff"
    play.wait(2)
    assert play.placed() == "n1"


@pytest.mark.parametrize(("cpu", "why"), [("8", "Insufficient cpu"), ("1", UNFIT)])
def test_it_is_asked_after_all_others(kit, cpu, why):
    play = kit.play(kit.node("n1"))
    pod = needing(kit)
    (container,) = pod.spec.containers
    asked = core_v1.ResourceRequirements(requests=kit.quantities(cpu=cpu))
    play.tell(
        "pods",
        attrs.evolve(pod, spec=attrs.evolve(pod.spec, containers=(attrs.evolve(container, resources=asked),))),
    )
    assert play.refused().startswith(f"0/1 nodes are available: 1 {why}.")


def test_it_can_be_turned_off(kit):
    off = configuration_of(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "profiles": [{"plugins": {"multiPoint": {"disabled": [{"name": "NodeDeclaredFeatures"}]}}}],
        }
    )
    play = kit.play(kit.node("n1"), configuration=off)
    play.tell("pods", needing(kit))
    assert play.placed() == "n1"
