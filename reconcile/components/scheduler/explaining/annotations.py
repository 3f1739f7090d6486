"""
Annotations: an explanation in the form in which kube-scheduler-simulator writes it on a pod.

Takes:    Explanation.
Gives:    annotation -> text, most of it JSON.
Source:   kube-scheduler-simulator, its result store: plugin/annotation, plugin/resultstore.
Left out: nothing known.
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.components.scheduler.explaining.explanation import Explanation, OnNode
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile

PREFIX: Final = "kube-scheduler-simulator.sigs.k8s.io/"
_PASSED: Final = "passed"
_SUCCESS: Final = "success"


def annotations_of(found: Explanation, node: str = "", profile: Profile = DEFAULT) -> dict[str, str]:
    """
    Give what the simulator would write on the pod.

    Args:
        found: what was explained.
        node: the one that the pod got; empty if that is not known: the first of the best then.
        profile: the profile by which the pod is scheduled.
    """
    selected = node or (found.best[0] if found.best else "")
    looked = [name for name in found.asked if name in profile.prefilters]
    volumes = {"VolumeBinding": _SUCCESS} if selected and "VolumeBinding" in found.asked else {}
    postfilter = {
        each.name: {"DefaultPreemption": "preemption victim"} if each.name == found.nominated else {}
        for each in found.nodes
        if found.nominated
    }
    rows: dict[str, Any] = {
        "prefilter-result-status": dict.fromkeys(looked, _SUCCESS),
        "prefilter-result": {},
        "filter-result": {each.name: _filters(each, found.asked) for each in found.nodes},
        "postfilter-result": postfilter,
        "prescore-result": dict.fromkeys([name for each in found.nodes[:1] for name in each.scores], _SUCCESS),
        "score-result": {
            each.name: {plugin: str(score) for plugin, score in each.raw.items()} for each in found.nodes if each.raw
        },
        "finalscore-result": {
            each.name: {plugin: str(score) for plugin, score in each.scores.items()}
            for each in found.nodes
            if each.scores
        },
        "reserve-result": volumes,
        "permit-result": {},
        "permit-result-timeout": {},
        "prebind-result": volumes,
        "bind-result": {"DefaultBinder": _SUCCESS} if selected else {},
    }
    texts = {f"{PREFIX}{name}": json.dumps(row, separators=(",", ":"), sort_keys=True) for name, row in rows.items()}
    return {**texts, f"{PREFIX}selected-node": selected}


def _filters(node: OnNode, asked: tuple[str, ...]) -> dict[str, str]:
    """Give what each filter said, up to the one that refused the node."""
    said: dict[str, str] = {}
    for name in asked:
        if name == node.refused_by:
            break
        said[name] = _PASSED
    return {**said, node.refused_by: ", ".join(node.reasons)} if node.refused_by else said
