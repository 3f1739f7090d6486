"""Claims, volumes and what pods wait for: whatever happens, in whatever order, the end is the undisturbed run's."""

from functools import cache

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import collector_paused, settle
from reconcile.events import Disconnect, Reconnect, StartHost, StartProcess, StopHost, StopProcess
from reconcile.lib.instant import SECOND
from reconcile.model.behaviours import Behaviours
from reconcile.model.drivers import Driver
from reconcile.properties import PAST, Past
from reconcile.testing.fuzzing import Schedule, Strike, Wait, Wander, play
from reconcile.testing.moves import Declare, Lag, Withdraw
from reconcile.testing.schedules import IMAGES

RUNS = settings.default.max_examples * 3 // 4 if settings.default.max_examples >= 200 else 10
COUNTED = settings(
    max_examples=RUNS,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
HOSTS = ("node-1", "node-2")
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "csi.example.com",
}
NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"k": "v"}}


def claim(name, cls="fast"):
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": cls, "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def volume(name, cls):
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": cls,
        "hostPath": {"path": f"/{name}"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def pod(name, *volumes, image="web:1", env=()):
    container = {"name": "main", "image": image, "env": list(env)}
    rows = [{"name": f"v{place}", **source} for place, source in enumerate(volumes)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "volumes": rows},
    }


def named(name):
    return {"persistentVolumeClaim": {"claimName": name}}


EPHEMERAL = {"ephemeral": {"volumeClaimTemplate": {"spec": claim("x")["spec"]}}}
MOUNTED = {"configMap": {"name": "note"}}
READ = {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "note", "key": "k"}}}

ALL = (
    CLASS,
    NOTE,
    claim("a"),
    claim("b"),
    volume("static", "manual"),
    claim("c", "manual"),
    pod("a", named("a")),
    pod("b", named("b"), MOUNTED),
    pod("c", named("c"), image="web:2"),
    pod("e", EPHEMERAL),
    pod("n", env=(READ,)),
)
# What may go and come again. A claim in use stays until its pod has gone, and one that goes takes its data along.
PODS = tuple([each for each in ALL if each["kind"] == "Pod"])
LOOSE = (*PODS, NOTE, CLASS)


@cache
def booted(seed):
    topology = Topology(
        nodes=2,
        masters=2,
        behaviours=Behaviours.parse(IMAGES),
        drivers=(Driver(name="csi.example.com", failures=1),),
    )
    settled = settle(Cluster.boot(topology, seed=seed))
    assert settled.settled, settled.moving
    return settled.cluster


@st.composite
def moves(draw, hosts):
    kinds = ("wander", "wander", "wait", "gone", "again", "again")
    what = draw(st.sampled_from((*kinds, "strike", "strike", "lag", "outage") if hosts else kinds))
    if what == "wander":
        return Wander(draw(st.integers(1, 120)), draw(st.integers(0, 2**16)))
    if what == "wait":
        return Wait(draw(st.sampled_from((SECOND // 10, SECOND, 5 * SECOND, 20 * SECOND))))
    if what == "strike":
        kind = draw(st.sampled_from(("drop", "repeat", "cut", "lag", "kill", "halt", "compact")))
        return Strike(kind, draw(st.integers(0, 200)))
    if what == "lag":
        return Lag(draw(st.integers(0, 200)), draw(st.sampled_from((SECOND, 6 * SECOND, 20 * SECOND))))
    if what == "outage":
        kind = draw(st.sampled_from((StopHost, StartHost, Disconnect, Reconnect, StopProcess, StartProcess)))
        host = draw(st.sampled_from(hosts))
        return kind(f"kubelet/{host}" if kind in (StopProcess, StartProcess) else host)
    manifest = draw(st.sampled_from(PODS if hosts else LOOSE))
    return Withdraw(manifest["kind"], manifest["metadata"]["name"]) if what == "gone" else Declare(manifest)


@st.composite
def schedules(draw, hosts=()):
    order = draw(st.permutations(ALL))
    # Where hosts fail, what is declared may be refused: then a pod would wait for ever for what never came.
    count = len(order) if hosts else draw(st.integers(0, len(order)))
    later = [Declare(each) for each in order[count:]]
    for move in draw(st.lists(moves(hosts), max_size=8)):
        later.insert(draw(st.integers(0, len(later))), move)
    # What pods wait for comes back in the end.
    return Schedule(tuple(order[:count]), (*later, *[Declare(each) for each in (CLASS, NOTE) if not hosts]))


@collector_paused()
def judged(seed, schedule):
    # A volume is attached and detached as its Node says, which a cluster at rest does not wait for.
    verdict = play(booted(seed), schedule, past=(*PAST, Past("volumeattachments.storage.k8s.io")))
    assert not verdict.problems, "\n".join([*verdict.problems, *verdict.happened])
    return verdict


@COUNTED
@given(st.data(), st.integers(0, 1))
def test_users_and_any_order(data, seed):
    judged(seed, data.draw(schedules()))


@COUNTED
@given(st.data(), st.integers(0, 1))
def test_everything_fails(data, seed):
    judged(seed, data.draw(schedules(HOSTS)))


def test_the_undisturbed_run_binds_every_claim_and_runs_every_pod():
    verdict = judged(0, Schedule(ALL))
    cluster = verdict.cluster
    assert {each.status.phase for each in cluster.objects("persistentvolumeclaims")} == {"Bound"}
    assert {each.status.phase for each in cluster.objects("pods", namespace="default")} == {"Running"}
