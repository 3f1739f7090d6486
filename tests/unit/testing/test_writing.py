"""Schedules as scenarios: documents in YAML that reads back, a word for each move."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.adapters.manifests import read_text
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver.client import patch
from reconcile.driver.run import settle
from reconcile.events import (
    Compact,
    CutLink,
    CutWatch,
    Disconnect,
    DropCall,
    DropOrder,
    HoldWatch,
    KillContainer,
    KillSandbox,
    MendLink,
    Reconnect,
    ReleaseWatch,
    RepeatCall,
    SetBackends,
    SkipChanges,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
)
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviour, Behaviours
from reconcile.model.hosts import Host
from reconcile.testing.blocks import read
from reconcile.testing.fuzzing import Lag, Resize, Schedule, Strike, Wait, Wander, Withdraw, play
from reconcile.testing.moves import Join, Repair, Replace
from reconcile.testing.scenarios import Scenario
from reconcile.testing.writing import scenario_of, yaml_of

# What a manifest's text may be: no lone surrogates; and whole floats are written as the integers that they are.
TEXTS = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ("yes", "Null", "1", "0x1", "~", "a: b", "- a", "#", "")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from((0.5, -1.25e-7)) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def documents(text):
    return tuple([manifest.content for manifest in read_text(text)]) if text else ()


@given(st.lists(st.dictionaries(TEXTS.filter(lambda key: key != "<<"), VALUES, min_size=1, max_size=5), max_size=3))
def test_yaml_reads_back(plain):
    plain = [each for each in plain if "kind" not in each]  # a list would be taken apart
    text = yaml_of(*plain)
    assert list(documents(text)) == plain
    assert not any(line.strip() in ("", "----") for line in text.splitlines())


def test_yaml_is_compact_and_no_wider_than_it_must_be():
    ports = [{"name": f"port-{number}", "containerPort": number, "protocol": "TCP"} for number in range(3)]
    pod = {"kind": "Pod", "spec": {"hostNetwork": True, "containers": [{"image": "web:1", "ports": ports}], "x": {}}}
    assert yaml_of(pod, {"a": []}).split("\n") == [
        "kind: Pod",
        "spec:",
        "  hostNetwork: true",
        "  containers:",
        '    - image: "web:1"',
        "      ports:",
        "        - {name: port-0, containerPort: 0, protocol: TCP}",
        "        - {name: port-1, containerPort: 1, protocol: TCP}",
        "        - {name: port-2, containerPort: 2, protocol: TCP}",
        "  x: {}",
        "---",
        "a: []",
    ]


@pytest.mark.parametrize(
    ("move", "command", "document"),
    [
        (Wander(5, 6), "wander 5 6", ""),
        (Wait(90 * MINUTE + MILLISECOND), "advance 1h30m0.001s", ""),
        (Resize("ReplicationController", "a", 0), "scale replicationcontrollers a 0", ""),
        (Withdraw("Service", "s"), "delete services s", ""),
        (Strike("halt", 12), "strike halt 12", ""),
        (Lag(3, 20 * SECOND), "lag 3 20s", ""),
        (Strike("delay", 2), "strike delay 2", ""),
        (Replace("node-1"), "member replace node-1", ""),
        (Join("node-9"), "join node-9", ""),
        (Join("node-9", control_plane=True), "join node-9 --control-plane", ""),
        (SetBackends(("node-1", "node-2")), "backends node-1 node-2", ""),
        (SetBackends(("node 1",)), "step", 'event: SetBackends\nhosts: ["node 1"]'),
        (Repair(), "repair", ""),
        (HoldWatch("kubelet/node-1", "pods"), "hold kubelet/node-1 pods", ""),
        (ReleaseWatch("kubelet/node-1", "pods"), "release kubelet/node-1 pods", ""),
        (StopHost("node-1"), "crash node-1", ""),
        (StopProcess("kubelet/node-1"), "crash kubelet/node-1", ""),
        (StartHost("node-1"), "restart node-1", ""),
        (StartProcess("kubelet/node-1"), "restart kubelet/node-1", ""),
        (Disconnect("node-1"), "cut node-1", ""),
        (CutLink("node-1", "node-2"), "link cut node-1 node-2", ""),
        (MendLink("node-1", "node-2", one_way=True), "link mend node-1 node-2 one way", ""),
        (SlowLink("node-1", "node-2", 80 * MILLISECOND), "link slow node-1 node-2 80ms 0s 0", ""),
        (SlowLink("node-1", "node-2", SECOND, 0, 5, True), "link slow node-1 node-2 1s 0s 5 one way", ""),
        (Reconnect("node-1"), "reconnect node-1", ""),
        (KillContainer("shop/web", "c"), "kill web c shop", ""),
        (KillSandbox("shop/web"), "kill sandbox/web shop", ""),
        (KillSandbox("web"), "step", "event: KillSandbox\npod: web"),
        (KillContainer("web", "c"), "step", "event: KillContainer\npod: web\ncontainer: c"),
        (CutWatch("kubelet/node-1", "pods"), "cut kubelet/node-1 pods", ""),
        (CutWatch("kubelet/node-1", "my pods"), "step", 'event: CutWatch\nprocess: kubelet/node-1\nwatch: "my pods"'),
        (StopProcess("nothing"), "step", "event: StopProcess\nprocess: nothing"),
        (SkipChanges("a/b", "pods", 2), "step", "event: SkipChanges\nprocess: a/b\nwatch: pods\ncount: 2"),
        (DropCall(7), "step", "event: DropCall\ncall: 7"),
        (RepeatCall(7), "step", "event: RepeatCall\ncall: 7"),
        (DropOrder(7), "step", "event: DropOrder\nmessage: 7"),
        (Compact(7), "step", "event: Compact\nrevision: 7"),
    ],
)
def test_every_move_has_a_word(move, command, document):
    blocks = read(scenario_of(Topology(nodes=1), 3, Schedule((), (move,))))
    assert blocks[0].comment == ("# Written from a schedule.",)
    assert [(block.command, block.document) for block in blocks] == [
        ("load nodes=1 seed=3", ""),
        (command, document),
        ("judge", ""),
    ]


HOST = Host(name="a", ip="192.0.2.1", pod_cidr="10.9.0.0/24")


@pytest.mark.parametrize(
    "topology",
    [
        Topology(nodes=3, masters=2, lock="endpoints", taint_masters=True, proxy=False),
        Topology(nodes=1, capacity=Map.of({"cpu": "2", "pods": "5"}), start=1_700_000_000_000_000_001),
        Topology(hosts=(HOST, attrs.evolve(HOST, name="b", ip="192.0.2.2", pod_cidr="10.9.1.0/24", clock_skew=-3))),
        Topology(
            nodes=1, behaviours=Behaviours.parse({"sandbox": "1s..2s", "images": {"*": "pull 1s", "a": "absent"}})
        ),
        Topology(nodes=1, behaviours=Behaviours.parse({"containers": [{"name": "a*", "behaviour": "runs"}]})),
        Topology(nodes=1, behaviours=Behaviours(images=Map.of({"registry.k8s.io/*": Behaviour(preloaded=True)}))),
    ],
    ids=["masters", "capacity", "hosts", "images", "containers", "exactly"],
)
def test_every_topology_is_written(topology):
    scenario = Scenario(documents)
    for block in read(scenario_of(topology, 5, Schedule(()))):
        assert scenario.play(block) == block.output
    assert (scenario.cluster.topology, scenario.cluster.seed) == (topology, 5)


def test_what_is_applied_in_a_row_stands_in_one_command():
    def note(name):
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}

    _, apply, _ = read(scenario_of(Topology(nodes=1), 0, Schedule((note("a"), note("b")))))
    assert documents(apply.document) == (note("a"), note("b"))
    assert apply.output == "configmap/a created\nconfigmap/b created"


def _enlarge(ask):
    found = ask.views.get("replicasets.apps", ask.key)
    if found is None or found.spec.replicas != 1:
        return Outcome()
    name = found.metadata.name
    return Outcome(calls=(patch("replicasets", name, {"spec": {"replicas": 4}}, namespace="default"),))


def test_what_breaks_between_two_steps_stands_in_the_comment_and_breaks_again():
    controllers = (
        Controller(name="larger", sources=(Source("replicasets.apps", keys_of_itself),), reconcile=_enlarge),
    )
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "main", "image": "web"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    schedule = Schedule((deployment,), (Wait(30 * SECOND), Wait(SECOND)))
    boot = settle(Cluster.boot(Topology(nodes=1), seed=1, controllers=controllers)).cluster
    (problem,) = play(boot, schedule).problems
    assert problem.startswith("a rollout keeps its bounds: deployment default/a wants 4 pods of at most 2 since ")
    blocks = read(scenario_of(Topology(nodes=1), 1, schedule, controllers=controllers))
    assert blocks[0].comment == ("# Found by fuzzing.", f"# {problem}")
    scenario = Scenario(documents, controllers=controllers)
    outputs = [scenario.play(block) for block in blocks[:3]]
    assert outputs == ["ok", "deployment.apps/a created", f"VIOLATION {problem}"]
    assert [block.output for block in blocks] == ["ok", "deployment.apps/a created", "ok", "ok", "ok"]
