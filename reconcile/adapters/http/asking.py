"""Asking: what requests to control carry, as values; schemas/control.json is made of them."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from reconcile.events import ClusterEvent
from reconcile.lib.instant import Instant


@attrs.frozen(kw_only=True)
class Advance:
    """
    Let time move on, and let happen what is due meanwhile.

    Args:
        by: how long, as text such as 90s or 5m.
        to: up to when, in nanoseconds since the Unix epoch; in place of by.
    """

    by: str = ""
    to: Instant | None = None


@attrs.frozen(kw_only=True)
class Settle:
    """
    Run until nothing is left to do but wait for periodic timers.

    Args:
        limit: give up after this much virtual time, as text such as 30m.
        quiet: after the last thing that happened, wait this much longer; empty for what the cluster needs.
    """

    limit: str = "30m"
    quiet: str = ""


@attrs.frozen(kw_only=True)
class Wait:
    """
    Run until a condition holds upon an object.

    Args:
        for_: as kubectl wait --for takes it: condition=NAME[=VALUE], jsonpath={PATH}[=VALUE], create, delete; or
            converged.
        resource: as kubectl takes it: pods, po, deployments.apps.
        name: of the object.
        namespace: of the object.
        limit: give up after this much virtual time.
    """

    for_: str
    resource: str
    name: str
    namespace: str = "default"
    limit: str = "30m"


@attrs.frozen(kw_only=True)
class Happen:
    """
    Let events happen: faults, choices, requests; in order, until one cannot.

    Args:
        events: as schemas/events.json has them.
    """

    events: tuple[ClusterEvent, ...]


@attrs.frozen(kw_only=True)
class Choose:
    """
    Let one of the choices happen.

    Args:
        choice: its place in the list that GET choices gives, from 0.
        steps: the step count that list was made at; 409 if more has happened since.
    """

    choice: int
    steps: int | None = None


@attrs.frozen(kw_only=True)
class Speed:
    """
    Let time go at another speed.

    Args:
        speed: a factor of the clock on the wall, max, manual or held.
    """

    speed: str


@attrs.frozen(kw_only=True)
class NewCluster:
    """
    Serve another cluster, under /clusters/NAME.

    Args:
        name: the new one's.
        snapshot: from where it goes on; empty for the cluster as it is now.
        speed: how its time goes; empty for as this one's does.
    """

    name: str
    snapshot: str = ""
    speed: str = ""


Body: TypeAlias = Advance | Settle | Wait | Happen | Choose | Speed | NewCluster
"""Everything that a request to control can carry."""
