from reconcile.components.scheduler.framework.messages import unschedulable
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.taint_toleration import TAINTED

SHORT = Refusal("NodeResourcesFit", ("Insufficient cpu", "Insufficient memory"), final=False)
LESS_SHORT = Refusal("NodeResourcesFit", ("Insufficient cpu",), final=True)


def test_reasons_are_added_up_and_sorted_as_texts():
    assert unschedulable([(TAINTED, 10), (SHORT, 1), (LESS_SHORT, 2)], 13, may_preempt=True) == (
        "0/13 nodes are available: 1 Insufficient memory, 10 node(s) had untolerated taint(s), 3 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/13 nodes are available: "
        "1 No preemption victims found for incoming pod, 12 Preemption is not helpful for scheduling."
    )


def test_no_nodes_at_all():
    assert unschedulable([], 0, may_preempt=True) == "no nodes available to schedule pods"
