"""
Kills a server again and again in the middle of writes, and looks whether all that it acknowledged is still there.

    python tests/benchmarks/kills.py [KILLS] [--seed N] [--nodes N] [--torn]

Needs the extras cli and serve. Clients create, change and delete ConfigMaps over connections that are opened with the
first server's kubeconfig, and a watch runs beside them. After every `kill -9` the next server is asked: each object is
as it was acknowledged last, or as a request made it that had no answer yet; no version goes back; a watch goes on from
the last version that was seen. With --torn, half a line is written behind the log before each start, as a machine that
loses power leaves it.
"""

import argparse
import base64
import http.client
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELL = "from reconcile.adapters.cli import main; main()"
MAPS = "/api/v1/namespaces/default/configmaps"
WRITERS = 3


class Data:
    """A data directory, whose server is started and killed."""

    def __init__(self, folder, nodes=1, seed=0):
        self.folder, self.path, self.kubeconfig = folder, folder / "data", folder / "kubeconfig"
        self.args = ("--nodes", str(nodes), "--data", str(self.path), "--kubeconfig", str(self.kubeconfig))
        self.random = random.Random(seed)
        self.process = None
        self.context = self.address = None
        self.acknowledged = {}  # name -> (uid, version, text); None once its deletion was acknowledged
        self.tried = {}  # name -> texts that were sent since; None among them for a deletion
        self.seen = 0  # the last version that a watch told
        self.told = {}  # name -> version, of what a watch told
        self.slowest = 0.0
        self.said = ""
        self.wrong = []

    def start(self):
        began = time.monotonic()
        log = (self.folder / "errors").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SHELL, "serve", *self.args],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        line = self.process.stdout.readline()
        self.slowest = max(self.slowest, time.monotonic() - began)
        if not line:
            self.process.wait(30)
        log.seek(0)
        self.said = log.read().decode()
        log.close()
        assert line.startswith("serving "), self.said
        text = self.kubeconfig.read_text()
        if self.context is None:
            self.first = text
            self.context, self.address = opened(json.loads(text))
        assert text == self.first, "the kubeconfig is another one"

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    def connect(self):
        return http.client.HTTPSConnection(self.address, context=self.context, timeout=20)

    def round(self, seconds):
        """Write until the server is killed, which is after so many seconds."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._write, args=(stop, each)) for each in range(WRITERS)]
        threads.append(threading.Thread(target=self._watch))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.kill()
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert not self.wrong, self.wrong

    def _write(self, stop, writer):
        connection = self.connect()
        chance = random.Random(self.random.random())
        try:
            while not stop.is_set():
                self._write_one(connection, f"w{writer}-{chance.randrange(40)}", chance)
        except (OSError, http.client.HTTPException):
            pass
        except AssertionError as error:
            self.wrong.append(error)
        finally:
            connection.close()

    def _write_one(self, connection, name, chance):
        known = self.acknowledged.get(name)
        text = str(chance.random())
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}
        if known is None:
            verb, path, sent = "POST", MAPS, body
        elif chance.random() < 0.2:
            verb, path, sent, text = "DELETE", f"{MAPS}/{name}", None, None
        else:
            verb, path, sent = "PUT", f"{MAPS}/{name}", body
        self.tried.setdefault(name, []).append(text)
        code, answer = asked(connection, verb, path, sent)
        assert code in (200, 201), (code, answer)
        if text is None:
            self.acknowledged[name] = None
        else:
            meta = answer["metadata"]
            self.acknowledged[name] = (meta["uid"], int(meta["resourceVersion"]), text)
        self.tried[name] = []

    def _watch(self):
        connection = self.connect()
        try:
            since = self.seen or asked(connection, "GET", MAPS)[1]["metadata"]["resourceVersion"]
            connection.request("GET", f"{MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={since}")
            response = connection.getresponse()
            while line := response.readline():
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                meta = event["object"]["metadata"]
                version = int(meta["resourceVersion"])
                assert version >= self.seen, "a version went back"
                self.seen = version
                if event["type"] in ("ADDED", "MODIFIED"):
                    self.told[meta["name"]] = version
                elif event["type"] == "DELETED":
                    self.told.pop(meta["name"], None)
        except (OSError, http.client.HTTPException, ValueError):
            pass
        except AssertionError as error:
            self.wrong.append(error)
        finally:
            connection.close()

    def check(self):
        """Compare what is there with what was acknowledged, and with what a watch has told."""
        connection = self.connect()
        try:
            code, found = asked(connection, "GET", MAPS)
        finally:
            connection.close()
        assert code == 200, found
        assert int(found["metadata"]["resourceVersion"]) >= self.seen, "the cluster's version went back"
        there = {each["metadata"]["name"]: each for each in found["items"]}
        for name, known in self.acknowledged.items():
            self._check_one(name, known, there.get(name))
        for name, version in self.told.items():
            if not self.tried.get(name) and self.acknowledged.get(name) is not None:
                assert int(there[name]["metadata"]["resourceVersion"]) >= version, name
        for name in {*self.acknowledged, *self.tried}:
            self._adopt(name, there.get(name))
        return len(self.acknowledged)

    def _check_one(self, name, known, found):
        tried = self.tried.get(name, [])
        if found is None:
            assert known is None or None in tried, f"{name}: acknowledged as {known}, and gone"
            return
        meta, text = found["metadata"], found["data"]["text"]
        now = (meta["uid"], int(meta["resourceVersion"]), text)
        if now == known:
            return
        assert text in tried, f"{name}: acknowledged as {known}, found {now}, tried {tried}"
        if known is not None:
            assert now[1] > known[1]
            assert now[0] == known[0]

    def _adopt(self, name, found):
        meta = found and found["metadata"]
        self.acknowledged[name] = found and (meta["uid"], int(meta["resourceVersion"]), found["data"]["text"])
        self.tried[name] = []


def opened(kubeconfig):
    user, cluster = kubeconfig["users"][0]["user"], kubeconfig["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        file.flush()
        context.load_cert_chain(file.name)
    return context, cluster["server"].partition("://")[2]


def asked(connection, verb, path, body=None):
    connection.request(verb, path, body and json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def soak(folder, kills, *, nodes=1, seed=0, torn=False, tell=lambda *_: None):
    """Kill so many times; gives the data directory, whose server has ended."""
    data = Data(folder, nodes, seed)
    data.start()
    for number in range(kills):
        data.round(data.random.uniform(0.02, 0.6))
        if torn:
            log = data.path / "log.jsonl"
            with log.open("ab") as file:
                file.write(b'{"event":{"Submit":{"request"'[: data.random.randrange(1, 29)])
        data.start()
        assert not torn or "are cut off" in data.said, data.said
        tell(number + 1, data.check(), data.slowest, (data.path / "log.jsonl").stat().st_size)
    assert data.kill(signal.SIGTERM) == 0
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--torn", action="store_true")
    args = parser.parse_args()

    def tell(number, objects, slowest, size):
        if number % 10 == 0 or number == args.kills:
            print(f"{number} kills, {objects} objects; slowest start {slowest:.2f} s, log {size >> 10} KiB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        soak(Path(folder), args.kills, nodes=args.nodes, seed=args.seed, torn=args.torn, tell=tell)


if __name__ == "__main__":
    main()
