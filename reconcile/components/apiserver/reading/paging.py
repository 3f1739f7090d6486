"""
Paging: lists in chunks, all of one revision; and lists of what was at a revision that is over.

Takes:    the continue token of a list before this one.
Gives:    the revision and the key where to go on; the table as of then; tokens.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks;
          apiserver's storage: EncodeContinue, DecodeContinue.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from typing import Any, Final

from reconcile.components.apiserver.refusals import Refusal
from reconcile.lib.table import Table
from reconcile.model import statuses
from reconcile.model.requests import Request
from reconcile.store import Reads, position_since, table_at

NOW: Final = -1
"""The revision in a token with which a list goes on of what is there then."""

_VERSION: Final = "meta.k8s.io/v1"
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


def token_after(revision: int, key: str, namespace: str) -> str:
    """Give the token with which a list of *namespace* (empty: of all) goes on after *key*, as of *revision*."""
    return _token(revision, f"{key.removeprefix(namespace)}\0")


def continued(request: Request) -> tuple[int, str]:
    """Give the revision and the first key of the list that a request goes on with; refuse with 400 what is no token."""
    if request.resource_version not in ("", "0"):
        raise Refusal(statuses.bad_request("specifying resource version is not allowed when using continue"))
    revision, start = _read(request.continue_)
    return revision, f"{request.namespace}/{start}" if request.namespace else start


def table_of(store: Reads, request: Request, revision: int) -> Table[str, Any]:
    """Give the table that a list goes on with; 410, with a token that goes on in any case, if it is forgotten."""
    if revision == NOW or revision >= store.revision:
        return store.table(request.resource)
    position = position_since(store, request.resource, revision)
    if position is None:
        _, start = _read(request.continue_)
        # As the client gave it, but for the revision.
        slash = "/" if request.namespace else ""
        raise Refusal(statuses.expired(_EXPIRED, continue_=_token(NOW, slash + start)))
    return table_at(store, request.resource, position)


def table_as_of(store: Reads, resource: str, revision: int) -> Table[str, Any]:
    """Give the table of *resource* as of *revision*, from the changes that are kept; 410 if they are not."""
    if revision >= store.revision:
        return store.table(resource)
    position = position_since(store, resource, revision)
    if position is None:
        raise Refusal(statuses.expired())
    return table_at(store, resource, position)


def _token(revision: int, start: str) -> str:
    written = json.dumps({"v": _VERSION, "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _read(token: str) -> tuple[int, str]:
    """Give the revision in a token, and the key below the list's own prefix."""
    read = _decoded(token)
    version, revision, start = read.get("v", ""), read.get("rv", 0), read.get("start", "")
    if version != _VERSION:
        raise _invalid(f"server does not recognize this encoded version {version}")
    if type(revision) is not int or revision == 0:
        raise _invalid(f"incorrect encoded start resourceVersion (version {_VERSION})")
    if not isinstance(start, str) or not start:
        raise _invalid(f"encoded start key empty (version {_VERSION})")
    # Nobody may look above the prefix of what he lists.
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key:
        raise _invalid(start)
    return revision, key[1:]


def _decoded(token: str) -> dict[str, Any]:
    wrong = next((place for place, letter in enumerate(token) if letter not in _BASE64), len(token))
    if wrong < len(token) or len(token) % 4 == 1:
        # A single letter of a group of four stands for less than a byte.
        at = wrong if wrong < len(token) else len(token) // 4 * 4
        raise _invalid(f"illegal base64 data at input byte {at}")
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        first = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:1].decode("latin-1")
        # Upstream looks at bytes, not at letters.
        shown = first if first.isprintable() else f"\\u{ord(first or chr(0)):04x}"
        raise _invalid(f"invalid character '{shown}' looking for beginning of value") from None
    return read if isinstance(read, dict) else {}


def _invalid(why: str) -> Refusal:
    return Refusal(statuses.bad_request(f"invalid continue token: continue key is not valid: {why}"))
