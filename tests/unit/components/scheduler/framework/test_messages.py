from reconcile.components.scheduler.framework.messages import cut, not_looked_at, unschedulable
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.taint_toleration import TAINTED

SHORT = Refusal("NodeResourcesFit", ("Insufficient cpu", "Insufficient memory"), final=False)
LESS_SHORT = Refusal("NodeResourcesFit", ("Insufficient cpu",), final=True)
HOPELESS = ("Preemption is not helpful for scheduling", 12)
NO_VICTIMS = ("No preemption victims found for incoming pod", 1)


def test_reasons_are_added_up_and_sorted_as_texts():
    refused = [(TAINTED, 10), (SHORT, 1), (LESS_SHORT, 2)]
    assert unschedulable(refused, 13, [HOPELESS, NO_VICTIMS]) == (
        "0/13 nodes are available: 1 Insufficient memory, 10 node(s) had untolerated taint(s), 3 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/13 nodes are available: "
        "1 No preemption victims found for incoming pod, 12 Preemption is not helpful for scheduling."
    )


def test_of_preemption_nothing_is_said_when_there_are_victims():
    assert unschedulable([(SHORT, 1)], 1, "") == ("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.")


def test_no_nodes_at_all():
    assert unschedulable([], 0, "") == "no nodes available to schedule pods"
    assert not_looked_at(TAINTED, 0) == "no nodes available to schedule pods"


def test_where_no_node_is_looked_at_the_claims_to_deallocate_are_not_found():
    why = Refusal("VolumeBinding", ("pod has unbound immediate PersistentVolumeClaims",), final=True)
    assert not_looked_at(why, 3) == (
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    )


def test_an_event_holds_so_much():
    assert cut("x" * 1024) == "x" * 1024
    assert cut("x" * 1025) == "x" * 1020 + " ..."
