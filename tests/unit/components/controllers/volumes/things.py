"""Claims, volumes, classes and pods, written short."""

from reconcile.api import core_v1, meta_v1, storage_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time
from reconcile.lib.mapping import Map
from reconcile.model.pods.volumes import BIND_COMPLETED, BOUND_BY_CONTROLLER

CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"
ATTACHMENTS = "volumeattachments.storage.k8s.io"
BOUND = {BIND_COMPLETED: "yes", BOUND_BY_CONTROLLER: "yes"}


def size(text):
    return Map.of({"storage": Quantity.parse(text)})


def claim(name="data", asks="1Gi", *, cls="manual", modes=("ReadWriteOnce",), phase="Pending", marks=None, **more):
    owners, uid = more.pop("owners", None), more.pop("uid", None)
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=uid,
            annotations=Map.of(marks) if marks else None,
            finalizers=more.pop("finalizers", ("kubernetes.io/pvc-protection",)),
            deletion_timestamp=more.pop("deleted", None),
            owner_references=owners,
        ),
        spec=core_v1.PersistentVolumeClaimSpec(
            access_modes=modes,
            resources=core_v1.VolumeResourceRequirements(requests=size(asks)),
            storage_class_name=cls,
            **more,
        ),
        status=core_v1.PersistentVolumeClaimStatus(phase=phase),
    )


def volume(name, has="1Gi", *, cls="manual", modes=("ReadWriteOnce",), phase="Pending", policy="Retain", **more):
    labels, marks = more.pop("labels", None), more.pop("marks", None)
    if "csi" not in more and "nfs" not in more and "local" not in more:
        more.setdefault("host_path", core_v1.HostPathVolumeSource(path="/data"))
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(
            name=name,
            labels=Map.of(labels) if labels else None,
            annotations=Map.of(marks) if marks else None,
            finalizers=more.pop("finalizers", ("kubernetes.io/pv-protection",)),
            deletion_timestamp=more.pop("deleted", None),
        ),
        spec=core_v1.PersistentVolumeSpec(
            capacity=size(has),
            access_modes=modes,
            storage_class_name=cls,
            persistent_volume_reclaim_policy=policy,
            **more,
        ),
        status=core_v1.PersistentVolumeStatus(phase=phase),
    )


def storage_class(name="manual", *, provisioner="kubernetes.io/no-provisioner", waits=False, default=False, since=0):
    return storage_v1.StorageClass(
        metadata=meta_v1.ObjectMeta(
            name=name,
            creation_timestamp=Time.at(since),
            annotations=Map.of({"storageclass.kubernetes.io/is-default-class": "true"}) if default else None,
        ),
        provisioner=provisioner,
        volume_binding_mode="WaitForFirstConsumer" if waits else "Immediate",
        reclaim_policy="Delete",
    )


def pod(name="p", *claims, node="node-1", phase="Running", ephemeral=(), **more):
    rows = [
        core_v1.Volume(
            name=f"v{place}",
            persistent_volume_claim=core_v1.PersistentVolumeClaimVolumeSource(claim_name=each),
        )
        for place, each in enumerate(claims)
    ]
    rows += [
        core_v1.Volume(
            name=each,
            ephemeral=core_v1.EphemeralVolumeSource(
                volume_claim_template=core_v1.PersistentVolumeClaimTemplate(
                    metadata=meta_v1.ObjectMeta(labels=Map.of({"app": "x"})), spec=claim().spec
                )
            ),
        )
        for each in ephemeral
    ]
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", **more),
        spec=core_v1.PodSpec(containers=(core_v1.Container(name="c"),), node_name=node, volumes=tuple(rows)),
        status=core_v1.PodStatus(phase=phase),
    )


def reference(obj, uid=None):
    metadata = obj.metadata
    return core_v1.ObjectReference(
        kind="PersistentVolumeClaim",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid if uid is None else uid,
    )
