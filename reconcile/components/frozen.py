"""
Frozen: a process that is paused, as SIGSTOP or a host under pressure does it: it does nothing until it is thawed.

What comes for it meanwhile waits where it arrived: answers, changes and messages in its sockets, timers in its clock.
It hears them when it is thawed, in the order in which they came, and by then it is later.

Takes:    anything.
Gives:    nothing.
Source:   signal(7): SIGSTOP, SIGCONT; cgroups' freezer.
Left out: buffers have no end, but for those between members of etcd; a real peer would stop sending.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace

Part = Literal["self", "election", "recorder", "member", "webhook", "call", "cache"]
"""
Who hears it: the process itself, its election, its event recorder; or, of an API server, what its member of etcd says,
what a webhook answers, the number of a call that has come to it, and what its watch cache has.
"""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    A process that is paused.

    Args:
        kind: what it is.
        state: its own, as it was.
        waits: what has come for it, and for which part of it.
    """

    kind: str
    state: Any
    waits: tuple[tuple[Part, Any], ...] = ()


def step(state: State, event: Any) -> tuple[State, tuple[Any, ...]]:
    """Let *event* wait."""
    return kept(state, "self", event), ()


def kept(state: State, part: Part, event: Any) -> State:
    """Let *event* wait for a part of the process."""
    return replace(state, waits=(*state.waits, (part, event)))
