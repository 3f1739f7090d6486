"""What kubectl would send."""

import pytest

from reconcile import Cluster, ReconcileError, apply
from reconcile.api import convert
from reconcile.driver import client
from reconcile.lib.mapping import Map


def _deployment(**container):
    template = {"spec": {"containers": [{"name": "main", "image": "web:1", **container}]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def _live(last, **more):
    marked = client._marked(client.as_object(last))
    shown = convert.dump(marked)
    shown["spec"]["template"]["spec"]["containers"][0] |= more
    return convert.load(shown).object


def test_a_field_of_a_container_that_is_not_applied_any_more_goes():
    live = _live(_deployment(resources={"requests": {"cpu": "1"}}), imagePullPolicy="IfNotPresent")
    patch = client.three_way(live, client._marked(client.as_object(_deployment())))
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "main", "image": "web:1", "imagePullPolicy": "IfNotPresent"}


def test_what_the_server_filled_in_stays_as_it_is():
    live = _live(_deployment(), imagePullPolicy="IfNotPresent")
    assert client.three_way(live, client._marked(client.as_object(_deployment()))) == {}


def test_a_deletion_takes_dependents_along_in_the_background():
    request = client.delete("replicationcontrollers", "web")
    assert request.body.propagation_policy == "Background"
    assert Map({"verb": request.verb, "name": request.name}) == Map({"verb": "delete", "name": "web"})


def test_a_name_to_be_drawn_cannot_be_applied():
    drawn = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "web-"}}
    with pytest.raises(ReconcileError, match="from web-: cannot use generate name with apply"):
        apply(Cluster.boot(), drawn)
