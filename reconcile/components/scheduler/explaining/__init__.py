"""Why a pod goes where it goes, as a value (`explanation`), and what would become of pods if (`whatif`)."""

from reconcile.components.scheduler.explaining.explanation import (
    FILTERS,
    Explanation,
    OnNode,
    cluster_seen,
    explained,
)
from reconcile.components.scheduler.explaining.whatif import Move, drained, placed, room_for

__all__ = ["FILTERS", "Explanation", "Move", "OnNode", "cluster_seen", "drained", "explained", "placed", "room_for"]
