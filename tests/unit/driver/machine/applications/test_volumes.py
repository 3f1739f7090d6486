"""Volumes of containers with applications: files that follow what they show, reading again, subPath."""

import attrs
import pytest

from reconcile import Cluster, Topology, apply, ask, delete, patch, run, settle, step
from reconcile.components.applications import Application, Found, Keep, Log, Read
from reconcile.effects import SetTimer
from reconcile.events import Freeze, KillContainer, Started, StartProcess, StopProcess, Thaw, TimerFired
from reconcile.lib.instant import MINUTE, SECOND

KUBELET = "kubelet/node-1"
SETTINGS = "configmaps/default/settings"


def stepped(place, event):
    """Read the volumes every second; write to one of them."""
    match event:
        case Started():
            said = [Log(f"{path}: {sorted(files.items())}") for path, files in sorted(place.volumes.items())]
            return place, (*said, SetTimer(("tick",), event.now + SECOND, periodic=True))
        case TimerFired():
            path = place.environment.get("READ", "")
            tick = SetTimer(("tick",), event.now + SECOND, periodic=True)
            return place, (Read(path), tick) if path else (Keep("/data", "seen", place.container), tick)
        case Found():
            return place, (Log(f"{event.path} {dict(event.files)}"),)
    return place, ()


patient = Application(name="patient", begin=lambda place: place, step=stepped)
eager = attrs.evolve(patient, name="eager", follows=True)
BEHAVIOURS = {"images": {"patient:*": "component patient", "eager:*": "component eager"}}


def config(text="1", name="settings", **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": text}, **more}


def pod(image="eager:1", name="web", source=None, mounts=(), **environment):
    rows = [{"name": "v", "mountPath": "/v"}, {"name": "d", "mountPath": "/data"}, *mounts]
    env = [{"name": key, "value": value} for key, value in environment.items()]
    container = {"name": "c", "image": image, "volumeMounts": rows, "env": env}
    volumes = [{"name": "v", **(source or {"configMap": {"name": "settings"}})}, {"name": "d", "emptyDir": {}}]
    spec = {"volumes": volumes, "containers": [container], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def booted():
    topology = Topology(nodes=1, heartbeats=False, behaviours=BEHAVIOURS, kubelet={"syncFrequency": "10s"})
    return settle(Cluster.boot(topology, seed=3, controllers=(patient, eager))).cluster


def given(cluster, *manifests):
    for manifest in manifests:
        cluster, response = apply(cluster, manifest)
        assert response.ok, response.body.message
    return cluster


def logged(cluster, name="web"):
    return cluster.written(name, "c")


def after(cluster, duration):
    return run(cluster, until=cluster.now + duration).cluster


@pytest.fixture(scope="module")
def running(booted):
    return settle(given(booted, config(), pod())).cluster


def test_an_application_hears_that_its_files_were_written_anew(running):
    changed = given(running, config("2"))
    assert logged(after(changed, SECOND // 10)) == logged(running)
    assert logged(settle(changed).cluster)[-1] == "/v {'a': '2'}"
    assert len(logged(settle(changed).cluster)) == len(logged(running)) + 1


def test_one_that_does_not_follow_them_reads_them_again(booted):
    cluster = settle(given(booted, config(), pod("patient:1", READ="/v"))).cluster
    assert set(logged(cluster)[2:]) <= {"/v {'a': '1'}"}
    later = after(given(cluster, config("2")), 20 * SECOND)
    assert logged(later)[-1] == "/v {'a': '2'}"


def test_what_another_container_writes_is_read_there(booted):
    both = pod("patient:1", READ="/data")
    both["spec"]["containers"].append({**both["spec"]["containers"][0], "name": "other", "env": []})
    cluster = after(settle(given(booted, config(), both)).cluster, 3 * SECOND)
    assert logged(cluster)[-1] == "/data {'seen': 'other'}"


def test_what_is_not_mounted_cannot_be_read(booted):
    cluster = after(settle(given(booted, config(), pod("patient:1", READ="/nowhere"))).cluster, 3 * SECOND)
    assert logged(cluster)[-1] == "open /nowhere: no such file or directory"


def test_a_part_of_a_volume_stays_until_its_container_starts_anew(booted):
    mounts = [{"name": "v", "mountPath": "/one", "subPath": "a"}, {"name": "v", "mountPath": "/dir", "subPath": "x"}]
    source = {"configMap": {"name": "settings", "items": [{"key": "a", "path": p} for p in ("a", "x/y")]}}
    web = pod("patient:1", source=source, mounts=mounts, READ="/one")
    cluster = settle(given(booted, config(), web)).cluster
    begun = ["/data: []", "/dir: [('y', '1')]", "/one: [('', '1')]", "/v: [('a', '1'), ('x/y', '1')]"]
    assert list(logged(cluster)[:4]) == begun
    cluster = after(given(cluster, config("2")), 20 * SECOND)
    assert logged(cluster)[-1] == "/one {'': '1'}"
    killed = KillContainer("default/web", "c")
    again = after(step(cluster, killed)[0], 20 * SECOND)
    assert logged(again)[-1] == "/one {'': '2'}"


def test_a_secret_is_shown_decoded(booted):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"word": "YWJj"}}
    cluster = settle(given(booted, secret, pod(source={"secret": {"secretName": "key"}}))).cluster
    assert logged(cluster)[1] == "/v: [('word', 'abc')]"


def test_what_shows_the_pod_alone_follows_it(booted):
    source = {"downwardAPI": {"items": [{"path": "all", "fieldRef": {"fieldPath": "metadata.annotations"}}]}}
    cluster = settle(given(booted, pod(source=source))).cluster
    cluster, _ = ask(cluster, patch("pods", "web", {"metadata": {"annotations": {"b": 'say "x"', "a": "1"}}}))
    said = logged(after(cluster, SECOND))[-1]
    assert said.startswith(r"""/v {'all': 'a="1"\nb="say \\"x\\""\nkubectl.kubernetes.io/""")


def test_what_is_immutable_is_not_watched(booted):
    cluster = settle(given(booted, config(immutable=True), pod())).cluster
    assert SETTINGS not in cluster.processes[KUBELET].watches
    cluster, _ = ask(cluster, delete("configmaps", "settings"))
    cluster = settle(given(cluster, config("2"))).cluster
    assert logged(cluster)[-1] == "/v: [('a', '1')]"


def test_what_becomes_immutable_is_watched_no_more(running):
    cluster = settle(given(running, config("2", immutable=True))).cluster
    assert logged(cluster)[-1] == "/v {'a': '2'}"
    assert SETTINGS not in cluster.processes[KUBELET].watches


def test_it_is_watched_until_the_last_pod_that_shows_it_has_ended(running):
    cluster = settle(given(running, pod(name="other"))).cluster
    for name, left in (("web", True), ("other", False)):
        cluster, _ = ask(cluster, delete("pods", name))
        cluster = settle(cluster).cluster
        assert (SETTINGS in cluster.processes[KUBELET].watches) is left
    state = cluster.states[KUBELET]
    assert not state.seldom.following
    assert not state.seldom.shown
    assert not [key for key, _ in cluster.programs.volumes.items() if key.startswith("shown/")]


def test_what_is_gone_is_tried_again_and_comes_back(running):
    cluster, _ = ask(running, delete("configmaps", "settings"))
    cluster = after(cluster, MINUTE)
    told = [each.message for each in cluster.store.table("events").values() if each.reason == "FailedMount"]
    assert told == ['MountVolume.SetUp failed for volume "v" : configmap "settings" not found']
    assert logged(cluster) == logged(running)
    assert logged(settle(given(cluster, config("3"))).cluster)[-1] == "/v {'a': '3'}"


def test_a_kubelet_that_starts_again_brings_them_up_to_date_at_once(running):
    down = step(running, StopProcess(KUBELET))[0]
    down = given(down, config("4"))
    up = after(step(down, StartProcess(KUBELET))[0], 2 * SECOND)
    assert logged(up)[-1] == "/v {'a': '4'}"
    same = after(step(step(running, StopProcess(KUBELET))[0], StartProcess(KUBELET))[0], MINUTE)
    assert logged(same) == logged(running)
    assert SETTINGS in same.processes[KUBELET].watches


def test_one_that_is_paused_hears_of_it_when_it_goes_on(running):
    frozen = step(running, Freeze("default/web/c/node-1"))[0]
    changed = settle(given(frozen, config("5"))).cluster
    assert logged(changed) == logged(running)
    assert logged(after(step(changed, Thaw("default/web/c/node-1"))[0], SECOND))[-1] == "/v {'a': '5'}"
