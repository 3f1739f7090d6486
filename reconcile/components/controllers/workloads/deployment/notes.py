"""
Notes: the annotations that a Deployment writes on its ReplicaSets, to find again later.

Source:   pkg/controller/deployment/util: SetNewReplicaSetAnnotations, SetReplicasAnnotations, MaxRevision.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from reconcile.components.controllers.workloads.deployment.bounds import desired, max_surge
from reconcile.lib.mapping import Map

REVISION: Final = "deployment.kubernetes.io/revision"
REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS: Final = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS: Final = "deployment.kubernetes.io/max-replicas"

# What is the Deployment's own and no ReplicaSet's.
NOT_COPIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
)
_LONGEST_HISTORY: Final = 2000
_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]{1,19})")
_MOST: Final = 2**63


def number(one: Any, name: str) -> int | None:
    """Read an annotation that is a number; None if there is none or it is no number."""
    text = (one.metadata.annotations or {}).get(name)
    return None if text is None else _number(text)


@lru_cache(maxsize=1024)
def _number(text: str) -> int | None:
    """Read a number of 64 bits; None if it is none."""
    match = _NUMBER.fullmatch(text)
    found = _MOST if match is None else int(match[1] + match[2])
    return found if -_MOST <= found < _MOST else None


def next_revision(olds: tuple[Any, ...]) -> int:
    """Give the revision after the highest of these ReplicaSets."""
    return max([number(one, REVISION) or 0 for one in olds], default=0) + 1


def with_sizes(kept: Map[str] | None, deployment: Any) -> Map[str] | None:
    """Note what the Deployment declares, and up to how many pods it may have."""
    replicas = desired(deployment)
    return merged(kept, {DESIRED_REPLICAS: str(replicas), MAX_REPLICAS: str(replicas + max_surge(deployment))})


def of_new(deployment: Any, kept: Map[str] | None, revision: int) -> Map[str] | None:
    """Give the annotations of the new ReplicaSet: the Deployment's, and its revision with those it had before."""
    given = deployment.metadata.annotations
    wanted = merged(kept, {name: given[name] for name in given if name not in NOT_COPIED}) if given else kept
    before = _text(wanted, REVISION)
    if before is None:
        return merged(wanted, {REVISION: str(revision)})
    known = _number(before)
    if known is None or known >= revision:
        return wanted
    history = _history(_text(wanted, REVISION_HISTORY) or "", before)
    return merged(wanted, {REVISION: str(revision), REVISION_HISTORY: history})


def _text(kept: Map[str] | None, name: str) -> str | None:
    return None if kept is None else kept.get(name)


def _history(known: str, before: str) -> str:
    """Add a revision to the history, which forgets its oldest ones when it gets too long."""
    revisions = [*(known.split(",") if known else []), before]
    while len(revisions) > 1 and len(",".join(revisions)) > _LONGEST_HISTORY:
        del revisions[0]
    return ",".join(revisions)


def merged(kept: Map[str] | None, wanted: dict[str, str]) -> Map[str] | None:
    """Give *kept* with the wanted ones in it; itself if it has them."""
    if kept is None:
        return Map(wanted) if wanted else None
    if wanted.items() <= kept.items():
        return kept
    return Map({**kept, **wanted})
