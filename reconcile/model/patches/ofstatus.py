"""
What a program of the cluster itself patches of a status: the status that it knows, and the one that is to be.

Nobody pays for JSON while the object has the very status that the sender knows. Where it has another, or somebody reads
what was sent, the patch is written out: a strategic merge patch of what differs.

Source:   kubernetes/pkg/util/pod (PatchPodStatus) and component-helpers' PatchNodeStatus.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.convert import dump
from reconcile.lib.quick import quick

_KEYS: Final = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip", "addresses": "type"}
"""The lists of statuses that are merged, each by the key of its items."""


@quick
@attrs.frozen(weakref_slot=False)
class StatusPatch:
    """
    A strategic merge patch of an object's status.

    Args:
        uid: of the object that it is meant for; empty if it is for any of the name.
        old: the status as its sender knows it; None if there is none.
        new: as it is to be.
    """

    uid: str
    old: Any
    new: Any


def written(patch: StatusPatch) -> dict[str, Any]:
    """Give the patch as JSON: the uid, and what of the status differs."""
    body: dict[str, Any] = {"metadata": {"uid": patch.uid}} if patch.uid else {}
    old: dict[str, Any] = {} if patch.old is None else dump(patch.old)
    differing = _differing(old, dump(patch.new))
    return {**body, "status": differing} if differing else body


def _differing(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        key = _KEYS.get(name)
        if key is not None and before and after:
            found[f"$setElementOrder/{name}"] = [{key: row[key]} for row in after]
            found[name] = _rows(before, after, key)
        elif isinstance(before, dict) and isinstance(after, dict):
            found[name] = _differing(before, after)
        else:
            found[name] = after
    return {name: each for name, each in found.items() if each != []}


def _rows(old: list[dict[str, Any]], new: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Give what is new in a list whose items have keys, and which of them are to go."""
    before, after = {row[key]: row for row in old}, {row[key]: row for row in new}
    changed = [
        {key: name, **_differing(before.get(name, {}), row)} for name, row in after.items() if before.get(name) != row
    ]
    return [*changed, *[{"$patch": "delete", key: name} for name in before if name not in after]]
