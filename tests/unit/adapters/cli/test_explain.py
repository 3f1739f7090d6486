import json


def pods(reconcile, log):
    return [line.removeprefix("pod/") for line in reconcile("get", "pods", "-o", "name", "--log", log).out.split()]


def test_what_each_plugin_says_of_each_node(reconcile, log):
    name, *_ = pods(reconcile, log)
    ended = reconcile("explain", "pod", name, "--log", log)
    assert ended.code == 0
    first, heading, *rows = ended.out.splitlines()
    assert first == f"default/{name}: bound"
    assert {"NODE", "VERDICT", "PodTopologySpread", "TOTAL"} <= {*heading.split()}
    assert [row.split()[0] for row in rows] == ["node-1", "node-2"]
    assert sum(row.split()[1] == "best" for row in rows) >= 1


def test_as_json(reconcile, log):
    name, *_ = pods(reconcile, log)
    found = json.loads(reconcile("explain", "pod", name, "-o", "json", "--log", log).out)
    assert found["result"] == "bound"
    assert all(node["total"] == sum(node["scores"].values()) for node in found["nodes"])


def test_who_could_not_move(reconcile, log):
    assert reconcile("explain", "drain", "node-2", "--log", log).code == 0
    ended = reconcile("explain", "drain", "node-1", "node-2", "--log", log)
    assert ended.code == 2
    assert "nowhere: no nodes available to schedule pods" in ended.out


def test_how_many_more(reconcile, log):
    name, *_ = pods(reconcile, log)
    ended = reconcile("explain", "room", name, "--log", log)
    assert ended.code == 0
    assert ended.out.startswith(f"{name}: ")
    assert "Too many pods" in ended.out or "Insufficient" in ended.out


def test_what_there_is_not(reconcile, log):
    ended = reconcile("explain", "pod", "none", "--log", log)
    assert (ended.code, ended.err) == (1, 'error: there is no pod "none" in namespace "default"\n')
    assert 'there is no node "x"' in reconcile("explain", "drain", "x", "--log", log).err


CONFIGURATION = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
  - schedulerName: default-scheduler
    plugins:
      score:
        disabled: [{name: "*"}]
        enabled: [{name: ImageLocality, weight: 3}]
"""


def test_extenders_have_no_say(reconcile, log, desk):
    path = desk / "extenders.yaml"
    path.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        "extenders: [{urlPrefix: 'http://ext', filterVerb: filter}]\n"
    )
    name, *_ = pods(reconcile, log)
    ended = reconcile("explain", "pod", name, "-o", "json", "--scheduler-config", path, "--log", log)
    assert ended.err == "extenders have no say here: http://ext\n"
    assert json.loads(ended.out)["unasked"] == ["http://ext"]


def test_a_run_has_the_configuration_that_it_was_given(reconcile, desk):
    path, record = desk / "scheduler.yaml", desk / "run.jsonl"
    path.write_text(CONFIGURATION)
    ended = reconcile("run", "deployment.yaml", "--scheduler-config", path, "--nodes", 2, "--record", record, "-q")
    assert ended.code == 0
    assert reconcile("replay", record).code == 0
    name, *_ = pods(reconcile, record)
    assert reconcile("explain", "pod", name, "--log", record).out.splitlines()[1].split() == [
        "NODE",
        "VERDICT",
        "DynamicResources",
        "ImageLocality",
        "TOTAL",
    ]


def test_a_configuration_that_is_none(reconcile, desk):
    path = desk / "scheduler.yaml"
    path.write_text(CONFIGURATION.replace("weight: 3", "weight: x"))
    ended = reconcile("run", "deployment.yaml", "--scheduler-config", path, "-q")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: {path}, document 1, line 8: "
        "profiles[0].plugins.score.enabled[0].weight: expected an integer, found 'x'\n"
    )


def test_as_annotations(reconcile, log):
    name, *_ = pods(reconcile, log)
    found = json.loads(reconcile("explain", "pod", name, "-o", "annotations", "--log", log).out)
    assert found["kube-scheduler-simulator.sigs.k8s.io/selected-node"] in {"node-1", "node-2"}
    assert {*json.loads(found["kube-scheduler-simulator.sigs.k8s.io/filter-result"])} == {"node-1", "node-2"}
    assert (
        "-o annotations: is for explain pod"
        in reconcile("explain", "drain", "node-1", "-o", "annotations", "--log", log).err
    )


def test_decisions_are_read_from_the_log(reconcile, desk):
    ended = reconcile("run", "deployment.yaml", "--nodes", 2, "-q", "--explain", "log", "--record", "said.jsonl")
    assert ended.code == 0
    log = desk / "said.jsonl"
    name, *_ = pods(reconcile, log)
    ended = reconcile("explain", "pod", name, "--log", log, "--recorded")
    assert ended.code == 0
    first, heading, *_ = ended.out.splitlines()
    assert first.startswith("step ")
    assert first.endswith(f"default/{name}: bound")
    assert "PodTopologySpread" in heading
    (row,) = json.loads(reconcile("explain", "pod", name, "--log", log, "--recorded", "-o", "json").out)
    assert f"step {row['step']}, to {row['node']}: " in first
    assert reconcile("replay", log).code == 0
    assert "no scheduler has decided" in reconcile("explain", "pod", "none", "--log", log, "--recorded").err


def test_what_no_log_can_say(reconcile, log):
    assert "no decision is explained in it" in reconcile("explain", "pod", "web", "--log", log, "--recorded").err
    refused = reconcile("explain", "drain", "node-1", "--log", log, "--recorded")
    assert refused.err == "error: --recorded: goes through the decisions of a log, without explain drain\n"
    assert "without --at" in reconcile("explain", "pod", "web", "--log", log, "--recorded", "--at", "1s").err


FITTING = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: more}
spec:
  replicas: 2
  selector: {matchLabels: {app: more}}
  template:
    metadata: {labels: {app: more}}
    spec: {containers: [{name: main, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: huge}
spec: {containers: [{name: main, image: nginx, resources: {requests: {cpu: "1000"}}}]}
"""


def test_where_pods_would_go(reconcile, log, desk):
    (desk / "fitting.yaml").write_text(FITTING)
    ended = reconcile("explain", "fit", "fitting.yaml", "--log", log)
    assert ended.code == 2
    heading, huge, *others = ended.out.splitlines()
    assert heading.split() == ["POD", "TO"]
    assert huge.split()[:2] == ["default/huge", "nowhere:"]
    assert [row.split()[0] for row in others] == ["default/more-0", "default/more-1"]
    assert all(row.split()[1] in {"node-1", "node-2"} for row in others)
    (desk / "none.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    assert "no pod is declared" in reconcile("explain", "fit", "none.yaml", "--log", log).err
    (desk / "bad.yaml").write_text(FITTING.partition("---")[2].replace("name: huge", "name: bad, namespace: gone"))
    assert 'pod gone/bad: namespaces "gone" not found' in reconcile("explain", "fit", "bad.yaml", "--log", log).err
