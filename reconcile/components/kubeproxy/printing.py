"""
The text of a rule set, as iptables-save prints it and iptables-restore reads it.

Source:   iptables-save of iptables 1.8.
Left out: counters; they are all zero.
"""

from __future__ import annotations

from typing import Final, assert_never

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
    Target,
    Tracked,
)
from reconcile.lib.mapping import Map

_BUILT_IN: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_RECENT: Final = "--mask 255.255.255.255 --rsource"


def iptables(rules: RuleSet) -> str:
    """Give the whole text: the tables filter and nat, each with its chains and then its rules, in a fixed order."""
    tables = tables_of(rules)
    return _table("filter", tables.filter) + _table("nat", tables.nat)


def rule_text(chain: str, rule: Rule) -> str:
    """Give one rule's line."""
    parts = ["-A", chain]
    if rule.source:
        parts += [*(["!"] if rule.elsewhere else []), "-s", _cidr(rule.source)]
    if rule.destination:
        parts += ["-d", _cidr(rule.destination)]
    if rule.protocol:
        parts += ["-p", rule.protocol]
    if rule.comment:
        parts += ["-m comment --comment", _quoted(rule.comment)]
    parts += [_match(match, rule.protocol) for match in rule.matches]
    if rule.target is not None:
        parts += ["-j", _target(rule.target)]
    return " ".join(parts)


def _table(name: str, chains: Map[tuple[Rule, ...]]) -> str:
    order = [*[chain for chain in _BUILT_IN if chain in chains], *[chain for chain in chains if chain not in _BUILT_IN]]
    lines = [f"*{name}"]
    lines += [f":{chain} {'ACCEPT' if chain in _BUILT_IN else '-'} [0:0]" for chain in order]
    lines += [rule_text(chain, rule) for chain in order for rule in chains[chain]]
    return "\n".join([*lines, "COMMIT", ""])


def _match(match: Match, protocol: str) -> str:
    match match:
        case Port(0):
            return f"-m {protocol}"
        case Port(number):
            return f"-m {protocol} --dport {number}"
        case Local(end):
            return f"-m addrtype --{end}-type LOCAL"
        case Marked(negated):
            return f"-m mark {'! ' if negated else ''}--mark {MARK:#x}/{MARK:#x}"
        case Tracked(states, negated):
            return f"-m conntrack {'! ' if negated else ''}--ctstate {','.join(states)}"
        case Chance(parts):
            # What the kernel keeps, in eleven digits; counted in integers, so that no machine rounds it otherwise.
            digits = (2 * parts * 10**11 + CERTAIN) // (2 * CERTAIN)
            return f"-m statistic --mode random --probability 0.{digits:011d}"
        case Seen(name, seconds):
            return f"-m recent --rcheck --seconds {seconds} --reap --name {name} {_RECENT}"
        case Remember(name):
            return f"-m recent --set --name {name} {_RECENT}"
        case _:
            assert_never(match)


def _target(target: Target) -> str:
    match target:
        case Jump(chain):
            return chain
        case Dnat(ip, port):
            return f"DNAT --to-destination {ip}:{port}"
        case "REJECT":
            return "REJECT --reject-with icmp-port-unreachable"
        case "MARK":
            return f"MARK --set-xmark {MARK:#x}/{MARK:#x}"
        case "UNMARK":
            return f"MARK --set-xmark {MARK:#x}/0x0"
        case "MASQUERADE":
            return "MASQUERADE --random-fully"
        case _:
            return target


def _cidr(text: str) -> str:
    return text if "/" in text else f"{text}/32"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
