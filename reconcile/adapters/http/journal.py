"""
Journals: where the log of a served cluster is kept, in memory or in a file, so that it can go back to a snapshot.

What is to survive the server's own death is in `adapters/keeping`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Keeps(Protocol):
    """What a log is written to."""

    @property
    def written(self) -> int:
        """How much was ever written: what `kept` can be told to wait for."""

    def write(self, line: str) -> None:
        """Take one more line."""

    def lines(self) -> list[str]:
        """Give every line."""

    def replace(self, lines: list[str]) -> None:
        """Let the log be another one."""

    async def kept(self, written: int | None = None) -> None:
        """Wait until the log is there for good up to where `written` once stood; None: where it stands now."""


class Journal:
    """Keeps a log's lines in memory."""

    written = 0

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._lines = list(lines)

    def write(self, line: str) -> None:
        """Take one more line."""
        self._lines.append(line)

    def lines(self) -> list[str]:
        """Give every line."""
        return list(self._lines)

    def replace(self, lines: list[str]) -> None:
        """Let the log be another one."""
        self._lines = list(lines)

    async def kept(self, written: int | None = None) -> None:
        """Wait for nothing: what is in memory is never there for good."""


class FileJournal:
    """
    Keeps a log's lines in a file, each as soon as it is written.

    Raises:
        OSError: the file cannot be written.
    """

    written = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+", encoding="utf-8", newline="\n", buffering=1)

    def write(self, line: str) -> None:
        """Take one more line."""
        self._file.write(line)

    def lines(self) -> list[str]:
        """Give every line."""
        return self._path.read_text(encoding="utf-8").splitlines(keepends=True)

    def replace(self, lines: list[str]) -> None:
        """Let the log be another one."""
        self._file.seek(0)
        self._file.truncate()
        self._file.writelines(lines)
        self._file.flush()

    async def kept(self, written: int | None = None) -> None:
        """Wait for nothing: the file is for whoever looks at the session afterwards."""

    def close(self) -> None:
        """Let the file be closed."""
        self._file.close()
