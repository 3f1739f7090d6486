"""The driver: step a cluster, choose what happens next, record it and replay it."""

from reconcile.driver.choices import choices
from reconcile.driver.policies import Policy, Recorded, Shuffled
from reconcile.driver.run import Run, Settled, collector_paused, run, settle, still_moving
from reconcile.driver.step import step

__all__ = [
    "Policy",
    "Recorded",
    "Run",
    "Settled",
    "Shuffled",
    "choices",
    "collector_paused",
    "run",
    "settle",
    "step",
    "still_moving",
]
