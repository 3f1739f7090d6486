"""A promise is followed for as long as it lasts."""

import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import settle
from reconcile.lib.instant import SECOND
from reconcile.properties import Following, Passage, Promise, named
from reconcile.store import Change
from reconcile.testing.fuzzing import Declare, Schedule, Wait, Withdraw, play

ENDS = {"always": (), "unbroken": ("fault",), "unhurried": ("fault", "haste"), "undisturbed": ("fault", "loss")}
CREW = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "crew"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "crew"}},
        "template": {
            "metadata": {"labels": {"app": "crew"}},
            "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
        },
    },
}


@pytest.mark.parametrize("by", ["fault", "haste", "loss"])
def test_what_puts_an_end_to_which(by):
    following = Following([Promise(lasts, (), lambda _, __: (None, ("seen",)), lasts=lasts) for lasts in ENDS])
    cluster = Cluster.boot(Topology(nodes=1))
    passage = Passage(cluster, cluster, (Change(1, "pods", "default/a", None, None),))
    assert following.seen(passage) == tuple([f"{lasts}: seen" for lasts in ENDS])
    following.end(by)
    assert following.seen(passage) == tuple([f"{lasts}: seen" for lasts, ends in ENDS.items() if by not in ends])


@pytest.mark.parametrize("again", ["", "background", "orphan"])
def test_what_is_deleted_once_more_in_another_cascade_goes_in_that_one(again):
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    moves = (Wait(20 * SECOND), Withdraw("Deployment", "crew", cascade="foreground"))
    moves += (Withdraw("Deployment", "crew", cascade=again), Declare(CREW))
    verdict = play(cluster, Schedule((CREW,), moves), *named("owners go last, orphans stay"))
    assert not [said for said in verdict.problems if said.startswith("owners go last")]
