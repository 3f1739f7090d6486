"""
Functions that a stage's templates may call, beside those of the language and of sprig.

Takes:    what is known around: the instant, dice, addresses, nodes.
Gives:    functions, by name.
Source:   https://kwok.sigs.k8s.io/docs/user/go-template/; sprig for those that need dice.
Left out: what KWOK asks of a container network.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, Final

import attrs

from reconcile.api.yaml_text import written
from reconcile.lib.dice import Dice
from reconcile.lib.gotemplate import SPRIG, Number, TemplateError, as_go
from reconcile.lib.gotemplate.sprig import as_json
from reconcile.lib.instant import SECOND, Instant, rfc3339
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.lib.version import __version__
from reconcile.model.stages.values import Settings

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_LONGEST: Final = 1000
_CONDITIONS: Final = as_go(
    [
        {"type": kind, "status": status, "reason": reason, "message": message}
        for kind, status, reason, message in (
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
        )
    ]
)


@quick
@attrs.frozen(weakref_slot=False)
class Pool:
    """
    The addresses of pods, network by network.

    Args:
        used: those that are taken, address -> the key of the pod.
        freed: those that were taken once, `network address` -> the address.
        following: how many of each network were given, network -> number.
    """

    used: Table[str, str] = attrs.field(factory=Table)
    freed: Table[str, str] = attrs.field(factory=Table)
    following: Table[str, int] = attrs.field(factory=Table)

    def took(self, address: str, key: str) -> Pool:
        """Note that a pod has an address."""
        return self if self.used.get(address) == key else replace(self, used=self.used.set(address, key))

    def gave_back(self, address: str, networks: tuple[str, ...]) -> Pool:
        """Note that nobody has an address any more; it may be of one of *networks*."""
        if address not in self.used:
            return self
        freed = self.freed
        for network in networks:
            if ip_address(address) in ip_network(network, strict=False):
                freed = freed.set(f"{network} {address}", address)
        return replace(self, used=self.used.remove(address), freed=freed)

    def take(self, network: str, key: str) -> tuple[str, Pool]:
        """
        Take an address of a network: one that was given back, or the next one.

        Raises:
            TemplateError: all are taken.
        """
        for place, address in self.freed.between(f"{network} ", f"{network} ~"):
            if address not in self.used:
                used = self.used.set(address, key)
                return address, replace(self, used=used, freed=self.freed.remove(place))
        interface = ip_interface(network)
        number = self.following.get(network, 0) or 0
        while (found := interface.ip + number) in interface.network:
            number += 1
            if str(found) not in self.used:
                used, following = self.used.set(str(found), key), self.following.set(network, number)
                return str(found), replace(self, used=used, following=following)
        raise TemplateError(f"all addresses of {network} are taken")


class Around:
    """
    What a rendering may ask for, and what it draws and takes; it lives for one step.

    Args:
        settings: of the cluster's KwokConfiguration.
        now: the instant.
        start: since when the component that plays stages runs.
        dice: where chance comes from.
        pool: the addresses of pods.
        node: finds a node by its name; None for none.
        key: of the object for which it is rendered.
    """

    __slots__ = ("dice", "key", "node", "now", "pool", "settings", "start")

    def __init__(
        self,
        settings: Settings,
        *,
        now: Instant,
        start: Instant,
        dice: Dice,
        pool: Pool,
        node: Callable[[str], Any],
        key: str,
    ) -> None:
        self.settings = settings
        self.now = now
        self.start = start
        self.dice = dice
        self.pool = pool
        self.node = node
        self.key = key

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Give what templates may call, by name."""
        own: dict[str, Callable[..., Any]] = {
            "Now": lambda: nano_text(self.now),
            "StartTime": lambda: nano_text(self.start),
            "NodeIP": lambda: self.settings.node_ip,
            "NodeName": lambda: self.settings.node_name,
            "NodePort": lambda: self.settings.node_port,
            "NodeIPWith": self._node_ip,
            "NodeIPsWith": lambda name: as_go(self._node_ips(name)),
            "PodIP": lambda: self._taken(self.settings.cidr),
            "PodIPWith": self._pod_ip,
            "PodIPsWith": lambda *given: as_go(self._pod_ips(*given)),
            "randInt": self._whole,
            "randAlphaNum": lambda count: self._text(_LETTERS + _DIGITS, count),
            "randAlpha": lambda count: self._text(_LETTERS, count),
            "randNumeric": lambda count: self._text(_DIGITS, count),
            "uuidv4": self._uuid,
        }
        return {**SPRIG, **_FIXED, **own}

    def _node_ip(self, name: Any) -> str:
        return address_of(self.node(str(name))) or self.settings.node_ip

    def _node_ips(self, name: Any) -> list[str]:
        own = [self.settings.node_ip] if self.settings.node_ip else []
        return addresses_of(self.node(str(name))) or own

    def _pod_ip(self, node: Any, on_host: Any, *_: Any) -> str:
        if on_host is True:
            return self._node_ip(node)
        return self._taken(networks_of(self.node(str(node)), self.settings)[0])

    def _pod_ips(self, node: Any, on_host: Any, *_: Any) -> list[str]:
        if on_host is True:
            return self._node_ips(node)
        return [self._taken(network) for network in networks_of(self.node(str(node)), self.settings)]

    def _taken(self, network: str) -> str:
        address, self.pool = self.pool.take(network, self.key)
        return address

    def _whole(self, low: Any, high: Any) -> int:
        if not isinstance(low, int) or not isinstance(high, int) or high <= low:
            raise TemplateError(f"invalid range: {low} to {high}")
        drawn, self.dice = self.dice.below(high - low)
        return low + drawn

    def _text(self, letters: str, count: Any) -> str:
        if not isinstance(count, int) or not 0 <= count <= _LONGEST:
            raise TemplateError(f"a count is 0 to {_LONGEST}, not {count!r}")
        text = ""
        for _ in range(count):
            letter, self.dice = self.dice.pick(letters)
            text += letter
        return text

    def _uuid(self) -> str:
        text, self.dice = self.dice.uuid()
        return text


def nano_text(at: Instant) -> str:
    """Write an instant as Go's RFC3339Nano does: with as many digits as it needs."""
    fraction = f"{at % SECOND:09d}".rstrip("0")
    return f"{rfc3339(at)[:-1]}{'.' if fraction else ''}{fraction}Z"


def address_of(node: Any) -> str:
    """Give a node's own address, its internal one before others; empty if it has none."""
    return next(iter(addresses_of(node)), "")


def addresses_of(node: Any) -> list[str]:
    """Give a node's own addresses: the first, its internal one before others, and the first of the other family."""
    there = (node.status and node.status.addresses) or () if node is not None else ()
    found: dict[bool, str] = {}
    for kind in ("InternalIP", "ExternalIP"):
        for each in there:
            if each.type == kind:
                found.setdefault(":" in each.address, str(each.address))
    return list(found.values())


def networks_of(node: Any, settings: Settings) -> tuple[str, ...]:
    """Give the networks of the pods of a node, one for each family of addresses."""
    spec = None if node is None else node.spec
    if spec is None:
        return (settings.cidr,)
    return tuple(spec.pod_cidrs or (spec.pod_cidr or settings.cidr,))


def _quoted(value: Any) -> str:
    text = str(value) if isinstance(value, Number) else as_json(value)
    return text if text.startswith('"') else json.dumps(text, ensure_ascii=False)


def _yaml(value: Any, *indent: Any) -> str:
    text = written(json.loads(as_json(value)))
    if len(indent) == 1 and isinstance(indent[0], int) and indent[0] > 0:
        return ("\n" + text).replace("\n", "\n" + "  " * indent[0])
    return text


_FIXED: Final[dict[str, Callable[..., Any]]] = {
    "Quote": _quoted,
    "YAML": _yaml,
    "Version": lambda: __version__,
    "NodeConditions": lambda: _CONDITIONS,
}

NAMES: Final = frozenset(
    [
        *SPRIG,
        *_FIXED,
        *("Now", "StartTime", "NodeIP", "NodeName", "NodePort", "NodeIPWith", "NodeIPsWith"),
        *("PodIP", "PodIPWith", "PodIPsWith"),
        *("randInt", "randAlphaNum", "randAlpha", "randNumeric", "uuidv4"),
    ]
)
"""Every function that a stage's templates may call."""
