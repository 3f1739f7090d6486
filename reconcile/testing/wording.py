"""What a scenario's commands read and say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from reconcile.cluster.kubeadm import kubeadm
from reconcile.cluster.topology import Topology
from reconcile.driver.script.errands import VERBS
from reconcile.driver.wire import topology_from_json, topology_to_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.requests import Response
from reconcile.testing.blocks import Block

NUMBER: Final = re.compile("-?[0-9]{1,20}")

_MANY: Final = 99
_OF_BEHAVIOURS: Final = ("sandbox", "images", "containers", "load", "external", "registries")
COMMANDS: Final = {
    "load": (0, _MANY),
    "apply": (0, 0),
    "delete": (2, 4),
    "adopt": (4, 5),
    "scale": (3, 4),
    **dict.fromkeys([verb.partition(" ")[0] for verb in VERBS], (1, _MANY)),
    "advance": (1, 1),
    "settle": (0, 1),
    "wander": (2, 2),
    "step": (0, 0),
    "deliver": (2, 3),
    "drop": (1, _MANY),
    "crash": (1, 1),
    "restart": (1, 1),
    "kill": (1, 3),
    "freeze": (1, 1),
    "thaw": (1, 1),
    "logs": (2, 3),
    "cut": (1, 2),
    "disconnect": (1, 1),
    "members": (0, 0),
    "member": (1, _MANY),
    "join": (1, 2),
    "backends": (1, _MANY),
    "reconnect": (1, 1),
    "clock": (2, 2),
    "drift": (2, 3),
    "link": (3, 8),
    "strain": (2, 3),
    "shutdown": (1, 2),
    "manifest": (1, 3),
    "hold": (1, 2),
    "release": (1, 2),
    "execute": (1, _MANY),
    "answers": (0, 0),
    "reset": (1, _MANY),
    "delay": (2, _MANY),
    "lines": (0, 1),
    "strike": (1, 2),
    "lag": (2, 2),
    "repair": (0, 0),
    "show": (1, _MANY),
    "containers": (1, 1),
    "send": (2, 3),
    "log": (0, _MANY),
    "expect": (2, _MANY),
    "judge": (0, 0),
}
"""Every command, and how many words it takes at least and at most; `docs/reference/scenarios.md` explains them."""


def option_of(word: str) -> tuple[str, Any]:
    """Read a word of `load`: `nodes=3`."""
    key, given, text = word.partition("=")
    if not given:
        raise ReconcileError(f"load {word!r}: not of the form nodes=3")
    return key, {"true": True, "false": False}.get(text, int(text) if NUMBER.fullmatch(text) else text)


def topology_in(words: dict[str, Any], documents: tuple[Any, ...]) -> Topology:
    """Read the topology of `load`: its words, which count more, and what stands below, with its behaviours."""
    balancer = words.get("balancer")
    words = words | {"balancer": {"kind": balancer}} if isinstance(balancer, str) else words
    words, plain = _formed(words)
    for document in documents:
        plain |= document
    behaviours = {key: plain.pop(key) for key in _OF_BEHAVIOURS if key in plain}
    return topology_from_json(plain | words | ({"behaviours": behaviours} if behaviours else {}))


def _formed(words: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the words that are left, and what they count more than: one node, or a form that kubeadm builds."""
    form = words.get("form")
    if form is None:
        return words, {"nodes": 1}
    sizes = {name: words[name] for name in ("masters", "workers", "members") if isinstance(words.get(name), int)}
    made = kubeadm(cast("Any", form), **sizes)
    left = {name: value for name, value in words.items() if name != "form" and name not in sizes}
    return left, topology_to_json(made)


def reached(response: Response | None) -> Response:
    """Give the answer of a request; ReconcileError if none could be had."""
    if response is None:
        raise ReconcileError("no API server can be reached")
    return response


def refusal_of(response: Response) -> Iterator[str]:
    """Say how a request was refused, if it was."""
    if not response.code:
        yield response.body.message
    elif not response.ok:
        yield f"{response.code} {response.body.reason}: {response.body.message}"


def field_at(plain: Any, path: str) -> Any:
    """Give what stands at a path in plain data, `-` if nothing does."""
    for part in path.split("."):
        if isinstance(plain, list):
            plain = plain[int(part)] if part.isdigit() and int(part) < len(plain) else None
        else:
            plain = plain.get(part) if isinstance(plain, dict) else None
        if plain is None:
            return "-"
    return plain


def duration_in(block: Block, text: str) -> int:
    """Read a duration that a command lets go by."""
    time = parse_duration(text)
    if time < 0:
        raise ReconcileError(f"{block.command!r}: time does not go back")
    return time


def number_in(text: Any) -> int:
    """Read a number."""
    if not NUMBER.fullmatch(str(text)):
        raise ReconcileError(f"{text!r} is not a number")
    return int(text)
