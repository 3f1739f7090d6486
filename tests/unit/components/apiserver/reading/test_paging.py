"""Paging: tokens, and lists against the whole list while others write."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request
from reconcile.store import Delete, Put, Store, Txn, commit, compact

NOW = 1_767_225_600 * 10**9
STATE = apiserver.begin("kube-apiserver/host-1", Dice(1, "kube-apiserver/host-1"))
INVALID = "invalid continue token: continue key is not valid: "


def token(**said):
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def listed(store, **options):
    request = Request(verb="list", resource="configmaps", **options)
    return apiserver.plan(STATE, request, apiserver.ITSELF, store, NOW, Dice(1, "list"))


def config(namespace, name, label):
    metadata = meta_v1.ObjectMeta(name=name, namespace=namespace, labels=Map({"tier": label}))
    return core_v1.ConfigMap(metadata=metadata)


def written(store, write):
    (namespace, name), label = write
    key = f"{namespace}/{name}"
    if label is None and store.get("configmaps", key) is None:
        return store
    operation = Delete("configmaps", key) if label is None else Put("configmaps", key, config(namespace, name, label))
    return commit(store, Txn((), (operation,))).store


def paged(store, writes, **options):
    """List in chunks; between two of them one more write is done."""
    found, then = [], iter(writes)
    response = listed(store, **options)
    while True:
        assert response.code == 200
        found += response.body.items
        if not response.body.continue_:
            return found, response.body.resource_version
        assert len(response.body.items) == options["limit"]
        store = written(store, next(then, (("a", "x"), None)))
        response = listed(store, **options, continue_=response.body.continue_)


names = st.tuples(st.sampled_from(["a", "a-b", "b"]), st.sampled_from(["w", "x", "x-1", "y", "z"]))
writes = st.lists(st.tuples(names, st.sampled_from([None, "web", "db"])), max_size=14)


@given(writes, writes, st.integers(1, 4), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "tier=web"]))
def test_chunks_are_the_whole_list(before, between, limit, namespace, selector):
    store = commit(Store(), Txn((), (Put("configmaps", "z/0", config("z", "0", "web")),))).store
    for write in before:
        store = written(store, write)
    options = {"namespace": namespace, "label_selector": selector}
    whole = listed(store, **options).body
    assert paged(store, between, **options, limit=limit) == (list(whole.items), whole.resource_version)


@given(writes, st.integers(1, 3))
def test_how_many_are_left_is_said(before, limit):
    store = commit(Store(), Txn((), (Put("configmaps", "z/0", config("z", "0", "web")),))).store
    for write in before:
        store = written(store, write)
    first, whole = listed(store, limit=limit).body, listed(store).body
    left = len(whole.items) - len(first.items)
    assert (first.remaining, bool(first.continue_)) == (left or None, bool(left))
    assert listed(store, limit=limit, label_selector="tier").body.remaining is None


@given(writes)
def test_an_exact_version_is_what_was(history):
    store = commit(Store(), Txn((), (Put("configmaps", "z/0", config("z", "0", "web")),))).store
    seen = {}
    for write in history:
        seen[store.revision] = listed(store).body.items
        store = written(store, write)
    for revision, items in seen.items():
        exact = listed(store, resource_version=str(revision), resource_version_match="Exact").body
        assert (exact.items, exact.resource_version) == (items, str(revision))


def test_after_a_compaction_the_refusal_says_how_to_go_on():
    store = Store()
    for name in "wxyz":
        store = written(store, (("a", name), "web"))
    first = listed(store, namespace="a", limit=2).body
    store = written(store, (("a", "y"), None))
    gone = listed(compact(store, store.revision), namespace="a", limit=2, continue_=first.continue_).body
    assert (gone.code, gone.reason) == (410, "Expired")
    rest = listed(store, namespace="a", continue_=gone.metadata.continue_).body
    assert [item.metadata.name for item in rest.items] == ["z"]
    assert rest.resource_version == str(store.revision)
    exact = listed(compact(store, store.revision), resource_version="1", resource_version_match="Exact").body
    assert exact.message == "The resourceVersion for the provided list is too old."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "illegal base64 data at input byte 0"),
        ("ab!d", "illegal base64 data at input byte 2"),
        ("e30", "server does not recognize this encoded version "),
        ("ngAA", "invalid character '\\u009e' looking for beginning of value"),
        ("aGVsbG8", "invalid character 'h' looking for beginning of value"),
        (token(v="meta.k8s.io/v2", rv=1, start="x"), "server does not recognize this encoded version meta.k8s.io/v2"),
        (token(v="meta.k8s.io/v1", start="x"), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (token(v="meta.k8s.io/v1", rv=3), "encoded start key empty (version meta.k8s.io/v1)"),
        (token(v="meta.k8s.io/v1", rv=3, start="../c"), "../c"),
    ],
)
def test_what_is_no_token_is_refused(text, why):
    body = listed(Store(), continue_=text).body
    assert (body.code, body.message) == (400, INVALID + why)


def test_what_is_in_any_version_has_no_limit():
    store = Store()
    for name in "wxyz":
        store = written(store, (("a", name), "web"))
    assert len(listed(store, limit=1, resource_version="0").body.items) == 4
    assert len(listed(store, limit=-1).body.items) == 4
