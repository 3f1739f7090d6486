"""
Ask a real API server what `cases.py` asks, and write its answers.

    python tests/fidelity/record.py https://127.0.0.1:6443 TOKEN answers.jsonl.gz

The first line says which version answered; what flags it had stands in README.md.
"""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import sys
import time
import urllib.parse
from typing import Any

import cases as by_default
import gated
import grouped

AGENT = "fidelity/1"


def main(server: str, token: str, path: str, gates: str = "") -> None:
    """Play every case, each in a namespace of its own."""
    asked = {"": by_default, "gates": gated, "groups": grouped}[gates]
    url = urllib.parse.urlsplit(server)
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=context, timeout=60)

    def ask(method: str, where: str, body: Any = None, options: dict[str, Any] | None = None) -> dict[str, Any]:
        options = options or {}
        headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT, "Accept": "application/json"}
        data = None
        if body is not None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            headers["Content-Type"] = "application/json"
        headers.update(options.get("headers", {}))
        query = urllib.parse.urlencode(options.get("query", {}))
        connection.request(method, where + (f"?{query}" if query else ""), data, headers)
        answer = connection.getresponse()
        return answered(answer.status, answer.headers.get_all("Warning") or [], answer.read())

    with gzip.open(path, "wt", encoding="utf-8") as file:
        version = ask("GET", "/version")["body"]
        file.write(json.dumps({"server": version["gitVersion"]}) + "\n")
        for number, (name, group, steps) in enumerate(asked.cases()):
            namespace = f"case-{number}"
            ask(
                "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
            for _ in range(200):
                if ask("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default")["code"] == 200:
                    break
                time.sleep(0.05)
            answers = [ask(step[0], step[1].replace("{ns}", namespace), *step[2:]) for step in steps]
            file.write(json.dumps({"case": name, "group": group, "namespace": namespace, "answers": answers}) + "\n")
            ask("DELETE", f"/api/v1/namespaces/{namespace}")


def answered(code: int, warnings: list[str], body: bytes) -> dict[str, Any]:
    """Give an answer as it is written down."""
    found: dict[str, Any] = {"code": code}
    if warnings:
        found["warnings"] = warnings
    try:
        found["body"] = json.loads(body)
    except ValueError:
        found["text"] = body.decode("utf-8", "replace")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
