"""
Applications: pure components of a user's own that run in containers, as the control plane's own do.

`Application` is what a behaviour names (`component NAME`); `hosting` is what runs one in a container.
"""

from reconcile.components.applications.application import Application, Place, check
from reconcile.components.applications.hosting import State, answers, begin, own, step, terminated, watches
from reconcile.components.applications.vocabulary import (
    Failed,
    Interest,
    Keep,
    Listen,
    Log,
    Received,
    Reply,
    Returned,
    Send,
    Terminating,
)

__all__ = [
    "Application",
    "Failed",
    "Interest",
    "Keep",
    "Listen",
    "Log",
    "Place",
    "Received",
    "Reply",
    "Returned",
    "Send",
    "State",
    "Terminating",
    "answers",
    "begin",
    "check",
    "own",
    "step",
    "terminated",
    "watches",
]
