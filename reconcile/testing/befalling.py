"""
What befalls a cluster, as a scenario's words: hosts, processes, watches, clocks, and the members of etcd.

Takes:    blocks of a scenario.
Gives:    events of `reconcile.events`, played in a `Game`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from reconcile.api import convert
from reconcile.cluster.cluster import Cluster
from reconcile.events import (
    CutWatch,
    Disconnect,
    DriftClock,
    Freeze,
    HoldCache,
    HoldWatch,
    KillContainer,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    RemoveManifest,
    SetClock,
    ShutDown,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Strain,
    Thaw,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.requests import joined
from reconcile.testing import membership
from reconcile.testing.blocks import Block
from reconcile.testing.game import Game

NUMBER: Final = re.compile("-?[0-9]{1,20}")


def integer(text: Any) -> int:
    """Read a number; ReconcileError if it is none."""
    if not NUMBER.fullmatch(str(text)):
        raise ReconcileError(f"{text!r} is not a number")
    return int(text)


class Befalling:
    """The commands of a scenario by which something befalls its cluster."""

    _documents: Callable[[str], tuple[Any, ...]]
    _game: Game

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._game.machine.closed()

    def crash(self, block: Block) -> Iterator[str]:
        """Crash HOST, which loses power, or crash COMPONENT/HOST."""
        (name,) = block.words
        self._game.happen(StopProcess(name) if "/" in name else StopHost(name))
        yield from ()

    def kill(self, block: Block) -> Iterator[str]:
        """Kill COMPONENT/HOST, a process, or kill POD CONTAINER [NAMESPACE], a container."""
        name, *rest = block.words
        if not rest and "/" not in name:
            raise ReconcileError(f"kill {name!r}: a process is named kubelet/node-1; of a pod say which container")
        self._game.happen(KillContainer(joined((*rest, "default")[1], name), rest[0]) if rest else StopProcess(name))
        yield from ()

    def freeze(self, block: Block) -> Iterator[str]:
        """Freeze COMPONENT/HOST: a process is paused."""
        self._game.happen(Freeze(block.words[0]))
        yield from ()

    def thaw(self, block: Block) -> Iterator[str]:
        """Thaw COMPONENT/HOST: a process that was paused goes on."""
        self._game.happen(Thaw(block.words[0]))
        yield from ()

    def logs(self, block: Block) -> Iterator[str]:
        """Logs POD CONTAINER [NAMESPACE]: what the application in a container has written."""
        pod, container, *rest = block.words
        yield from self.cluster.written(pod, container, namespace=(*rest, "default")[0])

    def members(self, _: Block) -> Iterator[str]:
        """Members: list those of etcd, as `etcdctl endpoint status` does."""
        yield from membership.listed(self.cluster)

    def member(self, block: Block) -> Iterator[str]:
        """
        Member add|learner|promote|remove|move|lose|force|full|empty HOST, slow HOST 50ms, save HOST NAME,
        restore NAME HOST, compact REVISION, defragment, disarm.
        """
        self._game.happen(membership.ordered(block.words))
        yield from ()

    def disconnect(self, block: Block) -> Iterator[str]:
        """Disconnect HOST from the network."""
        self._game.happen(Disconnect(block.words[0]))
        yield from ()

    def strain(self, block: Block) -> Iterator[str]:
        """Strain HOST SIGNAL [QUANTITY]: let so much be left of what a host has beside what pods use; without, all."""
        host, signal, *rest = block.words
        self._game.happen(Strain(host, signal, rest[0] if rest else ""))
        yield from ()

    def shutdown(self, block: Block) -> Iterator[str]:
        """Shutdown HOST [cancelled]: tell its kubelet that the host is about to shut down, or that it is not."""
        host, *rest = block.words
        if rest not in ([], ["cancelled"]):
            raise ReconcileError(f"shutdown {' '.join(block.words)!r}: only `cancelled` can follow the host")
        self._game.happen(ShutDown(host, cancelled=bool(rest)))
        yield from ()

    def manifest(self, block: Block) -> Iterator[str]:
        """Manifest HOST, and Pods below it: write them to its disk; or manifest HOST NAME [NAMESPACE]: remove one."""
        host, *rest = block.words
        if rest:
            self._game.happen(RemoveManifest(host, joined((*rest, "default")[1], rest[0])))
        for each in () if rest else self._documents(block.document):
            self._game.happen(WriteManifest(host, convert.load(each).object))
        yield from ()

    def clock(self, block: Block) -> Iterator[str]:
        """Clock HOST AHEAD: let a host's clock jump, so that it is so far ahead; -90s is behind."""
        host, ahead = block.words
        self._game.happen(SetClock(host, parse_duration(ahead)))
        yield from ()

    def drift(self, block: Block) -> Iterator[str]:
        """Drift HOST PPM [AHEAD]: let its clock go so many parts of a million faster, until it is so far ahead."""
        host, rate, *until = block.words
        self._game.happen(DriftClock(host, integer(rate), parse_duration(until[0]) if until else None))
        yield from ()

    def restart(self, block: Block) -> Iterator[str]:
        """Restart HOST (one without power) or restart kubelet/HOST."""
        (name,) = block.words
        self._game.happen(StartProcess(name) if "/" in name else StartHost(name))
        yield from ()

    def cut(self, block: Block) -> Iterator[str]:
        """Cut HOST (from the network) or cut PROCESS WATCH (so that it lists again)."""
        name, *watch = block.words
        self._game.happen(CutWatch(name, watch[0]) if watch else Disconnect(name))
        yield from ()

    def hold(self, block: Block) -> Iterator[str]:
        """Hold PROCESS WATCH: hold back what a watch is to be told. Hold kube-apiserver/HOST: its watch cache lags."""
        server, *watch = block.words
        self._game.happen(HoldWatch(server, *watch) if watch else HoldCache(server))
        yield from ()

    def release(self, block: Block) -> Iterator[str]:
        """Release PROCESS WATCH, or kube-apiserver/HOST, which was held back: it catches up."""
        server, *watch = block.words
        self._game.happen(ReleaseWatch(server, *watch) if watch else ReleaseCache(server))
        yield from ()

    def reconnect(self, block: Block) -> Iterator[str]:
        """Reconnect HOST, which was cut from the network."""
        self._game.happen(Reconnect(block.words[0]))
        yield from ()
