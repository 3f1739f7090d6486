"""
Recycling: a volume that may be used again is emptied by a pod, which is made for it and deleted once it has ended.

Which pod was made is remembered until its end is known; one that a controller before this one left is deleted, and the
volume tried again.

Source:   pv_controller.go: recycleVolumeOperation; pkg/volume/util/recyclerclient; plugins.go:
          NewPersistentVolumeRecyclerPodTemplate.
Left out: an event of an earlier pod of the same name, which upstream tells again as long as it is kept.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.runtime import Key, Outcome, Views
from reconcile.components.controllers.volumes.binder.writes import unbound, update, with_phase
from reconcile.components.controllers.volumes.newest import Newest, World
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Duration
from reconcile.model.pods.volumes import CLAIMS, VOLUMES, claim_named_by, has_ended, size_of
from reconcile.model.requests import Request, Response, key_of
from reconcile.store import Change

RETRY: Final[Duration] = 15 * SECOND
"""kube-controller-manager --pvclaimbinder-sync-period: how often a volume that failed is tried again."""

TOLD: Final = "told"
_NAMESPACE: Final = "default"
_PREFIX: Final = "recycler-for-"
_RECYCLERS: Final = "recyclers"  # no resource: by volume, the pod that was made for it
_IMAGE: Final = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.6"
_SCRUB: Final = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
_GIBI: Final = 1 << 30
_HOST_PATH: Final = (60, 30)  # seconds at least, and for each GiB: --pv-recycler-minimum-timeout-hostpath and the like
_NFS: Final = (300, 30)


def keys_of_pod(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the volume that a pod is to empty."""
    namespace, _slash, name = change.key.partition("/")
    return (("volume", name.removeprefix(_PREFIX)),) if namespace == _NAMESPACE and name.startswith(_PREFIX) else ()


def is_recycled(volume: Any) -> bool:
    """Tell whether a volume may have to be emptied."""
    return bool(volume.spec.persistent_volume_reclaim_policy == "Recycle")


def keys_of_event(change: Change, _: Views) -> tuple[Key, ...]:
    """Give what was told of a pod that empties a volume; that it was told again says nothing new."""
    event = change.new
    if event is None or change.old is not None:
        return ()
    about = event.involved_object
    is_its = about.namespace == _NAMESPACE and (about.name or "").startswith(_PREFIX)
    return ((TOLD, change.key),) if is_its else ()


def told(world: World, key: str) -> Outcome:
    """Tell of a volume what was told of the pod that empties it."""
    event = world.views.get("events", key)
    if event is None:
        return Outcome()
    name = event.involved_object.name.removeprefix(_PREFIX)
    volume = world.get(VOLUMES, name)
    mine = world.newest.written.get((_RECYCLERS, name)) if world.newest.written else None
    if volume is None or mine is None or mine.metadata.uid != event.involved_object.uid:
        return Outcome()
    return Outcome(records=(Record(volume, event.type, "RecyclerPod", f"Recycler pod: {event.message}"),))


def noted(newest: Newest, request: Request, response: Response) -> Newest | None:
    """Note the pod that was made, or forget one whose end was answered; None if the answer is about no such pod."""
    if request.resource != "pods":
        return None
    if request.verb == "create":
        return newest.noting(_RECYCLERS, _volume_of(request.body), response.body) if response.ok else newest
    return newest.forgetting(_RECYCLERS, request.name.removeprefix(_PREFIX))


def refusal_of(request: Request, response: Response) -> str:
    """Say why a volume is not being emptied; empty if *request* was not for its pod, or was granted."""
    if request.resource != "pods" or request.verb != "create" or response.ok:
        return ""
    if response.reason == "AlreadyExists":
        return "old recycler pod found, will retry later"
    return f"unexpected error creating recycler pod:  {text_of(response)}"


def _volume_of(pod: Any) -> str:
    return str(pod.metadata.name.removeprefix(_PREFIX))


def left(world: World, name: str) -> Outcome:
    """Delete the pod of a volume that is gone."""
    if not world.newest.written or (_RECYCLERS, name) not in world.newest.written:
        return Outcome()
    return Outcome(calls=(_deleted(name),), again=True)


def recycled(world: World, volume: Any) -> Outcome:
    """Give the next thing to do about a volume that is to be recycled."""
    if world.refused:
        return _failed(volume, world.refused, deletes=world.refused.startswith("old"))
    name = volume.metadata.name
    mine = world.newest.written.get((_RECYCLERS, name)) if world.newest.written else None
    if mine is not None:
        return _watched(world, volume, mine)
    key = claim_named_by(volume)
    pods = world.views.table("pods").under("claim", key)
    users = sorted([key_of(pod) for pod in pods if not has_ended(pod)])
    if users and world.get(CLAIMS, key) is None:
        record = Record(volume, "Normal", "VolumeFailedRecycle", f"Volume is used by pods: {','.join(users)}")
        return Outcome(records=(record,), after=RETRY)
    if volume.spec.host_path is None and volume.spec.nfs is None:
        found = _in_failure(volume, "No recycler plugin found for the volume!")
        return found if found.calls else Outcome()
    if world.tried:
        return Outcome(after=RETRY, after_is_periodic=True)
    return Outcome(
        calls=(Request(verb="create", resource="pods", namespace=_NAMESPACE, body=_pod(volume)),), again=True
    )


def _watched(world: World, volume: Any, mine: Any) -> Outcome:
    """Look at how far the pod is that empties a volume."""
    pod = world.views.get("pods", key_of(mine))
    if pod is not None and pod.metadata.uid == mine.metadata.uid:
        status = pod.status or core_v1.PodStatus()
        if status.phase == "Succeeded":
            record = Record(volume, "Normal", "VolumeRecycled", "Volume recycled")
            return Outcome(
                calls=(_deleted(volume.metadata.name), update(unbound(volume))), again=True, records=(record,)
            )
        if status.phase != "Failed":
            return Outcome()
        why = status.message or "pod failed, pod.Status.Message unknown"
    elif world.views.revision("pods") < int(mine.metadata.resource_version or 0):
        return Outcome()  # the watch has not told of it yet
    else:
        why = "recycler pod was deleted"
    return _failed(volume, f"failed to recycle volume: {why}", deletes=True)


def _failed(volume: Any, why: str, *, deletes: bool) -> Outcome:
    failing = _in_failure(volume, f"Recycle failed: {why}")
    calls = (*((_deleted(volume.metadata.name),) if deletes else ()), *failing.calls)
    if not calls:
        return failing
    return Outcome(calls=calls, again=True, records=failing.records)


def _in_failure(volume: Any, said: str) -> Outcome:
    """Let a volume be Failed, and tried again later; it is told once."""
    if volume.status is not None and volume.status.phase == "Failed":
        return Outcome(after=RETRY, after_is_periodic=True)
    record = Record(volume, "Warning", "VolumeFailedRecycle", said)
    return Outcome(calls=(with_phase(volume, "Failed", said),), again=True, records=(record,))


def _deleted(name: str) -> Request:
    return Request(verb="delete", resource="pods", namespace=_NAMESPACE, name=f"{_PREFIX}{name}")


def _pod(volume: Any) -> core_v1.Pod:
    spec = volume.spec
    least, each = _HOST_PATH if spec.host_path is not None else _NFS
    if spec.host_path is not None:
        source = core_v1.Volume(name="vol", host_path=core_v1.HostPathVolumeSource(path=spec.host_path.path))
    else:
        source = core_v1.Volume(name="vol", nfs=core_v1.NFSVolumeSource(server=spec.nfs.server, path=spec.nfs.path))
    container = core_v1.Container(
        name="pv-recycler",
        image=_IMAGE,
        command=("/bin/sh",),
        args=("-c", _SCRUB),
        volume_mounts=(core_v1.VolumeMount(name="vol", mount_path="/scrub"),),
    )
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=f"{_PREFIX}{volume.metadata.name}", namespace=_NAMESPACE),
        spec=core_v1.PodSpec(
            active_deadline_seconds=max(size_of(volume).whole // _GIBI * each, least),
            restart_policy="Never",
            volumes=(source,),
            containers=(container,),
        ),
    )
