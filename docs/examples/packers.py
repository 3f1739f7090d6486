"""A plugin of the scheduler that keeps pods of one team together, and lets them begin all at once."""

from typing import Any

from reconcile.components.scheduler.plugin import On, Plugin, Turn, Unschedulable, Wait
from reconcile.lib.instant import MINUTE

TEAM = "example.com/team"
SIZE = "example.com/team-size"


def team_of(pod: Any) -> str | None:
    """Give the team that a pod is of; None for none."""
    return (pod.metadata.labels or {}).get(TEAM)


def teammates(turn: Turn, node: Any) -> int:
    """Count the pods on a node that are of the same team."""
    return sum(team_of(pod) == team_of(turn.pod) for pod in turn.snapshot.pods_on(node.metadata.name))


def keep_apart(turn: Turn, node: Any) -> Unschedulable | None:
    """Refuse a node where pods of another team are."""
    teams = {team_of(pod) for pod in turn.snapshot.pods_on(node.metadata.name)} - {None, team_of(turn.pod)}
    return Unschedulable("node(s) had pods of another team") if teams and team_of(turn.pod) else None


def score(turn: Turn, node: Any) -> int:
    """Prefer nodes with many of the team."""
    return min(10 * teammates(turn, node), 100)


def all_at_once(turn: Turn, _: Any) -> Wait | None:
    """Let a pod wait until as many of its team have a node as it says."""
    size = int((turn.pod.metadata.labels or {}).get(SIZE, 0))
    placed = sum(teammates(turn, each) for each in turn.snapshot.nodes.values())
    return Wait(5 * MINUTE) if team_of(turn.pod) and placed < size else None


packer = Plugin(
    name="Packer",
    filter=keep_apart,
    score=score,
    permit=all_at_once,
    events=(On("pods", lambda pod, old, new: new is None and team_of(old) != team_of(pod)), On("nodes")),
)
