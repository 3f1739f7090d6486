"""
Identity: names, ordinals, labels and network names of a StatefulSet's pods.

Takes:    StatefulSets, pods.
Gives:    the same.
Source:   pkg/controller/statefulset/stateful_set_utils.go.
Left out: nothing known.
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.statefulset import storage
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"
REVISION: Final = "controller-revision-hash"

_NAMED: Final = re.compile(r"(.*)-([0-9]+)", re.DOTALL)
_LARGEST: Final = 2**31 - 1


def _parts(pod: Any) -> tuple[str, int]:
    found = _NAMED.fullmatch(pod.metadata.name)
    if found is None:
        return "", -1
    ordinal = int(found[2]) if len(found[2]) < len("1") + len(str(_LARGEST)) else _LARGEST + 1
    return found[1], ordinal if ordinal <= _LARGEST else -1


def parent_of(pod: Any) -> str:
    """Give the name of the StatefulSet whose pod this could be by its name; empty for none."""
    return _parts(pod)[0]


def ordinal_of(pod: Any) -> int:
    """Give the ordinal in the pod's name; -1 if it has none."""
    return _parts(pod)[1]


def ordinals(stateful: Any) -> range:
    """Give the ordinals that the StatefulSet's pods are to have."""
    start = first(stateful)
    return range(start, start + (1 if stateful.spec.replicas is None else stateful.spec.replicas))


def first(stateful: Any) -> int:
    """Give the first ordinal."""
    return (stateful.spec.ordinals.start or 0) if stateful.spec.ordinals is not None else 0


def revision_of(pod: Any) -> str:
    """Give the name of the revision that the pod was made of; empty if it does not say."""
    return str((pod.metadata.labels or {}).get(REVISION, ""))


def made(claimant: claims.Claimant, stateful: Any, template: Any, revision: str, ordinal: int) -> core_v1.Pod:
    """Make the pod of this ordinal, of a revision and its template."""
    of_template = template.metadata or meta_v1.ObjectMeta()
    metadata = meta_v1.ObjectMeta(
        name=f"{stateful.metadata.name}-{ordinal}",
        generate_name=f"{stateful.metadata.name}-",
        namespace=stateful.metadata.namespace,
        labels=Map({**(of_template.labels or {}), **_labels(stateful, ordinal), REVISION: revision}),
        annotations=of_template.annotations,
        finalizers=of_template.finalizers,
        owner_references=(claims.reference_to(claimant, stateful),),
    )
    spec = replace(
        template.spec,
        hostname=metadata.name,
        subdomain=stateful.spec.service_name or None,
        volumes=storage.volumes(stateful, template.spec.volumes, ordinal),
    )
    return core_v1.Pod(metadata=metadata, spec=spec)


def _labels(stateful: Any, ordinal: int) -> dict[str, str]:
    return {POD_NAME: f"{stateful.metadata.name}-{ordinal}", POD_INDEX: str(ordinal)}


def matches(pod: Any) -> bool:
    """Tell whether the pod, which is a member by its name, carries its name as it should."""
    return bool((pod.metadata.labels or {}).get(POD_NAME) == pod.metadata.name)


def corrected(stateful: Any, pod: Any) -> Any:
    """Give the pod with the labels and the volumes that it should have; itself if it has them."""
    ordinal = ordinal_of(pod)
    if not matches(pod):
        labels = Map({**(pod.metadata.labels or {}), **_labels(stateful, ordinal)})
        pod = replace(pod, metadata=replace(pod.metadata, labels=labels))
    if not storage.matches(stateful, pod, ordinal):
        pod = replace(pod, spec=replace(pod.spec, volumes=storage.volumes(stateful, pod.spec.volumes, ordinal)))
    return pod
