"""Kubeadm's forms on the command line, and manifests on hosts' disks."""

from reconcile.adapters.cli.machines import form_of


def test_a_form_as_files_runs(reconcile, desk):
    ended = reconcile("topology", "external-etcd", "--masters", 2, "--workers", 1, "--members", 1, "-o", desk / "o")
    assert ended.code == 0
    files = {path.relative_to(desk / "o").as_posix() for path in (desk / "o").rglob("*.yaml")}
    assert {"topology.yaml", "addons.yaml", "manifests/etcd-1/etcd.yaml"} <= files
    assert "manifests/master-2/kube-apiserver.yaml" in files
    assert not any(path.startswith("manifests/worker-1") for path in files)
    text = (desk / "o" / "manifests" / "master-1" / "kube-apiserver.yaml").read_text()
    assert "- --etcd-servers=https://172.18.0.2:2379\n" in text
    ended = reconcile(
        *("run", desk / "o" / "addons.yaml", "pod.yaml", "-q", "--topology", desk / "o" / "topology.yaml"),
        *("--manifests", desk / "o" / "manifests"),
    )
    assert ended.code == 0, ended.err
    assert ended.out.count("pod/kube-proxy-") == 4
    assert "pod/coredns-" in ended.out


def test_a_form_as_one_file_is_a_topology(reconcile, desk):
    ended = reconcile("topology", "single", "--workers", 0)
    assert ended.code == 0
    (desk / "single.yaml").write_text(ended.out)
    ended = reconcile("run", "pod.yaml", "-q", "--topology", desk / "single.yaml", "--limit", "20s")
    assert ended.code == 2  # the only master is tainted
    assert "untolerated taint" in ended.out


def test_a_form_by_its_name_brings_its_add_ons(reconcile):
    ended = reconcile("run", "--topology", "kubeadm", "--masters", 2, "--nodes", 3)
    assert ended.code == 0, ended.err
    assert "power on: 3 hosts, 2 masters" in ended.out
    assert ended.out.count("pod/kube-proxy-") >= 3
    assert form_of(None) == ""


def test_a_form_needs_hosts_for_its_masters(reconcile):
    ended = reconcile("run", "--topology", "stacked", "--nodes", 2)
    assert ended.code == 1
    assert "--nodes: 2 are fewer than the 3 masters of stacked" in ended.err


def test_a_masters_own_manifests(reconcile, desk):
    reconcile("topology", "single", "-o", desk / "o")
    broken = desk / "o" / "manifests" / "master-1" / "kube-scheduler.yaml"
    broken.write_text(broken.read_text().replace("--leader-elect=true", "--leader-elects=true"))
    ended = reconcile("run", "pod.yaml", "--manifests", broken.parent, "-q", "--limit", "60s")
    assert ended.code == 2  # no scheduler
    ended = reconcile("run", "pod.yaml", "--manifests", f"other={broken.parent}", "-q")
    assert ended.code == 1
    assert "manifests: there is no host 'other'" in ended.err


def test_what_is_no_pod_is_refused_with_its_place(reconcile, desk):
    (desk / "disk").mkdir()
    (desk / "disk" / "x.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containerz: []}\n")
    ended = reconcile("run", "pod.yaml", "--manifests", desk / "disk", "-q")
    assert ended.code == 1
    assert "disk/x.yaml" in ended.err
    assert "containerz" in ended.err
