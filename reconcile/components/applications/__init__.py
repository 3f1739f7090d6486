"""
Applications: pure components of a user's own that run in containers, as the control plane's own do.

`Application` is what a behaviour names (`component NAME`); `hosting` is what runs one in a container.
"""

from reconcile.components.applications.application import Application, Place, check
from reconcile.components.applications.hosting import State, answers, begin, follower, own, step, terminated, watches
from reconcile.components.applications.vocabulary import (
    Failed,
    Found,
    Interest,
    Keep,
    Listen,
    Log,
    Read,
    Received,
    Reply,
    Returned,
    Send,
    Terminating,
)

__all__ = [
    "Application",
    "Failed",
    "Found",
    "Interest",
    "Keep",
    "Listen",
    "Log",
    "Place",
    "Read",
    "Received",
    "Reply",
    "Returned",
    "Send",
    "State",
    "Terminating",
    "answers",
    "begin",
    "check",
    "follower",
    "own",
    "step",
    "terminated",
    "watches",
]
