"""
Plain: an explanation as JSON, as the command line prints it and a log has it.

Takes:    Explanation; plain values that it was made into.
Gives:    plain values; Explanation.
Source:   schemas/log.json.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.scheduler.explaining.explanation import Explanation, OnNode
from reconcile.lib.mapping import Map


def plain_of(found: Explanation) -> dict[str, Any]:
    """Give an explanation as plain values."""
    nodes = [
        {
            "name": node.name,
            "refusedBy": node.refused_by,
            "reasons": list(node.reasons),
            "scores": dict(node.scores),
            "total": node.total,
        }
        for node in found.nodes
    ]
    return {
        "pod": found.pod,
        "result": found.result,
        "nodes": nodes,
        "best": list(found.best),
        "message": found.message,
        "nominated": found.nominated,
        "victims": list(found.victims),
        "unasked": list(found.unasked),
    }


def explanation_of(plain: dict[str, Any]) -> Explanation:
    """Give the explanation that `plain_of` has written, as far as it is written."""
    nodes = [
        OnNode(
            name=each["name"],
            refused_by=each["refusedBy"],
            reasons=tuple(each["reasons"]),
            scores=Map(each["scores"]),
        )
        for each in plain["nodes"]
    ]
    return Explanation(
        pod=plain["pod"],
        result=plain["result"],
        nodes=tuple(nodes),
        best=tuple(plain["best"]),
        message=plain["message"],
        nominated=plain["nominated"],
        victims=tuple(plain["victims"]),
        unasked=tuple(plain["unasked"]),
    )
