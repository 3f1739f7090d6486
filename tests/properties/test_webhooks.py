"""Webhooks that answer in any order, late or not at all: what comes of it is in the log, which needs none of them."""

import functools

from hypothesis import given
from hypothesis import strategies as st

from reconcile import Cluster, Submit, Topology, replay, settle, state_digest
from reconcile.driver.client import create
from reconcile.driver.log.recording import Recorder
from reconcile.driver.webhooks import admitted
from reconcile.effects import CallWebhook
from reconcile.events import Advance, WebhookAnswered
from reconcile.lib.instant import SECOND

GROUP = "admissionregistration.k8s.io/v1"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
TOPOLOGY = Topology(nodes=1, webhooks=True)


def configuration(kind, *policies):
    webhooks = [
        {
            "name": f"h{place}.example.com",
            "clientConfig": {"url": f"https://{kind.lower()}-{place}.example.com"},
            "rules": [RULE],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
            "failurePolicy": policy,
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        }
        for place, policy in enumerate(policies)
    ]
    return {
        "apiVersion": GROUP,
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": "c"},
        "webhooks": webhooks,
    }


def config(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"x": "y"}}}


@functools.cache
def lines_of_boot():
    lines = []
    recorder = Recorder(Cluster.boot(TOPOLOGY, seed=4), lines.append)
    recorder.settle()
    for made in (configuration("Mutating", "Fail", "Ignore"), configuration("Validating", "Ignore", "Fail")):
        assert recorder.ask(create(made)).ok
    return recorder, tuple(lines)


ANSWERS = st.sampled_from(["allow", "deny", "patch", "broken", "late"])


@given(
    names=st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
    answers=st.lists(ANSWERS, max_size=12),
    data=st.data(),
)
def test_a_log_of_webhooks_plays_alike(names, answers, data):
    booted, first = lines_of_boot()
    lines = list(first)
    recorder = booted.fork(lines.append)
    calls = []
    for place, name in enumerate(names):
        calls += recorder.step(Submit(request=create(config(name)), client="me", tag=str(place)))
    for answer in answers:
        calls += recorder.run().effects
        waiting = [call for each in recorder.cluster.suspended for call, _ in each.waits]
        assert {call.call for call in waiting} <= {call.call for call in calls if isinstance(call, CallWebhook)}
        if not waiting:
            break
        if answer == "late":
            timer = recorder.machine.timers.first()
            calls += recorder.step(Advance(min(timer.at, recorder.cluster.now + SECOND)))
            continue
        call = data.draw(st.sampled_from(waiting), label="who answers")
        calls += recorder.step(answered(call, answer))
    calls += recorder.settle().effects
    assert not recorder.cluster.suspended
    cluster = recorder.end()
    played = replay([line.encode() for line in lines])
    assert state_digest(played.cluster) == state_digest(cluster)


def answered(call, answer):
    if answer == "broken":
        return WebhookAnswered(call.call, "no", code=500)
    patch = [{"op": "add", "path": "/metadata/labels/z", "value": call.call}] if answer == "patch" else ()
    mutating = call.url.startswith("https://mutating")
    review = admitted(call.review, allowed=answer != "deny", patch=patch if mutating else ())
    return WebhookAnswered(call.call, review)


def test_it_happens_that_webhooks_change_what_is_stored():
    recorder, _ = lines_of_boot()
    cluster = settle(recorder.cluster, (Submit(request=create(config("a")), client="me", tag="1"),), limit=0).cluster
    assert cluster.suspended
