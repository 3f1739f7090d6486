"""
The data directory of `reconcile serve --data`: who uses it, who wrote it, and its files, whole or not at all.

Takes:    a path.
Gives:    a directory that is locked while it is open; what is small in it, as JSON or bytes.
Left out: nothing known.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.lib.errors import ReconcileError
from reconcile.lib.version import __version__

FORMAT: Final = 1
"""The format of the directory that is written and read."""

_ABOUT: Final = "about.json"
_ADDRESS: Final = "address.json"
_LOCK: Final = "lock"
_PRIVATE: Final = 0o600
_SEARCHED: Final = 0o700


class DirectoryError(ReconcileError):
    """A data directory cannot be used; its path stands in the message, and nothing in it was changed."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class Directory:
    """
    A data directory, which is made if it is not there; as a context manager it is let go at the end.

    Args:
        path: where it is.

    Raises:
        DirectoryError: another process uses it, another version wrote it, it holds something else, it is not writable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=_SEARCHED, parents=True, exist_ok=True)
            self._lock = self._locked()
        except OSError as error:
            raise DirectoryError(path, f"cannot be written: {error.strerror or error}") from None
        try:
            self._check()
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    @property
    def log(self) -> Path:
        """Where the log is; it is there as soon as the first server was up."""
        return self.path / "log.jsonl"

    @property
    def begun(self) -> bool:
        """Whether there is something to go on with."""
        return self.log.exists()

    def sign(self) -> None:
        """Say who writes here."""
        self._put_json(_ABOUT, self._mine())

    def address(self) -> tuple[str, int] | None:
        """Give where the server listened before; None if it never did."""
        try:
            found = json.loads((self.path / _ADDRESS).read_bytes())
            return str(found["host"]), int(found["port"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise DirectoryError(self.path / _ADDRESS, "is no address as it was written") from None

    def keep_address(self, host: str, port: int) -> None:
        """Remember where the server listens, so that its clients find it again."""
        self._put_json(_ADDRESS, {"host": host, "port": port})

    def read(self, name: str) -> bytes | None:
        """Give a file's content; None if it is not there."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file: whatever happens meanwhile, afterwards it is there as it was, or as it is to be."""
        fresh = self.path / f"{name}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.put(fresh, self.path / name)

    def put(self, fresh: Path, path: Path) -> None:
        """Let a file that is written take the place of another, for good."""
        fresh.replace(path)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _locked(self) -> int:
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DirectoryError(self.path, f"is in use by another process{f', {owner}' if owner else ''}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def _check(self) -> None:
        about = self.read(_ABOUT)
        if about is None:
            others = sorted([each.name for each in self.path.iterdir() if each.name != _LOCK])
            if others:
                raise DirectoryError(self.path, f"is no data directory: it holds {others[0]}")
            return
        try:
            found = json.loads(about)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise DirectoryError(self.path / _ABOUT, "is not as it was written")
        for key, mine in self._mine().items():
            if found.get(key) != mine:
                said = f"was written by {_written_by(found)}; this is {_written_by(self._mine())}"
                raise DirectoryError(self.path, f"{said}: nothing was changed")

    def _mine(self) -> dict[str, Any]:
        return {"data": FORMAT, "reconcile": __version__, "kubernetes": KUBERNETES_VERSION}

    def _put_json(self, name: str, content: dict[str, Any]) -> None:
        self.write(name, f"{json.dumps(content, indent=2)}\n".encode())


def _written_by(about: dict[str, Any]) -> str:
    version, kubernetes, form = about.get("reconcile"), about.get("kubernetes"), about.get("data")
    return f"reconcile {version} of Kubernetes {kubernetes}, in format {form}"
