"""
Messages: what the scheduler says when no node will do.

Source:   the scheduler framework's FitError; the words of DynamicResources and DefaultPreemption in
          the default profile.
Left out: preemption; see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.scheduler.filters import Refusal

NO_NODES: Final = "no nodes available to schedule pods"
ELSEWHERE: Final = Refusal("NodeAffinity", ("node(s) didn't satisfy plugin(s) [NodeAffinity]",), final=True)
"""Why nodes that required node affinity does not name are not looked at."""


def unschedulable(refusals: list[tuple[Refusal, int]], nodes: int, *, may_preempt: bool) -> str:
    """Say why none of *nodes* nodes will do."""
    if not nodes:
        return NO_NODES
    final = sum([count for refusal, count in refusals if refusal.final])
    reasons = [(reason, count) for refusal, count in refusals for reason in refusal.reasons]
    after = (
        _listed(
            [
                ("Preemption is not helpful for scheduling", final),
                ("No preemption victims found for incoming pod", nodes - final),
            ],
            nodes,
        )
        if may_preempt
        else "not eligible due to preemptionPolicy=Never."
    )
    return f"{_listed(reasons, nodes)} no new claims to deallocate, preemption: {after}"


def _listed(reasons: list[tuple[str, int]], nodes: int) -> str:
    counts: dict[str, int] = {}
    for reason, count in reasons:
        counts[reason] = counts.get(reason, 0) + count
    # Upstream sorts the finished texts, so "10 x" comes before "2 y".
    texts = sorted([f"{count} {reason}" for reason, count in counts.items() if count])
    return f"0/{nodes} nodes are available: {', '.join(texts)}."
