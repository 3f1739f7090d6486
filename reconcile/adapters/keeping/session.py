"""
A session that is kept: begun in a data directory, or gone on with from where the last server ended, however it ended.

Takes:    a data directory.
Gives:    a live cluster, the journal in which it is written down.
Left out: snapshots and other clusters of a server are in memory only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from reconcile.adapters.keeping import checkpoints
from reconcile.adapters.keeping.checkpoints import Checkpoint
from reconcile.adapters.keeping.directory import Directory, DirectoryError
from reconcile.adapters.keeping.journal import KeptJournal
from reconcile.cluster import Cluster, Topology
from reconcile.driver.log.chain import Line, LogError, Place, TruncatedLog, chained, read_lines
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import boot_from, check_origin, play_on, topology_of
from reconcile.driver.serving.live import Live
from reconcile.driver.wire import integer_from_json

_EVERY: Final = 5_000  # steps between two checkpoints: half a second to play again
_SHARE: Final = 10  # a checkpoint may take one in so many seconds
_IDLE: Final = 1.0  # seconds that a line may wait that nobody waits for
_DETAIL: Final = "steps"


@attrs.define
class Kept:
    """
    A session in a data directory.

    Args:
        directory: where.
        live: the cluster.
        journal: its log.
        said: what is to be told of how it was found, a sentence each.
    """

    directory: Directory
    live: Live
    journal: KeptJournal
    said: tuple[str, ...] = ()
    _checked: int = 0
    _not_before: float = 0.0
    _hopeless: bool = False

    async def run(self, live: Callable[[], Live]) -> None:
        """
        Write checkpoints, and whatever nobody waits for, until cancelled.

        Args:
            live: gives the cluster that is served.
        """
        while True:
            await asyncio.sleep(_IDLE)
            if self.journal.failed is not None:
                return
            await self.journal.kept()
            steps = live().machine.steps
            self._checked = min(self._checked, steps)  # the cluster may have been set back
            due = steps - self._checked >= _EVERY and time.monotonic() >= self._not_before
            if due and not self._hopeless:
                await self._check(live())

    def end(self, live: Live) -> None:
        """Write a checkpoint at once, so that the next start has nothing to play again."""
        if self.journal.failed is None and not self._hopeless:
            checkpoint = self._checkpoint(live)
            self.journal.keep()
            self._write(checkpoint)

    async def _check(self, live: Live) -> None:
        began = time.monotonic()
        checkpoint = self._checkpoint(live)
        await self.journal.kept()
        await asyncio.get_running_loop().run_in_executor(None, self._write, checkpoint)
        self._checked = checkpoint.cluster.steps
        self._not_before = time.monotonic() + _SHARE * (time.monotonic() - began)

    def _checkpoint(self, live: Live) -> Checkpoint:
        recorder = live.recorder
        assert recorder is not None, "what is kept is recorded"
        recorder.segment()
        return Checkpoint(live.cluster, recorder.place, self.journal.size)

    def _write(self, checkpoint: Checkpoint) -> None:
        try:
            content = checkpoints.dumped(checkpoint)
        except Exception as error:  # noqa: BLE001 -- the user's own controllers remember what they like
            self._hopeless = True
            print(
                f"no checkpoints of {self.directory.path}, so that a restart plays all of the log: {error}", flush=True
            )
            return
        try:
            checkpoints.keep(self.directory, checkpoint.place.number, content)
        except OSError as error:
            print(f"{self.directory.path}: a checkpoint cannot be written: {error.strerror or error}", flush=True)


def begin(directory: Directory, cluster: Cluster, modules: tuple[str, ...], prepare: Callable[[Live], object]) -> Kept:
    """
    Begin a session: there is nothing to go on with until *prepare* is through.

    Raises:
        DirectoryError: the directory cannot be written.
    """
    fresh = directory.path / "log.begun"
    try:
        fresh.unlink(missing_ok=True)
        directory.sign()
    except OSError as error:
        raise DirectoryError(directory.path, f"cannot be written: {error.strerror or error}") from None
    journal = KeptJournal(directory, fresh)
    recorder = Recorder(cluster, journal.write, detail=_DETAIL, modules=modules)
    kept = Kept(directory, Live(recorder.cluster, recorder), journal)
    prepare(kept.live)
    kept.end(kept.live)
    journal.rename(directory.log)
    return kept


def origin(directory: Directory) -> tuple[Topology, int]:
    """Give the topology and the seed with which a session began; DirectoryError if its log has none."""
    header = _header(directory)
    try:
        return topology_of(header), integer_from_json(header.content["seed"], "seed")
    except LogError as error:
        raise DirectoryError(directory.log, str(error)) from None


def resume(directory: Directory, controllers: tuple[Any, ...]) -> Kept:
    """
    Go on with a session: from the newest checkpoint that fits the log, or its beginning, and then as the log says.

    A tail that was being written when the last server was killed is cut off; nobody was told what stands in it.

    Args:
        directory: where.
        controllers: the user's own controllers, which the session had from its beginning.

    Raises:
        DirectoryError: the log is damaged in its middle, or does not lead where it led.
    """
    header = _header(directory)
    path = directory.log
    try:
        check_origin(header, controllers)
        size, found = _whole(path, checkpoints.numbers(directory))
        start = _start(directory, found, header, controllers)
        with path.open("rb") as file:
            file.seek(start.size)
            lines = list(read_lines(_limited(file, size - start.size), after=start.place, open_end=True))
        events = lines[1:] if not start.place.number else lines
        played = play_on(start.cluster, events, detailed=header.content["detail"] == "changes")
    except LogError as error:
        raise DirectoryError(path, str(error)) from None
    if not played.identical:
        where, *differences = [each.strip() for each in str(played.divergence).splitlines()]
        raise DirectoryError(path, f"{where} {'; '.join(differences)}: nothing was changed")
    journal, said = _whole_again(directory, size)
    place = Place(lines[-1].number, lines[-1].chain) if lines else start.place
    recorder = Recorder.resumed(played.cluster, journal.write, place, header.content["detail"])
    live = Live(played.cluster, recorder)
    live.end_watches()
    live.effects()
    kept = Kept(directory, live, journal, said, played.cluster.steps)
    if played.cluster.steps - start.cluster.steps >= _EVERY:
        kept.end(live)  # who is killed again and again is not to take longer each time
    return kept


def _whole_again(directory: Directory, size: int) -> tuple[KeptJournal, tuple[str, ...]]:
    """Give the journal of a log that is cut off after its last whole line, and what is to be said of that."""
    path = directory.log
    torn = path.stat().st_size - size
    journal = KeptJournal(directory, path, size)
    if not torn:
        return journal, ()
    journal.cut(size)
    return journal, (f"{path}: {torn} bytes at its end, which were being written, are cut off",)


def _header(directory: Directory) -> Line:
    path = directory.log
    try:
        with path.open("rb") as file:
            return next(read_lines([file.readline()], open_end=True))
    except OSError as error:
        raise DirectoryError(path, f"cannot be read: {error.strerror or error}") from None
    except LogError as error:
        raise DirectoryError(path, str(error)) from None


def _whole(path: Path, numbers: frozenset[int]) -> tuple[int, dict[int, tuple[Place, int]]]:
    """
    Give how many bytes of a log are whole lines; and for each line of *numbers* where the log stands after it.

    Raises:
        LogError: a line is damaged, and whole lines follow it.
    """
    size, place = 0, Place()
    places: dict[int, tuple[Place, int]] = {}
    with path.open("rb") as file:
        for raw in file:
            chain = chained(raw, place.chain)
            if chain is None:
                if any(_is_a_line(each) for each in file):
                    problem = "it is not what was written, and lines follow it: nothing was changed"
                    raise LogError(place.number + 1, problem)
                break
            size += len(raw)
            place = Place(place.number + 1, chain)
            if place.number in numbers:
                places[place.number] = (place, size)
    if not size:
        raise TruncatedLog(1, "the log is empty")
    return size, places


def _is_a_line(raw: bytes) -> bool:
    return raw.startswith(b"{") and raw.endswith(b'"}\n') and b',"check":"' in raw


def _start(
    directory: Directory, places: dict[int, tuple[Place, int]], header: Line, controllers: tuple[Any, ...]
) -> Checkpoint:
    """Give the newest checkpoint of this very log; the boot where there is none."""
    topology = topology_of(header)
    for path in checkpoints.newest_first(directory):
        found = checkpoints.loaded(path, topology, controllers)
        if found is not None and places.get(found.place.number) == (found.place, found.size):
            return found
    return Checkpoint(boot_from(header, controllers), Place(), 0)


def _limited(file: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Give lines as long as they belong to the next *size* bytes."""
    for raw in file:
        if size <= 0:
            return
        size -= len(raw)
        yield raw
