"""
DefaultTolerationSeconds: how long a pod that says nothing stays on a node that is not ready or unreachable.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.api import core_v1

_NOT_READY: Final = "node.kubernetes.io/not-ready"
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"


def with_seconds(given: tuple[core_v1.Toleration, ...], seconds: tuple[int, int]) -> tuple[core_v1.Toleration, ...]:
    """Give the tolerations with those of a node that is not ready and unreachable for *seconds*; -1 adds none."""
    added = list(given)
    for key, length in zip((_NOT_READY, _UNREACHABLE), seconds, strict=True):
        tolerates = any((each.key == key or not each.key) and each.effect in ("NoExecute", "", None) for each in given)
        if length >= 0 and not tolerates:
            added.append(core_v1.Toleration(key=key, operator="Exists", effect="NoExecute", toleration_seconds=length))
    return given if len(added) == len(given) else tuple(added)
