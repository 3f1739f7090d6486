import pytest

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.components.controllers.workloads import daemonset, history
from reconcile.components.controllers.workloads.daemonset import placement
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects, parts
from tests.unit.components.controllers.lab import Lab

SETS, REVISIONS = "daemonsets.apps", "controllerrevisions.apps"
KEY = "default/web"


def declared(*, surge=0, unavailable=1, kind="RollingUpdate", **spec):
    rolling = apps_v1.RollingUpdateDaemonSet(max_surge=surge, max_unavailable=unavailable)
    fields = {
        "revision_history_limit": 10,
        "selector": meta_v1.LabelSelector(match_labels=objects.LABELS),
        "template": objects.template(),
        "update_strategy": apps_v1.DaemonSetUpdateStrategy(
            type=kind, rolling_update=rolling if kind == "RollingUpdate" else None
        ),
        **spec,
    }
    metadata = meta_v1.ObjectMeta(name="web", namespace="default", uid="the-set", generation=1)
    return apps_v1.DaemonSet(metadata=metadata, spec=apps_v1.DaemonSetSpec(**fields))


class Daemons(Lab):
    """A lab whose pods are bound when they are made, and run when a test says so."""

    def put(self, name, obj):
        if name == "pods" and obj.status is None:
            spec = replace(obj.spec, node_name=placement.node_of(obj))
            metadata = replace(obj.metadata, namespace="default")
            obj = replace(obj, metadata=metadata, spec=spec, status=core_v1.PodStatus(phase="Pending"))
        return super().put(name, obj)

    def pods(self, *, dying=False):
        found = self.store.table("pods").values()
        return [pod for pod in found if dying or pod.metadata.deletion_timestamp is None]

    def on(self):
        return sorted([pod.spec.node_name for pod in self.pods()])

    def images(self):
        return {pod.spec.node_name: pod.spec.containers[0].image for pod in self.pods()}

    def run_all(self):
        for pod in self.pods():
            if pod.status.phase == "Pending":
                self.put("pods", objects.running(pod, self.now))
        self.settle()

    def bury(self):
        for pod in self.pods(dying=True):
            if pod.metadata.deletion_timestamp is not None:
                self.remove("pods", f"default/{pod.metadata.name}")
        self.settle()

    def change(self, **spec):
        found = self.get(SETS, KEY)
        metadata = replace(found.metadata, generation=found.metadata.generation + 1)
        self.put(SETS, replace(found, metadata=metadata, spec=replace(found.spec, **spec)))
        self.settle()

    def status(self):
        return self.get(SETS, KEY).status


def lab(one=None, *nodes):
    found = Daemons(daemonset.CONTROLLER)
    for node in nodes or [parts.node(f"node-{number}") for number in (1, 2, 3)]:
        found.put("nodes", node)
    found.put(SETS, declared() if one is None else one)
    found.settle()
    return found


def grown(one=None, *nodes):
    found = lab(one, *nodes)
    found.run_all()
    return found


def test_one_pod_on_every_node():
    found = lab()
    assert found.on() == ["node-1", "node-2", "node-3"]
    (revision,) = found.store.table(REVISIONS).values()
    hashed = revision.metadata.labels["controller-revision-hash"]
    for pod in found.pods():
        assert dict(pod.metadata.labels) == {"app": "web", "controller-revision-hash": hashed}
        assert pod.metadata.generate_name == "web-"
        required = pod.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
        (term,) = required.node_selector_terms
        (field,) = term.match_fields
        assert (field.key, field.operator, field.values) == ("metadata.name", "In", (pod.spec.node_name,))
        assert [(each.key.partition("/")[2], each.effect) for each in pod.spec.tolerations] == [
            ("not-ready", "NoExecute"),
            ("unreachable", "NoExecute"),
            ("disk-pressure", "NoSchedule"),
            ("memory-pressure", "NoSchedule"),
            ("pid-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
        ]
    status = found.status()
    assert (status.desired_number_scheduled, status.current_number_scheduled, status.number_ready) == (3, 3, 0)
    found.run_all()
    assert (found.status().number_ready, found.status().number_available) == (3, 3)
    assert found.status().number_unavailable is None
    assert [record.reason for record in found.records] == ["SuccessfulCreate"] * 3


def tainted(name, effect, key="mine"):
    return parts.node(name, taints=(core_v1.Taint(key=key, value="yes", effect=effect),))


def test_taints_keep_it_away_and_drive_it_out():
    found = grown(None, parts.node("node-1"), tainted("node-2", "NoSchedule"))
    assert found.on() == ["node-1"]
    for effect, expected in (("NoSchedule", ["node-1"]), ("NoExecute", [])):
        node = found.get("nodes", "node-1")
        taint = core_v1.Taint(key="mine", value="yes", effect=effect)
        found.put("nodes", replace(node, spec=replace(node.spec, taints=(taint,))))
        found.settle()
        found.bury()
        assert found.on() == expected


def test_a_cordoned_node_gets_one():
    found = lab(None, tainted("node-1", "NoSchedule", "node.kubernetes.io/unschedulable"))
    assert found.on() == ["node-1"]


def test_labels_that_come_and_go():
    template = objects.template()
    template = replace(template, spec=replace(template.spec, node_selector=Map({"role": "x"})))
    found = grown(declared(template=template), parts.node("node-1", labels={"role": "x"}), parts.node("node-2"))
    assert found.on() == ["node-1"]
    other = found.get("nodes", "node-2")
    found.put("nodes", replace(other, metadata=replace(other.metadata, labels=Map({"role": "x"}))))
    found.settle()
    assert found.on() == ["node-1", "node-2"]
    first = found.get("nodes", "node-1")
    found.put("nodes", replace(first, metadata=replace(first.metadata, labels=Map())))
    found.settle()
    assert found.on() == ["node-2"]


def test_an_update_replaces_one_after_the_other():
    found = grown()
    found.change(template=objects.template("two"))
    counts = []
    for _ in range(4):
        counts.append((len(found.pods()), [*found.images().values()].count("two")))
        found.bury()
        found.run_all()
    assert counts == [(2, 0), (2, 1), (2, 2), (3, 3)]
    assert found.status().updated_number_scheduled == 3


@pytest.mark.parametrize("unavailable", [2, "50%"])
def test_more_may_be_missing(unavailable):
    found = grown(declared(unavailable=unavailable))
    found.change(template=objects.template("two"))
    assert len(found.pods()) == 1


def test_with_surge_the_new_one_comes_first():
    found = grown(declared(surge=1, unavailable=0))
    found.change(template=objects.template("two"))
    assert (len(found.pods()), found.on()) == (4, ["node-1", "node-1", "node-2", "node-3"])
    for _ in range(6):
        found.run_all()
        assert len({*found.on()}) == 3
        found.bury()
    assert found.images() == dict.fromkeys(["node-1", "node-2", "node-3"], "two")


def test_on_delete_waits_for_somebody_to_delete():
    found = grown(declared(kind="OnDelete"))
    found.change(template=objects.template("two"))
    assert set(found.images().values()) == {"one"}
    gone = found.pods()[0]
    found.remove("pods", f"default/{gone.metadata.name}")
    found.settle()
    assert found.images()[gone.spec.node_name] == "two"


def fail(found, node):
    (pod,) = [each for each in found.pods() if each.spec.node_name == node]
    found.put("pods", replace(pod, status=core_v1.PodStatus(phase="Failed")))
    found.settle()
    found.bury()


def test_failed_pods_are_replaced_with_back_off():
    found = grown()
    fail(found, "node-2")
    assert found.on() == ["node-1", "node-2", "node-3"]
    failures = [record for record in found.records if record.reason == "FailedDaemonPod"]
    assert failures[0].message.endswith("on node node-2, will try to kill it")
    assert failures[0].message.startswith("Found failed daemon pod default/web-")
    began = found.now
    fail(found, "node-2")
    assert [pod.status.phase for pod in found.pods() if pod.spec.node_name == "node-2"] == ["Failed"]
    found.run(until=began + 2 * SECOND - 1_767_225_600 * SECOND)
    found.bury()
    assert [pod.status.phase for pod in found.pods() if pod.spec.node_name == "node-2"] == ["Pending"]


def test_a_pod_that_is_not_bound_goes_with_its_node():
    found = lab()
    stray = replace(
        objects.pod("stray", owner_references=found.pods()[0].metadata.owner_references),
        status=core_v1.PodStatus(phase="Pending"),
    )
    spec = replace(stray.spec, affinity=placement.tied(None, "gone"))
    found.put("pods", replace(stray, spec=spec))
    found.settle()
    assert found.get("pods", "default/stray") is None


def test_it_is_available_after_its_time():
    found = grown(declared(min_ready_seconds=5))
    assert (found.status().number_ready, found.status().number_available) == (3, None)
    found.run(until=6 * SECOND)
    assert found.status().number_available == 3


def test_history_is_cut_and_gone_back_to():
    found = grown(declared(revision_history_limit=1))
    for image in ("two", "three", "two"):
        found.change(template=objects.template(image))
        for _ in range(4):
            found.bury()
            found.run_all()
    known = {
        history.template_of(each).spec.containers[0].image: each.revision
        for each in found.store.table(REVISIONS).values()
    }
    assert known == {"three": 3, "two": 4}


def test_an_empty_selector_is_told_and_nothing_is_made():
    found = lab(declared(selector=meta_v1.LabelSelector()))
    assert found.pods() == []
    assert {record.reason for record in found.records} == {"SelectingAll"}


def test_a_toleration_of_the_same_meaning_takes_the_place():
    own = core_v1.Toleration(
        key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute", toleration_seconds=5
    )
    found = placement.tolerations_of(core_v1.PodSpec(containers=(), tolerations=(own,), host_network=True))
    assert (found[0].toleration_seconds, len(found)) == (None, 7)
