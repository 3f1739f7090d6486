"""
What is under way between the processes of a cluster, as values.

Each waits under a serial number; taking the lowest first is first-in first-out.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from reconcile.effects import CallWebhook, Notice
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.requests import Request, Response, User


@quick
@attrs.frozen(weakref_slot=False)
class Starting:
    """A process that was launched and has not begun."""

    process: str
    life: int


@quick
@attrs.frozen(weakref_slot=False)
class Listing:
    """A watch that has something to deliver, and no other ticket for it."""

    process: str
    life: int
    watch: str


@quick
@attrs.frozen(weakref_slot=False)
class Draining:
    """
    The changes of a channel, on their way to its watchers one after the other.

    Args:
        channel: the watch channel.
        place: the watcher whose turn it is.
        mark: the channel's end when this round began.
    """

    channel: str
    place: int
    mark: int


@quick
@attrs.frozen(weakref_slot=False)
class Turning:
    """A process that has asked for a turn."""

    process: str
    life: int
    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class Sent:
    """A call on its way to the API server; *process* is empty for a client outside."""

    process: str
    life: int
    host: str
    user: User
    request: Request
    tag: tuple[Any, ...] | None
    at: Instant


@quick
@attrs.frozen(weakref_slot=False)
class Replied:
    """An answer on its way back."""

    process: str
    life: int
    host: str
    request: Request
    tag: tuple[Any, ...]
    response: Response
    at: Instant


@quick
@attrs.frozen(weakref_slot=False)
class Message:
    """An order to a container runtime, or a report to a kubelet."""

    process: str
    life: int
    body: Any


@quick
@attrs.frozen(weakref_slot=False)
class Suspended:
    """
    A request within an API server that waits for webhooks to answer.

    It is planned anew when they have: what was asked is known by its content, so it is asked once.

    Args:
        sent: the request.
        server: the API server's process.
        life: of the process.
        dice: what the request draws from, the same at each look.
        now: the instant at which it was taken in, by the server's clock.
        waits: what is asked and not answered, each with its key.
        answers: what was answered, by the key of what was asked.
    """

    sent: Sent
    server: str
    life: int
    dice: Dice
    now: Instant
    waits: tuple[tuple[CallWebhook, str], ...]
    answers: Map[Any]


@quick
@attrs.frozen(weakref_slot=False)
class Withheld:
    """
    What a client's watch has to tell, while a webhook converts the first of it.

    Args:
        server: the watch's process.
        life: of the process.
        notices: what is to be told, in order.
        covers: how many of them what is asked is about.
        waits: what is asked and not answered, with the version that is wanted.
    """

    server: str
    life: int
    notices: tuple[Notice, ...]
    covers: int
    waits: tuple[tuple[CallWebhook, str], ...]


@quick
@attrs.frozen(weakref_slot=False)
class Inquiry:
    """
    What a process has asked outside; the answer is told to it.

    Args:
        server: the process.
        life: of the process.
        waits: what is asked, with what the process calls it.
    """

    server: str
    life: int
    waits: tuple[tuple[CallWebhook, str], ...]


@quick
@attrs.frozen(weakref_slot=False)
class Posted:
    """A message between two members of etcd, to *process*."""

    process: str
    life: int
    message: Any


@quick
@attrs.frozen(weakref_slot=False)
class Syncing:
    """A member's oldest write is on its way to the disk."""

    process: str
    life: int


@quick
@attrs.frozen(weakref_slot=False)
class Decided:
    """What a member of etcd tells an API server of what it asked."""

    process: str
    life: int
    told: Any


@quick
@attrs.frozen(weakref_slot=False)
class Parcel:
    """
    What an application sends to another pod, or what comes back of it.

    Args:
        process, life: who sends it.
        host: on which host that runs.
        source: its pod's IP.
        address, port: where it goes.
        body: what is sent.
        tag: the sender's.
        back: whether it is a reply, which goes to *address*, a process, in the life *port*.
        problem: why it goes nowhere; empty if it does.
    """

    process: str
    life: int
    host: str
    source: str
    address: str
    port: int
    body: Any
    tag: tuple[Any, ...]
    back: bool = False
    problem: str = ""


Pending: TypeAlias = (
    Starting | Listing | Draining | Turning | Sent | Replied | Message | Posted | Syncing | Decided | Parcel
)
"""Everything that can be under way."""
