"""PodGroup protection: a group stays while a pod that has not ended names it."""

import pytest

from reconcile.api import core_v1, meta_v1, scheduling_v1alpha2
from reconcile.api.scalars import Time
from reconcile.components.controllers.grouping import added, protection
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods.grouping import GROUPS, PROTECTION
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.objects import pod

NOW = Time.at(START)


def group(name="g", deleted=NOW, finalizers=(PROTECTION,)):
    metadata = meta_v1.ObjectMeta(name=name, namespace="default", deletion_timestamp=deleted, finalizers=finalizers)
    policy = scheduling_v1alpha2.PodGroupSchedulingPolicy(basic=scheduling_v1alpha2.BasicSchedulingPolicy())
    spec = scheduling_v1alpha2.PodGroupSpec(scheduling_policy=policy)
    return scheduling_v1alpha2.PodGroup(metadata=metadata, spec=spec)


def member(name, group="g", phase="Pending"):
    made = pod(name)
    spec = replace(made.spec, scheduling_group=core_v1.PodSchedulingGroup(pod_group_name=group))
    return replace(made, spec=spec, status=core_v1.PodStatus(phase=phase))


@pytest.mark.parametrize("last", ["ends", "goes"])
def test_a_group_goes_with_the_last_pod_that_names_it(last):
    lab = Lab(protection.CONTROLLER)
    one = lab.put("pods", member("a"))
    lab.put("pods", member("b", phase="Succeeded"))
    lab.put("pods", member("other", group="h"))
    lab.put(GROUPS, group())
    lab.run()
    assert lab.writes() == []
    if last == "goes":
        lab.remove("pods", "default/a")
    else:
        lab.put("pods", replace(one, status=replace(one.status, phase="Failed")))
    lab.run()
    assert lab.get(GROUPS, "default/g") is None


def test_a_group_that_nobody_names_goes_at_once_and_one_that_is_not_deleted_stays():
    lab = Lab(protection.CONTROLLER)
    lab.put(GROUPS, group())
    lab.put(GROUPS, group("kept", deleted=None))
    lab.put(GROUPS, group("others", finalizers=("example.com/mine", PROTECTION)))
    lab.put("pods", member("a", group="kept", phase="Succeeded"))
    lab.run()
    assert lab.keys(GROUPS) == ("default/kept", "default/others")
    assert lab.get(GROUPS, "default/others").metadata.finalizers == ("example.com/mine",)
    assert len(lab.writes()) == 2


def test_it_runs_where_the_gate_is_on():
    assert added(Map()) == ()
    assert [each.name for each in added(Map({"GenericWorkload": True}))] == ["podgroup-protection"]
