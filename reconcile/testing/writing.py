"""
A schedule as a scenario: what the fuzzer found, as a file to be kept.

    pytest.fail(scenario_of(topology, seed, schedule))

Takes:    where a cluster was booted, and what was played on it.
Gives:    the text of a golden scenario that does step for step the same, with what each command prints, but for what is
          wrong: that stands in its comment, so that the file fails until the bug is gone.
"""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any, Final

import attrs

from reconcile.api.kinds import resource_named
from reconcile.api.scalars import thaw
from reconcile.cluster.topology import Topology
from reconcile.components.controllers import Controller
from reconcile.driver.script.errands import Errand
from reconcile.driver.wire import to_json, topology_to_json
from reconcile.events import (
    CutLink,
    CutWatch,
    Disconnect,
    DriftClock,
    Fault,
    Freeze,
    HoldCache,
    HoldWatch,
    KillContainer,
    KillSandbox,
    MendLink,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    RemoveManifest,
    SetBackends,
    SetClock,
    ShutDown,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Strain,
    Thaw,
)
from reconcile.lib.instant import duration_text
from reconcile.model.behaviours import Behaviours
from reconcile.model.requests import split_key
from reconcile.properties import PAST, Past
from reconcile.testing.blocks import Block
from reconcile.testing.moves import (
    Adopt,
    Declare,
    Join,
    Lag,
    Move,
    Repair,
    Replace,
    Resize,
    Schedule,
    Strike,
    Wait,
    Wander,
    Withdraw,
)
from reconcile.testing.scenarios import VIOLATION, Scenario

__all__ = ["scenario_of", "yaml_of"]

_WIDTH: Final = 120
_MOST: Final = 6  # so many problems are told
_ON_LINE: Final = ("nodes", "masters", "members", "lock", "taintMasters", "proxy", "events", "heartbeats", "metrics")

# A word that YAML takes for text, whichever reader it is.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_OTHERWISE: Final = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


def scenario_of(
    topology: Topology,
    seed: int,
    schedule: Schedule,
    *,
    controllers: tuple[Controller, ...] = (),
    past: tuple[Past, ...] = PAST,
) -> str:
    """
    Write the scenario that plays *schedule* on a cluster of this topology, booted with this seed and settled.

    Args:
        topology: which hosts there are.
        seed: of the cluster.
        schedule: what is to happen.
        controllers: the user's own; the file cannot say them, so `Scenario` has to be given the same.
        past: what is not compared in the end; `Scenario` has to be given the same.
    """
    written = _blocks(topology, seed, schedule)
    documents = {yaml_of(*each): each for _, each in written}.__getitem__
    scenario = Scenario(documents, controllers=controllers, past=past)
    blocks, wrong = [], []
    for command, below in written:
        block = Block((), command, yaml_of(*below))
        said = scenario.play(block).split("\n")
        wrong += [line.removeprefix(VIOLATION).strip() for line in said if line.startswith(VIOLATION)]
        right = [line for line in said if not line.startswith(VIOLATION)]
        blocks.append(attrs.evolve(block, output="\n".join(right) or "ok"))
    return "\n\n".join([each.text() for each in (_told(blocks[0], wrong), *blocks[1:])]) + "\n"


def _told(block: Block, wrong: list[str]) -> Block:
    said = ["Found by fuzzing." if wrong else "Written from a schedule.", *list(dict.fromkeys(wrong))[:_MOST]]
    return attrs.evolve(block, comment=tuple([line for each in said for line in _comment(each)]))


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   ")


# Commands -------------------------------------------------------------------------------------------------------------

Written = tuple[str, tuple[Any, ...]]
"""A command, and the documents below it."""


def _blocks(topology: Topology, seed: int, schedule: Schedule) -> list[Written]:
    blocks = [_load(topology, seed)]
    for move in (*map(Declare, schedule.manifests), *schedule.moves):
        command, documents = _move(move)
        if command == blocks[-1][0] == "apply":
            documents = blocks.pop()[1] + documents
        blocks.append((command, documents))
    return [*blocks, ("judge", ())]


def _load(topology: Topology, seed: int) -> Written:
    plain = {"nodes": topology.nodes, **topology_to_json(topology)}
    behaviours = plain.get("behaviours", {})
    if "images" in behaviours:
        usual = Behaviours.default().document
        del plain["behaviours"]
        images = {key: text for key, text in behaviours["images"].items() if usual["images"].get(key) != text}
        plain |= {"images": images} if images else {}
        plain |= {key: behaviours[key] for key in ("containers", "load", "external", "registries") if key in behaviours}
        plain |= {"sandbox": behaviours["sandbox"]} if behaviours["sandbox"] != usual["sandbox"] else {}
    words = [f"{key}={_flow(plain.pop(key))}" for key in _ON_LINE if key in plain]
    return " ".join(["load", *words, f"seed={seed}"]), (plain,) if plain else ()


def _move(move: Move) -> Written:
    match move:
        case Wander(steps, seed):
            return f"wander {steps} {seed}", ()
        case Wait(time):
            return f"advance {duration_text(time)}", ()
        case Declare(manifest):
            return "apply", (manifest,)
        case Resize(kind, name, replicas):
            return f"scale {resource_named(kind).plural} {name} {replicas}", ()
        case Withdraw(kind, name, namespace, cascade):
            words = [] if namespace == "default" else [namespace]
            words += [f"--cascade={cascade}"] if cascade else []
            return " ".join(["delete", resource_named(kind).plural, name, *words]), ()
        case Adopt(kind, name, owner_kind, owner, namespace):
            words = [] if namespace == "default" else [namespace]
            return " ".join(["adopt", resource_named(kind).plural, name, owner_kind, owner, *words]), ()
        case Errand():
            return _errand(move)
        case Strike(what, number):
            return f"strike {what} {number}", ()
        case Lag(number, time):
            return f"lag {number} {duration_text(time)}", ()
        case Replace(host):
            return f"member replace {host}", ()
        case Join(host, control_plane):
            return f"join {host} --control-plane" if control_plane else f"join {host}", ()
        case Repair():
            return "repair", ()
        case _:
            return _fault(move)


def _errand(errand: Errand) -> Written:
    plain = attrs.evolve(errand, body=None)
    space = errand.target.namespace
    words = [str(plain)] if space in {"", "default"} else [str(plain), f"--namespace={space}"]
    return " ".join(words), () if errand.body is None else (thaw(errand.body),)


def _fault(fault: Fault) -> Written:
    words = _words(fault)
    if words and len(" ".join(words).split()) == len(words):
        return " ".join(words), ()
    return "step", (to_json(fault),)


def _words(fault: Fault) -> tuple[str, ...]:
    """Give the command that does the same; none if there is only `step`."""
    match fault:
        case StopHost(name) if "/" not in name:
            return "crash", name
        case StopProcess(name) if "/" in name:
            return "crash", name
        case StartHost(name) if "/" not in name:
            return "restart", name
        case StartProcess(name) if "/" in name:
            return "restart", name
        case Disconnect() | Reconnect() | CutLink() | MendLink() | SlowLink():
            return _words_of_network(fault)
        case SetClock(host, ahead):
            return "clock", host, duration_text(ahead)
        case DriftClock(host, rate, until):
            return ("drift", host, str(rate)) if until is None else ("drift", host, str(rate), duration_text(until))
        case KillContainer(pod) | KillSandbox(pod) if "/" in pod and pod.split("/")[0]:
            namespace, name = split_key(pod)
            what = (name, fault.container) if isinstance(fault, KillContainer) else (f"sandbox/{name}",)
            return "kill", *what, namespace
        case Strain(host, signal, available):
            return ("strain", host, signal, available) if available else ("strain", host, signal)
        case ShutDown(host, cancelled):
            return ("shutdown", host, "cancelled") if cancelled else ("shutdown", host)
        case RemoveManifest(host, pod) if "/" in pod and pod.split("/")[0]:
            namespace, name = split_key(pod)
            return "manifest", host, name, namespace
        case CutWatch(process, watch) | HoldWatch(process, watch) | ReleaseWatch(process, watch):
            return _OF_WATCHES[fault.__class__], process, watch
        case HoldCache() | ReleaseCache() | Freeze() | Thaw():
            return _words_of_process(fault)
        case SetBackends(hosts) if hosts:
            return "backends", *hosts
        case _:
            return ()


def _words_of_process(fault: HoldCache | ReleaseCache | Freeze | Thaw) -> tuple[str, ...]:
    match fault:
        case HoldCache(name, behind) if behind:
            return "hold", name, duration_text(behind)
        case HoldCache(name) | ReleaseCache(name) | Freeze(name) | Thaw(name):
            return _OF_PROCESSES[fault.__class__], name


def _words_of_network(fault: Disconnect | Reconnect | CutLink | MendLink | SlowLink) -> tuple[str, ...]:
    match fault:
        case Disconnect(host):
            return "cut", host
        case Reconnect(host):
            return "reconnect", host
        case CutLink(one, other, one_way) | MendLink(one, other, one_way):
            does = "cut" if isinstance(fault, CutLink) else "mend"
            return ("link", does, one, other, "one", "way") if one_way else ("link", does, one, other)
        case SlowLink(one, other, delay, jitter, loss, one_way):
            pace = (duration_text(delay), duration_text(jitter), str(loss))
            return ("link", "slow", one, other, *pace, "one", "way") if one_way else ("link", "slow", one, other, *pace)


_OF_PROCESSES: Final[dict[type, str]] = {HoldCache: "hold", ReleaseCache: "release", Freeze: "freeze", Thaw: "thaw"}
_OF_WATCHES: Final[dict[type, str]] = {CutWatch: "cut", HoldWatch: "hold", ReleaseWatch: "release"}


# Documents ------------------------------------------------------------------------------------------------------------


def yaml_of(*documents: Any) -> str:
    """Write plain JSON documents as YAML: whatever fits stands on one line, but for what is outermost."""
    return "\n---\n".join(["\n".join(_outermost(each)) for each in documents])


def _outermost(document: Any) -> list[str]:
    if not document or not isinstance(document, dict):
        return _lines(document, _WIDTH)
    return [line for key, part in document.items() for line in _entry(_flow(key), part, _WIDTH)]


def _lines(value: Any, room: int) -> list[str]:
    """Write a value, on one line if it is not wider than *room*."""
    flow = _flow(value)
    if len(flow) <= room or not value:
        return [flow]
    if isinstance(value, dict):
        return [line for key, part in value.items() for line in _entry(_flow(key), part, room)]
    if isinstance(value, list | tuple):
        items = [_lines(part, room - 2) for part in value]
        return [f"{'  ' if place else '- '}{line}" for lines in items for place, line in enumerate(lines)]
    return [flow]


def _entry(key: str, part: Any, room: int) -> list[str]:
    flow = _flow(part)
    if len(key) + 2 + len(flow) <= room or not part or not isinstance(part, dict | list | tuple):
        return [f"{key}: {flow}"]
    return [f"{key}:", *[f"  {line}" for line in _lines(part, room - 2)]]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join([f"{_flow(key)}: {_flow(part)}" for key, part in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _OTHERWISE:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return "".join([each if each.isprintable() else f"\\U{ord(each):08x}" for each in text])
