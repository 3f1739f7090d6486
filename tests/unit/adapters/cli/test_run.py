import re
from pathlib import Path

import pytest

BIG = """\
apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: c, image: c, resources: {requests: {cpu: "64"}}}]}
"""


def digest(ended):
    return re.search(r"^digest (sha256:[0-9a-f]{64})$", ended.out, re.MULTILINE)[1]


def test_converges(reconcile):
    ended = reconcile("run", "deployment.yaml", "pod.yaml", "--nodes", 2, "--seed", 7)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "     0.0s  power on: 2 hosts, 1 master"
    assert any(line.endswith("  nodes: 2 Ready") for line in lines)
    applied = [line.split("  ")[-1] for line in lines if line.endswith(" applied")]
    assert applied == ["pod/web applied", "deployment.apps/shop applied"]
    assert any(line.endswith("deployment.apps/shop in default: 2 of 2 ready") for line in lines)
    assert re.search(r"^deployment.apps/shop +2/2 +2 +2 ", ended.out, re.MULTILINE)
    assert re.search(r"^pod/web +1/1 +Running +0 ", ended.out, re.MULTILINE)
    assert len(re.findall(r"^pod/shop-\S+ +1/1 +Running ", ended.out, re.MULTILINE)) == 2
    assert re.search(r"^converged after \S+s of virtual time, [\d,]+ steps$", ended.out, re.MULTILINE)
    assert re.fullmatch(r"took \d+\.\d\d s of real time\n", ended.err)


def test_a_log_does_not_overwrite_what_is_run(reconcile, desk):
    before = (desk / "pod.yaml").read_text()
    ended = reconcile("run", "pod.yaml", "--record", desk / "pod.yaml", "-q")
    assert ended.code == 1
    assert "the log would overwrite it" in ended.err
    (desk / "manifests").mkdir()
    (desk / "manifests" / "pod.yaml").write_text(before)
    (desk / "link.jsonl").symlink_to("manifests/pod.yaml")
    assert "overwrite" in reconcile("run", "manifests", "--record", "link.jsonl", "-q").err
    assert (desk / "pod.yaml").read_text() == (desk / "manifests" / "pod.yaml").read_text() == before


@pytest.mark.parametrize("command", ["run", "fork"])
def test_a_log_that_cannot_be_written_to_its_end(reconcile, desk, command):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    args = ("run", "pod.yaml", "--nodes", 1, "-q", "--record")
    if command == "fork":
        assert reconcile(*args, "run.jsonl").code == 0
        args = ("replay", "run.jsonl", "--until", 100, "-q", "--fork")
    ended = reconcile(*args, "/dev/full")
    assert (ended.code, ended.err.splitlines()[-1]) == (
        1,
        "error: /dev/full: cannot be written: No space left on device",
    )


def test_a_log_in_a_circle_of_links(reconcile, desk):
    (desk / "loop").symlink_to("loop")
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "-q", "--record", "loop")
    assert (ended.code, ended.err) == (1, "error: loop: cannot be written: Too many levels of symbolic links\n")


def test_a_seed_has_as_many_bits_as_a_log_can_hold(reconcile):
    for seed in (2**63 - 1, -(2**63)):
        assert reconcile("run", "pod.yaml", "--nodes", 1, "-q", "--seed", seed, "--record", "run.jsonl").code == 0
        assert reconcile("replay", "run.jsonl").code == 0
    assert "is not in the range" in reconcile("run", "pod.yaml", "--seed", 2**63).err
    assert "is not in the range" in reconcile("step", "--seed", 2**63).err


def test_what_is_deleted_is_not_missed(reconcile, desk):
    (desk / "shop.yaml").write_text("""{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: default, finalizers: [a.b/c]}}
""")
    (desk / "scenario.yaml").write_text("commands:\n- {at: 20s, delete: ns/shop}\n")
    args = ("deployment.yaml", "shop.yaml", "-n", "shop", "--nodes", 1, "-q", "--scenario", "scenario.yaml")
    ended = reconcile("run", *args)
    assert (ended.code, "is gone" in ended.out) == (0, False)
    (desk / "scenario.yaml").write_text("commands:\n- {at: 20s, delete: cm/kept, namespace: default}\n")
    ended = reconcile("run", *args)
    assert ended.code == 2
    assert "configmap/kept in default: it is being deleted, but has the finalizers a.b/c\n" in ended.out


def test_two_runs_print_the_same(reconcile):
    args = ("run", "deployment.yaml", "--nodes", 2, "--seed", 7)
    first = reconcile(*args)
    assert reconcile(*args).out == first.out
    assert digest(reconcile(*args[:-1], 8)) != digest(first)


def test_recording_and_silence_change_nothing(reconcile):
    args = ("run", "deployment.yaml", "--nodes", 2, "--seed", 7)
    first = reconcile(*args)
    for more in (("-q",), ("--record", "a.jsonl"), ("--record", "b.jsonl", "--detail", "steps")):
        assert digest(reconcile(*args, *more)) == digest(first)


def test_unschedulable(reconcile, desk):
    (desk / "big.yaml").write_text(BIG)
    ended = reconcile("run", "big.yaml", "--nodes", 2)
    assert ended.code == 2
    assert "not converged after " in ended.out
    assert (
        "what is not as declared:\n  pod/big in default: Unschedulable: 0/2 nodes are available: 2 Insufficient cpu"
        in ended.out
    )
    assert "what still moves" not in ended.out


def test_crash_loop(reconcile, desk):
    (desk / "behaviours.yaml").write_text('images: {"web:1": "exit 3 after 2s"}')
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "--behaviours", "behaviours.yaml", "--limit", "2m")
    assert ended.code == 2
    assert re.search(r"pod/web in default: container c: CrashLoopBackOff.*last exit code 3, Error", ended.out)
    assert "what still moves after the limit of 2m0s:\n  kubelet/node-1: " in ended.out
    assert "pod default/web" in ended.out


def test_image_that_is_not_there(reconcile, desk):
    (desk / "behaviours.yaml").write_text('images: {"web:1": absent}')
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "--behaviours", "behaviours.yaml", "--limit", "1m")
    assert ended.code == 2
    assert "ImagePullBackOff" in ended.out


def test_past_its_deadline(reconcile, desk):
    text = (desk / "deployment.yaml").read_text().replace("replicas: 2", "replicas: 2\n  progressDeadlineSeconds: 20")
    (desk / "deployment.yaml").write_text(text)
    (desk / "behaviours.yaml").write_text('images: {"shop:1": absent}')
    ended = reconcile("run", "deployment.yaml", "--nodes", 1, "--behaviours", "behaviours.yaml", "--limit", "1m")
    assert ended.code == 2
    assert "0 of 2 replicas are available, and its progress deadline of 20s is exceeded" in ended.out


HOST = "hosts:\n  - name: a\n    ip: 172.18.0.2\n    podCIDR: 10.128.1.0/24\n"


def test_topology(reconcile, desk):
    (desk / "topology.yaml").write_text("nodes: 4\nmasters: 2\nlock: endpoints\n")
    ended = reconcile("run", "pod.yaml", "--topology", "topology.yaml")
    assert ended.code == 0
    assert "power on: 4 hosts, 2 masters" in ended.out
    assert "power on: 2 hosts, 1 master" in reconcile(
        "run", "pod.yaml", "--topology", "topology.yaml", "--nodes", 2, "--masters", 1
    ).out  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodes: 2\nmasters: 3\n", "line 2: topology: masters: 3 is not between 1 and the number of nodes, 2"),
        ("nodes: 2\ncapacity:\n  cpu: x\n", "line 3: topology: capacity['cpu']: not a quantity"),
        ("# none\nnodes: x\n", 'line 2: nodes: expected an integer, found "x"'),
        (
            f"{HOST}    manifests:\n      - {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}}}\n",
            'line 6: hosts[0].manifests[0]: expected a Pod, found "ConfigMap"',
        ),
        (
            f"{HOST}    taints:\n      - {{apiVersion: v1, kind: Pod, metadata: {{name: a}}}}\n",
            'line 6: hosts[0].taints[0]: expected a Taint, found "Pod"',
        ),
    ],
)
def test_topology_that_cannot_be(reconcile, desk, text, words):
    (desk / "topology.yaml").write_text(text)
    ended = reconcile("run", "pod.yaml", "--topology", "topology.yaml")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"error: topology.yaml, document 1, {words}")


def test_scenario(reconcile, desk):
    (desk / "scenario.yaml").write_text("""\
commands:
  - {at: 0s, scale: deployment/shop, replicas: 3}
  - {at: 30s, set image: deployment/shop, containers: {c: "shop:2"}}
  - {at: 1m, apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: colours}}}
  - {at: 2m, delete: pod/web}
  - {at: 3m, stop host: node-2}
  - {at: 4m, start host: node-2}
""")
    args = ("run", "deployment.yaml", "pod.yaml", "--nodes", 2, "--scenario", "scenario.yaml", "--record", "run.jsonl")
    ended = reconcile(*args)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert [line for line in lines if "host node-2" in line] == [
        "   3m0.0s  stop host node-2",
        "   4m0.0s  start host node-2",
    ]
    assert any(re.match(r" +1\.\ds  scale deployment/shop --replicas=3", line) for line in lines)
    assert re.search(r"^deployment.apps/shop +3/3 +3 +3 ", ended.out, re.MULTILINE)
    assert re.search(r"^configmap/colours +0 ", ended.out, re.MULTILINE)
    assert not re.search(r"^pod/web ", ended.out, re.MULTILINE)
    assert reconcile("replay", "run.jsonl").out.endswith(f"digest {digest(ended)}\n")


def test_scenario_in_kubectl_s_words(reconcile, desk):
    (desk / "scenario.yaml").write_text("""\
commands:
  - {at: 20s, drain: node-2 --ignore-daemonsets}
  - {at: 30s, uncordon: node-2}
  - {at: 31s, patch: deployment/shop, with: {spec: {replicas: 3}}}
  - {at: 40s, kill: kubelet/node-2}
  - {at: 45s, start process: kubelet/node-2}
  - {at: 50s, disconnect: node-2}
  - {at: 55s, reconnect: node-2}
""")
    args = ("run", "deployment.yaml", "--nodes", 2, "--scenario", "scenario.yaml", "--record", "run.jsonl")
    ended = reconcile(*args)
    assert ended.code == 0
    for said in ("node/node-2 cordoned", "node/node-2 uncordoned", "deployment.apps/shop patched"):
        assert re.search(rf"  {said}$", ended.out, re.MULTILINE), said
    assert re.search(r"^deployment.apps/shop +3/3 +3 +3 ", ended.out, re.MULTILINE)
    assert reconcile("replay", "run.jsonl").out.endswith(f"digest {digest(ended)}\n")


def test_scenario_in_which_masters_are_lost_and_machines_join(reconcile, desk):
    (desk / "scenario.yaml").write_text("""\
commands:
  - {at: 20s, join: node-9, control plane: true}
  - {at: 40s, stop host: node-9}
  - {at: 41s, start host: node-9}
  - {at: 1m, member: save node-9 night}
  - {at: 2m, stop host: node-1}
  - {at: 2m, stop host: node-9}
  - {at: 2m, join: node-8}
  - {at: 3m, member: restore night node-8 --bump-revision=1000000}
  - {at: 3m, join: node-8, control plane: true}
  - {at: 4m, delete: node/node-1}
  - {at: 4m, delete: node/node-9}
  - {at: 5m, scale: deployment/shop, replicas: 4}
""")
    ended = reconcile("run", "deployment.yaml", "--nodes", 2, "--scenario", "scenario.yaml", "--record", "run.jsonl")
    assert ended.code == 0
    assert "  join node-9 --control-plane\n" in ended.out
    assert "  etcd: node-8 leads\n" in ended.out
    assert re.search(r"^deployment.apps/shop +4/4 +4 +4 ", ended.out, re.MULTILINE)
    assert reconcile("replay", "run.jsonl").out.endswith(f"digest {digest(ended)}\n")


def test_pods_that_their_node_must_refuse_do_not_keep_the_limit_from_coming(reconcile, desk):
    pinned = "    spec:\n      nodeName: node-2\n      nodeSelector: {disk: none}\n"
    (desk / "deployment.yaml").write_text((desk / "deployment.yaml").read_text().replace("    spec:\n", pinned))
    ended = reconcile("run", "deployment.yaml", "--nodes", 2, "-q", "--limit", "30s")
    assert ended.code == 2
    assert "not converged after 30.0s of virtual time" in ended.out
    assert "of ReplicaSet shop-" in ended.out
    assert "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed" in ended.out


def test_what_waits_for_a_store_that_is_off_is_said(reconcile, desk):
    (desk / "scenario.yaml").write_text("commands:\n- {at: 20s, stop host: node-1}\n")
    ended = reconcile("run", "pod.yaml", "--nodes", 2, "-q", "--scenario", "scenario.yaml", "--limit", "3m")
    assert ended.code == 2
    words = (
        "kubelet/node-2 wait for an API server that can be reached: etcd/node-1 does not run, for host node-1 is off"
    )
    assert words in ended.out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("{at: 5s, taint: nodes node-2 a-}", 'line 3: taint nodes/node-2 a- at 5s: taint "a" not found'),
        ("{at: 5s, cordon: node-9}", 'line 3: cordon node-9 at 5s: nodes "node-9" not found'),
        ("{at: 5s, disconnect: node-9}", "line 3: disconnect node-9 at 5s: there is no such host; there are node-1, "),
        ("{at: 5s, kill: pod/x, container: c}", "line 3: kill pod/x c at 5s: there is no pod 'default/x'"),
        (
            "{at: 5s, scale: deployment/shop, replicas: many}",
            "scenario.yaml, document 1, line 3: commands[0].replicas: must be a count",
        ),
        (
            "{at: 5s, stop host: node-9}",
            "document 1, line 3: stop host node-9 at 5s: there is no such host; there are node-1, node-2",
        ),
        ("{at: 5s, start host: node-2}", "line 3: start host node-2 at 5s: host node-2 is on already"),
        ("{at: 5s, set image: service/kubernetes, containers: {z: z}}", "line 3: set image service/kubernetes z=z at"),
        ("{at: 5s, scale: deployment/other, replicas: 1}", 'deployments.apps "other" not found'),
        ("{at: 5s, set image: deployment/shop, containers: {z: z}}", "unable to find container named 'z'"),
        ("{at: 5s, join: node-2}", "line 3: join node-2 at 5s: host node-2 is there already: it has joined"),
        (
            "{at: 5s, member: promote node-2}",
            "line 3: member promote node-2 at 5s: ChangeMember(kind='promote', host='no",
        ),
        ("{at: 5s, member: explode}", "commands[0].member: member 'explode' is nothing that can be done to a member"),
        ("{at: 5s, member: add}", "commands[0].member: member 'add': 'add' takes HOST"),
        ("{at: 5s, member: slow node-1}", "commands[0].member: member 'slow node-1': 'slow' takes HOST DELAY"),
        ("{at: 5s, backends: node-2}", "line 3: backends node-2 at 5s: nothing stands before the API servers"),
        ("{at: 40m, delete: pod/web}", "line 3: delete pod/web at 40m0s: the time is up before that; see --limit"),
    ],
)
def test_scenario_that_cannot_be(reconcile, desk, command, words):
    (desk / "scenario.yaml").write_text(f"# one command\ncommands:\n  - {command}\n")
    ended = reconcile("run", "deployment.yaml", "--nodes", 2, "-q", "--scenario", "scenario.yaml")
    assert ended.code == 1
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_request_lines(reconcile):
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "-v", 6, "-q")
    first, second, _ = ended.err.splitlines()
    assert re.fullmatch(r"GET /api/v1/namespaces/default/pods/web 404 Not Found in \d+ milliseconds", first)
    assert re.fullmatch(r"POST /api/v1/namespaces/default/pods 201 Created in \d+ milliseconds", second)


def test_bodies(reconcile):
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "-v", 9, "-q")
    lines = ended.err.splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        *("curl", "GET", "Response"),
        *("Request", "curl", "POST", "Response"),
        "took",
    ]
    assert lines[3].startswith('Request Body: {"apiVersion":"v1","kind":"Pod"')
    assert lines[4] == (
        'curl -v -XPOST -H "Accept: application/json" -H "Content-Type: application/json" '
        "'/api/v1/namespaces/default/pods'"
    )
    assert '"uid":' in lines[6]


def test_refused(reconcile, desk):
    (desk / "bad.yaml").write_text("""\
# two bad ones
apiVersion: v1
kind: Service
metadata:
  name: s
  namespace: nowhere
spec:
  ports:
    - port: 80
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers:
    - name: c
      image: c
      ports:
        - containerPort: 99999999
""")
    ended = reconcile("run", "bad.yaml", "--nodes", 1, "-q", "--record", "run.jsonl")
    assert ended.code == 1
    assert ended.out == ""
    first, second = ended.err.splitlines()
    place = "bad.yaml, document 1, line 6"
    assert first == f'error: {place}: Service "s" is refused (404 NotFound): namespaces "nowhere" not found'
    assert second.strip().startswith(
        'bad.yaml, document 2, line 20: Pod "p" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: '
    )
    # What had happened until then is a log like any other.
    assert reconcile("replay", "run.jsonl").code == 0


def test_namespace(reconcile, desk):
    assert reconcile("run", "pod.yaml", "--nodes", 1, "-n", "shop").code == 1
    (desk / "namespace.yaml").write_text("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
    ended = reconcile("run", "pod.yaml", "namespace.yaml", "--nodes", 1, "-n", "shop")
    assert ended.code == 0
    assert re.search(r"^namespace/shop +Active", ended.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("run",), "there is nothing to apply: name MANIFESTS, or a kustomization with -k"),
        (("run", "none.yaml"), "none.yaml: cannot be read: No such file"),
        (("run", "pod.yaml", "--limit", "soon"), "'soon' is not a duration"),
        (("run", "pod.yaml", "--limit", "0"), "no time to run in"),
        (("run", "pod.yaml", "--nodes", "0"), "0 is not in the range"),
        (("run", "pod.yaml", "--nodes", "1", "--masters", "2"), "masters: 2 is not between 1 and"),
        (("run", "pod.yaml", "--record", "no/such/run.jsonl"), "no/such/run.jsonl: cannot be written: No such file"),
        (("run", "pod.yaml", "--topology", "pod.yaml"), 'pod.yaml, document 1, line 1: unknown field "apiVersion"'),
        (
            ("run", "pod.yaml", "--behaviours", "pod.yaml"),
            "pod.yaml, document 1, line 1: apiVersion: there is no such field",
        ),
        (("run", "pod.yaml", "--scenario", "none.yaml"), "none.yaml: cannot be read"),
        (("runs",), "No such command 'runs'"),
    ],
)
def test_bad_input(reconcile, args, words):
    ended = reconcile(*args)
    assert ended.code == 1
    assert words in ended.err
    assert ended.out == ""


def test_a_request_waits_for_an_api_server(reconcile, desk):
    (desk / "scenario.yaml").write_text("""\
commands:
  - {at: 30s, stop host: node-1}
  - {at: 40s, set image: deployment/shop, containers: {c: "shop:2"}}
  - {at: 50s, start host: node-1}
""")
    args = ("run", "deployment.yaml", "--nodes", 2, "--scenario", "scenario.yaml")
    ended = reconcile(*args, "-v", 6)
    assert ended.code == 0
    *_, get, patch, _ = ended.err.splitlines()
    assert re.fullmatch(r"GET /apis/apps/v1/namespaces/default/deployments/shop 200 OK in 1\d{4} milliseconds", get)
    assert patch.startswith("PATCH /apis/apps/v1/namespaces/default/deployments/shop 200 OK in ")
    (desk / "scenario.yaml").write_text((desk / "scenario.yaml").read_text().replace("50s, start", "50m, start"))
    ended = reconcile(*args, "-q")
    said = "scenario.yaml, document 1, line 4: start host node-1 at 50m0s: the time is up before that; see --limit"
    assert (ended.code, ended.err) == (1, f"error: {said}\n")


def test_nobody_answers(reconcile, desk):
    (desk / "scenario.yaml").write_text("""\
commands:
  - {at: 30s, stop host: node-1}
  - {at: 40s, scale: deployment/shop, replicas: 3}
""")
    ended = reconcile("run", "deployment.yaml", "--nodes", 2, "--scenario", "scenario.yaml", "-q", "--limit", "5m")
    assert ended.code == 2
    assert re.search(
        r"what still moves after the limit of 5m0s:\n  \d+ requests of .* wait for an API server", ended.out
    )


LOST = """---
kind: ConfigMap
apiVersion: v1
metadata: {name: a, namespace: nowhere}
"""
THINGS = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""
STRANGE = """apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: shop}
---
apiVersion: apps/v1beta1
kind: Deployment
metadata: {name: old}
"""


def test_a_kind_that_is_not_known_is_told_in_kubectls_words(reconcile, desk):
    (desk / "strange.yaml").write_text(STRANGE)
    ended = reconcile("run", "strange.yaml", "-q")
    assert (ended.code, ended.out) == (1, "")
    said = 'resource mapping not found for name: "{}" namespace: "{}" from "strange.yaml": no matches for kind "{}" in '
    assert ended.err.splitlines() == [
        "error: " + said.format("w", "shop", "Widget") + 'version "example.com/v1" (document 1, line 1)',
        "       " + said.format("old", "", "Deployment") + 'version "apps/v1beta1" (document 2, line 5)',
        "       ensure CRDs are installed first",
    ]


def test_what_can_be_applied_is_applied_and_the_run_fails_as_kubectl_does(reconcile, desk):
    (desk / "strange.yaml").write_text(STRANGE + LOST)
    ended = reconcile("run", "strange.yaml", "pod.yaml", "--nodes", 1, "-q", "--record", "run.jsonl")
    assert ended.code == 1
    assert re.search(r"^pod/web +1/1 +Running", ended.out, re.MULTILINE)
    lost = 'strange.yaml, document 3, line 11: ConfigMap "a" is refused (404 NotFound): namespaces "nowhere" not found'
    assert re.search(
        r"^not converged after .*\nwhat was not applied:\n"
        r'  resource mapping not found for name: "w" .*\n  .* name: "old" .*'
        rf"\n  {re.escape(lost)}\ndigest ",
        ended.out,
        re.MULTILINE,
    )
    errors = ended.err.splitlines()[1:]
    assert errors[0].startswith('error: resource mapping not found for name: "w"')
    assert errors[2:] == ["       ensure CRDs are installed first", f"       {lost}"]
    assert reconcile("replay", "run.jsonl").code == 0


def test_an_object_that_cannot_be_read_keeps_no_other_back(reconcile, desk):
    (desk / "odd.yaml").write_text("{kind: Pod, apiVersion: v1, metadata: {name: p}, spec: {container: []}}\n")
    ended = reconcile("run", "odd.yaml", "pod.yaml", "--nodes", 1, "-q")
    assert (ended.code, "pod/web " in ended.out) == (1, True)
    assert ended.err.splitlines()[1] == "error: odd.yaml, document 1, line 1: spec.containers: required"


def test_what_a_refused_definition_defines_is_not_known(reconcile, desk):
    (desk / "things.yaml").write_text(
        THINGS.replace("name: things.example.com", "name: thing.example.com")
        + "---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a, namespace: default}\n"
    )
    ended = reconcile("run", "things.yaml", "pod.yaml", "--nodes", 1, "-q")
    assert ended.code == 1
    assert 'CustomResourceDefinition "thing.example.com" is invalid: metadata.name' in ended.err
    assert (
        'resource mapping not found for name: "a" namespace: "default" from "things.yaml": no matches for kind "Thing" '
        'in version "example.com/v1" (document 2, line 11)\n       ensure CRDs are installed first\n'
    ) in ended.err
    assert "pod/web" in ended.out


def test_a_job_that_is_gone_after_it_was_complete_is_as_declared(reconcile, desk):
    job = (
        "{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {ttlSecondsAfterFinished: 0, template: "
        "{spec: {restartPolicy: Never, containers: [{name: c, image: c, command: [%s]}]}}, backoffLimit: 0}}\n"
    )
    (desk / "job.yaml").write_text(job % "'true'")
    ended = reconcile("run", "job.yaml", "--nodes", 1, "-q")
    assert ended.code == 0
    assert "job.batch/once" not in ended.out
    (desk / "job.yaml").write_text(job % "'false'")
    ended = reconcile("run", "job.yaml", "--nodes", 1, "-q")
    assert (ended.code, "job.batch/once in default: it is gone" in ended.out) == (2, True)


def test_kinds_that_are_not_known_are_left_out_if_told_so(reconcile, desk):
    (desk / "strange.yaml").write_text(STRANGE)
    ended = reconcile("run", "strange.yaml", "pod.yaml", "--skip-unknown", "--nodes", 1, "-q")
    assert ended.code == 0
    left = r'^what was not applied:\n  resource mapping not found for name: "w" .*\n  .* name: "old" '
    assert re.search(left, ended.out, re.MULTILINE)
    assert "pod/web" in ended.out
    assert "there are no objects to apply" in reconcile("run", "strange.yaml", "--skip-unknown", "-q").err
    ended = reconcile("run", "strange.yaml", "pod.yaml", "--skip-unknown", "-q", "--record", "strange.yaml")
    assert "strange.yaml: is an input of this run; the log would overwrite it" in ended.err


def test_several_copies_are_applied_in_turn(reconcile, desk):
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: %s}}\n"
    (desk / "twice.yaml").write_text(text % "one" + "---\n" + text % "two")
    ended = reconcile("run", "twice.yaml", "--nodes", 1, "-q", "-v", 6)
    assert ended.code == 0
    assert ended.err.startswith(
        "warning: twice.yaml, document 2, line 3: ConfigMap 'a' stands already at twice.yaml, document 1, line 1: they "
        "are applied one after the other\n"
    )
    assert "PATCH /api/v1/namespaces/default/configmaps/a 200 OK" in ended.err


def test_directories_of_directories(reconcile, desk):
    (desk / "all" / "below").mkdir(parents=True)
    (desk / "all" / "below" / "a.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
    assert "-R looks into directories in it as well" in reconcile("run", "all", "-q").err
    ended = reconcile("run", "all", "-R", "--nodes", 1, "-q")
    assert ended.code == 0
    assert "configmap/a" in ended.out


def test_a_kustomization_is_built_by_the_program_that_is_there(reconcile, desk, monkeypatch):
    programs = desk / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    ended = reconcile("run", "-k", "shop", "-q")
    assert ended.code == 1
    said = "a kustomization needs a program that builds it, and neither kubectl nor kustomize is on the PATH"
    assert ended.err == f"error: shop: {said}\n"
    program = programs / "kustomize"
    program.write_text(
        "#!/bin/sh\nshift\n[ -d $1 ] || { echo Error: no $1 >&2; exit 1; }\nread text < $1/a; echo $text\n"
    )
    program.chmod(0o755)
    assert "error: shop: kustomize cannot build it: Error: no shop" in reconcile("run", "-k", "shop", "-q").err
    (desk / "shop").mkdir()
    (desk / "shop" / "a").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n")
    ended = reconcile("run", "-k", "shop", "--nodes", 1, "-q")
    assert ended.code == 0
    assert "configmap/a" in ended.out
    (desk / "shop" / "a").write_text("{apiVersion: v1, kind: ConfigMap}\n")
    assert "shop (kustomization), document 1, line 1: ConfigMap: metadata.name: required" in (
        reconcile("run", "-k", "shop", "-q").err
    )


def test_names_that_are_drawn_cannot_be_applied(reconcile, desk):
    (desk / "drawn.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: web-}}")
    ended = reconcile("run", "drawn.yaml", "-q")
    assert ended.code == 1
    assert ended.err == "error: drawn.yaml, document 1, line 1: from web-: cannot use generate name with apply\n"


def test_what_nothing_acts_upon_is_told_and_leaves_the_exit_status(reconcile, desk):
    assert "what nothing here acts upon" not in reconcile("run", "pod.yaml", "--nodes", 1, "-q").out
    text = (desk / "pod.yaml").read_text() + "  serviceAccountName: gone\n"
    (desk / "account.yaml").write_text(text)
    ended = reconcile("run", "account.yaml", "--nodes", 1, "-q")
    assert ended.code == 0
    note = "the ServiceAccount is not there; admitted all the same"
    assert f"\nwhat nothing here acts upon:\n  1 Pod (web in default): {note}\n" in ended.out


def test_kubelets_are_configured_by_a_file(reconcile, desk):
    (desk / "kubelet.yaml").write_text(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 9\nclusterDNS: [10.96.0.10]\n"
    )
    ended = reconcile("run", "pod.yaml", "--nodes", 1, "--kubelet-config", "kubelet.yaml", "--record", "log.jsonl")
    assert ended.code == 0
    assert '"maxPods":"9"' in (desk / "log.jsonl").read_text()
    (desk / "kubelet.yaml").write_text(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPod: 3\n"
    )
    ended = reconcile("run", "pod.yaml", "--kubelet-config", "kubelet.yaml")
    assert ended.code == 1
    assert 'strict decoding error: unknown field "maxPod"' in ended.err


def test_a_topology_is_refused_where_it_stands(reconcile, desk):
    (desk / "topology.yaml").write_text("nodes: 2\ndeviceDrivers:\n- name: gpu.example.com\n  prepare: -5\n")
    ended = reconcile("run", "pod.yaml", "--topology", "topology.yaml")
    said = "error: topology.yaml, document 1, line 4: topology: device_drivers[0].prepare: -5 is negative\n"
    assert (ended.code, ended.err) == (1, said)


def test_a_kubelet_is_refused_where_it_stands(reconcile, desk):
    (desk / "kubelet.yaml").write_text(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: -5\n"
    )
    ended = reconcile("run", "pod.yaml", "--kubelet-config", "kubelet.yaml")
    said = "error: kubelet.yaml, document 1, line 3: kubelet.maxPods: '-5' is no whole number\n"
    assert (ended.code, ended.err) == (1, said)


def test_a_scheduler_with_extenders_is_refused_where_it_stands(reconcile, desk):
    (desk / "scheduler.yaml").write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        "extenders: [{urlPrefix: 'http://localhost', filterVerb: f}]\n"
    )
    ended = reconcile("run", "pod.yaml", "--scheduler-config", "scheduler.yaml")
    said = "error: scheduler.yaml, document 1, line 3: extenders: a cluster's own scheduler asks none\n"
    assert (ended.code, ended.err) == (1, said)


def test_a_scheduler_with_plugins_that_there_are_not_is_refused_where_it_stands(reconcile, desk):
    listed = "  - plugins: {multiPoint: {enabled: [{name: Nada}]}, score: {enabled: [{name: Nope}]}}\n"
    (desk / "scheduler.yaml").write_text(
        f"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n{listed}"
    )
    ended = reconcile("run", "pod.yaml", "--scheduler-config", "scheduler.yaml")
    place = "profiles[0].plugins"
    first = f'{place}.multiPoint.enabled[0]: plugin "Nada" does not exist'
    second = f'{place}.score.enabled[0]: ScorePlugin "Nope" does not exist'
    said = f"error: scheduler.yaml, document 1, line 4: [{first}, {second}]\n"
    assert (ended.code, ended.err) == (1, said)


def test_two_stages_of_one_name_are_refused_where_they_stand(reconcile, desk):
    (desk / "stages.yaml").write_text(f"{STAGE}---\n{STAGE}")
    ended = reconcile("run", "pod.yaml", "--stages", "stages.yaml")
    first, second = (f"stages.yaml, document {number}, line {line}" for number, line in ((1, 3), (2, 12)))
    said = f"error: {second}: stage 'node-begins': there is one of this name at {first}\n"
    assert (ended.code, ended.err) == (1, said)


SETTINGS = "{apiVersion: config.kwok.x-k8s.io/v1alpha1, kind: KwokConfiguration}\n"
ANOTHER = "there is another KwokConfiguration, and a cluster has one, at"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "error: stages.yaml: there is no Stage and no KwokConfiguration in it\n"),
        ("# nothing yet\n---\n", "error: stages.yaml: there is no Stage and no KwokConfiguration in it\n"),
        (
            f"{SETTINGS}---\n{SETTINGS}",
            f"error: stages.yaml, document 2, line 3: {ANOTHER} stages.yaml, document 1, line 1\n",
        ),
        (
            "apiVersion: config.kwok.x-k8s.io/v1alpha1\nkind: KwokConfiguration\noptions:\n  nodePort: 99999\n",
            "error: stages.yaml, document 1, line 4: options.nodePort: must be 0 to 65535, not 99999\n",
        ),
    ],
)
def test_what_is_no_stages_is_told_of(reconcile, desk, written, said):
    (desk / "stages.yaml").write_text(written)
    ended = reconcile("run", "pod.yaml", "--stages", "stages.yaml")
    assert (ended.code, ended.err) == (1, said)


STAGE = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-begins}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector: {matchExpressions: [{key: .status.phase, operator: NotIn, values: [Running]}]}
  weight: 0
  next: {statusTemplate: 'phase: Running'}
"""
FAKE = "{apiVersion: v1, kind: Node, metadata: {name: fake, annotations: {kwok.x-k8s.io/node: fake}}}"


def test_stages_are_played(reconcile, desk):
    (desk / "stages").mkdir()
    (desk / "stages" / "node.yaml").write_text(STAGE)
    (desk / "stages" / "kustomization.yaml").write_text(
        "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}"
    )
    (desk / "fake.yaml").write_text(FAKE)
    ended = reconcile("run", "fake.yaml", "--nodes", 1, "--stages", "stages", "--record", "run.jsonl", "-q")
    assert ended.code == 0, ended
    got = reconcile("get", "nodes", "fake", "--log", "run.jsonl", "-o", "yaml")
    assert "phase: Running" in got.out
    assert reconcile("replay", "run.jsonl").code == 0
    assert "overwrite" in reconcile("run", "fake.yaml", "--stages", "stages", "--record", "stages/node.yaml", "-q").err


def test_what_else_is_in_a_directory_of_stages_is_left_to_the_manifests(reconcile, desk):
    (desk / "stages").mkdir()
    (desk / "stages" / "node.yaml").write_text(STAGE)
    (desk / "stages" / "other.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}")
    (desk / "fake.yaml").write_text(FAKE)
    ended = reconcile("run", "fake.yaml", "--nodes", 1, "--stages", "stages", "-q")
    said = "ConfigMap 'other' is no stage: apply it with the manifests"
    assert ended.code == 0
    assert ended.err.startswith(f"warning: stages/other.yaml, document 1, line 1: {said}\n")
    ended = reconcile("run", "fake.yaml", "--stages", "stages/other.yaml", "-q")
    assert (ended.code, "not 'v1 ConfigMap'" in ended.err) == (1, True)


def test_a_bad_stage_is_told_of_with_its_line(reconcile, desk):
    (desk / "stage.yaml").write_text(STAGE.replace("weight: 0", "weight: heavy"))
    ended = reconcile("run", "pod.yaml", "--stages", "stage.yaml")
    assert ended.code == 1
    said = "spec.weight: must be a whole number, 0 or more, not 'heavy'"
    assert f"error: stage.yaml, document 1, line 7: stage 'node-begins': {said}" in ended.err
