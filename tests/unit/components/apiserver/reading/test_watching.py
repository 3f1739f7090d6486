"""Watching: what a client is told of each change, against a naive client that lists before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.components import apiserver
from reconcile.components.apiserver.reading.watching import Watching
from reconcile.events import Watched
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
