"""Watch: what a component declares that it wants to be told of."""

from __future__ import annotations

import attrs


@attrs.frozen
class Watch:
    """
    A list and watch of one resource.

    Args:
        name: how `Watched` events name it; usually the resource's key.
        resource: the resource's key.
        partition: only objects with this value of the resource's partition (see `reconcile.store.indexes.PARTITIONS`):
            pods of a node by its name (`spec.nodeName`), one node or LeaseCandidate by its name, leases of a namespace,
            one ConfigMap or Secret by its key; empty for all. The first delivery then has only these objects, but the
            view is still the whole table: ask it only for what the partition has.
    """

    name: str
    resource: str
    partition: str = ""
