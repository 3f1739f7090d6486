import re

from reconcile.components.controllers.workloads.deployment.template import same_template, template_hash
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects


def test_hash_is_a_function_of_the_template_and_the_collisions():
    one, two = objects.template("one"), objects.template("two")
    assert template_hash(one, None) == template_hash(objects.template("one"), None)
    assert len({template_hash(one, None), template_hash(two, None), template_hash(one, 1), template_hash(one, 2)}) == 4


def test_hash_is_written_in_kubernetes_alphabet_and_stays_the_same_for_ever():
    assert re.fullmatch("[456789bcdf]{1,10}", template_hash(objects.template("one"), None))
    assert template_hash(objects.template("one"), None) == "67675ff8b4"


def test_templates_are_compared_without_their_hash():
    one = objects.template("one")
    labelled = replace(one, metadata=replace(one.metadata, labels=Map({"app": "web", "pod-template-hash": "x"})))
    assert same_template(one, labelled)
    assert not same_template(one, objects.template("two"))
    assert not same_template(one, objects.template("one", Map({"app": "other"})))
    assert same_template(replace(one, metadata=None), replace(one, metadata=objects.meta_v1.ObjectMeta()))
