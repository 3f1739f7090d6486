"""
The scheduler: gives every pod without a node the best node there is.

Read it in this order: `cache` (`demand`, `wishes`, `guises`, `traits`: what a pod takes, asks and looks like; `nodes`;
`topologies` and `tallies`: who is where), `plugins` (what a node is to a pod), `framework` (`filtering`, `scoring`,
`ranking`: all nodes at once; `company`: what others and volumes make of them; `search`, `cycle`: one turn), `queue`
(who has a turn), `watching`, `steps`; `explaining` asks the same and takes the answer apart.
"""

from reconcile.components.scheduler import questions
from reconcile.components.scheduler.state import State, begin, watches
from reconcile.components.scheduler.steps import step

__all__ = ["State", "begin", "questions", "step", "watches"]
