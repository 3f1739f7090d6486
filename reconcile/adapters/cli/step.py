"""`reconcile step`: the step API over a pipe."""

from __future__ import annotations

import sys

from reconcile.adapters.own import load_controllers
from reconcile.adapters.pipe import serve
from reconcile.cluster import Topology
from reconcile.driver.run import collector_paused
from reconcile.lib.errors import ReconcileError


def serve_standard_streams(topology: Topology, seed: int, own: tuple[str, ...] = ()) -> None:
    """
    Serve until standard input ends; a cluster of *topology* for a session that boots none, every one with the
    controllers *own*.

    Raises:
        ReconcileError: standard input or standard output is closed.
    """
    for stream, name, use in ((sys.stdin, "input", "read"), (sys.stdout, "output", "written")):
        if stream is None:
            raise ReconcileError(f"standard {name} is closed: no lines can be {use}")
    controllers = load_controllers(own)
    with collector_paused():
        serve(sys.stdin.buffer, sys.stdout, topology=topology, seed=seed, controllers=controllers)
