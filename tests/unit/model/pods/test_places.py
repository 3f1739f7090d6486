from reconcile.lib.mapping import Map
from reconcile.model.pods.places import TOPOLOGY, without_place


def test_labels_without_a_place_are_the_very_same():
    labels = Map({"app": "web"})
    assert without_place(labels) is labels
    assert without_place(None) is None


def test_zone_and_region_are_left_out():
    labels = Map({"app": "web", TOPOLOGY[0]: "a", TOPOLOGY[1]: "r", "topology.kubernetes.io/rack": "7"})
    assert without_place(labels) == Map({"app": "web", "topology.kubernetes.io/rack": "7"})
    assert without_place(Map({TOPOLOGY[0]: "a"})) is None
