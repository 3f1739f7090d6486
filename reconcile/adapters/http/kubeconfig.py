"""kubeconfig: the file that tells a client where a cluster is and who it is there."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from reconcile.adapters.http.certificates import Pair

_PRIVATE = 0o600


def kubeconfig(server: str, authority: bytes, client: Pair, *, name: str = "reconcile") -> str:
    """Write a kubeconfig for *server*, as JSON, which is YAML."""
    user = f"{name}-admin"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": _text(authority)}},
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _text(client.certificate),
                    "client-key-data": _text(client.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path*, which nobody but its owner can read at any time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), _PRIVATE)
        file.write(text)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
