"""Why a pod goes where it goes, as a value (`explanation`), and what would become of pods if (`whatif`)."""

from reconcile.components.scheduler.configuration import Configuration, configuration_of, profile_of
from reconcile.components.scheduler.explaining.annotations import annotations_of
from reconcile.components.scheduler.explaining.explanation import (
    Explanation,
    OnNode,
    cluster_seen,
    explained,
)
from reconcile.components.scheduler.explaining.plain import explanation_of, plain_of
from reconcile.components.scheduler.explaining.whatif import Move, drained, nobody, placed, room_for
from reconcile.components.scheduler.framework.profile import DEFAULT, FILTERS, Profile

__all__ = [
    "DEFAULT",
    "FILTERS",
    "Configuration",
    "Explanation",
    "Move",
    "OnNode",
    "Profile",
    "annotations_of",
    "cluster_seen",
    "configuration_of",
    "drained",
    "explained",
    "explanation_of",
    "nobody",
    "placed",
    "plain_of",
    "profile_of",
    "room_for",
]
