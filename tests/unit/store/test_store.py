"""The store against a naive one on plain dicts, and a watch against a naive watch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.store import (
    Committed,
    Compare,
    Delete,
    OpenStore,
    Put,
    Refused,
    Store,
    Txn,
    channel,
    commit,
    compact,
    defragment,
    disarm,
    grant,
    keep_alive,
    limited,
    position_since,
    revoke,
    table_at,
)
from reconcile.store.space import weight
from reconcile.store.store import FULL, WINDOW


def pod(name: str, node: str | None = None, label: str = "a") -> core_v1.Pod:
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", labels=Map.of({"app": label})),
        spec=core_v1.PodSpec(containers=(), node_name=node),
    )


def put(store: Store, *puts: Put) -> Store:
    done = commit(store, Txn((), puts))
    assert isinstance(done, Committed)
    return done.store


class NaiveStore:
    """etcd on a dict: what each key has and which revision wrote it."""

    def __init__(self) -> None:
        self.revision = 0
        self.rows: dict[str, tuple[Any, int]] = {}
        self.log: list[tuple[int, str, Any]] = []

    def commit(self, txn: Txn) -> bool:
        for compare in txn.compares:
            if self.rows.get(compare.key, (None, 0))[1] != compare.revision:
                return False
        writes = []
        for operation in txn.operations:
            if isinstance(operation, Put):
                if operation.key in self.rows and self.rows[operation.key][0] == operation.value:
                    continue
                writes.append((operation.key, operation.value))
                self.rows[operation.key] = (operation.value, self.revision + 1)
            elif operation.key in self.rows:
                writes.append((operation.key, None))
                del self.rows[operation.key]
        if writes:
            self.revision += 1
            self.log += [(self.revision, key, value) for key, value in writes]
        return True


keys = st.sampled_from(["default/a", "default/b", "default/c"])
puts = st.builds(
    lambda key, node, label: Put("pods", key, pod(key.partition("/")[2], node, label)),
    keys,
    st.sampled_from([None, "node-1", "node-2"]),
    st.sampled_from(["a", "b"]),
)
compares = st.builds(lambda key, revision: Compare("pods", key, revision), keys, st.integers(0, 6))
operations = puts | keys.map(lambda key: Delete("pods", key))
txns = st.builds(
    Txn,
    st.lists(compares, max_size=1).map(tuple),
    st.lists(operations, min_size=1, max_size=2, unique_by=lambda operation: operation.key).map(tuple),
)


def unstamped(obj: Any) -> Any:
    if obj is None:
        return None
    return pod(obj.metadata.name, obj.spec.node_name, obj.metadata.labels["app"])


@given(st.lists(txns, max_size=25))
def test_does_what_a_dict_does(all_txns: list[Txn]) -> None:
    store, naive = Store(), NaiveStore()
    for txn in all_txns:
        done = commit(store, txn)
        assert isinstance(done, Committed) == naive.commit(txn)
        if isinstance(done, Committed):
            store = done.store
    assert store.revision == naive.revision
    table = store.table("pods")
    assert {key: unstamped(obj) for key, obj in table.items()} == {key: row[0] for key, row in naive.rows.items()}
    assert {key: int(obj.metadata.resource_version) for key, obj in table.items()} == {
        key: row[1] for key, row in naive.rows.items()
    }


@given(st.lists(txns, max_size=25), st.data())
def test_a_watch_from_any_cursor_is_what_a_naive_watch_says(all_txns: list[Txn], data: Any) -> None:
    store, naive = Store(), NaiveStore()
    for txn in all_txns:
        done = commit(store, txn)
        naive.commit(txn)
        if isinstance(done, Committed):
            store = done.store
    history = store.history("pods")
    start = data.draw(st.integers(0, history.end))
    seen = history.between(start, history.end)
    assert [(change.revision, change.key, unstamped(change.new)) for change in seen] == naive.log[start:]
    rows = {}
    for position, change in enumerate(history.between(0, history.end), start=1):
        assert rows.get(change.key) == change.old
        rows[change.key] = change.new
        then = table_at(store, "pods", position)
        assert dict(then.items()) == {key: obj for key, obj in rows.items() if obj is not None}
        assert then.keys_under("node", "node-1") == tuple(
            sorted(key for key, obj in rows.items() if obj is not None and obj.spec.node_name == "node-1")
        )
    for node in ("node-1", "node-2"):
        theirs = store.history(channel("pods", node))
        expected = [
            change
            for change in history.between(0, history.end)
            if node in [obj.spec.node_name for obj in (change.old, change.new) if obj is not None]
        ]
        assert list(theirs.between(0, theirs.end)) == expected


def test_a_write_that_changes_nothing_is_no_write() -> None:
    store = put(Store(), Put("pods", "default/a", pod("a")))
    again = commit(store, Txn((), (Put("pods", "default/a", pod("a")),)))
    assert isinstance(again, Committed)
    assert again.changes == ()
    assert again.store is store


def test_a_refusal_says_which_compare_failed_and_what_is_there() -> None:
    store = put(Store(), Put("pods", "default/a", pod("a")))
    refused = commit(store, Txn((Compare("pods", "default/a", 0),), (Delete("pods", "default/a"),)))
    assert refused == Refused(Compare("pods", "default/a", 0), 1)


def test_compaction_forgets_changes_but_no_object() -> None:
    store = Store()
    for number in range(100):
        store = put(store, Put("pods", "default/a", pod("a", label=str(number))))
    store = compact(store, 80)
    history = store.history("pods")
    assert history.between(history.start, history.start + 1)[0].revision == 65
    assert store.get("pods", "default/a").metadata.labels == {"app": "99"}
    with pytest.raises(ReconcileError, match="cannot compact to revision 101: 80 is compacted and 100 is the newest"):
        compact(store, 101)
    with pytest.raises(ReconcileError, match="cannot compact to revision 79"):
        compact(store, 79)


@given(st.lists(txns | st.integers(0, 100), max_size=60), st.data())
def test_a_watch_from_any_revision_is_what_a_naive_watch_says_or_is_refused(history: list[Any], data: Any) -> None:
    """A number in *history* is a compaction to that part of the revisions, in percent."""
    store, naive, compacted = Store(), NaiveStore(), 0
    for each in history:
        if isinstance(each, int):
            revision = store.revision * each // 100
            if revision > compacted:
                store, compacted = compact(store, revision), revision
            continue
        done = commit(store, each)
        naive.commit(each)
        if isinstance(done, Committed):
            store = done.store
    since = data.draw(st.integers(0, store.revision))
    position = position_since(store, "pods", since)
    assert (position is None) == (since < compacted)
    if position is not None:
        seen = store.history("pods").between(position, store.history("pods").end)
        expected = [row for row in naive.log if row[0] > since]
        assert [(change.revision, change.key, unstamped(change.new)) for change in seen] == expected
        then = table_at(store, "pods", position)
        for change in seen:
            then = then.remove(change.key) if change.new is None else then.set(change.key, change.new)
        assert dict(then.items()) == dict(store.table("pods").items())


@given(st.lists(st.tuples(txns, st.booleans()), max_size=25))
def test_an_open_store_is_what_values_are_one_after_the_other(history: list[tuple[Txn, bool]]) -> None:
    """With each transaction: whether the open store is looked at as a value afterwards."""
    store, opened = Store(), OpenStore(Store())
    seen: list[tuple[Store, Store]] = []
    for txn, looks in history:
        done, changes = commit(store, txn), opened.commit(txn)
        assert changes == (done if isinstance(done, Refused) else done.changes)
        if isinstance(done, Committed):
            store = done.store
        assert (opened.revision, opened.get("pods", "default/a")) == (store.revision, store.get("pods", "default/a"))
        if looks:
            seen.append((opened.closed(), store))
    seen.append((opened.closed(), store))
    for one, other in seen:
        assert (one.revision, one.leases) == (other.revision, other.leases)
        assert one.tables == other.tables  # that a resource had objects once counts, whoever looked when
        assert dict(one.table("pods").items()) == dict(other.table("pods").items())
        for name in ("pods", "pods=node-1", "pods=node-2"):
            assert one.history(name) == other.history(name)


def test_a_watch_from_now_is_never_too_old() -> None:
    store = Store()
    for number in range(64):
        store = put(store, Put("pods", "default/a", pod("a", label=str(number))))
    store = compact(put(store, Put("configmaps", "default/c", pod("c"))), 65)
    assert store.history("pods").start == store.history("pods").end == 64
    assert position_since(store, "pods", 65) == 64
    assert position_since(store, "pods", 64) is None


def test_what_left_the_window_is_too_old() -> None:
    store = Store()
    for number in range(WINDOW + 40):
        store = put(store, Put("pods", "default/a", pod("a", label=str(number))))
    start = store.history("pods").start
    assert start > 0
    assert position_since(store, "pods", start) is None
    assert position_since(store, "pods", start + 1) == start + 1


def test_a_transaction_is_checked_before_any_of_it_is_done() -> None:
    opened = OpenStore(Store())
    with pytest.raises(ReconcileError, match="lease 8 does not exist"):
        opened.commit(Txn((), (Put("pods", "default/a", pod("a")), Put("pods", "default/b", pod("b"), lease=8))))
    with pytest.raises(ReconcileError, match="duplicate key in a transaction"):
        opened.commit(Txn((), (Put("pods", "default/a", pod("a")), Delete("pods", "default/a"))))
    assert opened.closed() == Store()
    assert opened.table("pods").keys() == ()


def test_a_key_leaves_its_lease_when_it_is_written_again() -> None:
    store = grant(grant(Store(), 10, now=0, lease_id=1), 10, now=5, lease_id=2)
    store = put(store, *[Put("pods", f"default/{name}", pod(name), lease=1) for name in "abcd"])
    store = put(store, Put("pods", "default/b", pod("b", label="b")))
    store = put(store, Put("pods", "default/c", pod("c", label="b"), lease=2))
    done = commit(store, Txn((), (Delete("pods", "default/d"),)))
    assert isinstance(done, Committed)
    store = put(done.store, Put("pods", "default/d", pod("d")))
    ended = revoke(store, 1)
    assert [change.key for change in ended.changes] == ["default/a"]
    assert [change.key for change in revoke(ended.store, 2).changes] == ["default/c"]


def test_a_lease_takes_its_keys_with_it() -> None:
    store = grant(Store(), 10, now=100, lease_id=7)
    store = put(store, Put("pods", "default/a", pod("a"), lease=7), Put("pods", "default/b", pod("b")))
    store = keep_alive(store, 7, now=105)
    assert store.leases[7].expires == 115
    done = revoke(store, 7)
    assert [change.key for change in done.changes] == ["default/a"]
    assert done.store.table("pods").keys() == ("default/b",)
    with pytest.raises(ReconcileError, match="lease 8 does not exist; pods/default/a cannot be put under it"):
        commit(store, Txn((), (Put("pods", "default/a", pod("a", "n"), lease=8),)))


def test_a_full_store_takes_what_deletes_until_it_is_compacted_defragmented_and_disarmed() -> None:
    store = limited(Store(), 2_000)
    written = 0
    while isinstance(
        done := commit(store, Txn((), (Put("pods", "default/a", pod("a", label=str(written))),))), Committed
    ):
        store, written = done.store, written + 1
    assert done.why == "etcdserver: mvcc: database space exceeded"
    full = OpenStore(store)
    assert full.commit(Txn((), (Put("pods", "default/b", pod("b")),))) is FULL
    full.commit(Txn((), (Delete("pods", "default/a"),)))
    store = full.closed()
    assert store.space is not None
    assert store.space.alarm
    assert store.space.used == store.space.file
    smaller = compact(store, store.revision)
    assert smaller.space is not None
    assert smaller.space.used < store.space.used
    assert isinstance(commit(disarm(smaller), Txn((), (Put("pods", "default/b", pod("b")),))), Refused), (
        "the file is as large"
    )
    free = disarm(defragment(smaller))
    assert isinstance(commit(free, Txn((), (Put("pods", "default/b", pod("b")),))), Committed)


@given(st.lists(txns, max_size=30))
def test_what_is_used_is_what_a_count_of_all_that_is_kept_says(history: list[Any]) -> None:
    store = limited(Store(), 10**9)
    for txn in history:
        done = commit(store, txn)
        store = done.store if isinstance(done, Committed) else store
    changes = store.history(channel("pods"))
    values = [change.new for change in changes.between(0, changes.end)]
    assert store.space is not None
    assert store.space.used == sum(map(weight, values))
