"""Applications in containers, in a whole cluster."""

import attrs
import pytest

from reconcile import Cluster, Recorder, Topology, apply, ask, choices, delete, replay, run, settle, step
from reconcile.components import election
from reconcile.components.applications import (
    Application,
    Failed,
    Interest,
    Keep,
    Listen,
    Log,
    Place,
    Received,
    Reply,
    Returned,
    Send,
    Terminating,
)
from reconcile.driver.wire import from_json, to_json
from reconcile.effects import Exit, SetTimer
from reconcile.events import (
    Carry,
    ClusterEvent,
    CutLink,
    Disconnect,
    DropMessage,
    Freeze,
    KillContainer,
    RemoveManifest,
    SetClock,
    Started,
    StopHost,
    StopProcess,
    Thaw,
    TimerFired,
    Watched,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

TICK = SetTimer(("tick",), 0, periodic=True)


@attrs.frozen
class Counting:
    """Counts what it is sent, and keeps that on its volume; a client among them sends each second."""

    place: Place
    count: int = 0


def begin(place):
    return Counting(place, place.volumes.get("/data", {}).get("count", 0))


def stepped(state, event):
    now, client = event.now, state.place.environment.get("ASK")
    match event:
        case Started():
            up = Log(f"attempt {state.place.attempt} begins with {state.count}")
            return state, (up, attrs.evolve(TICK, at=now + SECOND)) if client else (up, Listen(80))
        case TimerFired():
            return state, (Send(client, 80, "more", ("asked",)), attrs.evolve(TICK, at=now + SECOND))
        case Received():
            state = attrs.evolve(state, count=state.count + 1)
            return state, (Keep("/data", "count", state.count), Reply(event.connection, state.count))
        case Returned(_, _, body):
            return attrs.evolve(state, count=body), ()
        case Failed():
            return state, (Log(event.why),)
        case Terminating():
            return state, (Log("goodbye"), Exit(3, "told to"))
        case Watched():
            return state, (Log(f"{len(event.changes)} changes"),)


counter = Application(
    name="counter",
    begin=begin,
    step=stepped,
    answers=lambda state, action, now: action != "GET :80/broken",
    watches=lambda state: (Interest("pods", "default"),) if state.place.environment.get("WATCH") else (),
    graceful=True,
)
abrupt = attrs.evolve(counter, name="abrupt", graceful=False)
TOPOLOGY = Topology(
    nodes=2, heartbeats=False, behaviours={"images": {"counter:*": "component counter", "abrupt:*": "component abrupt"}}
)


def pod(name, image="counter:1", node="node-2", path="/", **environment):
    container = {
        "name": "c",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"httpGet": {"port": 80, "path": path}, "periodSeconds": 1},
    }
    spec = {"volumes": [{"name": "data", "emptyDir": {}}], "containers": [container], "nodeName": node}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
WEB, CLIENT = "default/web/c/node-2", "default/client/c/node-1"


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(TOPOLOGY, seed=3, controllers=(counter, abrupt))).cluster


@pytest.fixture(scope="module")
def ready(booted):
    cluster = booted
    for manifest in (pod("web"), SERVICE, pod("client", node="node-1", ASK="web")):
        cluster, response = apply(cluster, manifest)
        assert response.ok
    return settle(cluster).cluster


def after(cluster, seconds):
    return run(cluster, until=cluster.now + seconds * SECOND).cluster


def count(cluster, process):
    return next(state.count for name, _, state in cluster.applications("counter") if name == process)


def ready_condition(cluster, name):
    conditions = cluster.get("pods", name).status.conditions
    return next(each.status for each in conditions if each.type == "Ready")


def test_it_is_reached_by_its_service_and_replies(ready):
    later = after(ready, 5)
    assert count(later, WEB) - count(ready, WEB) == 5
    assert count(later, CLIENT) == count(later, WEB)
    assert later.get("pods", "web").status.phase == "Running"


def test_killed_it_forgets_all_but_its_volume(ready):
    before = after(ready, 3)
    cluster, _ = step(before, KillContainer("default/web", "c"))
    cluster = settle(cluster).cluster
    assert count(cluster, WEB) >= count(before, WEB) > 0
    assert cluster.written("web", "c")[1] == f"attempt 1 begins with {count(before, WEB)}"
    status = cluster.get("pods", "web").status.container_statuses[0]
    assert status.restart_count == 1
    assert status.last_state.terminated.exit_code == 137


def test_a_pods_own_volume_goes_with_it(ready):
    assert len(ready.programs.volumes) == 1
    cluster, _ = ask(ready, delete("pods", "web"))
    cluster = settle(cluster).cluster
    assert not cluster.programs.volumes
    assert cluster.applications("counter")[0][0] == CLIENT
    assert "default/web/c/node-2" not in cluster.programs.listeners.values()


def test_it_hears_that_it_is_to_end_and_ends_as_it_says(ready):
    cluster, _ = ask(ready, delete("pods", "web"))
    steps = 0
    while not any("goodbye" in line for line in cluster.written("web", "c")) and steps < 200:
        cluster, steps = step(cluster, choices(cluster)[0])[0], steps + 1
    assert cluster.written("web", "c")[-1] == "goodbye"
    assert WEB not in cluster.processes


def test_without_grace_the_signal_ends_it(booted):
    cluster, _ = apply(booted, pod("web", image="abrupt:1"))
    cluster = settle(cluster).cluster
    began = cluster.now
    cluster, _ = ask(cluster, delete("pods", "web"))
    cluster = settle(cluster).cluster
    assert cluster.get("pods", "web") is None
    assert cluster.now - began < SECOND


def test_a_frozen_one_is_killed_when_its_grace_is_over(ready):
    cluster, _ = step(ready, Freeze(WEB))
    began = cluster.now
    cluster, _ = ask(cluster, delete("pods", "web"))
    cluster = settle(cluster).cluster
    assert cluster.get("pods", "web") is None
    assert cluster.now - began >= 30 * SECOND


def test_frozen_it_does_nothing_and_catches_up_when_it_is_thawed(ready):
    cluster, _ = step(ready, Freeze(WEB))
    later = after(cluster, 4)
    assert count(later, WEB) == count(ready, WEB)
    assert ready_condition(later, "web") == "False"  # it answers no probe
    later, _ = step(later, Thaw(WEB))
    assert count(later, WEB) == count(ready, WEB) + 3  # then it was not ready any more: it was sent no more
    assert count(after(later, 3), CLIENT) > count(ready, CLIENT)


def test_what_cannot_be_frozen(ready):
    with pytest.raises(ReconcileError, match="cannot be frozen"):
        step(ready, Freeze("runtime/node-1"))
    frozen, _ = step(ready, Freeze(WEB))
    with pytest.raises(ReconcileError, match="is frozen already"):
        step(frozen, Freeze(WEB))
    with pytest.raises(ReconcileError, match="is not frozen"):
        step(ready, Thaw(WEB))
    assert WEB not in step(frozen, StopProcess(WEB))[0].processes


def test_a_leader_that_is_frozen_longer_than_its_lease_stops_leading_when_it_is_thawed():
    cluster = settle(Cluster.boot(Topology(nodes=2, masters=2), seed=3)).cluster
    leader = next(name for name in cluster.elections if "scheduler" in name and cluster.processes[name].leading)
    other = next(name for name in cluster.elections if "scheduler" in name and name != leader)
    cluster, _ = step(cluster, Freeze(leader))
    cluster = after(cluster, 30)
    assert cluster.processes[other].leading
    life = cluster.processes[leader].life
    cluster, _ = step(cluster, Thaw(leader))
    assert not election.leads(cluster.elections[leader])
    found = after(cluster, 1).processes.get(leader)
    assert found is None or found.life != life  # it looked at the lock once more, and ended


def test_a_scheduler_that_is_told_to_end_lets_go_of_its_lock():
    cluster = settle(Cluster.boot(Topology(nodes=2, masters=2), seed=3)).cluster
    holder = cluster.get("leases", "kube-scheduler", namespace="kube-system").spec.holder_identity
    host = holder.partition("_")[0]
    cluster, _ = step(cluster, RemoveManifest(host, "kube-system/kube-scheduler"))
    cluster = after(cluster, 5)  # and not fifteen, until it runs out
    after_it = cluster.get("leases", "kube-scheduler", namespace="kube-system").spec.holder_identity
    assert after_it
    assert not after_it.startswith(host)


def test_a_host_that_is_cut_off_loses_what_it_is_sent(ready):
    cluster, _ = step(ready, CutLink("node-1", "node-2"))
    later = after(cluster, 5)
    assert count(later, WEB) == count(ready, WEB)
    assert later.written("client", "c") == ready.written("client", "c")  # it hears nothing at all
    cluster, _ = step(ready, Disconnect("node-2"))
    assert count(after(cluster, 5), WEB) == count(ready, WEB)


def test_a_host_without_power_ends_its_applications(ready):
    cluster, _ = step(ready, StopHost("node-2"))
    assert WEB not in cluster.processes
    assert list(cluster.programs.listeners) == []


def test_where_nobody_listens_it_is_refused_and_a_name_that_is_none_is_not_found(booted):
    cluster = booted
    for manifest in (pod("web"), pod("deaf", ASK="nobody.default.svc.cluster.local"), pod("lost", ASK="10.128.1.2")):
        cluster, _ = apply(cluster, manifest)
    cluster = after(settle(cluster).cluster, 3)
    web = cluster.get("pods", "web").status.pod_ip
    assert cluster.written("deaf", "c")[-1].endswith(
        "lookup nobody.default.svc.cluster.local on 10.96.0.10:53: no such host"
    )
    assert web == "10.128.1.2"
    assert count(cluster, WEB) > 0  # by its address
    cluster, _ = ask(cluster, delete("pods", "web"))
    cluster = after(cluster, 5)
    lost = cluster.written("lost", "c")[-1]
    assert "attempt 0" in lost or lost.endswith("connection refused")


def test_a_message_can_be_lost_and_late(ready):
    cluster = ready
    while not (
        found := [each for each in choices(cluster) if isinstance(each, Carry) and "client" in _what(cluster, each)]
    ):
        cluster = step(cluster, choices(cluster)[0])[0]
    lost, _ = step(cluster, DropMessage(found[0].message))
    carried, _ = step(cluster, found[0])
    assert count(carried, WEB) == count(cluster, WEB) + 1
    assert count(settle(lost).cluster, WEB) == count(cluster, WEB)


def _what(cluster, choice):
    return getattr(cluster.pending[choice.message], "process", "")


def test_probes_ask_the_application(booted):
    cluster, _ = apply(booted, pod("web", path="/broken"))
    cluster = settle(cluster).cluster
    assert ready_condition(cluster, "web") == "False"


def test_it_watches_as_its_service_account_once_it_may(booted):
    cluster, _ = apply(booted, pod("watcher", WATCH="yes"))
    cluster = after(settle(cluster).cluster, 3)
    said = cluster.written("watcher", "c")[-1]
    assert said.startswith("Failed to watch pods: failed to list pods: pods is forbidden: User ")
    assert '"system:serviceaccount:default:default" cannot list resource "pods"' in said
    role = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
    api, meta = "rbac.authorization.k8s.io/v1", {"name": "sees-pods"}
    for manifest in (
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": [role]},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees-pods"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        },
    ):
        cluster, response = apply(cluster, manifest)
        assert response.ok
    cluster = after(cluster, 31)
    assert cluster.written("watcher", "c")[-1] == "1 changes"


def test_its_clock_is_its_hosts(ready):
    cluster, _ = step(ready, SetClock("node-2", 60 * SECOND))
    assert cluster.processes[WEB].skew == 60 * SECOND


def test_a_behaviour_that_names_nothing_that_is_given_is_refused():
    with pytest.raises(ReconcileError, match=r"component 'abrupt' is none of the applications that are given \(none\)"):
        Cluster.boot(TOPOLOGY)


def test_a_run_with_applications_replays():
    lines = []
    recorder = Recorder(Cluster.boot(TOPOLOGY, seed=3, controllers=(counter, abrupt)), lines.append)
    recorder.settle()
    for manifest in (pod("web"), SERVICE, pod("client", node="node-1", ASK="web")):
        recorder.apply(manifest)
    recorder.settle()
    recorder.step(Freeze(WEB))
    recorder.run(until=recorder.cluster.now + 3 * SECOND)
    recorder.step(Thaw(WEB))
    recorder.end()
    assert replay([line.encode() for line in lines], controllers=(counter, abrupt)).identical


@pytest.mark.parametrize("event", [Freeze(WEB), Thaw(WEB)])
def test_its_faults_have_a_form_in_json(event):
    assert from_json(to_json(event), ClusterEvent) == event


def test_an_application_is_told_of_services_and_so_is_a_command_that_names_one(ready):
    named = pod("named", image="counter:1", AT="$(WEB_SERVICE_HOST)", WEB_SERVICE_PORT="own")
    named["spec"]["containers"][0]["args"] = ["--api=$(KUBERNETES_SERVICE_HOST)"]
    cluster, response = apply(ready, named)
    assert response.ok
    cluster = settle(cluster).cluster
    states = {name: state for name, _, state in cluster.applications("counter")}
    place = states["default/named/c/node-2"].place
    address = cluster.get("services", "web").spec.cluster_ip
    assert (place.environment["AT"], place.environment["WEB_SERVICE_HOST"]) == (address, address)
    assert place.environment["WEB_SERVICE_PORT"] == "own"
    assert place.args == ("--api=10.96.0.1",)
    assert states[CLIENT].place.environment["WEB_PORT_80_TCP"] == f"tcp://{address}:80"
