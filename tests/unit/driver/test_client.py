"""What kubectl would send."""

import pytest

from reconcile import Cluster, ReconcileError, Topology, apply, settle
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


def test_an_object_is_applied_again_in_a_version_that_is_not_stored():
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 40}
    said = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "w"}}
    scaler = {**said, "spec": spec}
    cluster, made = apply(settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster, scaler)
    assert made.body.api_version == "autoscaling/v2"
    cluster, same = apply(cluster, scaler)
    assert same.body is made.body
    changed = {**scaler, "spec": {**spec, "targetCPUUtilizationPercentage": 60}}
    _, response = apply(cluster, changed)
    assert response.body.spec.metrics[0].resource.target.average_utilization == 60
