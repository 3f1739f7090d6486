"""The words of scenarios: what each says, what it refuses, and that none of it does anything else than its move."""

import attrs
import pytest

from reconcile.adapters.manifests import read_text
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.kubeadm import kubeadm
from reconcile.cluster.links import NO_LINKS, Pace
from reconcile.cluster.topology import Topology
from reconcile.driver.run import settle
from reconcile.driver.wire import state_digest
from reconcile.events import Compact, HoldWatch, ReleaseWatch, StopHost
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.testing.blocks import Block, read
from reconcile.testing.fuzzing import Declare, Lag, Resize, Schedule, Strike, Wait, Wander, Withdraw, play
from reconcile.testing.game import Game
from reconcile.testing.scenarios import COMMANDS, Scenario
from reconcile.testing.writing import yaml_of
from tests.scenarios.own import modest

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "image": "web"}]},
}
SPEC = {
    "selector": {"matchLabels": {"app": "a"}},
    "template": {"metadata": {"labels": {"app": "a"}}, "spec": POD["spec"]},
}
POD_TEXT = 'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: "web"}]}'


def documents(text):
    return tuple([manifest.content for manifest in read_text(text)]) if text else ()


@pytest.fixture
def says():
    """Play commands on a cluster of two nodes; give what the last one printed."""
    scenario = Scenario(documents)
    scenario.play(Block((), "load nodes=2 seed=1", ""))

    def play_all(*commands):
        said = ""
        for command in commands:
            first, _, document = command.partition("\n")
            said = scenario.play(Block((), first, document))
        return said

    play_all.scenario = scenario
    return play_all


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run", "error: no command 'run'; there are adopt, advance, annotate, answers, apply, "),
        (
            "scale deployments web",
            "error: 'scale deployments web' is short of a word or has too many. Scale deployments NAME",
        ),
        ("scale deployments web two", "error: 'two' is not a number"),
        ("scale deployments web 2", '404 NotFound: deployments.apps "web" not found'),
        ("delete pods web", '404 NotFound: pods "web" not found'),
        ("delete gadgets web", "error: no such resource: 'gadgets'"),
        ("logs web main", "error: logs web: there is no such pod in default"),
        ("logs web main shop", "error: logs web: there is no such pod in shop"),
        ("wander 3", "error: 'wander 3' is short of a word or has too many. Wander STEPS SEED"),
        ("advance -5s", "error: 'advance -5s': time does not go back"),
        ("advance soon", "error: 'soon' is not a duration such as 300ms, 2s or 1m30s"),
        ("strike twice", "error: strike 'twice': there are compact, cut, delay, delete, drop, halt, kill, lag, repeat"),
        ("strike delete", "nothing to delete"),
        ("strike kill 0", "stop process etcd/node-1"),
        ("restart node-2", "error: host node-2 is on already"),
        ("reconnect node-2", "ok"),
        ("load nodes", "error: load 'nodes': not of the form nodes=3"),
        ("load nodes=none", "error: nodes: "),
        ("load masters=3 nodes=2", "error: topology: masters: 3 is not between 1 and the number of nodes, 2"),
        ("load form=none", "error: 'none' is none of the forms single, stacked, external-etcd"),
        ("load seed=x", "error: 'x' is not a number"),
        ("load\ncolour: red", 'error: unknown field "colour"'),
        ("step\nevent: Explode", "error: event: "),
        ("apply\napiVersion: v1\nkind: Pod\nmetadata: {}", "error: metadata.name: a manifest that is applied has one"),
        ("apply\napiVersion: v1\nkind: Pod", "error: metadata.name: a manifest that is applied has one"),
        ("judge", "ok"),
        ("repair", "ok"),
        ("hold kubelet/node-2 pods", "ok"),
        ("hold kubelet/node-2 secrets", "error: kubelet/node-2 has no watch 'secrets'; it has "),
        ("release kubelet/node-2 pods", "error: pods of kubelet/node-2 is not held back"),
        ("lag 1 -5s", "error: 'lag 1 -5s': time does not go back"),
        ("join node-2", "error: host node-2 is there already: it has joined"),
        ("join node-9 now", "error: join node-9 'now': only --control-plane can follow the host"),
        ("join", "error: 'join' is short of a word or has too many. Join HOST [--control-plane]"),
        ("backends node-1", "error: nothing stands before the API servers"),
        (
            "member restore x node-1 --bump=3",
            "error: member restore x 'node-1 --bump=3': only --bump-revision=N",
        ),
        ("member restore x node-1 --bump-revision=3", "error: there is no snapshot 'x'"),
        ("lag 1", "error: 'lag 1' is short of a word or has too many. Lag NUMBER 10s: "),
    ],
)
def test_what_a_command_says(says, command, said):
    assert says(command).startswith(said)
    assert "VIOLATION" not in says(command)


def test_what_was_said_before_an_error_is_kept(says):
    assert says(f"apply\n{POD_TEXT}\n---\nkind: Nothing").split("\n")[0] == "pod/web created"


def test_nobody_answers_while_the_api_server_is_away(says):
    before = says.scenario.cluster.now
    assert says("crash node-1", f"apply\n{POD_TEXT}") == "error: no API server can be reached"
    assert says("delete pods web") == says("scale deployments web 1") == "error: no API server can be reached"
    assert says.scenario.cluster.now == before
    assert says("repair") == "start host node-1"


def test_repair_says_what_it_mends(says):
    said = says("crash kubelet/node-1", "cut node-2", "repair")
    assert said == "start process kubelet/node-1\nreconnect node-2"
    assert says("judge") == "ok"


@pytest.mark.parametrize(
    ("written", "topology"),
    [
        ("load", Topology(nodes=1)),
        ("load nodes=2 masters=2 lock=endpoints", Topology(nodes=2, masters=2, lock="endpoints")),
        ("load form=single workers=1", kubeadm("single", workers=1)),
        ("load form=stacked workers=0 events=false", attrs.evolve(kubeadm("stacked", workers=0), events=False)),
        ("load nodes=2 taintMasters=true proxy=false", Topology(nodes=2, taint_masters=True, proxy=False)),
        ("load\nnodes: 4", Topology(nodes=4)),
    ],
)
def test_load_takes_a_topology(says, written, topology):
    assert says(written) == "ok"
    assert says.scenario.cluster.topology == topology
    assert state_digest(says.scenario.cluster) == state_digest(settle(Cluster.boot(topology)).cluster)


def test_load_takes_hosts_and_behaviours(says):
    hosts = "hosts: [{name: big, ip: 192.0.2.1, podCIDR: 10.9.0.0/24, capacity: {cpu: '64'}, clockSkew: -5}]"
    assert says(f"load\n{hosts}\nimages: {{web: absent}}\nsandbox: 2s") == "ok"
    topology = says.scenario.cluster.topology
    assert [(host.name, host.capacity["cpu"], host.clock_skew) for host in topology.hosts] == [("big", "64", -5)]
    assert topology.behaviours.of("web:3").absent
    assert topology.behaviours.sandbox.low == 2 * SECOND


def test_what_is_held_back_is_released_by_repair(says):
    assert says("hold kubelet/node-2 pods", "repair") == "release pods of kubelet/node-2"
    assert says("repair") == "ok"
    assert says("strike lag 0").startswith("hold ")


def test_a_watch_lags_behind_what_its_process_writes(says):
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": SPEC}
    said = says(f"apply\n{deployment}", "lag 0 2s").split("\n")
    assert said == [f"{verb} replicasets.apps of kube-controller-manager/node-1" for verb in ("hold", "release")]
    assert says("settle", "judge") == "ok"
    assert says("lag 0 2s") == "nothing to lag"


def test_each_word_is_a_move(says):
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": SPEC,
    }
    moves = {
        f"apply\n{POD_TEXT}": Declare(POD),
        f"apply\n{deployment}": Declare(deployment),
        "wander 20 4": Wander(20, 4),
        "advance 1.5s": Wait(3 * SECOND // 2),
        "scale deployments a 3": Resize("Deployment", "a", 3),
        "strike cut 5": Strike("cut", 5),
        "crash node-2": StopHost("node-2"),
        "step\nevent: Compact\nrevision: 40": Compact(40),
        "lag 1 2s": Lag(1, 2 * SECOND),
        "strike lag 3": Strike("lag", 3),
        "hold kube-controller-manager/node-1 secrets": HoldWatch("kube-controller-manager/node-1", "secrets"),
        "strike delete 1": Strike("delete", 1),
        "release kube-controller-manager/node-1 secrets": ReleaseWatch("kube-controller-manager/node-1", "secrets"),
        "delete pods web": Withdraw("Pod", "web"),
    }
    game = Game(says.scenario.cluster, ())
    for written, move in moves.items():
        says(written)
        game.move(move)
        assert state_digest(says.scenario.cluster) == state_digest(game.machine.closed()), written
    assert says("judge") == "ok"
    assert game.verdict() == ()


def test_what_is_wrong_at_the_end_is_a_violation_that_can_be_expected(says):
    wrong = f"apply\n{POD_TEXT.replace('name: web}', 'name: Web}', 1)}"
    assert says(wrong).startswith('422 Invalid: Pod "Web" is invalid: metadata.name: ')
    assert says("judge").startswith("VIOLATION apply pods default/Web was refused: 422 ")
    assert says("expect violation apply pods default/Web", "judge") == "ok"


def test_withdrawing_and_scaling_what_is_not_there_is_no_problem():
    boot = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    verdict = play(boot, Schedule((POD,), (Withdraw("Deployment", "a"), Resize("Deployment", "a", 2), StopHost("z"))))
    assert verdict.problems == ()
    assert verdict.happened == (
        "apply pods default/web: 201",
        'delete deployments.apps default/a: 404 deployments.apps "a" not found',
        'scale deployments.apps default/a 2: 404 deployments.apps "a" not found',
    )


def test_one_name_in_two_namespaces_is_two_things():
    boot = settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster
    game = Game(boot, ())
    for namespace in ("default", "kube-public"):
        game.declare({**POD, "metadata": {"name": "web", "namespace": namespace}})
    assert game.delete("pods", "web", "kube-public").ok
    assert list(game.declared) == [("pods", "default/web")]
    assert game.verdict() == ()


def test_a_command_without_a_rule_is_shown_by_its_line():
    with pytest.raises(Exception, match=r"line 2: 'load' has no ---- after it"):
        read("\nload\n")


def test_every_word_is_explained(root):
    text = (root / "docs" / "reference" / "scenarios.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}" not in text] == []
    assert all(getattr(Scenario, name, Scenario.errand).__doc__ for name in COMMANDS)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("cordon node-1", "node/node-1 cordoned"),
        ("rollout", "error: 'rollout' is short of a word or has too many."),
        ("rollout back deployment/a", "error: no command 'rollout back'; there are cordon, uncordon, drain, taint, "),
        ("set image pod/web", "error: set image pod/web: must say what to change, such as web=web:2"),
        ("patch pod/web", "error: 'patch pod/web': documents stand below: 0; only patch takes one"),
        ("cordon node-1\na: b", "error: 'cordon node-1': documents stand below: 1; only patch takes one"),
        ("patch pod/web\n[1]", "error: <text>, document 1, line 1: expected a mapping, found a list"),
        ("kill web web", "error: there is no pod 'default/web'"),
        ("kill kubelet/node-1", "ok"),
        ("disconnect node-3", "error: there is no host 'node-3'"),
    ],
)
def test_what_a_command_of_kubectl_s_says(says, command, said):
    assert says(command).startswith(said)


def test_nobody_answers_kubectl_while_the_api_server_is_away(says):
    assert says("crash node-1", "cordon node-2") == "error: no API server can be reached"


def test_what_kubectl_changed_is_declared(says):
    deployment = yaml_of(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a"},
            "spec": {
                "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}}, "spec": POD["spec"]},
            },
        }
    )
    says(f"apply\n{deployment}", f"apply\n{POD_TEXT}", "settle", "cordon node-1", "label deployment a tier=x")
    says("set image deployment/a c=c:2", "patch deployment/a\nspec: {replicas: 2}", "drain node-2 --force")
    assert says("judge") == "ok"


def test_controllers_by_name():
    scenario = Scenario(documents)
    said = scenario.play(Block((), "load controllers=here:mine", ""))
    assert said == "error: controllers=here:mine: whoever plays this scenario finds no controllers by name"
    found = Scenario(documents, find=lambda word: (modest,) if word == "here:mine" else ())
    assert found.play(Block((), "load controllers=here:mine", "")) == "ok"
    assert [each.name for each in found.cluster.controllers] == ["modest"]


def test_links_are_cut_one_way_or_both(says):
    assert says("link cut node-1 node-2 one way") == "ok"
    assert says.scenario.cluster.links.ways == (("node-1", "node-2"),)
    assert says("link cut node-1 node-2") == "ok"
    assert says.scenario.cluster.cuts == (("node-1", "node-2"),)
    assert says("link cut node-2 node-1") == "error: node-2 and node-1 are cut off from each other already"
    assert says("link mend node-1 node-2") == "ok"
    assert not says.scenario.cluster.cuts
    assert says("link sever node-1 node-2") == (
        "error: link 'sever node-1 node-2' is not `link cut|mend ONE OTHER`, perhaps with `one way`"
    )
    assert "perhaps with" in says("link cut node-1 node-2 both ways")
    assert says("link slow node-1 node-2 80ms", "link slow node-2 node-1 10ms 5ms 100 one way") == "ok"
    assert dict(says.scenario.cluster.links.paces.items()) == {
        ("node-1", "node-2"): Pace(80 * MILLISECOND),
        ("node-2", "node-1"): Pace(10 * MILLISECOND, 5 * MILLISECOND, 100),
    }
    assert "is not `link slow ONE OTHER DELAY" in says("link slow node-1 node-2 1s 2s 3 4")
    assert says("repair").startswith("let what goes from node-1 to node-2")
    assert says.scenario.cluster.links == NO_LINKS


def test_repair_mends_links(says):
    assert says("link cut node-1 node-2", "repair").startswith("mend the link")
    assert says("link cut node-2 node-1 one way", "repair").startswith("mend the link")
    assert (says.scenario.cluster.cuts, says.scenario.cluster.links.ways) == ((), ())
