"""
Clusters: many served at one port, each under a path of its own.

The first is served at the root, any other under /clusters/NAME, which its clients take for the server's address.
Each is a fork: a value shared until somebody writes.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Final

import attrs

from reconcile.adapters.http.journal import Journal
from reconcile.adapters.http.server import Server
from reconcile.driver.serving.live import Live
from reconcile.lib.errors import ReconcileError

PREFIX: Final = "/clusters/"
FIRST: Final = "main"
"""The name of the cluster that is served at the root."""

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@attrs.frozen
class Snapshot:
    """A cluster as it was: nobody steps it. *journal* is its log up to there, if it is recorded."""

    live: Live
    journal: Journal | None

    @classmethod
    def of(cls, server: Server) -> Snapshot:
        """Keep what a server serves as it is now."""
        if server.live.recorder is None or server.journal is None:
            return cls(server.live.fork(), None)
        # What the fork itself writes, such as the end of watches, belongs to its own log.
        later = Journal()
        live = server.live.fork(later.write)
        return cls(live, Journal([*server.journal.lines(), *later.lines()]))

    def fork(self) -> tuple[Live, Journal | None]:
        """Give a live cluster that goes on from here, and its log."""
        if self.journal is None:
            return self.live.fork(), None
        journal = Journal(self.journal.lines())
        return self.live.fork(journal.write), journal


class Clusters:
    """
    Every cluster that is served, by name.

    Args:
        first: the one at the root.
    """

    def __init__(self, first: Server) -> None:
        self._servers: dict[str, Server] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.snapshots: dict[str, Snapshot] = {}
        self._add(FIRST, first)

    @property
    def first(self) -> Server:
        """The cluster at the root."""
        return self._servers[FIRST]

    def names(self) -> list[str]:
        """Give the names of all, in order."""
        return sorted(self._servers)

    def get(self, name: str) -> Server:
        """Give a cluster by its name; ReconcileError if there is none."""
        found = self._servers.get(name)
        if found is None:
            raise ReconcileError(f"there is no cluster {name!r}; there are {', '.join(self.names())}")
        return found

    def routed(self, path: str) -> tuple[Server, str]:
        """Give the cluster that a path leads to, and what is left of the path."""
        if not path.startswith(PREFIX):
            return self.first, path
        name, slash, rest = path.removeprefix(PREFIX).partition("/")
        return self.get(name), f"{slash}{rest}" or "/"

    def fork(self, name: str, snapshot: Snapshot, speed: str) -> Server:
        """Serve another cluster, which goes on from a snapshot; ReconcileError if the name is taken or none."""
        if _NAME.fullmatch(name) is None:
            raise ReconcileError(f"name: {name!r} is not of small letters, digits and -, at most 63")
        if name in self._servers:
            raise ReconcileError(f"there is a cluster {name!r} already")
        live, journal = snapshot.fork()
        return self._add(name, Server(live, speed, journal, name, services=self.first.services))

    def drop(self, name: str) -> None:
        """End a cluster; ReconcileError if there is none of this name, or it is the first."""
        server = self.get(name)
        if server is self.first:
            raise ReconcileError(f"cluster {name!r} is the one at the root: it ends with the server")
        del self._servers[name]
        task = self._tasks.pop(name)
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        server.end_watches()

    async def close(self) -> None:
        """End every cluster."""
        for server in self._servers.values():
            server.end_watches()
        for task in (*self._tasks.values(), *self._ending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _add(self, name: str, server: Server) -> Server:
        self._servers[name] = server
        self._tasks[name] = asyncio.create_task(server.run())
        return server
