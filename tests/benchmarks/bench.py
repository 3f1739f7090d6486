"""
The speed budgets, measured: `bench.py [pods|roll|steps|boot|storm|record|memory|import|work|all]`.

Each prints what it did, the figure, and the budget it is held to, in seconds of the processor: the engine is one thread
that waits for nothing. Run it on a machine that does nothing else, for a neighbour takes caches too; compare figures of
one run with each other, not of two machines.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import storms
from storms import deployment

from reconcile.cluster import Cluster, Topology
from reconcile.driver import collector_paused, settle
from reconcile.driver.client import apply, patch
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import state_digest
from reconcile.events import Submit

BOOTED = (1000, 10_000)
SIZES = (10, 30, 100, 300, 1000, 2000, 5000)


def boot(sizes: tuple[int, ...] = BOOTED) -> None:
    """Cost of a step while machines are powered on, until all nodes are ready, against their number."""
    _compared({"boot": storms.boot}, sizes, storms.powered)


def storm(sizes: tuple[int, ...] = BOOTED) -> None:
    """Cost of a step when many nodes or processes come or go at once, against the size of the cluster."""
    _compared(storms.STORMS, sizes, storms.deployed)


def _compared(kinds: dict[str, storms.Storm], sizes: tuple[int, ...], base: Callable[[int], Cluster]) -> None:
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in kinds}
    for size in sizes:
        cluster = base(size)
        for name, kind in kinds.items():
            count, took = storms.timed(cluster, kind)
            costs = storms.counted(cluster, kind)
            found[name].append((took, costs.calls, costs.room))
            print(f"{name:9s} {size:6d} nodes: {count:8d} steps of {took:5.1f} us, {costs.calls:5.1f} calls", end="")
            print(f", {costs.room:5.0f} bytes at a time")
        del cluster
    for name, costs_of in found.items():
        ratios = [max(column) / min(column) for column in zip(*costs_of, strict=True)]
        print(f"  {name}: dearest over cheapest: time {ratios[0]:.2f}, calls {ratios[1]:.2f}, bytes {ratios[2]:.2f}")
    print("  budget: 1.5")


def booted(nodes: int) -> Cluster:
    """Boot a cluster and let it settle."""
    done = settle(Cluster.boot(Topology(nodes=nodes), seed=7))
    assert done.settled, done.moving
    return done.cluster


def running(cluster: Cluster) -> int:
    """Count the pods of namespace default that run."""
    return sum(pod.status.phase == "Running" for pod in cluster.objects("pods", namespace="default"))


def deployed(cluster: Cluster, replicas: int) -> tuple[Cluster, float, int]:
    """Apply a Deployment and settle; give the cluster, the seconds and the steps that it took."""
    began, first = time.process_time(), cluster.steps
    cluster, _ = apply(cluster, deployment(replicas))
    done = settle(cluster)
    took = time.process_time() - began
    assert done.settled, done.moving
    assert running(done.cluster) == replicas
    return done.cluster, took, done.cluster.steps - first


def pods(nodes: int = 1000, replicas: int = 10_000) -> None:
    """Deployment pods from manifest to Running."""
    began = time.process_time()
    cluster = booted(nodes)
    print(f"boot of {nodes} nodes: {time.process_time() - began:.2f} s")
    cluster, took, steps = deployed(cluster, replicas)
    print(f"{replicas} pods on {nodes} nodes: {took:.2f} s, {steps} steps, {took / steps * 1e6:.1f} us a step")
    print(f"  {replicas / took:.0f} pods a second (budget 1000, ambition 2500)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory {peak:.0f} MiB")


def new_image() -> Submit:
    """Give the request that rolls the Deployment to a new image."""
    template = deployment(3, "nginx:1.30")["spec"]["template"]
    return Submit(request=patch("deployments", "web", {"spec": {"template": {"spec": template["spec"]}}}))


def roll(runs: int = 300) -> None:
    """A three-node cluster that rolls a Deployment of three to a new image, complete runs a second."""
    base, _, _ = deployed(booted(3), 3)
    event = new_image()
    times = []
    for _ in range(runs):
        began = time.process_time()
        done = settle(base, (event,))
        times.append(time.process_time() - began)
        assert done.settled
    images = {pod.spec.containers[0].image for pod in done.cluster.objects("pods", namespace="default")}
    assert images == {"nginx:1.30"}
    assert running(done.cluster) == 3
    middle = statistics.median(times)
    print(f"rolling update of three on three nodes: {done.steps} steps, {middle * 1e3:.2f} ms a run")
    print(f"  {1 / middle:.0f} runs a second (budget 150, ambition 500)")


def steps(plot: Path | None = None) -> None:
    """Cost of a step against the size of the cluster: the same work on 10 to 5,000 nodes."""
    costs = []
    for nodes in SIZES:
        cluster = booted(nodes)
        costs.append(min(_step_cost(cluster) for _ in range(3)))
        print(f"{nodes:5d} nodes: {costs[-1]:.1f} us a step")
        del cluster
    print(f"  dearest over cheapest: {max(costs) / min(costs):.2f} (budget 1.5)")
    if plot is not None:
        _drawn(costs, plot)


def _step_cost(cluster: Cluster) -> float:
    _, took, count = deployed(cluster, 200)
    return took / count * 1e6


def _drawn(costs: list[float], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2))
    axes.plot(SIZES, costs, marker="o")
    axes.set_xscale("log")
    axes.set_ylim(0, max(costs) * 1.3)
    axes.set_xlabel("nodes")
    axes.set_ylabel("microseconds a step")
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    print(f"  drawn to {path}")


def record(nodes: int = 50, replicas: int = 500, rounds: int = 7) -> None:
    """What recording costs, and how fast a replay is."""
    lines: dict[str, list[str]] = {}

    def live() -> Cluster:
        done = settle(apply(settle(Cluster.boot(Topology(nodes=nodes), seed=7)).cluster, deployment(replicas))[0])
        assert done.settled
        return done.cluster

    def recorded(detail: Any) -> Callable[[], None]:
        def play() -> None:
            lines[detail] = []
            recorder = Recorder(Cluster.boot(Topology(nodes=nodes), seed=7), lines[detail].append, detail=detail)
            recorder.settle()
            recorder.apply(deployment(replicas))
            assert recorder.settle().settled
            recorder.end()

        return play

    def replayed(detail: str) -> Callable[[], None]:
        def play() -> None:
            done = replay([line.encode() for line in lines[detail]])
            assert done.identical, done.divergence

        return play

    plays: dict[str, Callable[[], Any]] = {
        "live": live,
        "live, and its digest": lambda: state_digest(live()),
        "recorded, detail steps": recorded("steps"),
        "recorded, detail changes": recorded("changes"),
        "replayed, detail steps": replayed("steps"),
        "replayed, detail changes": replayed("changes"),
    }
    times: dict[str, list[float]] = {name: [] for name in plays}
    for _ in range(rounds):
        for name, play in plays.items():
            began = time.process_time()
            play()
            times[name].append(time.process_time() - began)
    base = min(times["live, and its digest"])  # a log ends with it, and a replay compares it
    for name, taken in times.items():
        print(f"{name:26s} {min(taken):.2f} s, {min(taken) / base:.2f} of the live run with its digest")
    print("  budgets: recorded at most 1.25, replayed at most 1")
    for detail, text in lines.items():
        print(f"  a log of detail {detail}: {sum(map(len, text)) / 1e6:.1f} MB for {replicas} pods")


def memory(nodes: int = 100, replicas: int = 2000) -> None:
    """Memory for each pod: what the state holds, and what stays when it is dropped with the collector paused."""
    cluster = booted(nodes)
    deployed(cluster, replicas)  # once, so that what is kept for next time (compiled constructors, caches) is there
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    grown, _, _ = deployed(cluster, replicas)
    with_history = tracemalloc.get_traced_memory()[0] - before
    print(f"{with_history / replicas / 1024:.1f} KiB a pod, with its history, events and every component's view")
    del grown
    found = gc.collect()  # it empties the interpreter's free lists as well, which keep blocks for the next tuple
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    print(f"  after the state is dropped the collector finds {found} objects, and {left / 1024:.0f} KiB are left")


def imports(runs: int = 7) -> None:
    """`import reconcile` in a fresh interpreter."""
    times = {}
    for code in ("pass", "import reconcile", "from reconcile import Cluster, step"):
        taken = []
        for _ in range(runs):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken.append(time.perf_counter() - began)
        times[code] = min(taken)
    for code, taken_min in times.items():
        print(f"{code!r}: {(taken_min - times['pass']) * 1e3:.0f} ms beyond an empty interpreter")
    print("  budget: import reconcile under 150 ms")


def work(top: int = 12) -> None:
    """Bytecodes that are executed: the same on every machine, so that a change of a few percent can be told."""
    base, _, _ = deployed(booted(3), 3)
    event = new_image()
    settle(base, (event,))
    _counted("a rolling update of three", 1, top, lambda: settle(base, (event,)))
    wide = booted(50)
    deployed(wide, 300)
    cluster, _ = apply(wide, deployment(300))
    _counted("a pod from manifest to Running", 300, top, lambda: settle(cluster))


def _counted(what: str, parts: int, top: int, play: Callable[[], Any]) -> None:
    codes: Counter[Any] = Counter()
    calls: Counter[Any] = Counter()

    def trace(frame: Any, event: str, _: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            calls[frame.f_code] += 1
        elif event == "opcode":
            codes[frame.f_code] += 1
        return trace

    sys.settrace(trace)
    try:
        play()
    finally:
        sys.settrace(None)
    print(f"{what}: {codes.total() // parts} bytecodes in {calls.total() // parts} calls")
    modules: Counter[str] = Counter()
    for code, count in codes.items():
        modules[_place(code)] += count
    for name, counts in (("module", modules), ("function", codes)):
        for key, count in counts.most_common(top):
            where = key if name == "module" else f"{calls[key] / parts:7.1f} calls  {_place(key)}:{key.co_name}"
            print(f"  {count / parts:9.1f} {count * 100 / codes.total():5.1f}%  {where}")


def _place(code: Any) -> str:
    return code.co_filename.rpartition("/reconcile/")[2]


def main() -> None:
    """Run the benchmarks that are named."""
    known: dict[str, Callable[[], None]] = {
        "pods": pods,
        "roll": roll,
        "steps": steps,
        "boot": boot,
        "storm": storm,
        "record": record,
        "memory": memory,
        "import": imports,
        "work": work,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["all"], choices=[*known, "all"])
    parser.add_argument("--plot", type=Path, help="draw the cost of a step to this file")
    parser.add_argument("--sizes", type=int, nargs="+", default=BOOTED, help="how many nodes `boot` and `storm` take")
    parser.add_argument("--top", type=int, default=12, help="how many modules and functions `work` names")
    chosen = parser.parse_args()
    with collector_paused():
        for name, bench in known.items():
            if name in chosen.names or "all" in chosen.names:
                print(f"# {name}: {(bench.__doc__ or '').splitlines()[0]}")
                if name == "steps":
                    steps(chosen.plot)
                elif name in ("boot", "storm"):
                    (boot if name == "boot" else storm)(tuple(chosen.sizes))
                elif name == "work":
                    work(chosen.top)
                else:
                    bench()
                gc.collect()


if __name__ == "__main__":
    main()
