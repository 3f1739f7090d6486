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
