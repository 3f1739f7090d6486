import json
import re

import yaml


def test_table(reconcile, log):
    ended = reconcile("get", "deploy", "--log", log)
    assert ended.code == 0
    heading, row = ended.out.splitlines()
    assert heading.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert re.fullmatch(r"shop +2/2 +2 +2 +\d+s", row)


def test_several(reconcile, log):
    out = reconcile("get", "deploy,rs", "--log", log).out
    assert re.search(r"^deployment.apps/shop .*\n\nNAME .*\nreplicaset.apps/shop-", out, re.MULTILINE)
    assert reconcile("get", "deploy/shop", "svc/kubernetes", "--log", log).out.count("NAME") == 2


def test_wide_and_all_namespaces(reconcile, log):
    heading, *rows = reconcile("get", "pods", "-A", "-o", "wide", "--log", log).out.splitlines()
    assert heading.split()[:2] == ["NAMESPACE", "NAME"]
    assert "NODE" in heading
    assert any(row.startswith("kube-system   etcd-node-1 ") for row in rows)


def test_names_json_and_yaml(reconcile, log):
    assert reconcile("get", "nodes", "-o", "name", "--log", log).out == "node/node-1\nnode/node-2\n"
    one = json.loads(reconcile("get", "node", "node-1", "-o", "json", "--log", log).out)
    assert (one["kind"], one["metadata"]["name"]) == ("Node", "node-1")
    listed = yaml.safe_load(reconcile("get", "nodes", "-o", "yaml", "--log", log).out)
    assert listed["kind"] == "List"
    assert listed["items"][0] == one


def test_whole_objects_are_set_out_as_kubectl_does(reconcile, log):
    text = reconcile("get", "ns", "default", "-o", "json", "--log", log).out
    assert text.startswith('{\n    "apiVersion": "v1",\n    "kind": "Namespace",\n    "metadata": {\n')
    applied = reconcile("get", "deploy/shop", "-o", "yaml", "--log", log).out
    assert re.search(r"^    kubectl.kubernetes.io/last-applied-configuration: .*\"replicas\":2", applied, re.MULTILINE)


def test_categories(reconcile, log):
    out = reconcile("get", "all", "--log", log).out
    kinds = list(dict.fromkeys(re.findall(r"^([a-z.]+)/", out, re.MULTILINE)))
    assert kinds == ["pod", "service", "deployment.apps", "replicaset.apps"]
    assert reconcile("get", "all,pods", "--log", log).out == out


def test_members_of_etcd(reconcile, log):
    rule, heading, *rows = reconcile("get", "members", "--log", log).out.splitlines()
    assert rule == rows[0] == rows[-1]
    assert heading.strip("| ").split()[:3] == ["ID", "|", "STATUS"]
    assert rows[1].startswith("| e58c878e0e01014 | started | node-1 | https://172.18.0.2:2380 |")


def test_earlier(reconcile, log):
    assert reconcile("get", "deploy", "--log", log, "--until", 3).out == ""
    row = reconcile("get", "deploy", "--log", log, "--at", "2.25s").out.splitlines()[1]
    assert row.split()[1] == "0/2"


def test_nothing_there(reconcile, log):
    ended = reconcile("get", "jobs", "--log", log)
    assert (ended.code, ended.out, ended.err) == (0, "", "No resources found in default namespace.\n")
    ended = reconcile("get", "pod", "none", "--log", log)
    assert ended.code == 1
    assert ended.err == 'Error from server (NotFound): pods "none" not found\n'
    ended = reconcile("get", "pod", "none", "--log", log, "-o", "json")
    assert (ended.code, ended.out) == (1, "")
    ended = reconcile("get", "jobs", "--log", log, "-o", "json")
    assert (ended.code, json.loads(ended.out)["items"], ended.err) == (0, [], "")


def test_bad_words(reconcile, log):
    assert "near: pod" in reconcile("get", "pood", "--log", log).err
    assert "all have to be" in reconcile("get", "pod/a", "b", "--log", log).err
    assert "no name after a slash" in reconcile("get", "pod/", "--log", log).err
