"""The simulated container runtime: each order is answered, and images do what they are said to do."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components import world
from reconcile.effects import (
    CancelTimer,
    EndProcess,
    LaunchProcess,
    ProbeContainer,
    PullImage,
    Report,
    RunPodSandbox,
    SetTimer,
    SignalProcess,
    StartContainer,
    StopContainer,
    StopPodSandbox,
)
from reconcile.events import (
    ContainerExited,
    ContainerStarted,
    ImagePulled,
    ImagePullFailed,
    Ordered,
    Probed,
    SandboxFailed,
    SandboxLost,
    SandboxReady,
    SandboxRemoved,
    TimerFired,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host

START = StartContainer("u", "web", "web:1", 0, "default/web")


@pytest.fixture
def runtime():
    class Runtime:
        """Orders go in; reports and whatever else leaves come out, timers having fired in time."""

        def __init__(self, behaviour="default", host=None, sandbox="0s", containers=()):
            host = host or Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24")
            behaviours = Behaviours.parse({"sandbox": sandbox, "images": {"web": behaviour}, "containers": containers})
            self.state = world.begin(host, behaviours, Dice(1, "runtime/node-1"))
            self.now = 0
            self.timers = {}

        def order(self, *orders, until=None):
            said = []
            for order in orders:
                said += self.take(*world.step(self.state, Ordered(self.now, order)))
                while self.timers and until is None:
                    said += self.fire()
            while self.timers and min(self.timers.values()) <= (until or 0):
                said += self.fire()
            self.now = max(self.now, until or 0)
            return said

        def fire(self):
            key, at = min(self.timers.items(), key=lambda row: row[1])
            del self.timers[key]
            self.now = at
            return self.take(*world.step(self.state, TimerFired(at, key)))

        def take(self, state, effects):
            self.state = state
            said = []
            for effect in effects:
                if isinstance(effect, SetTimer):
                    self.timers[effect.key] = effect.at
                elif isinstance(effect, CancelTimer):
                    self.timers.pop(effect.key, None)
                else:
                    said.append(effect.report if isinstance(effect, Report) else effect)
            return said

    return Runtime


def test_addresses_go_round_and_come_back(runtime):
    runtime = runtime(host=Host(name="n", ip="192.168.0.1", pod_cidr="10.0.0.0/29"))
    ips = [runtime.order(RunPodSandbox("p", uid))[0].ip for uid in "abcde"]
    assert ips == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
    (failed,) = runtime.order(RunPodSandbox("p", "f"))
    assert (type(failed), failed.uid) == (SandboxFailed, "f")
    assert failed.message.endswith("no IP addresses available in range set: 10.0.0.1-10.0.0.6")
    assert runtime.order(StopPodSandbox("f"), StopPodSandbox("b")) == [SandboxRemoved("f"), SandboxRemoved("b")]
    assert runtime.order(RunPodSandbox("p", "g")) == [SandboxReady("g", "10.0.0.3")]


def test_a_sandbox_that_was_lost_is_made_anew_with_another_address(runtime):
    runtime = runtime()
    runtime.order(RunPodSandbox("p", "a"), StartContainer("a", "c", "web:1", 0, "p"))
    runtime.state, effects = world.lost(runtime.state, "a")
    assert effects == (Report(SandboxLost("a")),)
    assert world.lost(runtime.state, "a") is None
    assert world.running(runtime.state, "a") == ("c",)
    assert [pod.lost for pod in world.containers(runtime.state).pods] == [True]
    assert runtime.order(RunPodSandbox("p", "a")) == [SandboxReady("a", "10.244.1.3")]
    assert [(pod.lost, pod.containers) for pod in world.containers(runtime.state).pods] == [(False, ())]
    assert runtime.order(RunPodSandbox("p", "b")) == [SandboxReady("b", "10.244.1.4")]


def test_a_sandbox_that_was_lost_can_be_removed(runtime):
    runtime = runtime()
    runtime.order(RunPodSandbox("p", "a"))
    runtime.state, _ = world.lost(runtime.state, "a")
    assert runtime.order(StopPodSandbox("a")) == [SandboxRemoved("a")]
    assert world.containers(runtime.state).pods == ()
    assert world.lost(runtime.state, "a") is None


def test_a_pod_on_the_hosts_network_has_the_hosts_address(runtime):
    assert runtime().order(RunPodSandbox("p", "a", host_network=True)) == [SandboxReady("a", "192.168.0.1")]


def test_a_sandbox_may_take_its_time_and_is_not_made_twice(runtime):
    runtime = runtime(sandbox="2s")
    assert runtime.order(RunPodSandbox("p", "a"), until=SECOND) == []
    assert runtime.order(RunPodSandbox("p", "a")) == [SandboxReady("a", "10.244.1.2")]
    assert runtime.order(RunPodSandbox("p", "a")) == [SandboxReady("a", "10.244.1.2")]
    assert runtime.now == 2 * SECOND


def test_an_image_that_is_there_is_pulled_sooner(runtime):
    runtime = runtime("pull 3s, again 1s, size 5")
    assert runtime.order(PullImage("u", "web", "web:1")) == [ImagePulled("u", "web", "web:1", False, 3 * SECOND, 5)]
    assert runtime.order(PullImage("u", "web", "web:1")) == [ImagePulled("u", "web", "web:1", False, SECOND, 5)]
    assert world.images(runtime.state) == {"web:1": 5}
    assert world.images(world.rebooted(runtime.state)) == {"web:1": 5}


def test_an_absent_image_cannot_be_pulled(runtime):
    (report,) = runtime("absent, pull 1s").order(PullImage("u", "web", "web:1"))
    assert isinstance(report, ImagePullFailed)
    assert '"docker.io/library/web:1"' in report.message


def test_images_of_the_control_plane_are_there():
    container = core_v1.Container(name="etcd", image="registry.k8s.io/etcd:3.6.6-0")
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="etcd"), spec=core_v1.PodSpec(containers=(container,)))
    host = Host(name="n", ip="10.0.0.1", pod_cidr="10.0.0.0/24", manifests=(pod,))
    assert list(world.images(world.begin(host, Behaviours.default(), Dice(1, "n")))) == ["registry.k8s.io/etcd:3.6.6-0"]


def test_a_container_starts_and_ends_as_its_behaviour_says(runtime):
    runtime = runtime("start 2s, exit 3 after 5s")
    _, started, exited = runtime.order(RunPodSandbox("p", "u"), START)
    assert isinstance(started, ContainerStarted)
    assert started.container_id.startswith("containerd://")
    assert len(started.container_id) == len("containerd://") + 64
    assert exited == ContainerExited("u", "web", started.container_id, 3, "Error")
    assert runtime.now == 7 * SECOND


def test_a_container_that_is_started_twice_runs_once(runtime):
    runtime = runtime()
    _, first = runtime.order(RunPodSandbox("p", "u"), START)
    (second,) = runtime.order(START)
    assert first == second


def test_ids_are_the_same_in_each_run_and_differ_between_starts(runtime):
    one, two = runtime("exit 1 after 1s"), runtime("exit 1 after 1s")
    again = StartContainer("u", "web", "web:1", 1, "default/web")
    first = [
        row.container_id
        for row in one.order(RunPodSandbox("p", "u"), START, again)
        if isinstance(row, ContainerStarted)
    ]
    second = [
        row.container_id
        for row in two.order(RunPodSandbox("p", "u"), START, again)
        if isinstance(row, ContainerStarted)
    ]
    assert first == second
    assert len(set(first)) == 2


@pytest.mark.parametrize(
    ("behaviour", "grace", "code", "after"),
    [
        ("stop 2s", 30, 0, 2),
        ("stop 2s with code 143", 30, 143, 2),
        ("stop 40s", 30, 137, 30),
        ("ignores SIGTERM", 10, 137, 10),
        ("stop 2s", 0, 137, 0),
        ("stop 2s, exit 9 after 1s", 30, 0, 2),
    ],
)
def test_a_container_is_stopped_within_its_grace(runtime, behaviour, grace, code, after):
    runtime = runtime(f"start 0s, {behaviour}")
    runtime.order(RunPodSandbox("p", "u"), START, until=0)
    (exited,) = runtime.order(StopContainer("u", "web", grace * SECOND))
    assert (exited.code, exited.reason) == (code, "Error" if code else "Completed")
    assert runtime.now == after * SECOND


@pytest.mark.parametrize(
    ("script", "code", "after"),
    [("trap '' TERM; sleep 3600", 137, 10), ("trap '' TERM; trap - TERM; sleep 3600", 0, 1), ("sleep 3600", 0, 1)],
)
def test_a_command_may_ignore_sigterm(runtime, script, code, after):
    runtime = runtime("start 0s")
    runtime.order(RunPodSandbox("p", "u"), replace(START, command=("sh", "-c", script)), until=0)
    assert runtime.order(StopContainer("u", "web", 10 * SECOND), until=after * SECOND - 1) == []
    (exited,) = runtime.order(until=after * SECOND)
    assert exited.code == code


def test_a_shorter_grace_counts(runtime):
    runtime = runtime("start 0s, ignores SIGTERM")
    runtime.order(RunPodSandbox("p", "u"), START, until=0)
    runtime.order(StopContainer("u", "web", 30 * SECOND), until=SECOND)
    runtime.order(StopContainer("u", "web", 60 * SECOND), until=2 * SECOND)
    runtime.order(StopContainer("u", "web", SECOND))
    assert runtime.now == 3 * SECOND


def test_what_is_not_there_has_ended(runtime):
    assert runtime().order(StopContainer("u", "web", SECOND)) == [ContainerExited("u", "web", "", 137, "Error")]
    assert runtime().order(StopPodSandbox("u")) == [SandboxRemoved("u")]
    (failed,) = runtime().order(START)
    assert (failed.code, failed.reason) == (128, "StartError")


def test_a_start_may_fail(runtime):
    runtime = runtime("start fails")
    *_, failed = runtime.order(RunPodSandbox("p", "u"), START)
    assert (failed.code, failed.reason) == (128, "StartError")


def test_probes_tell_what_is_so_by_then(runtime):
    runtime = runtime("start 0s, ready after 5s, readiness fails after 9s, liveness fails after 7s")
    runtime.order(RunPodSandbox("p", "u"), START, until=0)
    seen = []
    for second in (4, 5, 7, 9):
        runtime.now = second * SECOND
        kinds = ("readiness", "startup", "liveness")
        seen.append([row.success for row in runtime.order(*[ProbeContainer("u", "web", kind) for kind in kinds])])
    assert seen == [[False, False, True], [True, True, True], [True, True, False], [False, False, False]]
    assert Probed("u", "web", "liveness", False) in runtime.order(ProbeContainer("u", "web", "liveness"))


def test_a_process_is_launched_with_its_container_and_ends_with_it(runtime):
    runtime = runtime("start 1s, stop 1s, exit 1 after 5s")
    order = StartContainer("u", "web", "web:1", 0, "kube-system/x", process="kube-scheduler")
    _, _, launched = runtime.order(RunPodSandbox("p", "u"), order)
    assert launched == LaunchProcess("kube-scheduler")
    assert runtime.timers == {}  # a process ends when it ends, not when its image would
    signal, _, ended = runtime.order(StopContainer("u", "web", 30 * SECOND))
    assert (signal, ended) == (SignalProcess("kube-scheduler"), EndProcess("kube-scheduler"))
    assert runtime.state.processes == {}


def test_a_process_that_ends_ends_its_container(runtime):
    runtime = runtime("start 0s")
    order = StartContainer("u", "web", "web:1", 0, "kube-system/x", process="kube-scheduler")
    runtime.order(RunPodSandbox("p", "u"), order)
    (exited,) = runtime.take(*world.ended(runtime.state, "kube-scheduler", 2, runtime.now))
    assert (exited.code, exited.reason) == (2, "Error")
    assert runtime.take(*world.ended(runtime.state, "kube-scheduler", 2, runtime.now)) == []


@pytest.mark.parametrize(("delay", "grace", "ends", "code"), [(12, 30, 12, 0), (40, 30, 30, 137)])
def test_an_api_server_goes_on_as_long_as_its_flag_says(runtime, delay, grace, ends, code):
    runtime = runtime("start 0s")
    command = ("kube-apiserver", f"--shutdown-delay-duration={delay}s")
    order = StartContainer("u", "web", "web:1", 0, "kube-system/x", command=command, process="kube-apiserver")
    runtime.order(RunPodSandbox("p", "u"), order)
    assert not world.drains(runtime.state, "kube-apiserver")
    said = runtime.order(StopContainer("u", "web", grace * SECOND), until=0)
    assert world.drains(runtime.state, "kube-apiserver")
    said += runtime.order(until=ends * SECOND)
    (exited,) = [each for each in said if isinstance(each, ContainerExited)]
    assert (exited.code, runtime.now) == (code, ends * SECOND)
    assert not world.drains(runtime.state, "kube-apiserver")


def test_a_sandbox_takes_its_containers_with_it(runtime):
    runtime = runtime("start 0s, exit 1 after 9s")
    order = StartContainer("u", "web", "web:1", 0, "kube-system/x", process="etcd")
    runtime.order(RunPodSandbox("p", "u"), order, START, until=0)
    assert runtime.order(StopPodSandbox("u")) == [EndProcess("etcd"), SandboxRemoved("u")]
    assert runtime.timers == {}
    assert world.containers(runtime.state).pods == ()


def test_logs_are_written_at_the_start(runtime):
    runtime = runtime('start 1s, logs "hello", logs "world"')
    runtime.order(RunPodSandbox("p", "u"))
    assert world.wrote(runtime.state, "u", "web") is None
    runtime.order(START)
    assert world.wrote(runtime.state, "u", "web")[1].logs == ("hello", "world")


# What a container's command says


def ending(runtime, **order):
    """Give what a container reports in the end, when, and whether it was waited for; None if it runs on."""
    lab = runtime(**{key: order.pop(key) for key in ("behaviour", "containers") if key in order})
    lab.order(RunPodSandbox("default/web", "u", labels=order.pop("labels", Map())))
    state, effects = world.step(lab.state, Ordered(0, StartContainer("u", "web", "web:1", 0, "default/web", **order)))
    (start,) = effects
    _, effects = world.step(state, TimerFired(SECOND // 2, start.key))
    timers = [effect for effect in effects if isinstance(effect, SetTimer)]
    if not timers:
        return None
    said = lab.order(StartContainer("u", "web", "web:1", 0, "default/web", **order))
    return said[-1].code, lab.now - SECOND // 2, timers[0].periodic


@pytest.mark.parametrize(
    ("order", "end"),
    [
        ({}, None),
        ({"command": ("server",)}, None),
        ({"args": ("--port", "80")}, None),
        ({"command": ("sh", "-c", "sleep 3; exit 2")}, (2, 3 * SECOND, False)),
        ({"args": ("sh", "-c", "sleep 3; exit 2")}, (2, 3 * SECOND, False)),
        ({"command": ("sleep", "infinity")}, None),
        # What runs for long, and nothing waits for, does not keep a cluster from being at rest.
        ({"command": ("sleep", "599")}, (0, 599 * SECOND, False)),
        ({"command": ("sleep", "3600")}, (0, 3600 * SECOND, True)),
        ({"command": ("sleep", "3600"), "task": True}, (0, 3600 * SECOND, True)),
        ({"command": ("sleep", "3600"), "task": True, "awaited": True}, (0, 3600 * SECOND, False)),
        ({"task": True}, (0, SECOND, False)),
        ({"command": ("migrate",), "task": True}, (0, SECOND, False)),
        ({"command": ("sleep", "infinity"), "task": True}, None),
        # A behaviour's word counts more than the command's.
        ({"task": True, "behaviour": "runs"}, None),
        ({"command": ("false",), "behaviour": "runs"}, None),
        ({"command": ("false",), "behaviour": "exit 5 after 2s"}, (5, 2 * SECOND, False)),
        ({"command": ("sleep", "9"), "behaviour": "ready after 1s"}, (0, 9 * SECOND, False)),
        ({"command": ("sleep", "9"), "behaviour": "exit 5 after 2s with probability 0"}, (0, 9 * SECOND, False)),
    ],
)
def test_a_container_ends_as_its_command_says(runtime, order, end):
    assert ending(runtime, **order) == end


def test_what_single_containers_do_is_asked_before_their_images(runtime):
    rules = [
        {"labels": {"app": "shop"}, "behaviour": 'exit 3 after 1s, logs "hello"'},
        {"command": "server --fast", "behaviour": "runs"},
    ]
    given = {"behaviour": "exit 4 after 1s", "containers": rules}
    assert ending(runtime, **given) == (4, SECOND, False)
    assert ending(runtime, **given, labels=Map({"app": "shop", "a": "b"})) == (3, SECOND, False)
    assert ending(runtime, **given, labels=Map({"app": "shop"}), command=("server",), args=("--fast",)) is None
    lab = runtime(**given)
    lab.order(RunPodSandbox("default/web", "u", labels=Map({"app": "shop"})), START)
    assert world.wrote(lab.state, "u", "web")[1].logs == ("hello",)


def test_labels_are_kept_only_where_a_behaviour_may_ask_for_them(runtime):
    lab = runtime()
    lab.order(RunPodSandbox("default/web", "u", labels=Map({"app": "shop"})))
    assert lab.state.sandboxes["u"].labels == Map()
