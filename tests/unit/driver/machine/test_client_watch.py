"""A client's watch: every watcher receives every updated object, status included, as far as its selectors let it."""

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import Cluster, Submit, Topology, apply, ask, create, delete, patch, run, settle, step
from reconcile.driver.choices import choices
from reconcile.driver.client import watch
from reconcile.effects import Answer, Notice
from reconcile.events import Compact, Execute, StopProcess
from reconcile.model.requests import Request


def config(name, **labels):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def booted():
    return settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster


def told(effects):
    return [(effect.type, effect.object.metadata.name) for effect in effects if isinstance(effect, Notice)]


def test_tells_what_is_there_and_then_every_change():
    cluster, _ = ask(booted(), create(config("one")))
    begun = settle(cluster, (Submit(watch("configmaps", namespace="default"), tag="w"),))
    assert [effect.response.code for effect in begun.effects if isinstance(effect, Answer)] == [200]
    assert told(begun.effects) == [("ADDED", "kube-root-ca.crt"), ("ADDED", "one")]
    changes = (
        Submit(create(config("two"))),
        Submit(patch("configmaps", "one", {"data": {"a": "b"}})),
        Submit(delete("configmaps", "two")),
    )
    after = settle(begun.cluster, changes)
    assert told(after.effects) == [("ADDED", "two"), ("MODIFIED", "one"), ("DELETED", "two")]
    last = [effect.object for effect in after.effects if isinstance(effect, Notice)][-1]
    assert int(last.metadata.resource_version) == after.cluster.store.revision


def test_a_pod_is_seen_in_every_status():
    cluster = settle(booted(), (Submit(watch("pods", namespace="default"), tag="w"),)).cluster
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = {"containers": [{"name": "c", "image": "busybox:1.37"}]}
    effects = settle(cluster, (Submit(create(pod)),)).effects
    phases = [effect.object.status.phase for effect in effects if isinstance(effect, Notice)]
    assert phases[0] == "Pending"
    assert phases[-1] == "Running"
    versions = [int(effect.object.metadata.resource_version) for effect in effects if isinstance(effect, Notice)]
    assert versions == sorted(set(versions))


def test_a_selector_turns_changes_into_coming_and_going():
    cluster = settle(booted(), (Submit(watch("configmaps", selector="tier=web"), tag="w"),)).cluster
    steps = (
        Submit(create(config("a", tier="web"))),
        Submit(patch("configmaps", "a", {"metadata": {"labels": {"tier": "db"}}})),
        Submit(patch("configmaps", "a", {"data": {"x": "1"}})),
        Submit(patch("configmaps", "a", {"metadata": {"labels": {"tier": "web"}}})),
    )
    assert told(settle(cluster, steps).effects) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]


def test_begins_after_a_version_or_is_told_that_it_is_gone():
    cluster, one = ask(booted(), create(config("one")))
    version = one.body.metadata.resource_version
    cluster, _ = ask(cluster, create(config("two")))
    since = Submit(watch("configmaps", since=version), tag="w")
    assert told(settle(cluster, (since,)).effects) == [("ADDED", "two")]
    for number in range(40):
        cluster, _ = apply(cluster, config("one", n=str(number)))
    cluster, _ = step(cluster, Compact(cluster.store.revision))
    gone = settle(cluster, (since,)).effects
    assert [(effect.response.code, effect.response.reason) for effect in gone] == [(410, "Expired")]
    early = Submit(watch("configmaps", since="999999"), tag="w")
    # What is yet to come is waited for.
    assert settle(cluster, (early,)).effects[0].response.code == 200


def test_ends_with_its_process_and_leaves_the_others_alone():
    events = (Submit(watch("configmaps"), tag="a"), Submit(watch("configmaps"), tag="b"))
    cluster = settle(booted(), events).cluster
    cluster, _ = step(cluster, StopProcess("watch/kubectl:a"))
    done = run(cluster, (Submit(create(config("one"))),))
    assert [(effect.tag, effect.type) for effect in done.effects if isinstance(effect, Notice)] == [("b", "ADDED")]


def test_a_watch_may_leave_out_what_is_there():
    cluster, _ = ask(booted(), create(config("one")))
    quiet = attrs.evolve(watch("configmaps"), initial_events=False, resource_version_match="NotOlderThan")
    begun = settle(cluster, (Submit(quiet, tag="w"),))
    assert told(begun.effects) == []
    assert told(settle(begun.cluster, (Submit(create(config("two"))),)).effects) == [("ADDED", "two")]


def test_a_watch_that_lags_behind_the_history_ends():
    cluster, one = ask(booted(), create(config("one")))
    since = Submit(watch("configmaps", since=one.body.metadata.resource_version), tag="w")
    cluster = settle(cluster, (since,)).cluster
    # It is told nothing more until the history has moved on, by whole chunks.
    for number in range(40):
        cluster, _ = step(cluster, Submit(patch("configmaps", "one", {"data": {"n": str(number)}})))
        while (choice := next((each for each in choices(cluster) if isinstance(each, Execute)), None)) is not None:
            cluster, _ = step(cluster, choice)
    cluster, _ = step(cluster, Compact(cluster.store.revision))
    end = settle(cluster).effects
    errors = [effect for effect in end if isinstance(effect, Notice)]
    assert [(error.type, error.object.code, error.object.reason) for error in errors] == [("ERROR", 410, "Expired")]


writes = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from([None, "web", "db"])), min_size=1, max_size=10)


@settings(max_examples=25, deadline=None)
@given(writes, writes, st.sampled_from(["", "tier=web"]))
def test_a_list_and_a_watch_from_its_version_know_everything_once(before, after, selector):
    cluster = booted()
    for write in before:
        cluster = written(cluster, write)
    whole = Request(verb="list", resource="configmaps", namespace="default", label_selector=selector)
    cluster, listed = ask(cluster, whole)
    known = {each.metadata.name: each for each in listed.body.items}
    seen = int(listed.body.resource_version)
    # Half of the writes come before the watch begins, half while it lasts.
    for write in after[: len(after) // 2]:
        cluster = written(cluster, write)
    since = watch("configmaps", namespace="default", selector=selector, since=str(seen))
    run_ = settle(cluster, (Submit(since, tag="w"),))
    effects, cluster = list(run_.effects), run_.cluster
    for write in after[len(after) // 2 :]:
        run_ = settle(cluster, (Submit(request_of(cluster, write)),))
        effects, cluster = [*effects, *run_.effects], run_.cluster
    for effect in effects:
        if isinstance(effect, Notice):
            metadata = effect.object.metadata
            assert int(metadata.resource_version) > seen, "each change once, in order"
            seen = int(metadata.resource_version)
            assert (metadata.name in known) is (effect.type != "ADDED")
            known.pop(metadata.name, None)
            if effect.type != "DELETED":
                known[metadata.name] = effect.object
    _, end = ask(cluster, whole)
    assert known == {each.metadata.name: each for each in end.body.items}


def request_of(cluster, write):
    name, label = write
    if cluster.get("configmaps", f"default/{name}") is None:
        return create(config(name, tier=label or "none"))
    if label is None:
        return delete("configmaps", name)
    return patch("configmaps", name, {"metadata": {"labels": {"tier": label}}})


def written(cluster, write):
    return settle(cluster, (Submit(request_of(cluster, write)),)).cluster
