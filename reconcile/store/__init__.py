"""
The store: what etcd keeps, as a value.

`commit(store, txn)` is the only way in which it changes.
"""

from reconcile.store.indexes import INDEXES, PARTITIONS, channel, channels_of, partitions
from reconcile.store.leases import grant, keep_alive, revoke
from reconcile.store.past import position_after, position_since, table_at
from reconcile.store.space import Space
from reconcile.store.store import (
    RIGHTS,
    RULES,
    Change,
    Committed,
    Compare,
    Delete,
    Lease,
    OpenStore,
    Put,
    Reads,
    Refused,
    Store,
    Txn,
    commit,
    mod_revision,
    stamped,
)
from reconcile.store.upkeep import compact, defragment, disarm, limited

__all__ = [
    "INDEXES",
    "PARTITIONS",
    "RIGHTS",
    "RULES",
    "Change",
    "Committed",
    "Compare",
    "Delete",
    "Lease",
    "OpenStore",
    "Put",
    "Reads",
    "Refused",
    "Space",
    "Store",
    "Txn",
    "channel",
    "channels_of",
    "commit",
    "compact",
    "defragment",
    "disarm",
    "grant",
    "keep_alive",
    "limited",
    "mod_revision",
    "partitions",
    "position_after",
    "position_since",
    "revoke",
    "stamped",
    "table_at",
]
