import pytest

from reconcile.components.controllers.workloads.deployment import notes
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects

REVISION, HISTORY = notes.REVISION, notes.REVISION_HISTORY


def test_new_one_gets_the_deployments_annotations_but_its_own():
    made = objects.deployment()
    annotations = Map({"team": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}", REVISION: "4"})
    made = replace(made, metadata=replace(made.metadata, annotations=annotations))
    assert notes.of_new(made, None, 5) == {"team": "x", REVISION: "5"}


def test_revision_only_grows_and_is_remembered():
    made = objects.deployment()
    kept = Map({REVISION: "5"})
    assert notes.of_new(made, kept, 5) is kept
    assert notes.of_new(made, kept, 3) is kept
    assert notes.of_new(made, kept, 6) == {REVISION: "6", HISTORY: "5"}
    again = notes.of_new(made, Map({REVISION: "6", HISTORY: "1,5"}), 9)
    assert again == {REVISION: "9", HISTORY: "1,5,6"}


def test_history_forgets_its_oldest():
    long = ",".join(str(number) for number in range(1000, 1400))
    found = notes.of_new(objects.deployment(), Map({REVISION: "1400", HISTORY: long}), 1401)[HISTORY]
    assert len(found) <= 2000
    assert found.endswith(",1399,1400")
    assert found.startswith("1001,")


def test_revision_that_is_no_number_is_left_alone():
    kept = Map({REVISION: "x"})
    assert notes.of_new(objects.deployment(), kept, 2) is kept


def test_sizes():
    made = objects.deployment(10, strategy=objects.rolling("25%", 0))
    noted = notes.with_sizes(None, made)
    assert noted == {notes.DESIRED_REPLICAS: "10", notes.MAX_REPLICAS: "13"}
    assert notes.with_sizes(noted, made) is noted


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("3546343826724305832", 3546343826724305833),
        ("+" + "0" * 5000 + "7", 8),
        ("9223372036854775808", 1),
        ("-9223372036854775809", 1),
        ("7e2", 1),
    ],
)
def test_a_revision_has_64_bits(text, after):
    old = objects.replica_set()
    old = replace(old, metadata=replace(old.metadata, annotations=Map({REVISION: text})))
    assert notes.next_revision((old,)) == after
