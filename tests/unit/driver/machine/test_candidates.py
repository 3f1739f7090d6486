"""How a process is elected, as gates and its own flags say; and the part of an API server that elects."""

import pytest

from reconcile import Cluster, Topology, settle, step
from reconcile.components.election import Candidacy
from reconcile.components.scheduler.configuration import DEFAULTS
from reconcile.driver.machine.candidates import candidacy
from reconcile.events import StopProcess
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model.programs import ELECTOR, Options, read

ON = Map({"CoordinatedLeaderElection": True})
ASKED = DEFAULTS.election


def config_of(kind="kube-scheduler", switched=ON, lock="leases", image="", *flags):
    options = read(kind, tuple(flags), image)
    assert isinstance(options, Options)
    return candidacy(kind, lock, ASKED, options, switched.merge(options.gates))


@pytest.mark.parametrize(
    ("image", "flags", "versions"),
    [
        ("", (), ("1.36.0", "1.36.0")),
        ("kube-scheduler:v1.36.3", (), ("1.36.3", "1.36.0")),
        ("kube-scheduler:v1.35.4", (), ("1.35.4", "1.35.0")),
        ("kube-scheduler:latest", (), ("1.36.0", "1.36.0")),
        ("kube-scheduler:v1.36.3", ("--emulated-version=1.35",), ("1.36.3", "1.35.0")),
        ("kube-scheduler:v1.36.3", ("--emulated-version=kube=1.34",), ("1.36.3", "1.34.0")),
    ],
)
def test_which_version_it_says_that_it_is(image, flags, versions):
    said = config_of("kube-scheduler", ON, "leases", image, *flags).candidacy
    assert said == Candidacy(lease="kube-scheduler", binary_version=versions[0], emulation_version=versions[1])


def test_without_the_gate_or_with_another_lock_it_races():
    assert config_of(switched=Map()).candidacy is None
    assert config_of(lock="configmaps").candidacy is None
    assert (
        config_of("kube-scheduler", ON, "leases", "", "--feature-gates=CoordinatedLeaderElection=false").candidacy
        is None
    )
    own = config_of("kube-scheduler", Map(), "leases", "", "--feature-gates=CoordinatedLeaderElection=true")
    assert own.candidacy is not None


@pytest.mark.parametrize(
    ("kind", "flags", "lets_go"),
    [
        ("kube-scheduler", (), True),
        ("kube-controller-manager", (), False),
        (
            "kube-controller-manager",
            ("--feature-gates=ControllerManagerReleaseLeaderElectionLockOnExit=true",),
            True,
        ),
    ],
)
def test_who_lets_go_of_its_lock_when_it_is_asked_to_end(kind, flags, lets_go):
    assert config_of(kind, Map(), "leases", "", *flags).release_on_cancel is lets_go


def test_the_timings_of_who_elects_are_flags_of_the_api_server():
    flags = ("--coordinated-leadership-lease-duration=9s", "--coordinated-leadership-renew-deadline=6s")
    options = read("kube-apiserver", flags)
    config = candidacy(ELECTOR, "leases", ASKED, options, ON)
    assert (config.name, config.lease_duration, config.renew_deadline, config.retry_period) == (
        "leader-election-controller",
        9 * SECOND,
        6 * SECOND,
        2 * SECOND,
    )


def test_who_elects_goes_with_its_api_server_and_comes_back_when_it_ends():
    cluster = settle(Cluster.boot(Topology(nodes=1, feature_gates=ON), seed=3)).cluster
    name = f"{ELECTOR}/node-1"
    life = cluster.processes[name].life
    assert all(process.leading for process in cluster.processes.values())
    again = settle(step(cluster, StopProcess(name))[0]).cluster
    assert again.processes[name].life > life
    gone, _ = step(cluster, StopProcess("kube-apiserver/node-1"))
    assert name not in gone.processes
    assert f"{ELECTOR}/node-1" not in Cluster.boot(Topology(nodes=1), seed=3).processes
