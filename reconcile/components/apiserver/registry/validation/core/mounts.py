"""Validation of where a container finds the volumes of its pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, not_found, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.values import among, downward, no_way_up

Volumes = Mapping[str, core_v1.Volume]

_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")


def mounts_causes(field: str, container: Any, volumes: Volumes) -> list[Cause]:
    """Say what is wrong with a container's mounts of volumes."""
    found: list[Cause] = []
    devices = {device.name: device.device_path for device in container.volume_devices or ()}
    seen: set[str] = set()
    for place, mount in enumerate(container.volume_mounts or ()):
        at = f"{field}[{place}]"
        if not mount.name:
            found.append(required(f"{at}.name"))
        if mount.name not in volumes:
            found.append(not_found(f"{at}.name", mount.name))
        if not mount.mount_path:
            found.append(required(f"{at}.mountPath"))
        if mount.mount_path in seen:
            found.append(wrong(f"{at}.mountPath", mount.mount_path, "must be unique"))
        seen.add(mount.mount_path)
        if mount.name in devices:
            found.append(wrong(f"{at}.name", mount.name, "must not already exist in volumeDevices"))
        if mount.mount_path in devices.values():
            why = "must not already exist as a path in volumeDevices"
            found.append(wrong(f"{at}.mountPath", mount.mount_path, why))
        found += _how_causes(field, at, mount, container)
    return found


def _how_causes(field: str, at: str, mount: core_v1.VolumeMount, container: Any) -> list[Cause]:
    found: list[Cause] = []
    if mount.sub_path:
        found += downward(f"{field}.subPath", mount.sub_path)
    if mount.sub_path_expr:
        if mount.sub_path:
            why = "subPathExpr and subPath are mutually exclusive"
            found.append(wrong(f"{at}.subPathExpr", mount.sub_path_expr, why))
        found += downward(f"{field}.subPathExpr", mount.sub_path_expr)
    if mount.mount_propagation is not None:
        where = f"{field}.mountPropagation"
        found += among(where, mount.mount_propagation, _PROPAGATIONS)
        context = container.security_context
        if mount.mount_propagation == "Bidirectional" and not (context is not None and context.privileged):
            why = "Bidirectional mount propagation is available only to privileged containers"
            found.append(forbidden(where, why))
    return found + _read_only_causes(f"{field}.recursiveReadOnly", mount)


def _read_only_causes(field: str, mount: core_v1.VolumeMount) -> list[Cause]:
    how = mount.recursive_read_only
    if how is None or how == "Disabled":
        return []
    if how not in ("Enabled", "IfPossible"):
        return [not_supported(field, how, ("Disabled", "Enabled", "IfPossible"))]
    found: list[Cause] = []
    if not mount.read_only:
        found.append(forbidden(field, "may only be specified when readOnly is true"))
    if mount.mount_propagation not in (None, "None"):
        why = "may only be specified when mountPropagation is None or not specified"
        found.append(forbidden(field, why))
    return found


def devices_causes(field: str, container: Any, volumes: Volumes) -> list[Cause]:
    """Say what is wrong with volumes that a container has as devices."""
    found: list[Cause] = []
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts or ()}
    paths: set[str] = set()
    seen: set[str] = set()
    for place, device in enumerate(container.volume_devices or ()):
        at = f"{field}[{place}]"
        name, path = device.name, device.device_path
        if not name:
            found.append(required(f"{at}.name"))
        if name in seen:
            found.append(wrong(f"{at}.name", name, "must be unique"))
        volume = volumes.get(name)
        if volume is None:
            found.append(not_found(f"{at}.name", name))
        elif volume.persistent_volume_claim is None and volume.ephemeral is None:
            why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            found.append(wrong(f"{at}.name", name, why))
        if not path:
            found.append(required(f"{at}.devicePath"))
        if path in paths:
            found.append(wrong(f"{at}.devicePath", path, "must be unique"))
        if no_way_up("", path):
            found.append(wrong(f"{at}.devicePath", path, "can not contain backsteps ('..')"))
        else:
            paths.add(path)
        if name in mounts:
            found.append(wrong(f"{at}.name", name, "must not already exist in volumeMounts"))
        if path in mounts.values():
            found.append(wrong(f"{at}.devicePath", path, "must not already exist as a path in volumeMounts"))
        if name:
            seen.add(name)
    return found
