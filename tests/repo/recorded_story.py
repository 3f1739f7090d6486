"""
A run with a bit of everything, as a program; test_same_bytes.py runs it under other hash seeds and other Pythons.

Manifests come in as JSON on standard input; what goes out is the log, and an empty line, and what was printed of the
cluster. With a log's path as its argument it plays that log again first. It needs nothing but the library itself.
"""

import json
import sys
from pathlib import Path

from reconcile.cluster import Cluster, Topology
from reconcile.components import kubeproxy
from reconcile.driver import Shuffled, choices
from reconcile.driver.client import scale
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.telling.describe import describe
from reconcile.events import CutWatch, Disconnect, Reconnect, StartHost, StopHost, StopProcess, Submit
from reconcile.lib.instant import SECOND
from reconcile.model.printing import table


def tell(manifests, write):
    """Play the story; give the recorder at its end."""
    recorder = Recorder(Cluster.boot(Topology(nodes=3, masters=2, lock="endpoints"), seed=7), write, checkpoint=500)
    recorder.settle()
    for manifest in manifests:
        response = recorder.apply(manifest)
        assert response.ok, response.body
    assert recorder.settle().settled
    recorder.step(StopProcess("kube-scheduler/node-1"))
    recorder.step(Disconnect("node-3"))
    workload = next(manifest for manifest in manifests if manifest["kind"] == "Deployment")
    name, namespace = workload["metadata"]["name"], workload["metadata"].get("namespace", "default")
    wanted = Submit(request=scale("deployments", name, 5, namespace=namespace))
    recorder.run((wanted,), steps=300, until=recorder.cluster.now + 5 * SECOND, policy=Shuffled.of(11))
    recorder.run(steps=200, until=recorder.cluster.now + 5 * SECOND)
    recorder.step(Reconnect("node-3"))
    recorder.step(CutWatch("kubelet/node-3", "pods"))
    recorder.step(StopHost("node-2"))
    recorder.run(until=recorder.cluster.now + 60 * SECOND)
    recorder.step(StartHost("node-2"))
    assert recorder.settle().settled
    recorder.run((StopProcess("kubelet/node-3"),), steps=40)
    recorder.end()
    return recorder


def printed(cluster):
    """Give what is printed of a cluster: tables, packet filter rules, what it offers to do next."""
    for word, resource in (("pods", "pods"), ("nodes", "nodes"), ("deploy", "deployments.apps"), ("svc", "services")):
        yield table(resource, cluster.objects(word), cluster.now)
    for name, status in cluster.hosts.items():
        yield f"{name} {'-' if status.rules is None else kubeproxy.iptables(status.rules)}"
    for choice in choices(cluster):
        yield describe(choice, cluster)


def main():
    if len(sys.argv) > 1:
        with Path(sys.argv[1]).open("rb") as log:
            again = replay(log)
        assert again.identical, again.divergence
    lines = []
    recorder = tell(json.load(sys.stdin), lines.append)
    text = "".join([*lines, "\n", *[f"{part}\n" for part in printed(recorder.cluster)]])
    sys.stdout.buffer.write(text.encode())


if __name__ == "__main__":
    main()
