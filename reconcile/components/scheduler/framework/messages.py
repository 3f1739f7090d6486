"""
Messages: what the scheduler says when no node will do.

Source:   the scheduler framework's FitError; the words of DynamicResources in the default profile.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.framework.verdicts import Refusal

NOTHING_TO_FREE: Final = "no new claims to deallocate"
NO_NODES: Final = "no nodes available to schedule pods"
# What a note of an Event can hold.
_LONGEST: Final = 1024
_CUT: Final = " ..."


def unschedulable(
    refusals: list[tuple[Refusal, int]],
    nodes: int,
    after: list[tuple[str, int]] | str | None,
    claims: str = NOTHING_TO_FREE,
) -> str:
    """
    Say why none of *nodes* nodes will do.

    Args:
        refusals: why, and how many nodes for each why.
        nodes: how many there are.
        after: what preemption says of them, by reasons or in a text; empty if it has found victims,
            None if it takes no part.
        claims: what is said of the devices that the pod might be given back.
    """
    if not nodes:
        return NO_NODES
    reasons = [(reason, count) for refusal, count in refusals for reason in refusal.reasons]
    return _with_after(_listed(reasons, nodes), nodes, after, claims)


def without_claims(why: Refusal, nodes: int, after: list[tuple[str, int]] | str | None) -> str:
    """Say why no node was looked at for the sake of a pod's ResourceClaims, and what preemption says."""
    if not nodes:
        return NO_NODES
    return _with_after(f"0/{nodes} nodes are available: {', '.join(why.reasons)}.", nodes, after, NOTHING_TO_FREE)


def _with_after(found: str, nodes: int, after: list[tuple[str, int]] | str | None, claims: str) -> str:
    if after is None:
        return f"{found} {claims}"
    if not after:
        return found
    said = after if isinstance(after, str) else _listed(after, nodes)
    return f"{found} {claims}, preemption: {said}"


def not_looked_at(why: Refusal, nodes: int) -> str:
    """Say why no node was looked at; the claims to deallocate, which are looked for then, are not found either."""
    if not nodes:
        return NO_NODES
    return f"0/{nodes} nodes are available: {', '.join(why.reasons)}. not found"


def cut(message: str) -> str:
    """Cut a message to what an Event holds."""
    return message if len(message) <= _LONGEST else message[: _LONGEST - len(_CUT)] + _CUT


def _listed(reasons: list[tuple[str, int]], nodes: int) -> str:
    counts: dict[str, int] = {}
    for reason, count in reasons:
        counts[reason] = counts.get(reason, 0) + count
    # Upstream sorts the finished texts, so "10 x" comes before "2 y".
    texts = sorted([f"{count} {reason}" for reason, count in counts.items() if count])
    return f"0/{nodes} nodes are available: {', '.join(texts)}."
