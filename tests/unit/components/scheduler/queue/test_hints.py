import attrs
import pytest

from reconcile.components.scheduler.questions import place_of

TAINT = ("dedicated", "db", "NoSchedule")


@pytest.fixture
def waiting(kit):
    """Begin with these nodes, and a pod that none of them will do for."""

    def begin(*nodes, **spec):
        play = kit.play(*nodes, pods=[kit.pod("a", *spec.pop("containers", ()), **spec)])
        play.refused()
        assert place_of(play.state, "default/a") == "waiting"
        # Long enough for every back-off to be over: what is woken is active at once.
        play.wait(60)
        return play

    return begin


def test_a_new_node_wakes_whom_it_could_hold(kit, waiting):
    play = waiting(kit.node("n1", cpu="1"), containers=[kit.container(cpu="2")])
    play.tell("nodes", kit.node("n2", cpu="1"))
    assert place_of(play.state, "default/a") == "waiting"
    play.tell("nodes", kit.node("n3", cpu="2"))
    assert play.placed() == "n3"


def test_a_node_that_grows_wakes(kit, waiting):
    play = waiting(kit.node("n1", cpu="1"), containers=[kit.container(cpu="2")])
    play.tell("nodes", kit.node("n1", cpu="1", memory="16Gi"))
    assert place_of(play.state, "default/a") == "waiting"
    play.tell("nodes", kit.node("n1", cpu="3"))
    assert play.placed() == "n1"


def test_an_untainted_node_wakes(kit, waiting):
    play = waiting(kit.node("n1", taints=[TAINT, ("other", "", "NoSchedule")]))
    play.tell("nodes", kit.node("n1", taints=[TAINT]))
    assert place_of(play.state, "default/a") == "waiting"
    play.tell("nodes", kit.node("n1"))
    assert play.placed() == "n1"


def test_an_uncordoned_node_wakes(kit, waiting):
    play = waiting(kit.node("n1", unschedulable=True))
    play.tell("nodes", kit.node("n1", unschedulable=True, labels=[("a", "b")]))
    assert place_of(play.state, "default/a") == "waiting"
    play.tell("nodes", kit.node("n1"))
    assert play.placed() == "n1"


def test_a_relabelled_node_wakes(kit, waiting):
    play = waiting(kit.node("n1"), node_selector={"disk": "ssd"})
    play.tell("nodes", kit.node("n1", labels=[("disk", "hdd")]))
    assert place_of(play.state, "default/a") == "waiting"
    play.tell("nodes", kit.node("n1", labels=[("disk", "ssd")]))
    assert play.placed() == "n1"


def test_a_pod_that_leaves_wakes_whom_its_room_is_enough_for(kit):
    play = kit.play(kit.node("n1", cpu="1"), pods=[kit.pod("x", kit.container(cpu="500m"))])
    play.placed()
    play.tell("pods", kit.pod("y", kit.container(cpu="100m")))
    play.placed()
    play.tell("pods", kit.pod("a", kit.container(cpu="800m")))
    play.refused()
    play.gone("pods", "default/y")
    assert place_of(play.state, "default/a") == "waiting"
    play.gone("pods", "default/x")
    assert play.placed() == "n1"


def test_a_pod_that_finishes_wakes_too(kit):
    play = kit.play(kit.node("n1", pods="1"), pods=[kit.pod("job")])
    play.placed()
    play.tell("pods", kit.pod("a"))
    play.refused()
    play.tell("pods", kit.pod("job", node="n1", phase="Succeeded"))
    assert play.placed() == "n1"


def test_a_port_that_is_given_back_wakes(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("x", kit.container(ports=[(80, None, "TCP")]))])
    play.placed()
    play.tell("pods", kit.pod("y", kit.container(ports=[(81, None, "TCP")])))
    play.placed()
    play.tell("pods", kit.pod("a", kit.container(ports=[(80, "10.0.0.1", "TCP")])))
    assert "didn't have free ports" in play.refused()
    play.gone("pods", "default/y")
    assert place_of(play.state, "default/a") == "waiting"
    play.gone("pods", "default/x")
    assert play.placed() == "n1"


def test_a_pod_whose_own_tolerations_change_is_tried_again(kit, waiting):
    play = waiting(kit.node("n1", taints=[TAINT]))
    pod = play.objects["pods", "default/a"]
    spec = attrs.evolve(pod.spec, tolerations=(kit.toleration("dedicated", "Exists"),))
    play.tell("pods", attrs.evolve(pod, spec=spec))
    assert play.placed() == "n1"


def test_a_woken_pod_backs_off_but_only_behind_active_ones(kit):
    play = kit.play(kit.node("n1", pods="0"), pods=[kit.pod("a", priority=5)])
    play.refused()
    play.tell("pods", kit.pod("b"))
    play.tell("nodes", kit.node("n1", pods="10"))
    assert place_of(play.state, "default/a") == "backoff"
    assert [play.turn()[0].request.name for _ in range(2)] == ["b", "a"]


def test_a_back_off_that_is_over_gives_priority_its_due(kit):
    play = kit.play(kit.node("n1", pods="0"), pods=[kit.pod("a", priority=5)])
    play.refused()
    play.tell("pods", kit.pod("b"))
    play.tell("nodes", kit.node("n1", pods="10"))
    play.wait(1)
    assert [play.turn()[0].request.name for _ in range(2)] == ["a", "b"]


def test_a_pod_leaves_the_queue_with_its_groups(kit, waiting):
    play = waiting(kit.node("n1", pods="0"))
    play.gone("pods", "default/a")
    queue = play.state.queue
    assert (len(queue.entries), len(queue.groups), len(queue.waiting), len(queue.oldest)) == (0, 0, 0, 0)
