"""
What a served control plane costs beside another one: the same clients ask both, by their kubeconfigs.

    python -m tests.benchmarks.against KUBECONFIG[=PID] ... [--pods N] [--updates N] [--watchers N] [--seconds S]

With the server's process id its memory is told as well. Everything is done in a namespace of its own, which is deleted.
The clients are a process of their own, written in Python too: they are the limit of what is fast.
"""

import argparse
import asyncio
import base64
import json
import ssl
import tempfile
import time
from pathlib import Path

import yaml

SPACE = f"measured-{int(time.time())}"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
MAPS = f"/api/v1/namespaces/{SPACE}/configmaps"


class Server:
    """Where a kubeconfig leads, and who its user is."""

    def __init__(self, path, pid=None):
        content = yaml.safe_load(Path(path).read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.name, self.pid = str(path), pid
        self.host, _, port = cluster["server"].partition("://")[2].partition(":")
        self.port = int(port)
        self.context = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        else:
            data = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self.context = ssl.create_default_context(cadata=data)
        self.headers = f"Host: {self.host}\r\nContent-Type: application/json\r\n"
        if "token" in user:
            self.headers += f"Authorization: Bearer {user['token']}\r\n"
        else:
            with tempfile.NamedTemporaryFile() as file:
                file.write(base64.b64decode(user["client-certificate-data"]))
                file.write(base64.b64decode(user["client-key-data"]))
                file.flush()
                self.context.load_cert_chain(file.name)

    async def connect(self):
        return Connection(self, *await asyncio.open_connection(self.host, self.port, ssl=self.context, limit=1 << 26))

    def memory(self):
        """Give what the server's process holds, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Connection:
    """One connection that is kept alive."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer

    async def send(self, method, path, body=None):
        """Send a request; give the code and the headers of the answer."""
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self.server.headers}Content-Length: {len(text)}\r\n\r\n"
        self.writer.write(head.encode() + text)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.partition(":") for line in lines[1:] if line]
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def ask(self, method, path, body=None, also=()):
        """Send a request; give the answer's body."""
        code, headers = await self.send(method, path, body)
        if "content-length" in headers:
            content = await self.reader.readexactly(int(headers["content-length"]))
        else:
            content = b""
            while size := int(await self.reader.readline(), 16):
                content += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        assert code < 300 or code in also, content
        return content

    def close(self):
        self.writer.close()


async def listing(server, count):
    connections = [await server.connect() for _ in range(8)]
    names = iter(range(count))

    async def create(connection):
        for number in names:
            pod = {
                "metadata": {"name": f"p{number}", "labels": {"app": f"a{number % 50}"}},
                "spec": {"containers": [{"name": "c", "image": "nginx:1"}], "schedulingGates": [{"name": "measured"}]},
            }
            await connection.ask("POST", PODS, pod)

    began = time.perf_counter()
    await asyncio.gather(*map(create, connections))
    print(f"  {count} pods created by 8 clients: {count / (time.perf_counter() - began):,.0f} a second", flush=True)
    for what in ("first", "again", "once more"):
        began = time.perf_counter()
        content = await connections[0].ask("GET", PODS)
        took = time.perf_counter() - began
        print(f"  list of {count} pods, {what}: {took:.2f} s for {len(content) / 1e6:.1f} MB", flush=True)
    for connection in connections:
        connection.close()


async def watching(server, watchers, updates):
    client = await server.connect()
    await client.ask("POST", MAPS, {"metadata": {"name": "told"}, "data": {"n": "-1"}}, also=(409,))
    version = json.loads(await client.ask("GET", MAPS))["metadata"]["resourceVersion"]
    connections = [await server.connect() for _ in range(watchers)]

    async def look(connection):
        code, _ = await connection.send("GET", f"{MAPS}?watch=1&resourceVersion={version}")
        assert code == 200, code
        seen = 0
        while seen < updates:
            seen += (await connection.reader.read(1 << 16)).count(b'"type":"MODIFIED"')

    tasks = [asyncio.create_task(look(connection)) for connection in connections]
    await asyncio.sleep(1)
    began = time.perf_counter()
    for number in range(updates):
        await client.ask("PUT", f"{MAPS}/told", {"metadata": {"name": "told"}, "data": {"n": str(number)}})
    await asyncio.gather(*tasks)
    took = time.perf_counter() - began
    rate = updates * watchers / took
    print(f"  {updates} updates told to {watchers} watchers: {took:.2f} s, {rate:,.0f} frames a second", flush=True)
    for connection in [client, *connections]:
        connection.close()


async def asking(server, clients, seconds):
    for what, method in (("get", "GET"), ("update", "PUT")):
        connections = [await server.connect() for _ in range(clients)]
        for place, connection in enumerate(connections):
            await connection.ask("POST", MAPS, {"metadata": {"name": f"m{place}"}, "data": {"n": "0"}}, also=(409,))
        end, done = time.perf_counter() + seconds, 0

        async def ask(place, connection, method=method, end=end):
            nonlocal done
            while time.perf_counter() < end:
                body = {"metadata": {"name": f"m{place}"}, "data": {"n": str(done)}} if method == "PUT" else None
                await connection.ask(method, f"{MAPS}/m{place}", body)
                done += 1

        began = time.perf_counter()
        await asyncio.gather(*[ask(*row) for row in enumerate(connections)])
        print(f"  {what}, {clients} clients: {done / (time.perf_counter() - began):,.0f} a second", flush=True)
        for connection in connections:
            connection.close()


async def measure(server, options):
    print(server.name)
    if server.pid:
        print(f"  memory before: {server.memory():.0f} MiB")
    client = await server.connect()
    await client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}}, also=(409,))
    account = f"/api/v1/namespaces/{SPACE}/serviceaccounts"
    await client.ask("POST", account, {"metadata": {"name": "default"}}, also=(409,))
    for clients in (1, 50):
        await asking(server, clients, options.seconds)
    await watching(server, options.watchers, options.updates)
    await listing(server, options.pods)
    if server.pid:
        print(f"  memory with {options.pods} pods: {server.memory():.0f} MiB")
    await client.ask("DELETE", f"/api/v1/namespaces/{SPACE}", also=(409,))
    client.close()  # where no controller runs it stays, being deleted; so the next one has another name


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("servers", nargs="+", metavar="KUBECONFIG[=PID]")
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=1_000)
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    for text in options.servers:
        path, _, pid = text.partition("=")
        asyncio.run(measure(Server(path, int(pid) if pid else None), options))


if __name__ == "__main__":
    main()
