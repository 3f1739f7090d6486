"""The same programs carried out by `reconcile.store`."""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1, meta_v1
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.store import (
    Change,
    Committed,
    Compare,
    Delete,
    Put,
    Store,
    Txn,
    channel,
    commit,
    compact,
    grant,
    mod_revision,
    position_after,
    position_since,
    revoke,
    table_at,
)
from tests.fidelity.etcd.programs import Operation

Answer = dict[str, Any]


def answers(program: list[Operation]) -> list[Answer]:
    """Carry a program out on an empty store; give its answers, as `real.answers` gives etcd's."""
    store, found = Store(), []
    for operation in program:
        store, answer = _DOES[operation["do"]](store, operation)
        found.append(answer)
    return found


def _transaction(store: Store, operation: Operation) -> tuple[Store, Answer]:
    compares = tuple([Compare(each["resource"], each["key"], each["revision"]) for each in operation["compares"]])
    writes = tuple([_write(each) for each in operation["writes"]])
    try:
        done = commit(store, Txn(compares, writes))
    except ReconcileError as error:
        return store, {"error": "duplicate" if str(error).startswith("duplicate") else "lease"}
    if isinstance(done, Committed):
        store = done.store
    return store, {"succeeded": isinstance(done, Committed), "revision": store.revision}


def _write(write: Operation) -> Put | Delete:
    resource, key = write["resource"], write["key"]
    if "put" not in write:
        return Delete(resource, key)
    namespace, _, name = key.partition("/")
    metadata = meta_v1.ObjectMeta(name=name, namespace=namespace)
    value = core_v1.ConfigMap(metadata=metadata, data=Map.of({"value": str(write["put"])}))
    return Put(resource, key, value, write["lease"])


def _grant(store: Store, operation: Operation) -> tuple[Store, Answer]:
    return grant(store, HOUR, 0, operation["lease"]), {"revision": store.revision}


def _revoke(store: Store, operation: Operation) -> tuple[Store, Answer]:
    try:
        store = revoke(store, operation["lease"]).store
    except ReconcileError:
        return store, {"error": "lease"}
    return store, {"revision": store.revision}


def _keys(store: Store, operation: Operation) -> tuple[Store, Answer]:
    lease = store.leases.get(operation["lease"])
    if lease is None:
        return store, {"keys": None}
    rows = lease.keys.between(0, lease.keys.end)
    under = {
        f"{resource}/{key}"
        for resource, key, revision in rows
        if (found := store.get(resource, key)) is not None and mod_revision(found) == revision
    }
    return store, {"keys": sorted(under)}


def _compact(store: Store, operation: Operation) -> tuple[Store, Answer]:
    try:
        return compact(store, operation["revision"]), {"revision": store.revision}
    except ReconcileError:
        return store, {"error": "future" if operation["revision"] > store.revision else "compacted"}


def _range(store: Store, operation: Operation) -> tuple[Store, Answer]:
    resource, revision = operation["resource"], operation["revision"]
    if revision > store.revision:
        return store, {"error": "future"}
    if revision < store.compacted:
        return store, {"error": "compacted"}
    position = position_after(store.history(channel(resource)), revision)
    table: Table[str, Any] = table_at(store, resource, position)
    rows = [[f"{resource}/{key}", _value(obj), mod_revision(obj)] for key, obj in sorted(table.items())]
    return store, {"rows": rows}


def _watch(store: Store, operation: Operation) -> tuple[Store, Answer]:
    resource = operation["resource"]
    # A watch that begins at a revision shows what is at it; ours shows what is after one.
    position = position_since(store, channel(resource), operation["revision"] - 1)
    if position is None:
        return store, {"error": "compacted", "compacted": store.compacted}
    history = store.history(channel(resource))
    return store, {"events": [_event(change) for change in history.between(position, history.end)]}


def _event(change: Change) -> list[Any]:
    value = None if change.new is None else _value(change.new)
    return [f"{change.resource}/{change.key}", value, change.revision]


def _value(obj: Any) -> int:
    return int(obj.data["value"])


_DOES = {
    "txn": _transaction,
    "grant": _grant,
    "revoke": _revoke,
    "keys": _keys,
    "compact": _compact,
    "range": _range,
    "watch": _watch,
}
