"""
What several masters give and cost: how long it takes until somebody else does what a lost master did, in the cluster's
own time over many seeds, and what a step costs on three masters against one.

    python tests/benchmarks/masters.py [takeover|cost] [--seeds N] [--rounds N]

A takeover is the same on every machine; bytecodes are too. Seconds of the processor are not: only pairs of one run can
be compared.
"""

import argparse
import statistics
import sys
import time

from bench import deployed, new_image

from reconcile import Cluster, Submit, Topology, run, settle
from reconcile.driver import collector_paused
from reconcile.driver.client import create
from reconcile.driver.operating.members import member_list
from reconcile.effects import Answer
from reconcile.events import StopHost
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.balancers import Balancer

TICK = 100 * MILLISECOND
PATIENCE = 60 * SECOND
SHAPES = {
    "one master": {"nodes": 3},
    "three, one member of etcd": {"nodes": 3, "masters": 3},
    "three, three members": {"nodes": 3, "masters": 3, "members": 3},
    "three, three members, a balancer": {"nodes": 3, "masters": 3, "members": 3, "balancer": Balancer()},
}
PROMISED = {
    "etcd": "1 to 2 s: an election timeout of 1 s, drawn up to twice as long",
    "API, round-robin": "as etcd: the next server is tried at once, and has to know a leader",
    "API, floating-address": "4 s: three advertisements of a second are missed; etcd has elected by then",
    "kube-scheduler": "13 to 24 s: 15 s from when another saw the last renewal; others look every 2 to 4.4 s",
    "kube-controller-manager": "the same",
}


def after(cluster, until):
    """Give how long it takes until *until* holds of the cluster, looking ten times a second; None if it never does."""
    began = cluster.now
    while cluster.now - began < PATIENCE:
        cluster = run(cluster, until=cluster.now + TICK).cluster
        if until(cluster):
            return cluster.now - began
    return None


def etcd_leaders(cluster):
    """Name the hosts whose members lead."""
    return [each.host for each in member_list(cluster) if each.role == "leader"]


def leaders(cluster, kind):
    """Name the hosts on which a process of *kind* leads."""
    return [each.host for each in cluster.processes.values() if each.kind == kind and each.leading]


def stopped(cluster, host):
    """Let a host lose its power."""
    return run(cluster, (StopHost(host),), until=cluster.now).cluster


def of_etcd(cluster):
    """Measure how long it takes until another member of etcd leads."""
    (leader,) = etcd_leaders(cluster)
    return after(stopped(cluster, leader), etcd_leaders)


def of(kind):
    """Measure how long it takes until another process of *kind* leads."""

    def measured(cluster):
        (leader,) = leaders(cluster, kind)
        return after(stopped(cluster, leader), lambda later: leaders(later, kind))

    return measured


def of_access(cluster):
    """Measure how long it takes until a client has written that asks every tick, once the address or etcd is lost."""
    (leader,) = etcd_leaders(cluster)
    cluster = stopped(cluster, cluster.states["network"].holder or leader)
    began, number = cluster.now, 0
    while cluster.now - began < PATIENCE:
        number += 1
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"}}
        done = run(cluster, (Submit(create(body)),), until=cluster.now + TICK)
        for effect in done.effects:
            if isinstance(effect, Answer) and effect.response.code == 201:
                # What was written first may have been asked for last; it came in this tick.
                return done.cluster.now - began
        cluster = done.cluster
    return None


def takeover(seeds):
    """How long it takes until somebody else does what a master did that has lost its power, in virtual time."""
    stacked = {"nodes": 4, "masters": 3, "members": 3}
    floating = stacked | {"balancer": Balancer(kind="floating-address")}
    plays = {
        "etcd": (stacked, of_etcd),
        "API, round-robin": (stacked | {"balancer": Balancer()}, of_access),
        "API, floating-address": (floating, of_access),
        "kube-scheduler": (stacked, of("kube-scheduler")),
        "kube-controller-manager": (stacked, of("kube-controller-manager")),
    }
    for name, (fields, measure) in plays.items():
        took = []
        for seed in range(1, seeds + 1):
            cluster = settle(Cluster.boot(Topology(**fields), seed=seed)).cluster
            # Not always at the same instant after what is done again and again.
            cluster = run(cluster, until=cluster.now + 20 * SECOND + seed * 370 * MILLISECOND).cluster
            took.append(measure(cluster))
        assert None not in took, f"{name}: {took}"
        found = sorted(each / SECOND for each in took)
        tenth = len(found) // 10
        print(
            f"{name:24s} least {found[0]:.1f} s, a tenth {found[tenth]:.1f}, half {statistics.median(found):.1f}",
            end="",
        )
        print(f", nine tenths {found[-1 - tenth]:.1f}, most {found[-1]:.1f}")
        print(f"    upstream's defaults: {PROMISED[name]}")


def bytecodes(play):
    """Count the bytecodes that *play* executes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            count += 1
        return trace

    sys.settrace(trace)
    try:
        play()
    finally:
        sys.settrace(None)
    return count


def cost(rounds):
    """A rolling update of three: steps, bytecodes and time, on three masters against one."""
    bases = {
        name: deployed(settle(Cluster.boot(Topology(**shape), seed=7)).cluster, 3)[0] for name, shape in SHAPES.items()
    }
    event, found, times = new_image(), {}, {name: [] for name in bases}
    for name, base in bases.items():
        done = settle(base, (event,))
        assert done.settled, done.moving
        found[name] = (done.steps, bytecodes(lambda base=base: settle(base, (event,))))
    for _ in range(rounds):
        for name, base in bases.items():
            began = time.process_time()
            settle(base, (event,))
            times[name].append(time.process_time() - began)
    one = times["one master"]
    first = found["one master"]
    for name, (steps, count) in found.items():
        ratio = statistics.median(each / other for each, other in zip(times[name], one, strict=True))
        print(f"{name:34s} {steps:4d} steps, {count:8d} bytecodes, {count / steps:6.0f} a step", end="")
        print(f" ({count / steps / (first[1] / first[0]):.2f} of one master's), {ratio:.2f} of its time", end="")
        print(f", {ratio * first[0] / steps:.2f} a step")


def main():
    """Run what is named, else both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["takeover", "cost"], choices=["takeover", "cost"])
    parser.add_argument("--seeds", type=int, default=40, help="over how many seeds `takeover` goes")
    parser.add_argument("--rounds", type=int, default=60, help="how often `cost` plays each shape")
    chosen = parser.parse_args()
    with collector_paused():
        if "takeover" in chosen.names:
            print(f"# takeover: {(takeover.__doc__ or '').splitlines()[0]}")
            takeover(chosen.seeds)
        if "cost" in chosen.names:
            print(f"# cost: {(cost.__doc__ or '').splitlines()[0]}")
            cost(chosen.rounds)


if __name__ == "__main__":
    main()
