"""Owners: who an object belongs to."""

from __future__ import annotations

from typing import Any

from reconcile.api import meta_v1


def controller_of(obj: Any) -> meta_v1.OwnerReference | None:
    """Give the reference to the controller that manages *obj*, if one does: there is at most one."""
    for reference in obj.metadata.owner_references or ():
        if reference.controller:
            return reference  # type: ignore[no-any-return]
    return None


def is_controlled_by(obj: Any, owner: Any) -> bool:
    """Tell whether *owner*, by its uid, is the controller of *obj*."""
    reference = controller_of(obj)
    return reference is not None and reference.uid == owner.metadata.uid


def owner_reference(owner: Any, *, controller: bool = True) -> meta_v1.OwnerReference:
    """Make a reference to *owner*; as its *controller*, it also blocks the owner's foreground deletion."""
    return meta_v1.OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True if controller else None,
        block_owner_deletion=True if controller else None,
    )


def without_repeats(
    references: tuple[meta_v1.OwnerReference, ...],
) -> tuple[tuple[meta_v1.OwnerReference, ...], tuple[str, ...]]:
    """Give references, each once, and the uids of those that were there again."""
    if len(references) < 2:  # noqa: PLR2004 -- one is no other's twin
        return references, ()
    again = [reference in references[:place] for place, reference in enumerate(references)]
    once = tuple([reference for reference, twin in zip(references, again, strict=True) if not twin])
    return once, tuple([reference.uid for reference, twin in zip(references, again, strict=True) if twin])
