"""
The store: what etcd keeps, as a value.

`commit(store, txn)` is the only way in which it changes.
"""

from reconcile.store.indexes import INDEXES, partitions
from reconcile.store.store import Change, Compare, Committed, Delete, Lease, Put, Refused, Store, Txn, commit

__all__ = [
    "INDEXES",
    "Change",
    "Committed",
    "Compare",
    "Delete",
    "Lease",
    "Put",
    "Refused",
    "Store",
    "Txn",
    "commit",
    "partitions",
]
