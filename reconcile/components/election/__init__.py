"""
Leader election: of several candidates one leads.

`elector` is the race for a lock; `coordinated` is how one waits to be elected, by what it publishes of itself, which is
`candidate`'s.
"""

from reconcile.components.election.candidate import CANDIDATES, WATCH, Candidacy
from reconcile.components.election.elector import begin, leads, lost, overdue, release, step, watches
from reconcile.components.election.values import ANNOTATION, Config, Form, Lock, State, Step, Term

__all__ = [
    "ANNOTATION",
    "CANDIDATES",
    "WATCH",
    "Candidacy",
    "Config",
    "Form",
    "Lock",
    "State",
    "Step",
    "Term",
    "begin",
    "leads",
    "lost",
    "overdue",
    "release",
    "step",
    "watches",
]
