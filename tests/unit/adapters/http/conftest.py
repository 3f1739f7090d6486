"""A served cluster, and a client that knows nothing but HTTP."""

import base64
import http.client
import json
import ssl
import time

import pytest


@pytest.fixture
def context(kube, tmp_path):
    """TLS as the admin of the test's cluster."""
    content = json.loads(kube.kubeconfig.read_text())
    user, cluster = content["users"][0]["user"], content["clusters"][0]["cluster"]
    path = tmp_path / "admin.pem"
    path.write_bytes(
        base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]),
    )
    found = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    found.load_cert_chain(path)
    return found


@pytest.fixture
def nobody(kube):
    """TLS without a certificate of one's own."""
    cluster = json.loads(kube.kubeconfig.read_text())["clusters"][0]["cluster"]
    return ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())


@pytest.fixture
def connect(kube, context):
    """Open a connection to the cluster's server; gives it and the prefix of every path."""
    opened = []
    _, _, rest = kube.url.partition("://")
    address, slash, prefix = rest.partition("/")

    def open_(tls=context):
        connection = http.client.HTTPSConnection(address, context=tls, timeout=30)
        opened.append(connection)
        return connection, f"{slash}{prefix}"

    yield open_
    for connection in opened:
        connection.close()


@pytest.fixture
def ask(connect):
    """Send a request; gives the code and the body, as JSON where it is some."""

    def send(method, path, body=None, tls=None, **headers):
        connection, prefix = connect() if tls is None else connect(tls)
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if raw is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        connection.request(method, prefix + path, raw, sent)
        response = connection.getresponse()
        text = response.read()
        send.headers = dict(response.headers)
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode()

    return send


def eventually(holds, seconds=10.0):
    """Wait until something holds; tells whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False
