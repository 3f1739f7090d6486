"""The ids of members and clusters: those that an etcd of these URLs says of itself when it starts."""

from reconcile.components.etcd.identity import cluster_id, founder_id, newcomer_id
from reconcile.lib.instant import SECOND

ONE, TWO, THREE = [f"https://172.18.0.{number}:2380" for number in (2, 3, 4)]


def test_they_are_those_of_etcd():
    assert f"{founder_id(ONE):x}" == "e58c878e0e01014"
    assert f"{cluster_id([founder_id(ONE)]):x}" == "c74448475845f0fb"
    assert f"{cluster_id([founder_id(each) for each in (THREE, ONE, TWO)]):x}" == "8b324b2fe38fca4a"


def test_another_token_is_another_cluster():
    assert founder_id(ONE, "restored") != founder_id(ONE)


def test_who_is_added_twice_is_another_each_time():
    assert newcomer_id(ONE, 5 * SECOND) == newcomer_id(ONE, 6 * SECOND - 1)
    assert len({founder_id(ONE), newcomer_id(ONE, 5 * SECOND), newcomer_id(ONE, 6 * SECOND)}) == 3
