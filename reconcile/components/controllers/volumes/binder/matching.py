"""
Matching: which volume a claim gets, and why a volume that it names does not do.

Source:   component-helpers' storage/volume: FindMatchingVolume; the binder's index.go, checkVolumeSatisfyClaim.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.model import selectors
from reconcile.model.pods.volumes import attributes_of, class_of, is_meant_for, mode_of, size_asked, size_of

_ORDER: Final = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def best_match(claim: Any, candidates: Iterable[Any]) -> Any:
    """
    Give the volume that *claim* is to be bound to, or None.

    Volumes with the fewest modes of access beyond those asked for come first. Of these it is the one that is meant for
    the claim, or else the smallest that is large enough; of equals the first by name.
    """
    asked = frozenset(claim.spec.access_modes or ())
    by_modes: dict[tuple[str, ...], list[Any]] = {}
    for volume in candidates:
        modes = tuple([mode for mode in _ORDER if mode in (volume.spec.access_modes or ())])
        if asked.issubset(modes) and _does(volume, claim):
            by_modes.setdefault(modes, []).append(volume)
    for modes in sorted(by_modes, key=lambda modes: (len(modes), modes)):
        rows = sorted(by_modes[modes], key=lambda volume: (size_of(volume).nanos, volume.metadata.name))
        for volume in rows:
            if is_meant_for(volume, claim):
                return volume
        for volume in rows:
            if _is_on_offer(volume, claim):
                return volume
    return None


def _does(volume: Any, claim: Any) -> bool:
    return (
        (volume.spec.claim_ref is None or is_meant_for(volume, claim))
        and size_of(volume).nanos >= size_asked(claim).nanos
        and mode_of(volume) == mode_of(claim)
        and attributes_of(volume) == attributes_of(claim)
        and volume.metadata.deletion_timestamp is None
    )


def _is_on_offer(volume: Any, claim: Any) -> bool:
    if volume.status is None or volume.status.phase != "Available" or class_of(volume) != class_of(claim):
        return False
    selector = claim.spec.selector
    return selector is None or selectors.matches(selector, volume.metadata.labels)


def why_unfit(volume: Any, claim: Any) -> str:
    """Say why a claim that names *volume* cannot have it; empty if it can."""
    if volume.metadata.deletion_timestamp is not None:
        return f'the volume is marked for deletion "{volume.metadata.name}"'
    if size_of(volume).nanos < size_asked(claim).nanos:
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if attributes_of(volume) != attributes_of(claim):
        return "volumeAttributesClassName does not match"
    if mode_of(volume) != mode_of(claim):
        return "incompatible volumeMode"
    if not set(claim.spec.access_modes or ()) <= set(volume.spec.access_modes or ()):
        return "incompatible accessMode"
    return ""
