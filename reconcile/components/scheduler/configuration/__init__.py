"""
How a scheduler is configured: a KubeSchedulerConfiguration, read and checked.

`configuration` is the whole, `points` say which plugins take part where, `arguments` what single ones are told,
`extenders` who else is asked; `sections` reads fields and says what is wrong with them.
"""

from reconcile.components.scheduler.configuration.configuration import (
    DEFAULTS,
    Configuration,
    Election,
    configuration_of,
    profile_of,
)
from reconcile.components.scheduler.configuration.extenders import Extender
from reconcile.components.scheduler.configuration.points import PLUGINS, POINTS

__all__ = [
    "DEFAULTS",
    "PLUGINS",
    "POINTS",
    "Configuration",
    "Election",
    "Extender",
    "configuration_of",
    "profile_of",
]
