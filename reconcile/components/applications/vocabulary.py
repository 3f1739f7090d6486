"""
What an application hears and orders beside what every component does: its pod's network, its volumes, its log, its end.

A body is any immutable value: text, numbers, tuples, maps, attrs classes. It is handed over as it is.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

Connection: TypeAlias = tuple[Any, ...]
"""What a `Reply` goes back on; it means nothing to whom it is given."""

# What it orders -------------------------------------------------------------------------------------------------------


@quick
@attrs.frozen(weakref_slot=False)
class Interest:
    """
    What an application wants to be told of, as its ServiceAccount may list and watch it.

    Args:
        resource: the resource's key, by which `Watched` events name it.
        namespace: only objects of this one; empty for all. The view is the whole table: ask it only for what is here.
    """

    resource: str
    namespace: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class Listen:
    """Take what is sent to this port of the pod from now on."""

    port: int


@quick
@attrs.frozen(weakref_slot=False)
class Send:
    """
    Send *body* to another pod, over a connection of its own.

    What comes of it is heard as `Returned` or `Failed`; as nothing at all if either is lost on its way, or the other
    does not reply. So whoever waits sets a timer.

    Args:
        to: a pod's IP, or a name that its `/etc/hosts` or the cluster's DNS has: a Service's (`store`, `store.shop`,
            `store.shop.svc.cluster.local`), that of a pod behind one (`store-0.store`).
        port: there.
        body: what is sent.
        tag: comes back with what comes of it.
    """

    to: str
    port: int
    body: Any
    tag: tuple[Any, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Reply:
    """Send *body* back to whom something was `Received` from."""

    connection: Connection
    body: Any


@quick
@attrs.frozen(weakref_slot=False)
class Keep:
    """
    Write to a volume, so that it is on its disk before anything that is ordered after it happens.

    Args:
        path: where the volume is mounted in the container.
        key: what is written, as a file's name.
        value: what it is from now on; None: it is removed.
    """

    path: str
    key: str
    value: Any


@quick
@attrs.frozen(weakref_slot=False)
class Read:
    """Look at what is on the volume that is mounted at *path* now: it is heard as `Found`, at once."""

    path: str


@quick
@attrs.frozen(weakref_slot=False)
class Log:
    """Write a line to the container's log."""

    line: str


# What it hears --------------------------------------------------------------------------------------------------------


@quick
@attrs.frozen(weakref_slot=False)
class Received:
    """
    Something was sent to a port that it listens to.

    Args:
        now: the instant.
        source: the sender's IP.
        port: its own.
        body: what was sent.
        connection: what a `Reply` goes back on.
    """

    now: Instant
    source: str
    port: int
    body: Any
    connection: Connection


@quick
@attrs.frozen(weakref_slot=False)
class Returned:
    """The reply to what it sent with this tag."""

    now: Instant
    tag: tuple[Any, ...]
    body: Any


@quick
@attrs.frozen(weakref_slot=False)
class Failed:
    """What it sent with this tag arrived nowhere, and why: no such host, or connection refused."""

    now: Instant
    tag: tuple[Any, ...]
    why: str


@quick
@attrs.frozen(weakref_slot=False)
class Found:
    """
    What is on the volume that is mounted at *path*: asked for by a `Read`; or, of an application that follows its
    files, when its kubelet has written them anew.
    """

    now: Instant
    path: str
    files: Map[Any]


@quick
@attrs.frozen(weakref_slot=False)
class Terminating:
    """SIGTERM: it is to end by itself with an `Exit`, before it is killed."""

    now: Instant
