"""A server of one replica over a store of its own: each call plans, commits, answers."""

import pytest

from reconcile.api import convert
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.model.requests import Request
from reconcile.store import Committed, commit

NOW = 1_767_225_600 * 10**9


class Server:
    def __init__(self):
        self.store = apiserver.founded(NOW)
        self.state = apiserver.begin("kube-apiserver/host-1", Dice(1, "kube-apiserver/host-1"))
        self.now = NOW
        self.count = 0

    def __call__(  # noqa: PLR0917 -- in the order in which a request is spoken
        self, verb, resource, namespace="", name="", body=None, user=apiserver.ITSELF, **others
    ):
        self.count += 1
        if isinstance(body, dict) and verb in ("create", "update"):
            body = convert.load(body).object
        request = Request(verb=verb, resource=resource, namespace=namespace, name=name, body=body, **others)
        planned = apiserver.plan(self.state, request, user, self.store, self.now, Dice(1, f"request/{self.count}"))
        if not isinstance(planned, apiserver.Planned):
            return planned
        done = commit(self.store, planned.txn)
        assert isinstance(done, Committed)
        self.store = done.store
        for txn in planned.then:
            more = commit(self.store, txn)
            assert isinstance(more, Committed)
            self.store = more.store
        response = apiserver.answer(planned, self.store, done.changes)
        for asked in planned.follows:
            self(asked.verb, asked.resource, name=asked.name, subresource=asked.subresource)
        return response

    def made(self, resource, body, namespace="default"):
        response = self("create", resource, namespace, body=body)
        assert response.code == 201, response.body.message
        return response.body


@pytest.fixture
def server():
    server = Server()
    for request in apiserver.bootstrap(server.state, server.now):
        assert server(request.verb, request.resource, request.namespace, body=request.body).ok
    return server


@pytest.fixture
def pod():
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "nginx"}]},
    }


@pytest.fixture
def deployment():
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
            },
        },
    }


@pytest.fixture
def service():
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }


@pytest.fixture
def faithful(server):
    """A server that does for its clients what nothing within a cluster needs, with the default account there."""
    server.state = apiserver.begin("kube-apiserver/host-1", Dice(1, "kube-apiserver/host-1"), managed_fields=True)
    server.made("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    server.now += 10 * 10**9
    return server
