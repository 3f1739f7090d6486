"""Scheduling in groups: what serves it alone is dropped while it is off, and kept while it is on."""

import pytest

from reconcile.api import convert
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map

ON = Map({"GenericWorkload": True})
GROUPS, WORKLOADS = "podgroups.scheduling.k8s.io", "workloads.scheduling.k8s.io"
SPEC = {"containers": [{"name": "c", "image": "c:1"}], "schedulingGroup": {"podGroupName": "g"}}
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": SPEC}
CHOSEN = {"selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE}
ENDING = {"template": {"spec": {**SPEC, "restartPolicy": "Never"}}}
MAKERS = {
    "pods": ("v1", "Pod", {"spec": SPEC}, ("spec",)),
    "podtemplates": ("v1", "PodTemplate", {"template": TEMPLATE}, ("template", "spec")),
    "deployments.apps": ("apps/v1", "Deployment", {"spec": CHOSEN}, ("spec", "template", "spec")),
    "jobs.batch": ("batch/v1", "Job", {"spec": ENDING}, ("spec", "template", "spec")),
    "cronjobs.batch": (
        "batch/v1",
        "CronJob",
        {"spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": ENDING}}},
        ("spec", "job_template", "spec", "template", "spec"),
    ),
}


def begun(gates=None, **others):
    return apiserver.begin("s", Dice(1, "s"), feature_gates=gates, **others)


def named(obj, path):
    for name in path:
        obj = getattr(obj, name)
    return obj.scheduling_group and obj.scheduling_group.pod_group_name


def thing(resource):
    version, kind, content, _ = MAKERS[resource]
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **content}


@pytest.mark.parametrize("resource", MAKERS)
def test_a_group_is_named_only_while_the_gate_is_on_but_where_it_is_named_already(server, resource):
    path = MAKERS[resource][3]
    server.state = begun()
    assert named(server.made(resource, thing(resource), "kube-public"), path) is None
    server.state = begun(ON)
    made = server.made(resource, thing(resource))
    assert named(made, path) == "g"
    server.state = begun()
    changed = convert.dump(made)
    changed["metadata"]["labels"] = {"a": "b"}
    after = server("update", resource, "default", "x", body=changed).body
    assert (named(after, path), after.metadata.labels["a"]) == ("g", "b")


def group(name="x", **spec):
    said = {"schedulingPolicy": {"gang": {"minCount": 2}}, **spec}
    return {"apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup", "metadata": {"name": name}, "spec": said}


def test_neither_groups_nor_workloads_are_served_while_the_gate_is_off(server):
    for resource in (GROUPS, WORKLOADS):
        assert server("list", resource, "default").code == 404
    assert server("create", GROUPS, "default", body=group()).code == 404


def test_what_further_gates_are_for_is_not_kept(server):
    server.state = begun(ON)
    more = {
        "disruptionMode": "PodGroup",
        "priority": 5,
        "priorityClassName": "high",
        "schedulingConstraints": {"topology": [{"key": "rack"}]},
        "resourceClaims": [{"name": "c", "resourceClaimName": "d"}],
    }
    spec = server.made(GROUPS, group(**more)).spec
    assert convert.dump(spec) == {"schedulingPolicy": {"gang": {"minCount": 2}}, "disruptionMode": "Pod"}
    templates = [{"name": "a", "schedulingPolicy": {"basic": {}}, **more}]
    body = {
        "apiVersion": "scheduling.k8s.io/v1alpha2",
        "kind": "Workload",
        "metadata": {"name": "w"},
        "spec": {"podGroupTemplates": templates},
    }
    found = server.made(WORKLOADS, body).spec.pod_group_templates
    assert [convert.dump(each) for each in found] == [{"name": "a", "schedulingPolicy": {"basic": {}}}]


def test_a_new_group_is_protected_unless_the_plugin_is_off(server):
    server.state = begun(ON)
    assert server.made(GROUPS, group()).metadata.finalizers == ("scheduling.k8s.io/podgroup-protection",)
    again = group("y")
    again["metadata"]["finalizers"] = ["scheduling.k8s.io/podgroup-protection"]
    assert len(server.made(GROUPS, again).metadata.finalizers) == 1
