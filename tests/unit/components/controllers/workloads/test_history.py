import pytest

from reconcile.api import apps_v1, meta_v1
from reconcile.components.controllers.workloads import history
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMANT
from reconcile.lib.mapping import Map
from tests.unit.components.controllers import objects


def revision(number, image="one", name=""):
    metadata = meta_v1.ObjectMeta(name=name or f"r{number}", namespace="default", labels=objects.LABELS)
    return apps_v1.ControllerRevision(
        metadata=metadata, data=history.patch_of(objects.template(image)), revision=number
    )


def test_a_revision_gives_the_template_back():
    one = revision(1)
    assert one.data["spec"]["template"]["$patch"] == "replace"
    assert history.template_of(one) == objects.template("one")
    assert history.keeps(one, objects.template("one"))
    assert not history.keeps(one, objects.template("two"))
    assert history.restores(one, objects.template("one"))


@pytest.mark.parametrize("data", [None, Map(), Map({"spec": 1}), Map({"spec": Map({"template": Map({"x": 1})})})])
def test_what_keeps_no_template_says_so(data):
    one = apps_v1.ControllerRevision(metadata=meta_v1.ObjectMeta(name="r"), data=data, revision=1)
    with pytest.raises(history.Unreadable, match="revision r keeps no pod template"):
        history.template_of(one)
    assert not history.restores(one, objects.template())


def test_hashes_tell_templates_and_collisions_apart():
    found = {history.hash_for(objects.template(image), count) for image in ("one", "two") for count in (None, 0, 1)}
    assert len(found) == 6


def test_order_and_excess():
    known = history.in_order([revision(3), revision(1), revision(2, name="b"), revision(2, name="a")])
    assert [each.metadata.name for each in known] == ["r1", "a", "b", "r3"]
    assert history.newest(known) == 3
    assert [each.metadata.name for each in history.excess(known, {"r1"}, 1)] == ["a", "b"]
    assert history.excess(known, set(), None) == history.excess(known, set(), 4) == []


def test_a_name_is_no_longer_than_it_may_be():
    metadata = meta_v1.ObjectMeta(name="x" * 250, namespace="default", uid="u")
    spec = apps_v1.StatefulSetSpec(selector=meta_v1.LabelSelector(), template=objects.template())
    made = history.made(CLAIMANT, apps_v1.StatefulSet(metadata=metadata, spec=spec), "abc", Map(), 1)
    assert made.metadata.name == "x" * 223 + "-abc"
