"""How full volumes are that containers write to."""

from reconcile import Behaviours, Cluster, Submit, Topology, apply, run, settle, step
from reconcile.driver.client import delete
from reconcile.lib.instant import SECOND
from reconcile.model.drivers import Driver

GI = 1 << 30
IMAGES = {
    "db": "preloaded, start 0s, stop 0s, writes 0..4Gi over 200s to /data/base, exit 28 when /data/base is full",
    "cache": "preloaded, start 0s, writes 1Gi to /cache, exit 1 when /cache is full, writes 5Mi to /etc/config/x",
}
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "disks"},
    "provisioner": "csi.example.com",
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disks",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def pod(name, image, path, volume, **spec):
    container = {"name": "c", "image": image, "volumeMounts": [{"name": "v", "mountPath": path}]}
    spec = {"containers": [container], "volumes": [{"name": "v", **volume}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def cluster_of(*manifests):
    topology = Topology(
        nodes=1,
        behaviours=Behaviours.parse({"images": IMAGES}),
        drivers=(Driver(name="csi.example.com"),),
        heartbeats=False,
    )
    cluster = settle(Cluster.boot(topology, seed=1)).cluster
    for manifest in manifests:
        cluster, response = apply(cluster, manifest)
        assert response.ok, response.body.message
    return cluster


def after(cluster, seconds):
    return run(cluster, until=cluster.now + seconds * SECOND).cluster


def restarts(cluster, name="a"):
    return cluster.get("pods", name).status.container_statuses[0].restart_count


def test_a_claim_fills_up_and_stays_full_for_whoever_comes_next():
    db = pod("a", "db:1", "/data", {"persistentVolumeClaim": {"claimName": "data"}}, restartPolicy="Never")
    cluster = after(cluster_of(CLASS, CLAIM, db), 40)
    (key,) = list(cluster.programs.filled.keys())
    assert key.startswith("volume/pvc-")
    assert 0 < cluster.programs.filled[key]["c"] < GI
    cluster = after(cluster, 60)
    assert cluster.programs.filled[key]["c"] == GI
    assert cluster.get("pods", "a").status.container_statuses[0].state.terminated.exit_code == 28
    cluster, _ = apply(cluster, {**db, "metadata": {"name": "b"}})
    cluster = after(cluster, 40)
    assert cluster.get("pods", "b").status.phase == "Failed"


def test_an_emptydir_of_memory_has_room_up_to_its_limit_and_goes_with_its_pod():
    cache = pod("a", "cache:1", "/cache", {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}})
    cluster = after(cluster_of(cache), 30)
    assert restarts(cluster) > 0
    uid = cluster.get("pods", "a").metadata.uid
    assert dict(cluster.programs.filled.items())[f"pod/{uid}/v"]["c"] == GI
    cluster, _ = apply(cluster, pod("b", "cache:1", "/cache", {"emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}))
    cluster = after(cluster, 30)
    assert restarts(cluster, "b") == 0
    cluster, _ = step(cluster, Submit(delete("pods", "a")))
    cluster = after(cluster, 40)
    assert [key for key in cluster.programs.filled if uid in key] == []


def test_what_is_read_only_takes_nothing():
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"x": "1"}}
    cluster = after(cluster_of(config, pod("a", "cache:1", "/etc/config", {"configMap": {"name": "conf"}})), 30)
    assert not list(cluster.programs.filled.keys())
