"""A served cluster, asked over HTTP in memory."""

import json

import pytest

from reconcile import Cluster, Topology, settle
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.driver.serving.exchange import exchange

ADMIN = ("admin", ("system:masters",))


class Client:
    def __init__(self, cluster):
        self.cluster = cluster

    def __call__(self, method, path, body=None, accept="application/json", **query):
        headers = (("accept", accept), ("content-type", "application/json"), ("user-agent", "tests/1"))
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        pairs = tuple([(key, str(value)) for key, value in query.items()])
        http = HttpRequest(method=method, path=path, query=pairs, headers=headers, body=data, certificate=ADMIN)
        self.cluster, response = exchange(self.cluster, http)
        return response

    def read(self, *args, **query):
        response = self(*args, **query)
        return response.code, json.loads(response.body)

    def watched(self, path, accept="application/json", **query):
        response = self("GET", path, accept=accept, watch="true", timeoutSeconds="1", **query)
        return [json.loads(line) for line in response.body.splitlines()]

    def config(self, name, namespace="default", **labels):
        body = {"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}
        code, made = self.read("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
        assert code == 201
        return made


@pytest.fixture(scope="session")
def booted():
    return settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster


@pytest.fixture
def client(booted):
    return Client(booted)
