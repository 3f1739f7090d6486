"""Priority and fairness: where requests belong, how many are served at once, who waits and who is turned away."""

import pytest

from reconcile import Cluster, Topology, apply, settle
from reconcile.components.apiserver import rest
from reconcile.driver.serving.exchange import exchange
from reconcile.driver.serving.fairness import Gate
from reconcile.driver.serving.live import Live

GROUP = "flowcontrol.apiserver.k8s.io/v1"


@pytest.fixture(scope="module")
def cluster():
    return settle(Cluster.boot(Topology(nodes=1, managed_fields=True), seed=1)).cluster


def http(path="/api/v1/pods", name="me", *groups):
    return rest.HttpRequest(method="GET", path=path, certificate=(name, (*groups, "system:authenticated")))


@pytest.mark.parametrize(
    ("path", "name", "groups", "schema", "level"),
    [
        ("/api/v1/pods", "admin", ("system:masters",), "exempt", "exempt"),
        ("/healthz", "me", (), "probes", "exempt"),
        ("/version", "me", (), "global-default", "global-default"),
        ("/api/v1/nodes/n", "system:node:n", ("system:nodes",), "system-node-high", "node-high"),
        ("/api/v1/pods", "system:node:n", ("system:nodes",), "system-nodes", "system"),
        ("/api/v1/pods", "system:kube-scheduler", (), "kube-scheduler", "workload-high"),
        (
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
            "system:kube-scheduler",
            (),
            "system-leader-election",
            "leader-election",
        ),
        ("/api/v1/pods", "system:serviceaccount:a:b", ("system:serviceaccounts",), "service-accounts", "workload-low"),
        ("/api/v1/pods", "system:serviceaccount:kube-system:b", (), "kube-system-service-accounts", "workload-high"),
    ],
)
def test_where_a_request_belongs(  # noqa: PLR0917 -- a row of the table
    cluster, path, name, groups, schema, level
):
    _, response = exchange(cluster, http(path, name, *groups))
    assert response.header("X-Kubernetes-PF-FlowSchema-UID") == cluster.get("flowschemas", schema).metadata.uid
    found = cluster.get("prioritylevelconfigurations", level).metadata.uid
    assert response.header("X-Kubernetes-PF-PriorityLevel-UID") == found


def test_a_flow_schema_says_whether_its_level_is_there(cluster):
    spec = {"priorityLevelConfiguration": {"name": "nothing"}, "matchingPrecedence": 7}
    schema = {"apiVersion": GROUP, "kind": "FlowSchema", "metadata": {"name": "mine"}, "spec": spec}
    after = settle(apply(cluster, schema)[0]).cluster
    (condition,) = after.get("flowschemas", "mine").status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Dangling", "True", "NotFound")
    (condition,) = after.get("flowschemas", "exempt").status.conditions
    assert (condition.status, condition.reason) == ("False", "Found")


def test_what_is_served_at_once(cluster):
    live, gate = Live(cluster), Gate()
    store = live.machine.store
    limits = {level.metadata.name: gate.limit(level, store) for level in cluster.objects("prioritylevelconfigurations")}
    assert limits == {
        "catch-all": 13,
        "exempt": 0,
        "global-default": 49,
        "leader-election": 25,
        "node-high": 98,
        "system": 74,
        "workload-high": 98,
        "workload-low": 245,
    }


def test_who_waits_and_who_is_turned_away(cluster):
    live, gate = Live(cluster), Gate(seats=12)  # of which one is the default's
    store = live.machine.store
    mine, other = live.belongs(http()), live.belongs(http(name="other"))
    first = gate.arrive(mine, store)
    assert first.served
    waiting = [gate.arrive(mine, store) for _ in range(300)]
    assert not any(seat.served for seat in waiting)
    assert gate.arrive(mine, store) is None
    last = gate.arrive(other, store)
    assert last is not None
    gone = waiting[0]
    assert gate.leave(gone, store) == []
    served, order = first, []
    for _ in range(8):
        (served,) = gate.leave(served, store)
        order.append(served)
    assert gone not in order
    assert last in order  # one of many is not behind all of another's
    assert gate.arrive(live.belongs(http("/healthz")), store).served


def test_a_level_that_rejects(cluster):
    level = {
        "apiVersion": GROUP,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "tight"},
        "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}},
    }
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    rules = [{"subjects": [{"kind": "User", "user": {"name": "me"}}], "resourceRules": [rule]}]
    spec = {"priorityLevelConfiguration": {"name": "tight"}, "matchingPrecedence": 7, "rules": rules}
    schema = {"apiVersion": GROUP, "kind": "FlowSchema", "metadata": {"name": "mine"}, "spec": spec}
    cluster = apply(apply(cluster, level)[0], schema)[0]
    live, gate = Live(cluster), Gate()
    belongs, store = live.belongs(http()), live.machine.store
    seats = [gate.arrive(belongs, store) for _ in range(4)]
    assert [seat is not None for seat in seats] == [True, True, True, False]
    assert gate.leave(seats[0], store) == []
    assert gate.arrive(belongs, store).served
