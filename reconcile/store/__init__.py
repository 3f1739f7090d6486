"""
The store: what etcd keeps, as a value.

`commit(store, txn)` is the only way in which it changes.
"""

from reconcile.store.indexes import INDEXES, PARTITIONS, channel, channels_of, partitions
from reconcile.store.store import (
    Change,
    Committed,
    Compare,
    Delete,
    Lease,
    Put,
    Refused,
    Store,
    Txn,
    commit,
    compact,
    grant,
    keep_alive,
    mod_revision,
    revoke,
    stamped,
)

__all__ = [
    "INDEXES",
    "PARTITIONS",
    "Change",
    "Committed",
    "Compare",
    "Delete",
    "Lease",
    "Put",
    "Refused",
    "Store",
    "Txn",
    "channel",
    "channels_of",
    "commit",
    "compact",
    "grant",
    "keep_alive",
    "mod_revision",
    "partitions",
    "revoke",
    "stamped",
]
