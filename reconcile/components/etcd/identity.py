"""
Identity: by which numbers members of etcd and their cluster know each other.

Takes:    peer URLs, the cluster's token, when a member was added.
Gives:    ids of 64 bits, which etcd writes in hexadecimal digits.
Source:   etcd 3.6, server/etcdserver/api/membership: SHA-1 of what is known of a member, and of all members' ids.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from typing import Final

from reconcile.lib.instant import SECOND, Instant

TOKEN: Final = "etcd-cluster"  # as --initial-cluster-token is by default
_BYTES: Final = 8


def founder_id(url: str, token: str = TOKEN) -> int:
    """Give the id of a member with which its cluster began."""
    return _first(f"{url}{token}".encode())


def newcomer_id(url: str, added: Instant) -> int:
    """Give the id of a member that was added at an instant: without the token, and with the second."""
    return _first(f"{url}{added // SECOND}".encode())


def cluster_id(founders: Iterable[int]) -> int:
    """Give the id of the cluster that began with members of these ids."""
    return _first(b"".join([each.to_bytes(_BYTES) for each in sorted(founders)]))


def _first(text: bytes) -> int:
    return int.from_bytes(sha1(text, usedforsecurity=False).digest()[:_BYTES])
