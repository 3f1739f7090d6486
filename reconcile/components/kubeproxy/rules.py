"""
The packet filter's rules as values: what iptables knows of matches and targets, as far as kube-proxy needs it.

Source:   the man pages iptables(8) and iptables-extensions(8).
Left out: every other match and target.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import attrs

from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

MARK: Final = 0x4000  # of a packet that is to be masqueraded
CERTAIN: Final = 1 << 31  # what the kernel's random match counts in

# Matches: what a packet must be for a rule to apply, beside its header.


@quick
@attrs.frozen(weakref_slot=False)
class Port:
    """It goes to this port; 0 for any."""

    number: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Local:
    """One of its addresses is this node's own."""

    end: Literal["src", "dst"]


@quick
@attrs.frozen(weakref_slot=False)
class Marked:
    """It is marked to be masqueraded, or it is not."""

    negated: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Tracked:
    """Its connection is in one of these states, or in none."""

    states: tuple[str, ...]
    negated: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Chance:
    """A throw of the dice succeeds, *parts* times in `CERTAIN`."""

    parts: int


@quick
@attrs.frozen(weakref_slot=False)
class Seen:
    """Its source was remembered in this list at most so many seconds ago."""

    list: str
    seconds: int


@quick
@attrs.frozen(weakref_slot=False)
class Remember:
    """Always; and its source is remembered in this list."""

    list: str


Match: TypeAlias = Port | Local | Marked | Tracked | Chance | Seen | Remember

# Targets: what happens to it then.


@quick
@attrs.frozen(weakref_slot=False)
class Jump:
    """Try the rules of this chain, then go on."""

    chain: str


@quick
@attrs.frozen(weakref_slot=False)
class Dnat:
    """Send it there instead."""

    ip: str
    port: int


Target: TypeAlias = Jump | Dnat | Literal["ACCEPT", "DROP", "REJECT", "RETURN", "MARK", "UNMARK", "MASQUERADE"]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Rule:
    """
    One rule.

    Args:
        source: the address or CIDR that the packet comes from; empty for any.
        elsewhere: from anywhere but there.
        destination: the address or CIDR that it goes to; empty for any.
        protocol: tcp, udp, sctp; empty for any.
        comment: what the rule is for.
        matches: what must hold beside, in the order in which they are asked.
        target: what happens then; None for nothing.
    """

    source: str = ""
    elsewhere: bool = False
    destination: str = ""
    protocol: str = ""
    comment: str = ""
    matches: tuple[Match, ...] = ()
    target: Target | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Tables:
    """The chains of the packet filter's two tables: name -> rules."""

    filter: Map[tuple[Rule, ...]]
    nat: Map[tuple[Rule, ...]]
