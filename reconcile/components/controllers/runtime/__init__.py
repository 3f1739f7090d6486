"""The runtime that all controllers share, and the form in which a controller is written."""

from reconcile.components.controllers.runtime.checks import check
from reconcile.components.controllers.runtime.contract import (
    FIRST_BACK_OFF,
    KEPT,
    LONGEST_BACK_OFF,
    RESYNC,
    Ask,
    Controller,
    Key,
    Later,
    Outcome,
    Source,
    Views,
    controller_of,
    keys_of_itself,
)
from reconcile.components.controllers.runtime.identity import identified, identity, rights, service_account
from reconcile.components.controllers.runtime.runtime import (
    step,
)
from reconcile.components.controllers.runtime.state import Failure, State, begin, failing, watches
from reconcile.components.controllers.runtime.workqueue import WorkQueue

__all__ = [
    "FIRST_BACK_OFF",
    "KEPT",
    "LONGEST_BACK_OFF",
    "RESYNC",
    "Ask",
    "Controller",
    "Failure",
    "Key",
    "Later",
    "Outcome",
    "Source",
    "State",
    "Views",
    "WorkQueue",
    "begin",
    "check",
    "controller_of",
    "failing",
    "identified",
    "identity",
    "keys_of_itself",
    "rights",
    "service_account",
    "step",
    "watches",
]
