"""Watching: what a client is told of each change, against a naive client that lists before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, kinds, meta_v1
from reconcile.components import apiserver
from reconcile.components.apiserver.reading.watching import Watching
from reconcile.components.apiserver.rest.encoding import plain, protobuf_bytes
from reconcile.effects import Notice, SetTimer
from reconcile.events import TimerFired, Watched
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request
from reconcile.store import Change, stamped


def config(key, label):
    namespace, _, name = key.partition("/")
    return core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name=name, namespace=namespace, labels=Map({"tier": label})))


def told(request, changes):
    watching = Watching(client="kubectl", tag="w", request=request)
    kept, notices = apiserver.step(watching, Watched(0, "watch", tuple(changes), None))
    assert kept is watching
    return [(notice.type, notice.object) for notice in notices]


writes = st.tuples(st.sampled_from(["a/x", "a/y", "b/x"]), st.sampled_from([None, "web", "db"]))


@given(st.lists(writes, max_size=12), st.sampled_from(["", "a"]), st.sampled_from(["", "tier=web"]))
def test_a_client_knows_what_a_list_would_say(history, namespace, selector):
    request = Request(verb="watch", resource="configmaps", namespace=namespace, label_selector=selector)
    rows, changes, known = {}, [], {}
    for revision, (key, label) in enumerate(history, start=1):
        old, new = rows.pop(key, None), None if label is None else stamped(config(key, label), revision)
        if old is None and new is None:
            continue
        changes.append(Change(revision, "configmaps", key, old, new))
        rows.update({} if new is None else {key: new})
    for kind, obj in told(request, changes):
        key = f"{obj.metadata.namespace}/{obj.metadata.name}"
        if kind == "DELETED":
            before = known.pop(key)
            assert stamped(obj, 0) == stamped(before, 0)
            assert int(obj.metadata.resource_version) > int(before.metadata.resource_version)
        else:
            assert (kind == "MODIFIED") is (key in known)
            known[key] = obj
    assert known == {
        key: obj
        for key, obj in rows.items()
        if key.startswith(namespace) and (not selector or obj.metadata.labels["tier"] == "web")
    }


def test_it_watches_its_resource_alone():
    request = Request(verb="watch", resource="configmaps")
    (watch,) = apiserver.watches(Watching(client="kubectl", tag="w", request=request))
    assert (watch.name, watch.resource, watch.partition) == ("watch", "configmaps", "")


@pytest.mark.parametrize("selector", ["tier=web,", "tier in"])
def test_a_watch_by_no_selector_is_refused(server, selector):
    assert server("watch", "configmaps", label_selector=selector).code == 400


INITIAL = {"initial_events": True, "resource_version_match": "NotOlderThan"}


def begun(**options):
    ends = options.pop("ends", None)
    request = Request(verb="watch", resource="configmaps", bookmarks=True, **options)
    return Watching(client="kubectl", tag="w", request=request, seen=7, ends=ends)


def bookmarks(effects):
    return [
        (int(effect.object.metadata.resource_version), effect.object.metadata.annotations)
        for effect in effects
        if isinstance(effect, Notice) and effect.type == "BOOKMARK"
    ]


def timers(effects):
    return [effect.at // SECOND for effect in effects if isinstance(effect, SetTimer)]


@pytest.mark.parametrize("options", [INITIAL, {}, {"resource_version": "0"}])
def test_a_bookmark_ends_what_is_there(options):
    there = Change(9, "configmaps", "a/x", None, stamped(config("a/x", "web"), 5))
    after, effects = apiserver.step(begun(**options), Watched(0, "watch", (there,), None))
    assert [effect.type for effect in effects if isinstance(effect, Notice)] == ["ADDED", "BOOKMARK"]
    assert bookmarks(effects) == [(9, {"k8s.io/initial-events-end": "true"})]
    assert timers(effects) == [1]
    _, effects = apiserver.step(after, TimerFired(SECOND, ("bookmark",)))
    assert (bookmarks(effects), timers(effects)) == ([(9, None)], [61])


@pytest.mark.parametrize("resource", ["pods", "leases.coordination.k8s.io"])
def test_a_bookmark_says_its_kind_in_every_encoding(resource):
    request = Request(verb="watch", resource=resource, bookmarks=True, **INITIAL)
    watching = Watching(client="kubectl", tag="w", request=request, seen=7)
    _, effects = apiserver.step(watching, Watched(0, "watch", (), None))
    (told,) = [effect.object for effect in effects if isinstance(effect, Notice)]
    kind = kinds.resource(resource)
    assert (told.api_version, told.kind) == (kind.api_version, kind.kind)
    assert protobuf_bytes(plain(told)) is not None


def test_nothing_there_is_told_too():
    _, effects = apiserver.step(begun(**INITIAL), Watched(0, "watch", (), None))
    assert bookmarks(effects) == [(7, {"k8s.io/initial-events-end": "true"})]


def test_a_watch_from_a_version_has_bookmarks_now_and_then_and_before_its_end():
    change = Change(8, "configmaps", "a/x", None, stamped(config("a/x", "web"), 8))
    watching = begun(resource_version="7", ends=70 * SECOND)
    after, effects = apiserver.step(watching, Watched(0, "watch", (change,), None))
    assert (bookmarks(effects), timers(effects)) == ([], [60])
    _, effects = apiserver.step(after, TimerFired(60 * SECOND, ("bookmark",)))
    assert (bookmarks(effects), timers(effects)) == ([(8, None)], [68])
    _, effects = apiserver.step(after, TimerFired(68 * SECOND, ("bookmark",)))
    assert timers(effects) == []


def test_what_is_older_than_a_version_yet_to_come_is_not_told():
    changes = [
        Change(number, "configmaps", "a/x", None, stamped(config("a/x", "web"), number)) for number in (8, 9, 10)
    ]
    request = Request(verb="watch", resource="configmaps", resource_version="9")
    assert [obj.metadata.resource_version for _, obj in told(request, changes)] == ["10"]
