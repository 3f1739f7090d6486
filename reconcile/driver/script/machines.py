"""
Machines and members of etcd, as a script's commands let them join and change.

Takes:    a command's row, and the path that leads to it.
Gives:    the command, or a `ScriptError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.driver.script.fields import ScriptError, text_at
from reconcile.driver.script.membership import ordered
from reconcile.events import MemberFault, SetBackends, Upkeep
from reconcile.lib.errors import ReconcileError


@attrs.frozen
class Doing:
    """Let an event happen to members of etcd or to the balancer; *said* is how the script says it."""

    event: MemberFault | Upkeep | SetBackends
    said: str

    def __str__(self) -> str:
        return self.said


@attrs.frozen
class Joining:
    """Do what `kubeadm join` does on a host; what comes next waits until it has joined."""

    host: str
    control_plane: bool

    def __str__(self) -> str:
        return f"join {self.host}{' --control-plane' * self.control_plane}"


CONTROL_PLANE: Final = "control plane"


def machinery_at(operation: str, row: Mapping[str, Any], where: tuple[str | int, ...]) -> Doing | Joining:
    """
    Read the command *operation*: `join`, `member` or `backends`.

    Raises:
        ScriptError: it cannot be understood.
    """
    text = text_at(row[operation], where)
    if operation == "join":
        master = row.get(CONTROL_PLANE, False)
        if not isinstance(master, bool):
            raise ScriptError((*where[:-1], CONTROL_PLANE), f"must be true or false, not {master!r}")
        return Joining(text, master)
    words = text.split()
    if operation == "backends":
        return Doing(SetBackends(tuple(words)), f"backends {text}")
    try:
        return Doing(ordered(words), f"member {text}")
    except ReconcileError as error:
        raise ScriptError(where, str(error)) from None
