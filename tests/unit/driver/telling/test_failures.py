"""Failures: what a controller cannot do is said where a cluster does not settle, and where it is judged."""

import attrs
import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import apply
from reconcile.driver.run import settle, still_moving
from reconcile.driver.telling.failures import failures
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.requests import User
from reconcile.testing.fuzzing import Schedule, play
from tests.scenarios.own import exposer, modest

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"port": "80"}}


def booted(*controllers):
    return settle(Cluster.boot(Topology(nodes=1, proxy=False), seed=1, controllers=controllers)).cluster


def test_one_that_may_do_everything_has_nothing_to_say():
    cluster, _ = apply(booted(exposer), CONFIG)
    done = settle(cluster)
    assert done.settled
    assert done.cluster.get("services", "web") is not None
    assert failures(done.cluster) == ()


def test_what_is_forbidden_is_among_what_moves():
    cluster, _ = apply(booted(modest), CONFIG)
    done = settle(cluster, limit=5 * SECOND)
    said = "kube-controller-manager/node-1: modest fails at default/web (10 times in a row): 403 Forbidden: services is"
    assert not done.settled
    assert done.moving[0].startswith(said)
    assert done.moving == still_moving(done.cluster)


def test_what_was_given_up_is_said_of_a_cluster_at_rest():
    cluster, _ = apply(booted(attrs.evolve(modest, retries=2)), CONFIG)
    done = settle(cluster)
    assert done.settled
    assert len(failures(done.cluster)) == 1
    verdict = play(booted(attrs.evolve(modest, retries=2)), Schedule((CONFIG,), ()))
    assert any("403 Forbidden" in problem for problem in verdict.problems)
    assert not play(booted(exposer), Schedule((CONFIG,), ())).problems


def test_each_calls_as_itself():
    said = attrs.evolve(modest, user=User(name="jane", groups=("ops",)))
    cluster, _ = apply(booted(said), CONFIG)
    assert 'User "jane" cannot create resource "services"' in settle(cluster, limit=SECOND).moving[0]
    binding = cluster.get("clusterrolebindings", "controller:modest")
    assert [(each.kind, each.name) for each in binding.subjects] == [("User", "jane")]
    role = cluster.get("clusterroles", "controller:modest")
    assert role.rules[0].resources == ("configmaps", "services")
    assert role.rules[0].verbs == ("get", "list", "watch")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "A B"}, "no ServiceAccount can be called so"),
        ({"user": "jane"}, "user: 'jane' is nobody"),
        ({"rules": [modest.rules[0]]}, "is not a tuple"),
        ({"rules": ("pods",)}, r"rules\[0\]: 'pods' is not a PolicyRule"),
        ({"rules": (attrs.evolve(modest.rules[0], verbs=()),)}, r"rules\[0\].verbs: verbs must contain"),
        ({"rules": (attrs.evolve(modest.rules[0], api_groups=None),)}, r"rules\[0\].apiGroups: resource rules must"),
        ({"rules": (attrs.evolve(modest.rules[0], non_resource_urls=("/x",)),)}, "rules cannot apply to both"),
    ],
)
def test_what_a_controller_says_wrongly_is_refused(changes, said):
    with pytest.raises(ReconcileError, match=said):
        Cluster.boot(controllers=(attrs.evolve(modest, **changes),))
