"""No two objects ever share a uid, however their requests come to be carried out one right after the other."""

from collections import Counter

import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.pending import Sent
from reconcile.driver import settle
from reconcile.driver.client import create
from reconcile.driver.machine import Machine, execute
from reconcile.events import Submit
from tests.unit.driver.lab import booted, configmap


def uids(cluster):
    return Counter(obj.metadata.uid for table in cluster.store.tables.values() for obj in table.values())


@pytest.mark.parametrize("masters", [1, 3])
@pytest.mark.parametrize("seed", [0, 7])
def test_what_an_api_server_asks_of_itself(masters, seed):
    cluster = settle(Cluster.boot(Topology(nodes=3, masters=masters), seed=seed)).cluster
    found = uids(cluster)
    assert "" not in found
    assert None not in found
    assert set(found.values()) == {1}
    assert (
        len({cluster.get("namespaces", name).metadata.uid for name in ("default", "kube-system", "kube-public")}) == 3
    )


@pytest.mark.parametrize("answered", [(False, False, False), (False, True, False), (True, False, False, True)])
def test_requests_that_nobody_waits_for(answered):
    machine = Machine(booted())
    user = Submit(request=create(configmap())).user
    for number, waits in enumerate(answered):
        request = create({**configmap(), "metadata": {"generateName": "x-"}})
        tag = ("client", str(number)) if waits else None
        assert execute(machine, Sent("", 0, "", user, request, tag, machine.now))
    cluster = machine.closed()
    made = [each for each in cluster.objects("configmaps", namespace="default") if each.metadata.generate_name]
    assert len(made) == len(answered)
    assert set(uids(cluster).values()) == {1}
