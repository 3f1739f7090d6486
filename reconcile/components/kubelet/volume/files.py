"""
Files: what a volume shows of ConfigMaps, Secrets, trust bundles, its pod, and its token.

Takes:    a volume of a pod, and what the API server answered about what it names.
Gives:    path below the volume -> content.
Source:   pkg/volume's plugins configmap, secret, projected, downwardapi: MakePayload, collectData.
Left out: modes and owners; what is no UTF-8 shows as such.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.container import environment
from reconcile.components.kubelet.state import LocalPod, State
from reconcile.components.kubelet.volume import volumes
from reconcile.components.kubelet.volume.volumes import BUNDLES, CONFIG_MAPS, SECRETS, Answers
from reconcile.lib.mapping import Map

_KINDS: Final = ("config_map", "secret", "projected", "downward_api")


def shown(pod: LocalPod) -> tuple[Any, ...]:
    """Give those of a pod's volumes that show what the API holds."""
    spec: Any = pod.pod.spec
    return tuple([row for row in spec.volumes or () if any(getattr(row, kind) is not None for kind in _KINDS)])


def files_of(state: State, pod: LocalPod, volume: Any, answers: Answers) -> Map[str]:
    """Give what is on a volume of a pod that nothing keeps from being mounted."""
    if volume.projected is None:
        return Map(_of_source(state, pod, volume, answers))
    found: dict[str, str] = {}
    for source in volume.projected.sources or ():
        found |= _of_source(state, pod, source, answers)
    return Map(found)


def _of_source(state: State, pod: LocalPod, source: Any, answers: Answers) -> dict[str, str]:
    if source.config_map is not None:
        return _chosen(_held(f"{CONFIG_MAPS}/{source.config_map.name or ''}", answers), source.config_map.items)
    if source.secret is not None:
        name = getattr(source.secret, "secret_name", None) or getattr(source.secret, "name", None)
        return _chosen(_held(f"{SECRETS}/{name or ''}", answers), source.secret.items)
    if source.downward_api is not None:
        return {row.path: _said(state, pod, row) for row in source.downward_api.items or ()}
    token, bundle = (getattr(source, kind, None) for kind in ("service_account_token", "cluster_trust_bundle"))
    if token is not None:
        response = answers.get(volumes.token_of(pod.pod.spec, token))
        return {token.path: response.body.status.token} if response is not None and response.ok else {}
    if bundle is not None and bundle.name:
        response = answers.get(f"{BUNDLES}/{bundle.name}")
        return {bundle.path: response.body.spec.trust_bundle} if response is not None and response.ok else {}
    return {}


def _held(key: str, answers: Answers) -> dict[str, str]:
    """Give what a ConfigMap or a Secret holds, as texts; nothing if it is not there, as it may be."""
    response = answers[key]
    if not response.ok:
        return {}
    found = response.body
    if key.startswith(f"{SECRETS}/"):
        return {name: environment.decoded(text) for name, text in (found.data or {}).items()}
    binary = {name: environment.decoded(text) for name, text in (found.binary_data or {}).items()}
    return {**(found.data or {}), **binary}


def _chosen(held: dict[str, str], rows: Any) -> dict[str, str]:
    """Give the keys that are to be shown, by their paths; all by their names where none is said."""
    return {row.path: held[row.key] for row in rows if row.key in held} if rows else held


def _said(state: State, pod: LocalPod, row: Any) -> str:
    if row.field_ref is not None:
        return environment.field(state, pod, row.field_ref.field_path)[0]
    if row.resource_field_ref is None:
        return ""
    spec: Any = pod.pod.spec
    return environment.amount(state, pod, spec.containers[0], row.resource_field_ref)[0]
