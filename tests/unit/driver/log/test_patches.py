import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.api.convert import dump
from reconcile.api.scalars import Quantity, Time, freeze
from reconcile.api.shapes import CustomObject
from reconcile.driver.client import create, delete
from reconcile.driver.log.patches import Known, change_json, difference, differing_fields
from reconcile.driver.machine import Machine
from reconcile.driver.run import play
from reconcile.driver.step import apply_event
from reconcile.events import StopHost, Submit
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.store import Change
from tests.unit.driver.lab import configmap, deployed

POD = core_v1.Pod(
    metadata=meta_v1.ObjectMeta(
        name="web", namespace="default", resource_version="7", labels=Map({"a": "1", "b": "2"})
    ),
    spec=core_v1.PodSpec(
        containers=(
            core_v1.Container(
                name="web", resources=core_v1.ResourceRequirements(requests=Map({"cpu": Quantity.parse("100m")}))
            ),
        )
    ),
    status=core_v1.PodStatus(phase="Pending", start_time=Time.at(SECOND)),
)


FINALIZED = {"metadata": {"finalizers": ["e.com/f"]}}
THING = CustomObject(
    api_version="e.com/v1",
    kind="Thing",
    metadata=meta_v1.ObjectMeta(name="x"),
    body=freeze({"spec": {"size": 1, "parts": {"a": {"b": 1, "c": 2}}}}),
)


def merged(target, patch):
    """Apply a JSON merge patch, as RFC 7386 says it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


# One object -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        (POD, POD, {}),
        (POD, replace(POD, status=replace(POD.status, phase="Running")), {"status": {"phase": "Running"}}),
        (POD, replace(POD, status=replace(POD.status, start_time=None)), {"status": {"startTime": None}}),
        (POD, replace(POD, status=None), {"status": None}),
        (replace(POD, status=None), POD, {"status": {"phase": "Pending", "startTime": "1970-01-01T00:00:01Z"}}),
        (
            POD,
            replace(POD, metadata=replace(POD.metadata, labels=Map({"b": "3", "c": "4"}))),
            {"metadata": {"labels": {"a": None, "b": "3", "c": "4"}}},
        ),
        (POD, replace(POD, metadata=replace(POD.metadata, labels=None)), {"metadata": {"labels": None}}),
        (
            POD,
            replace(POD, metadata=replace(POD.metadata, finalizers=("x/y",))),
            {"metadata": {"finalizers": ["x/y"]}},
        ),
        (
            POD,
            replace(POD, spec=replace(POD.spec, containers=(replace(POD.spec.containers[0], image="i"),))),
            {"spec": {"containers": [{"name": "web", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}},
        ),
        (POD, replace(POD, spec=replace(POD.spec, affinity=core_v1.Affinity())), {"spec": {"affinity": {}}}),
        (
            THING,
            replace(THING, body=freeze({"spec": {"size": 2, "parts": {"a": {"b": 1}}}, "status": {}})),
            {"spec": {"size": 2, "parts": {"a": {"c": None}}}, "status": {}},
        ),
        (THING, replace(THING, metadata=meta_v1.ObjectMeta(name="x", finalizers=("e.com/f",))), FINALIZED),
    ],
)
def test_what_differs_is_a_merge_patch(old, new, patch):
    assert difference(old, new) == patch
    if "affinity" not in str(patch):
        assert merged(dump(old), patch) == dump(new)


def test_a_time_within_an_object_is_its_text():
    old = apps_v1.Deployment(status=apps_v1.DeploymentStatus(conditions=()))
    condition = apps_v1.DeploymentCondition(type="Available", status="True", last_update_time=Time.at(0))
    new = replace(old, status=replace(old.status, conditions=(condition,)))
    rows = difference(old, new)["status"]["conditions"]
    assert rows == [{"type": "Available", "status": "True", "lastUpdateTime": "1970-01-01T00:00:00Z"}]


def test_what_is_created_is_there_in_full_and_what_is_deleted_not_at_all():
    made = Change(7, "pods", "default/web", None, POD)
    revision, resource, key, what = change_json(made, Known())
    whole = dump(POD)
    del whole["metadata"]["resourceVersion"]
    assert (revision, resource, key, what) == (7, "pods", "default/web", whole)
    assert list(change_json(Change(8, "pods", "default/web", POD, None), Known())) == [8, "pods", "default/web", None]


def test_the_revision_is_not_said_twice():
    touched = replace(POD, metadata=replace(POD.metadata, resource_version="9", labels=Map({"a": "1"})))
    assert change_json(Change(9, "pods", "default/web", POD, touched), Known())[3] == {
        "metadata": {"labels": {"b": None}}
    }


def test_a_spec_that_is_known_is_written_alike():
    known = Known()
    first = change_json(Change(7, "pods", "default/web", None, POD), known)
    for number in range(20):
        other = replace(POD, spec=core_v1.PodSpec(containers=(core_v1.Container(name=f"c{number}"),)))
        rows = change_json(Change(8, "pods", "default/web", None, other), known)
        assert rows[3]["spec"] == {"containers": [{"name": f"c{number}"}]}
    assert change_json(Change(7, "pods", "default/web", None, POD), known) == first


# Every change of a run ------------------------------------------------------------------------------------------------


def test_the_objects_at_any_revision_follow_from_the_changes():
    machine = Machine(deployed(2))
    machine.observed = []
    apply_event(machine, Submit(request=create(configmap(red="1"))))
    apply_event(machine, Submit(request=delete("deployments", "web")))
    apply_event(machine, StopHost("node-2"))
    play(machine, None, machine.now + 2 * MINUTE)
    known, texts = Known(), {}
    for resource, table in deployed(2).store.tables.items():
        texts |= {(resource, key): dump(obj) for key, obj in table.items()}
    assert len(machine.observed) > 20
    for _, change in machine.observed:
        revision, resource, key, what = change_json(change, known)
        if what is None:
            del texts[resource, key]
            continue
        text = texts[resource, key] = merged(texts.get((resource, key), {}), what)
        text["metadata"]["resourceVersion"] = str(revision)
        if change.new is not None:
            assert _without_empty(text) == _without_empty(dump(change.new))
    after = machine.closed()
    stored = {(name, key) for name, table in after.store.tables.items() for key in table}
    assert set(texts) == stored


def _without_empty(value):
    # A merge patch cannot set an object to what is empty: that is the one thing in which ours goes beyond RFC 7386.
    if isinstance(value, dict):
        return {key: inner for key, entry in value.items() if (inner := _without_empty(entry)) != {}}
    return [_without_empty(entry) for entry in value] if isinstance(value, list) else value


# Plain JSON -----------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("one", "other", "rows"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [("a.b[1].c", 2, 3)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", [1], [1, 2])]),
        ({"b": 1}, {"a": 1}, [("a", None, 1), ("b", 1, None)]),
        (1, 2, [("", 1, 2)]),
    ],
)
def test_fields_that_differ_are_named_by_their_paths(one, other, rows):
    assert differing_fields(one, other) == rows


@settings(max_examples=60)
@given(JSON, JSON)
def test_what_differs_nowhere_is_the_same(one, other):
    assert differing_fields(one, one) == []
    rows = differing_fields(one, other)
    assert bool(rows) == (_said(one) != _said(other))
    assert [(path, b, a) for path, a, b in rows] == differing_fields(other, one)


def _said(value):
    # Nothing there and null there read alike; so do true and 1 to Python, which no two states of one type mix.
    if isinstance(value, dict):
        return {key: _said(entry) for key, entry in value.items() if entry is not None}
    return [_said(entry) for entry in value] if isinstance(value, list) else value
