"""
Asking: how what volumes name is asked for, how it is told what keeps them from being mounted, and when they are tried
again.

Source:   the kubelet's volume manager, and nestedpendingoperations for the back-off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import authentication_v1, meta_v1
from reconcile.components.kubelet.state import LocalPod
from reconcile.components.kubelet.volume import volumes
from reconcile.effects import Record
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND, Duration
from reconcile.model.requests import Request

FIRST_DELAY: Final = 500 * MILLISECOND
LAST_DELAY: Final = 2 * MINUTE + 2 * SECOND
"""How long after a failure a volume is set up again: at first, and at most; it doubles each time."""


def next_delay(delay: Duration) -> Duration:
    """Give the back-off after this one."""
    return min(delay * 2, LAST_DELAY) or FIRST_DELAY


def told(pod: LocalPod, faults: tuple[volumes.Fault, ...]) -> Iterator[Record]:
    """Give the events that say what keeps the pod's volumes from being mounted."""
    for fault in faults:
        if not fault.of_claim and fault.why:
            said = f'{fault.step} failed for volume "{fault.volume}" : {fault.why}'
            reason = "FailedMapVolume" if fault.step.startswith("MapVolume") else "FailedMount"
            yield Record(pod.pod, "Warning", reason, said)
    processed = [fault for fault in faults if fault.of_claim]
    if processed:
        unmounted = " ".join(sorted({fault.volume for fault in faults}))
        failed = " ".join(sorted({fault.volume for fault in processed}))
        why = "; ".join([fault.why for fault in processed])
        said = (
            f"Unable to attach or mount volumes: unmounted volumes=[{unmounted}], unattached volumes=[], "
            f"failed to process volumes=[{failed}]: {why}"
        )
        yield Record(pod.pod, "Warning", "FailedMount", said)


def request_of(pod: LocalPod, key: str) -> Request:
    """Give the request for what a volume names."""
    resource, _, name = key.partition("/")
    namespace = pod.key.partition("/")[0]
    if resource == volumes.TOKENS:
        account, _, rest = name.partition("?")
        seconds, _, audience = rest.partition("&")
        metadata: Any = pod.pod.metadata
        bound = authentication_v1.BoundObjectReference(
            api_version="v1", kind="Pod", name=metadata.name, uid=metadata.uid
        )
        spec = authentication_v1.TokenRequestSpec(
            audiences=(audience,) if audience else (),
            expiration_seconds=int(seconds) if seconds else None,
            bound_object_ref=bound,
        )
        body = authentication_v1.TokenRequest(metadata=meta_v1.ObjectMeta(), spec=spec)
        return Request(
            verb="create", resource=resource, namespace=namespace, name=account, subresource="token", body=body
        )
    space = "" if resource in volumes.CLUSTER_WIDE else namespace
    return Request(verb="get", resource=resource, namespace=space, name=name)
