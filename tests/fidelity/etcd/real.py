"""The same programs carried out by a real etcd, over the JSON gateway of its v3 API."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.fidelity.etcd.programs import Operation

Answer = dict[str, Any]

# What etcd says, by what it comes to.
_ERRORS = {
    "etcdserver: requested lease not found": "lease",
    "etcdserver: duplicate key given in txn request": "duplicate",
    "etcdserver: mvcc: required revision has been compacted": "compacted",
    "etcdserver: mvcc: required revision is a future revision": "future",
}


def program() -> str | None:
    """Give the path of etcd: $ETCD, or the one on the path."""
    return os.environ.get("ETCD") or shutil.which("etcd")


@contextmanager
def started(path: str, folder: Path) -> Iterator[Etcd]:
    """Run an etcd of one member in *folder* as long as the block does."""
    client, peer = _free_port(), _free_port()
    ours, theirs = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    options = [f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={ours}", f"--advertise-client-urls={ours}"]
    options += [f"--listen-peer-urls={theirs}", f"--initial-advertise-peer-urls={theirs}"]
    with (folder / "etcd.log").open("w") as log:
        process = subprocess.Popen([path, *options, f"--initial-cluster=default={theirs}"], stdout=log, stderr=log)
        try:
            etcd = _ready(client, process)
            yield etcd
            etcd.close()
        finally:
            process.terminate()
            process.wait(timeout=20)


class Etcd:
    """A running etcd."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request; give the answer, be it an error."""
        self._connection.request("POST", f"/v3/{path}", json.dumps(body), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return answer

    def revision(self) -> int:
        """Give the store's revision."""
        return _revision(self.ask("kv/range", {"key": _text("x")}))

    def watch(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the answers of a watch as they come."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        text = json.dumps({"create_request": body})
        connection.request("POST", "/v3/watch", text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        try:
            while line := response.readline():
                yield json.loads(line)["result"]
        finally:
            response.close()
            connection.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def answers(etcd: Etcd, number: int, program: list[Operation]) -> list[Answer]:
    """Carry a program out under keys of its own; give its answers, with revisions as they count in it."""
    played = _Played(etcd, number)
    return [getattr(played, operation["do"])(operation) for operation in program]


class _Played:
    """One program at work: keys, leases and revisions are counted from where it begins."""

    def __init__(self, etcd: Etcd, number: int) -> None:
        self._etcd = etcd
        self._base = etcd.revision()
        self._prefix = f"/{number}/"
        self._leases = number * 1000

    def txn(self, operation: Operation) -> Answer:
        compares = [
            {
                "result": "EQUAL",
                "target": "MOD",
                "key": self._key(each),
                "mod_revision": each["revision"] + self._base if each["revision"] else 0,
            }
            for each in operation["compares"]
        ]
        writes = [self._write(each) for each in operation["writes"]]
        done = self._etcd.ask("kv/txn", {"compare": compares, "success": writes})
        if "error" in done:
            return _error(done)
        return {"succeeded": done.get("succeeded", False), "revision": _revision(done) - self._base}

    def grant(self, operation: Operation) -> Answer:
        done = self._etcd.ask("lease/grant", {"ID": self._lease(operation), "TTL": 3600})
        return {"revision": _revision(done) - self._base}

    def revoke(self, operation: Operation) -> Answer:
        done = self._etcd.ask("lease/revoke", {"ID": self._lease(operation)})
        return _error(done) if "error" in done else {"revision": _revision(done) - self._base}

    def keys(self, operation: Operation) -> Answer:
        done = self._etcd.ask("lease/timetolive", {"ID": self._lease(operation), "keys": True})
        if int(done.get("TTL", 0)) < 0:
            return {"keys": None}
        return {"keys": sorted([self._name(key) for key in done.get("keys", ())])}

    def compact(self, operation: Operation) -> Answer:
        done = self._etcd.ask("kv/compaction", {"revision": operation["revision"] + self._base})
        return _error(done) if "error" in done else {"revision": _revision(done) - self._base}

    def range(self, operation: Operation) -> Answer:
        asked = {**self._all(operation), "revision": operation["revision"] + self._base}
        done = self._etcd.ask("kv/range", asked)
        if "error" in done:
            return _error(done)
        return {"rows": [self._row(each) for each in done.get("kvs", ())]}

    def watch(self, operation: Operation) -> Answer:
        events: list[Any] = []
        last = f"{operation['resource']}/default/last"
        [pair] = self._etcd.ask("kv/range", {"key": _text(self._prefix + last)})["kvs"]
        if self._row(pair)[2] < operation["revision"]:
            return {"events": []}  # a watch of what is to come
        for said in self._etcd.watch({**self._all(operation), "start_revision": operation["revision"] + self._base}):
            if "compact_revision" in said:
                return {"error": "compacted", "compacted": int(said["compact_revision"]) - self._base}
            for event in said.get("events", ()):
                name, value, revision = self._row(event["kv"])
                events.append([name, None if event.get("type") == "DELETE" else value, revision])
            if events and events[-1][0] == last:
                break
        return {"events": events}

    def _write(self, write: Operation) -> dict[str, Any]:
        key = self._key(write)
        if "put" not in write:
            return {"request_delete_range": {"key": key}}
        lease = self._lease(write) if write["lease"] else 0
        return {"request_put": {"key": key, "value": _text(str(write["put"])), "lease": lease}}

    def _row(self, pair: dict[str, Any]) -> list[Any]:
        value = int(b64decode(pair["value"])) if "value" in pair else None
        return [self._name(pair["key"]), value, int(pair["mod_revision"]) - self._base]

    def _key(self, each: Operation) -> str:
        return _text(f"{self._prefix}{each['resource']}/{each['key']}")

    def _name(self, key: str) -> str:
        return b64decode(key).decode().removeprefix(self._prefix)

    def _all(self, operation: Operation) -> dict[str, Any]:
        start = f"{self._prefix}{operation['resource']}"
        return {"key": _text(f"{start}/"), "range_end": _text(f"{start}0")}

    def _lease(self, each: Operation) -> int:
        lease: int = self._leases + each["lease"]
        return lease


def _ready(port: int, process: subprocess.Popen[bytes]) -> Etcd:
    end = time.monotonic() + 30
    while True:
        etcd = Etcd(port)
        try:
            etcd.revision()
        except (OSError, KeyError, ValueError):
            etcd.close()
            assert process.poll() is None, "etcd ended"
            assert time.monotonic() < end, "etcd does not answer"
            time.sleep(0.1)
        else:
            return etcd


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _text(text: str) -> str:
    return b64encode(text.encode()).decode()


def _revision(done: dict[str, Any]) -> int:
    return int(done["header"]["revision"])


def _error(done: dict[str, Any]) -> Answer:
    return {"error": _ERRORS[done["error"]]}
