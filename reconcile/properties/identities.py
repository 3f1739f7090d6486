"""
What StatefulSets and DaemonSets promise of their pods.

At every step: a StatefulSet's pod is that of one ordinal, by its name and by its label, and no two of a StatefulSet's
pods mount one claim. At rest: a StatefulSet has the pods of its ordinals and no other, in their order; a DaemonSet has
one pod on each node that takes it and none elsewhere.

Takes:    a cluster, or a passage.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity and daemonset.
Left out: a template that surges may have two pods on a node while it rolls; at rest it may not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.model.owners import controller_of
from reconcile.model.pods import placing
from reconcile.model.requests import joined
from reconcile.properties.property import Passage

_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
_ENDED: Final = ("Succeeded", "Failed")
_TROUBLES: Final = "node.kubernetes.io/"  # every daemon tolerates these


def identified(cluster: Cluster) -> Iterator[str]:
    """Each pod of a StatefulSet has a name and claims of its own."""
    yield from _misnamed(cluster, cluster.store.table("pods").items())


def stayed_identified(passage: Passage) -> Iterator[str]:
    """Tell the same of what a passage changed."""
    changed = {
        change.key: change.new
        for change in passage.changes
        if change.resource == "pods" and change.new is not None and _owner(change.new, "StatefulSet") is not None
    }
    if changed:
        yield from _misnamed(passage.after, changed.items())


def _misnamed(cluster: Cluster, pods: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for key, pod in pods:
        owner = _owner(pod, "StatefulSet")
        if owner is None:
            continue
        name = pod.metadata.name
        if ordinal_of(owner.name, name) is None:
            yield f"pod {key} of StatefulSet {owner.name} has the name of no ordinal"
        if (pod.metadata.labels or {}).get(_POD_NAME, name) != name:
            yield f"pod {key} of StatefulSet {owner.name} bears the name of another"
        for other in cluster.store.table("pods").under("owner", owner.uid):
            shared = sorted(_claims(pod) & _claims(other)) if other.metadata.uid != pod.metadata.uid else ()
            templates = _templates(cluster, pod.metadata.namespace, owner.name)
            for claim in shared:
                if claim.startswith(tuple([f"{each}-{owner.name}-" for each in templates]) or "\0"):
                    yield f"pods {key} and {other.metadata.name} share the claim {claim}"


def _owner(pod: Any, kind: str) -> Any:
    owner = controller_of(pod)
    return owner if owner is not None and owner.kind == kind else None


def _claims(pod: Any) -> set[str]:
    sources = [volume.persistent_volume_claim for volume in pod.spec.volumes or ()]
    return {source.claim_name for source in sources if source is not None}


def _templates(cluster: Cluster, namespace: str, name: str) -> list[str]:
    found = cluster.store.get("statefulsets.apps", joined(namespace, name))
    return [] if found is None else [each.metadata.name for each in found.spec.volume_claim_templates or ()]


def ordinal_of(owner: str, name: str) -> int | None:
    """Give the ordinal that *name* has among the pods of *owner*; None if it is none of theirs."""
    head, _, tail = name.rpartition("-")
    return int(tail) if head == owner and tail.isascii() and tail.isdigit() and str(int(tail)) == tail else None


# At rest --------------------------------------------------------------------------------------------------------------


def unbalanced(cluster: Cluster) -> Iterator[str]:
    """Say which StatefulSet or DaemonSet at rest has a pod too many, or has left out an ordinal."""
    table = cluster.store.table("pods")
    for key, owner in cluster.store.table("statefulsets.apps").items():
        ordinals = owner.spec.ordinals
        first = (ordinals.start or 0) if ordinals is not None else 0
        wanted = range(first, first + (1 if owner.spec.replicas is None else owner.spec.replicas))
        names = [pod.metadata.name for pod in _own(table, owner)]
        found = sorted([ordinal for name in names if (ordinal := ordinal_of(owner.metadata.name, name)) is not None])
        for ordinal in found:
            if ordinal not in wanted:
                yield f"statefulset {key} has the pod {ordinal}, which is none of {len(wanted)} from {first}"
        if owner.spec.pod_management_policy != "Parallel" and found != list(range(first, first + len(found))):
            yield f"statefulset {key} has the pods {found}: one before the last is missing"
    nodes = cluster.store.table("nodes")
    for key, owner in cluster.store.table("daemonsets.apps").items():
        counts = Counter([pod.spec.node_name for pod in _own(table, owner) if pod.spec.node_name])
        for name, count in sorted(counts.items()):
            if count > 1:
                yield f"daemonset {key} has {count} pods on node {name}"
        for name, node in nodes.items():
            takes = _takes(owner, node)
            if counts[name] and not takes:
                yield f"daemonset {key} has a pod on node {name}, which does not take it"


def _own(table: Any, owner: Any) -> list[Any]:
    uid = owner.metadata.uid
    return [pod for pod in table.under("owner", uid) if pod.status is None or pod.status.phase not in _ENDED]


def _takes(owner: Any, node: Any) -> bool:
    spec = owner.spec.template.spec
    if spec.node_name and spec.node_name != node.metadata.name:
        return False
    taints = [taint for taint in (node.spec.taints or ()) if not taint.key.startswith(_TROUBLES)] if node.spec else []
    return placing.attracts(spec, node) and placing.tolerates_all(spec.tolerations, taints, ("NoExecute",))
