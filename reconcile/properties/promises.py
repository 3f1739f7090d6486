"""
Promises: what each kind promises along a run, and everything that is looked at, by name.

    play(boot, schedule, *named("no quota exceeded", "no eviction beyond a budget"))

Takes:    names.
Gives:    properties and promises.
"""

from __future__ import annotations

from typing import Final

from reconcile.lib.errors import ReconcileError
from reconcile.properties.always import ALWAYS
from reconcile.properties.autoscaling import AUTOSCALING
from reconcile.properties.budgets import BUDGETS
from reconcile.properties.devices import DEVICES
from reconcile.properties.jobs import JOB_PROMISES
from reconcile.properties.ownership import CASCADES
from reconcile.properties.property import Promise, Property
from reconcile.properties.rollouts import ROLLOUTS
from reconcile.properties.sets import SETS
from reconcile.properties.volumes import IN_TURN

PROMISES: Final[tuple[Promise, ...]] = (
    ROLLOUTS,
    *SETS,
    *JOB_PROMISES,
    BUDGETS,
    *AUTOSCALING,
    CASCADES,
    IN_TURN,
    DEVICES,
)
"""What is followed along every run, each for as long as it lasts."""


def named(*names: str) -> tuple[tuple[Property, ...], tuple[Promise, ...]]:
    """
    Give the properties and promises of these names, to be given to `play`.

    Raises:
        ReconcileError: there is none of one of the names.
    """
    known = {*[each.name for each in ALWAYS], *[each.name for each in PROMISES]}
    for name in names:
        if name not in known:
            raise ReconcileError(f"no property {name!r}; there are {', '.join(sorted(known))}")
    properties = tuple([each for each in ALWAYS if each.name in names])
    return properties, tuple([each for each in PROMISES if each.name in names])
