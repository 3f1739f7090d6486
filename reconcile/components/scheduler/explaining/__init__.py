"""Why a pod goes where it goes, as a value: what each plugin says of each node, and what follows."""

from reconcile.components.scheduler.explaining.explanation import (
    FILTERS,
    Explanation,
    OnNode,
    cluster_seen,
    explained,
)

__all__ = ["FILTERS", "Explanation", "OnNode", "cluster_seen", "explained"]
