"""
Actions: what probes and hooks ask of a container, in the words by which a behaviour answers.

`GET :8080/healthz`, `tcp :5432`, `grpc :9000/SERVICE`, `exec cat /tmp/healthy`, `sleep 5`.

Source:   the kubelet's probe package (ResolveContainerPort) and lifecycle handlers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=4096)
def action_of(handler: Any, ports: tuple[Any, ...] | None) -> str:
    """Say what a probe or a hook asks of a container that has these *ports*."""
    if handler.exec is not None:
        return " ".join(("exec", *(handler.exec.command or ())))
    if handler.http_get is not None:
        path = handler.http_get.path or "/"
        return f"GET :{_number(handler.http_get.port, ports)}{path if path.startswith('/') else '/' + path}"
    if handler.tcp_socket is not None:
        return f"tcp :{_number(handler.tcp_socket.port, ports)}"
    grpc = getattr(handler, "grpc", None)
    if grpc is not None:
        return f"grpc :{grpc.port}/{grpc.service or ''}"
    sleep = getattr(handler, "sleep", None)
    return f"sleep {sleep.seconds}" if sleep is not None else ""


def _number(port: Any, ports: tuple[Any, ...] | None) -> Any:
    for row in ports or ():
        if row.name == port:
            return row.container_port
    return port
