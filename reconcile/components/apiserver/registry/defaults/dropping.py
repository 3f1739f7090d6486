"""
Dropping: what a pod says of features that are off by default is not kept.

Source:   the registry's dropDisabledFields, with every feature gate at its default.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.lib.replacing import replace


def without_disabled(spec: core_v1.PodSpec) -> core_v1.PodSpec:
    """Give a pod's specification without what nobody would read: itself if there is nothing of it."""
    return replace(
        spec,
        containers=each(spec.containers, _container),
        init_containers=each(spec.init_containers, _container),
        ephemeral_containers=each(spec.ephemeral_containers, _container),
        volumes=each(spec.volumes, _volume),
    )


def _container(container: Any) -> Any:
    lifecycle = container.lifecycle
    if lifecycle is None or lifecycle.stop_signal is None:
        return container
    if lifecycle.post_start is None and lifecycle.pre_stop is None:
        return replace(container, lifecycle=None)
    return replace(container, lifecycle=replace(lifecycle, stop_signal=None))


def _volume(volume: core_v1.Volume) -> core_v1.Volume:
    if volume.projected is None:
        return volume
    return replace(volume, projected=replace(volume.projected, sources=each(volume.projected.sources, _projection)))


def _projection(projection: core_v1.VolumeProjection) -> core_v1.VolumeProjection:
    return replace(projection, cluster_trust_bundle=None, pod_certificate=None)
