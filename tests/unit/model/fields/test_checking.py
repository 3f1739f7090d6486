"""What is wrong with a configuration that is applied, in upstream's words."""

import pytest

from reconcile.api import core_v1
from reconcile.model.fields.checking import fault
from reconcile.model.fields.shapes import shape_of

POD = shape_of(core_v1.Pod)


def said(**spec):
    return fault(POD, {"spec": spec})


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"nodeName": 1}, ".spec.nodeName: expected string, got &value.valueUnstructured{Value:1}"),
        ({"priority": "x"}, ".spec.priority: expected numeric (int or float), got string"),
        ({"hostNetwork": "yes"}, ".spec.hostNetwork: expected boolean, got &{yes}"),
        ({"containers": {}}, ".spec.containers: expected list, got &{map[]}"),
        ({"securityContext": []}, ".spec.securityContext: expected map, got &{[]}"),
        ({"odd": 1}, ".spec.odd: field not declared in schema"),
        ({"nodeSelector": {"a": 1}}, ".spec.nodeSelector.a: expected string, got &value.valueUnstructured{Value:1}"),
        (
            {"containers": [{"name": "a", "args": [1]}]},
            '.spec.containers[name="a"].args[0]: expected string, got &value.valueUnstructured{Value:1}',
        ),
        (
            {"containers": [{"name": "a"}, {"name": "a"}]},
            '.spec.containers: duplicate entries for key [name="a"]',
        ),
        (
            {"containers": [None]},
            ".spec.containers: element 0: associative list with keys may not have a null element",
        ),
        (
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": {}}}}]},
            '.spec.containers[name="a"].resources.limits.cpu: expected any scalar, got &{map[]}',
        ),
        (
            {"nodeName": 1, "priority": "x"},
            (
                "errors:\n  .spec.nodeName: expected string, got &value.valueUnstructured{Value:1}\n"
                "  .spec.priority: expected numeric (int or float), got string"
            ),
        ),
    ],
)
def test_faults(spec, why):
    assert said(**spec) == why


def test_what_is_good_has_no_fault():
    container = {"resources": {"limits": {"cpu": 1}}, "ports": [{"containerPort": 80}, {"containerPort": 81}]}
    assert said(containers=[container], tolerations=None, nodeSelector={}) == ""


def test_sets_hold_scalars():
    assert fault(POD, {"metadata": {"finalizers": ["a", "a"]}}) == (
        '.metadata.finalizers: duplicate entries for key [="a"]'
    )
    assert fault(POD, {"metadata": {"finalizers": [None]}}) == (
        ".metadata.finalizers: element 0: associative list without keys has an element that's an explicit null"
    )
