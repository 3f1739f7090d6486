"""What is said of a cluster's masters while it runs."""

from reconcile import Cluster, Topology, run, settle
from reconcile.adapters.cli.masters import Masters
from reconcile.events import StopHost
from reconcile.lib.instant import SECOND
from reconcile.model.balancers import Balancer, usual


def test_who_leads_and_who_is_up_is_said_when_it_changes():
    topology = Topology(nodes=4, masters=3, members=3, balancer=Balancer(kind="floating-address"))
    cluster = settle(Cluster.boot(topology, seed=2)).cluster
    masters = Masters()
    said = dict(text.split(": ") for text in masters.look(cluster))
    assert said["kube-apiserver"] == "up on node-1, node-2, node-3"
    assert said["floating address"] == "on node-1"
    assert said["etcd"].endswith(" leads")
    assert said["kube-scheduler"].endswith(" leads")
    assert not list(masters.look(cluster))

    cluster = run(cluster, (StopHost("node-1"),), until=cluster.now + 10 * SECOND).cluster
    changed = list(masters.look(cluster))
    assert "floating address: on node-2" in changed
    assert "kube-apiserver: up on node-2, node-3" in changed


def test_nothing_is_said_of_one_master():
    assert not list(Masters().look(Cluster.boot(Topology(nodes=2))))


def test_several_masters_have_a_balancer_on_the_command_line():
    assert usual(1) is None
    assert usual(2) == Balancer()
