import pytest

from reconcile.components.controllers import STANDARD
from reconcile.lib.instant import SECOND
from reconcile.model.programs import (
    NONE,
    PROGRAMS,
    Options,
    Refusal,
    controllers_left_out,
    ports_of,
    program_of,
    read,
    version_of,
)
from reconcile.model.programs._facts import ADMISSION, FLAGS, GATES
from reconcile.model.programs.controllers import OWN

KCM = "kube-controller-manager"


def said(program, *words, image=""):
    told = read(program, words, image)
    assert isinstance(told, Refusal), told
    return told.code, "\n".join(told.lines)


def test_every_program_has_flags_and_the_gates_of_two_versions_are_known():
    assert set(FLAGS) == set(PROGRAMS)
    assert FLAGS[KCM]["node-monitor-grace-period"] == "duration"
    assert FLAGS["etcd"]["initial-cluster"] == "string"
    assert GATES["1.36"]["VolumeAttributesClass"] == (True, True)
    assert "StaleControllerConsistencyJob" not in GATES["1.35"]
    assert "NodeRestriction" in ADMISSION


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ((), {}),
        (("--leader-elect=false",), {"leader-elect": "false"}),
        (("--leader-elect", "--v", "4"), {"leader-elect": "true", "v": "4"}),
        (("-v=4",), {"v": "4"}),
        (("--node-monitor-grace-period", "20s"), {"node-monitor-grace-period": "20s"}),
        (("--node_monitor_period=1s", "--node-monitor-period=2s"), {"node-monitor-period": "2s"}),
        (("--controllers=*", "--controllers=-ttl"), {"controllers": "*,-ttl"}),
    ],
)
def test_flags_are_read_as_pflag_reads_them(words, given):
    assert dict(read(KCM, words).given) == given


@pytest.mark.parametrize(
    ("program", "words", "code", "line"),
    [
        (KCM, ("--bogus=1",), 1, "Error: unknown flag: --bogus"),
        (
            "kube-scheduler",
            ("--terminated-pod-gc-threshold=1",),
            1,
            "Error: unknown flag: --terminated-pod-gc-threshold",
        ),
        (KCM, ("-x",), 1, "Error: unknown shorthand flag: 'x' in -x"),
        (KCM, ("--secure-port",), 1, "Error: flag needs an argument: --secure-port"),
        (KCM, ("foo", "bar"), 1, 'Error: "kube-controller-manager" does not take any arguments, got ["foo" "bar"]'),
        (
            KCM,
            ("--leader-elect-lease-duration=abc",),
            1,
            'Error: invalid argument "abc" for "--leader-elect-lease-duration" flag: time: invalid duration "abc"',
        ),
        (
            KCM,
            ("--leader-elect=maybe",),
            1,
            (
                'Error: invalid argument "maybe" for "--leader-elect" flag: strconv.ParseBool: parsing "maybe": '
                "invalid syntax"
            ),
        ),
        (
            KCM,
            ("--concurrent-gc-syncs=99999999999",),
            1,
            (
                'Error: invalid argument "99999999999" for "--concurrent-gc-syncs" flag: strconv.ParseInt: parsing '
                '"99999999999": value out of range'
            ),
        ),
        (
            "kube-apiserver",
            ("--service-node-port-range=abc",),
            1,
            (
                'Error: invalid argument "abc" for "--service-node-port-range" flag: strconv.Atoi: parsing "abc": '
                "invalid syntax"
            ),
        ),
        (
            "kube-apiserver",
            ("--bind-address=abc",),
            1,
            'Error: invalid argument "abc" for "--bind-address" flag: failed to parse IP: "abc"',
        ),
        (
            "kube-apiserver",
            ("--enable-admission-plugins=Foo",),
            1,
            '"command failed" err="enable-admission-plugins plugin \\"Foo\\" is unknown"',
        ),
        (
            "kube-apiserver",
            ("--shutdown-delay-duration=-1s",),
            1,
            '"command failed" err="--shutdown-delay-duration can not be negative value"',
        ),
        (
            "kube-apiserver",
            ("--coordinated-leadership-lease-duration=10s", "--coordinated-leadership-retry-period=11s"),
            1,
            (
                '"command failed" err="[--coordinated-leadership-lease-duration must be greater than '
                "--coordinated-leadership-renew-deadline, --coordinated-leadership-renew-deadline must be greater than "
                '--coordinated-leadership-retry-period]"'
            ),
        ),
        (KCM, ("--feature-gates=Nope=true",), 1, '"command failed" err="unrecognized feature gate: Nope"'),
        (
            KCM,
            ("--feature-gates=GangScheduling=true",),
            1,
            (
                '"command failed" err="GangScheduling is enabled, but depends on features that are disabled: '
                '[GenericWorkload]"'
            ),
        ),
        (KCM, ("--feature-gates=Vol",), 1, '"command failed" err="missing bool value for Vol"'),
        (
            KCM,
            ("--feature-gates=VolumeAttributesClass=false",),
            1,
            '"command failed" err="cannot set feature gate VolumeAttributesClass to false, feature is locked to true"',
        ),
        (
            KCM,
            ("--controllers=nope,-foo",),
            1,
            (
                '"command failed" err="[\\"nope\\" is not in the list of known controllers, '
                '\\"foo\\" is not in the list of known controllers]"'
            ),
        ),
        (KCM, ("--leader-elect-lease-duration=5s",), 2, "panic: leaseDuration must be greater than renewDeadline"),
        (
            KCM,
            ("--leader-elect-resource-lock=endpoints",),
            1,
            '"Error creating lock" err="endpoints lock is removed, migrate to leases"',
        ),
        ("etcd", ("--bogus",), 2, "flag provided but not defined: -bogus"),
        ("etcd", ("--name",), 2, "flag needs an argument: -name"),
        ("etcd", ("--election-timeout=abc",), 2, 'invalid value "abc" for flag -election-timeout: parse error'),
        ("etcd", ("--pre-vote=maybe",), 2, 'invalid boolean value "maybe" for -pre-vote: parse error'),
        (
            "etcd",
            ("--election-timeout=100",),
            1,
            (
                '{"level":"warn","msg":"failed to verify flags","error":"--election-timeout[100ms] should be at least '
                'as 5 times as --heartbeat-interval[100ms]"}'
            ),
        ),
    ],
)
def test_a_program_ends_as_it_really_does_over_what_it_does_not_understand(program, words, code, line):
    assert said(program, *words) == (code, line)


def test_help_and_the_version_are_told_and_that_is_all():
    assert read(KCM, ("--help",)) == Refusal(0, ())
    assert read("etcd", ("--version",)) == Refusal(0, ())


def test_the_version_is_that_of_the_images_tag_and_brings_its_gates():
    assert version_of("registry.k8s.io/kube-scheduler:v1.35.2@sha256:00") == "v1.35.2"
    assert version_of("localhost:5000/kube-scheduler") == ""
    older = read(KCM, (), "registry.k8s.io/kube-controller-manager:v1.35.2")
    assert older.gates["StaleControllerConsistencyJob"] is False
    assert read(KCM, (), "registry.k8s.io/kube-controller-manager:v1.36.0").gates == {}
    gate = "--feature-gates=StaleControllerConsistencyJob=true"
    assert said(KCM, gate, image="x:v1.35.0")[1].endswith('gate: StaleControllerConsistencyJob"')
    assert read(KCM, ("--feature-gates=HPAScaleToZero=true",)).gates == {"HPAScaleToZero": True}


def test_nothing_said_is_nothing():
    assert read("kube-proxy", ()) is NONE
    assert Options().duration("event-ttl", SECOND) == SECOND


def test_whose_command_it_is():
    assert program_of(("/usr/local/bin/kube-proxy", "--v=2")) == "kube-proxy"
    assert program_of(("sh", "-c", "kube-proxy")) == ""
    assert program_of(()) == ""


def test_which_controllers_are_left_out():
    assert controllers_left_out(()) == ()
    assert controllers_left_out(("*", "-job-controller")) == ("job", "job-orphans")
    assert controllers_left_out(("*", "bootstrapsigner", "tokencleaner")) == ()
    alone = controllers_left_out(("deployment",))
    assert "deployment" not in alone
    assert len(alone) == sum(map(len, OWN.values())) - 1


def test_every_controller_here_can_be_switched():
    named = {own for owns in OWN.values() for own in owns}
    assert {each.name for each in STANDARD} - named == {"apiservice-availability"}  # the API server's own
    # The one is there with a cluster_cidr, the other while GenericWorkload is on.
    assert named - {each.name for each in STANDARD} == {"node-ipam-controller", "podgroup-protection"}


@pytest.mark.parametrize(
    ("text", "ports"), [("30000-32767", (30000, 32767)), ("40000+10", (40000, 40010)), ("443", (443, 443))]
)
def test_a_range_of_ports(text, ports):
    assert ports_of(text) == ports
