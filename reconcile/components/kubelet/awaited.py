"""What pods wait for before they run: what their volumes are made of, their pull secrets, their devices."""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.requests import Response


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Mounting:
    """
    What a pod waits for before it has a sandbox: what its volumes are made of, and its pull secrets.

    Args:
        asked: what was asked for, `RESOURCE/NAME`.
        found: what was answered, by the same names.
        delay: the present back-off.
        failures: how often drivers have failed to mount a volume, by `OPERATION/VOLUME`.
        done: all is there.
        anew: while what is in a sandbox ends that was lost, the names of the containers that are to run in the next.
    """

    asked: tuple[str, ...] = ()
    found: Map[Response] = Map()
    delay: Duration = 0
    failures: Map[int] = Map()
    done: bool = False
    anew: tuple[str, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Secrets:
    """
    The pull secrets of a pod.

    Args:
        known: those that are there, by name.
        asked: of which it is being asked again; *found*: what was answered so far, by `secrets/NAME`.
    """

    known: Map[Any] = Map()
    asked: tuple[str, ...] = ()
    found: Map[Response] = Map()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Claiming:
    """
    What a pod waits for of its devices.

    Args:
        asked: the names of its claims.
        found: what was answered about them.
        due: when the drivers have had their time; None before, and after a failure.
        done: its devices are prepared.
        ends: when they are unprepared, once the pod has ended.
    """

    asked: tuple[str, ...] = ()
    found: Map[Response] = Map()
    due: Instant | None = None
    done: bool = False
    ends: Instant | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Following:
    """
    What the files of a pod show, and of what.

    Args:
        asked: what is being asked for, `RESOURCE/NAME`.
        found: what was answered, or heard since, by the same names: what the files are made of.
        files: what was written to each volume, by its name.
        due: when they are made again, as something has changed or could not be set up; 0 if that is not so.
        delay: the present back-off, if it could not.
    """

    asked: tuple[str, ...] = ()
    found: Map[Response] = Map()
    files: Map[Map[str]] = Map()
    due: Instant = 0
    delay: Duration = 0
