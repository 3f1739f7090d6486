"""kubectl's conversations: what is asked, what is printed, and what kubectl itself objects to."""

import pytest

from reconcile.api import convert
from reconcile.driver import settle
from reconcile.driver.client import apply, as_object
from reconcile.driver.kubectl import (
    Drain,
    annotate,
    cordon,
    drain,
    held,
    label,
    patched,
    pause,
    restart,
    resume,
    set_image,
    taint,
    uncordon,
    undo,
)
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses
from reconcile.model.requests import List, Response
from tests.unit.driver.lab import booted, deployed


def played(talk, *answers):
    """Hold a conversation with these answers; give what was asked, and what was said."""
    requests = [next(talk)]
    for answer in answers:
        try:
            requests.append(talk.send(answer))
        except StopIteration as end:
            return requests, end.value
    raise AssertionError(f"more answers are wanted, for {requests[-1]}")


def node(**spec):
    return Response(200, as_object({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": spec}))


def pod(name, *, owner="", phase="Running", volumes=(), **metadata):
    if owner:
        kind, _, version = owner.partition(" ")
        row = {"apiVersion": version or "apps/v1", "kind": kind, "name": "o", "uid": "o", "controller": True}
        metadata["ownerReferences"] = [row]
    return as_object(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", **metadata},
            "spec": {"containers": [{"name": "c", "image": "c"}], "volumes": list(volumes)},
            "status": {"phase": phase},
        }
    )


def pods(*items):
    return Response(200, List(resource="pods", items=items, resource_version="1"))


GONE = Response(404, statuses.not_found("pods", "x"))
FINE = Response(201, statuses.success("pods", "x", "u"))
EMPTY_DIR = {"name": "v", "emptyDir": {}}


# Nodes


def test_cordon_and_uncordon():
    (_, request), said = played(cordon("n"), node(), node(unschedulable=True))
    assert (request.verb, request.resource, request.body) == ("patch", "nodes", {"spec": {"unschedulable": True}})
    assert said.lines == ("node/n cordoned",)
    assert played(cordon("n"), node(unschedulable=True))[1].lines == ("node/n already cordoned",)
    (_, request), said = played(uncordon("n"), node(unschedulable=True), node())
    assert request.body == {"spec": {"unschedulable": None}}
    assert said.lines == ("node/n uncordoned",)
    assert played(cordon("n"), GONE)[1].response is GONE


def test_drain_evicts_what_has_a_controller():
    (_, listed, one, two), said = played(
        drain("n"),
        node(unschedulable=True),
        pods(pod("a", owner="ReplicaSet"), pod("b", owner="Job batch/v1", volumes=[{"name": "v", "secret": {}}])),
        FINE,
        GONE,
    )
    assert (listed.verb, listed.namespace, listed.field_selector) == ("list", "", "spec.nodeName=n")
    assert (one.verb, one.subresource, one.namespace, one.name) == ("create", "eviction", "shop", "a")
    assert (one.body.metadata.name, one.body.delete_options.grace_period_seconds) == ("a", None)
    assert two.name == "b"
    assert said.lines == ("node/n already cordoned", "evicting pod shop/a", "evicting pod shop/b")
    assert said.response.ok
    assert not said.problem


def test_drain_leaves_mirrors_and_pods_of_daemon_sets():
    mirror = pod("etcd", annotations={"kubernetes.io/config.mirror": "x"})
    daemon = pod("proxy", owner="DaemonSet")
    found = Response(200, "the DaemonSet")
    (_, _, get), said = played(drain("n"), node(unschedulable=True), pods(mirror, daemon), found)
    assert (get.resource, get.namespace, get.name) == ("daemonsets.apps", "shop", "o")
    assert said.problem == (
        'unable to drain node "n" due to error: cannot delete DaemonSet-managed Pods '
        "(use --ignore-daemonsets to ignore): shop/proxy"
    )
    ignoring = drain("n", Drain(ignore_daemonsets=True))
    _, said = played(ignoring, node(unschedulable=True), pods(mirror, daemon), found)
    assert said.lines == ("node/n already cordoned", "Warning: ignoring DaemonSet-managed Pods: shop/proxy")
    # An orphan of a DaemonSet that is gone goes, if it is forced to.
    forced = drain("n", Drain(force=True))
    requests, _ = played(forced, node(unschedulable=True), pods(daemon), GONE, FINE)
    assert requests[-1].subresource == "eviction"
    assert played(drain("n"), node(unschedulable=True), pods(daemon), GONE)[1].problem.endswith(
        'cannot delete pods "x" not found: shop/proxy'
    )


def test_drain_asks_before_something_is_lost():
    local, lonely = pod("local", owner="ReplicaSet", volumes=[EMPTY_DIR]), pod("lonely")
    over = pod("over", phase="Succeeded", volumes=[EMPTY_DIR])
    _, said = played(drain("n"), node(unschedulable=True), pods(local, lonely, over))
    assert said.problem == (
        'unable to drain node "n" due to error: [cannot delete Pods with local storage (use --delete-emptydir-data to '
        "override): shop/local, cannot delete Pods that declare no controller (use --force to override): shop/lonely]"
    )
    flags = Drain(force=True, delete_emptydir_data=True, disable_eviction=True, grace_period=3, pod_selector="a=b")
    requests, said = played(drain("n", flags), node(unschedulable=True), pods(local, lonely, over), FINE, FINE, FINE)
    assert requests[1].label_selector == "a=b"
    assert [(request.verb, request.name, request.body.grace_period_seconds) for request in requests[2:]] == [
        ("delete", "local", 3),
        ("delete", "lonely", 3),
        ("delete", "over", 3),
    ]
    assert said.lines[1] == "Warning: deleting Pods that declare no controller: shop/lonely"


def test_an_eviction_that_is_refused_ends_the_drain():
    refused = Response(429, statuses.internal("busy"))
    _, said = played(drain("n"), node(unschedulable=True), pods(pod("a", owner="ReplicaSet")), refused)
    assert said.response is refused


DB = {"effect": "NoSchedule", "key": "db", "value": "a"}
BUSY = {"effect": "NoExecute", "key": "busy"}


@pytest.mark.parametrize(
    ("changes", "overwrite", "taints", "done"),
    [
        (("new=x:NoSchedule",), False, [{"effect": "NoSchedule", "key": "new", "value": "x"}, DB, BUSY], "tainted"),
        (("db:NoExecute",), False, [{"effect": "NoExecute", "key": "db"}, DB, BUSY], "tainted"),
        (("db=b:NoSchedule",), True, [DB | {"value": "b"}, BUSY], "modified"),
        (("db-",), False, [BUSY], "untainted"),
        (("busy:NoExecute-",), False, [DB], "untainted"),
        (("db-", "busy-"), False, None, "untainted"),
    ],
)
def test_taint(changes, overwrite, taints, done):
    (_, request), said = played(taint("n", changes, overwrite=overwrite), node(taints=[DB, BUSY]), node())
    assert request.body["spec"]["taints"] == (None if taints is None else tuple(taints))
    assert said.lines == (f"node/n {done}",)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (("db=b:NoSchedule",), "node n already has db taint(s) with same effect(s) and --overwrite is false"),
        (("other-",), 'taint "other" not found'),
        (("db:NoExecute-", "other-"), '[taint "db:NoExecute" not found, taint "other" not found]'),
    ],
)
def test_what_taint_objects_to(changes, problem):
    assert played(taint("n", changes), node(taints=[DB]))[1].problem == problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ((), "at least one taint update is required"),
        (("a",), "invalid taint spec: a"),
        (("a=b",), "invalid taint spec: a=b"),
        (("a=b=c:NoSchedule",), "invalid taint spec: a=b=c:NoSchedule"),
        (("a:Never",), "invalid taint effect: Never, unsupported taint effect"),
        (("a:NoSchedule", "a=b:NoSchedule"), "duplicated taints with the same key and effect: a=b:NoSchedule"),
        (
            ("a:NoSchedule", "a-"),
            "can not both modify and remove the following taint(s) in the same command: a=",
        ),
    ],
)
def test_taints_that_are_none(changes, problem):
    with pytest.raises(ReconcileError) as caught:
        next(taint("n", changes))
    assert str(caught.value) == problem


# Marks


def labelled(**labels):
    return Response(200, pod("p", labels=labels))


@pytest.mark.parametrize(
    ("labels", "overwrite", "changes", "lines"),
    [
        ({"a": "1"}, False, {"a": "1"}, ("pod/p labeled",)),
        ({"old": None}, False, {"old": None}, ("pod/p unlabeled",)),
        ({"old": "2", "a": "1"}, True, {"a": "1", "old": "2"}, ("pod/p labeled",)),
        ({"old": None, "a": "1"}, False, {"a": "1", "old": None}, ("pod/p modified",)),
        ({"gone": None, "a": "1"}, False, {"a": "1"}, ('label "gone" not found.', "pod/p labeled")),
    ],
)
def test_label(labels, overwrite, changes, lines):
    talk = label("pods", "p", labels, namespace="shop", overwrite=overwrite)
    (get, patch), said = played(talk, labelled(old="1"), labelled())
    assert (get.namespace, patch.body) == ("shop", {"metadata": {"labels": changes}})
    assert said.lines == lines


def test_labels_that_are_there_are_not_set_again():
    assert played(label("pods", "p", {"old": "1"}), labelled(old="1"))[1].lines == ("pod/p not labeled",)
    said = played(label("pods", "p", {"old": "2", "b": "2"}), labelled(old="1", b="1"))[1]
    each = "'{}' already has a value (1), and --overwrite is false"
    assert said.problem == f"[{each.format('old')}, {each.format('b')}]"


def test_annotate_and_patch():
    (_, request), said = played(annotate("pods", "p", {"a": "1", "b": None}), labelled(), labelled())
    assert request.body == {"metadata": {"annotations": {"a": "1"}}}
    assert said.lines == ("pod/p annotated",)
    assert played(annotate("pods", "p", {"a": "1"}), GONE)[1].response is GONE
    cluster, said = held(deployed(), patched("deployment", "web", {"metadata": {"labels": {"a": "b"}}}))
    assert said.lines == ("deployment.apps/web patched",)
    _, said = held(cluster, patched("deployment", "web", {"metadata": {"labels": {"a": "b"}}}))
    assert said.lines == ("deployment.apps/web patched (no change)",)
    _, said = held(cluster, patched("deployment", "web", {"spec": {"replicas": -1}}))
    assert (said.response.code, said.lines) == (422, ())


# Rollouts, in a cluster


def settled(cluster):
    done = settle(cluster)
    assert done.settled, done.moving
    return done.cluster


def template(cluster):
    plain = convert.dump(cluster.get("deployments.apps", "web"))
    return plain["spec"]["template"], plain["metadata"]["annotations"]


def test_undo_goes_back_and_forth():
    first = deployed()
    cluster, said = held(first, set_image("deploy", "web", {"*": "nginx:2"}))
    assert said.lines == ("deployment.apps/web image updated",)
    second = settled(cluster)
    cluster, said = held(second, undo("deploy", "web"))
    assert said.lines == ("deployment.apps/web rolled back",)
    third = settled(cluster)
    assert template(third)[0] == template(first)[0]
    assert template(third)[1]["deployment.kubernetes.io/revision"] == "3"
    assert "pod-template-hash" not in template(third)[0]["metadata"]["labels"]
    cluster, said = held(third, undo("deploy", "web", to_revision=3))
    assert said.lines == ("deployment.apps/web skipped rollback (current template already matches revision 3)",)
    fourth = settled(held(third, undo("deploy", "web", to_revision=2))[0])
    assert template(fourth)[0] == template(second)[0]


def test_undo_takes_back_what_was_added():
    body = {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}, "spec": {"hostNetwork": True}}}}
    before = deployed()
    after = settled(held(before, patched("deploy", "web", body))[0])
    assert template(settled(held(after, undo("deploy", "web"))[0]))[0] == template(before)[0]


def test_what_undo_objects_to():
    assert held(deployed(), undo("deploy", "web"))[1].problem == 'no rollout history found for deployment "web"'
    said = held(deployed(), undo("deploy", "web", to_revision=9))[1]
    assert said.problem == "unable to find specified revision 9 in history"
    assert held(booted(), undo("deploy", "web"))[1].response.code == 404
    cluster, _ = held(settled(held(deployed(), set_image("deploy", "web", {"web": "x"}))[0]), pause("deploy", "web"))
    assert held(cluster, undo("deploy", "web"))[1].problem.startswith("you cannot rollback a paused deployment; ")
    assert held(deployed(), undo("node", "node-1"))[1].problem == (
        'no rollbacker has been implemented for nodes "node-1"'
    )


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_undo_by_revision(kind):
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    if kind == "StatefulSet":
        spec |= {"serviceName": "x"}
    manifest = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    cluster = settled(apply(booted(), manifest)[0])
    assert held(cluster, undo(kind, "x"))[1].problem == "no last revision to roll back to"
    assert held(cluster, undo(kind, "x", to_revision=7))[1].problem == (
        "unable to find specified revision 7 in history"
    )
    said = held(cluster, undo(kind, "x", to_revision=1))[1]
    assert said.lines == (f"{kind.lower()}.apps/x skipped rollback (current template already matches revision 1)",)
    cluster = settled(held(cluster, set_image(kind, "x", {"web": "web:2"}))[0])
    cluster, said = held(cluster, undo(kind, "x"))
    assert said.lines == (f"{kind.lower()}.apps/x rolled back",)
    owner = cluster.store.get(f"{kind.lower()}s.apps", "default/x")
    assert owner.spec.template.spec.containers[0].image == "web:1"


def test_pause_resume_and_restart():
    cluster, said = held(deployed(), pause("deploy", "web"))
    assert said.lines == ("deployment.apps/web paused",)
    assert held(cluster, pause("deploy", "web"))[1].problem == 'deployments.apps "web" is already paused'
    said = held(cluster, restart("deploy", "web", cluster.now))[1]
    assert said.problem == 'deployments.apps "web" can\'t restart paused deployment (run rollout resume first)'
    cluster, said = held(cluster, resume("deploy", "web"))
    assert said.lines == ("deployment.apps/web resumed",)
    assert held(cluster, resume("deploy", "web"))[1].problem == 'deployments.apps "web" is not paused'
    old = {each.metadata.uid for each in cluster.objects("pods", namespace="default")}
    cluster, said = held(cluster, restart("deploy", "web", cluster.now))
    assert said.lines == ("deployment.apps/web restarted",)
    again = settled(cluster)
    assert template(again)[0]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].startswith("2026-01-01T")
    assert not old & {each.metadata.uid for each in again.objects("pods", namespace="default")}
    assert held(again, restart("pod", "x", 0))[1].response.code == 404
    assert held(again, pause("node", "node-1"))[1].problem == 'nodes "node-1" pausing is not supported'


def test_images_that_are_there_are_not_set_again():
    assert held(deployed(), set_image("deploy", "web", {"web": "nginx:1.29"}))[1].lines == ()
    with pytest.raises(ReconcileError, match="unable to find container named 'x'; there are web"):
        held(deployed(), set_image("deploy", "web", {"x": "y"}))


def test_a_drained_node_has_no_pods_of_workloads():
    cluster, answer = apply(booted(2), {**pod_manifest("lonely")})
    assert answer.ok
    cluster = settled(cluster)
    at = cluster.get("pods", "lonely").spec.node_name
    cluster, said = held(cluster, drain(at, Drain(force=True)))
    assert said.lines == (
        f"node/{at} cordoned",
        "Warning: deleting Pods that declare no controller: default/lonely",
        "evicting pod default/lonely",
    )
    assert settled(cluster).get("pods", "lonely") is None


def pod_manifest(name):
    spec = {"containers": [{"name": "c", "image": "c"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
