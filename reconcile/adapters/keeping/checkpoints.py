"""
Checkpoints: a cluster as it was at a line of its log, so that a restart need not play everything from the start.

The log is what counts: a checkpoint that is missing, damaged or of another Python costs time and nothing else. It is
Python's pickle of a value, so a data directory is to be trusted as a program is: who gets one from somebody else takes
its checkpoints away first.

Takes:    a cluster; where its log stands.
Gives:    the newest checkpoint that fits a log.
Left out: nothing known.
"""

from __future__ import annotations

import pickle
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import attrs

from reconcile.adapters.keeping.directory import Directory
from reconcile.cluster import Cluster, Topology
from reconcile.driver.log.chain import Place
from reconcile.lib.digest import Chain
from reconcile.lib.version import __version__

_NAME: Final = "checkpoint-{:012d}"
_PATTERN: Final = f"checkpoint-{'[0-9]' * 12}"
_KEPT: Final = 2
_SUM: Final = 32  # bytes
_MAGIC: Final = f"reconcile {__version__} {sys.implementation.cache_tag} 1\n".encode()
_HEAD: Final = len(_MAGIC) + _SUM


@attrs.frozen
class Checkpoint:
    """A cluster, where its log stands, and how many bytes the log has up to there."""

    cluster: Cluster
    place: Place
    size: int


def dumped(checkpoint: Checkpoint) -> bytes:
    """
    Write a checkpoint; the user's own controllers are left out, which are code.

    Raises:
        pickle.PicklingError and others: something of the user's own in it cannot be written.
    """
    place = checkpoint.place
    cluster = attrs.evolve(checkpoint.cluster, controllers=())
    body = pickle.dumps((place.number, str(place.chain), checkpoint.size, cluster), protocol=5)
    return _MAGIC + blake2b(body, digest_size=_SUM).digest() + body


def keep(directory: Directory, number: int, content: bytes) -> None:
    """Keep what was written of the checkpoint at line *number*, and let all but two go; OSError if that fails."""
    directory.write(_NAME.format(number), content)
    for path in newest_first(directory)[_KEPT:]:
        path.unlink(missing_ok=True)


def drop(directory: Directory) -> None:
    """Let all go: their log is another one now."""
    for path in newest_first(directory):
        path.unlink(missing_ok=True)


def numbers(directory: Directory) -> frozenset[int]:
    """Give the numbers of the lines at which there are some."""
    return frozenset([int(path.name.rpartition("-")[2]) for path in newest_first(directory)])


def newest_first(directory: Directory) -> list[Path]:
    """Give where they are, the newest first."""
    return sorted(directory.path.glob(_PATTERN), reverse=True)


def loaded(path: Path, topology: Topology, controllers: tuple[Any, ...]) -> Checkpoint | None:
    """
    Read a checkpoint; None if it is damaged, cannot be read here, or is of another cluster.

    Args:
        path: where it is.
        topology: from which the cluster was booted.
        controllers: the user's own.
    """
    content = path.read_bytes()
    head, body = content[:_HEAD], content[_HEAD:]
    if head != _MAGIC + blake2b(body, digest_size=_SUM).digest():
        return None
    try:
        number, chain, size, cluster = pickle.loads(body)  # noqa: S301 -- from a directory that is trusted, see above
        if cluster.topology != topology:
            return None
    except Exception:  # noqa: BLE001 -- whatever a pickle may raise, the log has it all
        return None
    return Checkpoint(attrs.evolve(cluster, controllers=controllers), Place(number, Chain(chain)), size)
