"""
What serving costs.

    python tests/benchmarks/serve.py [ready] [memory] [list] [watch] [requests] [fixture]

Without arguments all of them. Needs the extras cli and serve. Clients are threads of this process, so what they take is
among the figures.
"""

import argparse
import base64
import http.client
import json
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from reconcile.adapters.http.background import Background, Kind

PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Client:
    """One connection to a served cluster, as its admin."""

    def __init__(self, kubeconfig):
        content = json.loads(kubeconfig)
        user, cluster = content["users"][0]["user"], content["clusters"][0]["cluster"]
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode(),
        )
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            file.flush()
            context.load_cert_chain(file.name)
        address, slash, prefix = cluster["server"].partition("://")[2].partition("/")
        self.prefix = f"{slash}{prefix}"
        self.connection = http.client.HTTPSConnection(address, context=context)

    def open(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, self.prefix + path, text, {"Content-Type": "application/json"})
        return self.connection.getresponse()

    def ask(self, method, path, body=None):
        response = self.open(method, path, body)
        content = response.read()
        assert response.status < 300, content
        return content


def ready():
    """From the command to the first answer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        shell = "from reconcile.adapters.cli import main; main()"
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", shell, "serve", "--kubeconfig", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            process.stdout.readline()
            while not path.exists() or not path.read_text():
                time.sleep(0.005)
            Client(path.read_text()).ask("GET", "/readyz")
            took = time.perf_counter() - began
            memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * resource.getpagesize()
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
    print(f"ready: three nodes, {took:.2f} s from the command to the first answer; {memory / 2**20:.0f} MiB then")


def memory(server):
    """What one more cluster takes."""
    kind = Kind()
    kept = [server.cluster(kind, speed="manual")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept += [server.cluster(kind, speed="manual") for _ in range(200)]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for each in kept:
        server.drop(each)
    print(f"memory: {grown / 200:.0f} KiB for each of 200 more clusters")


def listing(server):
    """All of 10,000 objects, and of them in pages of 500."""
    kind = Kind(bare=True)
    cluster = server.cluster(kind, speed="manual")
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    began = time.perf_counter()
    for number in range(10_000):
        cluster.apply({**pod, "metadata": {"name": f"p{number}"}})
    print(f"list: 10,000 pods applied in {time.perf_counter() - began:.1f} s")
    client = Client(cluster.kubeconfig_text)
    for what in ("first", "again"):
        began = time.perf_counter()
        size = len(client.ask("GET", PODS))
        took = time.perf_counter() - began
        print(f"list: {size / 1e6:.1f} MB in {took:.2f} s ({what})")
    began, after, count = time.perf_counter(), "", 0
    while after is not None:
        page = json.loads(client.ask("GET", f"{PODS}?limit=500{after}"))
        count += len(page["items"])
        token = page["metadata"].get("continue")
        after = f"&continue={token}" if token else None
    print(f"list: {count} in pages of 500 in {time.perf_counter() - began:.2f} s")
    server.drop(cluster)


def watching(server):
    """One change to many watchers."""
    cluster = server.cluster(Kind(), speed="manual")
    seen, threads, began = [], [], threading.Event()

    def look():
        response = Client(cluster.kubeconfig_text).open("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=0")
        for _ in range(100):
            response.readline()
        seen.append(time.perf_counter())

    for _ in range(100):
        threads.append(threading.Thread(target=look))
        threads[-1].start()
    while len([name for name in cluster.value.processes if name.startswith("watch/")]) < 100:
        time.sleep(0.01)
    began.set()
    start = time.perf_counter()
    client = Client(cluster.kubeconfig_text)
    for number in range(100):
        client.ask("POST", CONFIG_MAPS, {"metadata": {"name": f"c{number}"}, "data": {"a": "b"}})
    for thread in threads:
        thread.join()
    took = max(seen) - start
    print(f"watch: 100 changes told to 100 watchers in {took:.2f} s: {10_000 / took:,.0f} frames a second")
    server.drop(cluster)


def requests(server):
    """One client that asks one thing after the other."""
    cluster = server.cluster(Kind(), speed="manual")
    client = Client(cluster.kubeconfig_text)
    client.ask("POST", CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"a": "b"}})
    for what, method, path, body in (
        ("get", "GET", f"{CONFIG_MAPS}/c", None),
        ("update", "PUT", f"{CONFIG_MAPS}/c", {"metadata": {"name": "c"}, "data": {"a": "c"}}),
        ("list of 3 nodes", "GET", "/api/v1/nodes", None),
    ):
        began = time.perf_counter()
        for number in range(500):
            sent = None if body is None else {**body, "data": {"a": str(number)}}
            client.ask(method, path, sent)
        print(f"requests: {500 / (time.perf_counter() - began):,.0f} a second ({what})")
    server.drop(cluster)


def fixture(server):
    """A cluster of its own for a test."""
    server.drop(server.cluster(Kind()))
    costs = []
    for _ in range(200):
        began = time.perf_counter()
        server.drop(server.cluster(Kind()))
        costs.append(1000 * (time.perf_counter() - began))
    print(f"fixture: {statistics.median(costs):.2f} ms for a test's cluster (median of 200; largest {max(costs):.1f})")


def main():
    known = {"memory": memory, "list": listing, "watch": watching, "requests": requests, "fixture": fixture}
    parser = argparse.ArgumentParser(description="Measure what serving costs.")
    parser.add_argument("what", nargs="*", choices=[[], "ready", *known], metavar="WHAT")
    chosen = parser.parse_args().what or ["ready", *known]
    if "ready" in chosen:
        ready()
    server = Background()
    for name, measure in known.items():
        if name in chosen:
            measure(server)
    server.close()


if __name__ == "__main__":
    main()
