"""Ask our own API server what `cases.py` asks, in memory, as `record.py` asks a real one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cases import cases
from record import AGENT, answered

from reconcile import Cluster, Topology, settle
from reconcile.api import meta_v1
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.driver.client import asked
from reconcile.driver.machine import Machine
from reconcile.driver.run import play
from reconcile.driver.serving.exchange import exchanged
from reconcile.driver.step import apply_event
from reconcile.events import StopProcess
from reconcile.lib.instant import SECOND
from reconcile.model.requests import Request

ADMIN = ("admin", ("system:masters",))
NO_GATES: Mapping[str, bool] = {}


def played(asked: Any = cases, gates: Mapping[str, bool] = NO_GATES) -> list[dict[str, Any]]:
    """Play every case that *asked* gives; give what `record.py` writes of each."""
    machine = alone(gates)
    found = []
    for number, (name, group, steps) in enumerate(asked()):
        namespace = f"case-{number}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        ask(machine, "POST", "/api/v1/namespaces", body)
        play(machine, None, machine.now + SECOND)  # for what controllers put there
        answers = [ask(machine, step[0], step[1].replace("{ns}", namespace), *step[2:]) for step in steps]
        found.append({"case": name, "group": group, "namespace": namespace, "answers": answers})
        ask(machine, "DELETE", f"/api/v1/namespaces/{namespace}")
    return found


def alone(gates: Mapping[str, bool] = NO_GATES) -> Machine:
    """Give a control plane without scheduler, kubelet and nodes, as the real one had none."""
    booted = settle(
        Cluster.boot(Topology(nodes=1, proxy=False, managed_fields=True, feature_gates=gates), seed=7)
    ).cluster
    machine = Machine(booted)
    for process in ("kubelet/node-1", "kube-scheduler/node-1"):
        apply_event(machine, StopProcess(process))
    for pod in booted.objects("pods"):
        options = meta_v1.DeleteOptions(grace_period_seconds=0)
        asked(
            machine,
            Request(verb="delete", resource="pods", namespace="kube-system", name=pod.metadata.name, body=options),
        )
    asked(machine, Request(verb="delete", resource="nodes", name="node-1"))
    play(machine, None, None)
    return machine


def ask(
    machine: Machine, method: str, path: str, body: Any = None, options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Ask one thing, with the headers that `record.py` sends."""
    options = options or {}
    headers = {"User-Agent": AGENT, "Accept": "application/json"}
    data = b""
    if body is not None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers["Content-Type"] = "application/json"
    headers.update(options.get("headers", {}))
    http = HttpRequest(
        method=method,
        path=path,
        query=tuple(options.get("query", {}).items()),
        headers=tuple((name.lower(), value) for name, value in headers.items()),
        body=data,
        certificate=ADMIN,
    )
    response = exchanged(machine, http)
    warnings = [value for name, value in response.headers if name == "Warning"]
    return answered(response.code, warnings, response.body)
