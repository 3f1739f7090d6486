"""
Messages: what the scheduler says when no node will do.

Source:   the scheduler framework's FitError; the words of DynamicResources in the default profile.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.framework.verdicts import Refusal

NO_NODES: Final = "no nodes available to schedule pods"
# What a note of an Event can hold.
_LONGEST: Final = 1024
_CUT: Final = " ..."


def unschedulable(refusals: list[tuple[Refusal, int]], nodes: int, after: list[tuple[str, int]] | str | None) -> str:
    """
    Say why none of *nodes* nodes will do.

    Args:
        refusals: why, and how many nodes for each why.
        nodes: how many there are.
        after: what preemption says of them, by reasons or in a text; empty if it has found victims,
            None if it takes no part.
    """
    if not nodes:
        return NO_NODES
    reasons = [(reason, count) for refusal, count in refusals for reason in refusal.reasons]
    found = _listed(reasons, nodes)
    if after is None:
        return f"{found} no new claims to deallocate"
    if not after:
        return found
    said = after if isinstance(after, str) else _listed(after, nodes)
    return f"{found} no new claims to deallocate, preemption: {said}"


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
