"""Volumes: a pod waits for what its volumes are made of, says what is missing, and starts once it is there."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.components.kubelet.state import with_seldom
from reconcile.components.kubelet.volume import asking
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver, DriverFault

WEB = {"web:1": "preloaded, start 1s"}


def volume(name="v", **source):
    return core_v1.Volume(name=name, **source)


def config_map(name="cm", keys=("k",)):
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    return core_v1.ConfigMap(metadata=metadata, data=Map.of(dict.fromkeys(keys, "value")))


def secret(name="s", keys=("k",)):
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    return core_v1.Secret(metadata=metadata, data=Map.of(dict.fromkeys(keys, "dmFsdWU=")))


def claim(phase="Bound", uid="u", **metadata):
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name="data", namespace="default", uid=uid, **metadata),
        spec=core_v1.PersistentVolumeClaimSpec(volume_name="pv"),
        status=core_v1.PersistentVolumeClaimStatus(phase=phase),
    )


def persistent(uid="u", **spec):
    reference = core_v1.ObjectReference(namespace="default", name="data", uid=uid)
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name="pv"), spec=core_v1.PersistentVolumeSpec(claim_ref=reference, **spec)
    )


CONFIG_MAP = volume(config_map=core_v1.ConfigMapVolumeSource(name="cm"))
CLAIM = volume(persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(claim_name="data"))


def phase(made):
    return made.pod().status.phase


def test_a_pod_waits_for_a_config_map_and_starts_at_the_next_try(lab):
    made = lab(WEB)
    made.bind(volumes=(CONFIG_MAP,))
    made.run(1)
    assert phase(made) == "Pending"
    assert made.status().state.waiting.reason == "ContainerCreating"
    assert made.conditions()["PodReadyToStartContainers"][0] == "False"
    said = 'MountVolume.SetUp failed for volume "v" : configmap "cm" not found'
    assert made.said("FailedMount") == [said] * 2
    made.put("configmaps", config_map())
    made.run(2)
    assert phase(made) == "Running"
    assert made.said("FailedMount") == [said] * 2
    assert made.timers.get(("kubelet", ("mount", "pod-web"))) is None


def test_it_tries_again_later_each_time(lab):
    made = lab(WEB)
    made.bind(volumes=(CONFIG_MAP,))
    made.run(600)
    # at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, then every 122 s
    assert len(made.said("FailedMount")) == 12
    assert asking.LAST_DELAY == 122 * 10**9


def test_it_asks_for_each_thing_once_and_for_nothing_else(lab):
    made = lab(WEB)
    made.put("configmaps", config_map())
    made.put("secrets", secret())
    made.calls.clear()
    two = (volume("a", config_map=core_v1.ConfigMapVolumeSource(name="cm")), CONFIG_MAP)
    made.bind(volumes=(*two, volume("s", secret=core_v1.SecretVolumeSource(secret_name="s"))))
    made.run(5)
    assert phase(made) == "Running"
    reads = [(request.resource, request.name) for request in made.calls if request.verb == "get"]
    assert reads == [("configmaps", "cm"), ("secrets", "s")]


@pytest.mark.parametrize(
    "source",
    [
        {"empty_dir": core_v1.EmptyDirVolumeSource()},
        {"host_path": core_v1.HostPathVolumeSource(path="/x")},
        {"image": core_v1.ImageVolumeSource(reference="x")},
        {"nfs": core_v1.NFSVolumeSource(server="s", path="/x")},
        {
            "downward_api": core_v1.DownwardAPIVolumeSource(
                items=(
                    core_v1.DownwardAPIVolumeFile(
                        path="x", field_ref=core_v1.ObjectFieldSelector(field_path="metadata.name")
                    ),
                )
            )
        },
    ],
)
def test_what_is_made_of_nothing_of_the_api_is_not_waited_for(lab, source):
    made = lab(WEB)
    made.run(1)
    made.calls.clear()
    made.bind(volumes=(volume(**source),))
    made.run(5)
    assert phase(made) == "Running"
    assert [request for request in made.calls if request.verb == "get"] == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            {"config_map": core_v1.ConfigMapVolumeSource(name="cm", items=(core_v1.KeyToPath(key="z", path="z"),))},
            "configmap references non-existent config key: z",
        ),
        (
            {"secret": core_v1.SecretVolumeSource(secret_name="s", items=(core_v1.KeyToPath(key="z", path="z"),))},
            "references non-existent secret key: z",
        ),
        ({"secret": core_v1.SecretVolumeSource(secret_name="none")}, 'secret "none" not found'),
        (
            {
                "projected": core_v1.ProjectedVolumeSource(
                    sources=(
                        core_v1.VolumeProjection(config_map=core_v1.ConfigMapProjection(name="x")),
                        core_v1.VolumeProjection(secret=core_v1.SecretProjection(name="y")),
                    )
                )
            },
            '[configmap "x" not found, secret "y" not found]',
        ),
        (
            {"csi": core_v1.CSIVolumeSource(driver="csi.example.com")},
            (
                "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name csi.example.com not found in "
                "the list of registered CSI drivers"
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_kubelets_words(lab, source, why):
    made = lab(WEB)
    made.put("configmaps", config_map())
    made.put("secrets", secret())
    made.bind(volumes=(volume(**source),))
    made.run()
    assert phase(made) == "Pending"
    assert made.said("FailedMount") == [f'MountVolume.SetUp failed for volume "v" : {why}']


@pytest.mark.parametrize(
    "source",
    [
        {"config_map": core_v1.ConfigMapVolumeSource(name="none", optional=True)},
        {"secret": core_v1.SecretVolumeSource(secret_name="none", optional=True)},
        {
            "config_map": core_v1.ConfigMapVolumeSource(
                name="cm", optional=True, items=(core_v1.KeyToPath(key="z", path="z"),)
            )
        },
        {
            "projected": core_v1.ProjectedVolumeSource(
                sources=(core_v1.VolumeProjection(secret=core_v1.SecretProjection(name="y", optional=True)),)
            )
        },
    ],
)
def test_what_is_optional_is_not_waited_for(lab, source):
    made = lab(WEB)
    made.put("configmaps", config_map())
    made.bind(volumes=(volume(**source),))
    made.run(5)
    assert phase(made) == "Running"


def test_a_token_is_asked_for_in_the_name_of_the_pod(lab):
    made = lab(WEB)
    token = core_v1.ServiceAccountTokenProjection(path="token", expiration_seconds=3607)
    projected = core_v1.ProjectedVolumeSource(sources=(core_v1.VolumeProjection(service_account_token=token),))
    made.bind(volumes=(volume(projected=projected),), service_account_name="me")
    made.run()
    (asked,) = [request for request in made.calls if request.subresource == "token"]
    assert (asked.verb, asked.resource, asked.name) == ("create", "serviceaccounts", "me")
    assert asked.body.spec.bound_object_ref.uid == "pod-web"
    assert asked.body.spec.expiration_seconds == 3607


# Claims ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ((), 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
        ((claim("Pending"),), "PVC is not bound"),
        ((claim(),), 'failed to fetch PV pv from API server: persistentvolumes "pv" not found'),
        (
            (claim(), persistent("other")),
            "found PV object pv but its pv.Spec.ClaimRef.UID other does not point to claim.UID u",
        ),
    ],
)
def test_a_claim_that_cannot_be_used_yet(lab, objects, why):
    made = lab(WEB)
    for obj in objects:
        made.put("persistentvolumes" if obj.kind == "PersistentVolume" else "persistentvolumeclaims", obj)
    made.bind(volumes=(CLAIM,))
    made.run(9)
    said = (
        "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process "
        f"volumes=[v]: error processing PVC default/data: {why}"
    )
    assert made.said("FailedMount") == [said]
    for name, obj in (("persistentvolumeclaims", claim()), ("persistentvolumes", persistent())):
        made.put(name, obj)
    made.run(5)
    assert phase(made) == "Running"


def test_a_volume_of_another_node(lab):
    made = lab(WEB)
    made.put("persistentvolumeclaims", claim())
    wanted = core_v1.NodeSelectorRequirement(key="kubernetes.io/hostname", operator="In", values=("node-9",))
    selector = core_v1.NodeSelector(node_selector_terms=(core_v1.NodeSelectorTerm(match_expressions=(wanted,)),))
    made.put("persistentvolumes", persistent(node_affinity=core_v1.VolumeNodeAffinity(required=selector)))
    made.bind(volumes=(CLAIM,))
    made.run()
    why = 'MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms'
    assert made.said("FailedMount") == [why]


def test_a_block_device_is_no_file_system(lab):
    made = lab(WEB)
    made.put("persistentvolumeclaims", claim())
    made.put("persistentvolumes", persistent(volume_mode="Block"))
    mount = core_v1.VolumeMount(name="v", mount_path="/x")
    container = core_v1.Container(name="web", image="web:1", image_pull_policy="IfNotPresent", volume_mounts=(mount,))
    made.bind(volumes=(CLAIM,), containers=(container,))
    made.run()
    assert "volume v has volumeMode Block, but is specified in volumeMounts" in made.said("FailedMount")[0]


def with_status(made, **changes):
    node = made.objects["nodes", "node-1"]
    made.put("nodes", replace(node, status=replace(node.status, **changes)))


def in_use(made):
    return made.objects["nodes", "node-1"].status.volumes_in_use


OWN = "kubernetes.io/csi/csi.example.com^h"
ATTACHED = (core_v1.AttachedVolume(name=OWN, device_path=""),)


def with_disk(made, *drivers, **spec):
    made.drivers = drivers  # of its next lives, too
    made.kubelet = with_seldom(made.kubelet, drivers=drivers)
    csi = core_v1.CSIPersistentVolumeSource(driver="csi.example.com", volume_handle="h")
    made.put("persistentvolumeclaims", claim())
    made.put("persistentvolumes", persistent(csi=csi, **spec))


def test_a_volume_of_a_driver_waits_until_it_is_attached_and_the_driver_is_there(lab):
    made = lab(WEB)
    made.run(1)
    with_disk(made)
    made.bind(volumes=(CLAIM,))
    made.run(11)
    assert (phase(made), made.said("FailedMount")) == ("Pending", [])
    with_status(made, volumes_attached=ATTACHED)
    made.run(10)
    assert made.said("FailedMount")[0].startswith('MountVolume.MountDevice failed for volume "pv" : ')
    made.kubelet = with_seldom(made.kubelet, drivers=(Driver(name="csi.example.com"),))
    made.run(40)
    assert phase(made) == "Running"


def test_a_volume_is_mounted_only_once_the_node_has_said_that_it_is_used_and_until_its_pod_has_ended(lab):
    made = lab(WEB)
    made.run(1)
    with_disk(made, Driver(name="csi.example.com"))
    with_status(made, volumes_attached=ATTACHED)
    made.bind(volumes=(CLAIM,))
    made.run(5)
    assert (phase(made), in_use(made)) == ("Pending", None)
    made.run(15)
    assert (phase(made), in_use(made)) == ("Running", (OWN,))
    made.start()
    made.run(15)
    assert (phase(made), in_use(made)) == ("Running", (OWN,))
    made.mark()
    made.run(1)
    assert (made.pod(), in_use(made)) == (None, (OWN,))
    made.run(15)
    assert in_use(made) is None


def test_a_volume_of_two_pods_is_in_use_until_both_have_ended(lab):
    made = lab(WEB)
    made.run(1)
    with_disk(made, Driver(name="csi.example.com"))
    with_status(made, volumes_attached=ATTACHED)
    made.bind("a", volumes=(CLAIM,))
    made.bind("b", volumes=(CLAIM,))
    made.run(30)
    assert in_use(made) == (OWN,)
    made.mark("a")
    made.run(15)
    assert in_use(made) == (OWN,)
    made.mark("b")
    made.run(15)
    assert in_use(made) is None


def test_a_driver_may_need_no_attaching(lab):
    made = lab(WEB)
    made.kubelet = with_seldom(made.kubelet, drivers=(Driver(name="csi.example.com"),))
    csi = core_v1.CSIPersistentVolumeSource(driver="csi.example.com", volume_handle="h")
    driver = storage_v1.CSIDriver(
        metadata=meta_v1.ObjectMeta(name="csi.example.com"), spec=storage_v1.CSIDriverSpec(attach_required=False)
    )
    made.put("csidrivers.storage.k8s.io", driver)
    made.put("persistentvolumeclaims", claim())
    made.put("persistentvolumes", persistent(csi=csi))
    made.bind(volumes=(CLAIM,))
    made.run(5)
    assert phase(made) == "Running"


@pytest.mark.parametrize(
    ("mode", "reason", "words"),
    [
        (None, "FailedMount", ("MountVolume.MountDevice", "MountVolume.SetUp")),
        ("Block", "FailedMapVolume", ("MapVolume.SetUpDevice", "MapVolume.MapPodDevice")),
    ],
)
def test_a_driver_may_fail_to_stage_a_volume_and_then_to_publish_it(lab, mode, reason, words):
    made = lab(WEB)
    faults = (
        DriverFault(operation="stage", times=2, code="Unavailable", message="no path"),
        DriverFault(operation="publish", message="busy"),
    )
    made.kubelet = with_seldom(made.kubelet, drivers=(Driver(name="csi.example.com", faults=faults),))
    driver = storage_v1.CSIDriver(
        metadata=meta_v1.ObjectMeta(name="csi.example.com"), spec=storage_v1.CSIDriverSpec(attach_required=False)
    )
    made.put("csidrivers.storage.k8s.io", driver)
    made.put("persistentvolumeclaims", claim())
    csi = core_v1.CSIPersistentVolumeSource(driver="csi.example.com", volume_handle="h")
    made.put("persistentvolumes", persistent(csi=csi, volume_mode=mode))
    made.bind(volumes=(CLAIM,))
    made.run(10)
    assert phase(made) == "Running"
    staged = f'{words[0]} failed for volume "pv" : rpc error: code = Unavailable desc = no path'
    published = f'{words[1]} failed for volume "pv" : rpc error: code = Internal desc = busy'
    assert made.said(reason) == [staged, staged, published]


def test_a_driver_may_fail_to_publish_a_volume_that_it_makes_for_the_pod_alone(lab):
    made = lab(WEB)
    faults = (DriverFault(operation="publish"),)
    made.kubelet = with_seldom(made.kubelet, drivers=(Driver(name="csi.example.com", faults=faults),))
    made.bind(volumes=(volume(csi=core_v1.CSIVolumeSource(driver="csi.example.com")),))
    made.run(5)
    assert phase(made) == "Running"
    (said,) = made.said("FailedMount")
    assert said.startswith('MountVolume.SetUp failed for volume "v" : rpc error: code = Internal desc = ')


# The rest -------------------------------------------------------------------------------------------------------------


def test_missing_pull_secrets_are_said_and_not_waited_for(lab):
    made = lab(WEB)
    made.put("secrets", secret("there"))
    names = ("there", "gone", "lost")
    made.bind(image_pull_secrets=tuple([core_v1.LocalObjectReference(name=name) for name in names]))
    made.run(5)
    assert phase(made) == "Running"
    assert made.said("FailedToRetrieveImagePullSecret") == [
        "Unable to retrieve some image pull secrets (gone, lost); attempting to pull the image may not succeed."
    ]


def test_a_pod_that_waits_can_be_deleted(lab):
    made = lab(WEB)
    made.bind(volumes=(CONFIG_MAP,))
    made.run(1)
    made.mark()
    made.run(1)
    assert made.pod() is None
    assert not made.kubelet.seldom.mounting
    assert not [key for key in made.timers if key[1][0] == "mount"]


def test_an_answer_that_comes_after_the_pod_has_gone_is_nothing(lab):
    made = lab(WEB)
    made.run(1)
    made.bind(volumes=(CONFIG_MAP,))
    while not made.kubelet.seldom.mounting:
        made.deliver(made.next())
    made.remove("pods", made.pod())
    made.run(5)
    assert made.said("FailedMount") == []
    assert not made.kubelet.pods


def test_a_kubelet_that_starts_anew_does_not_wait_for_what_runs(lab):
    made = lab(WEB)
    made.put("configmaps", config_map())
    made.bind(volumes=(CONFIG_MAP,))
    made.run(5)
    made.remove("configmaps", made.objects["configmaps", "default/cm"])
    made.start()
    made.run(5)
    assert phase(made) == "Running"
    assert made.said("FailedMount") == []


def test_an_api_server_that_is_busy_is_asked_again(lab):
    made = lab(WEB)
    made.run(1)
    made.put("configmaps", config_map())
    made.bind(volumes=(CONFIG_MAP,))
    while not made.kubelet.seldom.mounting:
        made.deliver(made.next())
    made.refusals = 2
    made.run(15)
    assert phase(made) == "Running"
