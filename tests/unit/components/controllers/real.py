"""A whole cluster for the tests of controllers that need the API server, kubelets and time to be real."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

from reconcile import Behaviours, Cluster, Topology, settle
from reconcile.api import convert, meta_v1
from reconcile.api.kinds import resource_named
from reconcile.api.scalars import freeze
from reconcile.driver import client
from reconcile.driver.machine import Machine, next_step
from reconcile.lib.instant import SECOND
from reconcile.model.requests import Request
from reconcile.properties import broken
from reconcile.properties.jobs import JOBS

IMAGES = {
    "done": "pull 100ms, start 50ms, exit 0 after 500ms",
    "fail": "pull 100ms, start 50ms, exit 1 after 500ms",
    "fail42": "pull 100ms, start 50ms, exit 42 after 500ms",
    "linger": "pull 100ms, start 50ms, stop 20s with code 143",
    "work": "pull 100ms, start 50ms, stop 400ms with code 143",
}
INDEX = "batch.kubernetes.io/job-completion-index"
FIRST_FAILS = [{"image": "first", "labels": {INDEX: "0"}, "behaviour": "exit 1 after 500ms"}]


@cache
def _rested(*gates: str) -> Cluster:
    behaviours = Behaviours.parse({"images": {**IMAGES, "first": "exit 0 after 500ms"}, "containers": FIRST_FAILS})
    topology = Topology(nodes=2, behaviours=behaviours, heartbeats=False, feature_gates=dict.fromkeys(gates, True))
    return settle(Cluster.boot(topology, seed=1)).cluster


class Real:
    """A cluster that runs; not a value: tests drive it and look at it. What Jobs promise is looked at in each step."""

    def __init__(self, *gates: str) -> None:
        self.machine = Machine(_rested(*gates))
        self.broken: list[str] = []

    def run(self, seconds: float) -> None:
        end = self.machine.now + int(seconds * SECOND)
        while True:
            revision = self.machine.store.revision
            if next_step(self.machine):
                if self.machine.store.revision != revision and not self.broken:
                    self.broken += broken(SimpleNamespace(store=self.machine.store), JOBS)
                continue
            timer = self.machine.timers.first()
            if timer is None or timer.at > end:
                self.machine.advance(end)
                return
            self.machine.advance(timer.at)

    def create(self, plain: dict[str, Any]) -> None:
        plain = {**plain, "metadata": {"namespace": "default", **plain["metadata"]}}
        response = client.asked(self.machine, client.create(plain, namespace="default"))
        assert response.ok, response.body

    def patch(self, resource: str, name: str, body: dict[str, Any]) -> None:
        kind = resource_named(resource)
        space = "default" if kind.namespaced else ""
        request = Request(verb="patch", resource=kind.key, namespace=space, name=name, body=freeze(body))
        response = client.asked(self.machine, request)
        assert response.ok, response.body

    def delete(self, resource: str, name: str) -> None:
        key = resource_named(resource).key
        options = meta_v1.DeleteOptions(propagation_policy="Background")
        client.asked(self.machine, Request(verb="delete", resource=key, namespace="default", name=name, body=options))

    def remove(self, resource: str, name: str) -> None:
        client.asked(self.machine, Request(verb="delete", resource=resource_named(resource).key, name=name))

    def get(self, resource: str, name: str) -> Any:
        found = self.machine.store.get(resource_named(resource).key, f"default/{name}")
        return None if found is None else convert.dump(found)

    def all(self, resource: str) -> list[Any]:
        found = self.machine.store.table(resource_named(resource).key).under("namespace", "default")
        return [convert.dump(each) for each in found]

    def events(self, kind: str) -> list[tuple[str, str]]:
        found = [each for each in self.all("events") if each["involvedObject"]["kind"] == kind]
        return [(each["reason"], each["message"]) for each in found]


def conditions(obj: Any) -> list[tuple[str, str, str]]:
    return [(each["type"], each["status"], each["reason"]) for each in obj["status"].get("conditions", [])]


def job(image: str, name: str = "work", **spec: Any) -> dict[str, Any]:
    restart = spec.pop("restart", "Never")
    template = {"spec": {"containers": [{"name": "c", "image": image}], "restartPolicy": restart}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }
