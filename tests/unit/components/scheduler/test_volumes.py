import attrs
import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.components.scheduler.questions import place_of
from reconcile.effects import SetTimer
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.lib.mapping import Map

WAIT = storage_v1.StorageClass(
    metadata=meta_v1.ObjectMeta(name="wait"), provisioner="csi.example", volume_binding_mode="WaitForFirstConsumer"
)
NONE = attrs.evolve(WAIT, provisioner="kubernetes.io/no-provisioner")
VOLUMES = ("volumes",)


def claim(kit, name="data", *, mode="ReadWriteOnce", size="5Gi", kind="wait", **metadata):
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", **metadata),
        spec=core_v1.PersistentVolumeClaimSpec(
            access_modes=(mode,),
            storage_class_name=kind,
            resources=core_v1.VolumeResourceRequirements(requests=kit.quantities(storage=size)),
        ),
        status=core_v1.PersistentVolumeClaimStatus(phase="Pending"),
    )


def volume(kit, name, node, size="10Gi"):
    term = kit.term([("kubernetes.io/hostname", "In", node)])
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name=name, uid=f"uid-{name}"),
        spec=core_v1.PersistentVolumeSpec(
            capacity=kit.quantities(storage=size),
            access_modes=("ReadWriteOnce",),
            storage_class_name="wait",
            node_affinity=core_v1.VolumeNodeAffinity(required=core_v1.NodeSelector(node_selector_terms=(term,))),
        ),
        status=core_v1.PersistentVolumeStatus(phase="Available"),
    )


def bound(wanted, to):
    return attrs.evolve(
        wanted,
        metadata=attrs.evolve(
            wanted.metadata,
            annotations=Map({**(wanted.metadata.annotations or {}), "pv.kubernetes.io/bind-completed": "yes"}),
        ),
        spec=attrs.evolve(wanted.spec, volume_name=to),
        status=core_v1.PersistentVolumeClaimStatus(phase="Bound"),
    )


def pod(kit, name="web", of="data"):
    source = core_v1.PersistentVolumeClaimVolumeSource(claim_name=of)
    return kit.pod(name, volumes=(core_v1.Volume(name="v", persistent_volume_claim=source),))


def begun(kit, *nodes, volumes=(), claims=(), kind=NONE):
    return kit.play(
        *nodes,
        **{
            "persistentvolumes": volumes,
            "persistentvolumeclaims": claims,
            "storageclasses.storage.k8s.io": [kind],
        },
    )


def test_the_smallest_volume_that_is_enough_is_bound_before_the_pod_is(kit):
    wanted, small = claim(kit), volume(kit, "small", "n2", "5Gi")
    play = begun(
        kit, kit.node("n1"), kit.node("n2"), claims=[wanted], volumes=[volume(kit, "big", "n2", "50Gi"), small]
    )
    play.tell("pods", pod(kit))
    call, timer = play.turn_to_wait()
    assert timer == SetTimer(VOLUMES, 10 * MINUTE, periodic=True)
    assert (call.request.verb, call.request.resource, call.request.name) == ("update", "persistentvolumes", "small")
    body = call.request.body
    assert (body.spec.claim_ref.name, body.spec.claim_ref.uid) == ("data", "uid-data")
    assert body.metadata.annotations["pv.kubernetes.io/bound-by-controller"] == "yes"
    assert play.answer(call, 200) == ()
    play.tell("persistentvolumes", body)
    assert play.tell("persistentvolumeclaims", bound(wanted, "small")) == (SetTimer(VOLUMES, SECOND),)
    play.wait(1)
    (binding,) = kit.calls(play.fire(VOLUMES), "binding")
    assert binding.request.body.target.name == "n2"
    assert not play.state.reserved.waiting
    assert not play.state.reserved.volumes


def test_a_volume_that_is_to_be_made_is_made_for_the_node(kit):
    wanted = claim(kit)
    play = begun(kit, kit.node("n1"), claims=[wanted], kind=WAIT)
    play.tell("pods", pod(kit))
    call, timer = play.turn_to_wait()
    assert timer == SetTimer(VOLUMES, 10 * MINUTE, periodic=True)
    assert (call.request.verb, call.request.resource) == ("update", "persistentvolumeclaims")
    annotations = call.request.body.metadata.annotations
    assert annotations["volume.kubernetes.io/selected-node"] == "n1"
    play.answer(call, 200)
    made = attrs.evolve(volume(kit, "made", "n1"), status=core_v1.PersistentVolumeStatus(phase="Bound"))
    play.tell("persistentvolumes", made)
    play.tell("persistentvolumeclaims", bound(call.request.body, "made"))
    play.wait(1)
    assert kit.calls(play.fire(VOLUMES), "binding")


def test_what_is_reserved_for_one_pod_is_not_given_to_another(kit):
    play = begun(kit, kit.node("n1"), claims=[claim(kit), claim(kit, "more")], volumes=[volume(kit, "only", "n1")])
    play.tell("pods", pod(kit), pod(kit, "late", "more"))
    play.turn()
    assert play.refused().startswith(
        "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind."
    )


def test_after_ten_minutes_the_pod_is_tried_again(kit):
    play = begun(kit, kit.node("n1"), claims=[claim(kit)], kind=WAIT)
    play.tell("pods", pod(kit))
    call, timer = play.turn_to_wait()
    assert timer == SetTimer(VOLUMES, 10 * MINUTE, periodic=True)
    play.answer(call, 200)
    play.wait(600)
    effects = play.fire(VOLUMES)
    (record,) = kit.records(effects)
    assert record.message == 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
    (told,) = kit.calls(effects, "status")
    assert told.request.body["status"]["nominatedNodeName"] is None
    assert place_of(play.state, "default/web") == "failed"
    assert not play.state.reserved.claims
    assert play.state.nodes.used.get(0, None) is None


def test_a_write_that_is_refused_undoes_the_choice(kit):
    play = begun(kit, kit.node("n1"), claims=[claim(kit)], volumes=[volume(kit, "v1", "n1")])
    play.tell("pods", pod(kit))
    call, timer = play.turn_to_wait()
    assert timer == SetTimer(VOLUMES, 10 * MINUTE, periodic=True)
    (record,) = kit.records(play.answer(call, 409, meta_v1.Status(message="the object has been modified")))
    assert record.message == 'running PreBind plugin "VolumeBinding": the object has been modified'
    assert not play.state.reserved.waiting


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        (["lost"], 'persistentvolumeclaim "data" bound to non-existent persistentvolume ""'),
        (["immediate"], "pod has unbound immediate PersistentVolumeClaims"),
    ],
)
def test_no_node_is_looked_at_if_a_claim_cannot_be_had_anywhere(kit, claims, message):
    made = {
        "lost": attrs.evolve(claim(kit), status=core_v1.PersistentVolumeClaimStatus(phase="Lost")),
        "immediate": claim(kit, kind="other"),
    }
    play = begun(kit, kit.node("n1"), claims=[made[each] for each in claims])
    play.tell("pods", pod(kit))
    assert play.refused() == f"0/1 nodes are available: {message}. not found"
    play.tell("persistentvolumeclaims", bound(claim(kit), "v1"))
    assert place_of(play.state, "default/web") == "backoff"


def test_a_claim_for_one_pod_is_had_once(kit):
    alone = bound(claim(kit, mode="ReadWriteOncePod"), "v1")
    play = begun(kit, kit.node("n1"), claims=[alone], volumes=[volume(kit, "v1", "n1")])
    play.tell("pods", pod(kit), pod(kit, "late"))
    assert play.placed() == "n1"
    assert "ReadWriteOncePod access mode already in-use by another pod" in play.refused()
    play.gone("pods", "default/web")
    assert place_of(play.state, "default/late") == "backoff"


def test_a_node_has_only_so_many_volumes_of_a_driver(kit):
    csi = core_v1.CSIPersistentVolumeSource(driver="csi.example", volume_handle="h")
    volumes = [
        attrs.evolve(each, spec=attrs.evolve(each.spec, csi=attrs.evolve(csi, volume_handle=each.metadata.name)))
        for each in (volume(kit, "v1", "n1"), volume(kit, "v2", "n1"))
    ]
    claims = [bound(claim(kit, "data"), "v1"), bound(claim(kit, "more"), "v2")]
    driver = storage_v1.CSINodeDriver(
        name="csi.example", node_id="n1", allocatable=storage_v1.VolumeNodeResources(count=1)
    )
    node = storage_v1.CSINode(metadata=meta_v1.ObjectMeta(name="n1"), spec=storage_v1.CSINodeSpec(drivers=(driver,)))
    play = begun(kit, kit.node("n1"), claims=claims, volumes=volumes)
    play.tell("csinodes.storage.k8s.io", node)
    play.tell("pods", pod(kit), pod(kit, "late", "more"))
    assert play.placed() == "n1"
    assert play.refused().startswith("0/1 nodes are available: 1 node(s) exceed max volume count.")


def test_a_volume_of_a_zone_is_reached_from_there(kit):
    zonal = volume(kit, "v1", "n1")
    zonal = attrs.evolve(
        zonal,
        metadata=attrs.evolve(zonal.metadata, labels=Map({"topology.kubernetes.io/zone": "a"})),
        spec=attrs.evolve(zonal.spec, node_affinity=None),
    )
    zone = "topology.kubernetes.io/zone"
    play = begun(
        kit,
        kit.node("n1", labels=[(zone, "b")]),
        claims=[bound(claim(kit), "v1")],
        volumes=[zonal],
    )
    play.tell("pods", pod(kit))
    assert play.refused().startswith("0/1 nodes are available: 1 node(s) had no available volume zone.")
    play.tell("nodes", kit.node("n2", labels=[(zone, "a")]))
    assert play.placed() == "n2"
