"""What every component may order: calls, timers, watches, records of events, its end."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.model.requests import Request, User


@quick
@attrs.frozen(weakref_slot=False)
class Call:
    """
    Send *request* to the API server.

    Args:
        request: what to ask.
        tag: comes back in the `Answered` event; None asks for no answer.
        user: as whom, if not as the process's own user.
    """

    request: Request
    tag: tuple[Any, ...] | None = None
    user: User | None = None


@quick
@attrs.frozen(weakref_slot=False)
class SetTimer:
    """
    Let `TimerFired(key)` come at the instant *at*, in place of what the key was set to.

    A periodic timer is one that comes again and again while nothing happens (a heartbeat, a resync); it does not keep a
    cluster from being settled.
    """

    key: tuple[Any, ...]
    at: Instant
    periodic: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class CancelTimer:
    """Unset the timer of this key."""

    key: tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Wake:
    """Ask for one `Turned(queue)`: there is an item of work to do."""

    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class OpenWatch:
    """
    Watch one resource more, from now on: what a definition established meanwhile.

    Args:
        resource: the resource's key, by which `Watched` events name it.
        partition: only objects with this value of the resource's partition; the watch is then called
            `RESOURCE/PARTITION`.
    """

    resource: str
    partition: str = ""

    @property
    def watch(self) -> str:
        """How `Watched` events name it."""
        return f"{self.resource}/{self.partition}" if self.partition else self.resource


@quick
@attrs.frozen(weakref_slot=False)
class CloseWatch:
    """Watch no more what was watched under this name."""

    watch: str


@quick
@attrs.frozen(weakref_slot=False)
class Record:
    """
    Record an event about an object (the Kubernetes kind Event); the process's recorder aggregates and sends it.

    Args:
        about: the object; its kind, name, namespace and uid are used.
        type: Normal or Warning.
        reason: CamelCase, for programs.
        message: for people.
        field_path: the part of the object, such as `spec.containers{web}`; empty for all of it.
        component: who says so, if that is but a part of the process, such as one of its controllers.
    """

    about: Any
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    field_path: str = ""
    component: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class Exit:
    """
    End this process, as `os.Exit` would; the kubelet restarts its container.

    Args:
        code: as which it ends.
        message: what an application writes to its termination message path.
        wrote: of a program of the control plane, the last lines of its log.
    """

    code: int
    message: str = ""
    wrote: tuple[str, ...] = ()
