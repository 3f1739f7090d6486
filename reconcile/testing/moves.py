"""
Moves: what a schedule is made of, as data; a game makes them, and a scenario has a word for each.

Takes:    nothing.
Gives:    `Schedule` and its moves.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from reconcile.driver.script.errands import Errand
from reconcile.events import Fault
from reconcile.lib.instant import Duration


@attrs.frozen
class Wander:
    """Let so many steps happen, each picked by chance among all that could happen next."""

    steps: int
    seed: int


@attrs.frozen
class Wait:
    """Let so much time go by, first-in first-out."""

    time: Duration


@attrs.frozen
class Declare:
    """The user applies a manifest."""

    manifest: dict[str, Any]


@attrs.frozen
class Resize:
    """The user scales a workload; one that is not there is not found."""

    kind: str
    name: str
    replicas: int


@attrs.frozen
class Withdraw:
    """
    The user deletes what was declared; what is not there is not found.

    Args:
        kind: of what is deleted.
        name: its name.
        namespace: where it is.
        cascade: what becomes of its dependents, as `kubectl delete --cascade` says it: `background`, `foreground`,
            `orphan`; empty for kubectl's own way, which is the first.
    """

    kind: str
    name: str
    namespace: str = "default"
    cascade: str = ""


@attrs.frozen
class Adopt:
    """
    The user gives an object an owner, one more, which is not its controller; nothing happens if one of them is missing.

    Args:
        kind: the object's.
        name: the object's.
        owner_kind: the owner's.
        owner: its name.
        namespace: of both.
    """

    kind: str
    name: str
    owner_kind: str
    owner: str
    namespace: str = "default"


@attrs.frozen
class Strike:
    """
    Something breaks.

    Args:
        what: `drop` loses a call or an answer under way, `repeat` lets a call be carried out twice (the next one, if
            none is under way; heartbeats and records are left alone), `cut` breaks a watch, `kill` ends a process,
            `lag` lets a watch stay behind from then on (until it is released, all is repaired or its process dies),
            `halt` ends a kubelet in the midst of what it orders, `sandbox` lets a pod's sandbox go away, `compact`
            forgets the store's history, `reset` resets the stream of a call or an answer, where a balancer stands in
            front, `delay` lets one arrive up to 31 s late there, `delete` deletes a pod.
        number: which of those that there are, counted round and round.
    """

    what: Literal["drop", "repeat", "cut", "lag", "kill", "halt", "sandbox", "compact", "reset", "delay", "delete"]
    number: int = 0


@attrs.frozen
class Lag:
    """
    One watch stays behind for so long, while all else goes on, and then catches up: one of a resource that its own
    process is just writing to, which is where a stale cache hurts.

    Args:
        number: which of those that there are, counted round and round; of the user's own controllers, if there are any.
        time: for how long.
    """

    number: int
    time: Duration


@attrs.frozen
class Replace:
    """
    The disk of a member of etcd is lost, and the operator replaces it: the member is removed, comes back as a learner
    with nothing, and is promoted. Nothing happens unless all members are well.
    """

    host: str


@attrs.frozen
class Join:
    """
    A machine joins as with `kubeadm join`; nothing happens if it cannot.

    Args:
        host: one that is there, or a new one, which is powered on.
        control_plane: it becomes a master.
    """

    host: str
    control_plane: bool = False


@attrs.frozen
class Repair:
    """Everything that is broken is made whole again: hosts, links, clocks, disks, members, processes, watches."""


Move: TypeAlias = (
    Wander | Wait | Declare | Resize | Withdraw | Adopt | Errand | Strike | Lag | Replace | Join | Repair | Fault
)
"""
One thing of a schedule; an errand is a command of kubectl (`reconcile.driver.script.errands`). A fault that cannot
happen (a host is stopped twice) does not, nor does a command that kubectl objects to.
"""


@attrs.frozen
class Schedule:
    """What is declared at first, and what happens then."""

    manifests: tuple[dict[str, Any], ...]
    moves: tuple[Move, ...] = ()
