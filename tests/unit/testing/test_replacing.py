"""A member of etcd whose disk is gone is replaced; and whatever was broken is made whole."""

from functools import cache

import pytest

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.operating.members import member_list
from reconcile.driver.run import settle
from reconcile.events import (
    ChangeMember,
    CutLink,
    DriftClock,
    FillDisk,
    Freeze,
    HoldCache,
    LoseDisk,
    SetClock,
    SlowDisk,
    StopHost,
)
from reconcile.lib.instant import SECOND
from reconcile.model.balancers import Balancer
from reconcile.properties import ALWAYS
from reconcile.testing.game import Game
from reconcile.testing.moves import Declare, Repair, Replace, Wait
from reconcile.testing.repairing import repairs

NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"word": "kept"}}
WELL = (("node-1", "voter"), ("node-2", "voter"), ("node-3", "voter"))


@cache
def booted(members=3):
    topology = Topology(nodes=4, masters=3, members=members, balancer=Balancer())
    return settle(Cluster.boot(topology, seed=3)).cluster


def parts(game):
    return tuple([(each.host, each.part) for each in member_list(game.machine.closed())])


@pytest.mark.parametrize("host", ["node-1", "node-2"])
def test_a_member_is_replaced(host):
    game = Game(booted(), ALWAYS)
    terms = {each.host: each.applied for each in member_list(booted())}
    for move in (Declare(NOTE), Replace(host), Wait(60 * SECOND)):
        game.move(move)
    assert parts(game) == WELL
    assert [said for said in game.happened if said.startswith("member")] or any(host in said for said in game.happened)
    assert all(each.role in ("leader", "follower") for each in member_list(game.machine.closed()))
    assert all(each.applied > terms[each.host] for each in member_list(game.machine.closed()))
    assert game.verdict() == ()


@pytest.mark.parametrize(
    "fault", [CutLink("node-2", "node-3"), SlowDisk("node-2", SECOND), FillDisk("node-3"), StopHost("node-2")], ids=str
)
def test_no_member_is_replaced_while_another_is_not_well(fault):
    game = Game(booted(), ALWAYS)
    game.move(fault)
    happened = tuple(game.happened)
    game.move(Replace("node-1"))
    assert tuple(game.happened) == happened


def test_of_one_member_there_is_none_to_replace():
    game = Game(booted(1), ALWAYS)
    game.move(Replace("node-1"))
    assert game.happened == []


def test_all_is_made_whole():
    game = Game(booted(), ALWAYS)
    faults = (
        CutLink("node-1", "node-4"),
        SetClock("node-1", 61 * SECOND),
        DriftClock("node-2", 500),
        SlowDisk("node-2", SECOND),
        FillDisk("node-3"),
        Freeze("kubelet/node-4"),
        HoldCache("kube-apiserver/node-1"),
    )
    for move in (*faults, Wait(5 * SECOND)):
        game.move(move)
    assert len(list(repairs(game.machine))) == len(faults) + 1  # a clock that drifted shows another time as well
    game.move(Repair())
    assert list(repairs(game.machine)) == []
    assert all(not status.host.clock_skew for status in game.machine.closed().hosts.values())
    assert game.verdict() == ()


def test_who_was_removed_comes_back():
    game = Game(booted(), ALWAYS)
    for move in (StopHost("node-2"), LoseDisk("node-2"), Wait(5 * SECOND), ChangeMember("remove", "node-2")):
        game.move(move)
    game.move(Wait(5 * SECOND))
    assert ("node-2", "none") in parts(game)
    game.move(Repair())
    assert parts(game) == WELL
