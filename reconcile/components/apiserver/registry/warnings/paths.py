"""Warnings of files that one volume of a pod gets from two places."""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1
from reconcile.api.golang import quoted

Paths = list[tuple[str, str]]
"""Paths within a volume, and what each comes from."""


def overlap_warnings(volumes: tuple[core_v1.Volume, ...]) -> list[str]:
    """Say which files of a volume lie at, above or below another."""
    found: list[str] = []
    for volume in volumes:
        for what, source in _items(volume):
            paths = [(item.path, "") for item in source.items or ()]
            found += _told(volume.name, what, paths)
        if volume.projected is not None:
            found += _projected_warnings(volume.name, volume.projected)
    return found


def _items(volume: core_v1.Volume) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    if volume.config_map is not None:
        found.append((f"ConfigMap {quoted(volume.config_map.name or '')}", volume.config_map))
    if volume.secret is not None:
        found.append((f"Secret {quoted(volume.secret.secret_name or '')}", volume.secret))
    if volume.downward_api is not None:
        found.append(("DownwardAPI", volume.downward_api))
    return found


def _told(name: str, what: str, paths: Paths) -> list[str]:
    found: list[str] = []
    seen: Paths = []
    for path, source in paths:
        one = (path.rstrip("/"), source)
        found += [
            f"volume {quoted(name)} ({what}): overlapping paths: {_shown(one)} with {_shown(other)}"
            for other in seen
            if _overlap(one[0], other[0])
        ]
        seen.append(one)
    return found


def _shown(path: tuple[str, str]) -> str:
    return f"{quoted(path[0])} ({path[1]})" if path[1] else quoted(path[0])


def _overlap(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _projected_warnings(name: str, volume: core_v1.ProjectedVolumeSource) -> list[str]:
    found: list[str] = []
    paths: Paths = []
    for source in volume.sources or ():
        if source == core_v1.VolumeProjection():
            found.append(f"volume {quoted(name)} (Projected) has no sources provided")
        paths += _of_source(source)
    return found + _told(name, "Projected", paths)


def _of_source(source: core_v1.VolumeProjection) -> Paths:
    if source.config_map is not None and source.config_map.items is not None:
        what = f"ConfigMap {quoted(source.config_map.name or '')}"
        return [(item.path, what) for item in source.config_map.items]
    if source.secret is not None and source.secret.items is not None:
        what = f"Secret {quoted(source.secret.name or '')}"
        return [(item.path, what) for item in source.secret.items]
    if source.downward_api is not None and source.downward_api.items is not None:
        return [(item.path, "DownwardAPI") for item in source.downward_api.items]
    if source.service_account_token is not None:
        return [(source.service_account_token.path, "ServiceAccountToken")]
    bundle, certificate = source.cluster_trust_bundle, source.pod_certificate
    if bundle is not None:
        name = bundle.name if bundle.name is not None else bundle.signer_name
        return [(bundle.path, f"ClusterTrustBundle {quoted(name or '')}")]
    if certificate is None:
        return []
    paths = (
        (certificate.certificate_chain_path, "PodCertificate chain"),
        (certificate.key_path, "PodCertificate key"),
        (certificate.credential_bundle_path, "PodCertificate credential bundle"),
    )
    return [(path, what) for path, what in paths if path]
