"""Choices: what a cluster offers to do next."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick


@quick
@attrs.frozen(weakref_slot=False)
class Begin:
    """Let a process that was launched start: it hears `Started`."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class Deliver:
    """Deliver the next *count* pending changes of a process's watch; 0 is all of them."""

    process: str
    watch: str
    count: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Work:
    """Let a process do one item of work of this queue."""

    process: str
    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class Execute:
    """Let the API server carry out the call with this number."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class Return:
    """Hand the answer of the call with this number back to who asked."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class Carry:
    """Hand over the message with this number between a kubelet and its container runtime."""

    message: int


@quick
@attrs.frozen(weakref_slot=False)
class Fire:
    """Fire a timer that is due."""

    process: str
    key: tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Advance:
    """Move time on to *to*, at most to the instant at which the next timer is due."""

    to: Instant


Choice: TypeAlias = Begin | Deliver | Work | Execute | Return | Carry | Fire | Advance
"""What a cluster offers to do next."""
