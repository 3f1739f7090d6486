"""
The journal of a data directory: a log on disk before anybody is told what stands in it.

What is written waits in memory until somebody has to know that it is kept. Then all that waits goes to the file and is
forced to the disk, in a thread of its own; whoever comes meanwhile waits for the next time, together with all others.

Takes:    lines.
Gives:    nothing but the promise that they are there.
Source:   group commit, as etcd's write-ahead log does it.
Left out: nothing known.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconcile.adapters.keeping.directory import Directory, DirectoryError

_MOST_WAITING: Final = 1 << 20  # bytes that wait in memory
_PRIVATE: Final = 0o600


class KeptJournal:
    """
    Keeps a log's lines in a file of a data directory.

    Args:
        directory: where.
        path: the file; what stands in it is kept.
        size: its size, in bytes.

    Raises:
        DirectoryError: it cannot be written. Nobody is told from then on that anything is kept.
    """

    def __init__(self, directory: Directory, path: Path, size: int = 0) -> None:
        self._directory = directory
        self._path = path
        self._file = _opened(path)
        self._waiting: list[bytes] = []
        self._waits = 0  # bytes
        self._size = size  # bytes of the file, with what waits
        self._written = 0  # bytes that were ever taken; a log that is replaced does not turn that back
        self._kept = 0  # as many of them are on the disk
        self._syncing: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "journal")
        self._failed: DirectoryError | None = None
        self.on_failure: Callable[[], object] = lambda: None
        """Called once, when the file cannot be written any more."""

    @property
    def size(self) -> int:
        """How long the log is, in bytes, with what waits."""
        return self._size

    @property
    def written(self) -> int:
        """How much was ever written, in bytes: what `kept` can be told to wait for."""
        return self._written

    @property
    def failed(self) -> DirectoryError | None:
        """Why it cannot be written any more."""
        return self._failed

    def write(self, line: str) -> None:
        """Take one more line."""
        content = line.encode()
        self._waiting.append(content)
        self._waits += len(content)
        self._size += len(content)
        self._written += len(content)
        if self._waits >= _MOST_WAITING and self._syncing is None and self._failed is None:
            self._hand_over(self._taken())

    def lines(self) -> list[str]:
        """Give every line."""
        self._settle()
        self._hand_over(self._taken())
        return self._path.read_text(encoding="utf-8").splitlines(keepends=True)

    async def kept(self, written: int | None = None) -> None:
        """Wait until the log is on the disk up to where `written` once stood; None: where it stands now."""
        wanted = self._written if written is None else written
        while self._kept < wanted:
            if self._failed is not None:
                raise self._failed
            if self._syncing is None:
                self._syncing = asyncio.ensure_future(self._sync())
            await asyncio.shield(self._syncing)

    def keep(self) -> None:
        """Let all that was written by now be on the disk."""
        self._settle()
        self._commit(self._taken(), self._written)

    def replace(self, lines: list[str]) -> None:
        """Let the log be another one."""
        content = "".join(lines).encode()
        self._settle()
        fresh = self._path.with_suffix(".new")
        old, self._file = self._file, _opened(fresh, anew=True)
        self._waiting, self._waits, self._size = [], 0, len(content)
        self._commit(content, self._written)
        os.close(old)
        self._directory.put(fresh, self._path)

    def cut(self, size: int) -> None:
        """Cut off what stands beyond *size* bytes."""
        try:
            os.ftruncate(self._file, size)
            os.fsync(self._file)
        except OSError as error:
            self._fail(error)

    def rename(self, path: Path) -> None:
        """Let the file have another name, for good."""
        self._directory.put(self._path, path)
        self._path = path

    def close(self) -> None:
        """Let the file be closed; what waits is kept first, if it can be."""
        try:
            if self._failed is None:
                self.keep()
        finally:
            self._thread.shutdown(wait=True)
            os.close(self._file)

    async def _sync(self) -> None:
        content, upto = self._taken(), self._written
        with suppress(DirectoryError):  # those who wait find it
            await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, content, upto)
        self._syncing = None

    def _settle(self) -> None:
        """Wait for what is on its way to the file."""
        self._thread.submit(lambda: None).result()

    def _commit(self, content: bytes, upto: int) -> None:
        self._hand_over(content)
        try:
            os.fsync(self._file)
        except OSError as error:
            # What the system could not write it has forgotten: a second try would succeed and mean nothing.
            self._fail(error)
        self._kept = max(self._kept, upto)

    def _taken(self) -> bytes:
        content = b"".join(self._waiting)
        self._waiting, self._waits = [], 0
        return content

    def _hand_over(self, content: bytes) -> None:
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._failed is None:
            self._failed = DirectoryError(self._path, f"cannot be written: {error.strerror or error}")
            self.on_failure()
        raise self._failed


def _opened(path: Path, *, anew: bool = False) -> int:
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if anew else os.O_APPEND)
    try:
        return os.open(path, flags, _PRIVATE)
    except OSError as error:
        raise DirectoryError(path, f"cannot be written: {error.strerror or error}") from None
