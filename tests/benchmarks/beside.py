"""
How many decisions a second a real kube-scheduler makes, of the pods that `scheduling.py` plays.

    python -m tests.benchmarks.beside KUBECONFIG [KIND...] [--nodes N] [--pods N] [--patience S] --start COMMAND...

The control plane at KUBECONFIG has an API server and no scheduler. It is given the nodes and, kind after kind, the
pods; then the scheduler is started by COMMAND, and stopped again when all that can be bound are. What counts is the
time from the first binding to the last, and the seconds of the processor that the scheduler took in it, since the API
server and etcd, which it waits for, run on the same machine. Its own limit of requests has to be set high.

For `preemption` every node is filled first; a pod that finds room by it counts when it is bound, its victims gone.
"""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path

from reconcile.api import convert
from tests.benchmarks import scheduling
from tests.benchmarks.against import Server

NODES = "/api/v1/nodes"
CLIENTS = 16
PREEMPTION = "preemption"
HIGH = "benchmark-high"
ADDED = b'"type":"ADDED"'
# How long no pod is bound until it is taken that none will be, in seconds.
QUIET = 15.0
# How long it may take until the first is, in seconds, by default.
PATIENCE = 300.0


async def fill(server, path, objects):
    """Create all of *objects*; what is there already stays."""

    async def create():
        connection = await server.connect()
        for each in objects:
            await connection.ask("POST", path, convert.dump(each), also=(409,))
        connection.close()

    await asyncio.gather(*[create() for _ in range(CLIENTS)])


async def allocatable(server, count):
    """Say of each node what it has room for: a status is not taken when an object is created."""
    numbers = iter(range(count))

    async def say():
        connection = await server.connect()
        connection.server.headers = connection.server.headers.replace(
            "application/json", "application/merge-patch+json"
        )
        for number in numbers:
            node = convert.dump(scheduling.node(number))
            await connection.ask("PATCH", f"{NODES}/{node['metadata']['name']}/status", {"status": node["status"]})
            taints = {"spec": {"taints": None}}
            await connection.ask("PATCH", f"{NODES}/{node['metadata']['name']}", taints)
        connection.close()

    await asyncio.gather(*[say() for _ in range(CLIENTS)])


def seconds_of(pid):
    """Give the seconds of the processor that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def bindings(connection, path, version, pid, pods, *, patience):
    """
    Count the pods that are bound; give the seconds from the first to the last, by the clock and the processor.

    For the first it waits *patience* seconds.
    """
    code, _ = await connection.send("GET", f"{path}?watch=1&resourceVersion={version}&fieldSelector=spec.nodeName!=")
    assert code == 200, code
    first = last = None
    bound, rest = 0, b""
    while bound < pods:
        try:
            content = await asyncio.wait_for(connection.reader.read(1 << 20), QUIET if bound else patience)
        except TimeoutError:
            break
        # Of what the selector shows, a pod that is bound is new.
        text = rest + content
        found, rest = text.count(ADDED), text[-len(ADDED) + 1 :]
        if found:
            bound += found
            last = (time.perf_counter(), seconds_of(pid))
            first = first or last
    assert first is not None, "no pod was bound"
    return bound, last[0] - first[0], last[1] - first[1]


async def _clear(server, path):
    """Delete all pods; a server gives up after a minute, with those gone that it came to."""
    for _ in range(CLIENTS):
        connection = await server.connect()
        try:
            await connection.ask("DELETE", f"{path}?gracePeriodSeconds=0", also=(409, 504))
        except asyncio.IncompleteReadError:
            continue
        finally:
            connection.close()
        return


async def _crowd(server, client, space, nodes):
    """Fill every node with pods of low priority, in a namespace of their own."""
    ranks = "/apis/scheduling.k8s.io/v1/priorityclasses"
    await client.ask("POST", ranks, {"metadata": {"name": HIGH}, "value": 10}, also=(409,))
    await client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    account = {"metadata": {"name": "default"}}
    await client.ask("POST", f"/api/v1/namespaces/{space}/serviceaccounts", account, also=(409,))
    low = (_moved(each, space) for each in scheduling.crowd(nodes))
    await fill(server, f"/api/v1/namespaces/{space}/pods", low)


async def measure(server, name, kind, pods, options):
    """Give the pods of one kind to a scheduler that is started for them; print how fast it was."""
    space = f"{name.replace('_', '-')}-{int(time.time())}"
    path = f"/api/v1/namespaces/{space}/pods"
    client = await server.connect()
    await client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    await client.ask(
        "POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": "default"}}, also=(409,)
    )
    if name == PREEMPTION:
        await _crowd(server, client, f"{space}-low", options.nodes)
    await fill(server, path, (_moved(kind(number), space) for number in range(pods)))
    client.close()  # an API server ends a connection that is idle for so long
    client = await server.connect()
    version = json.loads(await client.ask("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
    watcher = await server.connect()
    process = await asyncio.create_subprocess_exec(
        *options.start, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        bound, took, spent = await bindings(watcher, path, version, process.pid, pods, patience=options.patience)
    finally:
        process.terminate()
        await process.wait()
    print(
        f"{name:14s} {bound} of {pods} pods, {bound / took:7.0f} a second by the clock,"
        f" {bound / spent:7.0f} a second of its processor",
        flush=True,
    )
    watcher.close()
    client.close()
    await _clear(server, path)


def _moved(pod, space):
    plain = convert.dump(pod)
    plain["metadata"].pop("uid", None)
    plain["metadata"]["namespace"] = space
    plain["spec"]["schedulerName"] = "default-scheduler"
    if plain["spec"].pop("priority", 0):
        plain["spec"]["priorityClassName"] = HIGH
    plain["spec"]["terminationGracePeriodSeconds"] = 0
    return convert.load(plain).object


async def played(options):
    """Fill the control plane with nodes, and measure kind after kind."""
    server = Server(options.kubeconfig)
    await fill(server, NODES, (scheduling.node(number) for number in range(options.nodes)))
    await allocatable(Server(options.kubeconfig), options.nodes)
    kinds = {**scheduling.KINDS, PREEMPTION: scheduling.urgent}
    for name in options.kinds or kinds:
        pods = scheduling.urgent_pods(options.pods, options.nodes) if name == PREEMPTION else options.pods
        await measure(server, name, kinds[name], pods, options)


def main():
    """Measure the kinds that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig")
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="how long the first binding may take, in seconds"
    )
    parser.add_argument("--start", nargs=argparse.REMAINDER, required=True, metavar="COMMAND")
    asyncio.run(played(parser.parse_args()))


if __name__ == "__main__":
    main()
