"""
What holds of pods at every step, whoever made them: one address each, one node each, and no life after the end.

Takes:    passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/: a phase that is terminal is final; and
          https://kubernetes.io/docs/concepts/cluster-administration/networking/: every pod has an address of its own.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.properties.property import Passage, Property

_ENDED: Final = ("Succeeded", "Failed")
_MIRROR: Final = "kubernetes.io/config.mirror"


def _no_revival(cluster: Cluster) -> Iterator[str]:
    """A pod that has ended stays ended, but for a static one, which its kubelet starts again with its host."""
    history = cluster.store.history("pods")
    for change in history.between(history.start, history.end):
        yield from _revived(change.key, change.old, change.new)


def _stayed_ended(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        if change.resource == "pods":
            yield from _revived(change.key, change.old, change.new)


def _revived(key: str, old: Any, new: Any) -> Iterator[str]:
    if old is None or new is None or old.status is new.status or old.metadata.uid != new.metadata.uid:
        return
    before, after = _phase(old), _phase(new)
    if before in _ENDED and before != after and _MIRROR not in (new.metadata.annotations or ()):
        yield f"pod {key} had {before}, is {after}"


def _phase(pod: Any) -> str:
    return pod.status.phase or "" if pod.status is not None else ""


def _addresses_apart(cluster: Cluster) -> Iterator[str]:
    """No two pods that have not ended have one address, those of the host's network apart."""
    for key, pod in cluster.store.table("pods").items():
        yield from _sharing(cluster, key, pod)


def _stayed_apart(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        old, new = change.old, change.new
        if change.resource == "pods" and new is not None and _address(new) and (old is None or not _address(old)):
            yield from _sharing(passage.after, change.key, new)


def _sharing(cluster: Cluster, key: str, pod: Any) -> Iterator[str]:
    ip = _address(pod)
    # Each node gives its pods addresses of its own range.
    for other in cluster.store.table("pods").under("node", pod.spec.node_name) if ip else ():
        if _address(other) == ip and other.metadata.uid != pod.metadata.uid:
            yield f"pods {key} and {other.metadata.namespace}/{other.metadata.name} have one address, {ip}"


def _address(pod: Any) -> str:
    status = pod.status
    if status is None or not status.pod_ip or pod.spec.host_network or status.phase in _ENDED:
        return ""
    return str(status.pod_ip)


PODS: Final[tuple[Property, ...]] = (
    Property("a pod that has ended stays ended", _no_revival, _stayed_ended, ("pods",)),
    Property("no two pods with one address", _addresses_apart, _stayed_apart, ("pods",)),
)
"""What every pod promises, whatever happens."""
