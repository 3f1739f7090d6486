"""The driver: step a cluster, choose what happens next, record it and replay it."""

from reconcile.driver.choices import choices
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import Divergence, Replay, replay
from reconcile.driver.policies import Policy, Recorded, Shuffled
from reconcile.driver.run import Run, Settled, collector_paused, run, settle, still_moving
from reconcile.driver.step import step
from reconcile.driver.wire import state_digest

__all__ = [
    "Divergence",
    "Policy",
    "Recorded",
    "Recorder",
    "Replay",
    "Run",
    "Settled",
    "Shuffled",
    "choices",
    "collector_paused",
    "replay",
    "run",
    "settle",
    "state_digest",
    "step",
    "still_moving",
]
