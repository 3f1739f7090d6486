"""
The packet filter at work: a packet's way through a rule set.

It goes the way that netfilter sends the first packet of a connection: table nat at PREROUTING (or OUTPUT, if a process
of this node sent it), then table filter, and table nat at POSTROUTING as it leaves. Each rule is taken as it stands.

Source:   https://netfilter.org/documentation/, the man page iptables-extensions(8).
Left out: see docs/limits.md, "Services and kube-proxy".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, assert_never

import attrs

from reconcile.components.kubeproxy.addresses import LOOPBACK, inside
from reconcile.components.kubeproxy.chains import RuleSet, tables_of
from reconcile.components.kubeproxy.rules import (
    CERTAIN,
    MARK,
    Chance,
    Dnat,
    Jump,
    Local,
    Marked,
    Match,
    Port,
    Remember,
    Rule,
    Seen,
    Tables,
    Tracked,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.quick import quick
from reconcile.lib.table import Table

Recent: TypeAlias = Table[tuple[str, str], Instant]
"""The lists of the kernel's `recent` match: (list, source) -> when it was last remembered."""

Ending: TypeAlias = Literal["ACCEPT", "DROP", "REJECT", "RETURN"]
"""How a chain ends; RETURN at the end of a built-in one is its policy, ACCEPT."""

_NOBODY: Final[Recent] = Table()
_DEEPEST: Final = 64  # a chain that jumps in a circle is a mistake that iptables-restore refuses


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Packet:
    """The first packet of a connection; *at* matters for session affinity only."""

    source: str
    destination: str
    port: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    at: Instant = 0


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Verdict:
    """
    What became of a packet.

    Args:
        action: accepted; dropped in silence; or rejected, so that its sender hears at once.
        destination: where it goes in the end.
        port: at that address.
        masqueraded: its source becomes this node's own address, so that the answer comes back through it.
        path: the chains that it was sent through, by jumps, in order.
        recent: the lists afterwards, for the next packet.
    """

    action: Literal["ACCEPT", "DROP", "REJECT"]
    destination: str
    port: int
    masqueraded: bool = False
    path: tuple[str, ...] = ()
    recent: Recent = _NOBODY


def route(rules: RuleSet, packet: Packet, dice: Dice, recent: Recent = _NOBODY) -> tuple[Verdict, Dice]:
    """
    Take a packet through the rules.

    Args:
        rules: the node's.
        packet: what arrives at the node or is sent by it.
        dice: what the kernel's random match throws.
        recent: the lists that earlier packets left, by session affinity.

    Returns:
        What becomes of it, and the dice afterwards.
    """
    return walk(rules, packet, dice, recent, everything=False)


def walk(rules: RuleSet, packet: Packet, dice: Dice, recent: Recent, *, everything: bool) -> tuple[Verdict, Dice]:
    """Do what `route` does; with *everything*, without leaving out the services that cannot concern the packet."""
    flow = _Flow(rules, packet, dice, recent)
    sent_here = flow.is_local(packet.source)
    flow.through(_concerned(rules, flow, everything=everything), "nat", "OUTPUT" if sent_here else "PREROUTING")
    # Where it goes is known now. What a node sends to itself leaves it and arrives again.
    tables, arrives = _concerned(rules, flow, everything=everything), flow.is_local(flow.destination)
    verdict: Ending = "RETURN"
    if sent_here or not arrives:
        verdict = flow.through(tables, "filter", "OUTPUT" if sent_here else "FORWARD")
        if verdict in ("ACCEPT", "RETURN"):
            flow.through(tables, "nat", "POSTROUTING")
    if arrives and verdict in ("ACCEPT", "RETURN"):
        verdict = flow.through(tables, "filter", "INPUT")
    found = Verdict(
        action="ACCEPT" if verdict == "RETURN" else verdict,
        destination=flow.destination,
        port=flow.port,
        masqueraded=flow.masqueraded,
        path=tuple(flow.path),
        recent=flow.recent,
    )
    return found, flow.dice


def _concerned(rules: RuleSet, flow: _Flow, *, everything: bool) -> Tables:
    # A service's rules are entered by its addresses, or by a port of this node. To leave the others out is what a
    # kernel with a million rules would wish for; nothing else changes, and a test compares the two.
    if everything:
        return tables_of(rules)
    keys: Iterable[str] = rules.services.keys_under("address", flow.destination)
    if flow.is_local(flow.destination):
        keys = sorted({*keys, *rules.services.keys_under("node port", flow.port)})
    return tables_of(rules, keys)


class _Flow:
    """A packet on its way: what rules ask about it, and what they change of it."""

    def __init__(self, rules: RuleSet, packet: Packet, dice: Dice, recent: Recent) -> None:
        self.rules = rules
        self.packet = packet
        self.dice = dice
        self.recent = recent
        self.destination = packet.destination
        self.port = packet.port
        self.mark = 0
        self.states: tuple[str, ...] = ("NEW",)
        self.masqueraded = False
        self.path: list[str] = []

    def is_local(self, ip: str) -> bool:
        """Tell whether the node itself has this address."""
        return ip in self.rules.addresses or inside(ip, LOOPBACK)

    def through(self, tables: Tables, table: Literal["filter", "nat"], chain: str, depth: int = 0) -> Ending:
        """Try a chain's rules in order; give what the first of them says that ends it, or RETURN."""
        assert depth < _DEEPEST, f"chain {chain} is jumped to in a circle"
        for rule in (tables.filter if table == "filter" else tables.nat)[chain]:
            if not self._applies(rule):
                continue
            match rule.target:
                case Jump(other):
                    self.path.append(other)
                    verdict = self.through(tables, table, other, depth + 1)
                    if verdict != "RETURN":
                        return verdict
                case None:
                    pass
                case Dnat(ip, port):
                    self.destination, self.port, self.states = ip, port, ("NEW", "DNAT")
                    return "ACCEPT"
                case "MARK":
                    self.mark |= MARK
                case "UNMARK":
                    self.mark ^= MARK
                case "MASQUERADE":
                    self.masqueraded = True
                    return "ACCEPT"
                case _:
                    return rule.target
        return "RETURN"

    def _applies(self, rule: Rule) -> bool:
        packet = self.packet
        if rule.protocol and rule.protocol != packet.protocol:
            return False
        if rule.destination and not inside(self.destination, rule.destination):
            return False
        if rule.source and inside(packet.source, rule.source) == rule.elsewhere:
            return False
        return all(map(self._matches, rule.matches))

    def _matches(self, match: Match) -> bool:
        match match:
            case Port(number):
                return number in (0, self.port)
            case Local(end):
                return self.is_local(self.packet.source if end == "src" else self.destination)
            case Marked(negated):
                return bool(self.mark & MARK) != negated
            case Tracked(states, negated):
                return any(state in states for state in self.states) != negated
            case Chance(parts):
                thrown, self.dice = self.dice.below(CERTAIN)
                return thrown < parts
            case Seen(name, seconds):
                return self._seen(name, seconds)
            case Remember(name):
                self.recent = self.recent.set((name, self.packet.source), self.packet.at)
                return True
            case _:
                assert_never(match)

    def _seen(self, name: str, seconds: int) -> bool:
        key = (name, self.packet.source)
        last = self.recent.get(key, None)
        if last is None:
            return False
        if last + seconds * SECOND < self.packet.at:
            self.recent = self.recent.remove(key)  # --reap
            return False
        return True
