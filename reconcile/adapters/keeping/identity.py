"""Who a server with a data directory is: the same authority, and the same admin, after every start."""

from __future__ import annotations

from typing import Final

from reconcile.adapters.http.certificates import Authority, Pair, lasts
from reconcile.adapters.http.serving import Identity
from reconcile.adapters.keeping.directory import Directory, DirectoryError

_BEGIN: Final = b"-----BEGIN "
_AUTHORITY: Final = "authority.pem"
_ADMIN: Final = "admin.pem"


def identity_of(directory: Directory) -> Identity:
    """
    Give the identity that a directory keeps; a new one is kept there. An admin's certificate that runs out is renewed.

    Raises:
        DirectoryError: a file is no certificate with its key, or cannot be written.
    """
    kept = _read(directory, _AUTHORITY)
    try:
        authority = Authority(kept)
    except ValueError:
        raise _damaged(directory, _AUTHORITY) from None
    admin = None if kept is None else _read(directory, _ADMIN)
    try:
        if admin is not None and lasts(admin):
            return Identity(authority, admin)
    except ValueError:
        raise _damaged(directory, _ADMIN) from None
    made = Identity.made(authority)
    try:
        for name, pair in ((_ADMIN, made.admin), (_AUTHORITY, authority.pair)):
            directory.write(name, pair.certificate + pair.key)
    except OSError as error:
        raise DirectoryError(directory.path, f"cannot be written: {error.strerror or error}") from None
    return made


def _read(directory: Directory, name: str) -> Pair | None:
    content = directory.read(name)
    if content is None:
        return None
    key = content.find(_BEGIN, 1)
    return Pair(content[:key], content[key:])


def _damaged(directory: Directory, name: str) -> DirectoryError:
    return DirectoryError(directory.path / name, "is no certificate with its key, as it was written")
