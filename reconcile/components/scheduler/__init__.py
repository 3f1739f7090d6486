"""
The scheduler: gives every pod without a node the best node there is.

Read it in this order: `demand` and `wishes` (what a pod takes, what it asks), `nodes` (the cache), `filters` and
`scores` (what a node is to a pod), `ranking` (all nodes at once), `queue` and `hints` (who has a turn), `cycle` (one
turn), `steps`.
"""

from reconcile.components.scheduler import questions
from reconcile.components.scheduler.state import State, begin, watches
from reconcile.components.scheduler.steps import step

__all__ = ["State", "begin", "questions", "step", "watches"]
