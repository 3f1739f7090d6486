"""What etcdctl prints of a cluster's members."""

from reconcile import Cluster, Topology, settle
from reconcile.driver.operating.etcdctl import member_table


def test_a_lone_member_is_listed_too():
    assert member_table(Cluster.boot(Topology(nodes=1))) == [
        "+-----------------+---------+--------+-------------------------+-------------------------+------------+",
        "|       ID        | STATUS  |  NAME  |       PEER ADDRS        |      CLIENT ADDRS       | IS LEARNER |",
        "+-----------------+---------+--------+-------------------------+-------------------------+------------+",
        "| e58c878e0e01014 | started | node-1 | https://172.18.0.2:2380 | https://172.18.0.2:2379 |      false |",
        "+-----------------+---------+--------+-------------------------+-------------------------+------------+",
    ]


def test_several_are_listed_by_their_ids():
    cluster = settle(Cluster.boot(Topology(nodes=3, masters=3, members=3))).cluster
    rows = [line.split(" | ") for line in member_table(cluster)[3:-1]]
    assert [row[0].strip("| ") for row in rows] == ["e58c878e0e01014", "23da9c3f2594532a", "5320353a7d98bdee"]
    assert [row[2] for row in rows] == ["node-1", "node-2", "node-3"]
