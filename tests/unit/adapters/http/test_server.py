"""The served API under load, without an API server behind it, with clients that go away; and logs of containers."""

import asyncio
import json
import socket
import ssl
import threading
import time

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

import aiohttp

from reconcile.adapters.http import server as servers
from reconcile.components.apiserver import rest
from reconcile.events import KillContainer, StopHost, StopProcess
from tests.unit.adapters.http.conftest import eventually

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name, text="x"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": text}}


def pod(name, *images):
    containers = [{"name": f"c{place}", "image": image} for place, image in enumerate(images)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}


def server_of(kube):
    return kube.cluster._server


def watchers(kube):
    return [name for name in kube.cluster.value.processes if name.startswith("watch/http:")]


def test_head_says_what_get_says_without_a_body(ask):
    code, body = ask("HEAD", "/version")
    assert (code, body) == (200, "")


def test_requests_that_are_sent_at_once_are_answered_in_order(connect, context):
    connection, prefix = connect()
    host, port = connection.host, connection.port
    paths = [f"{prefix}/version", f"{prefix}/healthz", f"{prefix}/api/v1/namespaces/default/services/kubernetes"]
    with context.wrap_socket(socket.create_connection((host, port)), server_hostname=host) as tls:
        for place, path in enumerate(paths):
            close = "close" if place == len(paths) - 1 else "keep-alive"
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {close}\r\n\r\n".encode())
        text = b""
        while piece := tls.recv(65536):
            text += piece
    places = [text.index(word) for word in (b"gitVersion", b"\r\n\r\nok", b'"10.96.0.1"')]
    assert places == sorted(places)
    assert text.count(b"HTTP/1.1 200") == 3


def test_a_body_that_is_too_large_is_refused(ask):
    code, status = ask("POST", CONFIG_MAPS, b"x" * (rest.MOST_BYTES + 1))
    assert (code, status["reason"]) == (413, "RequestEntityTooLarge")


def test_a_cluster_that_is_not_there_is_not_found(ask, kube, connect):
    connection, _ = connect()
    connection.request("GET", "/clusters/nope/api/v1/pods")
    response = connection.getresponse()
    assert response.status == 404
    assert "there is no cluster 'nope'" in json.loads(response.read())["message"]


def test_nobody_may_do_anything(ask, nobody):
    assert ask("GET", "/api/v1/secrets", tls=nobody)[0] == 403
    assert ask("GET", "/reconcile/v1/digest", tls=nobody)[0] == 403
    assert ask("GET", "/api/v1/secrets", tls=nobody, Authorization="Bearer none")[0] == 401


def test_a_certificate_of_another_authority_is_refused(connect, kube, nobody, tmp_path):
    from reconcile.adapters.http.certificates import Authority

    pair = Authority().for_client("kubernetes-admin", ("system:masters",))
    path = tmp_path / "other.pem"
    path.write_bytes(pair.certificate + pair.key)
    nobody.load_cert_chain(path)
    connection, prefix = connect(nobody)

    def ask():
        connection.request("GET", f"{prefix}/version")
        connection.getresponse()

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask()


@pytest.mark.kube(nodes=2, speed="manual")
def test_without_an_api_server_that_can_be_reached_it_is_503(kube, ask):
    kube.cluster.happen(StopHost("node-1"))
    code, status = ask("GET", "/api/v1/pods")
    assert (code, status["reason"], ask.headers["Retry-After"]) == (503, "ServiceUnavailable", "1")


@pytest.mark.kube(nodes=2, speed="manual")
def test_without_etcd_it_is_503_after_a_while(kube, ask):
    kube.cluster.happen(StopProcess("kubelet/node-1"), StopProcess("etcd/node-1"))
    server_of(kube).patience = 0.2
    code, status = ask("POST", CONFIG_MAPS, config_map("late"))
    assert (code, ask.headers["Retry-After"]) == (503, "1")
    assert "no API server that can be reached" in status["message"]
    assert ask("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1")[0] == 503
    assert ask("GET", "/reconcile/v1/digest")[0] == 200  # control needs no API server


def test_what_fails_in_the_engine_is_500_and_said(ask, kube, monkeypatch, capfd):
    def fail(_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(server_of(kube).live, "take", fail)
    code, status = ask("GET", "/api/v1/pods")
    assert (code, status["reason"], status["message"]) == (
        500,
        "InternalError",
        "Internal error occurred: RuntimeError: out of order",
    )
    monkeypatch.undo()
    assert ask("GET", "/api/v1/pods")[0] == 200
    assert "RuntimeError: out of order" in capfd.readouterr().err


def test_a_circle_is_said_and_does_not_stop_the_server(ask, kube, monkeypatch, capfd):
    server = server_of(kube)

    def circling(steps):
        server.live.circle = "controller a and controller b go round in a circle"
        return True

    monkeypatch.setattr(server.live, "play", circling)
    monkeypatch.setattr(servers, "_MOST_PLAYED", 0.1)
    server.patience = 0.1
    code, status = ask("GET", "/api/v1/pods")
    assert (code, status["message"]) == (503, "controller a and controller b go round in a circle")
    monkeypatch.undo()
    assert ask("GET", "/api/v1/pods")[0] == 200
    assert "time stands still: controller a and controller b" in capfd.readouterr().err


def watched(connect, path, frames, done):
    connection, prefix = connect()
    connection.request("GET", f"{prefix}{path}")
    response = connection.getresponse()
    for line in response:
        frames.append(json.loads(line))
    done.append(response.status)


def test_a_hundred_watchers_and_fifty_connections(kube, kube_server, connect, ask):
    seen = [[] for _ in range(100)]
    done = []
    path = f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dtold"
    threads = [threading.Thread(target=watched, args=(connect, path, frames, done)) for frames in seen]
    for thread in threads:
        thread.start()
    connections = [connect() for _ in range(50)]
    for connection, prefix in connections:
        connection.request("GET", f"{prefix}/api/v1/namespaces/default")
    assert {connection.getresponse().read() and 1 for connection, _ in connections} == {1}
    ask("POST", CONFIG_MAPS, config_map("told"))
    end = time.monotonic() + 60
    while not all(seen) and time.monotonic() < end:
        time.sleep(0.02)
    kube_server.call(server_of(kube).end_watches)
    for thread in threads:
        thread.join(30)
    assert done == [200] * 100
    assert {tuple(frame["type"] for frame in frames) for frames in seen} == {("ADDED",)}
    while watchers(kube) and time.monotonic() < end:
        time.sleep(0.02)
    assert watchers(kube) == []


def test_a_client_that_goes_away_leaves_no_watch(kube, connect):
    connection, prefix = connect()
    connection.request("GET", f"{prefix}{CONFIG_MAPS}?watch=1")
    connection.getresponse()
    assert len(watchers(kube)) == 1
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    end = time.monotonic() + 10
    while watchers(kube) and time.monotonic() < end:
        time.sleep(0.02)
    assert watchers(kube) == []


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.kubernetes.protobuf;stream=watch"])
def test_a_watch_over_a_websocket_has_a_message_for_each_event(kube, context, ask, accept):
    async def watched():
        async with aiohttp.ClientSession() as session:
            query = {"watch": "1", "resourceVersion": "0", "fieldSelector": "metadata.name=told"}
            url = f"{kube.url}{CONFIG_MAPS}"
            async with session.ws_connect(url, ssl=context, params=query, headers={"Accept": accept}) as stream:
                found = await stream.receive(timeout=10)
        await asyncio.sleep(0.25)  # TLS says goodbye after the session is closed: else its socket is left open
        return found

    ask("POST", CONFIG_MAPS, config_map("told"))
    message = asyncio.run(watched())
    if accept == "application/json":
        event = json.loads(message.data)
        assert (event["type"], event["object"]["kind"]) == ("ADDED", "ConfigMap")
    else:
        assert (message.type, message.data[:7]) == (aiohttp.WSMsgType.BINARY, b"\x0a\x05ADDED")
    assert eventually(lambda: watchers(kube) == [])


def test_a_slow_watcher_ends_with_410_and_little_memory(kube, connect, monkeypatch):
    monkeypatch.setattr(servers, "_MOST_WAITING", 20)
    connection, prefix = connect()
    connection.request("GET", f"{prefix}{CONFIG_MAPS}?watch=1")
    response = connection.getresponse()  # and reads no further
    watch = next(iter(server_of(kube)._watches.values()))
    for number in range(400):
        kube.cluster.apply(config_map(f"c{number}", "y" * 50_000))
        assert watch.frames.qsize() <= 20
    last = [json.loads(line) for line in response][-1]
    assert (last["type"], last["object"]["code"], last["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_cluster_that_ends_ends_its_watches(kube, kube_server, connect):
    frames, done = [], []
    thread = threading.Thread(target=watched, args=(connect, f"{CONFIG_MAPS}?watch=1", frames, done))
    thread.start()
    end = time.monotonic() + 10
    while not watchers(kube) and time.monotonic() < end:
        time.sleep(0.02)
    kube_server.call(server_of(kube).end_watches)
    thread.join(10)
    assert done == [200]


@pytest.mark.parametrize("sub", ["exec?command=ls", "attach", "portforward", "proxy/x"])
def test_what_needs_a_process_in_a_container_is_refused(ask, sub):
    code, status = ask("GET", f"/api/v1/namespaces/default/pods/web/{sub}")
    assert (code, status["reason"]) == (501, "NotImplemented")
    assert "containers are simulated" in status["message"]


@pytest.mark.kube(behaviours={"images": {"talks": 'logs "one", logs "two", logs "three"'}}, speed="manual")
class TestLogs:
    path = "/api/v1/namespaces/default/pods/web/log"

    @pytest.fixture(autouse=True)
    def _web(self, kube):
        kube.cluster.apply(pod("web", "talks:1"))
        kube.cluster.apply(pod("pair", "talks:1", "talks:1"))
        kube.cluster.settle()

    @pytest.mark.parametrize(
        ("query", "text"),
        [
            ("", "one\ntwo\nthree\n"),
            ("?tailLines=1", "three\n"),
            ("?tailLines=0", ""),
            ("?limitBytes=5", "one\nt"),
            ("?container=c0", "one\ntwo\nthree\n"),
        ],
    )
    def test_what_was_written_is_shown(self, ask, query, text):
        assert ask("GET", self.path + query) == (200, text)

    @pytest.mark.parametrize(
        ("path", "code", "message"),
        [
            (f"{path}?container=no", 400, "container no is not valid for pod web"),
            (f"{path}?previous=true", 400, 'previous terminated container "c0" in pod "web" not found'),
            (path.replace("web", "nope"), 404, 'pods "nope" not found'),
            (
                path.replace("web", "pair"),
                400,
                "a container name must be specified for pod pair, choose one of: [c0 c1]",
            ),
            (
                f"{path}?tailLines=-1",
                422,
                'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
            ),
        ],
    )
    def test_what_cannot_be_shown_is_refused(self, ask, path, code, message):
        found, status = ask("GET", path)
        assert (found, status["message"]) == (code, message)

    def test_each_line_has_its_time(self, ask, kube):
        _, text = ask("GET", f"{self.path}?timestamps=true&tailLines=1")
        started = kube.cluster.get("pods", "web").status.container_statuses[0].state.running.started_at
        assert text == f"{started} three\n"

    def test_what_is_followed_ends_with_the_container(self, kube, connect):
        connection, prefix = connect()
        connection.request("GET", f"{prefix}{self.path}?follow=true")
        response = connection.getresponse()
        assert response.read(4) == b"one\n"
        kube.cluster.happen(KillContainer("default/web", "c0"))
        kube.cluster.advance("1s")
        assert b"three" in response.read()
