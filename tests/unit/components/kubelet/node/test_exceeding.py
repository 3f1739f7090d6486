"""Exceeding: what a kubelet does about pods that write more than they may."""

import pytest

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.kubelet.pod import recalling
from reconcile.components.kubelet.state import with_seldom
from reconcile.events import ContainerUses, Reported
from reconcile.lib.mapping import Map
from reconcile.model.pods.running import RunningContainer, RunningPod

MI = 1 << 20


def may(storage):
    return core_v1.ResourceRequirements(limits=Map.of({"ephemeral-storage": Quantity.parse(storage)}))


def scratch(name="tmp", limit=None, medium=None):
    size = None if limit is None else Quantity.parse(limit)
    return core_v1.Volume(name=name, empty_dir=core_v1.EmptyDirVolumeSource(size_limit=size, medium=medium))


@pytest.fixture
def uses(lab):
    def made(containers, *reports, volumes=(), **spec):
        run = lab()
        run.bind("web", containers=containers, volumes=volumes or None, **spec)
        run.run(10)
        for name, disk, filled in reports:
            run.push("kubelet", Reported(run.now, ContainerUses("pod-web", name, 0, disk * MI, Map(filled))))
            run.run(5)
        return run

    return made


def test_an_emptydir_beyond_its_limit_evicts_its_pod(uses, container):
    volumes = (scratch(limit="100Mi"), scratch("other"))
    lab = uses((container("a"),), ("a", 0, {"tmp": 100 * MI, "other": 900 * MI}), volumes=volumes)
    assert lab.pod("web").status.phase == "Running"
    lab = uses((container("a"),), ("a", 0, {"tmp": 100 * MI + 1}), volumes=volumes)
    status, said = lab.pod("web").status, 'Usage of EmptyDir volume "tmp" exceeds the limit "100Mi". '
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", said)
    assert ("Warning", "Evicted", said, "web") in lab.records
    assert "DisruptionTarget" not in lab.conditions("web")


def test_all_that_a_pod_writes_counts_for_the_limit_of_its_containers(uses, container):
    containers = (container("a", resources=may("100Mi")), container("b", resources=may("200Mi")))
    rows = ("a", 90, {}), ("b", 150, {"tmp": 60 * MI})
    lab = uses(containers, *rows, volumes=(scratch(),))
    assert lab.pod("web").status.phase == "Running"
    lab = uses(containers, *rows, ("b", 151, {}), volumes=(scratch(),))
    said = "Pod ephemeral local storage usage exceeds the total limit of containers 300Mi. "
    assert lab.pod("web").status.message == said


def test_an_emptydir_of_memory_is_not_on_the_disk(uses, container):
    lab = uses(
        (container("a", resources=may("100Mi")),), ("a", 0, {"tmp": 200 * MI}), volumes=(scratch(medium="Memory"),)
    )
    assert lab.pod("web").status.phase == "Running"


def test_a_container_beyond_its_own_limit_evicts_its_pod(uses, container):
    containers = (container("a", resources=may("100Mi")), container("b", resources=may("1Gi")))
    lab = uses(containers, ("a", 101, {}))
    said = 'Container a exceeded its local ephemeral storage limit "100Mi". '
    assert lab.pod("web").status.message == said


def test_a_critical_pod_stays_and_so_does_one_without_limits(uses, container):
    containers = (container("a", resources=may("100Mi")),)
    lab = uses(containers, ("a", 300, {}), priority=2_000_000_000)
    assert lab.pod("web").status.phase == "Running"
    assert uses((container("a"),), ("a", 300, {})).pod("web").status.phase == "Running"


def test_what_was_written_is_forgotten_with_the_pod(uses, container):
    lab = uses((container("a"),), ("a", 0, {"tmp": 5 * MI}), volumes=(scratch(),))
    assert lab.kubelet.seldom.filled == Map({"pod-web": Map({"tmp": 5 * MI})})
    lab.mark()
    lab.run(60)
    assert lab.kubelet.seldom.filled == Map()


def test_a_kubelet_that_starts_knows_what_was_written(lab):
    row = {"image": "web:1", "image_id": "x", "attempt": 0, "started_at": 1, "container_id": "y"}
    found = RunningPod(
        uid="u",
        ip="",
        containers=(
            RunningContainer(container="a", volumes=Map({"tmp": 5 * MI}), **row),
            RunningContainer(container="b", **row),
        ),
    )
    state = lab().kubelet
    state = with_seldom(state, found=Map({"u": found, "v": found}))
    claimed = recalling.claimed(state, found).seldom
    assert claimed.found == Map({"v": found})
    assert claimed.filled == Map({"u": Map({"tmp": 5 * MI})})
