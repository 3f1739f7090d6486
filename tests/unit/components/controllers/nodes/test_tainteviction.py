"""Pods that do not bear their node's taints."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.controllers.nodes import tainteviction
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.lib.replacing import replace
from reconcile.model.conditions import find
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import node, pod, refused

TAINT = core_v1.Taint(key="a", effect="NoExecute")


def bearing(seconds, key="a"):
    return (core_v1.Toleration(key=key, operator="Exists", toleration_seconds=seconds),)


def lab_of(*pods, taints=(TAINT,)):
    lab = Lab(tainteviction.CONTROLLER)
    lab.put("nodes", node("node-1", taints=taints))
    for each in pods:
        lab.put("pods", each)
    lab.settle()
    return lab


def taint(lab, *taints):
    found = lab.get("nodes", "node-1")
    lab.put("nodes", replace(found, spec=replace(found.spec, taints=taints or None)))
    lab.settle()


def test_it_looks_at_the_pod_says_why_and_deletes_it():
    lab = lab_of(pod("p"))
    assert [(each.verb, each.subresource) for each in lab.requests] == [
        ("get", ""),
        ("patch", "status"),
        ("delete", ""),
    ]
    condition = find(lab.get("pods", "default/p").status.conditions, "DisruptionTarget")
    assert (condition.status, condition.reason, condition.observed_generation) == ("True", "DeletionByTaintManager", 1)
    assert lab.said() == [("TaintManagerEviction", "Marking for deletion Pod default/p")]
    assert len(lab.state.works[0].memory) == 0


def test_a_deletion_that_fails_is_tried_five_times_in_all():
    lab = Lab(tainteviction.CONTROLLER)
    lab.refusals = [refused("pods", "p", "no")] * 9
    lab.put("nodes", node("node-1", taints=(TAINT,)))
    lab.put("pods", pod("p"))
    lab.run()
    assert [each.verb for each in lab.requests].count("get") == 5
    assert lab.now == START + 40 * MILLISECOND
    assert lab.said() == [("TaintManagerEviction", "Marking for deletion Pod default/p")]


def test_what_is_planned_stays_planned_when_another_taint_comes():
    lab = lab_of(pod("p", tolerations=(*bearing(30), *bearing(100, "b"))))
    lab.run(10 * SECOND)
    taint(lab, TAINT, core_v1.Taint(key="b", effect="NoExecute"))
    lab.run(29 * SECOND)
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is None
    lab.run(30 * SECOND)
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is not None


def test_a_taint_that_it_does_not_bear_at_all_calls_off_what_was_planned():
    lab = lab_of(pod("p", tolerations=bearing(30)))
    taint(lab, TAINT, core_v1.Taint(key="b", effect="NoExecute"))
    assert [said for _, said in lab.said()] == [
        "Cancelling deletion of Pod default/p",
        "Marking for deletion Pod default/p",
    ]
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is not None


def test_that_the_node_is_deleted_calls_nothing_off():
    lab = lab_of(pod("p", tolerations=bearing(30)))
    lab.remove("nodes", "node-1")
    lab.run()
    assert lab.get("pods", "default/p").metadata.deletion_timestamp is not None


def test_a_taint_that_goes_calls_it_off():
    lab = lab_of(pod("p", tolerations=bearing(30)))
    taint(lab)
    lab.run()
    assert lab.said() == [("TaintManagerEviction", "Cancelling deletion of Pod default/p")]
    assert lab.now == START
