import json
from pathlib import Path

import attrs
import jsonschema
import pytest

from reconcile.api import convert
from reconcile.driver.client import LAST_APPLIED
from reconcile.driver.kubectl.rollouts import images_patch
from reconcile.driver.script.commands import (
    Apply,
    Delete,
    Power,
    Scale,
    SetImage,
    Timed,
    applying,
    event_of,
    parse,
    requests_of,
    running,
    settled_in,
)
from reconcile.driver.script.errands import errand_of
from reconcile.driver.script.fields import ScriptError, Target
from reconcile.events import (
    CutLink,
    Disconnect,
    DriftClock,
    HoldCache,
    KillContainer,
    KillSandbox,
    MendLink,
    Reconnect,
    ReleaseCache,
    RestoreSnapshot,
    SetBackends,
    SetClock,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.model import statuses
from reconcile.model.requests import Response

SCHEMA = json.loads((Path(__file__).parents[4] / "schemas" / "scenario.json").read_text())
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [{"name": "x", "image": "x:1", "env": [{"name": "A"}]}, {"name": "y", "image": "y:1"}]
            },
        },
    },
}
TARGET = Target("deploy", "web", "default")


def commands(*rows):
    return {"commands": list(rows)}


def agrees(document):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_every_command():
    document = commands(
        {"at": "1m", "scale": "deploy/web", "replicas": 5},
        {"at": "1m0.5s", "set image": "deploy/web", "containers": {"*": "x:2"}, "namespace": "shop"},
        {"at": "2m", "stop host": "node-1"},
        {"at": "3m", "start host": "node-1"},
        {"at": "4m", "delete": "node/node-1"},
        {"at": "5m", "apply": [WEB]},
    )
    assert agrees(document)
    assert parse(document) == (
        Timed(MINUTE, Scale(TARGET, 5)),
        Timed(MINUTE + SECOND // 2, SetImage(Target("deploy", "web", "shop"), Map({"*": "x:2"}))),
        Timed(2 * MINUTE, Power("node-1", on=False)),
        Timed(3 * MINUTE, Power("node-1", on=True)),
        Timed(4 * MINUTE, Delete(Target("node", "node-1", "default"))),
        Timed(5 * MINUTE, Apply((settled_in(convert.load(WEB).object, "default"),))),
    )
    assert [str(timed.command) for timed in parse(document)] == [
        "scale deploy/web --replicas=5",
        "set image deploy/web *=x:2",
        "stop host node-1",
        "start host node-1",
        "delete node/node-1",
        "apply deployments.apps/web",
    ]


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ([], (), "must be a mapping"),
        ({}, ("commands",), "must be a list"),
        ({"commands": [], "more": 1}, ("more",), "no such field"),
        (commands("x"), ("commands", 0), "must be a mapping"),
        (commands({"at": "1s"}), ("commands", 0), "exactly one of"),
        (commands({"at": "1s", "delete": "pod/a", "stop host": "b"}), ("commands", 0), "exactly one of"),
        (commands({"stop host": "a"}), ("commands", 0, "at"), "must say when"),
        (
            commands({"at": 5, "stop host": "a"}),
            ("commands", 0, "at"),
            "must be a duration such as 300ms, 2s or 1m30s, not 5",
        ),
        (commands({"at": "5", "stop host": "a"}), ("commands", 0, "at"), "not a duration"),
        (commands({"at": "-5s", "stop host": "a"}), ("commands", 0, "at"), "before power-on"),
        (commands({"at": "5s", "stop host": ""}), ("commands", 0, "stop host"), "must be text"),
        (commands({"at": "5s", "stop host": "a", "replicas": 3}), ("commands", 0, "replicas"), "no such field"),
        (commands({"at": "5s", "scale": "deploy/web"}), ("commands", 0, "replicas"), "must be a count"),
        (commands({"at": "5s", "scale": "deploy/web", "replicas": -1}), ("commands", 0, "replicas"), "must be a count"),
        (commands({"at": "5s", "scale": "web", "replicas": 1}), ("commands", 0, "scale"), "of the form"),
        (commands({"at": "5s", "delete": "pod/a/b"}), ("commands", 0, "delete"), "of the form"),
        (commands({"at": "5s", "set image": "deploy/web"}), ("commands", 0, "containers"), "must map containers"),
        (
            commands({"at": "5s", "set image": "deploy/web", "containers": {"a": 1}}),
            ("commands", 0, "containers", "a"),
            "must be text",
        ),
        (
            commands({"at": "5s", "scale": "deploy/web", "replicas": 2**31}),
            ("commands", 0, "replicas"),
            "must be a count, from 0 to 2147483647",
        ),
        (
            commands({"at": "5s", "join": "a", "control plane": "yes"}),
            ("commands", 0, "control plane"),
            "true or false",
        ),
        (commands({"at": "5s", "apply": [{"kind": "Pod"}]}), ("commands", 0, "apply", 0, "apiVersion"), "required"),
        (commands({"at": "5s", "apply": {"kind": "Pod"}}), ("commands", 0, "apply", "apiVersion"), "required"),
        (commands({"at": "5s", "apply": {"apiVersion": "v1", "kind": "Pod"}}), ("commands", 0, "apply"), "metadata"),
    ],
)
def test_what_is_wrong_is_named_and_the_schema_agrees(document, path, words):
    with pytest.raises(ScriptError, match=words) as caught:
        parse(document)
    assert caught.value.path == path
    # A schema cannot know that a time is too early to be one: the pattern has no minus sign.
    assert not agrees(document)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"at": "5s", "delete": "pood/a"}, "near: pod"),
        ({"at": "5s", "scale": "pod/a", "replicas": 1}, "cannot be scaled"),
        (
            {"at": "5s", "apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 3}}},
            r"^commands\[0\].apply.metadata.name: expected a string, found 3$",
        ),
        (
            {"at": "5s", "apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}},
            r"^commands\[0\].apply: ConfigMap: metadata.name: required$",
        ),
        (
            {"at": "5s", "apply": {"apiVersion": "a.b/v1", "kind": "Foo", "metadata": {"name": "a"}}},
            r'^commands\[0\].apply: no matches for kind "Foo" in version "a.b/v1"$',
        ),
    ],
)
def test_what_only_the_registry_knows(row, words):
    with pytest.raises(ScriptError, match=words):
        parse(commands(row))


def test_every_command_of_kubectl_s_and_every_fault():
    document = commands(
        {"at": "1m", "cordon": "node-3"},
        {"at": "1m", "drain": "node-3 --ignore-daemonsets --force --grace-period=5"},
        {"at": "1m", "uncordon": "node-3"},
        {"at": "2m", "taint": "nodes node-3 dedicated=db:NoSchedule old-"},
        {"at": "2m", "label": "node node-3 tier=db --overwrite"},
        {"at": "2m", "annotate": "deployment/web note=x", "namespace": "shop"},
        {"at": "3m", "patch": "deploy/web", "with": {"spec": {"replicas": 3}}},
        {"at": "3m", "rollout undo": "deploy/web --to-revision=2"},
        {"at": "3m", "rollout pause": "deploy web"},
        {"at": "3m", "rollout resume": "deploy/web --namespace=shop"},
        {"at": "3m", "rollout restart": "deploy/web"},
        {"at": "4m", "disconnect": "node-3"},
        {"at": "4m", "reconnect": "node-3"},
        {"at": "4m", "clock": "node-3", "ahead": "-90s"},
        {"at": "4m", "cut link": "node-3 node-1"},
        {"at": "4m", "mend link": "node-3 node-1", "one way": True},
        {"at": "4m", "slow link": "node-3 node-1", "delay": "80ms", "jitter": "20ms", "loss": 1000},
        {"at": "4m", "drift": "node-3", "rate": 500},
        {"at": "4m", "drift": "node-3", "rate": -500, "until": "0s"},
        {"at": "4m", "hold cache": "kube-apiserver/node-1", "behind": "5s"},
        {"at": "4m", "release cache": "kube-apiserver/node-1"},
        {"at": "5m", "kill": "kubelet/node-3"},
        {"at": "5m", "start process": "kubelet/node-3"},
        {"at": "5m", "kill": "pod/web-0", "container": "web", "namespace": "shop"},
        {"at": "5m", "kill": "sandbox/web-1", "namespace": "shop"},
        {"at": "6m", "join": "node-9"},
        {"at": "6m", "join": "node-9", "control plane": True},
        {"at": "6m", "member": "restore night node-9 --bump-revision=500"},
        {"at": "6m", "backends": "node-1 node-9"},
    )
    assert agrees(document)
    read = [timed.command for timed in parse(document)]
    assert [str(command) for command in read] == [
        "cordon node-3",
        "drain node-3 --force --grace-period=5 --ignore-daemonsets",
        "uncordon node-3",
        "taint nodes/node-3 dedicated=db:NoSchedule old-",
        "label node/node-3 tier=db --overwrite",
        "annotate deployment/web note=x",
        'patch deploy/web -p {"spec":{"replicas":3}}',
        "rollout undo deploy/web --to-revision=2",
        "rollout pause deploy/web",
        "rollout resume deploy/web",
        "rollout restart deploy/web",
        "disconnect node-3",
        "reconnect node-3",
        "clock node-3 -1m30s",
        "cut link node-3 node-1",
        "mend link node-3 node-1 one way",
        "slow link node-3 node-1: 80ms to 100ms, 1000 ppm lost",
        "drift node-3: 500 ppm",
        "drift node-3: -500 ppm, until it is 0s ahead",
        "hold cache kube-apiserver/node-1 5s behind",
        "release cache kube-apiserver/node-1",
        "kill kubelet/node-3",
        "start process kubelet/node-3",
        "kill pod/web-0 web",
        "kill sandbox of pod/web-1",
        "join node-9",
        "join node-9 --control-plane",
        "member restore night node-9 --bump-revision=500",
        "backends node-1 node-9",
    ]
    assert [command.target.namespace for command in read[5:10]] == ["shop", "default", "default", "default", "shop"]
    assert [event_of(command) for command in read if event_of(command) is not None] == [
        Disconnect("node-3"),
        Reconnect("node-3"),
        SetClock("node-3", -90 * SECOND),
        CutLink("node-3", "node-1"),
        MendLink("node-3", "node-1", one_way=True),
        SlowLink("node-3", "node-1", 80 * MILLISECOND, 20 * MILLISECOND, 1000),
        DriftClock("node-3", 500),
        DriftClock("node-3", -500, 0),
        HoldCache("kube-apiserver/node-1", 5 * SECOND),
        ReleaseCache("kube-apiserver/node-1"),
        StopProcess("kubelet/node-3"),
        StartProcess("kubelet/node-3"),
        KillContainer("shop/web-0", "web"),
        KillSandbox("shop/web-1"),
        RestoreSnapshot("night", ("node-9",), 500),
        SetBackends(("node-1", "node-9")),
    ]


@pytest.mark.parametrize(
    ("row", "words", "valid"),
    [
        ({"cordon": ""}, r"^commands\[0\].cordon: must be text, not ''$", False),
        ({"cordon": "pod/a"}, r"^commands\[0\].cordon: cordon pod/a: only nodes can be, not pods$", True),
        ({"cordon": "--all"}, r"there is no flag '--all'; there are --namespace$", True),
        ({"cordon": "a b"}, "cordon takes one object, not also 'b'$", True),
        ({"drain": "a --force --force"}, "the flag --force stands there twice$", True),
        ({"drain": "a --force=x"}, "--force is true or false, not 'x'$", True),
        ({"drain": "a --grace-period"}, "--grace-period needs a value, as in --grace-period=VALUE$", True),
        ({"drain": "a --grace-period=-1"}, "--grace-period is a count, not '-1'$", True),
        ({"taint": "nodes a"}, "must say what to change, such as dedicated=db:NoSchedule", True),
        ({"taint": "nodes a b:Never"}, "invalid taint effect: Never", True),
        ({"label": "pod"}, "'pod' is not of the form deployment/web$", True),
        ({"label": "pod/a b"}, "invalid label format: b$", True),
        ({"label": "pod/a b=1 b-"}, "can not both modify and remove label 'b' in the same command$", True),
        ({"label": "pood/a b=1"}, "no such resource: 'pood'", True),
        ({"label": "pod/a/c b=1"}, "'pod/a/c' is not of the form deployment/web$", True),
        ({"rollout undo": "--to-revision=2"}, "rollout undo: must say what it is about$", True),
        ({"patch": "pod/a"}, "patch pod/a: needs a JSON merge patch, not None$", False),
        ({"patch": "pod/a", "with": [1]}, r"needs a JSON merge patch, not \[1\]$", False),
        ({"cut link": "node-1"}, "'node-1' does not name two hosts, such as node-1 node-2$", False),
        (
            {"cut link": "node-1 node-2", "one way": "yes"},
            r"^commands\[0\].one way: must be true or false, not 'yes'$",
            False,
        ),
        ({"slow link": "a b", "delay": "fast"}, r"^commands\[0\].delay: .*'fast'", True),
        (
            {"slow link": "a b", "delay": 5},
            r"^commands\[0\].delay: must be a duration such as 300ms, 2s or .*not 5$",
            False,
        ),
        ({"slow link": "a b", "delay": ""}, r"^commands\[0\].delay: '' is not a duration such as", True),
        ({"slow link": "a b", "loss": "1%"}, r"^commands\[0\].loss: must be a count of a million, not '1%'$", False),
        ({"drift": "a"}, r"^commands\[0\].rate: must be parts of a million, such as 100, .*, not None$", False),
        ({"drift": "a", "rate": "1"}, r"^commands\[0\].rate: must be parts of a million, .*, not '1'$", False),
        ({"drift": "a", "rate": 1, "until": 5}, r"^commands\[0\].until: must be a duration such as", False),
        ({"kill": "web"}, "'web' is not of the form pod/web-1, sandbox/web-1 or kubelet/node-1$", False),
        ({"kill": "pod/web"}, r"^commands\[0\].container: must be text, not None$", True),
        ({"kill": "etcd/a", "container": "b"}, "'etcd/a' is a process: it has neither container nor namespace$", True),
    ],
)
def test_what_is_wrong_with_a_command_of_kubectl_s(row, words, valid):
    document = commands({"at": "5s", **row})
    with pytest.raises(ScriptError, match=words):
        parse(document)
    assert agrees(document) is valid


def test_what_kubectl_prints_and_objects_to():
    errand = errand_of("rollout pause", ("deploy/web",))
    lines = []
    paused = {**WEB, "spec": {**WEB["spec"], "paused": True}}
    requests, answer = played(running(errand, 0, lines.append), Response(200, live()), Response(200, live()))
    assert (len(requests), lines, answer.ok) == (2, ["deployment.apps/web paused"], True)
    with pytest.raises(ReconcileError, match="is already paused"):
        played(running(errand, 0, lines.append), Response(200, settled_in(convert.load(paused).object, "default")))


def test_times_do_not_go_back():
    with pytest.raises(ScriptError, match=r"commands\[1\].at: 1s comes after 2s"):
        parse(commands({"at": "2s", "stop host": "a"}, {"at": "1s", "start host": "a"}))


def test_hosts_are_events():
    assert event_of(Power("a", on=True)) == StartHost("a")
    assert event_of(Power("a", on=False)) == StopHost("a")
    assert event_of(Delete(TARGET)) is None


def played(asking, *answers):
    """Play requests against answers; give the requests, and what came of them."""
    requests = [next(asking)]
    for answer in answers:
        try:
            requests.append(asking.send(answer))
        except StopIteration as end:
            return requests, end.value
    raise AssertionError(f"more answers are wanted, for {requests[-1]}")


def live(**more):
    return settled_in(convert.load({**WEB, **more}).object, "default")


def test_scale_is_one_request():
    (request,), answer = played(requests_of(Scale(TARGET, 5)), Response(200, "scaled"))
    assert (request.verb, request.resource, request.subresource, request.name) == (
        "patch", "deployments.apps", "scale", "web",
    )  # fmt: skip
    assert answer == Response(200, "scaled")


def test_set_image_reads_first():
    (get, patch), _ = played(requests_of(SetImage(TARGET, Map({"x": "x:2"}))), Response(200, live()), Response(200))
    assert (get.verb, patch.verb) == ("get", "patch")
    containers = patch.body["spec"]["template"]["spec"]["containers"]
    assert [row["image"] for row in containers] == ["x:2", "y:1"]
    assert containers[0]["env"] == (Map({"name": "A"}),)


def test_set_image_that_is_there_already_asks_nothing():
    (get,), answer = played(requests_of(SetImage(TARGET, Map({"x": "x:1"}))), Response(200, live()))
    assert get.verb == "get"
    assert answer.ok


def test_set_image_of_what_is_not_there():
    gone = Response(404, statuses.not_found("deployments.apps", "web"))
    assert played(requests_of(SetImage(TARGET, Map({"x": "x:2"}))), gone)[1] is gone


def test_images_of_a_pod_and_a_cron_job():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "a"}], "initContainers": [{"name": "i", "image": "a"}]}}  # fmt: skip
    assert images_patch(convert.load(pod).object, {"*": "b"}) == {
        "spec": {"containers": [{"name": "c", "image": "b"}], "initContainers": [{"name": "i", "image": "b"}]}
    }
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": {
        "schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": pod["spec"]}}}}}  # fmt: skip
    patch = images_patch(convert.load(cron).object, {"i": "b"})
    assert list(patch["spec"]["jobTemplate"]["spec"]["template"]["spec"]) == ["initContainers"]


def test_images_of_containers_that_are_not_there():
    with pytest.raises(ReconcileError, match="'z'; there are x, y"):
        images_patch(live(), {"z": "z"})
    with pytest.raises(ReconcileError, match="ConfigMap has no containers"):
        images_patch(
            convert.load({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}).object, {"z": "z"}
        )


def test_apply_creates():
    missing = Response(404, statuses.not_found("deployments.apps", "web"))
    (get, create), _ = played(applying(live()), missing, Response(201))
    assert (get.verb, create.verb) == ("get", "create")
    assert '"name":"web"' in create.body.metadata.annotations[LAST_APPLIED]


def test_apply_patches_what_differs():
    there = attrs.evolve(live(), spec=attrs.evolve(live().spec, replicas=7))
    wanted = attrs.evolve(live(), spec=attrs.evolve(live().spec, replicas=2))
    (_, patch), _ = played(applying(wanted), Response(200, there), Response(200))
    assert patch.verb == "patch"
    assert patch.body["spec"] == Map({"replicas": 2})


def test_apply_of_what_is_applied_already():
    missing = Response(404, statuses.not_found("deployments.apps", "web"))
    (_, create), _ = played(applying(live()), missing, Response(201))
    (get,), answer = played(applying(live()), Response(200, create.body))
    assert get.verb == "get"
    assert answer.body is create.body


def test_a_name_to_be_drawn_cannot_be_applied():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}, "spec": {"containers": []}}
    with pytest.raises(ReconcileError, match=r"^from p-: cannot use generate name with apply$"):
        settled_in(convert.load(pod).object, "shop")


def test_a_namespace_is_no_matter_of_what_is_the_clusters_own():
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "namespace": "shop"}}
    assert settled_in(convert.load(node).object, "other").metadata.namespace is None


def test_namespaces_are_given_where_there_is_none():
    assert live().metadata.namespace == "default"
    assert settled_in(live(), "shop").metadata.namespace == "default"
    node = convert.load({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}).object
    assert settled_in(node, "shop") is node
