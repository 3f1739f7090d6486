"""
Metrics of the API server, as Prometheus reads them.

Source:   https://kubernetes.io/docs/reference/instrumentation/metrics/; the Prometheus text format 0.0.4.
Left out: what a server would have to remember between requests: counts and latencies of requests; see docs/limits.md.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import kinds
from reconcile.components.apiserver.rest.values import HttpResponse
from reconcile.lib.instant import SECOND, Instant
from reconcile.store import Reads

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def answer(store: Reads, now: Instant) -> HttpResponse:
    """Give the metrics at the instant *now*."""
    lines = [
        "# HELP apiserver_storage_objects Number of stored objects of each kind.",
        "# TYPE apiserver_storage_objects gauge",
        *[
            f'apiserver_storage_objects{{resource="{resource}"}} {len(store.table(resource))}'
            for resource in sorted({each.key for each in kinds.all_resources()})
            if len(store.table(resource))
        ],
        "# HELP etcd_debugging_mvcc_current_revision The current revision of the store.",
        "# TYPE etcd_debugging_mvcc_current_revision gauge",
        f"etcd_debugging_mvcc_current_revision {store.revision}",
        "# HELP reconcile_now_seconds The cluster's own time, seconds since the Unix epoch.",
        "# TYPE reconcile_now_seconds gauge",
        f"reconcile_now_seconds {now / SECOND:.3f}",
        "",
    ]
    return HttpResponse(code=200, headers=(("Content-Type", _TYPE),), body="\n".join(lines).encode())
