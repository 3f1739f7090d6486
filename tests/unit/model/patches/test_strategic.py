"""Strategic merge patch: each directive, each way in which lists are merged, and what is refused."""

import pytest

from reconcile.api import apiextensions_v1, apps_v1, core_v1
from reconcile.model.patches import Unpatchable, strategic

POD = {
    "metadata": {"name": "x", "labels": {"a": "1"}, "finalizers": ["e.x/a", "e.x/b"]},
    "spec": {
        "containers": [
            {"name": "a", "image": "i", "args": ["1"], "env": [{"name": "A", "value": "1"}, {"name": "B"}]},
            {"name": "b", "image": "i"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "t"}],
    },
}


def patched(patch, original=POD, cls=core_v1.Pod):
    return strategic.merged(original, patch, cls)


def spec(**patch):
    return patched({"spec": patch})["spec"]


@pytest.mark.parametrize(
    ("patch", "labels"),
    [
        ({"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": None, "c": None}, {}),
        ({"$patch": "replace", "b": "2"}, {"b": "2"}),
        ({"$patch": "delete"}, {}),
        (None, None),
    ],
)
def test_maps(patch, labels):
    assert patched({"metadata": {"labels": patch}})["metadata"].get("labels") == labels


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ([{"name": "b", "image": "j"}], ["a", "b"]),
        ([{"name": "c", "image": "j"}], ["c", "a", "b"]),
        ([{"name": "a", "$patch": "delete"}], ["b"]),
        ([{"name": "z", "$patch": "delete"}], ["a", "b"]),
        ([{"name": "c"}, {"$patch": "replace"}], ["c"]),
        ([], ["a", "b"]),
        (None, None),
    ],
)
def test_lists_that_are_maps(patch, names):
    found = spec(containers=patch).get("containers")
    assert (found if found is None else [container["name"] for container in found]) == names


def test_what_is_merged_deep_down():
    found = spec(containers=[{"name": "a", "env": [{"name": "B", "value": "2"}, {"name": "C"}], "args": None}])
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C"}]
    assert found["containers"][0] == {"name": "a", "image": "i", "env": env}
    assert spec(tolerations=[{"key": "u"}])["tolerations"] == [{"key": "u"}]


def test_lists_of_scalars():
    finalizers = patched({"metadata": {"finalizers": ["e.x/c", "e.x/a"]}})["metadata"]["finalizers"]
    assert finalizers == ["e.x/c", "e.x/a", "e.x/b"]
    gone = patched({"metadata": {"$deleteFromPrimitiveList/finalizers": ["e.x/a"]}})
    assert gone["metadata"]["finalizers"] == ["e.x/b"]


def test_order_is_said():
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}]}
    found = spec(containers=[{"name": "c"}], **order)["containers"]
    assert [container["name"] for container in found] == ["b", "c", "a"]
    found = spec(**{"$setElementOrder/containers": [{"name": "b"}]})["containers"]
    assert [container["name"] for container in found] == ["a", "b"]


def test_retained_keys_are_all_that_stays():
    found = spec(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}])
    assert found["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]
    old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patched(patch, old, apps_v1.Deployment) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_ports_are_known_by_their_number():
    old = {"spec": {"ports": [{"name": "a", "port": 80, "protocol": "TCP"}]}}
    patch = {"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 81}]}}
    ports = [{"name": "a", "port": 80, "protocol": "TCP", "targetPort": 1}, {"port": 81}]
    assert patched(patch, old, core_v1.Service)["spec"]["ports"] == ports


def test_what_is_new_comes_without_directives_and_nulls():
    new = {"nodeSelector": {"a": "1", "b": None}, "affinity": {"$patch": "delete"}, "initContainers": [{"$patch": "x"}]}
    found = spec(**new)
    assert (found["nodeSelector"], found["initContainers"], "affinity" in found) == ({"a": "1"}, [], False)


@pytest.mark.parametrize(
    ("patch", "sort", "said"),
    [
        ({"$patch": "odd"}, "unexpected", "unknown patch type: odd in map: map[$patch:odd]"),
        ({"spec": {"$retainKeys": "x"}}, "malformed", "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": [], "nodeName": "x"}}, "malformed", "invalid patch format of retainKeys"),
        ({"spec": {"$setElementOrder": []}}, "malformed", "invalid patch format of setElementOrder list"),
        ({"spec": {"$deleteFromPrimitiveList": []}}, "malformed", "invalid patch format of primitive list"),
        (
            {"spec": {"containers": [{"image": "x"}]}},
            "unexpected",
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "b"}]}},
            "unexpected",
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
        (
            {"spec": {"$setElementOrder/nothing": ["a"]}},
            "unexpected",
            'unable to find api field in struct PodSpec for the json field "nothing"',
        ),
        ({"spec": {"containers": ["x"]}}, "unexpected", "list element types are not identical: "),
        (
            {"spec": {"containers": [{"name": "a", "$patch": "merge"}]}},
            "unexpected",
            "merging lists cannot yet be specified in the patch",
        ),
        ({"metadata": {"finalizers": [["x"]]}}, "inapplicable", "lists of lists are not supported"),
    ],
)
def test_what_is_refused(patch, sort, said):
    with pytest.raises(Unpatchable) as refused:
        patched(patch)
    assert refused.value.sort == sort
    assert str(refused.value).startswith(said)


def test_objects_in_a_map_cannot_be_merged():
    schema = {"properties": {"a": {"type": "string"}}}
    with pytest.raises(Unpatchable, match="data type is not struct, instead is: map"):
        patched({"properties": {"a": {"type": "integer"}}}, schema, apiextensions_v1.JSONSchemaProps)


def test_nothing_that_was_given_is_changed():
    before = repr(POD)
    patch = {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "a", "image": None}]}}
    asked = repr(patch)
    patched(patch)
    assert (repr(POD), repr(patch)) == (before, asked)
